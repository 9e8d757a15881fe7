"""Columns through time: numbers below each other, moments beside each other, an upright bar in log scale below each."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Line, Span, shorten
from retrograde.tui.canvas.look import Glyphs, Ink, width
from retrograde.tui.drawing.cells import brief, exponents, figure, fit, log_share, value_ink, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import ColumnsPicture, PlacedSpan

HIGHEST_BAR = 4
"""Rows that an upright bar takes at most."""
LONGEST_LABEL = 10
"""Cells that a label takes at most."""


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
    count = len(picture.titles)
    if not count or room < 6 or height < 2:
        return None
    spot = picture.spots[0] if picture.spots else PlacedSpan(row=0, column=0)
    titled = bool(picture.title) and height >= 4
    numbered = bool(picture.bars)
    spare = height - titled - 1 - numbered
    first, last = window(len(picture.rows), max(spare, 0), spot.row, spot.rows)
    spare -= last - first
    if spare < 0 or (last == first and not numbered):
        return None
    upright = min(spare, HIGHEST_BAR) if numbered else 0
    captioned = bool(picture.caption) and spare > upright
    labels = [*picture.rows[first:last], *([picture.bar_label] if numbered else [])]
    edge = min(max((width(text) for text in labels), default=0), LONGEST_LABEL, room // 4)
    least, most = exponents(picture.bars)
    for decimals in range(max(picture.decimals, 1), 0, -1):
        texts = _texts(picture, first, last, decimals, glyphs)
        below = [brief(value) or glyphs.unknown for value in picture.bars]
        size = max(width(text) for row in [picture.titles, below, *texts] for text in row) if count else 0
        gap = width(glyphs.arrow) if picture.flow else 1
        fits = (room - edge - gap) // (size + gap)
        if fits >= count or decimals == 1:
            break
    if fits < 1:
        return None
    left, right = window(count, fits, spot.column, spot.columns)
    arrow = {1: glyphs.arrow, -1: glyphs.back}.get(picture.flow, "")
    lines: list[Line] = [(Span(shorten(picture.title, room, glyphs.ellipsis), Ink.DIM),)] if titled else []
    head = [Span(" " * edge)]
    for column in range(left, right):
        cut = column == left > 0 or column > left
        head.append(Span(arrow.rjust(gap) if cut else " " * gap, Ink.ACCENT))
        here = bool(picture.spots) and spot.column <= column < spot.column + spot.columns
        head.append(Span(picture.titles[column].rjust(size), Ink.STRONG if here else Ink.DIM))
    if right < count:
        head.append(Span(shorten(glyphs.ellipsis, max(room - edge - (right - left) * (size + gap), 0), ""), Ink.DIM))
    lines.append(tuple(head))
    for row in range(first, last):
        spans = [_label(picture.rows[row], edge, glyphs)]
        for column in range(left, right + 1):
            spans.append(_gap(picture.spots, row, column, gap, glyphs, end=column == right))
            if column < right:
                text = texts[row - first][column]
                spans.append(Span(" " * (size - width(text)) + text, _ink(picture, row, column)))
        lines.append(tuple(spans))
    for level in range(upright, 0, -1):
        text = {upright: f"1e{most}", 1: f"1e{least}"}.get(level, "") if upright > 1 else ""
        spans = [_label(text, edge, glyphs, Ink.FAINT)]
        for column in range(left, right):
            value = picture.bars[column]
            filled = log_share(value, least, most) * upright - (level - 1)
            steps = len(glyphs.levels) - 1
            part = round(min(max(filled, 0.0), 1.0) * steps)
            if level == 1 and value and not part:
                part = 1
            spans.append(Span(" " * gap + (glyphs.levels[part] * min(size, 3)).rjust(size), value_ink(value)))
        lines.append(tuple(spans))
    if numbered:
        spans = [_label(picture.bar_label, edge, glyphs)]
        for column in range(left, right):
            spans.append(Span(" " * gap + below[column].rjust(size), value_ink(picture.bars[column])))
        lines.append(tuple(spans))
    if captioned:
        lines.append(picture.caption)
    return tuple(fit(line, room, glyphs.ellipsis) for line in lines)


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
    """What stands before a cell: the end of the mark before it, or the beginning of its own."""
    for spot in spots:
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
