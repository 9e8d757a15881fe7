"""What is normalised together, a position, a channel or a group: its values, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Index, Ref
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.layer_norm import (
    Centre,
    PositionPart,
    RowMean,
    RowScale,
    RowVariance,
)
from retrograde.engine.ops.pointwise import Pointwise
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.ops.scale_shift import Scale, ScaleShift
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


class _Together(NamedTuple):
    """What is normalised together, such as a position of a sample: what is known of its elements.

    Attributes:
        reading: the reading.
        place: its index in what has one element for each, without the sample.
        shape: the shape of the values, without the sample.
        axes: the axes of these that ``place`` goes along.
        group: how many neighbours along the last of the axes belong together.
    """

    reading: Reading
    place: tuple[int, ...]
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    group: int

    @classmethod
    def of(cls, reading: Reading, op: Reduce | Pointwise, index: Index) -> _Together:
        """What an element of an op belongs to: of a reduction its own, else what its second operand has one of."""
        if isinstance(op, Reduce):
            axes = tuple(axis - 1 for axis in op.along if axis)
            return cls(reading, index[1:], op.domain[1:], axes, op.group)
        one = op.operands[1]
        if one.axes is None:
            # A scale along the last axis: the values of a position.
            return cls(reading, index[1:-1], op.domain[1:], tuple(range(len(index) - 2)), 1)
        axes = tuple(axis - 1 for axis in one.axes if axis)
        return cls(reading, one.at(index).index[1:], op.domain[1:], axes, one.group)

    @property
    def free(self) -> tuple[tuple[int, int, int], ...]:
        """The axes that its elements differ in: (axis, first, how many)."""
        found = [(axis, 0, length) for axis, length in enumerate(self.shape) if axis not in self.axes]
        if self.group > 1:
            found.append((self.axes[-1], self.place[-1] * self.group, self.group))
        return tuple(sorted(found))

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(length for _axis, _first, length in self.free)

    def element(self, number: int) -> tuple[int, ...]:
        """The index of an element, in row order."""
        at = [0] * len(self.shape)
        for axis, part in zip(self.axes, self.place, strict=True):
            at[axis] = part
        for axis, first, length in reversed(self.free):
            number, part = divmod(number, length)
            at[axis] = first + part
        return tuple(at)

    def number(self, index: Index) -> int:
        """The number of an element in row order."""
        found = 0
        for axis, first, length in self.free:
            found = found * length + index[axis] - first
        return found

    def named(self, number: int) -> str:
        """What an element is called beside its row: its index along the axes that they differ in."""
        at = self.element(number)
        return ",".join(str(at[axis] + 1) for axis, _first, _length in self.free)

    def ref(self, array: Array, *element: int) -> Ref:
        """The slot of an element, or of what they have in common; of a parameter, that of the element."""
        if not array.batched:
            return Ref(array, element[-1:])
        return Ref(array, (self.reading.sample, *(element or self.place)))

    def column(self, array: Array, mark: Mark = Mark.OPERAND) -> _Column:
        """An array's column."""
        symbol = self.reading.symbol(self.ref(array, *self.element(0)))
        title = symbol.partition("[")[0] if "[" in symbol else f"{array.sign or array.stem}_{array.layer}"
        return _Column(title, lambda i: self.reading.visible(self.ref(array, *self.element(i))), mark)

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


def _table(together: _Together, element: int | None, columns: Sequence[_Column], caption: Line) -> tuple[Picture, ...]:
    """The elements below each other; all of them are marked where the step has no element of its own."""
    width = together.size
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
    place = ",".join(str(part + 1) for part in together.place)
    title = _("position {place}")
    if together.group > 1:
        title = _("group {place}")
    elif together.axes[-1:] != (len(together.shape) - 2,) or together.free[-1][0] != len(together.shape) - 1:
        title = _("channel {place}")
    return (
        Grid(
            values=values,
            known=known,
            title=title.format(place=place) if place else "",
            rows=tuple(map(together.named, rows)),
            columns=tuple(column.title for column in columns),
            spots=tuple(spots),
            shaded=False,
            caption=caption,
        ),
    )


def gathered(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The values that a mean or a variance adds up."""
    op = step.op
    assert isinstance(op, RowMean | RowVariance)
    array = op.operands[0].array
    together = _Together.of(reading, op, step.target.index)
    columns = [together.column(array)]
    if isinstance(op, RowVariance):
        columns.append(_squared(columns[0]))
    table = _table(together, None, columns, (together.said(op.target),))
    return (*term_bars(reading, step, digits), *table)


def moved(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """Values before and after: centred, measured in standard deviations, scaled and shifted."""
    op = step.op
    assert isinstance(op, Centre | RowScale | ScaleShift | Scale)
    if isinstance(op, ScaleShift | Scale):
        if op.operands[0].axes != (len(op.target.shape) - 1,):
            return term_bars(reading, step, digits)
        gamma, x, *beta = (operand.array for operand in op.operands)
        before, common = [x, gamma, *beta], None
    else:
        one, two = op.operands
        before, common = [one.array], two.array
    together = _Together.of(reading, op, step.target.index)
    caption = () if common is None else (together.said(common),)
    columns = [*map(together.column, before), together.column(op.target, Mark.TARGET)]
    table = _table(together, together.number(step.target.index[1:]), columns, caption)
    return (*term_bars(reading, step, digits), *table)


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients that come together at a mean or a standard deviation."""
    bars = term_bars(reading, step, digits)
    part = step.op.parts[0] if isinstance(step.op, Gradient) else None
    if not isinstance(part, PositionPart):
        return bars
    one = part.operands[1]
    axes = tuple(axis - 1 for axis in one.axes or () if axis)
    together = _Together(reading, step.target.index[1:], part.op.domain[1:], axes, one.group)
    arrays = [part.g] if isinstance(part.op, Centre) else [part.g, part.op.operands[0].array]
    columns = [together.column(array) for array in arrays]
    return (*bars, *_table(together, None, columns, (together.said(step.target.array),)))


PICTURES: Table = {
    RowMean: gathered,
    RowVariance: gathered,
    Centre: moved,
    RowScale: moved,
    ScaleShift: moved,
    Scale: moved,
    PositionPart: returned,
}
