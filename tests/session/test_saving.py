"""Saved sessions come back as they were, or say in one line what is wrong; what was saved is never lost."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.atomic import write_whole
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.saved import MAX_FILE_BYTES, SavedSession
from retrograde.engine.session.saving import (
    SUFFIX,
    ChangedError,
    arithmetic,
    fingerprint_of,
    open_session,
    save,
    to_json,
)
from tests.support.effort import examples
from tests.support.networks import Recipe, randoms
from tests.support.random_formulas import Author
from tests.support.runs import trainings
from tests.travel.test_branches import chosen, name_of

SECONDS = 1.0


def explored(scenario: Scenario, random: Random) -> Session:
    """A session with some of everything that is saved."""
    session = Session(scenario)
    for _ in range(random.randint(0, 3)):
        session.switch(random.choice(session.branches).name)
        session.seek(random.randint(0, session.length))
        if random.random() < 0.2:
            session.drop_sample()
        else:
            session.edit({name_of(session, ref): value for ref, value in chosen(random, session).items()})
    if random.random() < 0.3:
        session.switch("main")
        session.rename("base")
        if len(session.branches) > 1:
            session.switch(session.branches[1].name)
            session.rename("main")
    session.switch(random.choice(session.branches).name)
    session.seek(random.randint(0, session.length))
    for _ in range(random.randint(0, 3)):
        session.step("term")
    author = Author(random, session.notation, session.schedule.full)
    for _ in range(random.randint(0, 3)):
        session.watch(author.number(2).text)
        point = session.add_breakpoint(
            author.condition(2).text,
            once=random.random() < 0.3,
            from_hit=random.randint(1, 3),
            after=random.choice((None, *session.breakpoints)),
            log=(author.number(1).text,) if random.random() < 0.3 else (),
        )
        point.enabled, point.count = random.random() < 0.7, random.randint(0, 5)
    if session.breakpoints and random.random() < 0.3:
        session.remove_breakpoint(min(session.breakpoints))
    for letter in random.sample("abxyä", random.randint(0, 3)):
        session.marks[letter] = (random.choice(session.branches).name, random.randint(0, session.length))
        session.notes[random.choice(session.branches).name, random.randint(0, session.length)] = f'"{letter}"\n中文 \\'
    return session


@examples(40)
@given(recipe=trainings(epochs=3), random=randoms())
def test_a_session_is_opened_as_it_was_saved(
    recipe: Recipe, random: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scenario = recipe.scenario
    session = explored(scenario, random)
    path = tmp_path_factory.getbasetemp() / f"explored{SUFFIX}"
    save(session, path)
    text = path.read_text(encoding="utf-8")
    assert text == to_json(session)
    opened = open_session(path, lambda _source: scenario)
    assert opened.drift is None
    assert not opened.warnings
    assert to_json(opened.session) == text
    again = opened.session
    assert (again.branch.name, again.position, again.term) == (session.branch.name, session.position, session.term)
    for name in [branch.name for branch in session.branches]:
        session.switch(name)
        again.switch(name)
        assert session.position == again.position
        iteration = session.schedule.locate(session.length)[0]
        mine, theirs = session.timeline.frame(iteration), again.timeline.frame(iteration)
        assert same_bits(mine.flat, theirs.flat)


BEFORE = sorted((Path(__file__).parent / "saved").iterdir())
"""Sessions that were saved by the program as it was before saved sessions were read by strict tables."""


@pytest.mark.parametrize("path", BEFORE, ids=[path.name.partition(".")[0] for path in BEFORE])
def test_a_session_of_an_older_program_is_opened(path: Path) -> None:
    found = open_session(path, load_scenario)
    assert not found.warnings
    text = path.read_text(encoding="utf-8")
    then, now = json.loads(text), json.loads(to_json(found.session))
    # The file says where its scenario was on another machine, whose last bits may be others; what identified its
    # content went by the keys that scenarios had then.
    then["scenario"]["digest"] = now["scenario"]["digest"]
    same = then["arithmetic"] == arithmetic()
    then["scenario"]["path"] = now["scenario"]["path"]
    if same:
        assert found.drift is None
        # What came later has its default.
        assert json.dumps(now) == json.dumps(SavedSession.model_validate(then).model_dump())


WRONG: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "scenario.name": (("scenario", "name"), 5),
    "cursor.position": (("cursor", "position"), "12"),
    "branches[1].edit.values[0][1]": (("branches", 1, "edit", "values", 0, 1), "1"),
    "branches[1].edit.position": (("branches", 1, "edit", "position"), -1),
    "branches[1]": (("branches", 1, "edit"), None),
    "branches": (("branches",), []),
    "breakpoints[1].once": (("breakpoints", 1, "once"), 1),
    "breakpoints[0].log": (("breakpoints", 0, "log"), "E"),
    "breakpoints[0]": (("breakpoints", 0, "text"), "at nowhere"),
    "breakpoints[1].count": (("breakpoints", 1, "count"), -1),
    "watches[0]": (("watches", 0), "norm("),
    "marks.a[1]": (("marks", "a", 1), 1.5),
    "notes[0][2]": (("notes", 0, 2), None),
    "length": (("length",), True),
    "colour": (("colour",), "red"),
}


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong_is_named_by_its_key(key: str, tmp_path: Path) -> None:
    content = json.loads(saved())
    *way, last = WRONG[key][0]
    inner = content
    for part in way:
        inner = inner[part]
    inner[last] = WRONG[key][1]
    message = refused(json.dumps(content), tmp_path)
    assert message is not None
    assert f"{key}: " in message


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    pipe, endless, large = tmp_path / "pipe", tmp_path / "endless", tmp_path / "large"
    os.mkfifo(pipe)
    endless.symlink_to("/dev/zero")
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    for path, message in ((pipe, "not a file"), (endless, "not a file"), (large, "too large")):
        with pytest.raises(EngineError, match=message):
            open_session(path, load_scenario)


# -- other bits


@cache
def saved(name: str = "mazur") -> str:
    """A session with a branch, as text."""
    session = Session(load_scenario(name))
    session.seek(700)
    session.set_value("w5", 1.0)
    session.seek(900)
    session.add_breakpoint("E < 0.1", from_hit=2, log=("E", "w5"))
    session.add_breakpoint("at backward", after=1, once=True)
    session.watch("norm(grad(W_h))")
    session.mark("a")
    session.notes["main", 3] = "here"
    session.step("term")
    return to_json(session)


def opened(text: str | bytes, folder: Path) -> Any:
    path = folder / f"x{SUFFIX}"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return open_session(path, load_scenario)


def test_other_bits_are_found_at_the_first_step_that_differs(tmp_path: Path) -> None:
    session = Session(load_scenario("mazur"))
    content = json.loads(saved())
    program, schedule = session.program, session.schedule
    for branch, entry in enumerate(content["branches"]):
        for key in entry["fingerprints"]:
            changed = json.loads(saved())
            marks = entry["fingerprints"][key].split()
            for step in (0, 17, program.steps - 1):
                slot = program.offset(program.target(program.place(step)))
                # Later steps have other bits, too, as they would have.
                later = {program.offset(program.target(program.place(n))) for n in range(step, program.steps)}
                prints = ["00000000" if n in later or n == slot else mark for n, mark in enumerate(marks)]
                changed["branches"][branch]["fingerprints"][key] = " ".join(prints)
                changed["arithmetic"] = "Python 2.7, an abacus"
                drift = opened(json.dumps(changed), tmp_path).drift
                assert drift is not None
                assert (drift.branch, drift.step) == (entry["name"], schedule.start(int(key)) + step + 1)
                assert "an abacus" in str(drift)


def test_not_a_number_has_one_fingerprint() -> None:
    """Its sign is nobody's: it depends on how the arithmetic was cut into vectors."""
    for name in ("mazur", "digits"):
        session = Session(load_scenario(name))
        frame = session.timeline.frame(0)
        prints = set()
        for odd in (math.nan, -math.nan):
            flat = np.array(frame.flat)
            flat[-1] = odd
            prints.add(fingerprint_of(Frame(frame.program, flat, frame.mathematics)))
        assert len(prints) == 1


