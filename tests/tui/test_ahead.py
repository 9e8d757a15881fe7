"""Keys that are typed before the debugger is there are kept and done in their order."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key

from retrograde.engine.session.session import Session
from retrograde.tui.app import RetrogradeApp
from tests.tui.conftest import Driver
from tests.tui.test_sessions import Terminal, wait


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Opens for the scenario that is being read."""
    gate, begin = threading.Event(), Session.__init__

    def slow(self: Session, *arguments: Any, **named: Any) -> None:
        assert gate.wait(20)
        begin(self, *arguments, **named)

    monkeypatch.setattr(Session, "__init__", slow)
    return gate


async def typed(gate: threading.Event, *keys: str, later: tuple[str, ...] = ()) -> tuple[int, int | None, str]:
    """Where the session stands after keys that were typed while it was read, the exit code, and what is shown."""
    app = RetrogradeApp("mazur")
    async with app.run_test(size=(120, 36)) as pilot:
        driver = Driver(app, pilot)

        def post(some: tuple[str, ...]) -> None:
            for key in some:
                named = {":": "colon", "]": "right_square_bracket", ".": "full_stop", " ": "space"}.get(key, key)
                app.post_message(Key(named, key if len(key) == 1 else None))

        post(keys)
        await pilot.pause()
        gate.set()
        await driver.until(lambda: app.session is not None or app.return_code is not None)
        post(later)
        await driver.until(lambda: not app._ahead.waiting or app.return_code is not None)
        for _round in range(3):
            await pilot.pause()
        assert app.reported == {}
        if app.return_code is not None:
            return -1, app.return_code, ""
        return (-1 if app.session is None else app.session.position), app.return_code, driver.text()


async def test_a_key_while_the_scenario_is_read(gate: threading.Event) -> None:
    position, _code, _text = await typed(gate, "]")
    assert position == 39


async def test_the_order_is_kept(gate: threading.Event) -> None:
    position, _code, _text = await typed(gate, "]", "]", "s", "s", "S", later=("]", "s"))
    assert position == 39 * 3 + 1


async def test_a_line_is_written_ahead(gate: threading.Event) -> None:
    keys = (*"ss:note quite so", "enter", "s")
    position, code, text = await typed(gate, *keys, later=("S",))
    assert code is None, "the q of a text does not quit"
    assert position == 2
    assert "note: quite so" in text


async def test_what_needs_no_session_is_done_at_once(gate: threading.Event) -> None:
    position, code, _text = await typed(gate, "s", "q")
    assert (position, code) == (-1, 0)


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_keys_from_before_the_app_has_the_terminal(state_folder: Path, seconds: float) -> None:
    terminal = Terminal("mazur")
    try:
        time.sleep(seconds)
        terminal.type("]")
        terminal.until("39 of 39 steps")
        terminal.type("q")
        wait(lambda: terminal.read() is not None and terminal.process.poll() is not None)
    finally:
        terminal.close()


NAMES = {":": "colon", "/": "slash", "'": "apostrophe", "+": "plus"}
BURSTS = {
    (*":+5", "enter", "right", "f", "S", *":+3", "enter", "m", "b"): (10, {"b": ("main", 10)}),
    ("s", "9", *"/w", "enter", "escape", *":nonsense", "enter", *":+5", "enter", "f", "S"): (7, {}),
}


@pytest.mark.parametrize("keys", BURSTS)
async def test_a_burst_of_keys_is_what_they_are_one_by_one(opened, keys: tuple[str, ...]) -> None:
    """Also those behind the Enter of a prompt that was not there yet."""
    async with opened("mazur", size=(80, 24)) as driver:
        for key in keys:
            driver.app.post_message(Key(NAMES.get(key, key), key if len(key) == 1 else None))
        await driver.until(lambda: (driver.session.position, driver.session.marks) == BURSTS[keys])
        await driver.idle()
        await driver.settle()
        assert (driver.session.position, driver.session.marks) == BURSTS[keys], "a key too many"


async def test_keys_that_wait_for_the_end_of_work_are_all_done(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        for key in ("P", "escape", "s", "s", "s"):
            driver.app.post_message(Key(key, key if len(key) == 1 else None))
        await driver.until(lambda: driver.session.position == 3)
        await driver.idle()
        assert driver.session.position == 3, "a key too many"
