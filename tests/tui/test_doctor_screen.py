"""The doctor on the screen: its headline, what follows, where it began, and its edit on a branch."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from retrograde.engine.explaining.detectors import live
from retrograde.engine.session.session import Session
from retrograde.tui.debugger import doctoring
from retrograde.tui.debugger.painting import Painting
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.doctor import DoctorScreen
from retrograde.tui.work import runner


async def judged(driver: Any) -> str:
    """The screen once the run has been judged."""
    screen = driver.app.screen
    assert isinstance(screen, DoctorScreen)
    await driver.until(lambda: not screen._working)
    await driver.settle()
    return driver.text()


async def ran(driver: Any) -> None:
    """The run has ended, and the doctor has looked at it."""
    await driver.press("r")
    await driver.idle()
    await driver.until(lambda: driver.main.parts.doctoring._shown is not None)
    await driver.settle()


async def test_the_headline_comes_first_with_what_follows_folded(opened) -> None:
    async with opened("diverging", size=(80, 24)) as driver:
        await ran(driver)
        await driver.press("D")
        text = await judged(driver)
        assert "✗  1:1      learning rate above 2 / λmax" in text
        assert "and so:  learning rate too large 2:1" in text
        assert "do: lower the learning rate below 0.12" in text
        assert "✗  2:1" not in text
        await driver.press("right", "down", "down")
        assert "the update of o is 1.17 times its weights" in driver.text()
        await driver.press("enter")
        await driver.idle()
        assert isinstance(driver.app.screen, DebuggerScreen)
        assert driver.session.position == driver.session.schedule.start(1)


async def test_its_edit_is_tried_on_a_branch(opened) -> None:
    async with opened("diverging") as driver:
        await ran(driver)
        await driver.press("D")
        assert "t try lr = 0.06 on a branch" in await judged(driver)
        await driver.press("t")
        await driver.idle()
        session = driver.session
        assert [branch.name for branch in session.branches] == ["main", "edit1"]
        assert str(session.branch.edit) == "lr = 0.06"
        assert session.branch.timeline.change.first == 0


async def test_alerts_stand_on_the_timeline_after_a_run(opened) -> None:
    async with opened("diverging", size=(120, 36)) as driver:
        assert "✗" not in driver.text()
        await ran(driver)
        assert "✗ the loss diverges" in driver.text()
        await driver.press("g", "g")
        assert "✗ learning rate above 2 / λmax" in driver.text(), "this iteration's alerts are said beside its bar"


async def test_a_network_that_has_not_run_is_judged_by_its_whole_training(opened) -> None:
    async with opened("symmetric-init", size=(100, 30)) as driver:
        await driver.write("doctor 50")
        text = await judged(driver)
        assert "start" in text
        assert "50 iterations" in text
        assert driver.session.frontier == 0
        await driver.press("escape")
        assert isinstance(driver.app.screen, DebuggerScreen)
        assert driver.main.parts.working.turns.now.name == "FREE"


async def test_what_could_not_be_judged_is_said(opened) -> None:
    async with opened("mazur", size=(80, 24), ascii_only=True) as driver:
        await driver.write("doctor 20")
        text = await judged(driver)
        assert "nothing is wrong" in text
        assert "9 rules could not be judged" in text
        await driver.press("end", *["down"] * 3)
        assert "no classes" in driver.text()
        assert driver.text().isascii()


async def test_judging_can_be_cancelled(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_session: Session, *, on_run: Any, **_options: Any) -> None:
        while True:
            on_run(1, 4)
            time.sleep(0.002)

    monkeypatch.setattr(Session, "doctor", endless)
    async with opened("mazur") as driver:
        await driver.press("D")
        await driver.until(lambda: "the run is judged: 12 %" in driver.text())
        await driver.press("escape")
        assert "cancelled" in await judged(driver)
        await driver.press("escape")
        assert isinstance(driver.app.screen, DebuggerScreen)


@pytest.mark.parametrize("size", [(60, 20), (100, 30), (200, 60)])
async def test_it_fits_every_size(opened, size: tuple[int, int]) -> None:
    async with opened("saturated", size=size) as driver:
        await driver.write("doctor")
        text = await judged(driver)
        assert "1:1" in text
        assert "flat" in text


async def test_a_breakpoint_on_alerts_says_what_was_found(opened) -> None:
    async with opened("diverging", size=(160, 36)) as driver:
        await driver.write("break on alert")
        await driver.press("c")
        await driver.idle()
        assert driver.session.iteration == 1
        text = driver.text()
        assert "breakpoint 1: on alert · learning rate too large: the update of o is 1.17 times its weights" in text
        await driver.press("C")
        await driver.idle()
        assert driver.session.position == 0
        await driver.write("break on alert dead_rlu")
        assert "there is no rule dead_rlu" in driver.text()


async def test_what_is_seen_during_a_run_is_said(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SHARE", 1e9)
    monkeypatch.setattr(runner, "between", lambda: 0.0)
    monkeypatch.setattr(doctoring, "QUIET_SECONDS", 0.0)
    said: list[tuple[str, ...]] = []
    show = Painting.show_progress

    def spy(self: Painting, view: Any) -> None:
        said.append(view.alerts)
        show(self, view)

    monkeypatch.setattr(Painting, "show_progress", spy)
    async with opened("symmetric-init", size=(120, 36)) as driver:
        await driver.press("r")
        await driver.idle()
        branch, seen = driver.main.parts.working.seen
        assert branch == "main"
        assert {alert.rule for alert in seen} == {"saturated"}
        assert any(alerts and alerts[0].startswith("saturated units") for alerts in said)
        assert "✗ saturated units" in driver.text(), "it stands on the timeline until the doctor is asked"


async def test_plain_characters_keep_the_marks_apart_and_lose_no_words(opened) -> None:
    async with opened("diverging", size=(80, 24), ascii_only=True) as driver:
        await driver.press("D")
        text = await judged(driver)
        assert "each update" in " ".join(text.replace("|", " ").split()), "lines are broken as they are drawn"
        assert "exploding gradient 45:1" in text and "..." in text
        assert text.splitlines()[-1].startswith("+- Enter its first moment"), "keys stand in the edge"
    async with opened("mazur", size=(80, 24), ascii_only=True) as driver:
        await driver.write("doctor 3")
        text = await judged(driver)
        assert "> ok " in text and re.search(r"^.  o .*could not be judged", text, re.MULTILINE)
        assert "moments of 3 iterations" in text


async def test_more_epochs_than_a_float_holds_can_be_asked_for(opened) -> None:
    async with opened("cs231n-conv") as driver:
        await driver.write("doctor " + "1" * 400)
        await driver.until(lambda: "Esc cancels" in driver.text() or not driver.app.screen._working)
        await driver.press("escape")
