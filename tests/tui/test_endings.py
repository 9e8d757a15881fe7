"""However the app ends, the terminal can be used afterwards and unsaved work is kept; in a real terminal."""

from __future__ import annotations

import os
import re
import signal
import termios
import time
from pathlib import Path

import pytest

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.saving import open_session
from tests.tui.test_sessions import Terminal, kept, wait

MODES = ("?1049", "?1000", "?1002", "?1003", "?1006", "?1015", "?1016", "?2004", "?1004", "?2048", "?2026")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def left_on(seen: bytes) -> set[str]:
    """What the terminal was asked for and is still on: private modes, and a cursor that is hidden."""
    state = {name.decode(): on == b"h" for name, on in re.findall(rb"\x1b\[(\?\d+)([hl])", seen)}
    on = {mode for mode in MODES if state.get(mode)}
    return on | {mode for mode in ("?25", "?7") if not state.get(mode, True)}


def begun(*arguments: str) -> Terminal:
    terminal = Terminal(*arguments)
    terminal.until("hidden")
    return terminal


def ended(terminal: Terminal, seconds: float = 8.0) -> int:
    wait(lambda: terminal.read() is not None and terminal.process.poll() is not None, seconds)
    time.sleep(0.05)
    terminal.read()
    return int(terminal.process.returncode)


@pytest.mark.parametrize(
    ("number", "running"),
    [(signal.SIGTERM, False), (signal.SIGHUP, True)],
)
def test_a_signal(state_folder: Path, number: signal.Signals, running: bool) -> None:
    terminal = begun("xor-2-4-1" if running else "mazur")
    try:
        terminal.type(":set w5 0.7\r")
        if running:
            terminal.until("u undoes")
            terminal.type("r")
            time.sleep(0.3)
        else:
            # So soon that nothing was kept yet.
            terminal.until("u undoes")
        terminal.process.send_signal(number)
        assert ended(terminal) == 128 + number
        assert left_on(terminal.seen) == set()
    finally:
        terminal.close()
    (path,) = kept(state_folder)
    assert open_session(path, load_scenario).session.value("w5") == 0.7


def test_a_second_signal_does_not_wait(state_folder: Path) -> None:
    terminal = begun("mazur")
    try:
        # A thread that is held up: the app can not end itself.
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.send_signal(signal.SIGHUP)
        terminal.process.send_signal(signal.SIGCONT)
        assert ended(terminal) in {143, 129}
        assert left_on(terminal.seen) == set()
    finally:
        terminal.close()


def test_a_terminal_that_is_gone(state_folder: Path) -> None:
    terminal = begun("mazur")
    terminal.type(":set w5 0.7\r")
    terminal.until("u undoes")
    os.close(terminal.master)
    try:
        wait(lambda: terminal.process.poll() is not None, 8.0)
    finally:
        terminal.process.kill()
    assert terminal.process.returncode == 129
    assert len(kept(state_folder)) == 1


def test_the_shell_has_the_terminal_while_the_app_is_suspended(state_folder: Path) -> None:
    terminal = begun("mazur")
    try:
        terminal.type("\x1a")
        wait(lambda: terminal.read() and left_on(terminal.seen) == set())
        status = Path(f"/proc/{terminal.process.pid}/stat")
        wait(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "T")
        terminal.process.send_signal(signal.SIGCONT)
        wait(lambda: terminal.read() and "?1049" in left_on(terminal.seen))
        terminal.type("sq")
        assert ended(terminal) == 0
        assert left_on(terminal.seen) == set()
    finally:
        terminal.close()


def test_a_stop_that_the_app_was_not_asked_for(state_folder: Path) -> None:
    terminal = begun("mazur")
    before = termios.tcgetattr(terminal.master)
    try:
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until("\x1b[?1049l")
        wait(lambda: terminal.read() and "?1049" in left_on(terminal.seen))
        terminal.type("sq")
        assert ended(terminal) == 0
        assert left_on(terminal.seen) == set()
        assert not before[3] & termios.ECHO
        assert termios.tcgetattr(terminal.master)[3] & termios.ECHO
    finally:
        terminal.close()


def test_an_error_of_the_app_itself(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What even the guard can not hold leaves a terminal, too."""
    from retrograde.tui.work import endings

    written: list[object] = []
    monkeypatch.setattr(endings, "_write_sane", written.append)
    taken = endings.Endings(lambda _code: None)
    with pytest.raises(ZeroDivisionError), taken.taken():
        raise ZeroDivisionError
    assert len(written) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
