"""Saved sessions: where one stopped, as a text file that can be read, compared and reopened.

A file holds the scenario's name, the journal of edits, and everything that was set: cursor, breakpoints, watches,
marks, notes. It holds no states, since they are computed again; fingerprints of them tell whether they have the same
bits. It is written whole: a temporary file beside the target, flushed to the disk, then renamed.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from retrograde.engine.atomic import write_whole
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Granularity
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch, Edit

FORMAT = 1
SUFFIX = ".session.json"

FINGERPRINTS = 24
"""Iterations of a branch whose values are fingerprinted."""

EACH_SLOT = 4096
"""Slots of an iteration up to which each has a fingerprint of its own; above that, each op has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The first fingerprint that differs from the saved one.

    Attributes:
        branch: the branch.
        step: the number of the first step that differs, of those that were fingerprinted.
        symbol: the slot that it makes.
        saved_with: the arithmetic of the machine that saved.
        opened_with: that of this one.
    """

    branch: str
    step: int
    symbol: str
    saved_with: str
    opened_with: str

    def __str__(self) -> str:
        return _(
            "branch {branch}: step {step} ({symbol}) has other bits than when the session was saved"
            " (saved with {saved}, opened with {opened})"
        ).format(
            branch=self.branch,
            step=self.step,
            symbol=self.symbol,
            saved=self.saved_with,
            opened=self.opened_with,
        )


def arithmetic() -> str:
    """What the bits of a run depend on besides the scenario: Python, NumPy and the processor."""
    return f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()} {platform.system()}"


def to_json(session: Session, *, fingerprint: bool = True) -> str:
    """A session as text.

    Args:
        session: the session.
        fingerprint: whether to compute fingerprints, which takes a few replays.
    """
    session.branch.position = session.position
    session.branch.frontier = session.frontier
    scenario = session.scenario
    content: dict[str, Any] = {
        "format": FORMAT,
        "scenario": {
            "name": scenario.name,
            "path": None if scenario.path is None else str(scenario.path.resolve()),
            "digest": _digest(scenario),
        },
        "arithmetic": arithmetic(),
        "cursor": {"branch": session.branch.name, "position": session.position, "term": session.term},
        "length": session.length,
        "branches": [_branch(session, branch, fingerprint=fingerprint) for branch in session.branches],
        "breakpoints": [
            {
                "number": point.number,
                "text": point.text,
                "enabled": point.enabled,
                "once": point.once,
                "from_hit": point.from_hit,
                "after": point.after,
                "log": [formula.text for formula in point.log],
                "count": point.count,
            }
            for point in session.breakpoints.values()
        ],
        "watches": [formula.text for formula in session.watches],
        "marks": {letter: list(place) for letter, place in sorted(session.marks.items())},
        "notes": [[name, position, text] for (name, position), text in sorted(session.notes.items())],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _branch(session: Session, branch: Branch, *, fingerprint: bool) -> dict[str, Any]:
    edit = branch.edit
    return {
        "name": branch.name,
        "parent": None if branch.parent is None else branch.parent.name,
        "edit": None
        if edit is None
        else {"position": edit.position, "values": [list(pair) for pair in edit.values], "dropped": edit.dropped},
        "position": branch.position,
        "frontier": branch.frontier,
        "fingerprints": _fingerprints(session, branch) if fingerprint else {},
    }


def _fingerprints(session: Session, branch: Branch) -> dict[str, str]:
    last = session.schedule.locate(branch.frontier)[0]
    first = branch.timeline.change.first
    chosen = {round(first + (last - first) * k / FINGERPRINTS) for k in range(FINGERPRINTS + 1)} if last > first else {}
    iterations = sorted({min(first, last), *chosen, last})
    return {str(iteration): fingerprint_of(branch.timeline.frame(iteration)) for iteration in iterations}


def fingerprint_of(frame: Frame) -> str:
    """Fingerprints of a frame, joined by blanks: of each slot in the order of memory, or of each op."""
    flat = frame.flat + 0.0
    flat[np.isnan(flat)] = np.nan
    if frame.program.size <= EACH_SLOT:
        return " ".join(f"{crc32(value.tobytes()):08x}" for value in flat)
    starts = ((frame.program.offsets[op.target], op.target.size) for op in frame.program.ops)
    return " ".join(f"{crc32(flat[start : start + size].tobytes()):08x}" for start, size in starts)


def _digest(scenario: Scenario) -> str:
    """What identifies the content of a scenario: its network, data and training."""
    content = scenario.model_dump_json(include={"network", "data", "loss", "training"})
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def save(session: Session, path: Path) -> None:
    """Writes a session, whole or not at all.

    Raises:
        EngineError: the file cannot be written; what was there before is untouched.
    """
    write_whole(path, to_json(session))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that was opened again.

    Attributes:
        session: the session.
        drift: where its bits differ first from those that were saved; None where they are the same.
        warnings: what else is not as it was.
    """

    session: Session
    drift: Drift | None
    warnings: tuple[str, ...] = ()


