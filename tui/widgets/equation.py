"""The equation of the step on the screen: symbols, numbers, result, and where each number came from."""

from __future__ import annotations

from itertools import pairwise

from retrograde.tui.canvas import Canvas, Line, Span, measure, shorten, wrap
from retrograde.tui.look import SELECTED, Glyphs, Ink, signed, width
from retrograde.tui.panel import Panel
from retrograde.tui.state import CurveView, EquationView, Factor, PanelId, TermRow

CURVE_WIDTH = 22
CURVE_HEIGHT = 5

Row = Line | CurveView | int
"""A line of text, or a row of the curve: the curve itself first, then the numbers of its further rows."""


def break_line(spans: Line, limit: int) -> list[Line]:
    """Breaks a line where it is too long: before a span, and before the sign that joins it."""
    lines: list[Line] = []
    line: list[Span] = []
    used = 0
    for span in spans:
        size = width(span.text)
        if line and used + size > limit:
            # A sign such as " + " goes with what follows it.
            sign = [line.pop()] if len(line) > 1 and _is_sign(line[-1].text) else []
            lines.append(tuple(line))
            line = [Span("  "), *(Span(one.text.lstrip(), one.ink) for one in sign)]
            if not sign:
                span = Span(span.text.lstrip(), span.ink)
            used = measure(line)
            size = width(span.text)
        line.append(span)
        used += size
    if line:
        lines.append(tuple(line))
    return lines


def _is_sign(text: str) -> bool:
    return text.startswith(" ") and text.endswith(" ")


