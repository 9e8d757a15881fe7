"""Attention: the table of a head with its row and its cell, from one table to the next, and what is taken along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.ops.attention import Dots, Mixture, ScaledPart, Scores, Weighted
from retrograde.engine.ops.contract import ContractPart
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.softmax import (
    CausalPart,
    Exponential,
    ExponentPart,
    NormaliserPart,
    Quotient,
    RowMaximum,
    RowPart,
    RowSum,
    SharePart,
    later,
)
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.encoding import positions
from retrograde.tui.pictures.planes import head
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

Leading = tuple[int, ...]
"""The indices before the last two axes: the head of a table, if there are several."""


def sheet(
    reading: Reading,
    array: Array,
    leading: Leading = (),
    marks: Sequence[PlacedSpan] = (),
    *,
    causal: bool = False,
    labels: tuple[bool, bool] = (True, False),
) -> Grid:
    """The last two axes of an array of the shown sample (or of one without samples), as far as it is computed.

    Args:
        reading: the reading.
        array: the array, with two element axes or more.
        leading: the indices of the axes before.
        marks: what is marked.
        causal: whether later positions are left out.
        labels: whether the rows and the columns are positions.
    """
    values = reading.frame.array(array)
    values = values[reading.sample] if array.batched else values
    known = (np.arange(values.size) < reading.known(array)).reshape(values.shape)[leading]
    shown = values[leading]
    rows, columns = shown.shape
    return Grid(
        values=shown,
        known=known,
        title=head(reading, array, *leading),
        rows=positions(reading, rows) if labels[0] else (),
        columns=positions(reading, columns, short=True) if labels[1] else (),
        spots=tuple(marks),
        outside=later(shown.shape) if causal else None,
    )


def _table(reading: Reading, array: Array, leading: Leading, marks: Sequence[PlacedSpan], causal: bool) -> Grid:
    """A table of queries and keys; of a plain layer's units, the columns have no names."""
    named = len(leading) > 0 or reading.program.maker(array) is None or _of_keys(reading, array)
    return sheet(reading, array, leading, marks, causal=causal, labels=(True, named))


def _of_keys(reading: Reading, array: Array) -> bool:
    """Whether a table has keys along its columns, and not the units of a layer."""
    while array.of is not None:
        array = array.of
    spec = next((layer.spec for layer in reading.network.layers if layer.name == array.layer), None)
    return spec is not None and spec.kind == "attention"


def _cell(index: tuple[int, ...], mark: Mark) -> PlacedSpan:
    return PlacedSpan(row=index[-2], column=index[-1], mark=mark)


def _row(row: int, array: Array, causal: bool, mark: Mark = Mark.OPERAND) -> PlacedSpan:
    """A row, up to the position itself where later ones are left out."""
    count = array.shape[-1]
    return PlacedSpan(row=row, column=0, columns=min(count, row + 1) if causal else count, mark=mark)


def _sees(index: tuple[int, ...], causal: bool) -> Line:
    """What a causal position sees."""
    if not causal:
        return ()
    text = _("position {row} sees 1 to {row}; ─ later").format(row=index[-2] + 1)
    return (Span(" " + text, Ink.DIM),)


def _index(step: Step) -> tuple[int, ...]:
    """The index of the step's slot without the sample."""
    return step.target.index[1:] if step.target.array.batched else step.target.index


