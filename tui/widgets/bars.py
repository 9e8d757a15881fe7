"""The line at the top (scenario, breadcrumb, loss) and the line at the bottom (keys or a notice)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retrograde.tui.canvas.canvas import Canvas, Line, Span, measure, middle, shorten, wrap
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.status import Crumb, FooterView, HeaderView, TourView
from retrograde.tui.widgets.panel import Drawn


class Breadcrumb(Drawn[HeaderView]):
    """Where the cursor is, from the epoch down to the slot, on one line."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: HeaderView) -> None:
        """Draws the longest form that fits; of what gives way, the name, E and the step do so last."""
        for form in _forms(view, canvas.glyphs.crumb):
            if measure(form.head) + measure(form.crumbs) + measure(form.tail) + 6 <= canvas.width:
                break
        canvas.spans(0 if form.head[:1] == (BRAND,) else 1, 0, form.head)
        right = canvas.width - measure(form.tail)
        canvas.spans(right, 0, form.tail)
        place = right - measure(form.crumbs) - 3 if form.head or form.tail else 1
        canvas.spans(max(place, 0), 0, form.crumbs, right)


LONGEST_NAME = 24
"""Cells of a name where there is not room for all of it."""
BRAND = Span(" retrograde  ", Ink.BRAND)


class _Form(NamedTuple):
    """A form of the top line."""

    head: Line
    crumbs: Line
    tail: Line


def _forms(view: HeaderView, arrow: str) -> Iterator[_Form]:
    """The forms of the top line, the longest first."""
    full: Line = (Span(view.scenario, Ink.STRONG),)
    whole: Line = (Span(view.brief_scenario or view.scenario, Ink.STRONG),)
    name: Line = (Span(view.scenario.split(" · ", 1)[0], Ink.STRONG),)
    short: Line = (Span(middle(name[0].text, LONGEST_NAME), Ink.STRONG),)
    gap, end = Span("   "), Span(" ")
    tail: Line = (Span(view.step, Ink.TEXT), gap, *view.loss, end)
    brief: Line = (Span(view.step, Ink.TEXT), gap, *(view.brief_loss or view.loss), end)
    briefest: Line = (Span(view.brief_step or view.step, Ink.TEXT), gap, *(view.brief_loss or view.loss), end)
    yield _Form((BRAND, *full), _crumbs(view.crumbs, arrow, long=True), tail)
    yield _Form((BRAND, *whole), _crumbs(view.crumbs, arrow, long=True), tail)
    yield _Form(whole, _crumbs(view.crumbs, arrow, long=True), tail)
    yield _Form(whole, _crumbs(view.crumbs, arrow), tail)
    yield _Form(name, _crumbs(view.crumbs, arrow), tail)
    yield _Form(name, _crumbs(view.crumbs, arrow), brief)
    for rank in range(max((crumb.rank for crumb in view.crumbs), default=0), -1, -1):
        crumbs = tuple(crumb for crumb in view.crumbs if crumb.rank <= rank)
        for head in (name, short):
            yield _Form(head, _crumbs(crumbs, arrow), brief)
            yield _Form(head, _crumbs(crumbs, arrow), briefest)
    last = tuple(crumb._replace(value=middle(crumb.value, LONGEST_NAME)) for crumb in view.crumbs[-1:])
    yield _Form(short, _crumbs(last, arrow), briefest)
    yield _Form(name, (), tail)
    yield _Form(short, (), tail)
    yield _Form(short, (), briefest)
    yield _Form((), (), briefest)
    yield _Form((), (), (Span(view.brief_step or view.step),))


def _crumbs(crumbs: Sequence[Crumb], arrow: str, *, long: bool = False) -> Line:
    """Where the cursor is; in little room what is counted stands together: e1 i1 s1."""
    spans: list[Span] = []
    for position, crumb in enumerate(crumbs):
        brief = not long and bool(crumb.brief)
        if position:
            close = brief and crumbs[position - 1].brief
            spans.append(Span(" ") if close else Span(f" {arrow} ", Ink.FAINT))
        ink = Ink.STRONG if position == len(crumbs) - 1 else Ink.TEXT
        if crumb.word and long:
            spans.append(Span(crumb.word + " ", Ink.DIM))
        spans.append(Span(crumb.brief if brief else crumb.value, ink))
    return tuple(spans)