def fractions(left: str, factors: tuple[Factor, ...], indent: int) -> list[Line]:
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

    PANEL = PanelId.EQUATION
    _items: dict[int, int]

    def draw(self, canvas: Canvas, view: EquationView) -> None:
        """Lays the parts out below each other, scrolled so that the selected operand is seen."""
        rows, items = self._rows(view, canvas.width - 2, canvas.glyphs)
        spare = len(rows) - canvas.height
        if spare > 0:
            rows, items = _squeeze(rows, items, spare)
            if len(rows) > canvas.height and items and view.selected < 0:
                rows = rows[: min(items)] + _flowing(view, canvas.width - 2)
                items = {}
        top = 0
        selected = next((row for row, item in items.items() if item == view.selected), None)
        if len(rows) > canvas.height and selected is not None:
            top = min(max(selected - canvas.height + 2, 0), len(rows) - canvas.height)
        self._items = {row - top: item for row, item in items.items()}
        curve_at = next((k for k, row in enumerate(rows) if isinstance(row, CurveView)), None)
        for y, row in enumerate(rows[top : top + canvas.height]):
            if isinstance(row, tuple):
                canvas.spans(1, y, row, canvas.width)
                if items.get(y + top, -2) == view.selected:
                    canvas.put(0, y, canvas.glyphs.cursor, Ink.KEY)
                    canvas.flag(y, 0, canvas.width, SELECTED)
        if curve_at is not None and view.curve is not None:
            _draw_curve(canvas, view.curve, curve_at - top)
        left = len(rows) - top - canvas.height
        if left > 0:
            text = f"{canvas.glyphs.down} {left}"
            canvas.put(canvas.width - width(text) - 1, canvas.height - 1, f" {text} ", Ink.DIM)

    def item_at(self, row: int) -> int | None:
        """The operand on a row."""
        return getattr(self, "_items", {}).get(row)

    def _rows(self, view: EquationView, room: int, g: Glyphs) -> tuple[list[Row], dict[int, int]]:
        rows: list[Row] = []
        items: dict[int, int] = {}
        room = max(room, 4)
        if view.question:
            rows += [(Span(line, Ink.STRONG),) for line in wrap(view.question, room)]
        rows += [(Span(line, Ink.DIM),) for line in wrap(view.why, room)]
        for paragraph in view.prose:
            if rows and paragraph != ():
                rows.append(())
            rows += _flow(paragraph, room)
        if view.left:
            rows.append(())
            rows += self._formula(view, room)
        if view.terms:
            rows.append(())
            rows += _term_rows(view.terms, room, g)
            if view.total:
                rows.append(view.total)
        if view.curve is not None:
            rows.append(())
            rows.append(view.curve)
            rows += list(range(1, CURVE_HEIGHT))
        if view.factors:
            rows.append(())
            needed = sum(max(width(f.above), width(f.below), width(f.value)) + 3 for f in view.factors)
            if needed - 1 <= room:
                rows += fractions(view.unfolded, view.factors, 2 if needed + 1 <= room else 0)
            else:
                rows += fractions("", view.factors[1:], 0) if needed - 11 <= room else []
        if view.notes:
            rows.append(())
            for note in view.notes:
                rows += _flow(note, room)
        if view.operands:
            rows.append(())
            symbol = min(max(width(operand.symbol) for operand in view.operands), room // 2)
            value = max(width(operand.value) for operand in view.operands)
            for index, operand in enumerate(view.operands):
                items[len(rows)] = index
                name = shorten(operand.symbol, symbol, g.ellipsis)
                rows.append(
                    (
                        Span(" " + name + " " * (symbol - width(name)), Ink.OPERAND),
                        Span("  " + " " * (value - width(operand.value)) + operand.value, operand.ink),
                        Span("  " + operand.origin, Ink.DIM),
                    )
                )
        return rows, items

    @staticmethod
    def _formula(view: EquationView, room: int) -> list[Row]:
        rows: list[Row] = []
        indent = width(view.left) + 2
        if indent > room // 2:
            rows.append((Span(" " + view.left, Ink.STRONG),))
            indent = 2
            first: Line = (
                Span(
                    "  ",
                ),
            )
        else:
            first = (Span(" " + view.left + " ", Ink.STRONG),)
        equals = Span("= ", Ink.DIM)
        for position, part in enumerate((view.symbols, view.numbers)):
            if not part:
                continue
            lines = break_line(part, max(room - indent - 2, 8))
            for number, broken in enumerate(lines):
                head = first if not position and not number else (Span(" " * indent),)
                rows.append((*head, equals if not number else Span("  "), *broken))
        line: Line = (Span(" " * indent), equals, view.result)
        for badge in view.badges:
            mark = {True: "✓", False: "✗", None: "…"}[badge.ok]
            ink = {True: Ink.GOOD, False: Ink.BAD, None: Ink.FAINT}[badge.ok]
            text = f"{mark} {badge.text}"
            if measure(line) + 2 + width(text) <= room:
                line = (*line, Span("  " + text, ink))
                continue
            rows.append(line)
            first_line, *others = wrap(text, room - indent) or [""]
            line = (Span(" " * indent), Span(first_line, ink))
            for other in others:
                rows.append(line)
                line = (Span(" " * (indent + 2)), Span(other, ink))
        rows.append(line)
        return rows


def _flow(paragraph: Line, room: int) -> list[Row]:
    """A paragraph: a single span is broken between words, several between spans."""
    if len(paragraph) == 1:
        return [(Span(line, paragraph[0].ink),) for line in wrap(paragraph[0].text, room)]
    return list(break_line(paragraph, room))


def _flowing(view: EquationView, room: int) -> list[Row]:
    """Where the operands come from, on a line or two: for a panel too low for a row each."""
    spans: list[Span] = []
    made = [operand for operand in view.operands if operand.made] or list(view.operands)
    for position, operand in enumerate(made[:12]):
        spans.append(Span((" · " if position else "") + operand.symbol, Ink.OPERAND))
        spans.append(Span(f" {operand.origin}", Ink.DIM))
    if len(made) > 12:
        spans.append(Span(f" +{len(made) - 12}", Ink.DIM))
    return list(break_line(tuple(spans), room))


def _squeeze(rows: list[Row], items: dict[int, int], spare: int) -> tuple[list[Row], dict[int, int]]:
    """Leaves out empty rows, the last ones first, until what is left fits."""
    gone = set([k for k, row in enumerate(rows) if row == ()][::-1][:spare])
    kept = [k for k in range(len(rows)) if k not in gone]
    place = {old: new for new, old in enumerate(kept)}
    return [rows[k] for k in kept], {place[row]: item for row, item in items.items()}


def _term_rows(terms: tuple[TermRow, ...], room: int, g: Glyphs) -> list[Row]:
    label = max(width(term.label) for term in terms)
    detail = max(width(term.detail) for term in terms)
    value = max(width(_signed_text(term.value, g)) for term in terms)
    notes = max(width(term.note) for term in terms)
    with_detail = label + detail + value + notes + 12 <= room
    bar_room = room - label - (detail + 2 if with_detail else 0) - value - 6 - notes
    half = max(min(bar_room // 2, 8), 0)
    rows: list[Row] = []
    for term in terms:
        text = _signed_text(term.value, g)
        spans = [Span(" " + term.label + " " * (label - width(term.label)), Ink.TARGET if term.active else Ink.TEXT)]
        if with_detail:
            spans.append(Span("  " + term.detail + " " * (detail - width(term.detail)), Ink.DIM))
        spans.append(Span("  " + " " * (value - width(text)) + text + " ", signed(term.value)))
        if half >= 2:
            full = round(abs(term.share) * half) if term.value is not None else 0
            if term.value is not None and term.value and not full:
                full = 1
            minus, plus = (full, 0) if (term.value or 0.0) < 0 else (0, full)
            spans += [
                Span(" " * (half - minus)),
                Span(g.bar * minus, Ink.NEGATIVE),
                Span(g.vertical, Ink.FAINT),
                Span(g.bar * plus, Ink.POSITIVE),
                Span(" " * (half - plus)),
            ]
        if term.note:
            spans.append(Span(" " + term.note, Ink.CHANGED))
        rows.append(tuple(spans))
    return rows


def _signed_text(value: float | None, g: Glyphs) -> str:
    if value is None:
        return g.unknown
    if value != value:
        return "NaN"
    text = f"{value:+.6f}" if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:+.3e}"
    return text.replace("-", "−")


def _draw_curve(canvas: Canvas, curve: CurveView, row: int) -> None:
    for position, line in enumerate(curve.lines):
        room = canvas.width - CURVE_WIDTH - 5
        if sum(width(span.text) for span in line) > room:
            # A number that is cut reads as another one.
            text = "".join(span.text for span in line)
            line = (Span(shorten(text, room, canvas.glyphs.ellipsis), line[0].ink),)
        canvas.spans(CURVE_WIDTH + 5, row + position, line, canvas.width)
    if row < 0 or row + CURVE_HEIGHT > canvas.height or canvas.width < CURVE_WIDTH + 4:
        return
    low, high = float(curve.y.min()), float(curve.y.max())
    left, right = float(curve.x[0]), float(curve.x[-1])
    if not (high > low and right > left):
        return
    plot = Canvas(CURVE_WIDTH, CURVE_HEIGHT, canvas.glyphs)
    dots_x, dots_y = 2 * CURVE_WIDTH - 1, 4 * CURVE_HEIGHT - 1
    if left < 0 < right:
        zero = round(-left / (right - left) * dots_x)
        for y in range(0, dots_y + 1, 3):
            plot.dot(zero, y, Ink.FAINT)
    if low <= 0 <= high:
        zero = round((high - 0.0) / (high - low) * dots_y)
        for x in range(0, dots_x + 1, 3):
            plot.dot(x, zero, Ink.FAINT)
    places = [
        (round((x - left) / (right - left) * dots_x), round((high - y) / (high - low) * dots_y))
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True)
    ]
    for (x0, y0), (x1, y1) in pairwise(places):
        plot.line(x0, y0, x1, y1, Ink.ACCENT)
    across = min(max((curve.at[0] - left) / (right - left), 0.0), 1.0)
    down = min(max((high - curve.at[1]) / (high - low), 0.0), 1.0)
    plot.put(round(across * dots_x) // 2, round(down * dots_y) // 4, canvas.glyphs.dot, Ink.TARGET)
    canvas.paste(3, row, plot)
