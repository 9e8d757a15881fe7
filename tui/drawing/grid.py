"""Matrices side by side: numbers where they fit, else shades of two cells or of one, else what lies around the mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.engine.text import _, joined
from retrograde.tui.canvas.canvas import Line, Span, measure, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink, heat
from retrograde.tui.drawing.cells import figure, fit, pad, shade, value_ink, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Bools

LONGEST_LABEL = 10
"""Cells that a label of a row or a column takes at most."""
LEAST_DECIMALS = 2
"""Decimals below which shades are more than figures."""


class GridForm(Enum):
    """How the cells of a grid are drawn."""

    FIGURES = 0
    SHADES = 2
    DOTS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A grid as it is drawn: its rows of cells, and what stands above them."""

    head: tuple[Line, ...]
    body: tuple[Line, ...]
    size: int


def grid_lines(
    picture: Grid | JoinedPicture, width: int, height: int, glyphs: Glyphs, *, brief: bool = False
) -> tuple[Line, ...] | None:
    """Grids as lines of at most ``width`` cells, at most ``height`` of them; None where there is no room for any.

    Args:
        picture: the grids.
        width: cells across.
        height: cells down.
        glyphs: the characters.
        brief: with the fewest decimals, which are as many lines as with the most that fit.
    """
    if width < 4 or height < 2:
        return None
    grids = (picture,) if isinstance(picture, Grid) else picture.grids
    signs = () if isinstance(picture, Grid) else picture.signs
    caption = picture.caption
    if not grids or any(0 in grid.values.shape for grid in grids):
        return None
    below = 1 if caption and height >= 4 else 0
    room = height - below
    made = _whole(grids, signs, width, room, glyphs, brief=brief)
    if made is None and len(grids) == 1 and not grids[0].shaded and len(grids[0].values) == 1:
        # A single row of unlike quantities may as well stand upright.
        made = _whole((_turned(grids[0]),), signs, width, room, glyphs, brief=brief)
    if made is None:
        made = _around(grids, signs, width, room, glyphs)
    if made is None:
        return None
    if below:
        made = (*made, fit(caption, width, glyphs.ellipsis))
    return made


def _turned(grid: Grid) -> Grid:
    """A grid with its rows for columns."""
    return replace(
        grid,
        values=grid.values.T,
        known=None if grid.known is None else grid.known.T,
        outside=None if grid.outside is None else grid.outside.T,
        rows=grid.columns,
        columns=grid.rows,
        spots=tuple(
            replace(spot, row=spot.column, column=spot.row, rows=spot.columns, columns=spot.rows) for spot in grid.spots
        ),
    )


def _whole(
    grids: tuple[Grid, ...], signs: Sequence[str], width: int, height: int, glyphs: Glyphs, *, brief: bool
) -> tuple[Line, ...] | None:
    """All cells of all grids in the largest form that fits."""
    for form, labelled in (
        (GridForm.FIGURES, True),
        (GridForm.SHADES, True),
        (GridForm.SHADES, False),
        (GridForm.DOTS, False),
    ):
        if _surely_too_large(grids, form, width, height):
            continue
        # With the fewest decimals first: what is too wide then is too wide with more of them.
        least = _written(grids, signs, width, height, glyphs, form, LEAST_DECIMALS, labelled=labelled)
        if least is None:
            continue
        if brief:
            return least
        most = max(grid.decimals for grid in grids) if form is GridForm.FIGURES else LEAST_DECIMALS
        for decimals in range(most, LEAST_DECIMALS, -1):
            made = _written(grids, signs, width, height, glyphs, form, decimals, labelled=labelled)
            if made is not None:
                return made
        return least
    return None


def _written(
    grids: tuple[Grid, ...],
    signs: Sequence[str],
    width: int,
    height: int,
    glyphs: Glyphs,
    form: GridForm,
    decimals: int,
    *,
    labelled: bool,
) -> tuple[Line, ...] | None:
    """All cells of all grids in a form; None where that does not fit."""
    sheets = [
        _sheet(
            grid,
            (0, grid.values.shape[0], 0, grid.values.shape[1]),
            form if grid.shaded else GridForm.FIGURES,
            min(decimals, grid.decimals),
            glyphs,
            labelled=labelled or not grid.shaded,
        )
        for grid in grids
    ]
    return _beside(sheets, signs, width, height, glyphs)


def _surely_too_large(grids: tuple[Grid, ...], form: GridForm, width: int, height: int) -> bool:
    """Whether grids are too large in a form, so that their cells need not be written out to find that."""
    if any(grid.values.shape[0] > height for grid in grids):
        return True
    least = 3 * (len(grids) - 1)
    for grid in grids:
        columns = grid.values.shape[1]
        figures = form is GridForm.FIGURES or not grid.shaded
        # Numbers have gaps between them, and those that are not whole have a point and decimals.
        least += columns * ((5 if _has_fractions(grid) else 2) if figures else form.value) + figures
    return least > width


