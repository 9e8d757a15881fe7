"""Saved sessions: where one stopped, as a text file that can be read, compared and reopened.

A file holds the scenario's name, the journal of edits, and everything that was set: cursor, breakpoints, watches,
marks, notes. It holds no states, since they are computed again; fingerprints of them tell whether they have the same
bits. It is written whole: a temporary file beside the target, flushed to the disk, then renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from retrograde.engine.atomic import write_whole
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Granularity
from retrograde.engine.recording import is_recording
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.saved import (
    FORMAT,
    SavedBranch,
    SavedBreakpoint,
    SavedCursor,
    SavedEdit,
    SavedScenario,
    SavedSession,
    contents,
    key_text,
    read_saved,
)
from retrograde.engine.session.session import Session
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch, Edit
from retrograde.engine.travel.search import OnProgress

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


def arithmetic(session: Session | None = None) -> str:
    """What the bits of a run depend on besides the scenario: Python, NumPy and the processor.

    Args:
        session: says whether machine code has computed some of it, too, which changes no bit.
    """
    native = ", machine code" if session is not None and session.timeline.native else ""
    machine = f"{platform.machine()} {platform.system()}"
    return f"Python {platform.python_version()}, NumPy {np.__version__}, {machine}{native}"


def to_json(session: Session, *, fingerprint: bool = True) -> str:
    """A session as text.

    Args:
        session: the session.
        fingerprint: whether to compute fingerprints, which takes a few replays.

    Raises:
        EngineError: it is a variant, which no scenario says.
    """
    if session.original:
        message = _("a variant is not saved: its equations are others than those of {name}")
        raise EngineError(message.format(name=session.original))
    session.branch.position = session.position
    session.branch.frontier = session.frontier
    content = SavedSession(
        format=FORMAT,
        scenario=identity(session),
        arithmetic=arithmetic(session),
        cursor=SavedCursor(branch=session.branch.name, position=session.position, term=session.term),
        length=session.length,
        branches=[_branch(session, branch, fingerprint=fingerprint) for branch in session.branches],
        breakpoints=[
            SavedBreakpoint(
                number=point.number,
                text=point.text,
                enabled=point.enabled,
                once=point.once,
                from_hit=point.from_hit,
                after=point.after,
                log=[formula.text for formula in point.log],
                count=point.count,
            )
            for point in session.breakpoints.values()
        ],
        watches=[formula.text for formula in session.watches],
        marks=dict(sorted(session.marks.items())),
        notes=[(name, position, text) for (name, position), text in sorted(session.notes.items())],
    )
    return json.dumps(content.model_dump(), indent=1, ensure_ascii=False) + "\n"


def _branch(session: Session, branch: Branch, *, fingerprint: bool) -> SavedBranch:
    edit = branch.edit
    return SavedBranch(
        name=branch.name,
        parent=None if branch.parent is None else branch.parent.name,
        edit=None
        if edit is None
        else SavedEdit(position=edit.position, values=list(edit.values), dropped=edit.dropped, inside=edit.inside),
        position=branch.position,
        frontier=branch.frontier,
        fingerprints=_fingerprints(session, branch) if fingerprint else {},
    )


def _fingerprints(session: Session, branch: Branch) -> dict[int, str]:
    if session.recording is not None:
        # Its values are in its file, whose digest tells whether they are the same.
        return {}
    last = session.schedule.locate(branch.frontier)[0]
    first = branch.timeline.change.first
    chosen = {round(first + (last - first) * k / FINGERPRINTS) for k in range(FINGERPRINTS + 1)} if last > first else {}
    iterations = sorted({min(first, last), *chosen, last})
    return {iteration: fingerprint_of(branch.timeline.frame(iteration)) for iteration in iterations}


def fingerprint_of(frame: Frame) -> str:
    """Fingerprints of a frame, joined by blanks: of each slot in the order of memory, or of each op."""
    flat = frame.flat + 0.0
    flat[np.isnan(flat)] = np.nan
    if frame.program.size <= EACH_SLOT:
        return " ".join(f"{crc32(value.tobytes()):08x}" for value in flat)
    starts = ((frame.program.offsets[op.target], op.target.size) for op in frame.program.ops)
    return " ".join(f"{crc32(flat[start : start + size].tobytes()):08x}" for start, size in starts)


_RECORDED = "recording-"
"""What the digest of a recording begins with."""

_DIGESTED = "2-"
"""What a digest begins with, by the keys that scenarios have; to be counted on where new ones have a value unasked."""


def identity(session: Session) -> SavedScenario:
    """Which scenario or recording it is, by its name, its file and its content."""
    recording = session.recording
    return SavedScenario(
        name=session.name,
        path=None if session.path is None else str(session.path.resolve()),
        digest=_digest(session.scenario) if recording is None else _RECORDED + recording.digest,
    )


def _digest(scenario: Scenario) -> str:
    """What identifies the content of a scenario: its network, data and training."""
    content = scenario.model_dump_json(include={"network", "data", "loss", "training"}, exclude_defaults=True)
    return _DIGESTED + hashlib.sha256(content.encode()).hexdigest()[:16]


def _is_changed(scenario: Scenario, digest: str) -> bool:
    """Whether a scenario has another content than when a digest was made; unknown, and no, of one by other keys."""
    return digest.startswith(_DIGESTED) and digest != _digest(scenario)


@dataclass(frozen=True, slots=True)
class SessionFile:
    """The file of a session, as it was read or written here.

    Attributes:
        path: where it is.
        digest: what identifies its content.
    """

    path: Path
    digest: str


class ChangedError(EngineError):
    """A file is not as it was read or written here: somebody else has written it since."""


def save(session: Session, path: Path, *, over: SessionFile | None = None) -> SessionFile:
    """Writes a session, whole or not at all.

    Args:
        session: the session.
        path: the file.
        over: what the file was; it is left alone where it is another one by now. None to look at nothing.

    Raises:
        ChangedError: the file is another one.
        EngineError: the file cannot be written; what was there before is untouched.
    """
    text = to_json(session)
    # A file that is gone has nothing to lose.
    if over is not None and path.exists() and _digest_of(contents(path)) != over.digest:
        raise ChangedError(_("{path} was changed by another program").format(path=path))
    write_whole(path, text)
    return SessionFile(path, _digest_of(text.encode(errors="backslashreplace")))


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that was opened again.

    Attributes:
        session: the session.
        file: the file that it was opened from.
        drift: where its bits differ first from those that were saved; None where they are the same.
        warnings: what else is not as it was.
    """

    session: Session
    file: SessionFile
    drift: Drift | None
    warnings: tuple[str, ...] = ()


