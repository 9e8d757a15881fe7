"""The base of the drawn widgets: a frozen view, and strips that are kept until it is another one, on the line API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar, cast

from rich.style import Style
from textual import events
from textual.content import Content
from textual.filter import ANSIToTruecolor
from textual.geometry import Offset, Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from retrograde.engine.text import _, language
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import Look
from retrograde.tui.records.marks import PanelEdge

if TYPE_CHECKING:
    from collections.abc import Sequence

V = TypeVar("V")
REVERSE = Style(reverse=True)
"""How marked text looks, with colours and without."""


def draw_keys(canvas: Canvas, keys: Sequence[tuple[str, str]]) -> None:
    """Writes keys and what they do into the edge below, as many as fit; the last, the way out, before all others."""
    x, y = 2, canvas.height - 1
    sizes = [width(key) + width(title) + 3 for key, title in keys]
    free = canvas.width - 4 - (sizes[-1] if sizes else 0)
    for number, ((key, title), size) in enumerate(zip(keys, sizes, strict=True), 1):
        if number < len(keys):
            if size > free:
                continue
            free -= size
        elif free < 0:
            return
        x = canvas.put(x, y, f" {key}", Ink.KEY)
        x = canvas.put(x, y, f" {title} ", Ink.DIM)


def runs(rows: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Rows that follow each other, together: the first of them, and how many they are.

    Args:
        rows: the rows, rising.
    """
    first, count = 0, 0
    for row in rows:
        if count and row == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = row, 1
    if count:
        yield first, count


class HasLook(Protocol):
    """What a drawn widget asks of its app."""

    look: Look

    def report(self, error: BaseException) -> None:
        """Says that something was raised which nobody expected, and writes a report."""


class Drawn(Widget, Generic[V]):
    """A widget that paints a frozen view on a canvas; the strips are kept until something changes.

    It has no border and no padding, so that its outer size is its size, which Textual would look for in its map.

    Attributes:
        state: the frame and the view that are drawn; None before the first ones.
    """

    DEFAULT_CSS = "Drawn { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's own word
        super().__init__(id=id)
        self.state: tuple[PanelEdge, V | None] | None = None
        self._strips: list[Strip] = []
        self._canvas: Canvas | None = None
        self._drawn: tuple[object, ...] = ()

    def show(self, frame: PanelEdge, view: V | None) -> None:
        """Gives the widget what it is to draw, None for nothing yet; the same objects again cost nothing."""
        state = (frame, view)
        if state != self.state:
            self.state = state
            self._refresh_rows()

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

    def _refresh_rows(self) -> None:
        """Draws what it was given, and has only the rows painted that have become others."""
        known, strips = self._drawn[1:], self._strips
        if not strips or known != self._circumstances:
            self.refresh()
            return
        made = self._ready()
        changed = (y for y, (old, new) in enumerate(zip(strips, made, strict=True)) if old is not new)
        regions = [Region(0, y, self.outer_size.width, count) for y, count in runs(changed)]
        if regions:
            self.refresh(*regions)

    @property
    def _circumstances(self) -> tuple[object, ...]:
        """What the strips depend on beside the view: where it is another, nothing that was drawn counts."""
        return (self.outer_size, cast(HasLook, self.app).look, language())

    def _ready(self) -> list[Strip]:
        """The strips of all rows, those of before where nothing changed."""
        circumstances = self._circumstances
        drawn = (self.state, *circumstances)
        if self._drawn == drawn:
            return self._strips
        size, look, state = self.outer_size, cast(HasLook, self.app).look, self.state
        canvas = Canvas(size.width, size.height, look.glyphs)
        if state is not None and size.width and size.height:
            try:
                self._paint(canvas, *state)
            except Exception as error:  # noqa: BLE001 - reported
                canvas = Canvas(size.width, size.height, look.glyphs)
                canvas.put(0, 0, _("this can not be drawn"), Ink.BAD)
                self.call_later(cast(HasLook, self.app).report, error)
        before = (self._canvas, self._strips) if self._drawn[1:] == circumstances and self._canvas else None
        self._strips = canvas.strips(look.palette, before)
        self._canvas = canvas
        self._drawn = drawn
        return self._strips

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of some rows: a drawn widget has no border and no padding, so that nothing is put around them."""
        strips, width, selection = self._ready(), self.outer_size.width, self.text_selection
        found = strips[crop.y : crop.bottom]
        if len(found) < crop.height:
            found += [Strip.blank(width)] * (crop.height - len(found))
        if selection is not None:
            found = [self._shown_marked(strip, y, selection) for y, strip in zip(crop.line_range, found, strict=True)]
        exact = cast(HasLook, self.app).look.palette.exact
        filters = [one for one in self.get_line_filters() if not (exact and isinstance(one, ANSIToTruecolor))]
        if filters:
            background = self.background_colors[1]
            for each in filters:
                found = [strip.apply_filter(each, background) for strip in found]
        if crop.column_span != (0, width):
            found = [strip.crop(*crop.column_span) for strip in found]
        return found

    def render_line(self, y: int) -> Strip:
        """The strip of a row, from the cache if nothing changed."""
        strips, selection = self._ready(), self.text_selection
        if not 0 <= y < len(strips):
            return Strip.blank(self.outer_size.width)
        return strips[y] if selection is None else self._shown_marked(strips[y], y, selection)

    def _shown_marked(self, strip: Strip, y: int, selection: Selection) -> Strip:
        """The strip of a row with what the mouse has marked of it."""
        span = self._marked(y, selection)
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

    def _marked(self, y: int, selection: Selection) -> tuple[int, int] | None:
        """The columns of a row that are marked; None for none."""
        left, top, right, bottom = self.inside
        if not top <= y < bottom:
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

    _edge: tuple[tuple[object, ...], Canvas] | None = None

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
        if view is not None and inner.width > 0 and inner.height > 0:
            self.draw(inner, view)
            canvas.paste(1, 1, inner)

    def paint_empty(self, canvas: Canvas, frame: PanelEdge) -> None:
        """Draws the frame, which is the same most of the time: then it is copied."""
        key = (frame, canvas.width, canvas.height, canvas.glyphs)
        if self._edge is None or self._edge[0] != key:
            empty = Canvas(canvas.width, canvas.height, canvas.glyphs)
            ink = Ink.FRAME_ON if frame.focused else Ink.FRAME
            empty.frame(title=frame.title, ink=ink, corners=frame.corners, bottom=frame.bottom, joints=frame.joints)
            self._edge = key, empty
        canvas.paste(0, 0, self._edge[1])

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
