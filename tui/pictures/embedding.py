"""An embedding: the table with the row that is read, and the vectors; positions: what is added to each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.evaluation import NUMPY, evaluate
from retrograde.engine.equations.expression import Ref, is_place
from retrograde.engine.ops.embedding import Embed, LearnedPositions, RowsPart, Sinusoids, sinusoid
from retrograde.engine.text import _
from retrograde.tui.pictures.attention import sheet
from retrograde.tui.pictures.encoding import positions, symbols
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture


def _rows(reading: Reading, count: int) -> tuple[str, ...]:
    """The names of the rows of the table: the index, from 0 as in the data, or the symbol."""
    return symbols(reading) or tuple(map(str, range(count)))


def embedded(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The table with the row that the index names, and the vectors so far."""
    op = step.op
    assert isinstance(op, Embed)
    *place, element = step.target.index[1:]
    number = reading.frame.value(Ref(op.numbers, (reading.sample, *place)))
    marks = []
    if is_place(number, op.table.shape[0]):
        marks.append(PlacedSpan(row=int(number), column=element, mark=Mark.OPERAND))
    table = sheet(reading, op.table, (), marks)
    table = replace(table, rows=_rows(reading, op.table.shape[0]))
    if len(place) != 1:
        return (*term_bars(reading, step, digits), table)
    made = sheet(reading, op.target, (), [PlacedSpan(row=place[0], column=element)])
    return (*term_bars(reading, step, digits), JoinedPicture(grids=(table, made), signs=("→",)))


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients of the vectors that a row of the table gave, and its own."""
    part = step.op.parts[0] if hasattr(step.op, "parts") else None
    bars = term_bars(reading, step, digits)
    if not isinstance(part, RowsPart) or len(part.numbers.shape) != 2:
        return bars
    row, element = step.target.index
    sample = step.place.sample or 0
    numbers = reading.frame.array(part.numbers)[sample]
    places = np.flatnonzero(numbers == row).tolist()
    g = sheet(reading, part.g, (), [PlacedSpan(row=place, column=element, mark=Mark.OPERAND) for place in places])
    so_far = _sums(reading, step)
    return (*bars, JoinedPicture(grids=(g, so_far), signs=("→",)))


def _sums(reading: Reading, step: Step) -> Grid:
    """The gradient of the table as far as the samples so far have added to it, around the row of the step."""
    array = step.target.array
    row, element = step.target.index
    found = [reading.partial(Ref(array, (row, place))) for place in range(array.shape[1])]
    values = np.array([[np.nan if one is None else one[0] for one in found]])
    return Grid(
        values=values,
        known=~np.isnan(values),
        title=reading.symbol(step.target).partition("[")[0],
        rows=(_rows(reading, array.shape[0])[row],),
        spots=(PlacedSpan(row=0, column=element),),
    )


def placed(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The vectors, the pattern of positions that is added, and their sum."""
    op = step.op
    assert isinstance(op, Sinusoids | LearnedPositions)
    _sample, place, element = step.target.index
    mark = [PlacedSpan(row=place, column=element, mark=Mark.OPERAND)]
    x = sheet(reading, op.inputs[0], (), mark)
    if isinstance(op, LearnedPositions):
        added = sheet(reading, op.inputs[1], (), mark)
    else:
        shape = op.x.shape[1:]
        waves = np.array(
            [
                [evaluate(sinusoid(p, i, shape[1]), reading.frame.value, NUMPY) for i in range(shape[1])]
                for p in range(shape[0])
            ]
        )
        names = positions(reading, shape[0])
        added = Grid(values=waves, title=_("waves"), rows=names, spots=tuple(mark), known=np.full(shape, True))
    made = sheet(reading, op.target, (), [PlacedSpan(row=place, column=element)])
    return (*term_bars(reading, step, digits), JoinedPicture(grids=(x, added, made), signs=("+", "=")))


PICTURES: Table = {
    Embed: embedded,
    RowsPart: returned,
    Sinusoids: placed,
    LearnedPositions: placed,
}
