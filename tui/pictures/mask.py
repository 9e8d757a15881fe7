"""Dropout: the values, the mask of the iteration, and what is left of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.dropout import Dropout, DropoutPart
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture
    from retrograde.tui.records.value_types import Bools, Floats


def masked(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """What goes through the mask: of a row a table with a line a unit, of an image its plane."""
    op = step.op
    dropout: Op = op
    if isinstance(op, Gradient):
        part = op.parts[0]
        if not isinstance(part, DropoutPart) or len(op.parts) > 1:
            return term_bars(reading, step, digits)
        before, dropout = part.g, part.op
    else:
        before = op.inputs[0]
    assert isinstance(dropout, Dropout)
    mask, rate = dropout.operands[1].array, dropout.rate
    sample, element = step.target.index[0], step.target.index[1:]
    arrays = (before, mask, op.target)
    left = int(np.count_nonzero(reading.frame.array(mask)[sample] == 0.0))
    count = mask.size // mask.shape[0]
    text = _("{left} of {count} are left out; the others are divided by {keep}")
    caption: Line = (Span(" " + text.format(left=left, count=count, keep=f"{1.0 - rate:g}"), Ink.DIM),)
    marks = (Mark.OPERAND, Mark.OPERAND, Mark.TARGET)
    pieces = [_piece(reading, array, op.target, sample) for array in arrays]
    if len(element) == 1:
        names = tuple(reading.notation.neuron(op.target.layer, unit) for unit in range(op.target.shape[1]))
        titles = tuple(_head(reading, array) for array in arrays)
        spots = [PlacedSpan(row=element[0], column=k, mark=mark) for k, mark in enumerate(marks)]
        grid = Grid(
            values=np.stack([values for values, _known in pieces], axis=1),
            known=np.stack([known for _values, known in pieces], axis=1),
            rows=names,
            columns=titles,
            spots=tuple(reversed(spots)),
            shaded=False,
            caption=caption,
        )
        return (grid,)
    plane = element[:-2]
    planes = tuple(
        Grid(
            values=np.atleast_2d(values[plane]),
            known=np.atleast_2d(known[plane]),
            title=_head(reading, array),
            spots=(PlacedSpan(row=element[-2], column=element[-1], mark=mark),),
        )
        for array, (values, known), mark in zip(arrays, pieces, marks, strict=True)
    )
    return (JoinedPicture(grids=planes, signs=("·", "="), caption=caption),)


def _head(reading: Reading, array: Array) -> str:
    """The array in a title: its symbol without the unit."""
    return reading.symbol(Ref(array, (reading.sample, *(0,) * (len(array.shape) - 1)))).rstrip("0123456789").rstrip(".")


def _piece(reading: Reading, array: Array, like: Array, sample: int) -> tuple[Floats, Bools]:
    """The values of a sample in the shape of the target, and what of them is computed."""
    values = reading.frame.array(array)[sample]
    known = np.zeros(values.size, dtype=np.bool_)
    known[: reading.known(array)] = True
    if values.shape == like.element_shape:
        return values, known.reshape(values.shape)
    # A mask of whole channels stands at every position.
    shape = (*values.shape, *(1,) * (len(like.element_shape) - values.ndim))
    wide = np.broadcast_to(values.reshape(shape), like.element_shape)
    return np.array(wide), np.array(np.broadcast_to(known.reshape(shape), like.element_shape))


PICTURES: Table = {Dropout: masked, DropoutPart: masked}
