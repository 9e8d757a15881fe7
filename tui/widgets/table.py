"""A table with a selected row, its columns aligned, drawn on the line API."""

from __future__ import annotations

import math
from typing import NamedTuple

from textual import events
from textual.message import Message

from retrograde.tui.canvas.canvas import Canvas, Line, shorten, wrapped
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import Bar, Cell, Column, Spark, TableView
from retrograde.tui.widgets.panel import Drawn, draw_keys

SPACE = 2
"""Cells between two columns."""
LEAST_ROWS = 5
"""Rows of the table that what is said below it leaves, where there are so many."""
LEAST_SIDE = 34
"""Cells that there have to be beside the table for something to be said there; else it is said below."""
MOST_SIDE = 72
LEAST_BAR = 3
"""Cells below which a bar says nothing."""


class _Place(NamedTuple):
    """Where a column is: its number, its first cell and its size."""

    number: int
    at: int
    size: int
    column: Column


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
        """Draws the frame, the lines above, the heading, the rows in sight around the selected one, what is beside."""
        g = canvas.glyphs
        canvas.frame(title=frame.title, ink=Ink.FRAME_ON, corners=g.corners[:2], bottom=True, joints=())
        inner = canvas.width - 4
        if inner < 4 or canvas.height < 3:
            return
        draw_keys(canvas, view.keys)
        head = _broken(view.lines, inner)[: max(canvas.height - 6, 0)]
        for position, line in enumerate(head):
            canvas.spans(2, 1 + position, line, canvas.width - 2)
        self._head = 1 + len(head)
        if not view.count:
            canvas.put(2, self._head, shorten(view.empty, inner, g.ellipsis), Ink.DIM, canvas.width - 2)
            self._draw_foot(canvas, view.foot, self._head + bool(view.empty), canvas.width - 2)
            self._last = 0
            return
        side = self._side(canvas, view)
        end = canvas.width - 2 - (side + 3 if side else 0)
        if side:
            self._draw_side(canvas, view, side)
        foot = len(_broken(view.foot, end - 2))
        body = canvas.height - 2 - self._head
        # A blank row keeps what is below apart.
        rows = min(max(body - (foot + 1 if foot else 0), min(body, LEAST_ROWS)), view.count)
        if rows > 0:
            self._draw_rows(canvas, view, end, rows)
        below = self._draw_foot(canvas, view.foot, self._head + 1 + rows + 1, end)
        if not side:
            self._draw_foot(canvas, view.side, below + bool(view.foot), end)

    def _draw_rows(self, canvas: Canvas, view: TableView, end: int, rows: int) -> None:
        """Draws the heading and the rows in sight, up to a column of the screen."""
        g = canvas.glyphs
        # The arrows of a longer table have a column to themselves.
        places = _places(view.columns, end - (view.count > rows))
        for _number, at, size, column in places:
            start = at + size - width(column.title) if column.right else at
            canvas.put(start, self._head, column.title, Ink.DIM, end)
        self._top = min(max(self._top, view.selected - rows + 1), view.selected)
        self._top = max(min(self._top, view.count - rows), 0)
        start = max(self._top - view.first, 0)
        window = view.rows[start : start + rows]
        self._last = self._top + len(window)
        for position, row in enumerate(window):
            y = self._head + 1 + position
            for number, at, size, column in places:
                _draw_cell(canvas, row[number], at, y, min(size, end - at), right=column.right)
            if self._top + position == view.selected:
                canvas.put(2, y, g.cursor, Ink.KEY)
                canvas.flag(y, 1, end + 1, SELECTED)
        if self._last < view.count:
            canvas.put(end - 1, self._head + len(window), g.down, Ink.DIM)
        if self._top > 0:
            canvas.put(end - 1, self._head + 1, g.up, Ink.DIM)

    @staticmethod
    def _side(canvas: Canvas, view: TableView) -> int:
        """How many cells there are beside the table; 0 for none."""
        wanted = sum(max(column.width, width(column.title)) + SPACE for column in view.columns)
        # The arrows of a longer table have a column, and the line between has three.
        left = canvas.width - 5 - wanted - 3
        return min(left, MOST_SIDE) if view.side and left >= (view.least or LEAST_SIDE) else 0

    def _draw_side(self, canvas: Canvas, view: TableView, size: int) -> None:
        """Draws what is said to the right."""
        x = canvas.width - 2 - size
        for y in range(self._head, canvas.height - 1):
            canvas.put(x - 2, y, canvas.glyphs.vertical, Ink.FRAME)
        for position, line in enumerate(_broken(view.side, size)[: canvas.height - 1 - self._head]):
            canvas.spans(x, self._head + position, line, canvas.width - 2)

    @staticmethod
    def _draw_foot(canvas: Canvas, lines: tuple[Line, ...], top: int, end: int) -> int:
        """Draws what is said below the rows, as far as there is room; says what row comes next."""
        broken = _broken(lines, end - 2)
        for position, line in enumerate(broken):
            if top + position < canvas.height - 1:
                canvas.spans(2, top + position, line, end)
        return top + len(broken)

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


def _broken(lines: tuple[Line, ...], room: int) -> list[Line]:
    """Lines that are no longer than the room."""
    return [part for line in lines for part in wrapped(line, room)]


def _places(columns: tuple[Column, ...], end: int) -> list[_Place]:
    """Where the columns are that fit; those that may grow take what is left, the first one first."""
    room = max(end - 4, 1)
    shown = fitting(columns, room)
    sizes = {k: min(max(columns[k].width, width(columns[k].title)), room) for k in shown}
    left = room - sum(sizes.values()) - SPACE * (len(shown) - 1)
    for k in (k for k in shown if columns[k].most):
        more = min(max(left, 0), max(columns[k].most - sizes[k], 0))
        sizes[k] += more
        left -= more
    found, x = [], 4
    for k in shown:
        found.append(_Place(k, x, sizes[k], columns[k]))
        x += sizes[k] + SPACE
    return found


def _draw_cell(canvas: Canvas, cell: Cell, x: int, y: int, size: int, *, right: bool) -> None:
    """Draws a cell in its room."""
    g = canvas.glyphs
    if size <= 0:
        return
    if isinstance(cell, Spark):
        _draw_spark(canvas, cell, x, y, size)
        return
    if isinstance(cell, Bar):
        room = size - width(cell.number) - 1
        if cell.share is not None and room >= LEAST_BAR:
            long = min(max(round(cell.share * room), 1), room)
            canvas.put(x, y, g.bar * long, cell.ink)
            x += long + 1
        canvas.put(x, y, shorten(cell.number, size, g.ellipsis), Ink.TEXT)
        return
    text = shorten(cell.text, size, g.ellipsis)
    canvas.put(x + size - width(text) if right else x, y, text, cell.ink)


def _draw_spark(canvas: Canvas, cell: Spark, x: int, y: int, size: int) -> None:
    """Draws a small curve as columns of dots."""
    columns = 2 * size
    for column in range(columns if cell.shares else 0):
        share = cell.shares[column * len(cell.shares) // columns]
        if share is None or math.isnan(share):
            continue
        for row in range(1 + round(3 * min(max(share, 0.0), 1.0))):
            canvas.dot(2 * x + column, 4 * y + 3 - row, cell.ink)


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
