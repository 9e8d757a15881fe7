"""The loss curve: what is said above it, how far a run has come, and the curve."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.loss_curve import draw_losses
from retrograde.tui.records.loss import LossView
from retrograde.tui.widgets.panel import Panel


class LossPanel(Panel[LossView]):
    """Draws a ``LossView``."""

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
        draw_losses(canvas, view, top, rows)
