"""The debug panel: breakpoints, watches, marks, log lines and results of queries, one below the other."""

from __future__ import annotations

import math

from retrograde.engine.text import N_
from retrograde.tui.canvas.canvas import Canvas, measure, shorten
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.drawing.cells import fit
from retrograde.tui.records.debug import DebugRow, DebugView
from retrograde.tui.widgets.panel import Panel

CURVE_CELLS = 16
"""Cells that a small curve takes at most."""
MOST_CELLS = 90
"""Cells over which a row is spread; wider, its ends no longer belong together for the eye."""
LEAST_CURVE = 6
"""Cells below which there is no small curve."""


class DebugPanel(Panel[DebugView]):
    """Draws a ``DebugView``; scrolls as little as keeps the selection in sight."""

    TIP = N_("Breakpoints, watches, marks, and what questions have found.")

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own word
        super().__init__(id=id)
        self._top = 0
        self._last = 0

    def draw(self, canvas: Canvas, view: DebugView) -> None:
        """Draws the rows in sight, or what the panel is for."""
        if not view.count:
            self._last = 0
            for y, line in enumerate(view.hint):
                canvas.spans(2, y, fit(line, canvas.width - 3, canvas.glyphs.ellipsis))
            return
        selected = max(view.selected, 0)
        # The title of a section is shown with its first row.
        above = selected - view.first - 1
        heading = 0 <= above < len(view.rows) and view.rows[above].heading
        self._top = min(max(self._top, selected - canvas.height + 1), selected - heading)
        self._top = max(min(self._top, view.count - canvas.height), 0)
        start = max(self._top - view.first, 0)
        rows = view.rows[start : start + canvas.height]
        self._last = self._top + len(rows)
        for y, row in enumerate(rows):
            if row.heading:
                canvas.spans(1, y, row.left, canvas.width - 1)
            else:
                self._row(canvas, row, y, chosen=self._top + y == view.selected)

    @staticmethod
    def _row(canvas: Canvas, row: DebugRow, y: int, *, chosen: bool) -> None:
        g = canvas.glyphs
        if chosen:
            canvas.put(0, y, g.cursor, Ink.KEY)
        end = min(canvas.width - 1, MOST_CELLS)
        right = measure(row.right)
        left = min(measure(row.left), max(end - 2 - right - 2, 8))
        room = end - 2 - left - right - 4
        curve = min(CURVE_CELLS, room) if row.curve and room >= LEAST_CURVE else 0
        if right:
            canvas.spans(end - right, y, row.right)
        if curve:
            _curve(canvas, row.curve, end - right - 2 - curve, y, curve)
        used = 2
        limit = end - (right + 2 if right else 0) - (curve + 2 if curve else 0)
        for text, ink in row.left:
            if used >= limit:
                break
            used = canvas.put(used, y, shorten(text, limit - used, g.ellipsis), ink)
        if chosen:
            canvas.flag(y, 0, canvas.width, SELECTED)

    def item_at(self, row: int) -> int | None:
        """The row of the list at a row of the panel."""
        item = self._top + row
        return item if row >= 0 and item < self._last else None


def _curve(canvas: Canvas, values: tuple[float, ...], x: int, y: int, cells: int) -> None:
    """Draws values from 0 to 1 as columns of dots."""
    columns = 2 * cells
    for column in range(columns):
        value = values[min(column * len(values) // columns, len(values) - 1)]
        if math.isnan(value):
            continue
        for row in range(1 + round(3 * min(max(value, 0.0), 1.0))):
            canvas.dot(2 * x + column, 4 * y + 3 - row, Ink.DONE)
