"""The biography of a weight on the screen: real keys, what is told, and where Enter goes."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest

from retrograde.engine.explaining import biography
from retrograde.engine.explaining.ledger_lines import By
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.biography import BiographyScreen


async def shown(driver: Any) -> str:
    """The screen once nothing is replayed any more."""
    screen = driver.app.screen
    assert isinstance(screen, BiographyScreen)
    await driver.until(lambda: not screen._working)
    await driver.settle()
    return driver.text()


def moved(text: str, place: int = 0) -> list[Fraction]:
    """The numbers of a column between the start and now, both included."""
    lines = [line.strip("│ ▸↓↑") for line in text.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("start"))
    last = next(number for number, line in enumerate(lines) if line.startswith("now"))
    found = [re.findall(r"[+−]?\d+\.\d+(?= |$)", line) for line in lines[first : last + 1]]
    return [Fraction(numbers[place].replace("−", "-")) for numbers in found]


async def test_it_is_told_by_row_cause_and_time(opened) -> None:
    async with opened("xor-2-2-1", size=(80, 24)) as driver:
        await driver.write("run 20")
        await driver.press("G")
        await driver.idle()
        await driver.write("biography w1")
        text = await shown(driver)
        assert "biography of w1 by row" in text
        assert "walked" in text
        for key, word in (("c", "cause"), ("e", "epoch"), ("r", "row")):
            await driver.press(key)
            text = await shown(driver)
            assert f"by {word}" in text
            *parts, now = moved(text) if key != "e" else [Fraction()] * 2
            assert sum(parts, Fraction()) == now


async def test_a_piece_is_opened_down_to_an_iteration_and_visited(opened) -> None:
    async with opened("xor-2-2-1") as driver:
        await driver.write("run 200")
        await driver.press("G")
        await driver.idle()
        await driver.press("3", "B")
        await shown(driver)
        await driver.press("i")
        text = await shown(driver)
        assert "iteration" in text
        await driver.press("down", "down", "right")
        text = await shown(driver)
        screen = driver.app.screen
        start, stop = screen._spans[-1]
        assert (start, stop) == (3, 6)
        *parts, now = moved(text)
        assert sum(parts, Fraction()) == now
        await driver.press("down", "enter")
        await driver.idle()
        session = driver.session
        assert session.iteration == 3
        assert session.current.target.array.name.startswith("new(")
        assert driver.main.parts.working.turns.now.name == "FREE"


async def test_enter_on_a_row_goes_to_its_largest_update(opened) -> None:
    async with opened("two-moons") as driver:
        await driver.write("run 3")
        await driver.press("G")
        await driver.idle()
        ledger = driver.session.biography("w1").ledger()
        await driver.write("biography w1")
        await shown(driver)
        await driver.press("down", "enter")
        await driver.idle()
        assert driver.session.iteration == max(ledger.rows, key=lambda row: abs(row.at_once)).largest


async def test_what_takes_long_is_offered_and_can_be_cancelled(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biography, "REPLAY_SECONDS", 0.0)
    async with opened("mazur") as driver:
        await driver.write("run 5000")
        await driver.press("G")
        await driver.idle()
        await driver.write("biography w5")
        text = await shown(driver)
        assert "by row it takes about" in text
        assert driver.app.screen._by is By.EPOCH
        await driver.press("r")
        assert "Enter does it" in await shown(driver)
        await driver.press("enter", "escape")
        text = await shown(driver)
        assert isinstance(driver.app.screen, BiographyScreen)
        assert "cancelled" in text or "walked" in text
        await driver.press("enter")
        assert "walked" in await shown(driver)
        await driver.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        assert isinstance(driver.app.screen, DebuggerScreen)


@pytest.mark.parametrize(("line", "words"), [("biography w99", "w99"), ("biography w1", "no iteration has begun")])
async def test_what_can_not_be_told_is_said(opened, line: str, words: str) -> None:
    async with opened("mazur") as driver:
        await driver.write(line)
        assert words in driver.text()
        assert isinstance(driver.app.screen, DebuggerScreen)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30), (200, 60)])
async def test_it_fits_every_size_in_plain_characters_too(opened, size: tuple[int, int]) -> None:
    async with opened("optimiser-race:adam", size=size, ascii_only=True) as driver:
        await driver.write("run 5")
        await driver.press("G")
        await driver.idle()
        await driver.write("biography w1")
        text = await shown(driver)
        assert text.isascii()
        assert "at once" in text
        assert "in all" in text
        assert "row 4" in text
