"""A small list over the screen, to choose where to go."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.choices import ChoicesView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.widgets.choices import Choices


class ChoiceScreen(AnsweringModal[int | None]):
    """Asks for one of a few rows; answers with its number, or None.

    Args:
        title: what is chosen.
        rows: for each row its cells.
        glyphs: the glyphs of the frame.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,backspace", "leave", "leave"),
        ("j,down", "move(1)", "down"),
        ("k,up", "move(-1)", "up"),
        ("pagedown", "move(10)", "further down"),
        ("pageup", "move(-10)", "further up"),
        ("enter", "choose", "choose"),
    ]

    def __init__(self, title: str, rows: tuple[tuple[str, ...], ...], glyphs: Glyphs) -> None:
        super().__init__()
        self._title = title
        self._rows = rows
        self._glyphs = glyphs
        self._selected = 0

    def compose(self) -> ComposeResult:
        """The list."""
        yield Choices(id="choices")

    def on_mount(self) -> None:
        """Shows the rows."""
        height = len(self._rows) + 2
        self.query_one(Choices).styles.height = min(height, 24)
        self._show()

    def _show(self) -> None:
        inks = (Ink.STRONG, Ink.TEXT, Ink.DIM)
        rows = tuple(tuple(Span(cell, ink) for cell, ink in zip(row, inks, strict=False)) for row in self._rows)
        columns = tuple(
            max((width(row[column]) for row in self._rows if column < len(row)), default=1) for column in range(2)
        )
        view = ChoicesView(rows=rows, columns=columns, selected=self._selected)
        frame = PanelEdge(title=(Span(self._title, Ink.TITLE_ON),), corners=self._glyphs.corners)
        self.query_one(Choices).show(frame, view)

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self._selected = min(max(self._selected + by, 0), len(self._rows) - 1)
        self._show()

    def action_choose(self) -> None:
        """Answers."""
        self.dismiss(self._selected if self._rows else None)

    def action_leave(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)

    def on_choices_clicked(self, event: Choices.Clicked) -> None:
        """Chooses with the mouse."""
        self.dismiss(event.row)
