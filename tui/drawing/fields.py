"""A plane in half cells: what colours or digits stand for the numbers all over it, its axes, and what lies on it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import (
    CLASS_FIELD,
    CLASS_STEPS,
    CLASSES,
    NEGATIVE_FIELD,
    POSITIVE_FIELD,
    RAMP_FIELD,
    STEPS,
    Ink,
    Solid,
    pair,
    point,
)
from retrograde.tui.drawing.axes import MARGIN, Axis, Tick

if TYPE_CHECKING:
    from retrograde.tui.records.fields import FieldPlot, FieldPoint
    from retrograde.tui.records.value_types import Bools, Floats, Ints, Texts

LEAST_COLUMNS, LEAST_ROWS = 6, 3
"""Cells that a plane needs at least."""
BANDS = 10
"""Levels that a height is divided into; where two of them meet there is a contour."""
LETTERS = "0123456789"


class FieldArea(NamedTuple):
    """Where a plane lies, in cells: its left column, its columns, its top row, its rows."""

    left: int
    columns: int
    top: int
    rows: int

    def cell(self, plot: FieldPlot, x: float, y: float) -> tuple[int, int] | None:
        """The column and the row of a place; None where it lies outside."""
        across, up = (x - plot.left) / (plot.right - plot.left), (y - plot.bottom) / (plot.top - plot.bottom)
        if not (0 <= across <= 1 and 0 <= up <= 1):
            return None
        column = min(int(across * self.columns), self.columns - 1)
        return self.left + column, self.top + min(int((1 - up) * self.rows), self.rows - 1)

    def place(self, plot: FieldPlot, column: int, row: int) -> tuple[float, float] | None:
        """The place in the middle of a cell; None where it lies outside."""
        across, down = (column - self.left + 0.5) / self.columns, (row - self.top + 0.5) / self.rows
        if not (0 < across < 1 and 0 < down < 1):
            return None
        return (
            plot.left + across * (plot.right - plot.left),
            plot.top - down * (plot.top - plot.bottom),
        )


def field_area(plot: FieldPlot, cells: int, top: int, rows: int) -> FieldArea | None:
    """Where a plane lies; None where there is no room.

    Args:
        plot: the plane.
        cells: the width of the canvas.
        top: the first row.
        rows: how many rows there are, for all parts.
    """
    height = rows - 1
    left = max([width(plot.up), *(width(tick.text) for tick in _ticks(plot.bottom, plot.top, height // 3))])
    left = min(left + MARGIN + 1, 12)
    columns = cells - left - 1
    if columns < LEAST_COLUMNS or height < LEAST_ROWS:
        return None
    return FieldArea(left, columns, top, height)


def _ticks(low: float, high: float, most: int) -> tuple[Tick, ...]:
    return Axis(low=low, high=high).ticks(max(most, 1))


# -- numbers as shades and digits


def signed_field(values: Floats, middle: float, scale: float) -> tuple[Ints, tuple[str, ...]]:
    """Numbers above and below a middle as shades and digits, full at a distance from it.

    The shade says how far: 0 in the middle; so a boundary is seen as a seam. Digits are those of a positive number, and
    for what is below letters, 1 to 9 and a to i.

    Args:
        values: the numbers, shape (rows, columns).
        middle: the number that is neither.
        scale: the distance that is full.
    """
    import numpy as np

    finite = np.isfinite(values)
    share = np.minimum(np.abs(np.where(finite, values - middle, 0.0)) / (scale or 1.0), 1.0)
    below = finite & (values < middle)
    shades = np.where(below, NEGATIVE_FIELD, POSITIVE_FIELD) + np.rint((STEPS - 1) * share).astype(np.int64)
    number = np.rint(9 * share).astype(np.int64)
    texts = np.where(below, np.array(list("0abcdefghi"))[number], np.array(list(LETTERS))[number])
    return _checked(shades, texts, finite)


def class_field(values: Floats) -> tuple[Ints, tuple[str, ...]]:
    """The largest of several numbers at each place as the colour of its class, fuller the more it leads.

    Args:
        values: the numbers, shape (rows, columns, classes).
    """
    import numpy as np

    finite = np.asarray(np.isfinite(values).all(axis=2))
    known = np.where(finite[:, :, None], values, 0.0)
    best = known.argmax(axis=2)
    ordered = np.sort(known, axis=2)
    lead = ordered[:, :, -1] - ordered[:, :, -2]
    most = float(lead.max()) if lead.size else 0.0
    share = lead / most if most > 0 else np.zeros_like(lead)
    shades = CLASS_FIELD + best % CLASSES * CLASS_STEPS + np.rint((CLASS_STEPS - 1) * share).astype(np.int64)
    return _checked(shades, np.array(list(class_signs(values.shape[2]).lower()))[best], finite)


def class_signs(count: int) -> str:
    """A letter for the samples of each class, by its place; the same in lower case is for the field of the class."""
    return "".join(chr(ord("A") + k % 26) for k in range(count))


def height_field(values: Floats, axis: Axis) -> tuple[Ints, tuple[str, ...]]:
    """Heights in bands, from 0 to 9; where two bands meet there is a contour.

    Args:
        values: the heights, shape (rows, columns).
        axis: the least and the greatest of them.
    """
    import numpy as np

    places = axis.places(values)
    finite = np.isfinite(places)
    band = np.minimum((np.where(finite, np.clip(places, 0.0, 1.0), 0.0) * BANDS).astype(np.int64), BANDS - 1)
    shades = RAMP_FIELD + np.rint(band * (STEPS - 1) / (BANDS - 1)).astype(np.int64)
    return _checked(shades, np.array(list(LETTERS))[band], finite)


def _checked(shades: Ints, texts: Texts, finite: Bools) -> tuple[Ints, tuple[str, ...]]:
    """Shades and digits, with what is not a finite number marked."""
    import numpy as np

    shades = np.where(finite, shades, int(Solid.BAD))
    return shades, tuple("".join(row) for row in np.where(finite, texts, "!").tolist())


# -- drawing


def draw_field(canvas: Canvas, plot: FieldPlot, top: int, rows: int) -> FieldArea | None:
    """Draws a plane with its axes; says where, None where there is no room.

    Args:
        canvas: the canvas.
        plot: the plane.
        top: the first row.
        rows: how many rows there are, for all parts.
    """
    area = field_area(plot, canvas.width, top, rows)
    if area is None:
        return None
    halves = _halves(plot, area)
    _draw_cells(canvas, plot, area, halves)
    _draw_way(canvas, plot, area, halves)
    for one in plot.points:
        _draw_point(canvas, plot, area, halves, one)
    _draw_axes(canvas, plot, area)
    return area


def _halves(plot: FieldPlot, area: FieldArea) -> Ints:
    """The shades of the upper and lower halves of all cells: of each the place in its middle."""
    import numpy as np

    high, wide = plot.shades.shape
    down = ((np.arange(2 * area.rows) + 0.5) / (2 * area.rows) * high).astype(np.int64)
    across = ((np.arange(area.columns) + 0.5) / area.columns * wide).astype(np.int64)
    made: Ints = plot.shades[np.ix_(down, across)]
    return made


def _draw_cells(canvas: Canvas, plot: FieldPlot, area: FieldArea, halves: Ints) -> None:
    """Draws the shades; with digits where colours do not tell them."""
    import numpy as np

    upper, lower = halves[::2], halves[1::2]
    if not canvas.glyphs.digits:
        characters = np.where(upper != lower, "▀", " ").tolist()
        inks = pair(upper, lower).tolist()
    else:
        high, wide = len(plot.digits), len(plot.digits[0])
        lines = [plot.digits[min(int((row + 0.5) / area.rows * high), high - 1)] for row in range(area.rows)]
        characters = [[line[int((k + 0.5) / area.columns * wide)] for k in range(area.columns)] for line in lines]
        inks = pair(np.full(lower.shape, int(Solid.STRONG)), lower).tolist()
    for row in range(area.rows):
        canvas.cells(area.left, area.top + row, characters[row], inks[row])


def _draw_point(canvas: Canvas, plot: FieldPlot, area: FieldArea, halves: Ints, one: FieldPoint) -> None:
    """Draws what lies at a place."""
    at = area.cell(plot, one.x, one.y)
    if at is None:
        return
    x, y = at
    field = int(halves[2 * (y - area.top) + 1, x - area.left])
    ink = Ink.TARGET if one.shade == Solid.TARGET else point(one.shade, field)
    canvas.cells(x, y, [one.sign], [ink])


def _draw_way(canvas: Canvas, plot: FieldPlot, area: FieldArea, halves: Ints) -> None:
    """Draws a line through places."""
    import numpy as np

    if plot.way is None or not len(plot.way):
        return
    sign = "*" if canvas.glyphs.ascii else "•"
    across = (plot.way[:, 0] - plot.left) / (plot.right - plot.left) * area.columns
    down = (plot.top - plot.way[:, 1]) / (plot.top - plot.bottom) * area.rows
    places = np.stack([across, down], axis=1)
    places = np.clip(places[np.isfinite(places).all(axis=1)], -1e4, 1e4).tolist()
    seen: set[tuple[int, int]] = set()
    for (x0, y0), (x1, y1) in pairwise([places[0], *places] if places else []):
        steps = min(int(max(abs(x1 - x0), abs(y1 - y0))) + 1, 4 * (area.columns + area.rows))
        for k in range(steps + 1):
            x, y = x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps
            if 0 <= x < area.columns and 0 <= y < area.rows:
                seen.add((int(x), int(y)))
    for x, y in seen:
        canvas.cells(area.left + x, area.top + y, [sign], [point(Solid.STRONG, int(halves[2 * y + 1, x]))])


def _draw_axes(canvas: Canvas, plot: FieldPlot, area: FieldArea) -> None:
    """Draws the numbers at both axes, and what grows along them."""
    g = canvas.glyphs
    room = area.left - 1
    name = shorten(plot.up, room - MARGIN, g.ellipsis)
    rows = {area.top: (name, Ink.STRONG)}
    for tick in _ticks(plot.bottom, plot.top, area.rows // 3):
        up = (tick.value - plot.bottom) / (plot.top - plot.bottom)
        row = area.top + min(max(int((1 - up) * area.rows), 0), area.rows - 1)
        rows.setdefault(row, (tick.text, Ink.DIM))
    for row, (text, ink) in rows.items():
        canvas.put(room - width(text), row, text, ink)
    below = area.top + area.rows
    name = shorten(plot.across, max(area.columns // 3, 1), g.ellipsis)
    end = area.left + area.columns - width(name)
    canvas.put(end, below, name, Ink.STRONG)
    free = 0
    for tick in _ticks(plot.left, plot.right, area.columns // 12):
        across = (tick.value - plot.left) / (plot.right - plot.left)
        x = area.left + min(int(across * area.columns), area.columns - 1) - (width(tick.text) - 1) // 2
        x = max(x, area.left)
        if x >= free and x + width(tick.text) < end:
            canvas.put(x, below, tick.text, Ink.DIM)
            free = x + width(tick.text) + 1