def dotted(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The queries and the keys, and the table of their dot products."""
    op = step.op
    assert isinstance(op, Dots)
    index = _index(step)
    *leading, query, key = index
    width = op.sizes["d"]
    first = leading[0] * width if leading else 0
    grids = [
        sheet(reading, factor.array, (), [PlacedSpan(row=row, column=first, columns=width, mark=Mark.OPERAND)])
        for factor, row in ((op.left, query), (op.right, key))
    ]
    made = _table(reading, op.target, tuple(leading), [_cell(index, Mark.TARGET)], False)
    return (*term_bars(reading, step, digits), JoinedPicture(grids=(*grids, made), signs=("·", "→")))


def scored(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """From a table to the next one, cell by cell: dot products to scores, scores to exponentials, these to weights."""
    op = step.op
    assert isinstance(op, Scores | Exponential | Quotient)
    source = op.dots if isinstance(op, Scores) else op.net if isinstance(op, Exponential) else op.exponentials
    index = _index(step)
    if len(index) < 2:
        return term_bars(reading, step, digits)
    leading = index[:-2]
    before = _table(reading, source, leading, [_cell(index, Mark.OPERAND)], op.causal and not isinstance(op, Scores))
    after = _table(reading, op.target, leading, [_cell(index, Mark.TARGET)], op.causal)
    return (
        *term_bars(reading, step, digits),
        JoinedPicture(grids=(before, after), signs=("→",), caption=_sees(index, op.causal)),
    )


def gathered(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The row whose maximum or sum is taken."""
    op = step.op
    assert isinstance(op, RowMaximum | RowSum)
    index = _index(step)
    if not index:
        return term_bars(reading, step, digits)
    marks = [_row(index[-1], op.row, op.causal)]
    table = _table(reading, op.row, index[:-1], marks, op.causal)
    caption = _sees((*index, 0), op.causal)
    return (*term_bars(reading, step, digits), JoinedPicture(grids=(table,), caption=caption))


def mixed(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The attention weights of a position, the values that it sees, and what it takes along."""
    op = step.op
    assert isinstance(op, Mixture)
    query, place = _index(step)
    leading = (place // op.sizes["d"],) if op.sizes["h"] > 1 else ()
    weights, values = op.left.array, op.right.array
    maker = reading.program.maker(weights)
    causal = isinstance(maker, Quotient) and maker.causal
    grids = (
        _table(reading, weights, leading, [_row(query, weights, causal)], causal),
        sheet(reading, values, (), [PlacedSpan(row=0, column=place, rows=values.shape[1], mark=Mark.OPERAND)]),
        sheet(reading, op.target, (), [_cell((query, place), Mark.TARGET)]),
    )
    return (*term_bars(reading, step, digits), JoinedPicture(grids=grids, signs=("·", "=")))


def weighted(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """A linear layer over positions: the position that is read, and where its sum goes."""
    op = step.op
    assert isinstance(op, Weighted)
    index = _index(step)
    if len(index) != 2:
        return term_bars(reading, step, digits)
    x = op.right.array
    grids = (
        sheet(reading, x, (), [_row(index[0], x, False)]),
        sheet(reading, op.target, (), [_cell(index, Mark.TARGET)]),
    )
    return (*term_bars(reading, step, digits), JoinedPicture(grids=grids, signs=("→",)))


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradient of a table, of a row of it, or of what lies along positions, with what it comes from."""
    bars = term_bars(reading, step, digits)
    if not isinstance(step.op, Gradient):
        return bars
    part, index = step.op.parts[0], _index(step)
    if isinstance(part, ContractPart) and not step.target.array.batched:
        return bars
    causal = isinstance(part, CausalPart | NormaliserPart) and part.causal
    if isinstance(part, NormaliserPart):
        if not index:
            return bars
        marks = [_row(index[-1], part.out, causal)]
        grids = [_table(reading, array, index[:-1], marks, causal) for array in (part.g, part.out)]
        return (*bars, JoinedPicture(grids=tuple(grids), signs=("·",), caption=_sees((*index, 0), causal)))
    if len(index) < 2:
        return bars
    made = _table(reading, step.target.array, index[:-2], [_cell(index, Mark.TARGET)], causal)
    if not isinstance(part, CausalPart) or part.g.shape != step.target.array.shape:
        return (*bars, JoinedPicture(grids=(made,)))
    before = _table(reading, part.g, index[:-2], [_cell(index, Mark.OPERAND)], causal)
    return (*bars, JoinedPicture(grids=(before, made), signs=("→",), caption=_sees(index, causal)))


PICTURES: Table = {
    Dots: dotted,
    Scores: scored,
    Exponential: scored,
    Quotient: scored,
    RowMaximum: gathered,
    RowSum: gathered,
    Mixture: mixed,
    Weighted: weighted,
    ContractPart: returned,
    ScaledPart: returned,
    ExponentPart: returned,
    SharePart: returned,
    RowPart: returned,
    NormaliserPart: returned,
}
