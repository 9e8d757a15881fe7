"""Kernels of pooling: the values under every window side by side, a rectangle with the same taps at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.correlation import taken, windows
from retrograde.engine.ops.kernels.numpy_calls import Series, Shared, add_rows, copy
from retrograde.engine.ops.window import Axis, WindowRun, blocks, flat_tap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rectangle:
    """Positions of the result at which the same taps count.

    Attributes:
        space: where its scratch memory comes from.
        block: the positions.
        numbers: the numbers of its taps, from 1 in row order.
    """

    space: Shared
    block: tuple[WindowRun, ...]
    numbers: tuple[int, ...]

    def place(self, values: Floats) -> Floats:
        """Where the rectangle is in a result (batch, channels, *positions); a view."""
        found: Floats = values[:, :, *(taken(segment.positions) for segment in self.block)]
        return found

    def beneath(self, x: Floats) -> tuple[Floats, Kernel]:
        """Memory (taps, values) for what lies beneath each tap, and the kernel that copies it there."""
        count = len(self.block)
        view = np.moveaxis(windows(x, 2, self.block), range(2, 2 + count), range(count))
        stack = self.space.scratch(view.shape)
        return stack.reshape(len(self.numbers), -1), copy(stack, view)


def rectangles(space: Workspace, axes: Sequence[Axis]) -> Iterator[Rectangle]:
    """The rectangles of a result, the largest first; the scratch memory of one ends with the next."""
    shared = Shared(space)
    for block in blocks(axes):
        shared.restart()
        numbers = []
        for tap in np.ndindex(*(len(segment.taps) for segment in block)):
            parts = [segment.taps[part] for segment, part in zip(block, tap, strict=True)]
            turned = [axis.taps - 1 - part if axis.flipped else part for axis, part in zip(axes, parts, strict=True)]
            numbers.append(flat_tap(turned, axes) + 1)
        yield Rectangle(space=shared, block=block, numbers=tuple(numbers))


class _Contest:
    """Finds the number of the first of the largest rows, or of the first NaN."""

    __slots__ = ("_best", "_mask", "_numbers", "_rows", "_winner")

    def __init__(self, space: Workspace, rows: Floats, numbers: Sequence[int], winner: Floats) -> None:
        self._rows, self._numbers, self._winner = rows, np.array(numbers, dtype=np.float64), winner
        self._best = space.scratch(winner.shape)
        self._mask = np.empty(winner.shape, dtype=np.bool_)

    def __call__(self) -> None:
        rows, numbers, winner, best, mask = self._rows, self._numbers, self._winner, self._best, self._mask
        np.maximum.reduce(rows, axis=0, out=best)
        np.isnan(best, out=mask)
        if mask.any():
            np.take(numbers, rows.argmax(axis=0), out=winner)
            return
        winner.fill(numbers[-1])
        for row, number in zip(rows[-2::-1], numbers[-2::-1], strict=True):
            np.equal(row, best, out=mask)
            np.putmask(winner, mask, number)


def contest(space: Workspace, axes: Sequence[Axis], x: Floats, out: Floats) -> Kernel:
    """A kernel for the number of the largest value of each window, of the first of equals, or of the first NaN."""
    calls: list[Kernel] = []
    for part in rectangles(space, axes):
        rows, fill = part.beneath(x)
        winner = part.space.scratch(rows.shape[1:])
        place = part.place(out)
        calls += [fill, _Contest(part.space, rows, part.numbers, winner), copy(place, winner.reshape(place.shape))]
    return Series(calls)


class _Selection:
    """Selects of each column the row with the winner's number; see ``pool.selected`` for other numbers."""

    __slots__ = ("_mask", "_numbers", "_out", "_rows", "_winner")

    def __init__(self, rows: Floats, numbers: Sequence[int], winner: Floats, out: Floats) -> None:
        self._rows, self._numbers, self._winner, self._out = rows, numbers, winner, out
        self._mask = np.empty(out.shape, dtype=np.bool_)

    def __call__(self) -> None:
        np.copyto(self._out, self._rows[-1])
        for row, following in zip(self._rows[-2::-1], self._numbers[:0:-1], strict=True):
            np.less(self._winner, following, out=self._mask)
            np.copyto(self._out, row, where=self._mask)


def selection(space: Workspace, axes: Sequence[Axis], x: Floats, winner: Floats, out: Floats) -> Kernel:
    """A kernel for the value of each window at the tap with the winner's number."""
    calls: list[Kernel] = []
    for part in rectangles(space, axes):
        rows, fill = part.beneath(x)
        place = part.place(out)
        held, best = part.space.scratch(place.shape), part.space.scratch(rows.shape[1:])
        calls += [fill, copy(held, part.place(winner))]
        calls += [_Selection(rows, part.numbers, held.reshape(-1), best), copy(place, best.reshape(place.shape))]
    return Series(calls)


class _Loss:
    """Puts 0 where a window was won by another tap."""

    __slots__ = ("_mask", "_numbers", "_rows", "_winners")

    def __init__(self, rows: Floats, winners: Floats, numbers: Sequence[int]) -> None:
        self._rows, self._winners = rows, winners
        self._numbers = np.array(numbers, dtype=np.float64)[:, None]
        self._mask = np.empty(rows.shape, dtype=np.bool_)

    def __call__(self) -> None:
        np.not_equal(self._winners, self._numbers, out=self._mask)
        np.putmask(self._rows, self._mask, 0.0)


def addition(space: Workspace, axes: Sequence[Axis], x: Floats, out: Floats, *, winner: Floats | None = None) -> Kernel:
    """A kernel for the sum of what lies beneath the taps of each window, in the order of the axes; 0 beneath none.

    Args:
        space: the workspace.
        axes: the windows; of a gradient the adjoint ones.
        x: (batch, channels, *lengths).
        out: (batch, channels, *counts).
        winner: as x; then only the values count whose winner is the tap that reads them.
    """
    calls: list[Kernel] = []
    for part in rectangles(space, axes):
        place = part.place(out)
        if not part.numbers:
            calls.append(copy(place, 0.0))
            continue
        rows, fill = part.beneath(x)
        calls.append(fill)
        if winner is not None:
            winners, find = part.beneath(winner)
            calls += [find, _Loss(rows, winners, part.numbers)]
        total = rows[0] if len(rows) == 1 else part.space.scratch(rows.shape[1:])
        if len(rows) > 1:
            calls.append(add_rows(rows, total))
        calls.append(copy(place, total.reshape(place.shape)))
    return Series(calls)
