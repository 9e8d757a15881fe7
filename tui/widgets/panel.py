"""The base of the drawn widgets: one reactive that holds a frozen view, and cached strips on the line API."""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol, TypeVar, cast

from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from retrograde.engine.text import _, language
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import Look
from retrograde.tui.records.marks import PanelEdge

V = TypeVar("V")
REVERSE = Style(reverse=True)
"""How marked text looks, with colours and without."""


class HasLook(Protocol):
    """What a drawn widget asks of its app."""

    look: Look

    def report(self, error: BaseException) -> None:
        """Says that something was raised which nobody expected, and writes a report."""


class Drawn(Widget, Generic[V]):
    """A widget that paints a frozen view on a canvas; the strips are kept until something changes."""

    DEFAULT_CSS = "Drawn { width: 1fr; height: 1fr; }"
    state: reactive[tuple[PanelEdge, V | None] | None] = reactive(None, init=False)

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own word
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn: tuple[object, ...] = ()

    def show(self, frame: PanelEdge, view: V | None) -> None:
        """Gives the widget what it is to draw, None for nothing yet; the same objects again cost nothing."""
        self.state = (frame, view)

    def paint(self, canvas: Canvas, frame: PanelEdge, view: V) -> None:
        """Draws the view; implemented by each widget."""
        raise NotImplementedError

    def paint_empty(self, canvas: Canvas, frame: PanelEdge) -> None:
        """Draws what is there before the first view: nothing, or the frame of a panel."""

    def _paint(self, canvas: Canvas, frame: PanelEdge, view: V | None) -> None:
        if view is None:
            self.paint_empty(canvas, frame)
        else:
            self.paint(canvas, frame, view)

    def render_line(self, y: int) -> Strip:
        """The strip of a row, from the cache if nothing changed."""
        size = self.size
        look = cast(HasLook, self.app).look
        state = self.state
        drawn = (state, size, look, language())
        if self._drawn != drawn:
            canvas = Canvas(size.width, size.height, look.glyphs)
            if state is not None and size.width and size.height:
                try:
                    self._paint(canvas, *state)
                except Exception as error:  # noqa: BLE001 - reported
                    canvas = Canvas(size.width, size.height, look.glyphs)
                    canvas.put(0, 0, _("this can not be drawn"), Ink.BAD)
                    self.call_later(cast(HasLook, self.app).report, error)
            self._strips = canvas.strips(look.palette)
            self._drawn = drawn
        if not 0 <= y < len(self._strips):
            return Strip.blank(size.width)
        strip, span = self._strips[y], self._marked(y)
        if span is None:
            return strip
        start, end = span
        marked = strip.crop(start, end).apply_style(REVERSE)
        return Strip.join([strip.crop(0, start), marked, strip.crop(end)])

    # -- marking with the mouse

    @property
    def inside(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what can be marked; the ends do not belong to it."""
        return 0, 0, self.size.width, self.size.height

    def cell_at(self, x: int, y: int) -> Offset:
        """The cell that a drag to a place means: the nearest one inside."""
        left, top, right, bottom = self.inside
        return Offset(min(max(x, left), max(right - 1, left)), min(max(y, top), max(bottom - 1, top)))

    def _marked(self, y: int, selection: Selection | None = None) -> tuple[int, int] | None:
        """The columns of a row that are marked; None for none."""
        selection = self.text_selection if selection is None else selection
        left, top, right, bottom = self.inside
        if selection is None or not top <= y < bottom:
            return None
        span = selection.get_span(y)
        if span is None:
            return None
        start, end = max(span[0], left), right if span[1] == -1 else min(span[1], right)
        return (start, end) if start < end else None

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is marked, without the frame and without the blanks at the ends of rows."""
        rows = []
        for y, strip in enumerate(self._strips):
            span = self._marked(y, selection)
            if span is not None:
                rows.append(strip.crop(*span).text.rstrip())
        return "\n".join(rows), "\n"


class Panel(Drawn[V]):
    """A drawn widget within a frame. The rows inside it are handed to ``draw``."""

    class Pressed(Message):
        """The mouse was pressed in a panel, on a row (and perhaps an item) of it."""

        def __init__(self, panel: str, item: int | None) -> None:
            super().__init__()
            self.panel = panel
            self.item = item

    class Wheeled(Message):
        """The wheel was turned over a panel."""

        def __init__(self, panel: str, by: int) -> None:
            super().__init__()
            self.panel = panel
            self.by = by

    def paint(self, canvas: Canvas, frame: PanelEdge, view: V) -> None:
        """Draws the frame, and the view within it."""
        self.paint_empty(canvas, frame)
        inner = Canvas(canvas.width - 2, canvas.height - (2 if frame.bottom else 1), canvas.glyphs)
        ink = Ink.FRAME_ON if frame.focused else Ink.FRAME
        canvas.frame(title=frame.title, ink=ink, corners=frame.corners, bottom=frame.bottom, joints=frame.joints)
        if view is not None and inner.width > 0 and inner.height > 0:
            self.draw(inner, view)
            canvas.paste(1, 1, inner)

    def paint_empty(self, canvas: Canvas, frame: PanelEdge) -> None:
        """Draws the frame."""
        ink = Ink.FRAME_ON if frame.focused else Ink.FRAME
        canvas.frame(title=frame.title, ink=ink, corners=frame.corners, bottom=frame.bottom, joints=frame.joints)

    @property
    def inside(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the rows inside the frame."""
        bottom = self.state is None or self.state[0].bottom
        return 1, 1, self.size.width - 1, self.size.height - (1 if bottom else 0)

    def draw(self, canvas: Canvas, view: V) -> None:
        """Draws the view; implemented by each panel."""
        raise NotImplementedError

    TIP: ClassVar[str] = ""
    """What the panel shows, a message; it stands beside the mouse over the title."""

    def item_at(self, row: int) -> int | None:
        """The item that is drawn on a row inside the frame, if any."""
        return None

    def tip_at(self, x: int, y: int) -> str:
        """What is said beside the mouse at a cell inside the frame; empty for nothing."""
        return ""

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Says beside the mouse what is under it."""
        tip = (_(self.TIP) if self.TIP else "") if event.y == 0 else self.tip_at(event.x - 1, event.y - 1)
        shown = Content(tip) if tip else None
        if (None if self.tooltip is None else str(self.tooltip)) != (tip or None):
            self.tooltip = shown

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Selects with the mouse."""
        event.stop()
        self.post_message(self.Pressed(self.id or "", self.item_at(event.y - 1)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scrolls with the wheel."""
        event.stop()
        self.post_message(self.Wheeled(self.id or "", 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scrolls with the wheel."""
        event.stop()
        self.post_message(self.Wheeled(self.id or "", -1))
