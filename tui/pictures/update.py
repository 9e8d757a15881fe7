"""An optimiser's state beside the weight: what it remembers, what it makes of the gradient, and what comes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.ops.update.appending import Update
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
    from retrograde.tui.records.value_types import Floats

BEFORE, AFTER = 0, 1
"""The columns of the table."""


def state(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The terms of a step that is a sum, and a line for each quantity of its parameter: before the update, and after.

    What is remembered has its old value until the step that renews it; the gradient, and what is computed between it
    and the update, has one value.
    """
    op = step.op
    bars = term_bars(reading, step, digits)
    if not isinstance(op, Update) or op.parameter is None:
        return bars
    rows = _quantities(reading, op.parameter)
    if len(rows) < 3:
        # w and its gradient alone are what the equation says.
        return bars
    index = step.target.index
    values = np.full((len(rows), 2), np.nan)
    known = np.zeros(values.shape, dtype=np.bool_)
    outside = np.array([[array is None for array in pair] for pair in rows])
    read = {ref.array for ref in refs(step.equation)}
    spots: list[PlacedSpan] = []
    for row, pair in enumerate(rows):
        for column, array in enumerate(pair):
            if array is None:
                continue
            value = reading.visible(Ref(array, index))
            if value is not None:
                values[row, column], known[row, column] = value, True
            if array is step.target.array:
                spots.insert(0, PlacedSpan(row=row, column=column, mark=Mark.TARGET))
            elif array in read:
                spots.append(PlacedSpan(row=row, column=column, mark=Mark.OPERAND))
    names = tuple(_name(reading, old or new, index) for old, new in rows)
    table = Grid(
        values=values,
        known=known,
        outside=outside,
        rows=names,
        columns=(_("before"), _("after")),
        spots=tuple(spots),
        shaded=False,
        decimals=_decimals(values[known]),
        caption=_numbers(reading, step),
    )
    return (table,) if len(bars) == 0 else (table, *bars)


def _quantities(reading: Reading, parameter: Array) -> list[tuple[Array | None, Array | None]]:
    """What belongs to a parameter in the order in which it is renewed: the array before the update, and the one after.

    The gradient stands in the first column alone, what is computed from it in the second.
    """
    program = reading.program
    gradient = program.named.get(f"grad({parameter.name})")
    found: list[tuple[Array | None, Array | None]] = [] if gradient is None else [(gradient, None)]
    for op in program.ops:
        if not isinstance(op, Update) or op.parameter is not parameter:
            continue
        made = op.target
        found.append((made.of, made) if made.role is Role.UPDATED else (None, made))
    return found


def _decimals(values: Floats) -> int:
    """Digits after the point that leave three of the smallest number, where that is not too small for it."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return int(min(10, max(6, 2 - math.floor(math.log10(sizes.min()))))) if sizes.size else 6


def _name(reading: Reading, array: Array | None, index: tuple[int, ...]) -> str:
    """A quantity without the parameter that it belongs to: ``m``, ``v̂``; parameter and gradient as they are called."""
    assert array is not None
    if array.role in {Role.MEMORY, Role.VALUE}:
        return array.sign or array.stem
    return reading.symbol(Ref(array, index))


def _numbers(reading: Reading, step: Step) -> Line:
    """The numbers of the iteration that the step reads: η, β1, ε."""
    spans: list[Span] = []
    for ref in dict.fromkeys(refs(step.equation)):
        if not ref.array.shape:
            value = reading.frame.value(ref)
            spans.append(Span(f" {reading.symbol(ref)} = {show(value, 6)} ", Ink.DIM))
    return tuple(spans)


PICTURES: Table = {Update: state}
