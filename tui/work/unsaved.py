"""Work that was not saved, kept in the state folder while the program runs, and offered again after a crash.

Each process has a file of its own and holds a lock beside it for as long as it lives, so that a file without a
holder is one that was left behind. A folder that can not be written is no error: there is then nothing to offer.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.atomic import held, lives, read_regular, remove_abandoned
from retrograde.engine.errors import EngineError

if TYPE_CHECKING:
    from retrograde.engine.session.saved import SavedScenario
    from retrograde.engine.session.session import Session

PREFIX = "unsaved-"
SUFFIX = ".session.json"
LOCK = ".lock"
MOST_BYTES = 64 << 20


def folder() -> Path:
    """The folder of the program's state: $XDG_STATE_HOME/retrograde, by default ~/.local/state/retrograde.

    Raises:
        OSError: there is no home.
    """
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    if given.is_absolute():
        return given / "retrograde"
    try:
        return Path.home() / ".local/state/retrograde"
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _locked(path: Path) -> int | None:
    """The descriptor of a lock file that this process holds from here on; None where another one does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    if not held(descriptor):
        os.close(descriptor)
        return None
    return descriptor


class Keeper:
    """Writes the unsaved work of this process, in a thread, and removes it."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._descriptor: int | None = None
        self._text: str | None = None
        self._busy = False
        self._refused = False
        self._replaced: list[Leftover] = []
        self._guard = threading.Lock()
        """Of the fields; held for moments only, because the screen waits for it."""
        self._disk = threading.Lock()
        """Of the file; held while it is written."""

    def keep(self, text: str, replaces: Leftover | None = None) -> None:
        """Writes a session, soon; of several that wait, only the last one is written.

        Args:
            text: the session; empty where nothing is unsaved, which removes the file.
            replaces: what was left behind and has been taken over; it is removed once this is written.
        """
        with self._guard:
            if replaces is not None:
                self._replaced.append(replaces)
            self._text = text
            if self._busy or self._refused:
                return
            self._busy = True
        threading.Thread(target=self._write, daemon=True, name="keep").start()

    def _write(self) -> None:
        from retrograde.engine.atomic import write_whole

        while True:
            with self._disk:
                with self._guard:
                    text, self._text = self._text, None
                    replaced = self._replaced
                    if text is None:
                        self._busy = False
                        return
                    self._replaced = []
                try:
                    if text:
                        write_whole(self._place(), text)
                    elif self.path is not None:
                        self.path.unlink(missing_ok=True)
                    for leftover in replaced:
                        leftover.remove()
                except (EngineError, OSError):
                    # Nothing can be kept here; saving by hand still says what is wrong.
                    with self._guard:
                        self._refused, self._busy = True, False
                    return

    def _place(self) -> Path:
        if self.path is None:
            home = folder()
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            for number in range(1000):
                name = f"{PREFIX}{os.getpid()}" + (f"-{number}" if number else "")
                path = home / f"{name}{SUFFIX}"
                if path.exists():
                    continue
                self._descriptor = _locked(home / f"{name}{LOCK}")
                if self._descriptor is not None:
                    self.path = path
                    return path
            raise OSError
        return self.path

    def flush(self, seconds: float) -> None:
        """Waits until what was given is written, if that takes no longer than this."""
        end = time.monotonic() + seconds
        while self._busy and time.monotonic() < end:
            time.sleep(0.01)

    def forget(self) -> None:
        """Removes what was kept: it was saved, or is not wanted. Waits for the disk."""
        with self._guard:
            self._text = None
        with self._disk:
            for leftover in self._replaced:
                leftover.remove()
            self._replaced = []
            if self.path is not None:
                _remove(self.path)
            if self._descriptor is not None:
                os.close(self._descriptor)
            self.path = self._descriptor = None


KEPT = ("breakpoints", "watches", "marks", "notes")
"""What there is besides edits, as a saved session calls it."""


@dataclass(frozen=True, slots=True, eq=False)
class Leftover:
    """Unsaved work of a process that no longer lives, which this process has taken hold of.

    Attributes:
        path: the file.
        descriptor: of its lock, so that no other process offers it at the same time.
        scenario: the name of its scenario.
        source: the file of its scenario; None for none.
        digest: what identifies the content of its scenario.
        edits: how many edits there are.
        kept: how many breakpoints, watches, marks and notes, by those words.
        time: when it was written, in seconds since 1970.
    """

    path: Path
    descriptor: int
    scenario: str
    source: str | None
    digest: str
    edits: int
    kept: Mapping[str, int]
    time: float

    def is_of(self, opened: SavedScenario) -> bool:
        """Whether it is work on a scenario, by its file and content: a name is used more than once.

        Args:
            opened: the scenario.
        """
        if self.digest != opened.digest:
            return False
        # Of a file that was moved, the name is what is left.
        return self.source == opened.path or (self.scenario == opened.name and not _is_file(self.source))

    def remove(self) -> None:
        """Removes it for good."""
        _remove(self.path)
        self.release()

    def release(self) -> None:
        """Leaves it for another time."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def _is_file(path: str | None) -> bool:
    try:
        return path is not None and Path(path).is_file()
    except (OSError, ValueError):
        return False


def _remove(path: Path) -> None:
    for each in (path, path.with_name(path.name.removesuffix(SUFFIX) + LOCK)):
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)


def _tidy() -> None:
    """Removes what programs left in the state folder that were killed: half of a file, locks of nothing."""
    home = folder()
    remove_abandoned(home, rf"{PREFIX}\d+(?:-\d+)?{re.escape(SUFFIX)}")
    for lock in home.glob(f"{PREFIX}*{LOCK}"):
        process = re.fullmatch(rf"{PREFIX}(\d{{1,10}})(?:-\d+)?", lock.name.removesuffix(LOCK))
        if process is None or lives(int(process[1])) or lock.with_name(lock.name.removesuffix(LOCK) + SUFFIX).exists():
            continue
        descriptor = _locked(lock)
        if descriptor is not None:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
            os.close(descriptor)


def leftovers() -> list[Leftover]:
    """What other processes left behind, the newest first; each is held until it is removed or released."""
    found: list[Leftover] = []
    try:
        _tidy()
        paths = [path for path in folder().iterdir() if path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)]
    except OSError:
        return []
    for path in paths:
        descriptor = _locked(path.with_name(path.name.removesuffix(SUFFIX) + LOCK))
        if descriptor is None:
            continue
        leftover = _read(path, descriptor)
        if leftover is None:
            os.close(descriptor)
        else:
            found.append(leftover)
    return sorted(found, key=lambda leftover: -leftover.time)


def leftovers_of(session: Session) -> tuple[list[Leftover], int]:
    """What other processes left behind of a session's scenario, held, and how much there is of others.

    Args:
        session: the session.
    """
    found = leftovers()
    if not found:
        return [], 0
    from retrograde.engine.session.saving import identity

    opened = identity(session)
    its = [leftover for leftover in found if leftover.is_of(opened)]
    for leftover in found:
        if leftover not in its:
            leftover.release()
    return its, len(found) - len(its)


def _read(path: Path, descriptor: int) -> Leftover | None:
    try:
        content: Any = json.loads(read_regular(path, MOST_BYTES))
        counts = {key: len(content[key]) for key in KEPT}
        return Leftover(
            path=path,
            descriptor=descriptor,
            scenario=str(content["scenario"]["name"]),
            source=None if content["scenario"]["path"] is None else str(content["scenario"]["path"]),
            digest=str(content["scenario"]["digest"]),
            edits=len(content["branches"]) - 1,
            kept=counts,
            time=path.stat().st_mtime,
        )
    except (EngineError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
