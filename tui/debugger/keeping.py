"""Saving: the part of the debugger that writes sessions, and keeps what was not saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.desk import Action, Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.work.jobs import Job
    from retrograde.tui.work.unsaved import Keeper, Leftover

SUFFIX = ".session.json"
Stamp = tuple[object, ...]


def stamp(session: Session) -> Stamp:
    """What is worth keeping of a session, to be compared: edits and notes first, then what was set."""
    branches = tuple((one.name, None if one.parent is None else one.parent.name, one.edit) for one in session.branches)
    points = tuple(
        (
            point.number,
            point.text,
            point.enabled,
            point.once,
            point.from_hit,
            point.after,
            tuple(formula.text for formula in point.log),
        )
        for point in session.breakpoints.values()
    )
    watches = tuple(formula.text for formula in session.watches)
    # By their texts: an edit with NaN is not equal to itself.
    return repr((branches, sorted(session.notes.items()))), points, watches, tuple(sorted(session.marks.items()))


def is_session(path: Path) -> bool:
    """Whether a file is a saved session, by how it begins."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(400)
    except (OSError, UnicodeDecodeError):
        return False
    return head.startswith('{\n "format": ') and '"scenario": {' in head


class Keeping:
    """What the words for saving do, and what happens without being asked."""

    def __init__(self, desk: Desk, working: Working, keeper: Keeper) -> None:
        self._desk = desk
        self._working = working
        self._keeper = keeper
        self._file: Path | None = None
        """Where the session was saved, or opened from."""
        self._saved: Stamp = ()
        self._kept: Stamp = ()
        self._asked = ""
        self._asking = ""
        desk.beginners.append(self.begin)

    def begin(self, file: Path | None = None, leftover: Leftover | None = None) -> None:
        """Begins to look after a session.

        Args:
            file: the file that it was opened from.
            leftover: the unsaved work that it was opened from.
        """
        session = self._desk.session
        self._file = file
        self._asked = self._asking = ""
        self._saved = self._kept = stamp(session)
        if leftover is not None:
            from retrograde.engine.session.saving import to_json

            self._saved = ()
            self._keeper.keep(to_json(session, fingerprint=False), leftover)
        elif self._keeper.path is not None:
            self._keeper.forget()

    def keep(self) -> None:
        """Writes down what is new, in the background and without fingerprints, so that a crash loses nothing."""
        # A search moves the cursor while it works; a run lets the session go between its pieces.
        if not self._working.turns.allows(Event.LOOK):
            return
        session = self._desk.session
        now = stamp(session)
        if now == self._kept:
            return
        from retrograde.engine.session.saving import to_json

        self._kept = now
        with session.lock:
            text = "" if now == self._saved else to_json(session, fingerprint=False)
        self._keeper.keep(text)

    @property
    def _unsaved(self) -> bool:
        """Whether there are edits or notes that were not saved."""
        return stamp(self._desk.session)[0] != (self._saved[0] if self._saved else None)

    # -- what would lose something asks first

    def next_key(self) -> None:
        """Another command is given: only the one before it has asked."""
        self._asked, self._asking = self._asking, ""

    def sure(self, what: str, question: str) -> bool:
        """Whether unsaved edits may go: there are none, or the same key was pressed twice.

        Args:
            what: the command.
            question: what is said at the first time.
        """
        if self._asked == what or not self._unsaved:
            return True
        self._asking = what
        self._desk.say(question)
        return False

    def leave(self, then: Action, *, forced: bool = False) -> None:
        """Leaves for good: what was kept against a crash is removed.

        Args:
            then: what leaves.
            forced: without asking.
        """
        if forced or self.sure("quit", _("unsaved edits: :save keeps them, q again quits without")):
            self._keeper.forget()
            then()

    # -- saving

    def save(self, rest: str) -> None:
        """Saves the session."""
        if not self._working.when_idle(lambda: self.save(rest)):
            return
        session = self._desk.session
        forced = rest.startswith("!") or rest.endswith(" !")
        name = rest.strip("!").strip()
        try:
            path = self._target(name)
            if not forced:
                self._refuse(path)
        except (EngineError, OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._desk.say(reason or str(error), bad=True)
            return
        now, keeper = stamp(session), self._keeper

        def write(_job: Job) -> None:
            from retrograde.engine.session.saving import save

            save(session, path)
            keeper.forget()

        def done(_result: object) -> None:
            self._file, self._saved, self._kept = path, now, now
            self._desk.say(_("saved: retrograde open {path}").format(path=path))

        self._working.search(_("saving"), write, done)

    def _target(self, name: str) -> Path:
        """The file that is meant: the one that is named, else the one of this session, else one called as it is."""
        session = self._desk.session
        if not name:
            return self._file or Path(f"{session.scenario.name}{SUFFIX}")
        path = Path(name).expanduser()
        if path.is_dir():
            path /= f"{session.scenario.name}{SUFFIX}"
        return path if path.suffix else path.with_name(path.name + SUFFIX)

    def _refuse(self, path: Path) -> None:
        """Looks whether something would be lost.

        Raises:
            EngineError: it would.
        """
        if not path.exists() or (self._file is not None and path.resolve() == self._file.resolve()):
            return
        if not is_session(path):
            raise EngineError(_("{path} is there and no saved session; :save! {path} overwrites it").format(path=path))
        raise EngineError(_("{path} is another saved session; :save! {path} overwrites it").format(path=path))
