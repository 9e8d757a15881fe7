"""Pooling: the window with its winner, or its mean; where its gradient goes; and the copies of an up-sampling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.ops.blend import Blend, BlendPart
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.pool import (
    AveragePool,
    EvenPart,
    GlobalAverage,
    MaxPool,
    RoutedPart,
    SharedPart,
    Winner,
)
from retrograde.engine.ops.resample import CopiesPart, Upsample
from retrograde.engine.ops.window import flat_tap
from retrograde.engine.text import _, joined
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.planes import (
    Cell,
    Place,
    across,
    cells,
    channel_of,
    head,
    left_out,
    numbered,
    plane,
    revealed,
    shape_of,
    spot,
    spots,
    summed,
)
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.figures import show
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops.window import Axis
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture
    from retrograde.tui.records.value_types import Floats


def contested(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The window with its winner, and where it lies."""
    op = step.op
    assert isinstance(op, Winner | MaxPool)
    _sample, channel, *position = step.target.index
    window = cells(op.axes, tuple(position))
    values = reading.frame.array(op.x)[reading.sample][channel]
    winner = op.target if isinstance(op, Winner) else op.winner
    won = _won(reading, winner, channel, tuple(position), op.axes)
    chosen = next((cell for cell in window if cell.tap == won), None)
    made = _window(reading, op.x, channel, window, op.axes, chosen)
    caption = _verdict(values, window, chosen, op.axes, digits)
    source = plane(reading, op.x, channel, _sources(window))
    target = plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)])
    return JoinedPicture(grids=(made,), caption=caption), across(source, target)


def _won(reading: Reading, winner: Array, channel: int, position: Place, axes: Sequence[Axis]) -> Place | None:
    """The tap that won a window; None where the number names none, as an edit may have it."""
    number = float(reading.frame.array(winner)[(reading.sample, channel, *position)])
    taps = np.ndindex(*(axis.taps for axis in axes))
    return next((tap for tap in taps if flat_tap(tap, axes) + 1 == number), None)


def _sources(window: Sequence[Cell]) -> tuple[PlacedSpan, ...]:
    return spots([cell.source for cell in window if cell.source is not None], Mark.OPERAND)


def _window(
    reading: Reading,
    x: Array,
    channel: int,
    window: Sequence[Cell],
    axes: Sequence[Axis],
    chosen: Cell | None,
    mark: Mark = Mark.TARGET,
) -> Grid:
    """What a window reads, with one of its cells marked."""
    values = reading.frame.array(x)[reading.sample][channel]
    shape = shape_of(axes)
    return Grid(
        values=np.array([0.0 if cell.source is None else float(values[cell.source]) for cell in window]).reshape(shape),
        outside=np.array([cell.source is None for cell in window]).reshape(shape),
        title=head(reading, x, channel),
        spots=() if chosen is None else (spot(chosen.place, mark),),
    )


def _verdict(values: Floats, window: Sequence[Cell], chosen: Cell | None, axes: Sequence[Axis], digits: int) -> Line:
    """Who won, and the rule for ties."""
    spans: list[Span] = []
    present = [cell for cell in window if cell.source is not None]
    tied = 0
    if chosen is not None and chosen.source is not None:
        best = values[chosen.source]
        tied = sum(1 for cell in present if values[cell.source] == best)
        text = _("tap {number} wins: {value}").format(
            number=flat_tap(chosen.tap, axes) + 1, value=show(float(best), digits)
        )
        spans.append(Span(" " + text, Ink.DIM))
    if tied > 1:
        text = _("a tie of {count}: the first in row order").format(count=tied)
        spans.append(Span(" · " + text, Ink.CHANGED))
    else:
        spans.append(Span(" · " + _("ties: the first in row order"), Ink.FAINT))
    if len(present) < len(window):
        spans.append(Span(" · " + left_out(False), Ink.FAINT))
    return tuple(spans)


