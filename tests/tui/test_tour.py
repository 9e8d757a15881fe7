"""The tour: each stop goes on with the key that it names, no other key is taken, Esc ends it."""

from __future__ import annotations

from typing import Any

import pytest

from retrograde.tui.app import RetrogradeApp
from retrograde.tui.debugger.table import commands
from retrograde.tui.debugger.touring import STOPS
from retrograde.tui.work.seen import remember_toured, toured


def test_every_stop_names_a_command_with_a_key() -> None:
    keyed = {row.id for row in commands() if row.keys}
    assert all(stop.command in keyed for stop in STOPS)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
async def test_the_tour_is_gone_through_with_the_keys_that_it_names(opened: Any, size: tuple[int, int]) -> None:
    rows = {row.id: row for row in commands()}
    async with opened("mazur", size=size) as driver:
        await driver.press("s")
        assert "tour" not in driver.text(), "never unless asked"
        await driver.write("tour")
        assert driver.session.position == 0
        for number, stop in enumerate(STOPS, 1):
            assert f"tour {number} of {len(STOPS)}" in driver.text()
            row = rows[stop.command]
            assert row.shown in driver.text().splitlines()[-3]
            footer = driver.text().splitlines()[size[1] - 5]
            assert "? help" in footer
            if number == 3:
                # A key that is not named does what it does.
                await driver.press("m", "a", "p")
                assert f"tour {number} of {len(STOPS)}" in driver.text()
                assert "a" in driver.session.marks
            await driver.press(row.keys[0])
            if stop.command in {"why", "help"}:
                await driver.press("escape")
            if stop.command == "run":
                await driver.press("space")
                await driver.idle()
        assert "tour " not in driver.text().splitlines()[-4]


async def test_escape_ends_the_tour_at_any_time(opened: Any) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        before = driver.text()
        await driver.write("tour")
        await driver.press("s", "escape")
        assert "tour" not in driver.text()
        await driver.press("S")
        assert driver.text().splitlines()[:-1] == before.splitlines()[:-1]
        await driver.write("tour")
        await driver.resize(40, 12)
        await driver.resize(30, 5)
        await driver.resize(200, 60)
        assert "tour 1 of" in driver.text()


def test_it_begins_by_itself_for_a_first_visitor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrograde.engine.scenario.file import load_scenario
    from retrograde.engine.session.session import Session
    from retrograde.tui.app import OpenedSession

    def leads(name: str = "mazur", *, at: str | None = None) -> bool:
        app = RetrogradeApp(name, at=at)
        screen: Any = None
        session = Session(load_scenario(name))
        return app._leads(OpenedSession(screen, session, None), session)

    monkeypatch.delenv("RETROGRADE_TOUR")
    monkeypatch.setattr(RetrogradeApp, "is_headless", False)
    assert leads()
    assert not leads("and-gate")
    assert not leads(at="2:1")
    monkeypatch.setenv("RETROGRADE_TOUR", "no")
    assert not leads()
    monkeypatch.delenv("RETROGRADE_TOUR")
    remember_toured()
    assert toured()
    assert not leads()
