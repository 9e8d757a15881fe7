"""What a picture holds: frozen, plain data. ``retrograde.tui.drawing`` draws every kind at any size.

Records that hold arrays compare by identity. Numbers are kept as they were computed and are rounded only when they
are drawn. Arrays hold float64 and are not written to; where not all of a picture is computed at the cursor, its
``known`` says what is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from retrograde.tui.canvas.canvas import Line
from retrograde.tui.records.marks import Mark

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Bools, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSpan:
    """A marked cell, or a marked rectangle of cells, of a grid.

    Attributes:
        row: its first row, from 0.
        column: its first column, from 0.
        rows: how many rows it covers.
        columns: how many columns it covers.
        mark: whether it is assigned (``▐ ▌``) or read (``‹ ›``).
    """

    row: int
    column: int
    rows: int = 1
    columns: int = 1
    mark: Mark = Mark.TARGET


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """A matrix: numbers where there is room for them, else shades; of a large one, what lies around the first spot.

    Attributes:
        values: the numbers, shape (rows, columns).
        title: what it is, above it; empty for none.
        rows: a label a row, or none at all.
        columns: a label a column, or none at all.
        spots: what is marked; the first of them is kept in sight.
        known: shape (rows, columns), false where a value is not computed yet; None where all are.
        outside: shape (rows, columns), true where there is no cell, as in the padding; None where all are there.
        scale: the magnitude at which a cell is full; 0 for the largest of the grid.
        shaded: whether the cells are coloured by their values; false for a table of unlike quantities, which is never
            drawn as shades.
        decimals: digits after the point, where there is room for them.
        caption: a line below it.
    """

    values: Floats
    title: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    spots: tuple[PlacedSpan, ...] = ()
    known: Bools | None = None
    outside: Bools | None = None
    scale: float = 0.0
    shaded: bool = True
    decimals: int = 4
    caption: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinedPicture:
    """Grids side by side with a sign between each two: patch × kernel = product.

    Attributes:
        grids: the grids, at least one.
        signs: what stands between them, one fewer than grids.
        caption: a line below them.
    """

    grids: tuple[Grid, ...]
    signs: tuple[str, ...] = ()
    caption: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBar:
    """A quantity whose magnitude is drawn.

    Attributes:
        label: what it is.
        value: the number, None where it is not computed yet.
        note: a word behind the bar.
        mark: its part in the step.
    """

    label: str
    value: float | None
    note: str = ""
    mark: Mark = Mark.IDLE


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBars:
    """Magnitudes below each other, on one logarithmic scale.

    Attributes:
        bars: the quantities, from above.
        title: what they are; empty for none.
        least: the exponent of ten at which bars are empty; None for that of the smallest bar.
        most: the exponent of ten at which bars are full; None for that of the largest bar.
        caption: a line below them.
    """

    bars: tuple[LogBar, ...]
    title: str = ""
    least: int | None = None
    most: int | None = None
    caption: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnsPicture:
    """Columns through time: quantities below each other, moments beside each other, a log bar below each moment.

    Attributes:
        titles: a title a column, such as ``t=1``.
        rows: a label a row of ``values``.
        values: the numbers, shape (rows, columns); may have no row.
        known: shape (rows, columns), false where a value is not computed yet; None where all are.
        spots: what is marked; the column of the first of them is kept in sight.
        flow: 1 where the signal goes to the right, -1 to the left, 0 for no arrows between the columns.
        bars: a number a column, whose magnitude is drawn as an upright bar on a logarithmic scale and which is
            written below it; None for what is not computed yet; () for no bars.
        bar_label: what the bars are.
        title: what the picture is; empty for none.
        decimals: digits after the point, where there is room for them.
        caption: a line below it.
    """

    titles: tuple[str, ...]
    rows: tuple[str, ...]
    values: Floats
    known: Bools | None = None
    spots: tuple[PlacedSpan, ...] = ()
    flow: int = 0
    bars: tuple[float | None, ...] = ()
    bar_label: str = ""
    title: str = ""
    decimals: int = 4
    caption: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """A summand: symbols, numbers, value; ``share`` is −1 to 1 of the largest, for its bar."""

    label: str
    detail: str
    value: float | None
    share: float = 0.0
    note: str = ""
    active: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TermBars:
    """The summands of a step with a bar each, and the line below them."""

    terms: tuple[TermRow, ...]
    total: Line = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A function with a dot where the neuron is.

    Attributes:
        x: abscissae, shape (points,).
        y: values, shape (points,).
        at: where the dot is, (x, y).
        lines: what is said beside it.
    """

    x: Floats
    y: Floats
    at: tuple[float, float]
    lines: tuple[Line, ...]


Picture: TypeAlias = Grid | JoinedPicture | LogBars | ColumnsPicture | TermBars | Curve
