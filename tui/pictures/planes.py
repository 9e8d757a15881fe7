"""What the pictures of convolution and pooling share: windows cell by cell, planes of channels, marks in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.text import _
from retrograde.tui.reading.figures import show
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.equations.expression import Expr
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops.window import Axis
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Bools, Floats

Place = tuple[int, ...]
"""Where a cell is along each spatial axis, from 0."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a window, in the order in which the window is run through.

    Attributes:
        place: where it stands in the window.
        tap: the tap of the kernel that lies on it; of a flipped axis they run from the last to the first.
        source: what it reads; None in the padding, and between two positions.
    """

    place: Place
    tap: Place
    source: Place | None


def cells(axes: Sequence[Axis], position: Place) -> list[Cell]:
    """All cells of the window at a position of the result, those without a source too."""
    found: list[Cell] = []
    for place in np.ndindex(*(axis.taps for axis in axes)):
        tap: list[int] = []
        source: list[int] = []
        for axis, number, at in zip(axes, place, position, strict=True):
            tap.append(axis.taps - 1 - number if axis.flipped else number)
            reads, rest = divmod(at * axis.stride + number * axis.dilation - axis.before, axis.up)
            if rest == 0 and 0 <= reads < axis.length:
                source.append(reads)
        found.append(Cell(place, tuple(tap), tuple(source) if len(source) == len(axes) else None))
    return found


def shape_of(axes: Sequence[Axis]) -> tuple[int, int]:
    """The rows and columns of a window; a line is one row."""
    taps = [axis.taps for axis in axes]
    return (1, taps[0]) if len(taps) == 1 else (taps[0], taps[1])


def flat(place: Place) -> tuple[int, int]:
    """A place as row and column; a line is one row."""
    return (0, place[0]) if len(place) == 1 else (place[0], place[1])


def spot(place: Place, mark: Mark) -> PlacedSpan:
    """One marked cell."""
    row, column = flat(place)
    return PlacedSpan(row=row, column=column, mark=mark)


def spots(places: Iterable[Place], mark: Mark) -> tuple[PlacedSpan, ...]:
    """Marked cells: as one rectangle where they are one, else each of them."""
    found = sorted({flat(place) for place in places})
    if not found:
        return ()
    rows, columns = sorted({row for row, _column in found}), sorted({column for _row, column in found})
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if height * width == len(found):
        return (PlacedSpan(row=rows[0], column=columns[0], rows=height, columns=width, mark=mark),)
    return tuple(PlacedSpan(row=row, column=column, mark=mark) for row, column in found)


def head(reading: Reading, array: Array, *leading: int) -> str:
    """The name of a part of an array in a title: its symbol with the leading indices alone, ``W_c[2,1]``."""
    axes = len(array.element_shape)
    index = (*leading, *(0,) * (axes - len(leading)))
    symbol = reading.symbol(Ref(array, (reading.sample, *index) if array.batched else index))
    if axes == 1:
        return symbol
    inside = ",".join(str(part + 1) for part in leading)
    before, bracket, after = symbol.rpartition("[")
    # What closes behind the index stays: grad(out[1,2]).
    return before + (f"[{inside}]" if leading else "") + after.partition("]")[2] if bracket else symbol


def plane(
    reading: Reading, array: Array, channel: int, marks: Sequence[PlacedSpan] = (), *, outside: Bools | None = None
) -> Grid:
    """A channel of an array of the shown sample, as far as it is computed."""
    values, known = channel_of(reading, array, channel)
    return Grid(values=values, known=known, title=head(reading, array, channel), spots=tuple(marks), outside=outside)


def channel_of(reading: Reading, array: Array, channel: int) -> tuple[Floats, Bools]:
    """The values of a channel of the shown sample, and which of them are computed; of a row all of it."""
    values = reading.frame.array(array)[reading.sample]
    known = (np.arange(values.size) < reading.known(array)).reshape(values.shape)
    if values.ndim == 1:
        return np.atleast_2d(values), np.atleast_2d(known)
    return np.atleast_2d(values[channel]), np.atleast_2d(known[channel])


def across(source: Grid, target: Grid, caption: Line = ()) -> JoinedPicture:
    """Two planes with an arrow from the one to the other."""
    return JoinedPicture(grids=(source, target), signs=("→",), caption=caption)


def revealed(reading: Reading, step: Step) -> tuple[list[frozenset[Ref]], frozenset[Ref]]:
    """The slots of each term up to the cursor, and those of the term at the cursor; all terms and none without one."""
    found = [_slots(term.expr) for term in step.terms]
    if not reading.term:
        return found, frozenset()
    return found[: reading.term], found[reading.term - 1]


def _slots(expr: Expr) -> frozenset[Ref]:
    return frozenset(refs(expr))


def summed(values: Iterable[float]) -> float:
    """The sum from the first to the last, as it is written."""
    total = 0.0
    for number, value in enumerate(values):
        total = value if not number else total + value
    return total


def numbered(place: Place) -> str:
    """A place from 1: ``[2,1]``."""
    return "[" + ",".join(str(part + 1) for part in place) + "]"


def signed_sum(values: Sequence[float], digits: int) -> str:
    """Numbers joined by their signs: ``0.5 − 0.2``."""
    text = ""
    for number, value in enumerate(values):
        shown = show(abs(value) if number else value, digits)
        negative = value < 0
        text += (" − " if negative else " + ") + shown if number else shown
    return text


def left_out(between: bool) -> str:
    """What the cells of a window are that read nothing."""
    return _("─ no position") if between else _("─ padding")