def open_session(path: Path, load: Callable[[str | Path], Scenario], on_progress: OnProgress | None = None) -> Opened:
    """Opens a saved session.

    Args:
        path: the file.
        load: loads a scenario, by name or file.
        on_progress: called while the run is computed again, as far as the cursor and the edits are, with iterations
            done and to do; True cancels.

    Raises:
        EngineError: the file is no session, or says what makes no sense; with the file and the key.
        InterruptedError: it was cancelled.
    """
    try:
        content = contents(path)
        return _opened(read_saved(content), SessionFile(path, _digest_of(content)), load, on_progress)
    except EngineError as error:
        raise EngineError(f"{path}: {error}") from error


def _opened(
    saved: SavedSession, file: SessionFile, load: Callable[[str | Path], Scenario], on_progress: OnProgress | None
) -> Opened:
    session, warnings = _begun(saved.scenario, file.path, load)
    session.length = max(session.length, saved.length)
    # Another branch may have taken the first one's name since.
    with _blaming("branches", 0):
        session.rename(saved.branches[0].name)
    for number, entry in enumerate(saved.branches[1:], 1):
        with _blaming("branches", number):
            _rebuild(session, entry, on_progress)
    with _blaming("cursor"):
        session.switch(saved.cursor.branch)
        session.seek(saved.cursor.position, on_progress)
        _reveal(session, saved.cursor.term)
    for number, (entry, branch) in enumerate(zip(saved.branches, session.branches, strict=True)):
        with _blaming("branches", number):
            branch.position, branch.frontier = session.find(entry.position), session.find(entry.frontier)
    for number, point in enumerate(saved.breakpoints):
        with _blaming("breakpoints", number):
            _set(session, point)
    for number, text in enumerate(saved.watches):
        with _blaming("watches", number):
            session.watch(text)
    with _blaming("marks"):
        session.marks.update({letter: (name, session.find(at)) for letter, (name, at) in saved.marks.items()})
    with _blaming("notes"):
        session.notes.update({(name, session.find(at)): text for name, at, text in saved.notes})
    drift: Drift | None = None
    for number, entry in enumerate(saved.branches):
        with _blaming("branches", number):
            drift = drift or _drift(session, entry, saved.arithmetic)
    return Opened(session=session, file=file, drift=drift, warnings=tuple(warnings))


