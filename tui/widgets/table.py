"""A table with a selected row, its columns aligned, drawn on the line API."""

from __future__ import annotations

from textual import events
from textual.message import Message

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.widgets.panel import Drawn

SPACE = 2
"""Cells between two columns."""


class Table(Drawn[TableView]):
    """Draws a ``TableView`` in a frame."""

    class Clicked(Message):
        """A row was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class Wheeled(Message):
        """The wheel was turned."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    _top = 0
    _head = 0
    _last = 0

    def paint(self, canvas: Canvas, frame: PanelEdge, view: TableView) -> None:
        """Draws the frame, the lines above, the heading, and the rows in sight around the selected one."""
        g = canvas.glyphs
        canvas.frame(title=frame.title, ink=Ink.FRAME_ON, corners=g.corners[:2], bottom=True, joints=())
        inner = canvas.width - 4
        if inner < 4 or canvas.height < 3:
            return
        self._draw_keys(canvas, view)
        lines = view.lines[: max(canvas.height - 6, 0)]
        for position, line in enumerate(lines):
            canvas.spans(2, 1 + position, line, canvas.width - 2)
        self._head = 1 + len(lines)
        rows = canvas.height - 2 - self._head
        if not view.count:
            canvas.put(2, self._head, shorten(view.empty, inner, g.ellipsis), Ink.DIM, canvas.width - 2)
            self._last = 0
            return
        shown = fitting(view.columns, inner - 2)
        x = 4
        places: list[tuple[int, int, Column]] = []
        for number in shown:
            column = view.columns[number]
            size = min(max(column.width, width(column.title)), max(inner - 2, 1))
            places.append((number, x, column))
            title = column.title
            start = x + size - width(title) if column.right else x
            canvas.put(start, self._head, title, Ink.DIM, canvas.width - 2)
            x += size + SPACE
        if rows <= 0:
            return
        self._top = min(max(self._top, view.selected - rows + 1), view.selected)
        self._top = max(min(self._top, view.count - rows), 0)
        start = max(self._top - view.first, 0)
        window = view.rows[start : start + rows]
        self._last = self._top + len(window)
        for position, row in enumerate(window):
            y = self._head + 1 + position
            for number, at, column in places:
                size = min(max(column.width, width(column.title)), max(inner - 2, 1))
                text = shorten(row[number].text, max(min(size, canvas.width - 2 - at), 0), g.ellipsis)
                canvas.put(at + size - width(text) if column.right else at, y, text, row[number].ink, canvas.width - 2)
            if self._top + position == view.selected:
                canvas.put(2, y, g.cursor, Ink.KEY)
                canvas.flag(y, 1, canvas.width - 1, SELECTED)
        if self._last < view.count:
            canvas.put(canvas.width - 3, canvas.height - 2, g.down, Ink.DIM)
        if self._top > 0:
            canvas.put(canvas.width - 3, self._head + 1, g.up, Ink.DIM)

    @staticmethod
    def _draw_keys(canvas: Canvas, view: TableView) -> None:
        x, end, y = 2, canvas.width - 2, canvas.height - 1
        for key, title in view.keys:
            size = width(key) + width(title) + 3
            if x + size > end:
                continue
            x = canvas.put(x, y, f" {key}", Ink.KEY)
            x = canvas.put(x, y, f" {title} ", Ink.DIM)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Selects with the mouse."""
        event.stop()
        row = self._top + event.y - self._head - 1
        if event.y > self._head and row < self._last:
            self.post_message(self.Clicked(row))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scrolls with the wheel."""
        event.stop()
        self.post_message(self.Wheeled(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scrolls with the wheel."""
        event.stop()
        self.post_message(self.Wheeled(-1))


def fitting(columns: tuple[Column, ...], room: int) -> list[int]:
    """The numbers of the columns that fit: those with the highest ranks give way first."""
    shown = list(range(len(columns)))
    while len(shown) > 1:
        total = sum(max(columns[k].width, width(columns[k].title)) for k in shown) + SPACE * (len(shown) - 1)
        if total <= room:
            break
        worst = max(shown, key=lambda k: columns[k].rank)
        if columns[worst].rank == 0:
            break
        shown.remove(worst)
    return shown