def routed(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """A window's gradient, which goes to its winner; the others get 0."""
    part = next((one for one in _parts(step) if isinstance(one, RoutedPart)), None)
    if not isinstance(part, RoutedPart):
        return term_bars(reading, step, digits)
    _sample, channel, *position = step.target.index
    here = tuple(position)
    reaching = [cell for cell in cells([axis.adjoint for axis in part.axes], here) if cell.source is not None]
    windows = [(cell.source, cell.tap) for cell in reaching if cell.source is not None]
    won = [at for at, tap in windows if _won(reading, part.winner, channel, at, part.axes) == tap]
    pictures: list[Picture] = []
    if windows:
        _terms, active = revealed(reading, step)
        current = next((ref.index[2:] for ref in active if ref.array is part.g), None)
        at = current or (won[0] if won else windows[0][0])
        pictures.append(_routing(reading, step, part, channel, here, at, len(windows), digits))
    gradients = plane(reading, part.g, channel, spots([at for at, _tap in windows], Mark.OPERAND))
    target = plane(reading, step.target.array, channel, [spot(here, Mark.TARGET)])
    return (*pictures, across(gradients, target))


def _parts(step: Step) -> tuple[object, ...]:
    return step.op.parts if isinstance(step.op, Gradient) else ()


def _routing(
    reading: Reading,
    step: Step,
    part: RoutedPart,
    channel: int,
    here: Place,
    at: Place,
    count: int,
    digits: int,
) -> JoinedPicture:
    """One window before and after: its values with the winner, and what each of them gets."""
    window = cells(part.axes, at)
    shape = shape_of(part.axes)
    tap = _won(reading, part.winner, channel, at, part.axes)
    chosen = next((cell for cell in window if cell.tap == tap), None)
    gradient = float(reading.frame.array(part.g)[(reading.sample, channel, *at)])
    shares = [gradient if cell is chosen else 0.0 for cell in window]
    outside = np.array([cell.source is None for cell in window]).reshape(shape)
    mine = next(cell for cell in window if cell.source == here)
    values = _pooled(reading, part, step)
    grids: list[Grid] = []
    if values is not None:
        grids.append(_window(reading, values, channel, window, part.axes, chosen, Mark.OPERAND))
    grids.append(
        Grid(
            values=np.array(shares).reshape(shape),
            outside=outside,
            title=_("gradient"),
            spots=(spot(mine.place, Mark.TARGET),),
        )
    )
    said = _("its winner gets {value}, the others 0").format(value=show(gradient, min(digits, 6)))
    if count > 1:
        place = _("window {place}, one of {count}").format(place=numbered(at), count=count)
        said = joined((place, said), ": ")
    spans = [Span(" " + said, Ink.DIM)]
    if values is not None and chosen is not None and chosen.source is not None:
        found = reading.frame.array(values)[reading.sample][channel]
        best = found[chosen.source]
        if sum(1 for cell in window if cell.source is not None and found[cell.source] == best) > 1:
            spans.append(Span(" · " + _("first of a tie"), Ink.CHANGED))
    return JoinedPicture(grids=tuple(grids), signs=("→",), caption=tuple(spans))


def _pooled(reading: Reading, part: RoutedPart, step: Step) -> Array | None:
    """The values that were pooled."""
    maker = reading.program.maker(part.winner)
    return maker.x if isinstance(maker, Winner) else step.target.array.of


def averaged(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The window of a mean, and where it lies."""
    op = step.op
    assert isinstance(op, AveragePool)
    _sample, channel, *position = step.target.index
    window = cells(op.axes, tuple(position))
    present = [cell for cell in window if cell.source is not None]
    count = op.share(position)
    values = reading.frame.array(op.x)[reading.sample][channel]
    total = summed(float(values[cell.source]) for cell in present)
    text = f" Σ = {show(total, digits)}, / {count} = {show(reading.frame.value(step.target), digits)}"
    if len(present) < len(window):
        text += " · " + left_out(False)
    _terms, active = revealed(reading, step)
    chosen = next((cell for cell in present if any(ref.index[2:] == cell.source for ref in active)), None)
    made = _window(reading, op.x, channel, window, op.axes, chosen, Mark.OPERAND)
    source = plane(reading, op.x, channel, _sources(window))
    target = plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)])
    caption = (Span(text, Ink.DIM),)
    return JoinedPicture(grids=(made,), caption=caption), across(source, target)


def shared(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients of the windows that hold a value, of each an equal share."""
    part = next((one for one in _parts(step) if isinstance(one, SharedPart)), None)
    if not isinstance(part, SharedPart):
        return term_bars(reading, step, digits)
    _sample, channel, *position = step.target.index
    here = tuple(position)
    at = [cell.source for cell in cells([axis.adjoint for axis in part.axes], here) if cell.source is not None]
    gradients = plane(reading, part.g, channel, spots(at, Mark.OPERAND))
    target = plane(reading, step.target.array, channel, [spot(here, Mark.TARGET)])
    text = _("each value of a window gets an equal share: 1/{count}").format(
        count=prod(axis.taps for axis in part.axes)
    )
    if not part.padded or part.ends is not None:
        text = _("each value that is in a window gets an equal share")
    return (across(gradients, target, (Span(" " + text, Ink.DIM),)),)


def whole(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The channel of which the mean is taken."""
    op = step.op
    assert isinstance(op, GlobalAverage)
    channel, x = step.target.index[1], op.operands[0].array
    values, _known = channel_of(reading, x, channel)
    total = summed(float(value) for value in values.ravel())
    value = show(reading.frame.value(step.target), digits)
    text = f" Σ = {show(total, digits)}, / {values.size} = {value}"
    _terms, active = revealed(reading, step)
    marks = [spot(ref.index[2:], Mark.OPERAND) for ref in active if ref.array is x]
    return (JoinedPicture(grids=(plane(reading, x, channel, marks),), caption=(Span(text, Ink.DIM),)),)


def even(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The equal shares of a channel."""
    part = next((one for one in _parts(step) if isinstance(one, EvenPart)), None)
    if part is None:
        return term_bars(reading, step, digits)
    _sample, channel, *position = step.target.index
    text = _("each of the {count} values gets the same").format(count=prod(part.op.domain[2:]))
    target = plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)])
    return (JoinedPicture(grids=(target,), caption=(Span(" " + text, Ink.DIM),)),)


