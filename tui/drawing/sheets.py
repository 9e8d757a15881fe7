"""Arrays as cells of many sizes: which forms fit a room, and how they are drawn."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import GREY, HEAT_NEGATIVE, HEAT_POSITIVE, LEVELS, SELECTED, Ink
from retrograde.tui.drawing.cells import figure, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import SheetKind, SheetView

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Floats

WHOLE = 10.0
"""The score of a form that shows every cell."""
MOST_FIGURES = 48
"""Cells up to which they are also written as numbers."""
MOST_COLUMN = 24
"""Cells of a vector up to which they stand below each other, where there is room."""
FIGURE = 6
"""Columns of a number: ``−0.123``."""


class Dimensions(NamedTuple):
    """What the forms of a sheet depend on: its kind, its shape, and columns for names."""

    kind: SheetKind
    tiles: int
    rows: int
    columns: int
    edge: int = 0

    @classmethod
    def of(cls, sheet: SheetView) -> Dimensions:
        """Those of a sheet."""
        tiles, rows, columns = sheet.values.shape
        edge = max((width(name) for name in sheet.names), default=-1) + 1
        return cls(sheet.kind, tiles, rows, columns, edge)


class SheetForm(NamedTuple):
    """A way to draw a sheet.

    Attributes:
        width: columns that it takes.
        height: rows that it takes.
        score: how good it is: up to ``WHOLE`` by the share of the cells that are seen, then by their size.
        cell: columns of a cell.
        zoom: rows of a cell.
        per_row: tiles beside each other.
        tiles: tiles that are shown.
        rows: rows of a tile that are shown; of a vector, rows that it is broken into.
        columns: columns of a tile that are shown; of a vector, cells in a row.
        figures: whether cells are numbers.
        edge: columns for names.
        head: rows above for the moments.
    """

    width: int
    height: int
    score: float
    cell: int
    zoom: int
    per_row: int
    tiles: int
    rows: int
    columns: int
    figures: bool = False
    edge: int = 0
    head: int = 0


_CELLS = ((1, 1, 0.0), (2, 1, 1.0), (4, 2, 1.6), (6, 3, 2.0), (8, 4, 2.3))
"""Columns and rows of a cell, and what they are worth."""


@lru_cache(maxsize=512)
def sheet_forms(size: Dimensions, columns: int, rows: int) -> tuple[SheetForm, ...]:
    """The forms of a sheet that fit a room, the narrowest of each score first; none where there is no room.

    Args:
        size: its dimensions.
        columns: columns of the room.
        rows: rows of the room.
    """
    if columns < 1 or rows < 1:
        return ()
    found: list[SheetForm] = []
    for cell, zoom, worth in _CELLS:
        if size.kind is SheetKind.VECTOR:
            found += _vectors(size, columns, rows, cell, zoom, worth, figures=False)
        else:
            found += _maps(size, columns, rows, cell, zoom, worth, figures=False)
    if size.tiles * size.rows * size.columns <= MOST_FIGURES:
        if size.kind is SheetKind.VECTOR:
            found += _vectors(size, columns, rows, FIGURE + 1, 1, 2.5, figures=True)
        else:
            found += _maps(size, columns, rows, FIGURE + 1, 1, 2.5, figures=True)
    return best(found)


def best(found: list[Any]) -> tuple[Any, ...]:
    """The forms that no other one beats in width, height and score, by score and then by width."""
    found = sorted(found, key=lambda form: (-form.score, form.width, form.height))
    kept: list[Any] = []
    for form in found:
        if not any(one.width <= form.width and one.height <= form.height for one in kept):
            kept.append(form)
    return tuple(sorted(kept, key=lambda form: (form.score, form.width)))


def _score(share: float, worth: float) -> float:
    """What a form is worth in which a share of the cells is seen."""
    return WHOLE + worth if share >= 1 else min(WHOLE * share + worth, WHOLE - 0.1)


def _vectors(
    size: Dimensions, columns: int, rows: int, cell: int, zoom: int, worth: float, *, figures: bool
) -> list[SheetForm]:
    """A row of cells, broken into rows of several lengths."""
    found: list[SheetForm] = []
    most, high = columns // cell, rows // zoom
    if not most or not high:
        return []
    lengths = {1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64, most}
    if size.columns <= min(high, MOST_COLUMN):
        lengths = {1}
    for length in sorted(one for one in lengths if one <= min(most, size.columns)):
        broken = -(-size.columns // length)
        shown = min(broken, high)
        share = min(shown * length / size.columns, 1.0)
        if share < 1 and cell > 2:
            continue
        # Nearly square is easier to read than a long line.
        square = 0.3 * min(length * cell, 2 * shown * zoom) / max(length * cell, 2 * shown * zoom)
        found.append(
            SheetForm(
                width=length * cell,
                height=shown * zoom,
                score=_score(share, worth + square),
                cell=cell,
                zoom=zoom,
                per_row=1,
                tiles=1,
                rows=shown,
                columns=length,
                figures=figures,
            )
        )
    return found


def _maps(
    size: Dimensions, columns: int, rows: int, cell: int, zoom: int, worth: float, *, figures: bool
) -> list[SheetForm]:
    """Tiles beside and below each other; where not all fit, some of them, and of a large one a part."""
    found: list[SheetForm] = []
    head = int(size.kind is SheetKind.TIME and rows > 1)
    for edge in sorted({0, size.edge}):
        high, wide = min((rows - head) // zoom, size.rows), min((columns - edge) // cell, size.columns)
        if high < 1 or wide < 1:
            continue
        part = high * wide / (size.rows * size.columns)
        stacks = max((rows - head + 1) // (high * zoom + 1), 1)
        beside = max((columns - edge + 1) // (wide * cell + 1), 1)
        for per_row in range(1, min(beside, size.tiles) + 1):
            for stack in sorted({1, stacks}) if size.tiles > 1 else (1,):
                shown = min(per_row * stack, size.tiles)
                used = -(-shown // per_row)
                if per_row > shown or (cell > 2 and (shown < size.tiles or part < 1)):
                    continue
                found.append(
                    SheetForm(
                        width=edge + per_row * (wide * cell + 1) - 1,
                        height=head + used * (high * zoom + 1) - 1,
                        score=_score(part * shown / size.tiles, worth + (0.4 if edge else 0.0)),
                        cell=cell,
                        zoom=zoom,
                        per_row=per_row,
                        tiles=shown,
                        rows=high,
                        columns=wide,
                        figures=figures,
                        edge=edge,
                        head=head,
                    )
                )
            if per_row * stacks >= size.tiles:
                break
    return found


# -- drawing


def draw_sheet(canvas: Canvas, sheet: SheetView, form: SheetForm, x: int, y: int) -> None:
    """Draws a sheet in a form with its first cell at a place; says what is not in sight."""
    # The first frame is painted before NumPy is needed.
    import numpy as np

    tiles, rows, columns = sheet.values.shape
    here = _focus(sheet)
    if sheet.kind is SheetKind.VECTOR:
        broken = -(-columns // form.columns)
        first, last = window(broken, form.rows, here // form.columns, 1)
        start, stop = first * form.columns, min(last * form.columns, columns)
        values = np.full((1, last - first, form.columns), np.nan)
        values.reshape(-1)[: stop - start] = sheet.values.reshape(-1)[start:stop]
        known = np.zeros(values.shape, dtype=np.bool_)
        known.reshape(-1)[: stop - start] = True if sheet.known is None else sheet.known.reshape(-1)[start:stop]
        _draw_tiles(canvas, sheet, form, values, known, x, y, _VectorPlace(start, stop, form.columns))
        return
    at = here // (rows * columns), here // columns % rows, here % columns
    tile0, tile1 = window(tiles, form.tiles, at[0], 1)
    row0, row1 = window(rows, form.rows, at[1], 1)
    column0, column1 = window(columns, form.columns, at[2], 1)
    part = np.s_[tile0:tile1, row0:row1, column0:column1]
    known = np.ones(sheet.values[part].shape, dtype=np.bool_) if sheet.known is None else sheet.known[part]
    place = _MapPlace(sheet.values.shape, (tile0, row0, column0), (tile1, row1, column1))
    _draw_tiles(canvas, sheet, form, sheet.values[part], known, x + form.edge, y + form.head, place)
    if form.head:
        _draw_moments(canvas, sheet, form, x + form.edge, y, column0, column1)
    if form.edge:
        for row in range(row0, row1):
            canvas.put(x, y + form.head + (row - row0) * form.zoom, sheet.names[row], Ink.DIM)


LEAST_FRAMED = 6
"""Cells that are read together from which on their ends are marked, not each of them."""


def _focus(sheet: SheetView) -> int:
    """The cell that is kept in sight: the selected one, else the assigned one, else one that is read."""
    if sheet.selected >= 0:
        return sheet.selected
    for mark in (Mark.TARGET, Mark.OPERAND):
        for number, one in sheet.marks.items():
            if one is mark:
                return number
    return max(sheet.now, 0)


class _VectorPlace(NamedTuple):
    """Where the cells of a vector are, of which some rows are in sight."""

    start: int
    stop: int
    length: int

    def of(self, number: int) -> tuple[int, int, int] | None:
        if not self.start <= number < self.stop:
            return None
        return 0, (number - self.start) // self.length, (number - self.start) % self.length


class _MapPlace(NamedTuple):
    """Where the cells of tiles are, of which a part is in sight."""

    shape: tuple[int, ...]
    first: tuple[int, int, int]
    last: tuple[int, int, int]

    def of(self, number: int) -> tuple[int, int, int] | None:
        _tiles, rows, columns = self.shape
        tile, row, column = number // (rows * columns), number // columns % rows, number % columns
        (tile0, row0, column0), (tile1, row1, column1) = self.first, self.last
        if tile0 <= tile < tile1 and row0 <= row < row1 and column0 <= column < column1:
            return tile - tile0, row - row0, column - column0
        return None


def _draw_tiles(
    canvas: Canvas,
    sheet: SheetView,
    form: SheetForm,
    values: Floats,
    known: Any,
    x: int,
    y: int,
    place: _VectorPlace | _MapPlace,
) -> None:
    """Draws the cells that are in sight, and the marks of the step on them."""
    g, cell, zoom = canvas.glyphs, form.cell, form.zoom
    characters, inks = _shaded(g, sheet, form, values, known)
    wide, high = values.shape[2] * cell + 1, values.shape[1] * zoom + 1
    if isinstance(place, _VectorPlace):
        # What is behind the last cell is no cell.
        behind = place.stop - place.start
        rest = values.shape[2] - (behind - 1) % values.shape[2] - 1
        if rest:
            characters[0][-1][-rest * cell :] = [" "] * (rest * cell)
            inks[0][-1][-rest * cell :] = [int(Ink.TEXT)] * (rest * cell)
    for tile, (rows, colours) in enumerate(zip(characters, inks, strict=True)):
        left, top = x + tile % form.per_row * wide, y + tile // form.per_row * high
        for row, (line, ink) in enumerate(zip(rows, colours, strict=True)):
            for again in range(zoom):
                middle = again == (zoom - 1) // 2
                canvas.cells(left, top + row * zoom + again, line if middle else _plain_row(line, cell), ink)
    framed = () if form.figures or cell == 1 else _framed(sheet, place)
    firsts, lasts = {first for first, _last in framed}, {last for _first, last in framed}
    between = {number for first, last in framed for number in range(first, last + 1)}
    marked = [*sheet.marks.items(), *(((sheet.selected, None),) if sheet.selected >= 0 else ())]
    for number, mark in marked:
        whole = mark is Mark.OPERAND and number in between
        if whole and number not in firsts and number not in lasts:
            continue
        at = place.of(number)
        if at is None:
            continue
        left, top = x + at[0] % form.per_row * wide + at[2] * cell, y + at[0] // form.per_row * high + at[1] * zoom
        if not whole:
            _draw_mark(canvas, form, left, top, mark)
            continue
        # Where all of a picture or of a row is read, its ends are marked, and the numbers stay in sight.
        middle = top + (zoom - 1) // 2
        if number in firsts:
            canvas.mark(left, middle, g.left_operand)
        if number in lasts:
            canvas.mark(left + cell - 1, middle, g.right_operand)


def _framed(sheet: SheetView, place: _VectorPlace | _MapPlace) -> tuple[tuple[int, int], ...]:
    """The first and the last cell of each stretch that is read as a whole: a tile, else a row of one."""
    rows, columns = sheet.values.shape[1:]
    read = {number for number, mark in sheet.marks.items() if mark is Mark.OPERAND}
    for size in (rows * columns, columns):
        starts = range(0, sheet.values.size, size) if size > LEAST_FRAMED else ()
        found = [start for start in starts if all(number in read for number in range(start, start + size))]
        if found:
            ends = ((start, start + size - 1) for start in found)
            return tuple(_in_sight(place, first, last) for first, last in ends)
    return ()


def _in_sight(place: _VectorPlace | _MapPlace, first: int, last: int) -> tuple[int, int]:
    """The first and the last cell of a stretch that can be seen."""
    numbers = range(first, last + 1)
    start = next((number for number in numbers if place.of(number) is not None), None)
    if start is None:
        return first, last
    return start, next(number for number in reversed(numbers) if place.of(number) is not None)


def _plain_row(line: list[str], cell: int) -> list[str]:
    """A row of large cells above or below the one that has the signs."""
    return [line[k - k % cell] for k in range(len(line))]


def _shaded(
    g: Glyphs, sheet: SheetView, form: SheetForm, values: Floats, known: Any
) -> tuple[list[list[list[str]]], list[list[list[int]]]]:
    """The characters and the inks of all cells in sight: by tile, row and column of the canvas."""
    import numpy as np

    cell = form.cell
    finite = np.isfinite(values)
    share = np.zeros(values.shape)
    if sheet.scale:
        share = np.minimum(np.abs(np.where(finite, values, 0.0)) / sheet.scale, 1.0)
    negative = (values < 0) & known & finite
    if sheet.image:
        ink = GREY + np.rint(16 * share).astype(np.intp)
    else:
        ink = np.where(negative, HEAT_NEGATIVE, HEAT_POSITIVE) + np.rint(LEVELS * share).astype(np.intp)
    bad = known & ~finite
    ink[bad] = int(Ink.BAD)
    ink[~known] = int(Ink.FAINT)
    if form.figures:
        texts = [
            [[_figure(g, value, there) for value, there in zip(*row, strict=True)] for row in zip(*tile, strict=True)]
            for tile in zip(values.tolist(), known.tolist(), strict=True)
        ]
        lines = [[list("".join(row)) for row in tile] for tile in texts]
        return lines, np.repeat(ink, cell, axis=2).tolist()
    full = np.full(values.shape, " ")
    if g.digits:
        # Only zero is 0.
        number = np.maximum(np.rint(9 * share).astype(np.intp), (values != 0) & finite)
        full = np.array(list(" 123456789" if sheet.image else "0123456789"))[number]
        if cell == 1 and not sheet.image:
            full = np.where(negative, np.array(list(g.below))[number], full)
    full = np.where(bad, "!", np.where(known, full, g.unknown[:1]))
    if cell == 1:
        return full.tolist(), ink.tolist()
    characters = np.full((*values.shape[:2], values.shape[2] * cell), " ")
    # The digit is the second of the two characters in the middle of a cell, and its sign the first.
    characters[:, :, cell // 2 :: cell] = full
    if g.digits:
        characters[:, :, cell // 2 - 1 :: cell][negative] = "-" if g.ascii else "−"
    return characters.tolist(), np.repeat(ink, cell, axis=2).tolist()


def _figure(g: Glyphs, value: float, known: bool) -> str:
    if not known:
        return g.unknown[:1].rjust(FIGURE) + " "
    text = figure(value, 3)
    if len(text) > FIGURE:
        text = next((short for digits in (2, 1, 0) if len(short := figure(value, digits)) <= FIGURE), text[:FIGURE])
    text = text.replace("−", "-") if g.ascii else text
    return text.rjust(FIGURE) + " "


def _draw_mark(canvas: Canvas, form: SheetForm, x: int, y: int, mark: Mark | None) -> None:
    """Marks a cell: ``▐ ▌`` where it is assigned, ``‹ ›`` where it is read, ◈ where it is selected."""
    g, cell = canvas.glyphs, form.cell
    if form.figures:
        left, right = {
            Mark.TARGET: (g.left_target, g.right_target),
            Mark.OPERAND: (g.left_operand, g.right_operand),
        }.get(mark or Mark.IDLE, (g.cursor, " "))
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND}.get(mark or Mark.IDLE, Ink.KEY)
        canvas.recolour(y, x, x + cell - 1, ink)
        canvas.cell(x - 1 if mark is not None else x, y, left, Ink.CHANGED if mark is Mark.TARGET else ink)
        canvas.cell(x + cell - 1, y, right, Ink.CHANGED if mark is Mark.TARGET else ink)
        return
    middle = y + (form.zoom - 1) // 2
    if mark is Mark.OPERAND:
        if cell == 1:
            canvas.mark(x, y, g.operand_cell)
        else:
            canvas.mark(x + cell // 2 - 1, middle, g.left_operand)
            canvas.mark(x + cell // 2, middle, g.right_operand)
        return
    filling: int = Ink.TARGET if mark is Mark.TARGET else Ink.KEY | SELECTED
    for row in range(form.zoom):
        canvas.cells(x, y + row, " " * cell, [filling] * cell)
    if cell == 1:
        canvas.cell(x, y, g.target_cell if mark is Mark.TARGET else g.selected_cell, filling)
        return
    signs = (g.left_target, g.right_target) if g.ascii else ("▐", "▌")
    pair = signs if mark is Mark.TARGET else (g.selected_cell, " ")
    for k, sign in enumerate(pair):
        canvas.cell(x + cell // 2 - 1 + k, middle, sign, filling)


def _draw_moments(canvas: Canvas, sheet: SheetView, form: SheetForm, x: int, y: int, first: int, last: int) -> None:
    """The numbers of the moments above their columns: the first, the last, and marked the one on the screen."""
    g = canvas.glyphs
    canvas.fill(x, y, (last - first) * form.cell, g.unknown, Ink.FAINT)
    end = x
    numbers = {first: Ink.DIM, last - 1: Ink.DIM}
    if first <= sheet.now < last:
        numbers[sheet.now] = Ink.TARGET
    for column in sorted(numbers, key=lambda one: (one != sheet.now, one)):
        text = str(column + 1)
        if column == sheet.now and form.cell > 2:
            text = g.left_target + text + g.right_target if g.ascii else f" {text} "
        start = min(x + (column - first) * form.cell, x + (last - first) * form.cell - width(text))
        if column == sheet.now or start >= end or start + width(text) <= end - 1:
            canvas.put(max(start, x), y, shorten(text, form.cell * (last - first), ""), numbers[column])
        if column == sheet.now:
            end = start + width(text) + 1
