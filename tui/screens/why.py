"""Why a gradient is as it is: its account by layer, and how it came to be so over the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.tui.reading.why import Course, WhyReading, course_of_gradient
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.why import step_of, why_table, why_title

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.screens.goals import Visit
    from retrograde.tui.work.jobs import Job


class WhyScreen(LookingScreen):
    """The autopsy of a gradient.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: what was read of the gradient.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("p", "chain", "chain"), ("y", "leave", "leave")]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, reading: WhyReading) -> None:
        super().__init__(session, glyphs, work)
        self._reading = reading
        self._course: Course | None = None

    def title_line(self) -> Line:
        """The gradient, its value and when."""
        return why_title(self._reading)

    def table(self) -> TableView:
        """Its account."""
        return why_table(self._reading, self.row, self._course)

    def step(self) -> int | None:
        """The step at which the layer's gradient was made."""
        return step_of(self._reading, self.row)

    def reread(self, _job: Job) -> object:
        """Asks again, of the iteration where the cursor is now."""
        return WhyReading.of(self.session, self._reading.asked)

    def read(self, result: Any) -> None:
        """Takes the answer."""
        self._reading = result

    def look_further(self) -> None:
        """Looks at the run, for the small curves; once is enough."""
        if self._course is not None or self._reading.found.account is None:
            return

        def done(course: Any) -> None:
            self._course = course
            self.show()

        ref = self._reading.found.ref
        self.begin("", lambda job: course_of_gradient(self.session, ref, job.asked), done)

    def action_chain(self) -> None:
        """Shows the whole chain."""
        from retrograde.tui.reading.chain import ChainReading
        from retrograde.tui.screens.chain import ChainScreen

        def answered(choice: Visit | None) -> None:
            if choice is not None:
                self.dismiss(choice)

        reading = ChainReading.of_why(self._reading)
        self.app.push_screen(ChainScreen(self.session, self._glyphs, self.work, reading), answered)
