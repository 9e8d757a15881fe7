"""The loss curve: least and greatest loss a bucket, drawn in braille dots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Canvas, Span, measure
from retrograde.tui.canvas.look import Ink, width
from retrograde.tui.records.marks import PanelId
from retrograde.tui.records.views import LossView
from retrograde.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from retrograde.tui.records.views import Floats


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


class LossPanel(Panel[LossView]):
    """Draws a ``LossView``."""

    PANEL = PanelId.LOSS

    def draw(self, canvas: Canvas, view: LossView) -> None:
        """Draws the lines, the curve with its axis, and the place of the cursor."""
        g = canvas.glyphs
        top = 0
        curves = len(view.first) or view.other is not None
        for line in view.lines[: max(canvas.height - 3, 1) if curves else canvas.height]:
            canvas.spans(1, top, line, canvas.width)
            top += 1
        if view.progress is not None and top < canvas.height:
            room = max(canvas.width - 3, 0)
            done = round(room * min(max(view.progress, 0.0), 1.0))
            canvas.fill(1, top, room, g.track, Ink.TRACK)
            canvas.fill(1, top, done, g.bar, Ink.DONE)
            top += 1
        rows = canvas.height - top - 1
        if rows < 2 or canvas.width < 16 or not curves:
            return
        self._curve(canvas, view, top, rows)

    @staticmethod
    def _curve(canvas: Canvas, view: LossView, top: int, rows: int) -> None:
        import numpy as np

        g = canvas.glyphs
        curves = [(view.first, view.low, view.high), *(() if view.other is None else (view.other,))]
        lows = np.concatenate([low for _first, low, _high in curves])
        highs = np.concatenate([high for _first, _low, high in curves])
        finite = np.isfinite(lows) & np.isfinite(highs)
        if not finite.any():
            return
        low, high = float(lows[finite].min()), float(highs[finite].max())
        logarithmic = low > 0 and high / low > 50
        margin = 9
        columns = 2 * (canvas.width - margin - 1)
        if high <= low:
            high, low = high + (abs(high) or 1.0) * 0.1, low - (abs(low) or 1.0) * 0.1
        scale = math.log if logarithmic else float
        bottom, span = scale(low), scale(high) - scale(low)
        dots = 4 * rows - 1
        cursor = min(int(view.cursor * (columns - 1) / max(view.iterations - 1, 1)), columns - 1)
        if view.cursor >= 0:
            # Of dots, so that the curve is drawn over it.
            for y in range(0, dots + 1, 2):
                canvas.dot(2 * margin + cursor, 4 * top + y, Ink.DIM)
        # The own curve last, so that it owns its cells; the other one is dotted, and told apart without colour.
        for number, (first, lower_edge, upper_edge) in reversed(list(enumerate(curves))):
            least, most = decimate(first, lower_edge, upper_edge, view.iterations, columns)
            ink, every = (Ink.DIM, 3) if number else (Ink.POSITIVE, 1)
            last: tuple[int, int] | None = None
            for column in range(columns):
                if not least[column] <= most[column]:
                    continue
                upper = round((1 - (scale(float(most[column])) - bottom) / span) * dots)
                lower = round((1 - (scale(float(least[column])) - bottom) / span) * dots)
                x = 2 * margin + column
                if last is not None and column - last[0] > 1:
                    canvas.line(2 * margin + last[0], 4 * top + last[1], x, 4 * top + upper, ink, gaps=every - 1)
                elif last is not None:
                    upper, lower = min(upper, max(lower, last[1])), max(lower, min(upper, last[1]))
                for y in range(upper, lower + 1):
                    if (column + y) % every == 0:
                        canvas.dot(x, 4 * top + y, ink)
                last = (column, lower)
        if view.other is not None:
            legend = (Span(f"{g.overline * 2} {view.names[0]}", Ink.POSITIVE), Span(f"  .. {view.names[1]} ", Ink.DIM))
            canvas.spans(max(canvas.width - measure(legend), margin + 2), top, legend)
        canvas.put(max(margin - 1 - width(tick(high)), 0), top, tick(high), Ink.DIM)
        canvas.put(max(margin - 1 - width(tick(low)), 0), top + rows - 1, tick(low), Ink.DIM)
        if logarithmic and rows >= 4:
            canvas.put(margin - 4, top + rows // 2, "log", Ink.FAINT)
        axis = top + rows
        canvas.put(margin, axis, "1", Ink.DIM)
        end = f"{view.iterations:,}"
        canvas.put(canvas.width - width(end) - 1, axis, end, Ink.DIM)
        if view.cursor >= 0:
            text = f"{g.up} {view.cursor + 1:,}"
            x = min(max(margin + cursor // 2, margin + 2), canvas.width - width(end) - width(text) - 3)
            if x > margin + 1:
                canvas.put(x, axis, text, Ink.KEY)
