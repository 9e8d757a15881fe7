"""The table of parameters: value, gradient, change, new value and memory, of the rows that are in sight."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.text import N_, _, joined
from retrograde.tui.canvas.canvas import Canvas, Line, Span, middle, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.weights import WeightRow, WeightsView
from retrograde.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence


def cell(value: float | None, decimals: int, unknown: str, *, sign: bool = False) -> str:
    """A number of the table."""
    if value is None:
        return unknown
    if value != value:
        return "NaN"
    # Below three digits that say something, exponents say more.
    small = value != 0 and abs(value) < 10.0 ** (2 - decimals)
    if not small:
        # A large number gives up decimals, not the column beside it.
        for fewer in range(decimals, -1, -1):
            text = f"{value:{'+' if sign else ''}.{fewer}f}"
            if len(text) <= decimals + 3:
                return text.replace("-", "−")
    for fewer in range(min(decimals, 2), -1, -1):
        text = typeset(f"{value:{'+' if sign else ''}.{fewer}e}")
        if len(text) <= decimals + 3:
            break
    return text


def _cell(value: float | None, decimals: int, unknown: str, *, sign: bool = False, marked: bool = False) -> str:
    """A number of the table; one with a mark before it gives up a decimal where it would touch the number before."""
    text = cell(value, decimals, unknown, sign=sign)
    if marked and decimals > 1 and len(text) > decimals + 2:
        return cell(value, decimals - 1, unknown, sign=sign)
    return text


SORTED = {"value": 0, "gradient": 1, "update": 2, "start": 2}
"""The column that the table is sorted by."""

FEWEST_DECIMALS, USUAL_DECIMALS = 4, 6
"""Digits after the point that numbers give up in favour of a column, but for who asked for more than usual."""
LEAST_HIDDEN = 3
"""Cells in which it is said that there are more columns."""

GRADIENT = 1
"""The column of the gradient."""


class _Fit(NamedTuple):
    """What of the table there is room for.

    Attributes:
        path: whether the names of both ends are shown.
        decimals: digits after the point.
        hidden: how many columns there are besides.
        ends: where each column of numbers ends, from where the first begins.
    """

    path: bool
    decimals: int
    hidden: int
    ends: tuple[int, ...]


def _fit(view: WeightsView, titles: Sequence[str], room: int, path: int) -> _Fit:
    """What of the table there is room for: shorter numbers come before fewer columns.

    Args:
        view: the table.
        titles: the headings of the columns of numbers; a column is wider than its heading.
        room: the cells beside the names.
        path: the cells of the names of both ends; 0 for none.
    """
    # Who asked for all digits has them.
    least = min(view.decimals, FEWEST_DECIMALS) if view.decimals <= USUAL_DECIMALS else view.decimals
    for with_path in (True, False) if path else (False,):
        free = room - (path + 2 if with_path else 0)
        for decimals in range(view.decimals, least - 1, -1):
            if sum(_widths(titles, decimals + 4)) <= free:
                return _Fit(with_path, decimals, 0, _ends(titles, free, decimals + 4))
    free = room - LEAST_HIDDEN
    narrow = tuple(accumulate(_widths(titles, least + 4)))
    columns = max(sum(end <= free for end in narrow), 1)
    with_path = bool(path) and columns > 3 and narrow[columns - 1] <= free - path - 2
    free -= path + 2 if with_path else 0
    return _Fit(with_path, least, len(titles) - columns, _ends(titles[:columns], free, least + 4))


def _widths(titles: Sequence[str], spacing: int) -> list[int]:
    """The cells of each column: those of a number, or those of its heading and one before it."""
    return [max(width(title) + 1, spacing) for title in titles]


def _ends(titles: Sequence[str], free: int, least: int) -> tuple[int, ...]:
    """Where each column ends; room that is left is given to all columns alike, up to three cells."""
    spacing = next((wide for wide in range(least + 3, least, -1) if sum(_widths(titles, wide)) <= free), least)
    return tuple(accumulate(_widths(titles, spacing)))


def _draw_hidden(canvas: Canvas, hidden: int, x: int) -> None:
    """Says how many columns there are besides, at the end of the heading."""
    forms = (
        _("{arrow} {count} more").format(arrow=canvas.glyphs.arrow, count=hidden),
        f"{canvas.glyphs.arrow}{hidden}",
    )
    text = next((form for form in forms if x + 1 + width(form) <= canvas.width), "")
    canvas.put(canvas.width - width(text), 0, text, Ink.KEY)


COLUMNS = (
    N_("before this iteration's update"),
    N_("how E changes with it: the gradient"),
    N_("what the update adds"),
    N_("after the update"),
)
"""What the first columns are, messages."""


LONGEST_NAME = 28
"""Cells that a name takes at most where they are more than a third of the panel."""


class WeightsPanel(Panel[WeightsView]):
    """Draws a ``WeightsView``."""

    TIP = N_("Every parameter with its gradient, its change and its new value. O sorts, / searches.")

    _top = 0
    _last = 0
    _ends: tuple[int, ...] = ()

    def draw(self, canvas: Canvas, view: WeightsView) -> None:
        """Draws the heading and the rows that fit around the selected one."""
        body, g = canvas.height - 1, canvas.glyphs
        if body <= 0:
            return
        self._top = min(max(self._top, view.selected - body + 1), view.selected)
        self._top = max(min(self._top, view.count - body), 0)
        start = max(self._top - view.first, 0)
        rows = view.rows[start : start + body]
        self._last = self._top + len(rows)
        name = min(max([width(row.name) for row in rows] + [3]), max(canvas.width // 3, LONGEST_NAME))
        path = max([width(row.path) for row in rows] + [width(_("from→to"))]) if any(row.path for row in rows) else 0
        titles = self._titles(canvas, view)
        fit = _fit(view, titles, canvas.width - 4 - name, path)
        with_path = fit.path
        x = 3 + name + (path + 2 if with_path else 0)
        place = f"{view.selected + 1:,}/{view.count:,}" if view.count > body else "w"
        canvas.put(2, 0, place if width(place) <= name + 1 else "w", Ink.DIM)
        if view.kept:
            canvas.put(
                2, 0, shorten(f"{view.kept} {view.count:,}", name + (path if with_path else 0), g.ellipsis), Ink.MATCH
            )
        if with_path:
            canvas.put(4 + name, 0, "" if view.kept else _("from→to"), Ink.DIM)
        self._ends = tuple(x + end for end in fit.ends)
        for position, (title, end) in enumerate(zip(titles, self._ends, strict=False)):
            ink = Ink.KEY if position == SORTED.get(view.order) else Ink.DIM
            canvas.put(end - width(title), 0, title, ink)
        for position, row in enumerate(rows):
            self._draw_row(canvas, view, row, position, x if with_path else -x, name, fit)
        if fit.hidden:
            _draw_hidden(canvas, fit.hidden, self._ends[-1])

    @staticmethod
    def _titles(canvas: Canvas, view: WeightsView) -> list[str]:
        """The headings of the columns of numbers; an arrow stands before that which the table is sorted by."""
        change = _("Δ start") if view.order == "start" else "Δw"
        titles = [_("value"), "∂E/∂w", change, _("new"), *view.memory]
        column = SORTED.get(view.order)
        return [canvas.glyphs.down + title if k == column else title for k, title in enumerate(titles)]

    def _draw_row(
        self,
        canvas: Canvas,
        view: WeightsView,
        row: WeightRow,
        position: int,
        at: int,
        name: int,
        fit: _Fit,
    ) -> None:
        y, g = position + 1, canvas.glyphs
        decimals = fit.decimals
        selected = self._top + position == view.selected
        x = abs(at)
        mark = {Mark.TARGET: g.bar, Mark.OPERAND: g.left_operand, Mark.IDLE: " "}[row.mark]
        if row.changed and row.mark is not Mark.TARGET:
            mark = "*"
        ink = {Mark.TARGET: Ink.CHANGED, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.STRONG}[row.mark]
        canvas.put(0, y, g.cursor if selected else " ", Ink.KEY)
        canvas.put(1, y, mark, ink)
        canvas.put(2, y, middle(row.name, name, g.ellipsis), Ink.MATCH if row.match else ink)
        if at > 0:
            canvas.put(4 + name, y, row.path, Ink.DIM)
        marks = [*row.edited, *[False] * (len(fit.ends) + 4 - len(row.edited))]
        marks[GRADIENT] = marks[GRADIENT] or row.partial
        values: Line = (
            Span(
                _cell(row.value, decimals, g.unknown, marked=marks[0]), Ink.TEXT if row.value is not None else Ink.FAINT
            ),
            Span(
                _("frozen") if row.frozen else _cell(row.gradient, decimals, g.unknown, marked=marks[GRADIENT]),
                Ink.FAINT if row.frozen else signed(row.gradient),
            ),
            Span(_cell(row.change, decimals, g.unknown, sign=True, marked=marks[2]), signed(row.change)),
            Span(
                _cell(row.new, decimals, g.unknown, marked=marks[3]),
                Ink.FAINT if row.new is None else Ink.CHANGED if row.changed else Ink.TEXT,
            ),
            *(Span(cell(value, decimals, g.unknown), Ink.DIM) for value in row.memory),
        )
        for column, (span, end) in enumerate(zip(values, fit.ends, strict=False)):
            start = x + end - width(span.text)
            canvas.put(start, y, span.text, span.ink)
            if column < len(row.edited) and row.edited[column]:
                canvas.put(start - 1, y, g.edited, Ink.CHANGED)
            elif row.partial and column == GRADIENT:
                canvas.put(start - 1, y, g.ellipsis[:1], Ink.DIM)
        if selected:
            canvas.flag(y, 0, canvas.width, SELECTED)

    def tip_at(self, x: int, y: int) -> str:
        """Of the heading what a column is; of a row its numbers with all their digits."""
        view = None if self.state is None else self.state[1]
        if view is None:
            return ""
        titles = [_("value"), "∂E/∂w", "Δw", _("new"), *view.memory]
        if y == 0:
            column = next((k for k, end in enumerate(self._ends) if x < end), None)
            columns = (*COLUMNS, *(N_("what the optimiser remembers") for _one in view.memory))
            return "" if column is None else f"{titles[column]}: {_(columns[column])}"
        item = self.item_at(y)
        if item is None or not view.first <= item < view.first + len(view.rows):
            return ""
        row = view.rows[item - view.first]
        numbers = (row.value, row.gradient, row.change, row.new, *row.memory)
        known = [f"{title} {number!r}" for title, number in zip(titles, numbers, strict=False) if number is not None]
        return "\n".join((joined((row.name, row.path)), *known))

    def item_at(self, row: int) -> int | None:
        """The parameter on a row."""
        item = self._top + row - 1
        return item if row >= 1 and item < self._last else None
