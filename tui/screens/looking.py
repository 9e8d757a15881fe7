"""Screens that look at a moment of the session in a table, and may go on to a step of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import BindingType

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import TableView
from retrograde.tui.screens.answering import SayingModal
from retrograde.tui.screens.goals import Try, Vary, Visit
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.bars import Saying
from retrograde.tui.widgets.table import Table

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.work.jobs import Job

Work: TypeAlias = Callable[[str, "Callable[[Job], object]", "Callable[[Any], None]"], None]
"""Does work on the session off the screen's thread: its title, the work, what takes its result."""

LOOKING: tuple[BindingType, ...] = (
    ("escape,q", "leave", "leave"),
    ("j,down", "move(1)", "down"),
    ("k,up", "move(-1)", "up"),
    ("pagedown", "move(10)", "further down"),
    ("pageup", "move(-10)", "further up"),
    ("home", "move(-1000000000)", "first"),
    ("end", "move(1000000000)", "last"),
    ("enter", "choose", "choose"),
    ("right_square_bracket", "travel('iteration')", "next iteration"),
    ("left_square_bracket", "travel('iteration', True)", "previous iteration"),
    ("right_curly_bracket", "travel('epoch')", "next epoch"),
    ("left_curly_bracket", "travel('epoch', True)", "previous epoch"),
)


class LookingScreen(SayingModal[Visit | Try | Vary | None]):
    """A table of what was read of a moment; answers with where to go, what to try, or None.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.

    Attributes:
        row: the selected row.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*LOOKING]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work) -> None:
        super().__init__()
        self.session = session
        self.work = work
        self.row = 0
        self._glyphs = glyphs
        self._count = 0

    def compose(self) -> ComposeResult:
        """The table."""
        yield Table(id="looked")
        yield Saying(id="said")

    def on_mount(self) -> None:
        """Shows what was read, and looks for what takes longer."""
        self.show()
        self.look_further()

    # -- what each screen says

    def title_line(self) -> Line:
        """What stands in the edge."""
        raise NotImplementedError

    def table(self) -> TableView:
        """The table."""
        raise NotImplementedError

    def step(self) -> int | None:
        """The step that the selected row is about; None for none."""
        raise NotImplementedError

    def reread(self, job: Job) -> object:
        """Reads the session anew where it stands, in the worker."""
        raise NotImplementedError

    def read(self, result: Any) -> None:
        """Takes what was read."""
        raise NotImplementedError

    def look_further(self) -> None:
        """Looks for what takes longer, once the screen is there."""

    # -- showing

    def show(self) -> None:
        """Shows the table as it is."""
        if not self.is_attached:
            return
        table = self.table()
        self._count = table.count
        frame = PanelEdge(title=self.title_line(), corners=self._glyphs.corners[:2], bottom=True)
        if self._glyphs.ascii:
            frame, table = in_ascii(frame), in_ascii(table)
        self.query_one(Table).show(frame, table)

    def begin(self, title: str, task: Callable[[Job], object], done: Callable[[Any], None]) -> None:
        """Does work on the session off the screen's thread; what goes on already is asked to end first.

        Args:
            title: what it does; of work with a title the screen waits a moment for the result.
            task: the work.
            done: takes its result, if the screen is still there.
        """

        def ended(result: Any) -> None:
            if self.is_attached:
                done(result)

        self.work(title, task, ended)

    # -- what the keys do

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self.row = min(max(self.row + by, 0), max(self._count - 1, 0))
        self.show()

    def action_choose(self) -> None:
        """Goes to the step of the selected row."""
        step = self.step()
        if step is not None:
            self.dismiss(Visit(step))
        elif self._count:
            self.say(_("no step made it, it was given"))

    def action_leave(self) -> None:
        """Leaves."""
        self.dismiss(None)

    def action_travel(self, granularity: str, back: bool = False) -> None:
        """Moves the cursor, and reads anew.

        Args:
            granularity: how far.
            back: backward.
        """

        def task(job: Job) -> object:
            session = self.session
            moved = session.back(granularity) if back else session.step(granularity)
            return self.reread(job) if moved else None

        def done(result: Any) -> None:
            if result is not None:
                self.read(result)
                self.show()
                self.look_further()

        self.begin(granularity, task, done)

    def on_table_clicked(self, event: Table.Clicked) -> None:
        """Selects with the mouse."""
        self.action_move(event.row - self.row)

    def on_table_wheeled(self, event: Table.Wheeled) -> None:
        """Scrolls with the wheel."""
        self.action_move(event.by)
