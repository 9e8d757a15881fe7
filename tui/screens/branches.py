"""The screen of branches: their list, two of them beside each other, and their loss curves in one plot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from textual.app import ComposeResult
from textual.binding import BindingType

from retrograde.engine.errors import EngineError
from retrograde.engine.session.beside import catch_up, go_to
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import TableView
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.goals import Switch, Visit
from retrograde.tui.views.branches import branches_table, curves_view, differences_table, in_order, last_loss, target_of
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.loss import LossPanel
from retrograde.tui.widgets.panel import Panel
from retrograde.tui.widgets.table import Table

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.branch import Branch, BranchComparison

Work: TypeAlias = Callable[[str, Callable[[object], object], Callable[[object], None]], None]
LOOK_SECONDS = 0.5
"""How long the first difference is looked for."""
LEAST_FOR_CURVES = 16
"""Rows of the screen from which on there is room for the curves."""


class BranchesScreen(AnsweringModal[Switch | Visit | None]):
    """Lists the branches and compares two; answers with where to go, or None.

    Args:
        session: the session, which nobody else is using.
        glyphs: the characters of the screen.
        work: does work on the session off the screen's thread: a title, the work, and what takes its result.
        compared: the name of a branch to compare with at once; empty for the list.

    Attributes:
        compared: the name of the branch that was compared last, empty for none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,7", "leave", "leave"),
        ("backspace", "list", "list"),
        ("j,down", "move(1)", "down"),
        ("k,up", "move(-1)", "up"),
        ("pagedown", "move(10)", "further down"),
        ("pageup", "move(-10)", "further up"),
        ("home", "move(-1000000000)", "first"),
        ("end", "move(1000000000)", "last"),
        ("enter", "choose", "choose"),
        ("d", "compare", "differences"),
        ("u", "undo", "undo"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, compared: str = "") -> None:
        super().__init__()
        self._work = work
        self._direct = bool(compared)
        self.compared = compared
        self._session = session
        self._glyphs = glyphs
        self._comparing = bool(compared)
        self._working = False
        self._comparison: BranchComparison | None = None
        self._losses: dict[str, float | None] = {}
        self._row = 0
        self._branch_row = 0
        self._notice = ""

    def compose(self) -> ComposeResult:
        """The table, and the curves below it."""
        yield Table(id="branches")
        yield LossPanel(id="curves")

    def on_mount(self) -> None:
        """Shows the list, or begins to compare."""
        ordered = self._ordered()
        wanted = self.compared or self._session.branch.name
        self._branch_row = next((k for k, branch in enumerate(ordered) if branch.name == wanted), 0)
        self._losses = {branch.name: last_loss(self._session, branch) for branch in ordered}
        if self._comparing:
            self._tick()
        self._show()

    def on_resize(self) -> None:
        """Gives the curves room where there is some."""
        self._show()

    def _ordered(self) -> list[Branch]:
        return [branch for branch, _depth in in_order(self._session.branches)]

    @property
    def _selected(self) -> Branch:
        ordered = self._ordered()
        return ordered[min(self._branch_row, len(ordered) - 1)]

    # -- comparing

    def _tick(self) -> None:
        """Brings the other branch as far as the cursor, a moment at a time, then compares."""
        if not self._comparing or not self.is_attached:
            return
        session, other = self._session, self._session.branch_called(self.compared)
        if not catch_up(other, session.iteration):
            share = other.history.count / max(session.iteration, 1)
            self._notice = _("running {name} up to here: {percent} %").format(name=other.name, percent=int(100 * share))
            self._show()
            self.set_timer(0.001, self._tick)
            return
        self._notice = _("comparing …")
        self._show()
        end = time.perf_counter() + LOOK_SECONDS

        def compare(_job: object) -> object:
            return session.compare(other.name, lambda _done, _total: time.perf_counter() > end)

        self._working = True
        self._work("", compare, self._compared_with)

    def _compared_with(self, result: object) -> None:
        """Shows what the comparison has found."""
        self._working, self._notice = False, ""
        if self.is_attached and self._comparing:
            self._comparison = cast("BranchComparison", result)
            self._row = 0
            self._show()

    # -- showing

    def _show(self) -> None:
        if not self.is_attached:
            return
        session = self._session
        other = session.branch_called(self.compared) if self._comparing else self._selected
        if self._comparing:
            title = _("differences")
            if self._comparison is not None:
                table = differences_table(session, self._comparison, self._row, max(self.size.height, 60))
            else:
                table = TableView(columns=(), rows=(), first=0, count=0, selected=0, empty=self._notice)
        else:
            title = _("branches")
            table = branches_table(session, self._losses, self._branch_row, self.compared, self._notice)
        height = self.size.height
        curves = height >= LEAST_FOR_CURVES
        wanted = table.count + len(table.lines) + 3 if curves else height
        part = self.query_one("#branches")
        part.styles.height = min(max(wanted, 6), height * 3 // 5) if curves else "1fr"
        self.query_one("#curves").display = curves
        self._give("#branches", title, table)
        self._give("#curves", _("loss"), curves_view(session, session.branch, other))

    def _give(self, part: str, title: str, made: Any) -> None:
        frame = PanelEdge(title=(Span(title, Ink.TITLE_ON),), corners=self._glyphs.corners[:2], bottom=True)
        widget: Any = self.query_one(part)
        if self._glyphs.ascii:
            frame, made = in_ascii(frame), in_ascii(made)
        widget.show(frame, made)

    def _tell(self, text: str) -> None:
        self._notice = text
        self._show()
        self._notice = ""

    # -- what the keys do

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        if self._comparing:
            count = 0
            if self._comparison is not None:
                count = len(self._comparison.differences) + (self._comparison.first is not None)
            self._row = min(max(self._row + by, 0), max(count - 1, 0))
        else:
            self._branch_row = min(max(self._branch_row + by, 0), len(self._session.branches) - 1)
        self._show()

    def action_choose(self) -> None:
        """Goes to the branch, or to the step of the selected difference."""
        if not self._comparing:
            self.dismiss(Switch(self._selected.name))
            return
        if self._comparison is None:
            return
        number = target_of(self._session, self._comparison, self._row)
        if number is not None:
            self.dismiss(Visit(number))

    def action_compare(self) -> None:
        """Compares the cursor's branch with the selected one, or lists the branches again."""
        if self._comparing:
            self.action_list()
            return
        if self._working:
            return
        session, other = self._session, self._selected
        if other is session.branch:
            if other.parent is None:
                children = [branch for branch in session.branches if branch.parent is other]
                if not children:
                    return
                other = children[-1]
            else:
                other = other.parent
        self.compared = other.name
        self._comparing = True
        self._comparison = None
        self._tick()
        self._show()

    def action_list(self) -> None:
        """Lists the branches again; from the list, leaves."""
        if not self._comparing:
            self.dismiss(None)
            return
        self._comparing = False
        self._comparison = None
        self._show()

    def action_undo(self) -> None:
        """Takes back the edit of the selected branch."""
        session, gone = self._session, self._selected
        if self._comparing or self._working:
            return
        if gone.parent is None:
            self._tell(_("{name} was made by no edit").format(name=gone.name))
            return
        before = session.branch
        try:
            session.switch(gone.name)
            session.undo()
        except EngineError as error:
            go_to(session, before.name)
            self._tell(str(error))
            return
        if before is not gone:
            go_to(session, before.name)
        self.compared = "" if self.compared == gone.name else self.compared
        self._branch_row = min(self._branch_row, len(session.branches) - 1)
        self._show()

    def action_leave(self) -> None:
        """Leaves; from the differences of a comparison that began with the list, to the list."""
        if self._direct:
            self.dismiss(None)
        else:
            self.action_list()

    def on_table_clicked(self, event: Table.Clicked) -> None:
        """Selects with the mouse."""
        self.action_move(event.row - (self._row if self._comparing else self._branch_row))

    def on_table_wheeled(self, event: Table.Wheeled) -> None:
        """Scrolls with the wheel."""
        self.action_move(event.by)

    def on_panel_pressed(self, event: Panel.Pressed) -> None:
        """The curves have nothing to select."""
        event.stop()

    def on_panel_wheeled(self, event: Panel.Wheeled) -> None:
        """The curves have nothing to scroll."""
        event.stop()
