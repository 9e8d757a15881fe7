"""A batch norm's batch: what each sample has of a channel, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.ops.batch_norm import BatchMean, BatchVariance, ChannelPart, Normalise
from retrograde.engine.ops.gradient import Gradient
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

MOST_ROWS = 48
"""Values of a channel that are listed: those around the sample."""


class _Column(NamedTuple):
    """A column of the table: its title, the number at an index of x, and how the row of the step is marked."""

    title: str
    value: Callable[[tuple[int, ...]], float | None]
    mark: Mark = Mark.IDLE


def _rows(reading: Reading, step: Step, x: Array, channel: int) -> list[tuple[int, ...]]:
    """The indices of the values of a channel, around those of the step's sample."""
    positions = list(np.ndindex(x.shape[2:]))
    sample = step.place.sample or 0
    here = step.target.index[2:] if step.target.array.shape == x.shape else positions[0]
    at = sample * len(positions) + positions.index(tuple(here))
    total = x.shape[0] * len(positions)
    first = max(0, min(at - MOST_ROWS // 2, total - MOST_ROWS))
    found = []
    for number in range(first, min(total, first + MOST_ROWS)):
        row, position = divmod(number, len(positions))
        found.append((row, channel, *positions[position]))
    return found


def _label(index: tuple[int, ...]) -> str:
    inside = ",".join(str(part + 1) for part in index[2:])
    return f"{{{index[0] + 1}}}" + (f"[{inside}]" if inside else "")


def _table(
    reading: Reading, step: Step, x: Array, channel: int, columns: Sequence[_Column], caption: Line
) -> tuple[Picture, ...]:
    rows = _rows(reading, step, x, channel)
    values = np.full((len(rows), len(columns)), np.nan)
    known = np.zeros(values.shape, dtype=np.bool_)
    spots: list[PlacedSpan] = []
    whole = step.target.array.shape != x.shape
    for i, index in enumerate(rows):
        for j, column in enumerate(columns):
            value = column.value(index)
            if value is not None:
                values[i, j], known[i, j] = value, True
            here = index[0] == step.place.sample and (whole or index == step.target.index)
            if here and column.mark is not Mark.IDLE:
                spots.append(PlacedSpan(row=i, column=j, mark=column.mark))
    spots.sort(key=lambda spot: spot.mark is not Mark.TARGET)
    return (
        Grid(
            values=values,
            known=known,
            title=_("the batch"),
            rows=tuple(map(_label, rows)),
            columns=tuple(column.title for column in columns),
            spots=tuple(spots),
            shaded=False,
            caption=caption,
        ),
    )


def _slot(reading: Reading, array: Array) -> Callable[[tuple[int, ...]], float | None]:
    return lambda index: reading.visible(Ref(array, index))


def _centred(reading: Reading, x: Array, mean: Array) -> Callable[[tuple[int, ...]], float | None]:
    def value(index: tuple[int, ...]) -> float | None:
        found, middle = reading.visible(Ref(x, index)), reading.visible(Ref(mean, index[1:2]))
        return None if found is None or middle is None else found - middle

    return value


def _title(reading: Reading, array: Array, channel: int) -> str:
    """What stands in a column: the symbol of the array at the channel, without its position."""
    return reading.notation.symbol(Ref(array, (0, channel, *(0,) * (len(array.shape) - 2)))).partition("[")[0]


def _caption(reading: Reading, channel: int, *arrays: Array) -> Line:
    """μ and σ² as far as they are known."""
    spans: list[Span] = []
    for array in arrays:
        ref = Ref(array, (channel,))
        value = reading.visible(ref)
        text = "·" if value is None else show(value, 6)
        spans.append(Span(f" {reading.symbol(ref)} = {text} ", Ink.FAINT if value is None else Ink.ACCENT))
    return tuple(spans)


def gathered(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The values that a mean or a variance adds up, and the sample that adds its part."""
    del digits
    op, channel = step.op, step.target.index[0]
    assert isinstance(op, BatchMean | BatchVariance)
    x, *means = (operand.array for operand in op.operands)
    columns = [_Column(_title(reading, x, channel), _slot(reading, x), Mark.OPERAND)]
    if means:
        centred = _centred(reading, x, means[0])

        def square(index: tuple[int, ...]) -> float | None:
            found = centred(index)
            return None if found is None else found * found

        columns += [_Column("− μ", centred, Mark.OPERAND), _Column("( )²", square, Mark.OPERAND)]
    return _table(reading, step, x, channel, columns, _caption(reading, channel, *means, op.target))


def normalised(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The batch before and after: what is far from the mean, in standard deviations."""
    del digits
    op, channel = step.op, step.target.index[1]
    assert isinstance(op, Normalise)
    x, mean, variance = (operand.array for operand in op.operands)
    columns = [
        _Column(_title(reading, x, channel), _slot(reading, x), Mark.OPERAND),
        _Column("− μ", _centred(reading, x, mean)),
        _Column(_title(reading, op.target, channel), _slot(reading, op.target), Mark.TARGET),
    ]
    return _table(reading, step, x, channel, columns, _caption(reading, channel, mean, variance))


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients that come back to the variance or the mean from all samples."""
    op = step.op
    if not isinstance(op, Gradient):
        return term_bars(reading, step, digits)
    part = op.parts[0]
    assert isinstance(part, ChannelPart)
    x, mean, variance = (operand.array for operand in part.operands)
    channel = step.target.index[0]
    columns = [
        _Column(_title(reading, part.g, channel), _slot(reading, part.g), Mark.OPERAND),
        _Column(_("x − μ"), _centred(reading, x, mean), Mark.OPERAND),
    ]
    caption = _caption(reading, channel, mean, variance, step.target.array)
    return (*term_bars(reading, step, digits), *_table(reading, step, x, channel, columns, caption))


PICTURES: Table = {
    BatchMean: gathered,
    BatchVariance: gathered,
    Normalise: normalised,
    ChannelPart: returned,
}
