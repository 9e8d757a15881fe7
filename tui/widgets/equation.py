"""The equation of the step on the screen: symbols, numbers, result, and where each number came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from textual.geometry import Offset, Region
from textual.strip import Strip

from retrograde.engine.late import late
from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Canvas, Line, Span, measure, middle, wrap
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.drawing.cells import fit
from retrograde.tui.records.equation import ChainParts, EquationView, Fraction
from retrograde.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from retrograde.tui.drawing import dispatch
    from retrograde.tui.drawing.dispatch import Row
    from retrograde.tui.records import pictures
else:
    pictures = late("retrograde.tui.records.pictures")
    dispatch = late("retrograde.tui.drawing.dispatch")

PLENTY = 1000
"""Rows that no picture needs."""
LEAST_AROUND = 4
"""Free rows from which on the steps around the one on the screen are shown."""
LEAST_BESIDE = 8
"""Free rows that the steps around keep beside a chain."""
LEAST_FLOW = 2
"""Layers whose flow is drawn beside the steps around."""
BAR = 14
"""Cells of a bar of it at most."""
LEAST = 5
"""Rows below which a picture that stands below another one is left out."""


class EquationRoom(IntEnum):
    """What of the text makes room for grids, which hold the terms and the operands too."""

    PLENTY = 0
    FLOWING = 1
    """The operands flow on a line."""
    BRIEF = 2
    """Of the formula only what comes first."""
    BARE = 3
    """Neither the sentence nor the operands."""


def break_line(spans: Line, limit: int, *, hang: int = 2) -> list[Line]:
    """Breaks a line where it is too long: before a span, and before the sign that joins it, not before what closes it.

    Args:
        spans: the line.
        limit: cells of a row.
        hang: blanks before each row but the first.
    """
    lines: list[Line] = []
    line: list[Span] = []
    used = 0
    for group in _groups(spans, limit - hang):
        size = measure(group)
        if line and used + size > limit:
            # A sign such as " + " goes with what follows it.
            sign = [line.pop()] if len(line) > 1 and _is_sign(line[-1].text) else []
            lines.append(tuple(line))
            line = [Span(" " * hang), *(Span(one.text.lstrip(), one.ink) for one in sign)]
            if not sign:
                group[0] = Span(group[0].text.lstrip(), group[0].ink)
            used = measure(line)
            size = measure(group)
        line += group
        used += size
    if line:
        lines.append(tuple(line))
    return lines


def _groups(spans: Line, limit: int) -> Iterator[list[Span]]:
    """Each span with the brackets and powers that close it, where a row holds them."""
    group: list[Span] = []
    for span in spans:
        if group and not (span.text.startswith((")", "²")) and measure((*group, span)) <= limit):
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _is_sign(text: str) -> bool:
    return text.startswith(" ") and text.endswith(" ")


def fractions(left: str, factors: tuple[Fraction, ...], indent: int) -> list[Line]:
    """The chain rule as fractions over two lines, with the values below: five lines at most."""
    above, rule, below, values = (
        [Span(" " * indent)],
        [Span(" " * indent)],
        [Span(" " * indent)],
        [Span(" " * indent)],
    )
    for position, factor in enumerate(factors):
        size = max(width(factor.above), width(factor.below), width(factor.value))
        if position:
            sign = " = " if position == 1 and left else " · "
            above.append(Span("   "))
            rule.append(Span(sign, Ink.DIM))
            below.append(Span("   "))
            values.append(Span(sign if position == 1 else " × " if factor.value else "   ", Ink.FAINT))
        above.append(Span(_centre(factor.above, size), Ink.TEXT))
        rule.append(Span("─" * size, Ink.DIM))
        below.append(Span(_centre(factor.below, size), Ink.TEXT))
        values.append(Span(_centre(factor.value, size), Ink.ACCENT))
    return [tuple(above), tuple(rule), tuple(below), tuple(values)]


def _centre(text: str, size: int) -> str:
    spare = size - width(text)
    return " " * (spare // 2) + text + " " * (spare - spare // 2)


class EquationPanel(Panel[EquationView]):
    """Draws an ``EquationView``; each row of operands can be selected."""

    TIP = N_(
        "The step in symbols and in numbers, and where each number came from. The arrows select an "
        "operand, Enter goes to its step."
    )

    _items: dict[int, int]
    _result: Offset | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of some rows; the terminal's cursor, which readers of screens follow, stands on the result."""
        strips = super().render_lines(crop)
        if self._result is not None and not self.app.screen.focused:
            self.app.cursor_position = self.region.offset + self._result
        return strips

    def draw(self, canvas: Canvas, view: EquationView) -> None:
        """Lays the parts out below each other, scrolled so that the selected operand is seen."""
        pictures, given = self._pictures(view, canvas)
        rows, items = self._rows(view, canvas.width - 2, canvas.glyphs, pictures, given)
        spare = len(rows) - canvas.height
        if view.around and -spare > LEAST_AROUND:
            chain = _unfolded(view.chain, canvas.width - 2, -spare - LEAST_BESIDE)
            around = _nearest(view.around, -spare - 2 - len(chain))
            _draw_flow(canvas, view, len(rows) + 1, around)
            rows += [(), (Span(_("steps around"), Ink.STRONG),), *around]
            rows += chain
        if spare > 0:
            rows, items = _squeeze(rows, items, spare)
            if len(rows) > canvas.height and items and view.selected < 0:
                rows = rows[: min(items)] + ([] if given is EquationRoom.BARE else _flowing(view, canvas.width - 2))
                items = {}
        top = 0
        selected = next((row for row, item in items.items() if item == view.selected), None)
        if len(rows) > canvas.height and selected is not None:
            top = min(max(selected - canvas.height + 2, 0), len(rows) - canvas.height)
        self._items = {row - top: item for row, item in items.items()}
        self._result = _place_of(view.result, rows[top : top + canvas.height])
        for y, row in enumerate(rows[top : top + canvas.height]):
            if isinstance(row, tuple):
                canvas.spans(1, y, fit(row, canvas.width - 1, canvas.glyphs.ellipsis), canvas.width)
                if items.get(y + top, -2) == view.selected:
                    canvas.put(0, y, canvas.glyphs.cursor, Ink.KEY)
                    canvas.flag(y, 0, canvas.width, SELECTED)
        for y, row in enumerate(rows):
            if not isinstance(row, tuple) and not row.row:
                row.draw(canvas, y - top)
        left = len(rows) - top - canvas.height + (view.more if items else 0)
        if left > 0:
            text = f"{canvas.glyphs.down} {left}"
            canvas.put(canvas.width - width(text) - 1, canvas.height - 1, f" {text} ", Ink.DIM)

    def item_at(self, row: int) -> int | None:
        """The operand on a row."""
        return getattr(self, "_items", {}).get(row)

    def _pictures(self, view: EquationView, canvas: Canvas) -> tuple[list[list[Row]], EquationRoom]:
        """The rows of each picture, and what makes room for them: no more than the first one needs."""
        room, g = max(canvas.width - 2, 4), canvas.glyphs
        # Without any height, only the pictures are made whose height is their own.
        made = [dispatch.picture_rows(picture, room, 0, g) for picture in view.pictures]
        if all(made):
            return made, EquationRoom.PLENTY
        whole = [dispatch.picture_height(picture, room, PLENTY, g) for picture in view.pictures]
        first = made.index([])
        found, last = made, EquationRoom.FLOWING if view.selected >= 0 or not _pictured(view) else EquationRoom.BARE
        for left in EquationRoom:
            found = list(made)
            rows, items = self._rows(view, canvas.width - 2, g, made, left)
            free = canvas.height - len(rows) - made.count([])
            if left is not EquationRoom.PLENTY:
                before = [row for row in rows[: min(items, default=len(rows))] if row != ()]
                flowing = _flowing(view, canvas.width - 2) if items and left is not EquationRoom.BARE else []
                free = canvas.height - len(before) - len(flowing)
            for place, picture in enumerate(view.pictures):
                if not made[place] and (free >= LEAST or place == first):
                    found[place] = dispatch.picture_rows(picture, room, free, g)
                    free -= len(found[place])
            enough = (
                sum(map(len, found)) >= sum(whole) if left is EquationRoom.PLENTY else len(found[first]) >= whole[first]
            )
            if enough or left is last:
                return found, left
        return found, last

    def _rows(
        self, view: EquationView, room: int, g: Glyphs, pictures: list[list[Row]], left: EquationRoom
    ) -> tuple[list[Row], dict[int, int]]:
        rows: list[Row] = []
        items: dict[int, int] = {}
        room = max(room, 4)
        if view.told is not None:
            rows += [(Span(line, Ink.KEY),) for line in wrap(view.told.title, room)]
            rows += [(Span(line, Ink.TEXT),) for line in wrap(view.told.text, room)]
            rows.append(())
        if view.question:
            rows += [(Span(line, Ink.STRONG),) for line in wrap(view.question, room)]
        # A chapter says why, in its own words.
        if left is not EquationRoom.BARE and view.told is None:
            rows += [(Span(line, Ink.DIM),) for line in wrap(view.why, room)]
        for paragraph in view.prose:
            if rows and paragraph != ():
                rows.append(())
            rows += _flow(paragraph, room)
        if view.left:
            rows.append(())
            rows += self._formula(view, room, g.ellipsis if left >= EquationRoom.BRIEF else "")
        for picture in pictures:
            if picture:
                rows.append(())
                rows += picture
        if view.factors:
            rows.append(())
            rows += _chain(view, room)
        if view.notes:
            rows.append(())
            for note in view.notes:
                rows += _flow(note, room)
        if view.operands:
            rows.append(())
            items = {len(rows) + place: view.first + place for place in range(len(view.operands))}
            rows += _operands(view, room, g)
        return rows, items

    @staticmethod
    def _formula(view: EquationView, room: int, brief: str) -> list[Row]:
        """The equation in symbols, in numbers, and its result; a brief one ends with ``brief`` after a line."""
        rows: list[Row] = []
        left = middle(view.left, room - 2)
        indent = width(left) + 2
        if indent > room // 2:
            rows.append((Span(" " + left, Ink.STRONG),))
            indent = 2
            first: Line = (
                Span(
                    "  ",
                ),
            )
        else:
            first = (Span(" " + left + " ", Ink.STRONG),)
        equals = Span("= ", Ink.DIM)
        for position, part in enumerate((view.symbols, view.numbers)):
            if not part or (brief and position):
                continue
            space = max(room - indent - 2 - 2 * bool(brief), 8)
            # The names of a recording are paths: what tells them apart stands at their ends.
            most = max(space * 4 // 5, 16)
            lines = break_line(tuple(Span(middle(text, most), ink) for text, ink in part), space)
            if brief and len(lines) > 1:
                lines = [(*lines[0], Span(f" {brief}", Ink.DIM))]
            for number, broken in enumerate(lines):
                head = first if not position and not number else (Span(" " * indent),)
                rows.append((*head, equals if not number else Span("  "), *broken))
        line: Line = (Span(" " * indent), equals, view.result)
        if view.total:
            rows.append(line)
            *before, line = break_line((Span(" "), *view.total), room)
            rows += before
        for badge in view.badges:
            mark = {True: "✓", False: "✗", None: "…"}[badge.ok]
            ink = {True: Ink.GOOD, False: Ink.BAD, None: Ink.FAINT}[badge.ok]
            text = f"{mark} {badge.text}"
            if measure(line) + 2 + width(text) <= room:
                line = (*line, Span("  " + text, ink))
                continue
            rows.append(line)
            first_line = (wrap(text, room - indent) or [""])[0]
            # Each row but the first stands two cells further in.
            others = wrap(text[len(first_line) :].lstrip(), room - indent - 2)
            line = (Span(" " * indent), Span(first_line, ink))
            for other in others:
                rows.append(line)
                line = (Span(" " * (indent + 2)), Span(other, ink))
        rows.append(line)
        return rows


def _nearest(around: tuple[Line, ...], count: int) -> tuple[Line, ...]:
    """As many of the steps around as there is room for, with the one on the screen, whose number stands out."""
    here = next((k for k, line in enumerate(around) if line[:1] and line[0].ink == Ink.KEY), 0)
    first = max(min(here - count // 3, len(around) - count), 0)
    return around[first : first + count]


def _draw_flow(canvas: Canvas, view: EquationView, y: int, around: tuple[Line, ...]) -> None:
    """Draws the flow of the gradient to the right of the steps around, where none of them stands in its way."""
    g, flow = canvas.glyphs, view.flow[: len(around)]
    if len(flow) < LEAST_FLOW:
        return
    name, value = max(width(part.name) for part in flow), max(width(part.value) for part in flow)
    title: Line = (Span(_("flow of the gradient by layer"), Ink.STRONG), Span("  L", Ink.KEY))
    x = canvas.width - max(name + BAR + value + 16, measure(title) + 2)
    if x < max(map(measure, around)) + 4:
        return
    canvas.spans(x, y, title, canvas.width)
    for row, part in enumerate(flow, y + 1):
        canvas.put(x, row, part.name, Ink.TEXT)
        if part.share is not None:
            canvas.put(x + name + 2, row, g.bar * max(round(part.share * BAR), 1), Ink.DONE)
        canvas.put(x + name + BAR + 3 + value - width(part.value), row, part.value, Ink.TEXT)
        ink = Ink.CHANGED if part.smallest else Ink.DIM
        canvas.put(x + name + BAR + value + 5, row, part.factor, ink, canvas.width)


def _unfolded(chain: ChainParts | None, room: int, free: int) -> list[Row]:
    """The chain of the gradient, each part on as many rows as it needs: as many of them as there are rows for."""
    if chain is None:
        return []
    rows: list[Row] = [(), *break_line(chain.title, room)]
    for number, part in enumerate(chain.parts):
        indent = width(part[0].text)
        lines = break_line(part, room, hang=indent)
        more = chain.more + len(chain.parts) - number
        if len(rows) + len(lines) + (more > 1) > free:
            return [*rows, _more(indent, more)] if number else []
        rows += lines
    return [*rows, _more(width(chain.parts[0][0].text), chain.more)] if chain.more else rows


def _more(indent: int, count: int) -> Line:
    return (Span(" " * indent, Ink.DIM), Span(_("… {count} more").format(count=f"{count:,}"), Ink.DIM))


def _place_of(result: Span, rows: Sequence[Row]) -> Offset | None:
    """Where a result begins in a panel; None where it is not in sight."""
    for y, row in enumerate(rows):
        if isinstance(row, tuple) and any(span is result for span in row):
            before = takewhile(lambda span: span is not result, row)
            return Offset(2 + measure(before), 1 + y)
    return None


def _chain(view: EquationView, room: int) -> list[Row]:
    """The chain rule as fractions; without its left side where that is too much, or not at all."""
    needed = sum(max(width(f.above), width(f.below), width(f.value)) + 3 for f in view.factors)
    if needed - 1 <= room:
        return list(fractions(view.unfolded, view.factors, 2 if needed + 1 <= room else 0))
    return list(fractions("", view.factors[1:], 0)) if needed - 11 <= room else []


def _operands(view: EquationView, room: int, g: Glyphs) -> list[Row]:
    """A row an operand: its symbol, its value, and where it comes from."""
    symbol = min(max(width(operand.symbol) for operand in view.operands), room // 2)
    value = max(width(operand.value) for operand in view.operands)
    rows: list[Row] = []
    for operand in view.operands:
        name = middle(operand.symbol, symbol, g.ellipsis)
        rows.append(
            (
                Span(" " + name + " " * (symbol - width(name)), Ink.OPERAND),
                Span("  " + " " * (value - width(operand.value)) + operand.value, operand.ink),
                Span("  " + operand.origin, Ink.DIM),
            )
        )
    return rows


def _flow(paragraph: Line, room: int) -> list[Row]:
    """A paragraph: a single span is broken between words, several between spans."""
    if len(paragraph) == 1:
        return [(Span(line, paragraph[0].ink),) for line in wrap(paragraph[0].text, room)]
    return list(break_line(paragraph, room))


def _pictured(view: EquationView) -> bool:
    """Whether grids hold the terms and the operands."""
    return any(isinstance(picture, pictures.Grid | pictures.JoinedPicture) for picture in view.pictures)


def _flowing(view: EquationView, room: int) -> list[Row]:
    """Where the operands come from, on a line or two: for a panel too low for a row each."""
    if view.origins:
        return list(break_line(view.origins, room))
    made = [operand for operand in view.operands if operand.made] or list(view.operands)
    # A picture of grids holds the operands; then a line says where the first of them come from.
    pictured = _pictured(view)
    lines: list[Line] = []
    for count in range(min(len(made), 12), 0, -1):
        spans: list[Span] = []
        for position, operand in enumerate(made[:count]):
            spans.append(Span((" · " if position else "") + operand.symbol, Ink.OPERAND))
            spans.append(Span(f" {operand.origin}", Ink.DIM))
        if len(made) > count:
            spans.append(Span(f" +{len(made) + view.more - count}", Ink.DIM))
        lines = break_line(tuple(spans), room)
        if not pictured or len(lines) == 1:
            break
    return list(lines)


def _squeeze(rows: list[Row], items: dict[int, int], spare: int) -> tuple[list[Row], dict[int, int]]:
    """Leaves out empty rows, the last ones first, until what is left fits."""
    gone = set([k for k, row in enumerate(rows) if row == ()][::-1][:spare])
    kept = [k for k in range(len(rows)) if k not in gone]
    place = {old: new for new, old in enumerate(kept)}
    return [rows[k] for k in kept], {place[row]: item for row, item in items.items()}
