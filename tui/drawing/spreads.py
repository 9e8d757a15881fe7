"""How numbers are spread: columns for those of now, and below them a row of shades for each of some moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import RAMP_FIELD, STEPS, Ink, Solid, pair
from retrograde.tui.drawing.axes import Axis

if TYPE_CHECKING:
    from retrograde.tui.records.fields import SpreadPlot

LEAST_COLUMNS, LEAST_ROWS = 8, 3
"""Cells that it needs at least."""
LONGEST_LABEL = 12


def draw_spread(canvas: Canvas, plot: SpreadPlot, top: int, rows: int) -> None:
    """Draws how numbers are spread, where there is room.

    Args:
        canvas: the canvas.
        plot: the numbers.
        top: the first row.
        rows: how many rows there are, for all parts.
    """
    g = canvas.glyphs
    moments = len(plot.labels)
    most = int(plot.counts.max()) if len(plot.counts) else 0
    count = f"{most:,}"
    edge = min(max([width(label) for label in (*plot.labels, plot.what)] + [width(count) + 1]) + 2, LONGEST_LABEL + 2)
    room = canvas.width - edge - 1
    size = room // max(len(plot.counts), 1)
    if room < LEAST_COLUMNS or rows < LEAST_ROWS or size < 1:
        return
    heat = min(moments, max((rows - 1) * 3 // 5, 0)) if rows >= 6 else 0
    bars = rows - 1 - heat
    _draw_bars(canvas, plot, edge, size, top, bars)
    canvas.put(edge - 2 - width(count), top, count, Ink.DIM)
    canvas.put(edge - 3, top + bars - 1, "0", Ink.FAINT)
    axis = Axis(low=plot.low, high=plot.high)
    _draw_axis(canvas, axis, edge, size * len(plot.counts), top + bars, plot.what)
    for place, row in enumerate(_shown(plot, heat)):
        y = top + bars + 1 + place
        label = shorten(plot.labels[row], edge - 2, g.ellipsis)
        ink = Ink.KEY if row == plot.now else Ink.DIM
        canvas.put(edge - 2 - width(label), y, label, ink)
        if row == plot.now:
            canvas.put(edge - 2, y, g.cursor, Ink.KEY)
        _draw_heat(canvas, plot.rows[row].tolist(), edge, size, y)


def _shown(plot: SpreadPlot, count: int) -> list[int]:
    """The moments that are shown: spread over all of them, the first, the last and the one of now among them."""
    moments = len(plot.labels)
    if count <= 0:
        return []
    if moments <= count:
        return list(range(moments))
    found = {round(k * (moments - 1) / max(count - 1, 1)) for k in range(count)}
    if plot.now >= 0 and plot.now not in found and count > 2:
        nearest = min(found - {0, moments - 1}, key=lambda one: abs(one - plot.now), default=0)
        found = (found - {nearest}) | {plot.now}
    return sorted(found)


def _draw_bars(canvas: Canvas, plot: SpreadPlot, x: int, size: int, top: int, rows: int) -> None:
    """Draws a column for each piece of the axis; what is not nothing has at least the beginning of one."""
    levels = canvas.glyphs.levels
    steps = len(levels) - 1
    most = max(int(plot.counts.max()) if len(plot.counts) else 0, 1)
    for number, count in enumerate(plot.counts.tolist()):
        full = count / most * rows
        for row in range(rows):
            filled = full - (rows - 1 - row)
            part = max(round(min(max(filled, 0.0), 1.0) * steps), 1 if row == rows - 1 and count else 0)
            canvas.put(x + number * size, top + row, levels[part] * size, Ink.POSITIVE)


def _draw_heat(canvas: Canvas, counts: list[int], x: int, size: int, y: int) -> None:
    """Draws a row of shades, full at the largest count of its own; only what has no number is nothing."""
    most = max(max(counts, default=0), 1)
    characters, inks = [], []
    for count in counts:
        shade = RAMP_FIELD + (max(round((STEPS - 1) * count / most), 1) if count else 0)
        digit = str(max(round(9 * count / most), 1)) if count else " "
        characters += [digit if canvas.glyphs.digits else " "] * size
        inks += [pair(Solid.STRONG, shade)] * size
    canvas.cells(x, y, characters, inks)


def _draw_axis(canvas: Canvas, axis: Axis, x: int, cells: int, y: int, what: str) -> None:
    """Draws the numbers below the columns, and what they are."""
    free = x
    room = x - 2
    canvas.put(max(room - width(what), 0), y, shorten(what, room, canvas.glyphs.ellipsis), Ink.STRONG)
    for tick in axis.ticks(max(cells // 12, 1)):
        at = x + min(int(axis.place(tick.value) * cells), cells - 1) - (width(tick.text) - 1) // 2
        at = min(max(at, x), x + cells - width(tick.text))
        if at >= free:
            canvas.put(at, y, tick.text, Ink.DIM)
            free = at + width(tick.text) + 1
