"""Columns through time: numbers below each other, moments beside each other, an upright bar in log scale below each."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line, Span, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.cells import brief, exponents, figure, fit, log_share, value_ink, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import ColumnsPicture, PlacedSpan

HIGHEST_BAR = 4
"""Rows that an upright bar takes at most."""
LONGEST_LABEL = 10
"""Cells that a label takes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What of the columns is shown, and how large.

    Attributes:
        rows: first row in sight and the one after the last.
        columns: first column in sight and the one after the last.
        edge: cells of the labels at the left.
        gap: cells before each column.
        size: cells of a column.
        upright: rows of the upright bars.
        exponents: the exponents of ten at which a bar is empty and full.
        texts: the numbers in sight, by row.
        below: the numbers below the bars.
        titled: whether there is room for the title.
        captioned: whether there is room for the caption.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    edge: int
    gap: int
    size: int
    upright: int
    exponents: tuple[int, int]
    texts: list[list[str]]
    below: list[str]
    titled: bool
    captioned: bool


def column_lines(picture: ColumnsPicture, room: int, height: int, glyphs: Glyphs) -> tuple[Line, ...] | None:
    """Columns as lines of at most ``room`` cells, at most ``height`` of them; None where there is no room for any.

    Where not all columns fit, those around the first spot are shown; where not all rows fit, the rows around it; the
    bars have what height is left.

    Args:
        picture: the columns.
        room: cells across.
        height: cells down.
        glyphs: the characters.
    """
    if not picture.titles or room < 6 or height < 2:
        return None
    plan = _measured(picture, room, height, glyphs)
    if plan is None:
        return None
    lines: list[Line] = [(Span(shorten(picture.title, room, glyphs.ellipsis), Ink.DIM),)] if plan.titled else []
    lines.append(_head(picture, plan, room, glyphs))
    lines += [_numbers(picture, plan, row, glyphs) for row in range(*plan.rows)]
    lines += [_bars(picture, plan, level, glyphs) for level in range(plan.upright, 0, -1)]
    if picture.bars:
        lines.append(_below(picture, plan, glyphs))
    if plan.captioned:
        lines.append(picture.caption)
    return tuple(fit(line, room, glyphs.ellipsis) for line in lines)


