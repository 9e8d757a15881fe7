"""A picture in a frame: curves over a run, planes, spreads, matrices; with what is said of it and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from retrograde.tui.canvas.canvas import Canvas, wrapped
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.curves import PlotArea, draw_plot, number_at
from retrograde.tui.drawing.fields import FieldArea, draw_field
from retrograde.tui.drawing.gallery import draw_gallery
from retrograde.tui.drawing.grid import grid_lines
from retrograde.tui.drawing.spreads import draw_spread
from retrograde.tui.records.curves import CurvePlot
from retrograde.tui.records.fields import FieldPlot, GalleryPlot, PictureView, SpreadPlot
from retrograde.tui.widgets.panel import Drawn, draw_keys

if TYPE_CHECKING:
    from retrograde.tui.records.marks import PanelEdge

LEAST_ROWS = 6
"""Rows that what is said leaves for the picture, where there are so many."""


class PictureWidget(Drawn[PictureView]):
    """Draws a ``PictureView`` in a frame."""

    class Picked(Message):
        """A place of the picture was pressed.

        Attributes:
            number: the iteration there, from 1; 0 where the picture has none.
            place: the place of a plane; None where it is none.
        """

        def __init__(self, number: int = 0, place: tuple[float, float] | None = None) -> None:
            super().__init__()
            self.number = number
            self.place = place

    class Wheeled(Message):
        """The wheel was turned."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    _area: PlotArea | FieldArea | None = None

    def paint(self, canvas: Canvas, frame: PanelEdge, view: PictureView) -> None:
        """Draws the frame, what is said, and the picture."""
        g = canvas.glyphs
        canvas.frame(title=frame.title, ink=Ink.FRAME_ON, corners=g.corners[:2], bottom=True, joints=())
        self._area = None
        if canvas.width < 6 or canvas.height < 3:
            return
        draw_keys(canvas, view.keys)
        inner = Canvas(canvas.width - 2, canvas.height - 2, g)
        said = [part for line in view.lines for part in wrapped(line, inner.width - 2)]
        top = min(len(said), max(inner.height - LEAST_ROWS, 1))
        for row, line in enumerate(said[:top]):
            inner.spans(1, row, line, inner.width - 1)
        self._draw(inner, view, top)
        canvas.paste(1, 1, inner)

    def _draw(self, canvas: Canvas, view: PictureView, top: int) -> None:
        """Draws the picture below a row."""
        rows, plot = canvas.height - top, view.plot
        match plot:
            case None:
                pass
            case CurvePlot():
                self._area = draw_plot(canvas, plot, top, rows)
            case FieldPlot():
                self._area = draw_field(canvas, plot, top, rows)
            case SpreadPlot():
                draw_spread(canvas, plot, top, rows)
            case GalleryPlot():
                draw_gallery(canvas, plot, top, rows)
            case _:
                for row, line in enumerate(grid_lines(plot, canvas.width - 2, rows, canvas.glyphs) or ()):
                    canvas.spans(1, top + row, line, canvas.width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Says what was pressed."""
        event.stop()
        state, area = self.state, self._area
        plot = None if state is None or state[1] is None else state[1].plot
        if isinstance(plot, CurvePlot) and isinstance(area, PlotArea):
            if area.left <= event.x - 1 < area.left + area.columns:
                self.post_message(self.Picked(number=number_at(plot, area, event.x - 1)))
        elif isinstance(plot, FieldPlot) and isinstance(area, FieldArea):
            place = area.place(plot, event.x - 1, event.y - 1)
            if place is not None:
                self.post_message(self.Picked(place=place))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tells of the wheel."""
        event.stop()
        self.post_message(self.Wheeled(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tells of the wheel."""
        event.stop()
        self.post_message(self.Wheeled(-1))