def _has_fractions(grid: Grid) -> bool:
    """Whether a number has to be written with decimals, or with an exponent that is as long."""
    values = grid.values
    there = (abs(values) < 1e4) if grid.known is None else (abs(values) < 1e4) & grid.known
    if grid.outside is not None:
        there = there & ~grid.outside
    return min(LEAST_DECIMALS, grid.decimals) == LEAST_DECIMALS and bool((values[there] % 1 != 0).any())


def _around(
    grids: tuple[Grid, ...], signs: Sequence[str], width: int, height: int, glyphs: Glyphs
) -> tuple[Line, ...] | None:
    """The cells around the first mark of each grid, and which they are."""
    room = (width - sum(measure((Span(sign),)) + 2 for sign in signs)) // len(grids)
    titled = any(grid.title for grid in grids) and height >= 4
    # A table of unlike quantities says nothing without their names.
    least = 5 if all(grid.shaded for grid in grids) else 3
    labelled = any(grid.columns for grid in grids) and height >= least
    rows = height - titled - labelled - 1
    if rows < 1 or room < 4:
        return None
    sheets, said = [], ""
    for grid in grids:
        spot = grid.spots[0] if grid.spots else PlacedSpan(row=0, column=0)
        form = GridForm.DOTS if grid.shaded else GridForm.FIGURES
        first, last = window(grid.values.shape[0], rows, spot.row, spot.rows)
        cells = room - 2 * len(grid.spots) if form is GridForm.DOTS else room
        sheet = None
        while cells >= 1:
            left, right = window(grid.values.shape[1], cells, spot.column, spot.columns)
            view = (first, last, left, right)
            sheet = _sheet(grid, view, form, LEAST_DECIMALS, glyphs, labelled=labelled, titled=titled)
            if sheet.size <= room:
                break
            # Figures are wider than one cell: as many columns as their width allows, and surely fewer.
            cells = min(right - left - 1, (right - left) * room // sheet.size)
            sheet = None
        if sheet is None:
            return None
        sheets.append(sheet)
        said = said or _extent(grid, view)
    made = _beside(sheets, signs, width, height - bool(said), glyphs)
    if made is None or not said:
        return made
    return (*made, (Span(shorten(said, width, glyphs.ellipsis), Ink.FAINT),))


def _extent(grid: Grid, view: tuple[int, int, int, int]) -> str:
    """Which rows and columns of a grid are in sight; empty where all are."""
    rows, columns = grid.values.shape
    first, last, left, right = view
    said = []
    if last - first < rows:
        said.append(_("rows {first}–{last} of {count}").format(first=first + 1, last=last, count=rows))
    if right - left < columns:
        said.append(_("columns {first}–{last} of {count}").format(first=left + 1, last=right, count=columns))
    return joined(said, ", ")


def _beside(
    sheets: Sequence[_Sheet], signs: Sequence[str], width: int, height: int, glyphs: Glyphs
) -> tuple[Line, ...] | None:
    """Sheets side by side with signs between them, the first row of cells of all at one level."""
    heads = max(len(sheet.head) for sheet in sheets)
    body = max(len(sheet.body) for sheet in sheets)
    joints = [f" {signs[k] if k < len(signs) else ''} " for k in range(len(sheets) - 1)]
    # A title may stand out over its cells where there is room for that.
    wide = [max([sheet.size, *(measure(line) for line in sheet.head)]) for sheet in sheets]
    if sum(wide) + measure(Span(joint) for joint in joints) > width:
        wide = [sheet.size for sheet in sheets]
    if heads + body > height or sum(wide) + measure(Span(joint) for joint in joints) > width:
        return None
    lines: list[Line] = []
    for row in range(-heads, body):
        line: list[Span] = []
        for place, sheet in enumerate(sheets):
            own: Line = ()
            if row >= 0:
                own = sheet.body[row] if row < len(sheet.body) else ()
            elif row >= -len(sheet.head):
                own = fit(sheet.head[row], wide[place], glyphs.ellipsis)
            line += pad(own, wide[place])
            if place < len(joints):
                joint = joints[place]
                here = row == (body - 1) // 2
                line.append(Span(joint if here else " " * measure((Span(joint),)), Ink.STRONG))
        lines.append(tuple(line))
    return tuple(lines)


@lru_cache(maxsize=64)
def _sheet(
    grid: Grid,
    view: tuple[int, int, int, int],
    form: GridForm,
    decimals: int,
    glyphs: Glyphs,
    *,
    labelled: bool,
    titled: bool = True,
) -> _Sheet:
    """The cells of a part of a grid, with its title and its labels; a panel tries the same ones in several rooms."""
    first, last, left, right = view
    cells = _cells(grid, view, form, decimals, glyphs)
    columns = _labels(grid.columns[left:right], glyphs) if labelled else []
    rows = _labels(grid.rows[first:last], glyphs) if labelled else []
    size = _cell_width(cells, columns) if form is GridForm.FIGURES else form.value
    edge = max(width(text) for text in rows) + 1 if rows else 0
    brackets = _brackets(grid.spots, view, glyphs)
    # Figures stand apart, shades only where a bracket comes between them.
    apart = {gap for _row, gap in brackets} if form is not GridForm.FIGURES else range(right - left + 1)
    gaps = [int(gap in apart) for gap in range(right - left + 1)]
    alone = _inks_alone(grid.spots, form)
    body: list[Line] = []
    for row, line in enumerate(cells):
        spans = [Span(_padded(rows[row] if row < len(rows) else "", edge), Ink.DIM)] if rows else []
        for column, gap in enumerate(gaps):
            if gap:
                spans.append(brackets.get((row, column), Span(" ")))
            if column < len(line):
                text, ink = line[column]
                spans.append(Span(text.rjust(size), alone.get((first + row, left + column), ink)))
        body.append(tuple(spans))
    head: list[Line] = [(Span(grid.title, Ink.DIM),)] if grid.title and titled else []
    if columns:
        head.append((Span(_heading(columns, edge, gaps, size), Ink.DIM),))
    return _Sheet(head=tuple(head), body=tuple(body), size=edge + sum(gaps) + (right - left) * size)


def _cells(
    grid: Grid, view: tuple[int, int, int, int], form: GridForm, decimals: int, glyphs: Glyphs
) -> list[list[tuple[str, int]]]:
    """The text and the ink of each cell of a part of a grid; marks are not in it.

    All characters are of one cell: digits, signs and shades.
    """
    first, last, left, right = view
    scale = (grid.scale or _largest(grid)) if grid.shaded else 0.0
    nowhere = glyphs.horizontal if form is GridForm.FIGURES else " " * form.value

    def cell(value: float, known: bool, outside: bool) -> tuple[str, int]:
        if outside:
            return nowhere, Ink.FAINT
        if not known:
            return glyphs.unknown, Ink.FAINT
        if form is not GridForm.FIGURES:
            return shade(value, scale, glyphs, form.value)
        return figure(value, decimals), heat(value, scale) if grid.shaded and math.isfinite(value) else value_ink(value)

    def part(flags: Bools | None, default: bool) -> list[list[bool]]:
        if flags is None:
            return [[default] * (right - left)] * (last - first)
        made: list[list[bool]] = flags[first:last, left:right].tolist()
        return made

    values = grid.values[first:last, left:right].tolist()
    return [
        [cell(*one) for one in zip(*row, strict=True)]
        for row in zip(values, part(grid.known, True), part(grid.outside, False), strict=True)
    ]


def _cell_width(cells: list[list[tuple[str, int]]], columns: list[str]) -> int:
    """Cells that the longest number or label takes."""
    return max([len(text) for line in cells for text, _ink in line] + [width(text) for text in columns])


def _labels(texts: tuple[str, ...], glyphs: Glyphs) -> list[str]:
    return [shorten(text, LONGEST_LABEL, glyphs.ellipsis) for text in texts]


def _padded(text: str, size: int) -> str:
    return text + " " * (size - width(text))


def _heading(columns: list[str], edge: int, gaps: list[int], size: int) -> str:
    """The labels of the columns, flush right; what would touch the one before it is left out."""
    labels, end = "", edge
    for column, text in enumerate(columns):
        end += gaps[column] + size
        if end - width(text) >= (width(labels) + 1 if labels else 0):
            labels += " " * (end - width(labels) - width(text)) + text
    return labels


def _largest(grid: Grid) -> float:
    """The largest magnitude of what is known and finite."""
    values = (grid.values if grid.known is None else grid.values[grid.known]).ravel().tolist()
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0)