BRIEF = 100
"""Columns from which on the words of the footer are written out."""


FOOTER_ENDS = 6
"""Cells of a row of the footer that a notice leaves at its ends."""


class Footer(Drawn[FooterView]):
    """The keys that matter most, within the bottom edge of the panels; before them a notice, in rows above too."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: FooterView) -> None:
        """Draws as many keys as fit, in the order of their importance."""
        g, last = canvas.glyphs, canvas.height - 1
        if view.box:
            canvas.fill(0, last, canvas.width, g.horizontal, Ink.FRAME)
            for at, corner in ((0, g.corners[2]), (canvas.width - 1, g.corners[3])):
                canvas.put(at, last, corner, Ink.FRAME)
                for row in range(last):
                    canvas.put(at, row, g.vertical, Ink.FRAME)
        x, end = 2, canvas.width - 2
        for row, text in enumerate(_rows(view.notice, canvas)):
            x = canvas.put(2, row, f" {text} ", Ink.BAD if view.bad else Ink.CHANGED, end)
        keys = view.brief if canvas.width < BRIEF and view.brief else view.keys
        sizes = [width(key) + width(title) + 3 for key, title in keys]
        room = end - x
        kept = view.kept if 0 <= view.kept < len(sizes) and sizes[view.kept] <= room else -1
        room -= sizes[kept] if kept >= 0 else 0
        for number, (key, title) in enumerate(keys):
            if number != kept:
                if sizes[number] > room:
                    continue
                room -= sizes[number]
            grey = number in view.grey
            x = canvas.put(x, last, f" {key}", Ink.FAINT if grey else Ink.KEY)
            x = canvas.put(x, last, f" {title} ", Ink.FAINT if grey else Ink.DIM)


class Saying(Footer):
    """What is said for a moment below something else, in as many rows as it takes; nothing is hidden behind it."""

    DEFAULT_CSS = "Saying { height: 1; dock: bottom; display: none; }"

    def say(self, text: str, *, bad: bool = False) -> None:
        """Says a text; with an empty one, nothing.

        Args:
            text: the text.
            bad: whether it says what is wrong.
        """
        self.display = bool(text)
        if text:
            self.styles.height = len(wrap(text, max(self.screen.size.width - FOOTER_ENDS, 1)))
            self.show(PanelEdge(title=()), FooterView(keys=(), notice=text, bad=bad, box=False))


def _rows(notice: str, canvas: Canvas) -> list[str]:
    """A notice in the rows of the footer; the last of them has all that is left, as far as it fits."""
    room = max(canvas.width - FOOTER_ENDS, 0)
    if not notice or not room:
        return []
    rows = wrap(notice, room) if width(notice) > room else [notice]
    kept, rest = rows[: canvas.height - 1], rows[canvas.height - 1 :]
    return [*kept, shorten(" ".join(rest), room, canvas.glyphs.ellipsis)] if rest else kept


class Tour(Drawn[TourView]):
    """A stop of the tour, below the footer: the key that goes on, and what is said."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: TourView) -> None:
        """Draws as many lines as there is room for."""
        g = canvas.glyphs
        canvas.fill(0, 0, canvas.width, g.horizontal, Ink.FRAME_ON)
        canvas.put(2, 0, f" {view.title} ", Ink.TITLE_ON, canvas.width)
        canvas.put(canvas.width - width(view.leave) - 4, 0, f" {view.leave} ", Ink.DIM, canvas.width)
        column = width(view.key) + 6
        canvas.put(3, 1, view.key, Ink.KEY, canvas.width)
        for row, line in enumerate(wrap(view.text, max(canvas.width - column - 2, 8))):
            canvas.put(column, 1 + row, line, Ink.STRONG, canvas.width)


class Notice(Drawn[str]):
    """One line, where nothing else fits."""

    def paint(self, canvas: Canvas, frame: PanelEdge, view: str) -> None:
        """Draws as much of the line as fits."""
        canvas.put(0, 0, shorten(view, canvas.width, canvas.glyphs.ellipsis), Ink.TEXT)