def _begun(saved: SavedScenario, path: Path, load: Callable[[str | Path], Scenario]) -> tuple[Session, list[str]]:
    """A session at the start of what was saved, and what is not as it was."""
    if is_recording(saved.name):
        session = Session.of_recording(_recorded(saved, path))
        if identity(session).digest == saved.digest:
            return session, []
        return session, [
            _("the recording {name} is another one than when the session was saved").format(name=saved.name)
        ]
    scenario = load(_source(saved))
    if not _is_changed(scenario, saved.digest):
        return Session(scenario), []
    text = _("the scenario {name} has changed since the session was saved")
    return Session(scenario), [text.format(name=scenario.name)]


def _recorded(saved: SavedScenario, path: Path) -> Path:
    """Where a recording is: the file that it was, or one of its name beside the session."""
    beside = path.with_name(Path(saved.name).name)
    found = beside if saved.path is None or not os.path.isfile(saved.path) else Path(saved.path)  # noqa: PTH113
    if not os.path.isfile(found):  # noqa: PTH113
        message = _("the recording {name} is neither at {path} nor beside the session")
        raise EngineError(message.format(name=saved.name, path=saved.path))
    return found


@contextmanager
def _blaming(*key: str | int) -> Iterator[None]:
    """Puts the key of a saved session before what is wrong with it."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{key_text(key)}: {error}") from error


def _source(saved: SavedScenario) -> str | Path:
    """Where the scenario is: the file that it was, or a scenario of its name."""
    # Path.is_file raises where a path is too long.
    if saved.path is None or not os.path.isfile(saved.path):  # noqa: PTH113
        return saved.name
    variant = saved.name.partition(":")[2]
    return f"{saved.path}:{variant}" if variant else Path(saved.path)


def _reveal(session: Session, terms: int) -> None:
    """Reveals terms of the step after the cursor."""
    while session.term < terms:
        before = session.term
        session.step(Granularity.TERM)
        if session.term <= before:
            raise EngineError(_("the step after the cursor has fewer than {count} terms").format(count=terms + 1))


def _rebuild(session: Session, entry: SavedBranch, on_progress: OnProgress | None) -> None:
    """Makes a branch again from its entry in the journal."""
    if entry.parent is None or entry.edit is None:
        raise EngineError(_("only the first branch has no parent and no edit"))
    saved = entry.edit
    position = session.find(saved.position + saved.inside) - saved.inside
    edit = Edit(position=position, inside=saved.inside, values=tuple(saved.values), dropped=saved.dropped)
    session.switch(entry.parent)
    session.branch.extend(session.schedule.locate(position)[0], on_progress)
    session.fork(edit, name=entry.name)


def _set(session: Session, saved: SavedBreakpoint) -> None:
    """Sets a breakpoint under the number that it had."""
    point = session.add_breakpoint(saved.text, once=saved.once, from_hit=saved.from_hit, log=tuple(saved.log))
    del session.breakpoints[point.number]
    point.number, point.enabled, point.after, point.count = saved.number, saved.enabled, saved.after, saved.count
    if point.number in session.breakpoints or (point.after is not None and point.after not in session.breakpoints):
        raise EngineError(_("there is no breakpoint {number}").format(number=point.after or point.number))
    session.breakpoints[point.number] = point


def _drift(session: Session, entry: SavedBranch, saved_with: str) -> Drift | None:
    branch = session.branch_called(entry.name)
    for iteration, fingerprint in sorted(entry.fingerprints.items()):
        if iteration > session.schedule.locate(session.length)[0]:
            raise EngineError(_("there is no iteration {number}").format(number=iteration))
        frame = branch.timeline.frame(iteration)
        now, then = fingerprint_of(frame).split(), fingerprint.split()
        if now == then:
            continue
        step = _first_step(frame, now, then)
        return Drift(
            branch=branch.name,
            step=session.schedule.start(iteration) + step + 1,
            symbol=session.notation.symbol(frame.program.target(frame.program.place(step))),
            saved_with=saved_with,
            opened_with=arithmetic(session),
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
