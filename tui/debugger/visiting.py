"""Marks, and the places that were visited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.debugger.listing import Debugging
from retrograde.tui.views.debugging import (
    address,
)

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session


class Visiting(Debugging):
    """The part of the screen that remembers places."""

    # -- marks

    def do_mark(self) -> None:
        """Marks this moment with the letter that is typed next."""
        self._ask_letter(_("mark this moment: a letter"), lambda letter: self._with_session(lambda: self._mark(letter)))

    def do_go_to_mark(self) -> None:
        """Goes to the mark whose letter is typed next."""
        session = self.session
        assert session is not None
        if not session.marks:
            self._say(_("there is no mark; m and a letter makes one"))
            return
        marks = "   ".join(
            f"{letter} {address(session.schedule, position)}"
            for letter, (_branch, position) in sorted(session.marks.items())
        )
        self._ask_letter(_("go to mark: {marks}").format(marks=marks), self._go_to_mark)

    def _ask_letter(self, text: str, then: Callable[[str], None]) -> None:
        from retrograde.tui.screens.letter import LetterScreen

        def answered(letter: str | None) -> None:
            if letter is not None:
                then(letter)

        self.app.push_screen(LetterScreen(text), answered)

    def line_mark(self, rest: str) -> None:
        """Marks this moment."""
        self._mark(rest)

    def _mark(self, letter: str) -> None:
        session = self.session
        assert session is not None
        session.mark(letter)
        place = address(session.schedule, session.position)
        self._say(_("mark {letter}: {place}").format(letter=letter, place=place))
        self._debug_changed()

    def _go_to_mark(self, letter: str) -> None:
        session = self.session
        assert session is not None
        branch = session.branch
        known = session.marks.get(letter)
        if known is not None and known[0] == branch.name and self._walk(lambda: session.go_to_mark(letter)):
            return
        if not self._when_idle(lambda: self._go_to_mark(letter)):
            return
        try:
            session.go_to_mark(letter)
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        if session.branch is not branch:
            self._switched()
        self._arrived(_("mark {letter}").format(letter=letter))

    # -- places that were visited

    def do_return(self) -> None:
        """Goes back to where the last jump came from."""
        self._revisit(forward=False)

    def do_forth(self) -> None:
        """Goes forth again to the place that was left by returning."""
        self._revisit(forward=True)

    def _revisit(self, *, forward: bool) -> None:
        if self._walk(lambda: cast("Session", self.session).revisit(forward=forward)):
            return
        if not self._when_idle(lambda: self._revisit(forward=forward)):
            return
        session = self.session
        assert session is not None
        branch = session.branch
        if not session.revisit(forward=forward):
            self._say(_("this is the last place") if forward else _("no jump to return from"))
            return
        if session.branch is not branch:
            self._switched()
        self._moved()
