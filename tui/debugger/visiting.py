"""Marks, and the places that were visited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.views.debugging import (
    address,
)

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.working import Working


class Visiting:
    """The part that remembers places."""

    def __init__(self, desk: Desk, working: Working, listing: Listing) -> None:
        self._desk = desk
        self._working = working
        self._listing = listing

    # -- marks

    def ask_mark(self) -> None:
        """Marks this moment with the letter that is typed next."""
        self._ask_letter(
            _("mark this moment: a letter"), lambda letter: self._working.with_session(lambda: self.mark(letter))
        )

    @property
    def why_no_mark(self) -> str:
        """Why there is no mark to go to; empty where there is one."""
        return "" if self._desk.session.marks else _("there is no mark; m and a letter makes one")

    def ask_where(self) -> None:
        """Goes to the mark whose letter is typed next."""
        session = self._desk.session
        if not session.marks:
            self._desk.say(self.why_no_mark)
            return
        marks = "   ".join(
            f"{letter} {address(session.schedule, position)}"
            for letter, (_branch, position) in sorted(session.marks.items())
        )
        self._ask_letter(_("go to mark: {marks}").format(marks=marks), self.go_to_mark)

    def _ask_letter(self, text: str, then: Callable[[str], None]) -> None:
        from retrograde.tui.screens.letter import LetterScreen

        def answered(letter: str | None) -> None:
            if letter is not None:
                then(letter)

        self._desk.host.ask(LetterScreen(text), answered)

    def mark(self, letter: str) -> None:
        """Marks this moment.

        Args:
            letter: the letter of the mark.
        """
        session = self._desk.session
        session.mark(letter)
        place = address(session.schedule, session.position)
        self._desk.say(_("mark {letter}: {place}").format(letter=letter, place=place))
        self._listing.changed()

    def go_to_mark(self, letter: str) -> None:
        """Goes to a mark.

        Args:
            letter: the letter of the mark.
        """
        session = self._desk.session
        branch = session.branch
        known = session.marks.get(letter)
        if known is not None and known[0] == branch.name and self._working.walk(lambda: session.go_to_mark(letter)):
            return
        if not self._working.when_idle(lambda: self.go_to_mark(letter)):
            return
        try:
            session.go_to_mark(letter)
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        if session.branch is not branch:
            self._desk.forget()
        self._listing.arrived(_("mark {letter}").format(letter=letter))

    # -- places that were visited

    def back(self) -> None:
        """Goes back to where the last jump came from."""
        self._revisit(forward=False)

    def forth(self) -> None:
        """Goes forth again to the place that was left by returning."""
        self._revisit(forward=True)

    def _revisit(self, *, forward: bool) -> None:
        if self._working.walk(lambda: self._desk.session.revisit(forward=forward)):
            return
        if not self._working.when_idle(lambda: self._revisit(forward=forward)):
            return
        session = self._desk.session
        branch = session.branch
        if not session.revisit(forward=forward):
            self._desk.say(_("this is the last place") if forward else _("no jump to return from"))
            return
        if session.branch is not branch:
            self._desk.forget()
        self._desk.moved()
