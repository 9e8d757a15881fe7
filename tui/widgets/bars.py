"""The line at the top (scenario, breadcrumb, loss) and the line at the bottom (keys or a notice)."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Canvas, Line, Span, measure, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.status import FooterView, HeaderView
from retrograde.tui.widgets.panel import Drawn


class Breadcrumb(Drawn[HeaderView]):
    """Where the cursor is, from the epoch down to the slot, on one line."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: HeaderView) -> None:
        """Draws the longest form that fits."""
        g = canvas.glyphs
        brand: Line = (Span(" retrograde  ", Ink.BRAND), Span(view.scenario, Ink.STRONG))
        name: Line = (Span(view.scenario.split(" ", 1)[0], Ink.STRONG),)
        tail: Line = (Span(view.step, Ink.TEXT), Span("   "), *view.loss, Span(" "))
        forms = [
            (brand, self._crumbs(view, g.crumb, long=True), tail),
            (brand[1:], self._crumbs(view, g.crumb, long=True), tail),
            (brand[1:], self._crumbs(view, g.crumb, long=False), tail),
            (name, self._crumbs(view, g.crumb, long=False), tail),
            ((), self._crumbs(view, g.crumb, long=False), tail),
            ((), self._crumbs(view, g.crumb, long=False), (Span(view.step),)),
            ((), self._crumbs(view, g.crumb, long=False), ()),
        ]
        for head, crumbs, end in forms:
            if measure(head) + measure(crumbs) + measure(end) + 6 <= canvas.width:
                break
        canvas.spans(0 if head[:1] == brand[:1] else 1, 0, head)
        right = canvas.width - measure(end)
        if end:
            canvas.spans(right, 0, end)
        place = right - measure(crumbs) - 3 if head or end else 1
        canvas.spans(max(place, 0), 0, crumbs, right)

    @staticmethod
    def _crumbs(view: HeaderView, arrow: str, *, long: bool) -> Line:
        spans: list[Span] = []
        for position, (word, value) in enumerate(view.crumbs):
            if position:
                spans.append(Span(f" {arrow} ", Ink.FAINT))
            last = position == len(view.crumbs) - 1
            if word and long:
                spans.append(Span(word + " ", Ink.DIM))
            spans.append(Span(value, Ink.STRONG if last else Ink.TEXT))
        return tuple(spans)


class Footer(Drawn[FooterView]):
    """The keys that matter most, within the bottom edge of the panels; or a notice in their place."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: FooterView) -> None:
        """Draws as many keys as fit, in the order of their importance."""
        g = canvas.glyphs
        if view.box:
            canvas.fill(0, 0, canvas.width, g.horizontal, Ink.FRAME)
            canvas.put(0, 0, g.corners[2], Ink.FRAME)
            canvas.put(canvas.width - 1, 0, g.corners[3], Ink.FRAME)
        x, end = 2, canvas.width - 2
        if view.notice:
            text = shorten(view.notice, max(end - x - 2, 0), g.ellipsis)
            canvas.put(x, 0, f" {text} ", Ink.BAD if view.bad else Ink.CHANGED, end)
            return
        for number, (keys, title) in enumerate(view.keys):
            size = width(keys) + width(title) + 3
            if x + size > end:
                continue
            grey = number in view.grey
            x = canvas.put(x, 0, f" {keys}", Ink.FAINT if grey else Ink.KEY)
            x = canvas.put(x, 0, f" {title} ", Ink.FAINT if grey else Ink.DIM)


class Notice(Drawn[str]):
    """One line, where nothing else fits."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: str) -> None:
        """Draws as much of the line as fits."""
        canvas.put(0, 0, shorten(view, canvas.width, canvas.glyphs.ellipsis), Ink.TEXT)
