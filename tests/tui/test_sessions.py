"""Sessions that are saved, reopened, killed and offered again."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.saving import open_session, save, to_json
from retrograde.engine.session.session import Session
from retrograde.tui.app import RetrogradeApp
from retrograde.tui.screens.offer import OfferScreen, RecoverScreen
from retrograde.tui.screens.picker import PickerScreen
from retrograde.tui.work.unsaved import Keeper, folder, leftovers


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Saves go to a folder of the test."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def wait(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
    return found


def kept(state: Path) -> list[Path]:
    return sorted(state.glob("*.session.json")) if state.is_dir() else []


def left_behind(state: Path, scenario: str = "mazur", *, value: float = 0.7) -> Path:
    """The file of a process that was killed after an edit."""
    session = Session(load_scenario(scenario))
    session.seek(5)
    session.set_value("w5", value)
    state.mkdir(parents=True, exist_ok=True)
    path = state / f"unsaved-{len(kept(state)) + 1}.session.json"
    path.write_text(to_json(session, fingerprint=False), encoding="utf-8")
    return path


async def test_save_and_open_again(opened, here: Path) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 5)
        await driver.write("set w5 0.7")
        await driver.press(*["s"] * 13)
        await driver.write("note half of it")
        await driver.write("save")
        assert "saved: retrograde open mazur.session.json" in driver.text()
        result = driver.session.current.result
    again = open_session(here / "mazur.session.json", load_scenario)
    assert again.drift is None
    assert again.session.current.result == result
    async with opened(session=here / "mazur.session.json") as driver:
        await driver.until(lambda: driver.app.session is not None)
        await driver.settle()
        assert driver.session.position == 18
        assert driver.session.branch.name == "edit1"
        assert driver.session.current.result == result
        assert "note: half of it" in driver.text()
        await driver.write("set w6 0.1")
        await driver.write("save")
        assert "saved" in driver.text(), "to the file that it was opened from"
    assert len(open_session(here / "mazur.session.json", load_scenario).session.branches) == 3


async def test_save_overwrites_nothing_that_is_not_its_own(opened, here: Path) -> None:
    (here / "other.session.json").write_text("my thesis", encoding="utf-8")
    save(Session(load_scenario("xor-2-4-1")), here / "mazur.session.json")
    before = (here / "mazur.session.json").read_text(encoding="utf-8")
    async with opened("mazur") as driver:
        await driver.write("save other")
        assert "other.session.json is there and no saved session" in driver.text()
        await driver.write("save other.session.json")
        assert (here / "other.session.json").read_text(encoding="utf-8") == "my thesis"
        await driver.write("save")
        assert "mazur.session.json is another saved session" in driver.text()
        assert (here / "mazur.session.json").read_text(encoding="utf-8") == before
        await driver.write("save! other")
        assert "saved: retrograde open other.session.json" in driver.text()
        await driver.write("save")
        assert "saved" in driver.text(), "its own file by now"
        await driver.write(f"save {here}/nowhere/x")
        assert "cannot be written" in driver.text()
        await driver.write("save mine now")
        assert (here / "mine now.session.json").is_file()
    assert (here / "mazur.session.json").read_text(encoding="utf-8") == before


async def test_a_file_that_another_program_has_changed_is_asked_about(opened, here: Path) -> None:
    path = here / "a.session.json"
    save(Session(load_scenario("mazur")), path)
    async with opened(session=path) as driver:
        await driver.until(lambda: driver.app.session is not None)
        await driver.settle()
        other = open_session(path, load_scenario).session
        other.notes["main", 3] = "of the other"
        save(other, path)
        theirs = path.read_bytes()
        await driver.write("set w5 0.7")
        for keys in (("escape",), ("down", "down", "enter")):
            await driver.write("save")
            assert "a.session.json was changed by another program since it was opened" in driver.text()
            await driver.press(*keys)
            assert "not saved" in driver.text()
            assert path.read_bytes() == theirs
        await driver.write("save")
        await driver.press("enter")
        await driver.idle()
        assert "saved: retrograde open" in driver.text()
        assert path.read_bytes() == theirs
        assert open_session(here / "a-2.session.json", load_scenario).session.value("w5") == 0.7
        await driver.write("save")
        assert "saved: retrograde open" in driver.text(), "its own file from here on"
        await driver.write("save! a")
        save(other, path)
        await driver.write("save")
        await driver.press("down", "enter")
        await driver.idle()
        assert open_session(path, load_scenario).session.value("w5") == 0.7


async def test_a_pipe_is_not_waited_for(opened, here: Path) -> None:
    os.mkfifo(here / "x.session.json")
    async with opened("mazur") as driver:
        await driver.write("save x")
        assert "is there and no saved session" in driver.text()
        await driver.write("save! x")
        assert "not a file" in driver.text()


async def test_what_is_not_as_it_was_saved_is_said(opened, here: Path) -> None:
    session = Session(load_scenario("mazur"))
    session.seek(39)
    save(session, here / "a.session.json")
    content = json.loads((here / "a.session.json").read_text(encoding="utf-8"))
    content["arithmetic"] = "Python 2.7"
    prints = content["branches"][0]["fingerprints"]["0"].split()
    program = session.program
    prints[program.offset(session.resolve("net_h2"))] = "00000000"
    content["branches"][0]["fingerprints"]["0"] = " ".join(prints)
    content["scenario"]["digest"] = "2-0"
    (here / "a.session.json").write_text(json.dumps(content), encoding="utf-8")
    async with opened(session=here / "a.session.json") as driver:
        await driver.until(lambda: driver.app.session is not None)
        await driver.settle()
        assert "other bits than saved from step 2 (net_h2) on, branch main; saved with Python 2.7; the" in driver.text()
        assert driver.session.position == 39


async def test_a_file_that_is_no_session_ends_the_app_with_the_reason(here: Path) -> None:
    from retrograde.engine.errors import EngineError

    (here / "x.session.json").write_text("{}", encoding="utf-8")
    app = RetrogradeApp(session=here / "x.session.json")
    async with app.run_test() as pilot:
        while app.failure is None:
            await pilot.pause(0.01)
    assert isinstance(app.failure, EngineError)
    assert "x.session.json" in str(app.failure)
    assert app.return_code == 2


async def test_unsaved_edits_are_kept_and_quitting_asks_once(opened, state_folder: Path) -> None:
    async with opened("mazur") as driver:
        await driver.press("s", "s")
        assert kept(state_folder) == []
        await driver.write("set w5 0.7")
        await driver.until(lambda: kept(state_folder) != [])
        await driver.press("q")
        assert "unsaved edits: :save keeps them, q again quits without" in driver.text()
        assert driver.app.return_code is None
        await driver.press("s", "q")
        assert driver.app.return_code is None, "another key between takes the question back"
        await driver.press("q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0
    assert list(state_folder.iterdir()) == []


async def test_a_saved_session_is_not_kept_and_quits_at_once(opened, state_folder: Path) -> None:
    async with opened("mazur") as driver:
        await driver.write("set w5 0.7")
        await driver.until(lambda: kept(state_folder) != [])
        await driver.write("save")
        assert kept(state_folder) == []
        await driver.write("set w5 0.8")
        await driver.until(lambda: kept(state_folder) != [])
        await driver.press("u")
        await driver.until(lambda: kept(state_folder) == [])  # as it was saved
        await driver.press("q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0


async def test_restart_and_open_ask_as_well(opened) -> None:
    async with opened("mazur") as driver:
        await driver.write("set w5 0.7")
        session = driver.session
        await driver.press("0")
        assert "0 again restarts without" in driver.text()
        assert driver.session is session
        await driver.press("o")
        assert "o again opens" in driver.text()
        await driver.press("0", "0")
        assert driver.session is not session
        await driver.press("q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0


async def test_breakpoints_and_marks_are_kept_without_being_asked(opened, state_folder: Path) -> None:
    async with opened("mazur") as driver:
        driver.session.add_breakpoint("E < 0.01")
        driver.session.mark("a")
        await driver.until(lambda: kept(state_folder) != [])
        (path,) = kept(state_folder)
        again = open_session(path, load_scenario).session
        assert [point.text for point in again.breakpoints.values()] == ["E < 0.01"]
        assert again.marks == {"a": ("main", 0)}
        await driver.press("q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0, "only edits and notes are asked about"
    assert kept(state_folder) == []


async def test_what_was_left_behind_is_offered_and_taken_over(opened, state_folder: Path) -> None:
    path = left_behind(state_folder)
    async with opened("mazur") as driver:
        await driver.until(lambda: isinstance(driver.app.screen, OfferScreen))
        await driver.settle()
        assert "Work on mazur was not saved" in driver.text()
        assert "1 edit" in driver.text()
        await driver.press("y")
        await driver.until(lambda: driver.app.session is not None and driver.session.scenario.name == "mazur")
        assert driver.session.branch.name == "edit1"
        assert driver.session.position == 5
        await driver.until(lambda: not path.exists())
        assert len(kept(state_folder)) == 1, "kept under this process's own name from here on"
        await driver.press("q")
        assert "unsaved edits" in driver.text()
        await driver.press("q")
        await driver.pilot.pause()
    assert list(state_folder.iterdir()) == []


async def test_what_was_left_behind_is_declined_or_put_off(opened, state_folder: Path) -> None:
    left_behind(state_folder)
    async with opened() as driver:
        await driver.until(lambda: isinstance(driver.app.screen, RecoverScreen))
        await driver.settle()
        assert "1 edit" in driver.text()
        await driver.press("escape")
        assert isinstance(driver.app.screen, PickerScreen)
    assert len(kept(state_folder)) == 1
    left_behind(state_folder)
    async with opened("mazur") as driver:
        await driver.until(lambda: isinstance(driver.app.screen, OfferScreen))
        await driver.press("n")
        await driver.until(lambda: "n once more forgets it for good" in driver.text())
        assert len(kept(state_folder)) == 2, "the key goes to the next layer elsewhere"
        await driver.press("n")
        await driver.until(lambda: isinstance(driver.app.screen, OfferScreen) and "Go on with it?" in driver.text())
        await driver.press("n", "n")
        await driver.until(lambda: not isinstance(driver.app.screen, OfferScreen))
    assert list(state_folder.iterdir()) == []


async def test_work_on_another_scenario_is_listed_and_not_offered(opened, state_folder: Path, here: Path) -> None:
    """Neither by a name that is the same, nor for a file whose content is another one."""
    from retrograde.engine.scenario.catalogue import folder as scenarios

    text = (scenarios() / "mazur.toml").read_text(encoding="utf-8")
    for place in ("a", "b"):
        (here / place).mkdir()
        (here / place / "mazur.toml").write_text(text, encoding="utf-8")
    path = left_behind(state_folder, str(here / "a/mazur.toml"))
    for other in ("mazur", here / "b/mazur.toml", "xor-2-4-1"):
        async with opened(other) as driver:
            await driver.press("enter", "s")
            assert driver.session.position == 1
    async with opened("xor-2-4-1") as driver:
        await driver.write("recover")
        assert isinstance(driver.app.screen, RecoverScreen)
        assert "a/mazur.toml" in driver.text()
        await driver.press("escape")
        assert path.exists()
        await driver.write("recover")
        await driver.press("enter")
        await driver.until(lambda: driver.app.session is not None and driver.session.scenario.name == "mazur")
        assert driver.session.position == 5
        await driver.until(lambda: not path.exists())
        await driver.press("q", "q")
    path = left_behind(state_folder, str(here / "a/mazur.toml"))
    async with opened(here / "a/mazur.toml") as driver:
        assert isinstance(driver.app.screen, OfferScreen)
    (here / "a/mazur.toml").write_text(text.replace("0.5", "0.25"), encoding="utf-8")
    async with opened(here / "a/mazur.toml") as driver:
        await driver.press("s")
        assert driver.session.position == 1


async def test_a_broken_leftover_is_passed_over(opened, state_folder: Path) -> None:
    state_folder.mkdir(parents=True)
    (state_folder / "unsaved-1.session.json").write_text("{", encoding="utf-8")
    (state_folder / "unsaved-2.session.json").write_bytes(b"\xff")
    async with opened("mazur") as driver:
        await driver.press("s")
        assert driver.session.position == 1


def test_what_killed_programs_left_in_the_state_folder_is_removed(state_folder: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = left_behind(state_folder)
    names = [
        f".unsaved-{dead.pid}.session.json.{dead.pid}.tmp",
        f"unsaved-{dead.pid}.lock",
        f"unsaved-{dead.pid}-3.lock",
    ]
    others = [f"unsaved-{os.getpid()}.lock", "unsaved-x.lock", "mine.lock", f".mine.{dead.pid}.tmp"]
    for name in (*names, *others):
        (state_folder / name).write_text("")
    for leftover in leftovers():
        leftover.release()
    left = {each.name for each in state_folder.iterdir()}
    assert left == {*others, path.name, path.name.removesuffix(".session.json") + ".lock"}


async def test_a_state_folder_that_can_not_be_written_is_no_error(opened, state_folder: Path) -> None:
    state_folder.parent.mkdir(parents=True)
    state_folder.write_text("a file in the way", encoding="utf-8")
    async with opened("mazur") as driver:
        await driver.write("set w5 0.7")
        await driver.write("set w6 0.7")
        await driver.press("s")
        assert driver.session.position == 1
        await driver.write("save")
        assert "saved" in driver.text()


def test_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert folder() == tmp_path / ".local/state/retrograde"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert folder() == tmp_path / ".local/state/retrograde"


def test_what_a_living_process_keeps_is_not_offered(state_folder: Path) -> None:
    keeper = Keeper()
    keeper.keep(to_json(Session(load_scenario("mazur")), fingerprint=False))
    wait(lambda: kept(state_folder))
    assert leftovers() == []
    keeper.forget()
    assert list(state_folder.iterdir()) == []
    keeper.keep("{}")
    wait(lambda: kept(state_folder))
    keeper.forget()


def test_the_last_text_wins_and_nothing_comes_back_after_forgetting(state_folder: Path) -> None:
    for _round in range(10):
        keeper = Keeper()
        for count in range(20):
            keeper.keep(json.dumps({"count": count}))
        wait(lambda: kept(state_folder) and json.loads(kept(state_folder)[0].read_text())["count"] == 19)
        keeper.keep("{}")
        keeper.forget()
        assert list(state_folder.iterdir()) == []


class Terminal:
    """The app in a real terminal."""

    def __init__(self, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        import fcntl
        import struct
        import termios

        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        # What runs the tests may ignore signals, as nohup does; a program then rightly does so too.
        code = (
            "import signal, sys\n"
            "for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM): signal.signal(number, signal.SIG_DFL)\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from retrograde.tui.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"},
            start_new_session=True,
        )
        os.close(slave)
        self.seen = b""

    def read(self) -> bytes:
        while select.select([self.master], [], [], 0)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                break
        return self.seen

    def until(self, text: str) -> None:
        wait(lambda: text.encode() in self.read())

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def test_a_kill_loses_nothing(state_folder: Path, here: Path) -> None:
    first = Terminal("mazur")
    try:
        first.until("hidden")
        first.type("sssss")
        first.type(":set w5 0.7\r")
        first.until("u undoes")
        wait(lambda: kept(state_folder))
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    finally:
        first.close()
    (path,) = kept(state_folder)
    assert open_session(path, load_scenario).session.position == 5
    second = Terminal("mazur")
    try:
        second.until("was not saved when the program ended")
        second.type("y")
        wait(lambda: not path.exists())
        second.until("edit1")
        second.type(":save\r")
        second.until("saved: retrograde open")
        second.type("q")
        assert wait(lambda: second.read() is not None and second.process.poll() is not None)
        assert second.process.returncode == 0
    finally:
        second.close()
    # What a person has seen of the app stays; of the session nothing does.
    assert [path.name for path in state_folder.iterdir() if path.name != "seen.json"] == []
    again = open_session(here / "mazur.session.json", load_scenario)
    assert again.drift is None
    assert again.session.value("w5") == 0.7
