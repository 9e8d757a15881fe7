"""What gives the published figures: the explanations that forensics found, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.engine.text import _, joined
from retrograde.tui.screens.goals import Vary, Visit
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.forensics_table import explanations, forensics_table, forensics_title

if TYPE_CHECKING:
    from retrograde.engine.forensics.forensics import Report
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.work.jobs import Job

WIDE = 110
"""Cells from which there is room beside the table."""


class ForensicsScreen(LookingScreen):
    """The programs that give the figures, and what else would.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        report: what was found.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("f,P", "leave", "leave"), ("w", "step", "its step here")]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, report: Report) -> None:
        super().__init__(session, glyphs, work)
        self._report = report
        rows = explanations(report)
        self.row = next((number for number, (_letter, one) in enumerate(rows) if one.deviations), 0)

    def on_resize(self) -> None:
        """Where there is no room beside the table, it is said below."""
        self.show()

    def title_line(self) -> Line:
        """What it is, and of what."""
        return forensics_title(self.session, self._report)

    def table(self) -> TableView:
        """A row an explanation."""
        return forensics_table(self._report, self.row, wide=self.size.width >= WIDE)

    def step(self) -> int | None:
        """The first step whose equation is another one."""
        _letter, found = explanations(self._report)[self.row]
        if not found.changes:
            return None
        program = self.session.schedule.program(0)
        number = program.produced(self.session.notation.resolve(found.changes[0].name, program))
        return None if number is None else number + 1

    def action_step(self) -> None:
        """Goes to the step here of which the variant has another equation, the first one."""
        step = self.step()
        if step is None:
            self.say(_("this explanation changes no equation"))
        else:
            self.dismiss(Visit(step))

    def action_choose(self) -> None:
        """Opens the variant, at the first step whose equation is another one."""
        _letter, found = explanations(self._report)[self.row]
        if not found.deviations:
            self.say(_("as stated: that is the session that you came from"))
        elif not any(one.switches for one in found.deviations):
            text = joined([one.text for one in found.deviations], ", ")
            self.say(_("{what}: no equation is another one").format(what=text))
        else:
            self.dismiss(Vary(found.deviations, found.changes[0].name if found.changes else ""))

    def reread(self, _job: Job) -> object:
        """The explanations are the same at every moment."""
        return True

    def read(self, result: Any) -> None:
        """Takes nothing."""
