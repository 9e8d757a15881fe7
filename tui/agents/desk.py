"""The sessions that an agent has open, and the folder whose files it may open."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import SUFFIX, is_recording
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.session import Session
    from retrograde.tui.agents.job import Job

MOST_SESSIONS = 8
MOST_FILES, _MOST_SEEN, _MOST_DEPTH = 100, 20_000, 6
"""Files that are listed; entries of folders that are looked at, and folders within folders."""
SAVED = ".session.json"
_ENDINGS = (".toml", SAVED, SUFFIX)


@dataclass(slots=True)
class Opened:
    """A session, as it was opened.

    Attributes:
        session: the session.
        source: what was asked for.
        warnings: what is odd in it.
    """

    session: Session
    source: str
    warnings: tuple[str, ...] = ()


class Desk:
    """The sessions of one agent. One call is answered at a time: a session is used by one at a time.

    Args:
        folder: the folder whose files may be opened.
        edits: whether values may be changed, on branches of a session; files never are.
        seconds: how long a call may take.

    Attributes:
        sessions: the open sessions, by their ids.
        lock: is held by the call that is answered.
    """

    def __init__(self, folder: Path, *, edits: bool = False, seconds: float = 60.0) -> None:
        self.folder = folder.resolve()
        self.edits = edits
        self.seconds = seconds
        self.sessions: dict[str, Opened] = {}
        self.lock = threading.Lock()
        self._count = 0

    def session(self, name: str | None) -> Session:
        """The session with an id; without one the only one that is open.

        Raises:
            EngineError: there is none, or nobody knows which.
        """
        return self.sessions[self.id(name)].session

    def id(self, name: str | None) -> str:
        """The id of a session that is open; see ``session``."""
        known = ", ".join(self.sessions)
        if not known:
            raise EngineError(_("no session is open: call open first"))
        if name is None:
            if len(self.sessions) > 1:
                raise EngineError(_("which session? open are {known}").format(known=known))
            (name,) = self.sessions
        if name not in self.sessions:
            raise EngineError(_("there is no session {name}; open are {known}").format(name=name, known=known))
        return name

    def open(self, source: str, job: Job) -> str:
        """Opens a scenario, a saved session or a recording, and returns the id of its session.

        Args:
            source: a scenario by name, or a file of the folder.
            job: the call.

        Raises:
            EngineError: it can not be opened, or too many are.
        """
        if len(self.sessions) >= MOST_SESSIONS:
            message = _("{count} sessions are open, and no more may be: close one first")
            raise EngineError(message.format(count=len(self.sessions)))
        found = self._opened(source, job)
        self._count += 1
        name = f"s{self._count}"
        self.sessions[name] = found
        return name

    def _opened(self, source: str, job: Job) -> Opened:
        from retrograde.engine.scenario.file import load_scenario
        from retrograde.engine.session.session import Session

        if is_recording(source):
            return Opened(Session.of_recording(self.path(source)), source)
        if not source.endswith(SAVED):
            scenario = load_scenario(self._anchored(source))
            return Opened(Session(scenario), source, tuple(map(str, scenario.warnings)))
        from retrograde.engine.session.saving import open_session

        warnings: list[str] = []

        def load(inner: str | Path) -> Scenario:
            scenario = load_scenario(self._anchored(inner) if isinstance(inner, str) else inner)
            warnings.extend(map(str, scenario.warnings))
            return scenario

        saved = open_session(self.path(source), load, job.searched)
        warnings += [*saved.warnings, *(() if saved.drift is None else (str(saved.drift),))]
        return Opened(saved.session, source, tuple(warnings))

    def path(self, source: str) -> Path:
        """A file of the folder, by its path from there.

        Raises:
            EngineError: no file has such a name.
        """
        if "\0" in source:
            raise EngineError(_("there is no file {path}").format(path=repr(source)))
        return self.folder / source

    def _anchored(self, source: str) -> str:
        """A scenario by its name, or by the path of its file, wherever this process is meanwhile."""
        from retrograde.engine.scenario.catalogue import shipped
        from retrograde.engine.scenario.file import split_source

        meant = split_source(source)
        if meant.name in shipped() or "\0" in source:
            return source
        path = self.path(str(meant.name))
        if not str(meant.name).endswith(".toml") and not path.is_file():
            # It may have been meant as the name of one that ships, which the engine says.
            return source
        return replace(meant, name=str(path)).whole

    def close(self, name: str) -> None:
        """Closes a session.

        Raises:
            EngineError: there is none.
        """
        del self.sessions[self.id(name)]

    def files(self) -> list[str]:
        """What may be opened in the folder, as paths from there: scenarios, saved sessions and recordings."""
        return sorted(self._files(self.folder, 0, [0]))[:MOST_FILES]

    def _files(self, folder: Path, depth: int, seen: list[int]) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            seen[0] += 1
            if seen[0] > _MOST_SEEN:
                return
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _MOST_DEPTH:
                    yield from self._files(Path(entry.path), depth + 1, seen)
            elif entry.name.endswith(_ENDINGS) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path).relative_to(self.folder).as_posix()


Record = dict[str, Any]
"""Plain values, as of JSON."""
