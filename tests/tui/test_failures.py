"""Whatever a part of the app raises is said, and reported in a file; the session is kept and the app goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.screen import ModalScreen

from retrograde.engine.session.session import Session
from retrograde.tui.app import OpenedSession, RetrogradeApp
from retrograde.tui.debugger.loading import LoadingScreen
from retrograde.tui.debugger.moving import Moving
from retrograde.tui.screens.help import HelpScreen
from retrograde.tui.widgets.network import NetworkPanel
from retrograde.tui.work.runner import TrainingWork


def broken(*_anything: Any, **_named: Any) -> Any:
    raise ZeroDivisionError("made up")


def reports(state: Path) -> list[Path]:
    return sorted(state.glob("report-*.txt")) if state.is_dir() else []


async def goes_on(driver: Any, state: Path, *, kept: int, count: int = 1) -> str:
    """The text of the report, where the app has said it, kept the session, and still answers keys."""
    await driver.until(lambda: len(reports(state)) == count)
    await driver.settle()
    await driver.until(lambda: "an error in Retrograde" in driver.text(), 3)
    assert driver.app.return_code is None
    assert driver.session.position == kept
    await driver.press("s")
    assert driver.session.position == kept + 1
    driver.app.reported.clear()
    text = reports(state)[-1].read_text(encoding="utf-8")
    assert "made up" in text
    assert "ZeroDivisionError" in text
    assert "Traceback" in text
    return text


async def test_a_command_that_raises(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        monkeypatch.setattr(Moving, "motion", broken)
        await driver.press("n")
        monkeypatch.undo()
        monkeypatch.setenv("XDG_STATE_HOME", str(state_folder.parent))
        text = await goes_on(driver, state_folder, kept=2)
        assert " s s n" in text, "what was pressed"
        assert "scenario: mazur" in text
        assert "branch main, position 2 of 2" in text


async def test_a_written_command_that_raises(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        monkeypatch.setattr(Session, "watch", broken)
        await driver.write("watch w5")
        await goes_on(driver, state_folder, kept=2)


async def test_a_panel_that_can_not_be_drawn(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        monkeypatch.setattr(NetworkPanel, "draw", broken)
        await driver.press("s", "s")
        assert "this can not be drawn" in driver.text()
        assert "w1" in driver.text(), "the other panels are"
        await goes_on(driver, state_folder, kept=2)


async def test_a_view_that_can_not_be_made(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        before = driver.text()
        part = driver.main.parts.panels["weights"]
        monkeypatch.setattr(type(part), "view", broken)
        await driver.press("s", "s")
        assert driver.text() != before
        await goes_on(driver, state_folder, kept=2)


async def test_a_worker_that_raises(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        monkeypatch.setattr(TrainingWork, "_train", broken)
        await driver.press("r")
        await driver.idle()
        await goes_on(driver, state_folder, kept=2)


async def test_a_search_that_raises(opened, state_folder: Path) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        driver.app.call_later(driver.main.parts.working.search, "looking", broken, broken)
        await goes_on(driver, state_folder, kept=2)
        driver.app.call_later(driver.main.parts.working.search, "looking", lambda _job: 1, broken)
        await goes_on(driver, state_folder, kept=3, count=2)


async def test_a_timer_that_raises(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        driver.main.set_interval(0.01, broken)
        await driver.pilot.pause(0.1)
        await goes_on(driver, state_folder, kept=2)
        assert len(reports(state_folder)) <= 2, "the same error again is the same report"


class Unborn(ModalScreen[None]):
    compose = broken  # type: ignore[assignment]


class Stillborn(ModalScreen[None]):
    on_mount = broken


@pytest.mark.parametrize("screen", [Unborn, Stillborn])
async def test_a_modal_screen_that_can_not_begin_is_left(opened, state_folder: Path, screen: Any) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        main = driver.main
        driver.app.push_screen(screen())
        await driver.until(lambda: driver.app.screen is main)
        await goes_on(driver, state_folder, kept=2)


async def test_a_modal_screen_whose_key_raises(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur", failing=True) as driver:
        await driver.press("s", "s")
        monkeypatch.setattr(HelpScreen, "on_key", broken, raising=False)
        await driver.press("question_mark", "x")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.press("escape")
        await goes_on(driver, state_folder, kept=2)


async def test_a_scenario_that_breaks_the_reader(opened, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrograde.tui.screens.picker import PickerScreen

    monkeypatch.setattr(Session, "__init__", broken)
    async with opened(failing=True) as driver:
        driver.app.open("mazur")
        await driver.until(lambda: isinstance(driver.app.screen, PickerScreen))
        await driver.until(lambda: "this scenario can not be used" in driver.text())
        assert driver.app.return_code is None
        assert len(reports(state_folder)) == 1


async def test_reports_do_not_pile_up(state_folder: Path) -> None:
    from retrograde.tui.work.reports import MOST_REPORTS, write_report

    for _number in range(MOST_REPORTS + 5):
        assert write_report(ZeroDivisionError("made up"), ["s"], []) is not None
    assert len(reports(state_folder)) == MOST_REPORTS


async def test_a_key_before_and_behind_the_app_is_nothing() -> None:
    """While it begins or ends there is no screen, which Textual says with an exception."""
    app = RetrogradeApp("mazur")
    assert app.front is None
    await app.on_event(Key("n", "n"))
    app.on_opened_session(OpenedSession(LoadingScreen("mazur"), None, None))
    app._leave(LoadingScreen("mazur"))
    assert app.failure is None and app.return_code is None


async def test_a_message_that_quotes_a_long_line_is_laid_out_in_no_time(opened) -> None:
    """At a width of one cell each of its characters would be a row."""
    async with opened("mazur", size=(1, 80)) as driver:
        await driver.press("colon")
        await driver.until(lambda: bool(driver.app.screen.query("Input")))
        driver.app.screen.query_one("Input").value = "delete " + "x" * 3000
        await driver.press("enter")
        says = driver.app.screen.query_one("#says")
        assert says.size.height <= 200