def repeated(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The value that is repeated, and its copies."""
    del digits
    op = step.op
    assert isinstance(op, Upsample)
    _sample, channel, *position = step.target.index
    source = tuple(at // factor for at, factor in zip(position, op.factors, strict=True))
    return (
        across(
            plane(reading, op.x, channel, [spot(source, Mark.OPERAND)]),
            plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)]),
        ),
    )


def collected(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradients of the copies of a value."""
    part = next((one for one in _parts(step) if isinstance(one, CopiesPart)), None)
    if not isinstance(part, CopiesPart):
        return term_bars(reading, step, digits)
    _sample, channel, *position = step.target.index
    copies = [
        tuple(at * factor + offset for at, factor, offset in zip(position, part.factors, copy, strict=True))
        for copy in np.ndindex(*part.factors)
    ]
    return (
        across(
            plane(reading, part.g, channel, spots(copies, Mark.OPERAND)),
            plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)]),
        ),
    )


def blended(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The values that are mixed into one, or the places that a value is mixed into."""
    part = next((one for one in _parts(step) if isinstance(one, BlendPart)), None)
    if isinstance(step.op, Blend):
        array, mixes = step.op.x, step.op.mixes
    elif part is not None:
        array, mixes = part.g, part.mixes
    else:
        return term_bars(reading, step, digits)
    _sample, channel, *position = step.target.index
    reach = [[source for source, _weight in mix.taps[at]] for mix, at in zip(mixes, position, strict=True)]
    marks = spots(product(*reach), Mark.OPERAND)
    target = plane(reading, step.target.array, channel, [spot(tuple(position), Mark.TARGET)])
    return (across(plane(reading, array, channel, marks), target),)


PICTURES: Table = {
    Blend: blended,
    BlendPart: blended,
    Winner: contested,
    MaxPool: contested,
    RoutedPart: routed,
    AveragePool: averaged,
    SharedPart: shared,
    GlobalAverage: whole,
    EvenPart: even,
    Upsample: repeated,
    CopiesPart: collected,
}