def _brackets(
    spots: tuple[PlacedSpan, ...], view: tuple[int, int, int, int], glyphs: Glyphs
) -> dict[tuple[int, int], Span]:
    """What stands before and behind the marked cells in sight, by row and gap of the view; targets on top."""
    first, last, left, right = view
    found: dict[tuple[int, int], Span] = {}
    for spot in sorted(spots, key=lambda spot: spot.mark.value):
        target = spot.mark is Mark.TARGET
        signs = (glyphs.left_target, glyphs.right_target) if target else (glyphs.left_operand, glyphs.right_operand)
        ink = Ink.CHANGED if target else Ink.OPERAND
        for row in range(max(spot.row, first), min(spot.row + spot.rows, last)):
            for sign, column in zip(signs, (spot.column, spot.column + spot.columns), strict=True):
                if left <= column <= right:
                    found[row - first, column - left] = Span(sign, ink)
    return found


def _inks_alone(spots: tuple[PlacedSpan, ...], form: GridForm) -> dict[tuple[int, int], int]:
    """The inks of the cells that are marked alone: those of their marks, of several the first one's."""
    found: dict[tuple[int, int], int] = {}
    for spot in spots:
        if spot.rows == spot.columns == 1 and (spot.mark is Mark.TARGET or form is GridForm.FIGURES):
            found.setdefault((spot.row, spot.column), Ink.TARGET if spot.mark is Mark.TARGET else Ink.OPERAND)
    return found