def open_session(path: Path, load: Callable[[str | Path], Scenario]) -> Opened:
    """Opens a saved session.

    Args:
        path: the file.
        load: loads a scenario, by name or file.

    Raises:
        EngineError: the file is no session, or says what makes no sense; with the file and the key.
    """
    try:
        if path.stat().st_size > 64 << 20:
            raise EngineError(_("{path}: too large for a saved session").format(path=path))
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EngineError(_("{path}: {reason}").format(path=path, reason=error.strerror or error)) from None
    except UnicodeDecodeError:
        raise EngineError(_("{path}: not a text file in UTF-8").format(path=path)) from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise EngineError(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from None
    except RecursionError:
        raise EngineError(_("{path}: nested too deeply").format(path=path)) from None
    except ValueError as error:
        # A number of thousands of digits.
        raise EngineError(f"{path}: {error}") from None
    try:
        return _opened(content, load)
    except EngineError as error:
        raise EngineError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError) as error:
        raise EngineError(
            _("{path}: not a saved session, or a damaged one ({reason})").format(path=path, reason=repr(error))
        ) from None


def _opened(content: Any, load: Callable[[str | Path], Scenario]) -> Opened:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise EngineError(_("not a saved session of format {format}").format(format=FORMAT))
    named = content["scenario"]
    source: str | Path = str(named["name"])
    if named["path"] is not None and Path(named["path"]).is_file():
        variant = named["name"].partition(":")[2]
        source = f"{named['path']}:{variant}" if variant else Path(named["path"])
    scenario = load(source)
    warnings = []
    if _digest(scenario) != named["digest"]:
        warnings.append(_("the scenario {name} has changed since the session was saved").format(name=scenario.name))
    session = Session(scenario)
    session.length = max(session.length, int(content["length"]))
    # Another branch may have taken the first one's name since.
    session.rename(str(content["branches"][0]["name"]))
    for entry in content["branches"][1:]:
        _rebuild(session, entry)
    cursor = content["cursor"]
    session.switch(str(cursor["branch"]))
    session.seek(_position(session, cursor["position"]))
    _reveal(session, int(cursor["term"]))
    for entry, branch in zip(content["branches"], session.branches, strict=True):
        branch.position, branch.frontier = _position(session, entry["position"]), _position(session, entry["frontier"])
    for entry in content["breakpoints"]:
        point = session.add_breakpoint(
            str(entry["text"]), once=bool(entry["once"]), from_hit=int(entry["from_hit"]), log=tuple(entry["log"])
        )
        del session.breakpoints[point.number]
        point.number, point.enabled = int(entry["number"]), bool(entry["enabled"])
        point.after = None if entry["after"] is None else int(entry["after"])
        point.count = int(entry["count"])
        if point.number in session.breakpoints or (point.after is not None and point.after not in session.breakpoints):
            raise EngineError(_("there is no breakpoint {number}").format(number=point.after or point.number))
        session.breakpoints[point.number] = point
    for text in content["watches"]:
        session.watch(str(text))
    session.marks.update({str(k): (str(name), _position(session, n)) for k, (name, n) in content["marks"].items()})
    session.notes.update({(str(name), _position(session, n)): str(text) for name, n, text in content["notes"]})
    drift = next(filter(None, (_drift(session, entry, content["arithmetic"]) for entry in content["branches"])), None)
    return Opened(session=session, drift=drift, warnings=tuple(warnings))


def _position(session: Session, number: Any) -> int:
    position = int(number)
    if not 0 <= position <= session.length:
        raise EngineError(_("step {number} is not in 0 to {last}").format(number=position, last=session.length))
    return position


def _reveal(session: Session, terms: int) -> None:
    """Reveals terms of the step after the cursor."""
    while session.term < terms:
        before = session.term
        session.step(Granularity.TERM)
        if session.term <= before:
            raise EngineError(_("the step after the cursor has fewer than {count} terms").format(count=terms + 1))


def _rebuild(session: Session, entry: dict[str, Any]) -> None:
    """Makes a branch again from its entry in the journal."""
    edit = entry["edit"]
    made = Edit(
        position=_position(session, edit["position"]),
        values=tuple((str(name), float(value)) for name, value in edit["values"]),
        dropped=None if edit["dropped"] is None else int(edit["dropped"]),
    )
    session.switch(str(entry["parent"]))
    session.fork(made, name=str(entry["name"]))


def _drift(session: Session, entry: dict[str, Any], saved_with: str) -> Drift | None:
    branch = session.branch_called(str(entry["name"]))
    for iteration, fingerprint in sorted((int(text), saved) for text, saved in entry["fingerprints"].items()):
        if not 0 <= iteration <= session.schedule.locate(session.length)[0]:
            raise EngineError(_("there is no iteration {number}").format(number=iteration))
        frame = branch.timeline.frame(iteration)
        now, then = fingerprint_of(frame).split(), str(fingerprint).split()
        if now == then:
            continue
        step = _first_step(frame, now, then)
        return Drift(
            branch=branch.name,
            step=session.schedule.start(iteration) + step + 1,
            symbol=session.notation.symbol(frame.program.target(frame.program.place(step))),
            saved_with=str(saved_with),
            opened_with=arithmetic(),
        )
    return None


def _first_step(frame: Frame, now: list[str], then: list[str]) -> int:
    """The first step (from 0) of an iteration whose fingerprint differs."""
    program = frame.program
    if len(now) != len(then):
        return 0
    apart = {position for position, pair in enumerate(zip(now, then, strict=True)) if pair[0] != pair[1]}
    if len(now) == len(program.ops):
        return min(program.number_of_first(op) for op in apart)
    steps = [step for step in range(program.steps) if program.offset(program.target(program.place(step))) in apart]
    return min(steps, default=0)
