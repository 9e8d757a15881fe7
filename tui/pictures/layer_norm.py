"""A layer norm's position: its values, their distances from the mean, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.layer_norm import (
    Centre,
    PositionPart,
    RowMean,
    RowScale,
    RowVariance,
)
from retrograde.engine.ops.scale_shift import ScaleShift
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.figures import show
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

MOST_ROWS = 64
"""Values of a position that are listed: those around the step's."""


class _Column(NamedTuple):
    """A column of the table: what it is, the number of each element, and its part in the step."""

    title: str
    value: Callable[[int], float | None]
    mark: Mark


class _Position:
    """A position of a sample, or of one row of values: what is known of its elements.

    Attributes:
        reading: the reading.
        place: the position.
    """

    def __init__(self, reading: Reading, place: Sequence[int]) -> None:
        self.reading = reading
        self.place = tuple(place)

    def ref(self, array: Array, *element: int) -> Ref:
        """The slot of an element, or of the position itself; of a parameter, that of the element."""
        return Ref(array, (self.reading.sample, *self.place, *element) if array.batched else element)

    def column(self, array: Array, mark: Mark = Mark.OPERAND) -> _Column:
        """An array's column."""
        symbol = self.reading.symbol(self.ref(array, 0))
        title = symbol.partition("[")[0] if "[" in symbol else f"{array.sign or array.stem}_{array.layer}"
        return _Column(title, lambda i: self.reading.visible(self.ref(array, i)), mark)

    def said(self, array: Array) -> Span:
        """A number that the position has, as far as it is known."""
        ref = self.ref(array)
        value = self.reading.visible(ref)
        text = "·" if value is None else show(value, 6)
        return Span(f" {self.reading.symbol(ref)} = {text} ", Ink.FAINT if value is None else Ink.ACCENT)


def _squared(column: _Column) -> _Column:
    def value(i: int) -> float | None:
        found = column.value(i)
        return None if found is None else found * found

    return _Column("( )²", value, Mark.OPERAND)


def _table(
    position: _Position, width: int, element: int | None, columns: Sequence[_Column], caption: Line
) -> tuple[Picture, ...]:
    """The elements of a position below each other; all of them are marked where the step has no element of its own."""
    first = max(0, min((element or 0) - MOST_ROWS // 2, width - MOST_ROWS))
    rows = range(first, min(width, first + MOST_ROWS))
    values = np.full((len(rows), len(columns)), np.nan)
    known = np.zeros(values.shape, dtype=np.bool_)
    spots: list[PlacedSpan] = []
    for j, column in enumerate(columns):
        for k, i in enumerate(rows):
            value = column.value(i)
            if value is not None:
                values[k, j], known[k, j] = value, True
        if element is None:
            spots.append(PlacedSpan(row=0, column=j, rows=len(rows), mark=column.mark))
        else:
            spots.append(PlacedSpan(row=element - first, column=j, mark=column.mark))
    spots.sort(key=lambda spot: spot.mark is not Mark.TARGET)
    place = ",".join(str(part + 1) for part in position.place)
    return (
        Grid(
            values=values,
            known=known,
            title=_("position {place}").format(place=place) if place else "",
            rows=tuple(str(i + 1) for i in rows),
            columns=tuple(column.title for column in columns),
            spots=tuple(spots),
            shaded=False,
            caption=caption,
        ),
    )


def gathered(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The values of a position that a mean or a variance adds up."""
    op = step.op
    assert isinstance(op, RowMean | RowVariance)
    array = op.operands[0].array
    position = _Position(reading, step.target.index[1:])
    columns = [position.column(array)]
    if isinstance(op, RowVariance):
        columns.append(_squared(columns[0]))
    table = _table(position, array.shape[-1], None, columns, (position.said(op.target),))
    return (*term_bars(reading, step, digits), *table)


def moved(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """A position before and after: centred, measured in standard deviations, scaled and shifted."""
    op = step.op
    assert isinstance(op, Centre | RowScale | ScaleShift)
    if isinstance(op, ScaleShift):
        gamma, x, beta = op.operands
        if gamma.axes != (len(op.target.shape) - 1,):
            return term_bars(reading, step, digits)
        before, common = [x.array, gamma.array, beta.array], None
    else:
        one, two = op.operands
        before, common = [one.array], two.array
    *place, element = step.target.index[1:]
    position = _Position(reading, place)
    caption = () if common is None else (position.said(common),)
    columns = [*map(position.column, before), position.column(op.target, Mark.TARGET)]
    table = _table(position, op.target.shape[-1], element, columns, caption)
    return (*term_bars(reading, step, digits), *table)


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients of a position that come together at its mean or its standard deviation."""
    bars = term_bars(reading, step, digits)
    part = step.op.parts[0] if isinstance(step.op, Gradient) else None
    if not isinstance(part, PositionPart):
        return bars
    position = _Position(reading, step.target.index[1:])
    arrays = [part.g] if isinstance(part.op, Centre) else [part.g, part.op.operands[0].array]
    columns = [position.column(array) for array in arrays]
    return (*bars, *_table(position, part.g.shape[-1], None, columns, (position.said(step.target.array),)))


PICTURES: Table = {
    RowMean: gathered,
    RowVariance: gathered,
    Centre: moved,
    RowScale: moved,
    ScaleShift: moved,
    PositionPart: returned,
}