def test_a_scenario_that_has_changed_is_said(tmp_path: Path) -> None:
    text = saved()
    digest = json.loads(text)["scenario"]["digest"]
    found = opened(text.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1")), tmp_path)
    assert len(found.warnings) == 1
    assert "mazur" in found.warnings[0]


def test_another_learning_rate_drifts(tmp_path: Path) -> None:
    recipe = Recipe(
        widths=(2, 2, 1),
        activations=("tanh", "identity"),
        biases=("neuron", "none"),
        frozen=((), ()),
        loss="half_squared_error",
        samples=2,
        batch_size=1,
        epochs=5,
    )
    session = Session(recipe.scenario)
    session.seek(session.length)
    path = tmp_path / f"x{SUFFIX}"
    save(session, path)
    other = replace(recipe, rate=0.26).scenario
    found = open_session(path, lambda _source: other)
    assert found.drift is not None
    program = session.schedule.program(0)
    updates = [step for step in range(program.steps) if program.ops[program.place(step).op].phase == "update"]
    # A leaf has no step; the first one that reads it has.
    assert found.drift.step == updates[0] + 1


# -- files that are none


def refused(text: str | bytes, folder: Path) -> str | None:
    """What is said of a file; None where it is a session after all. Anything but an EngineError is a mistake."""
    begin = time.perf_counter()
    try:
        found = opened(text, folder)
    except EngineError as error:
        message = str(error)
        assert message.startswith(str(folder)), message
        assert "Traceback" not in message
        return message
    finally:
        assert time.perf_counter() - begin < SECONDS
    again = folder / f"again{SUFFIX}"
    save(found.session, again)
    open_session(again, load_scenario)
    return None


GARBAGE: dict[str, str | bytes] = {
    "empty": b"",
    "blank": " \n",
    "not UTF-8": b"\xff\xfe\x00",
    "binary": bytes(range(256)) * 10,
    "a number": "1",
    "a text": '"format"',
    "a list": "[1]",
    "null": "null",
    "no keys": "{}",
    "another format": '{"format": 2}',
    "only a format": '{"format": 1}',
    "deep": "[" * 100_000,
    "digits": '{"format": ' + "1" * 10_000 + "}",
    "TOML": "format = 1\n",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    message = refused(GARBAGE[kind], tmp_path)
    assert message is not None
    assert "\n" not in message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / ("x" * 300), tmp_path / "none" / "x"):
        with pytest.raises(EngineError, match=r"none|directory|long"):
            open_session(path, load_scenario)
        with pytest.raises(EngineError, match="cannot be written"):
            write_whole(path if path != tmp_path / "none" else tmp_path / "no" / "x", "text")
    assert not list(tmp_path.iterdir())


def paths_in(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        found += paths_in(value, (*at, key))
    return found


VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 10**6, 10**30, 1.5, float("nan"), float("inf"), "", "x", "main", "edit1", "\ud800"),
    *("x" * 5000, "/" + "y" * 5000, "\0", [], [[]], [1, 2], {}, {"x": 1}, "E <", "at nowhere", ["w5", 1], 2**63),
)


