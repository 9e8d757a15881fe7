"""The curve of a function in dots, with a mark where the neuron is."""

from __future__ import annotations

from itertools import pairwise

from retrograde.tui.canvas.canvas import Canvas, Span, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.pictures import Curve

CURVE_WIDTH = 22
CURVE_HEIGHT = 5
NARROWEST = 12
"""Cells that the curve gives way to, where what is said beside it would be cut."""


def draw_curve(canvas: Canvas, curve: Curve, row: int) -> None:
    """Draws a curve from a row on; what is said beside it is drawn also where the curve is cut off."""
    said = max((sum(width(span.text) for span in line) for line in curve.lines), default=0)
    across = min(max(canvas.width - 5 - said, NARROWEST), CURVE_WIDTH)
    for position, line in enumerate(curve.lines):
        room = canvas.width - across - 5
        if sum(width(span.text) for span in line) > room:
            # A number that is cut reads as another one.
            text = "".join(span.text for span in line)
            line = (Span(shorten(text, room, canvas.glyphs.ellipsis), line[0].ink),)
        canvas.spans(across + 5, row + position, line, canvas.width)
    if row < 0 or row + CURVE_HEIGHT > canvas.height or canvas.width < across + 4:
        return
    low, high = float(curve.y.min()), float(curve.y.max())
    left, right = float(curve.x[0]), float(curve.x[-1])
    if not (high > low and right > left):
        return
    plot = Canvas(across, CURVE_HEIGHT, canvas.glyphs)
    dots_x, dots_y = 2 * across - 1, 4 * CURVE_HEIGHT - 1
    if left < 0 < right:
        zero = round(-left / (right - left) * dots_x)
        for y in range(0, dots_y + 1, 3):
            plot.dot(zero, y, Ink.FAINT)
    if low <= 0 <= high:
        zero = round((high - 0.0) / (high - low) * dots_y)
        for x in range(0, dots_x + 1, 3):
            plot.dot(x, zero, Ink.FAINT)
    places = [
        (round((x - left) / (right - left) * dots_x), round((high - y) / (high - low) * dots_y))
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True)
    ]
    for (x0, y0), (x1, y1) in pairwise(places):
        plot.line(x0, y0, x1, y1, Ink.ACCENT)
    at = min(max((curve.at[0] - left) / (right - left), 0.0), 1.0)
    down = min(max((high - curve.at[1]) / (high - low), 0.0), 1.0)
    plot.put(round(at * dots_x) // 2, round(down * dots_y) // 4, canvas.glyphs.dot, Ink.TARGET)
    canvas.paste(3, row, plot)
