"""The flow of the gradient by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.tui.reading.why import Course, FlowReading, course_of_flow
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.flow import flow_table, flow_title, step_of

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.work.jobs import Job


class FlowScreen(LookingScreen):
    """The flow by layer, in the cursor's iteration and over the run.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: what was read of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("tab,shift+tab", "curves", "now, over the run"),
        ("L", "leave", "leave"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, reading: FlowReading) -> None:
        super().__init__(session, glyphs, work)
        self._reading = reading
        self._course: Course | None = None
        self._upto = -1
        self._curves = False

    def title_line(self) -> Line:
        """What it is, and when."""
        return flow_title(self._reading)

    def table(self) -> TableView:
        """A row a layer."""
        return flow_table(self._reading, self.row, self._course, curves=self._curves)

    def step(self) -> int | None:
        """The first step of the layer."""
        return step_of(self._reading, self.row)

    def reread(self, _job: Job) -> object:
        """Asks again, of the iteration where the cursor is now."""
        return FlowReading.of(self.session)

    def read(self, result: Any) -> None:
        """Takes the answer."""
        self._reading = result

    def look_further(self) -> None:
        """Looks at the run, where more of it has run than was looked at."""
        if self._upto < self.session.frontier:
            self._upto = self.session.frontier
            self.begin("", lambda job: course_of_flow(self.session, job.asked), self._ran)

    def _ran(self, course: Any) -> None:
        self._course = course
        self.show()

    def action_curves(self) -> None:
        """Shows curves over the run in place of the numbers, or the numbers again."""
        self._curves = not self._curves
        self.show()
        self.look_further()
