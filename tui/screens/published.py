"""The published figures of a scenario, each with the step that it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.published import published_table, published_title

if TYPE_CHECKING:
    from retrograde.engine.forensics.forensics import Report
    from retrograde.engine.session.figures import Figure
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.screens.goals import Try, Vary, Visit
    from retrograde.tui.work.jobs import Job


WIDE = 110
"""Cells from which there is room beside the table."""


NARROW = 72
"""Cells below which there is no room for all columns."""


class PublishedScreen(LookingScreen):
    """What was printed beside what is computed; it begins at the figure that was passed last.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        figures: the figures, verified.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("P", "leave", "leave"), ("f", "forensics", "what gives them")]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, figures: tuple[Figure, ...]) -> None:
        super().__init__(session, glyphs, work)
        self._figures = figures
        self._report: Report | None = None
        passed = [number for number, figure in enumerate(figures) if 0 < figure.position <= session.position]
        self.row = max(passed, key=lambda number: figures[number].position, default=0)

    def on_resize(self) -> None:
        """Where there is no room beside the table, it is said below."""
        self.show()

    def title_line(self) -> Line:
        """What it is, and of what."""
        return published_title(self.session, self._figures)

    def table(self) -> TableView:
        """A row a figure."""
        return published_table(
            self.session, self._figures, self.row, wide=self.size.width >= WIDE, narrow=self.size.width < NARROW
        )

    def step(self) -> int | None:
        """The step that makes the value, or after which it is known."""
        return self._figures[self.row].position or None

    def reread(self, _job: Job) -> object:
        """The figures are the same at every moment; what is passed is not."""
        return True

    def read(self, result: Any) -> None:
        """Takes nothing: the session says where it is."""

    def action_forensics(self) -> None:
        """Shows which conventions and slips give the figures, once that was searched."""
        from retrograde.engine.forensics.forensics import investigate

        if self.session.original:
            self.say(_("{name} says what gives them: q goes back there").format(name=self.session.original))
            return
        if self._report is not None:
            self._show_report(self._report)
            return

        def task(job: Job) -> Report | EngineError:
            try:
                return investigate(self.session.scenario, asked=job.asked)
            except EngineError as error:
                return error

        self.begin(_("looking for what gives the figures"), task, self._found)

    def _found(self, result: Report | EngineError) -> None:
        if isinstance(result, EngineError):
            self.say(str(result))
            return
        self._report = result
        if self.is_current:
            self._show_report(result)

    def _show_report(self, report: Report) -> None:
        from retrograde.tui.screens.forensics import ForensicsScreen

        def answered(choice: Visit | Try | Vary | None) -> None:
            if choice is not None:
                self.dismiss(choice)

        self.app.push_screen(ForensicsScreen(self.session, self._glyphs, self.work, report), answered)
