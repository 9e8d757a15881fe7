"""Chapters on the screen: Space goes on, ( goes back, a run is paused first."""

from __future__ import annotations

from retrograde.engine.text import use
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.records.marks import PanelId
from tests.session.test_chapters import ROWS, WIDTH


async def test_space_tells_one_chapter_after_the_other(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        assert "Space tells it in 8 chapters." in driver.text()
        room = driver.main.shown.places[PanelId.EQUATION]
        assert room.width - 4 >= WIDTH
        assert room.height - 1 >= ROWS + 5
        assert "§1" in driver.text()
        await driver.press("space")
        assert driver.session.position == 1
        assert "§1/8  A sum" in driver.text()
        assert "that is 0.3775. Below stands" in driver.text()
        await driver.press("right")
        assert "A sum" not in driver.text()
        await driver.press("left_parenthesis")
        assert driver.session.position == 1
        await driver.press("left_parenthesis")
        await driver.until(lambda: "this is the first chapter" in driver.text())
        await driver.press("space", "space", "space")
        await driver.until(lambda: driver.session.position == 18, 10)
        await driver.settle()
        assert "▸█w5" in driver.text(), "w5 is selected"
        await driver.press("left", "left")
        await driver.press("right", "right")
        assert "§4/8" in driver.text(), "also who steps there is told"
        await driver.press("backspace")
        await driver.press("A")
        try:
            await driver.write("chapter 3")
            await driver.until(lambda: "输出是" in driver.text())
        finally:
            use("en")


async def test_what_is_still_to_come_is_trained_for(opened) -> None:
    async with opened("mazur", size=(120, 36)) as driver:
        await driver.write("chapter 8")
        await driver.idle()
        await driver.until(lambda: "§8/8" in driver.text())
        assert driver.session.value("E") < 0.01
        await driver.press("space")
        assert "that was the last chapter" in driver.text()
        await driver.write("chapter 9")
        await driver.until(lambda: "there is no chapter 9" in driver.text())
        await driver.press("escape")
        await driver.write("chapters")
        await driver.until(lambda: not isinstance(driver.app.screen, DebuggerScreen))
        await driver.until(lambda: "Two paths: h1" in driver.text())
        await driver.press("down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen) and driver.session.position == 3)


async def test_what_is_told_is_seen_in_the_smallest_window(opened) -> None:
    async with opened("mazur", size=(60, 20)) as driver:
        await driver.press("3", "space")
        assert "§1/8" in driver.text()
        await driver.write("chapter 8")
        await driver.until(lambda: "§8/8" in driver.text())


async def test_space_pauses_a_run_and_says_where_there_is_nothing(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.press("r", "space")
        await driver.idle()
        assert driver.main.parts.chaptering.here is None
        assert driver.session.outcome is not None
        position = driver.session.position
        assert position % driver.session.program.steps == 0
    async with opened("and-gate", size=(80, 24)) as driver:
        await driver.press("space")
        assert "there are no chapters" in driver.text()
        await driver.press("left_parenthesis")
        assert "this scenario has no chapters" in driver.text()
