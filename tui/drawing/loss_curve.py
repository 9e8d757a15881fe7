"""Losses against iterations in dots: the least and greatest of each column, with an axis and the cursor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from retrograde.tui.canvas.canvas import Canvas, Span, measure
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.loss import LossView

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Floats

    Points: TypeAlias = tuple[Floats, Floats, Floats]

MARGIN = 9
"""Cells at the left for the numbers of the axis."""
DECADES = 50
"""How many times the least loss the greatest one is at least, where the scale is logarithmic."""


def decimate(first: Floats, low: Floats, high: Floats, iterations: int, columns: int) -> tuple[Floats, Floats]:
    """The least and greatest loss of each column of dots.

    Args:
        first: first iteration of each bucket, shape (buckets,), ascending.
        low: least loss of each bucket, shape (buckets,).
        high: greatest loss of each bucket, shape (buckets,).
        iterations: how many iterations the columns cover.
        columns: how many columns of dots.

    Returns:
        Two arrays of shape (columns,), NaN where a column has no bucket.
    """
    # The first frame is painted before NumPy is needed.
    import numpy as np

    least, most = np.full(columns, np.inf), np.full(columns, -np.inf)
    if len(first) and columns:
        place = np.minimum((first * (columns - 1) / max(iterations - 1, 1)).astype(np.intp), columns - 1)
        finite = np.isfinite(low) & np.isfinite(high)
        np.minimum.at(least, place[finite], low[finite])
        np.maximum.at(most, place[finite], high[finite])
    empty = ~np.isfinite(least) | ~np.isfinite(most)
    least[empty] = most[empty] = np.nan
    return least, most


def tick(value: float) -> str:
    """A number beside the axis."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.1e}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossAxis:
    """The upright axis: the losses at its ends, and whether it is logarithmic."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, curves: list[Points]) -> LossAxis | None:
        """The axis of all finite losses of some curves; None where there are none."""
        import numpy as np

        lows = np.concatenate([low for _first, low, _high in curves])
        highs = np.concatenate([high for _first, _low, high in curves])
        finite = np.isfinite(lows) & np.isfinite(highs)
        if not finite.any():
            return None
        low, high = float(lows[finite].min()), float(highs[finite].max())
        logarithmic = low > 0 and high / low > DECADES
        if high <= low:
            high, low = high + (abs(high) or 1.0) * 0.1, low - (abs(low) or 1.0) * 0.1
        return cls(low=low, high=high, logarithmic=logarithmic)

    def row(self, loss: float, dots: int) -> int:
        """The row of dots of a loss: 0 for the greatest, ``dots`` for the least."""
        scale = math.log if self.logarithmic else float
        bottom = scale(self.low)
        return round((1 - (scale(loss) - bottom) / (scale(self.high) - bottom)) * dots)


def draw_losses(canvas: Canvas, view: LossView, top: int, rows: int) -> None:
    """Draws the curve, that of another branch behind it, the axes, and the place of the cursor.

    Args:
        canvas: the canvas.
        view: the losses.
        top: the first row.
        rows: how many rows the curve has; the axis of iterations is below them.
    """
    curves = [(view.first, view.low, view.high), *(() if view.other is None else (view.other,))]
    axis = LossAxis.of(curves)
    if axis is None:
        return
    columns = 2 * (canvas.width - MARGIN - 1)
    cursor = min(int(view.cursor * (columns - 1) / max(view.iterations - 1, 1)), columns - 1)
    if view.cursor >= 0:
        # Of dots, so that the curve is drawn over it.
        for y in range(0, 4 * rows, 2):
            canvas.dot(2 * MARGIN + cursor, 4 * top + y, Ink.DIM)
    # The own curve last, so that it owns its cells; the other one is dotted, and told apart without colour.
    for other, (first, low, high) in reversed(list(enumerate(curves))):
        spans = _spans(axis, *decimate(first, low, high, view.iterations, columns), 4 * rows - 1)
        _draw_spans(canvas, spans, 4 * top, Ink.DIM if other else Ink.POSITIVE, every=3 if other else 1)
    _draw_axes(canvas, view, axis, top, rows, cursor)


def _spans(axis: LossAxis, least: Floats, most: Floats, dots: int) -> list[tuple[int, int, int]]:
    """Of each column that has losses: the column, and the rows of dots of its greatest and its least loss."""
    return [
        (column, axis.row(high, dots), axis.row(low, dots))
        for column, (low, high) in enumerate(zip(least.tolist(), most.tolist(), strict=True))
        if low <= high
    ]


def _draw_spans(canvas: Canvas, spans: list[tuple[int, int, int]], top: int, ink: Ink, *, every: int) -> None:
    """Draws an upright stroke a column, joined with the one before it; of every so many dots one is drawn."""
    last: tuple[int, int] | None = None
    for column, upper, lower in spans:
        x = 2 * MARGIN + column
        if last is not None and column - last[0] > 1:
            canvas.line(2 * MARGIN + last[0], top + last[1], x, top + upper, ink, gaps=every - 1)
        elif last is not None:
            upper, lower = min(upper, max(lower, last[1])), max(lower, min(upper, last[1]))
        for y in range(upper, lower + 1):
            if (column + y) % every == 0:
                canvas.dot(x, top + y, ink)
        last = (column, lower)


def _draw_axes(canvas: Canvas, view: LossView, axis: LossAxis, top: int, rows: int, cursor: int) -> None:
    """Draws the ends of both axes, the names of two curves, and the iteration of the cursor below its column."""
    if view.other is not None:
        mark = canvas.glyphs.overline * 2
        legend = (Span(f"{mark} {view.names[0]}", Ink.POSITIVE), Span(f"  .. {view.names[1]} ", Ink.DIM))
        canvas.spans(max(canvas.width - measure(legend), MARGIN + 2), top, legend)
    for loss, row in ((axis.high, top), (axis.low, top + rows - 1)):
        canvas.put(max(MARGIN - 1 - width(tick(loss)), 0), row, tick(loss), Ink.DIM)
    if axis.logarithmic and rows >= 4:
        canvas.put(MARGIN - 4, top + rows // 2, "log", Ink.FAINT)
    below = top + rows
    canvas.put(MARGIN, below, "1", Ink.DIM)
    end = f"{view.iterations:,}"
    canvas.put(canvas.width - width(end) - 1, below, end, Ink.DIM)
    if view.cursor >= 0:
        text = f"{canvas.glyphs.up} {view.cursor + 1:,}"
        x = min(max(MARGIN + cursor // 2, MARGIN + 2), canvas.width - width(end) - width(text) - 3)
        if x > MARGIN + 1:
            canvas.put(x, below, text, Ink.KEY)