def mutated(random: Random) -> str | bytes:
    """A saved session with something wrong: cut, with bytes replaced, or with a value that does not belong there."""
    text = saved()
    kind = random.randrange(5)
    if kind == 0:
        return text[: random.randrange(len(text))]
    if kind == 1:
        data = bytearray(text.encode())
        for _ in range(random.randint(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        return bytes(data)
    if kind == 2:
        lines = text.splitlines(keepends=True)
        at = random.randrange(len(lines))
        del lines[at : at + random.randint(1, 4)]
        return "".join(lines)
    content = json.loads(text)
    for _ in range(random.randint(1, 2)):
        *way, last = random.choice(paths_in(content))
        inner = content
        for key in way:
            inner = inner[key]
        if kind == 3:
            inner[last] = random.choice(VALUES)
        elif isinstance(inner, dict):
            del inner[last]
        else:
            inner.append(inner[last])
    return json.dumps(content, ensure_ascii=random.random() < 0.5)


@examples(500)
@given(random=randoms())
def test_a_mutated_file_is_opened_or_refused(random: Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    refused(mutated(random), folder)


@examples(30)
@given(cut=st.integers(0, 10_000))
def test_a_file_that_was_cut_is_refused(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = saved()
    if cut < len(text.rstrip()):
        message = refused(text[:cut], tmp_path_factory.getbasetemp())
        assert message is not None


# -- disks that are full, programs that are killed


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_a_full_disk_leaves_the_old_file_whole(call: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    write_whole(path, "old")

    def full(*_args: object, **_keywords: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with patch(call, full), pytest.raises(EngineError, match="No space left") as caught:
        write_whole(path, "new" * 10_000)
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_that_is_always_full(tmp_path: Path) -> None:
    """What the system itself says, when the bytes have to go somewhere."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    path = tmp_path / f"x{SUFFIX}"
    write_whole(path, "old")
    opener = Path.open

    def full(self: Path, mode: str = "r", **keywords: Any) -> Any:
        if mode == "wb":
            opener(self, mode).close()
            self = Path("/dev/full")
        return opener(self, mode, **keywords)

    with patch("pathlib.Path.open", full), pytest.raises(EngineError, match="No space left"):
        write_whole(path, "new" * 100_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "x", tmp_path / "x"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_folder_that_cannot_be_flushed_is_no_failure(tmp_path: Path) -> None:
    real, calls = os.fsync, []

    def fsync(number: int) -> None:
        calls.append(number)
        if len(calls) > 1:
            raise OSError(errno.EINVAL, "no folders here")
        real(number)

    with patch("os.fsync", fsync):
        write_whole(tmp_path / "x", "new")
    assert len(calls) == 2
    assert (tmp_path / "x").read_text() == "new"


WRITER = """
import sys
from pathlib import Path
from retrograde.engine.atomic import write_whole
path, text = Path(sys.argv[1]), Path(sys.argv[1]).read_text(encoding="utf-8")
print("ready", flush=True)
for number in range(1_000_000):
    write_whole(path, text + " " * (number % 50_000))
"""


def test_a_program_that_is_killed_while_saving_leaves_a_session(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    path.write_text(saved(), encoding="utf-8")
    random = Random(1)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"ready"
        time.sleep(random.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = open_session(path, load_scenario)
        assert found.drift is None
        assert to_json(found.session) == saved()
        path.write_text(saved(), encoding="utf-8")


# -- what others do to the same files


def test_what_a_killed_program_left_is_removed_at_the_next_save(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = tmp_path / f"x{SUFFIX}"
    left = [tmp_path / f".{path.name}.{dead.pid}.tmp"]
    others = [
        tmp_path / f".{path.name}.{os.getppid()}.tmp",  # it lives
        tmp_path / f".y{SUFFIX}.{dead.pid}.tmp",  # of another file
        tmp_path / f"{path.name}.{dead.pid}.tmp",
        tmp_path / f".{path.name}.tmp",
    ]
    for each in (*left, *others):
        each.write_text("half")
    folder = tmp_path / f".{path.name}.{dead.pid}0.tmp"
    folder.mkdir()
    elsewhere = tmp_path / f".{path.name}.{dead.pid}1.tmp"
    elsewhere.symlink_to(others[0])
    write_whole(path, "new")
    assert [each for each in left if each.exists()] == []
    assert all(each.exists() for each in (*others, folder, elsewhere))


def test_a_temporary_file_that_is_held_stays(tmp_path: Path) -> None:
    """By a program on another machine, whose number means nothing here."""
    fcntl = pytest.importorskip("fcntl")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = tmp_path / f".x.{dead.pid}.tmp"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_whole(tmp_path / "x", "new")
        assert path.exists()
    write_whole(tmp_path / "x", "new")
    assert not path.exists()


def test_a_kill_during_a_save_leaves_nothing_for_long(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    write_whole(path, "old")
    killed = "import os; os.fsync = lambda _number: os.kill(os.getpid(), 9)\n"
    imports = "from pathlib import Path\nfrom retrograde.engine import atomic\n"
    code = f"{killed}{imports}atomic.write_whole(Path('{path}'), 'new')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 2
    assert path.read_text() == "old"
    write_whole(path, "newer")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_another_program_has_written_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    first = save(Session(load_scenario("mazur")), path)
    session = open_session(path, load_scenario)
    assert session.file == first
    again = save(session.session, path, over=session.file)
    session.session.step()
    second = save(session.session, path, over=again)
    with pytest.raises(ChangedError, match="changed by another program"):
        save(Session(load_scenario("mazur")), path, over=first)
    assert open_session(path, load_scenario).file == second
    path.unlink()
    save(session.session, path, over=first)
    assert path.exists()


def test_no_file_is_put_in_the_place_of_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null")):
        with pytest.raises(EngineError, match="not a file"):
            write_whole(path, "new")
    assert pipe.is_fifo()
    assert Path("/dev/null").is_char_device()


def test_a_session_that_names_a_far_position_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    session = Session(load_scenario("mazur"))
    session.run(epochs=3)
    session.edit({"w5": 0.3}, name="other")
    save(session, path)
    content = json.loads(path.read_text(encoding="utf-8"))
    far = session.schedule.start(10**12)
    content["length"] = 2 * far
    for key in ("cursor", "edit"):
        changed = json.loads(json.dumps(content))
        if key == "cursor":
            changed["cursor"]["position"] = far
        else:
            changed["branches"][1]["edit"]["position"] = far
        path.write_text(json.dumps(changed), encoding="utf-8")
        asked: list[tuple[int, int]] = []

        def cancel(done: int, total: int, seen: list[tuple[int, int]] = asked) -> bool:
            seen.append((done, total))
            return len(seen) == 3

        with pytest.raises(InterruptedError):
            open_session(path, load_scenario, cancel)
        assert len(asked) == 3
        assert asked[-1][1] > 10**11
