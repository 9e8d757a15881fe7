"""The timeline: the phases of the iteration as a bar, filled up to the cursor."""

from __future__ import annotations

from retrograde.tui.canvas import Canvas
from retrograde.tui.look import Ink, width
from retrograde.tui.panel import Panel
from retrograde.tui.state import PanelId, Segment, TimelineView

EIGHTHS = "▏▎▍▌▋▊▉"


def share(room: int, segments: tuple[Segment, ...]) -> list[int]:
    """Divides cells among segments by their steps, at least one each while there is room."""
    total = sum(segment.steps for segment in segments)
    if not segments or room <= 0 or total <= 0:
        return [0] * len(segments)
    floor = 1 if room >= len(segments) else 0
    spare = room - floor * len(segments)
    sizes = [floor + spare * segment.steps // total for segment in segments]
    for k in range(room - sum(sizes)):
        sizes[k % len(sizes)] += 1
    return sizes


class TimelinePanel(Panel[TimelineView]):
    """Draws a ``TimelineView``."""

    PANEL = PanelId.TIMELINE

    def draw(self, canvas: Canvas, view: TimelineView) -> None:
        """Draws the bar of the iteration, and below it, where there is a row, the whole run."""
        self._iteration(canvas, view)
        if canvas.height >= 2 and view.run_label:
            g = canvas.glyphs
            x = canvas.put(1, 1, view.run_label + " ", Ink.DIM)
            room = canvas.width - x - 1
            if view.run is not None and room > 4:
                canvas.fill(x, 1, room, g.track, Ink.TRACK)
                at = x + min(round(view.run * (room - 1)), room - 1)
                canvas.fill(x, 1, at - x, g.bar if g.ascii else "━", Ink.FRAME)
                canvas.put(at, 1, g.dot, Ink.KEY)

    @staticmethod
    def _iteration(canvas: Canvas, view: TimelineView) -> None:
        g = canvas.glyphs
        x = 1
        if view.before:
            x = canvas.put(x, 0, view.before + "  ", Ink.DIM)
        labels = [segment.label for segment in view.segments]
        for cut in (20, 4, 1, 0):
            shown = [label[:cut] for label in labels]
            used = sum(width(label) + (2 if label else 1) for label in shown)
            room = canvas.width - x - 1 - used
            if room >= 2 * len(labels):
                break
        sizes = share(room, view.segments)
        for segment, label, size in zip(view.segments, shown, sizes, strict=True):
            if label:
                x = canvas.put(x, 0, label, Ink.STRONG if segment.here else Ink.DIM) + 1
            canvas.fill(x, 0, size, g.track, Ink.TRACK)
            eighths = round(8 * size * segment.done / max(segment.steps, 1))
            ink = Ink.KEY if segment.here else Ink.DONE
            canvas.fill(x, 0, eighths // 8, g.bar, ink)
            if eighths % 8 and not g.ascii:
                canvas.put(x + eighths // 8, 0, EIGHTHS[eighths % 8 - 1], ink)
            x += size + 1