def _measured(picture: ColumnsPicture, room: int, height: int, glyphs: Glyphs) -> _Plan | None:
    """What fits; None where not a row and not a column does."""
    count, spot, numbered = len(picture.titles), _spot(picture), bool(picture.bars)
    titled = bool(picture.title) and height >= 4
    spare = height - titled - 1 - numbered
    first, last = window(len(picture.rows), max(spare, 0), spot.row, spot.rows)
    spare -= last - first
    if spare < 0 or (last == first and not numbered):
        return None
    upright = min(spare, HIGHEST_BAR) if numbered else 0
    labels = [*picture.rows[first:last], *([picture.bar_label] if numbered else [])]
    edge = min(max((width(text) for text in labels), default=0), LONGEST_LABEL, room // 4)
    gap = width(glyphs.arrow) if picture.flow else 1
    below = [brief(value) or glyphs.unknown for value in picture.bars]
    for decimals in range(max(picture.decimals, 1), 0, -1):
        texts = _texts(picture, first, last, decimals, glyphs)
        size = max(width(text) for row in [picture.titles, below, *texts] for text in row)
        fits = (room - edge - gap) // (size + gap)
        if fits >= count or decimals == 1:
            break
    if fits < 1:
        return None
    return _Plan(
        rows=(first, last),
        columns=window(count, fits, spot.column, spot.columns),
        edge=edge,
        gap=gap,
        size=size,
        upright=upright,
        exponents=exponents(picture.bars),
        texts=texts,
        below=below,
        titled=titled,
        captioned=bool(picture.caption) and spare > upright,
    )


def _spot(picture: ColumnsPicture) -> PlacedSpan:
    """What is kept in sight."""
    return picture.spots[0] if picture.spots else PlacedSpan(row=0, column=0)


def _head(picture: ColumnsPicture, plan: _Plan, room: int, glyphs: Glyphs) -> Line:
    """The titles of the columns in sight, with the way of the signal between them."""
    (left, right), spot = plan.columns, _spot(picture)
    arrow = {1: glyphs.arrow, -1: glyphs.back}.get(picture.flow, "")
    spans = [Span(" " * plan.edge)]
    for column in range(left, right):
        spans.append(Span((arrow if column else "").rjust(plan.gap), Ink.ACCENT))
        here = bool(picture.spots) and spot.column <= column < spot.column + spot.columns
        spans.append(Span(picture.titles[column].rjust(plan.size), Ink.STRONG if here else Ink.DIM))
    if right < len(picture.titles):
        rest = max(room - plan.edge - (right - left) * (plan.size + plan.gap), 0)
        spans.append(Span(shorten(glyphs.ellipsis, rest, ""), Ink.DIM))
    return tuple(spans)


def _numbers(picture: ColumnsPicture, plan: _Plan, row: int, glyphs: Glyphs) -> Line:
    """A row of numbers, with what is marked between brackets."""
    left, right = plan.columns
    spans = [_label(picture.rows[row], plan.edge, glyphs)]
    for column in range(left, right):
        text = plan.texts[row - plan.rows[0]][column]
        spans.append(_gap(picture.spots, row, column, plan.gap, glyphs, end=False))
        spans.append(Span(" " * (plan.size - width(text)) + text, _ink(picture, row, column)))
    spans.append(_gap(picture.spots, row, right, plan.gap, glyphs, end=True))
    return tuple(spans)


def _bars(picture: ColumnsPicture, plan: _Plan, level: int, glyphs: Glyphs) -> Line:
    """A row of the upright bars, from 1 at the bottom; what is not zero has at least the beginning of a bar."""
    least, most = plan.exponents
    text = {plan.upright: f"1e{most}", 1: f"1e{least}"}.get(level, "") if plan.upright > 1 else ""
    spans = [_label(text, plan.edge, glyphs, Ink.FAINT)]
    steps = len(glyphs.levels) - 1
    for value in picture.bars[slice(*plan.columns)]:
        filled = log_share(value, least, most) * plan.upright - (level - 1)
        part = max(round(min(max(filled, 0.0), 1.0) * steps), 1 if level == 1 and value else 0)
        bar = (glyphs.levels[part] * min(plan.size, 3)).rjust(plan.size)
        spans.append(Span(" " * plan.gap + bar, value_ink(value)))
    return tuple(spans)


def _below(picture: ColumnsPicture, plan: _Plan, glyphs: Glyphs) -> Line:
    """The numbers below the bars."""
    spans = [_label(picture.bar_label, plan.edge, glyphs)]
    for column in range(*plan.columns):
        text = " " * plan.gap + plan.below[column].rjust(plan.size)
        spans.append(Span(text, value_ink(picture.bars[column])))
    return tuple(spans)


def _texts(picture: ColumnsPicture, first: int, last: int, decimals: int, glyphs: Glyphs) -> list[list[str]]:
    if first == last:
        return []
    known = None if picture.known is None else picture.known[first:last].tolist()
    return [
        [
            glyphs.unknown if known is not None and not known[row][column] else figure(value, decimals)
            for column, value in enumerate(values)
        ]
        for row, values in enumerate(picture.values[first:last].tolist())
    ]


def _label(text: str, edge: int, glyphs: Glyphs, ink: int = Ink.DIM) -> Span:
    text = shorten(text.replace("-", "−"), edge, glyphs.ellipsis)
    return Span(text + " " * (edge - width(text)), ink)


def _gap(spots: tuple[PlacedSpan, ...], row: int, column: int, gap: int, glyphs: Glyphs, *, end: bool) -> Span:
    """What stands before a cell: the beginning of its own mark or the end of the mark before it; the target's first."""
    for spot in sorted(spots, key=lambda spot: spot.mark is not Mark.TARGET):
        if not spot.row <= row < spot.row + spot.rows:
            continue
        target = spot.mark is Mark.TARGET
        ink = Ink.CHANGED if target else Ink.OPERAND
        if column == spot.column and not end:
            return Span((glyphs.left_target if target else glyphs.left_operand).rjust(gap), ink)
        if column == spot.column + spot.columns:
            return Span((glyphs.right_target if target else glyphs.right_operand).ljust(gap), ink)
    return Span(" " * gap)


def _ink(picture: ColumnsPicture, row: int, column: int) -> int:
    if picture.known is not None and not picture.known[row, column]:
        return Ink.FAINT
    for spot in picture.spots:
        if (spot.row, spot.column, spot.rows, spot.columns) == (row, column, 1, 1):
            return Ink.TARGET if spot.mark is Mark.TARGET else Ink.OPERAND
    return value_ink(float(picture.values[row, column]))
