"""Saving: the part of the debugger that writes sessions, and keeps what was not saved."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import SUFFIX as RECORDED
from retrograde.engine.text import _
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from retrograde.engine.session.saving import SessionFile
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
    from retrograde.engine.atomic import read_regular
    from retrograde.engine.session.saved import MAX_FILE_BYTES

    try:
        head = read_regular(path, MAX_FILE_BYTES)[:400].decode(errors="replace")
    except (OSError, EngineError):
        return False
    return head.startswith('{\n "format": ') and '"scenario": {' in head


class Keeping:
    """What the words for saving do, and what happens without being asked."""

    def __init__(self, desk: Desk, working: Working, keeper: Keeper) -> None:
        self._desk = desk
        self._working = working
        self._keeper = keeper
        self._file: SessionFile | None = None
        """Where the session was saved, or opened from."""
        self._saved: Stamp = ()
        self._kept: Stamp = ()
        self._asked = ""
        self._asking = ""
        desk.beginners.append(self.begin)

    def begin(self, file: SessionFile | None = None, leftover: Leftover | None = None) -> None:
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
        if now == self._kept or session.original:
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
        question = _("unsaved edits: :save keeps them, q again quits without")
        if original := self._desk.session.original:
            question = _("a variant is not saved: q again leaves its edits and goes back to {name}").format(
                name=original
            )
        if forced or self.sure("quit", question):
            self._keeper.forget()
            then()

    # -- saving

    def save(self, rest: str) -> None:
        """Saves the session."""
        if not self._working.when_idle(lambda: self.save(rest)):
            return
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
        over = self._file if not forced and self._is_own(path) else None
        self._write(path, over)

    def _write(self, path: Path, over: SessionFile | None) -> None:
        """Writes the session; asks where another program has written its file meanwhile.

        Args:
            path: the file.
            over: what is in it, as far as is known here; None to overwrite anything.
        """
        session = self._desk.session
        now, keeper = stamp(session), self._keeper

        def write(_job: Job) -> SessionFile | None:
            from retrograde.engine.session.saving import ChangedError, save

            try:
                written = save(session, path, over=over)
            except ChangedError:
                return None
            keeper.forget()
            return written

        def done(written: SessionFile | None) -> None:
            if written is None:
                self._ask(path)
                return
            self._file, self._saved, self._kept = written, now, now
            self._desk.say(_("saved: retrograde open {path}").format(path=quote(str(path))))

        self._working.search(_("saving"), write, done)

    def _ask(self, path: Path) -> None:
        """Asks what becomes of a file that another program has changed."""
        from retrograde.tui.screens.choosing import ChoiceScreen

        other = _free(path)
        rows = (
            (_("save as {path}").format(path=other.name), _("both are kept")),
            (_("overwrite"), _("what the other program wrote is lost")),
            (_("cancel"), _("nothing is saved")),
        )

        def answered(row: int | None) -> None:
            if row == 0:
                self._write(other, None)
            elif row == 1:
                self._write(path, None)
            else:
                self._desk.say(_("not saved: {path} was changed by another program").format(path=path), bad=True)

        title = _("{path} was changed by another program since it was opened").format(path=path.name)
        self._desk.host.ask(ChoiceScreen(title, rows, self._desk.host.glyphs), answered)

    def _is_own(self, path: Path) -> bool:
        """Whether a file is the one of this session."""
        return self._file is not None and path.resolve() == self._file.path.resolve()

    def _target(self, name: str) -> Path:
        """The file that is meant: the one that is named, else the one of this session, else one called as it is."""
        session = self._desk.session
        if not name:
            return self._file.path if self._file is not None else Path(_called(session))
        path = Path(name).expanduser()
        if path.is_dir():
            path /= _called(session)
        return path if path.suffix else path.with_name(path.name + SUFFIX)

    def _refuse(self, path: Path) -> None:
        """Looks whether something would be lost.

        Raises:
            EngineError: it would.
        """
        if not path.exists() or self._is_own(path):
            return
        if not is_session(path):
            raise EngineError(_("{path} is there and no saved session; :save! {path} overwrites it").format(path=path))
        raise EngineError(_("{path} is another saved session; :save! {path} overwrites it").format(path=path))


def _called(session: Session) -> str:
    """What the file of a session is called where nobody says it."""
    return f"{session.name.removesuffix(RECORDED)}{SUFFIX}"


def _free(path: Path) -> Path:
    """A file beside another one that is not there yet, named after it."""
    stem = path.name.removesuffix(SUFFIX)
    numbers = (path.with_name(f"{stem}-{number}{SUFFIX}") for number in count(2))
    return next(each for each in numbers if not each.exists())
