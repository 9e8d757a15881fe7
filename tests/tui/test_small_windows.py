"""What opens over the screen, in windows of any size and while they change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.events import Key, Paste, Resize
from textual.geometry import Size

SIZES = [(120, 4), (80, 4), (80, 3), (1, 80), (1, 1), (12, 20)]
OTHERS = [("question_mark",), ("o",), ("colon",), ("7",)]


def post(driver: Any, *keys: str) -> None:
    for key in keys:
        driver.app.post_message(Key(key, key if len(key) == 1 else None))


async def resize(driver: Any, width: int, height: int) -> None:
    size = Size(width, height)
    driver.app._driver._size = (width, height)
    driver.app.post_message(Resize(size, size))
    await asyncio.sleep(0.01)


async def test_the_palette_at_every_size(opened) -> None:
    async with opened("mazur") as driver:
        for size in SIZES:
            await resize(driver, *size)
            post(driver, "ctrl+p")
            await driver.pilot.pause()
            post(driver, "pagedown", "pageup", "pagedown", "end", "a", "pagedown", "down", "backspace", "pageup")
            await driver.pilot.pause()
            assert driver.app.reported == {}, size
            # Grows and shrinks while it is open.
            await resize(driver, 120, 36)
            post(driver, "pagedown", "pageup")
            await resize(driver, *size)
            post(driver, "pagedown", "pageup", "escape", "escape")
            await driver.pilot.pause()
            assert driver.app.reported == {}, size


async def test_a_resize_while_the_palette_opens(opened) -> None:
    async with opened("mazur") as driver:
        for size in SIZES:
            post(driver, "ctrl+p")
            await resize(driver, *size)
            post(driver, "pagedown", "escape")
            await driver.pilot.pause()
        await driver.resize(120, 36)
        await driver.press("escape", "s")


async def test_the_palette_goes_page_by_page(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.press("ctrl+p")
        await driver.until(lambda: driver.app.screen.query_one("CommandList").option_count > 20)
        commands: Any = driver.app.screen.query_one("CommandList")
        await driver.press("pagedown")
        first = commands.highlighted
        assert first > 2
        await driver.press("pagedown", "pagedown")
        assert commands.highlighted == 3 * first
        await driver.press("pageup", "pageup", "pageup")
        assert commands.highlighted == 0


async def test_other_screens_in_small_windows(opened) -> None:
    async with opened("mazur") as driver:
        for keys in OTHERS:
            for size in ((80, 3), (1, 80)):
                await resize(driver, *size)
                post(driver, *keys)
                await driver.pilot.pause()
                post(driver, "pagedown", "pageup", "end", "home", "down", "up", "tab")
                await driver.pilot.pause()
                post(driver, "escape", "escape")
                await driver.pilot.pause()
                assert driver.app.reported == {}, (keys, size)


@pytest.mark.parametrize("opener", ["colon", "o", "ctrl+p"])
async def test_what_is_pasted_is_seen(opened, opener: str) -> None:
    """Escape sequences, C1 controls and marks that turn the order of a text do not reach the terminal."""
    async with opened("mazur") as driver:
        await driver.press(opener)
        await driver.until(lambda: driver.app.focused is not None)
        driver.app.post_message(Paste("w\x1b[31m\x9b\u202e5\x07\u00a0\tü中\nsecond"))
        await driver.pilot.pause()
        line: Any = driver.app.focused
        assert line.value == "w?[31m??5?  ü中"
        if opener != "ctrl+p":
            line.value = "\x1b]0;x\x07"
            await driver.pilot.pause()
            assert line.value == "?]0;x?"
            assert driver.text().isprintable() or "\x1b" not in driver.text()
