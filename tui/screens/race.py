"""The race of a scenario and its variants: a table by epoch, and all curves in one plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from retrograde.engine.session.race import compared
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.views.race import race_table, race_view
from retrograde.tui.widgets.loss import LossPanel
from retrograde.tui.widgets.panel import Panel
from retrograde.tui.widgets.table import Table

if TYPE_CHECKING:
    from retrograde.engine.session.race import Lap
    from retrograde.tui.canvas.glyphs import Glyphs

LEAST_FOR_CURVES = 16
"""Rows of the screen from which on there is room for the curves."""


class RaceScreen(AnsweringModal[str | None]):
    """Compares trainings; answers with the name of the one to open, or None.

    Args:
        laps: the scenario as it stands, and its variants.
        glyphs: the characters of the screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,R", "leave", "leave"),
        ("j,down", "move(1)", "down"),
        ("k,up", "move(-1)", "up"),
        ("enter", "choose", "choose"),
    ]

    def __init__(self, laps: tuple[Lap, ...], glyphs: Glyphs) -> None:
        super().__init__()
        self._laps = laps
        self._glyphs = glyphs
        self._row = 0

    def compose(self) -> ComposeResult:
        """The table, and the curves below it."""
        yield Table(id="race")
        yield LossPanel(id="curves")

    def on_mount(self) -> None:
        """Shows both."""
        self._show()

    def on_resize(self) -> None:
        """Gives the curves room where there is some."""
        self._show()

    def _show(self) -> None:
        if not self.is_attached:
            return
        last = max(max(lap.losses, default=1) for lap in self._laps)
        table = race_table(self._laps, compared(self._laps, last), self._row)
        height = self.size.height
        curves = height >= LEAST_FOR_CURVES
        wanted = min(max(table.count + 6, 6), height * 3 // 5)
        self.query_one("#race").styles.height = wanted if curves else "1fr"
        self.query_one("#curves").display = curves
        self._give("#race", _("race"), table)
        self._give("#curves", _("loss"), race_view(self._laps))

    def _give(self, part: str, title: str, made: Any) -> None:
        frame = PanelEdge(title=(Span(title, Ink.TITLE_ON),), corners=self._glyphs.corners[:2], bottom=True)
        widget: Any = self.query_one(part)
        if self._glyphs.ascii:
            frame, made = in_ascii(frame), in_ascii(made)
        widget.show(frame, made)

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self._row = min(max(self._row + by, 0), len(self._laps) - 1)
        self._show()

    def action_choose(self) -> None:
        """Opens the selected training."""
        self.dismiss(self._laps[self._row].name)

    def action_leave(self) -> None:
        """Leaves."""
        self.dismiss(None)

    def on_table_clicked(self, event: Table.Clicked) -> None:
        """Selects with the mouse."""
        self.action_move(event.row - self._row)

    def on_table_wheeled(self, event: Table.Wheeled) -> None:
        """Scrolls with the wheel."""
        self.action_move(event.by)

    def on_panel_pressed(self, event: Panel.Pressed) -> None:
        """The curves have nothing to select."""
        event.stop()

    def on_panel_wheeled(self, event: Panel.Wheeled) -> None:
        """The curves have nothing to scroll."""
        event.stop()
