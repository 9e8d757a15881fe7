"""A list to choose from, drawn on the line API."""

from __future__ import annotations

from textual import events
from textual.message import Message

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.records.choices import ChoicesView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.widgets.panel import Drawn, draw_keys


class Choices(Drawn[ChoicesView]):
    """Rows of spans in columns, one of them selected, and a few lines about it below."""

    class Clicked(Message):
        """A row was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    _top = 0
    _rows = 0
    _first = 0

    def paint(self, canvas: Canvas, frame: PanelEdge, view: ChoicesView) -> None:
        """Draws a frame, the rows in sight, and the lines about the selected one."""
        g = canvas.glyphs
        canvas.frame(title=frame.title, ink=Ink.FRAME, corners=frame.corners or g.corners, bottom=True, joints=())
        draw_keys(canvas, view.keys)
        about = [line for line in view.about if canvas.height >= 10]
        rows = canvas.height - 2 - (len(about) + 1 if about else 0)
        if rows <= 0 or canvas.width < 6:
            return
        self._top = min(max(self._top, view.selected - rows + 1), max(view.selected, 0))
        above = view.selected - 1
        if rows > 1 and above in view.headings:
            self._top = min(self._top, above)
        self._top = max(min(self._top, len(view.rows) - rows), 0)
        self._rows = rows
        shown = view.rows[self._top : self._top + rows]
        for position, row in enumerate(shown):
            y, x = 1 + position, 3
            if self._top + position in view.headings:
                canvas.spans(1, y, row, canvas.width - 2)
                continue
            selected = self._top + position == view.selected
            for column, span in enumerate(row):
                size = view.columns[column] if column < len(view.columns) else canvas.width
                room = min(size, canvas.width - 2 - x)
                canvas.put(x, y, shorten(span.text, room, g.ellipsis), span.ink)
                x += size + 2
            if selected:
                canvas.put(1, y, g.cursor, Ink.KEY)
                canvas.flag(y, 1, canvas.width - 1, SELECTED)
        if not view.rows:
            canvas.put(3, 1, view.empty, Ink.DIM, canvas.width - 2)
        if about:
            y = canvas.height - 1 - len(about)
            canvas.fill(1, y - 1, canvas.width - 2, g.horizontal, Ink.FRAME)
            for position, line in enumerate(about):
                canvas.spans(3, y + position, line, canvas.width - 2)
        if self._top + rows < len(view.rows):
            canvas.put(canvas.width - 4, rows, f" {g.down} ", Ink.DIM)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Chooses with the mouse."""
        event.stop()
        row = self._top + event.y - 1
        view = self.state[1] if self.state is not None else None
        if view is not None and 1 <= event.y <= self._rows and row < len(view.rows):
            self.post_message(self.Clicked(row))
