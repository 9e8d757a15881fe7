"""The loss curve: what is said above it, how far a run has come, and the curve."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Canvas, measure, whole
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.curves import draw_plot
from retrograde.tui.records.loss import LossView
from retrograde.tui.widgets.panel import Panel

LEAST_WIDTH = 16
"""Columns below which there is no curve."""


class LossPanel(Panel[LossView]):
    """Draws a ``LossView``."""

    def draw(self, canvas: Canvas, view: LossView) -> None:
        """Draws the lines, the curve with its axis, and the place of the cursor."""
        g = canvas.glyphs
        top = 0
        room = canvas.width - 2
        briefer = (*view.briefer, *view.lines[len(view.briefer) :])
        lines = tuple(zip(view.lines, briefer, strict=True))
        for line, brief in lines[: max(canvas.height - 3, 1) if view.plot else canvas.height]:
            canvas.spans(1, top, line if measure(line) <= room else whole(brief, room, g.ellipsis), canvas.width)
            top += 1
        if view.progress is not None and top < canvas.height:
            room = max(canvas.width - 3, 0)
            done = round(room * min(max(view.progress, 0.0), 1.0))
            canvas.fill(1, top, room, g.track, Ink.TRACK)
            canvas.fill(1, top, done, g.bar, Ink.DONE)
            top += 1
        if view.plot is not None and canvas.width >= LEAST_WIDTH:
            draw_plot(canvas, view.plot, top, canvas.height - top)
