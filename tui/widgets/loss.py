"""The loss curve: what is said above it, how far a run has come, and the curve."""

from __future__ import annotations

from textual import events

from retrograde.engine.text import N_
from retrograde.tui.canvas.canvas import Canvas, measure, whole
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.curves import PlotArea, draw_plot, number_at
from retrograde.tui.records.loss import LossView
from retrograde.tui.widgets.panel import Panel

LEAST_WIDTH = 16
"""Columns below which there is no curve."""


class LossPanel(Panel[LossView]):
    """Draws a ``LossView``."""

    TIP = N_("E over the run, and each output beside its target. A click goes to the iteration.")

    _area: PlotArea | None = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Says which iteration was pressed."""
        event.stop()
        item, area = None, self._area
        view = None if self.state is None else self.state[1]
        if area is not None and view is not None and view.plot is not None:
            inside = area.left <= event.x - 1 < area.left + area.columns and event.y - 1 >= area.top
            item = number_at(view.plot, area, event.x - 1) if inside else None
        self.post_message(self.Pressed(self.id or "", item))

    def draw(self, canvas: Canvas, view: LossView) -> None:
        """Draws the lines, the curve with its axis, and the place of the cursor."""
        self._area = None
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
            self._area = draw_plot(canvas, view.plot, top, canvas.height - top)
