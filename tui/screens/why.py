"""Why a gradient is as it is: its account by layer, and how it came to be so over the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.engine.text import _
from retrograde.tui.reading.why import Beyond, Course, WhyReading, beyond, course_of_gradient
from retrograde.tui.screens.goals import Try
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.why import step_of, why_table, why_title

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.screens.goals import Vary, Visit
    from retrograde.tui.work.jobs import Job


class WhyScreen(LookingScreen):
    """The autopsy of a gradient.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: what was read of the gradient.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("p", "chain", "chain"),
        ("e", "try", "try the change"),
        ("h", "leave", "leave"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, reading: WhyReading) -> None:
        super().__init__(session, glyphs, work)
        self._reading = reading
        self._course: Course | None = None
        self._upto = -1
        self._beyond: Beyond | None = None

    def title_line(self) -> Line:
        """The gradient, its value and when."""
        return why_title(self._reading)

    def table(self) -> TableView:
        """Its account."""
        return why_table(self._reading, self.row, self._course, self._beyond)

    def step(self) -> int | None:
        """The step at which the layer's gradient was made."""
        return step_of(self._reading, self.row)

    def reread(self, _job: Job) -> object:
        """Asks again, of the iteration where the cursor is now."""
        return WhyReading.of(self.session, self._reading.asked)

    def read(self, result: Any) -> None:
        """Takes the answer."""
        self._reading, self._beyond = result, None

    def look_further(self) -> None:
        """Looks for when it died and what would revive it, then at the run, for the small curves."""
        found = self._reading.found

        def done(answer: Any) -> None:
            self._beyond = answer
            self.show()
            if self._upto < self.session.frontier and found.account is not None:
                self._upto = self.session.frontier
                self.begin("", lambda job: course_of_gradient(self.session, found.ref, job.asked), self._ran)

        self.begin("", lambda job: beyond(self.session, found, job.searched), done)

    def _ran(self, course: Any) -> None:
        self._course = course
        self.show()

    def action_try(self) -> None:
        """Makes the change that would revive it, on a branch."""
        found = self._beyond
        if found is not None and found.remedy is not None:
            values = tuple((one.ref, one.after) for one in found.remedy.replaced)
            self.dismiss(Try(found.revived.position, values, self._reading.found.ref))

    def action_chain(self) -> None:
        """Shows the whole chain."""
        from retrograde.tui.reading.chain import ChainReading
        from retrograde.tui.screens.chain import ChainScreen

        def answered(choice: Visit | Try | Vary | None) -> None:
            if choice is not None:
                self.dismiss(choice)

        reading = ChainReading.of_why(self._reading)
        if reading is None:
            self.say(_("what is not finite has no parts: it is told where it began"))
            return
        self.app.push_screen(ChainScreen(self.session, self._glyphs, self.work, reading), answered)
