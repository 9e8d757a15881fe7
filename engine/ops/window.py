"""Windows that slide along an axis: which tap of a window reads which position, and where all taps are inside.

A convolution, a pooling, and the gradients of both read the same pairs of positions. An axis says which; its adjoint
says the same from the other end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import gcd

import numpy as np
from numpy.typing import NDArray

Tap = tuple[int, int]
"""The number of a tap in its kernel, and the position that it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a sliding window: position ``p`` of the result reads ``(p · stride + tap · dilation − before) / up``.

    A tap counts only where that is a whole number from 0 to ``length − 1``; elsewhere it falls into the padding or
    between two positions, and is left out.

    Attributes:
        length: positions that are read from.
        count: positions of the result.
        taps: taps of the kernel.
        stride: positions that a window moves by.
        dilation: positions from one tap to the next.
        before: padding before the first position.
        up: positions that each one that is read stands for; above 1 in the adjoint of a stride.
        flipped: whether the kernel is run through from its last tap to its first.
    """

    length: int
    count: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    up: int = 1
    flipped: bool = False

    @property
    def adjoint(self) -> Axis:
        """The axis of the gradient with respect to what is read: the same pairs, from the other end."""
        return Axis(
            length=self.count,
            count=self.length,
            taps=self.taps,
            stride=self.up,
            dilation=self.dilation,
            before=(self.taps - 1) * self.dilation - self.before,
            up=self.stride,
            flipped=not self.flipped,
        )

    def reach(self, position: int) -> list[Tap]:
        """The taps of a window that count, in the order of what they read."""
        found: list[Tap] = []
        for number in range(self.taps):
            source, rest = divmod(position * self.stride + number * self.dilation - self.before, self.up)
            if rest == 0 and 0 <= source < self.length:
                found.append((self.taps - 1 - number if self.flipped else number, source))
        return found

    def reached(self, tap: int) -> tuple[int, int, int]:
        """Where one tap counts, of an axis without ``up``: the first position, how many, and what the first reads."""
        assert self.up == 1
        start = (self.taps - 1 - tap if self.flipped else tap) * self.dilation - self.before
        first = max(0, -(start // self.stride))
        last = min(self.count - 1, (self.length - 1 - start) // self.stride)
        return first, max(0, last - first + 1), first * self.stride + start


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRun:
    """Positions of an axis, evenly spaced, at which the same taps count.

    Position i of the segment and tap j of those that count read position ``base + i · across + j · along``.

    Attributes:
        positions: the positions.
        taps: the taps in the order in which they are run through (of a flipped axis: counted from the last tap).
        base: what the first tap reads at the first position.
        across: the distance between what neighbouring positions read.
        along: the distance between what neighbouring taps read.
    """

    positions: range
    taps: range
    base: int
    across: int
    along: int

    def cut(self, most: int) -> Iterator[WindowRun]:
        """The segment in pieces of at most so many positions."""
        for first in range(0, len(self.positions), most):
            yield WindowRun(
                positions=self.positions[first : first + most],
                taps=self.taps,
                base=self.base + first * self.across,
                across=self.across,
                along=self.along,
            )


@cache
def segments(axis: Axis) -> tuple[WindowRun, ...]:
    """The positions of an axis, parted by the taps that count there."""
    step = axis.up // gcd(axis.up, axis.dilation)
    found: list[WindowRun] = []
    for phase in range(min(axis.up, axis.count)):
        positions = range(phase, axis.count, axis.up)
        runs: list[tuple[range, int, int]] = []
        for number, position in enumerate(positions):
            reach = axis.reach(position)
            first = 0
            if reach:
                first = axis.taps - 1 - reach[0][0] if axis.flipped else reach[0][0]
            taps = range(first, first + step * len(reach), step)
            if not runs or runs[-1][0] != taps:
                runs.append((taps, number, reach[0][1] if reach else 0))
        for (taps, start, base), stop in zip(runs, [run[1] for run in runs[1:]] + [len(positions)], strict=True):
            found.append(
                WindowRun(
                    positions=positions[start:stop],
                    taps=taps,
                    base=base,
                    across=axis.stride,
                    along=axis.dilation * step // axis.up,
                )
            )
    return tuple(found)


def reach(axes: Sequence[Axis], position: Sequence[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The taps of a window over several axes that count, each with the position that it reads, in row order."""
    for combined in product(*(axis.reach(part) for axis, part in zip(axes, position, strict=True))):
        yield tuple(tap for tap, _source in combined), tuple(source for _tap, source in combined)


def blocks(axes: Sequence[Axis]) -> list[tuple[WindowRun, ...]]:
    """Rectangles of positions of the result at which the same taps count, the largest first."""
    found = list(product(*(segments(axis) for axis in axes)))
    return sorted(found, key=_area, reverse=True)


def _area(block: Sequence[WindowRun]) -> int:
    area = 1
    for segment in block:
        area *= len(segment.positions) * max(1, len(segment.taps))
    return area


def padded_lengths(axes: Sequence[Axis]) -> tuple[int, ...]:
    """The length of each axis with all its padding; of axes without ``up``."""
    return tuple(
        max((axis.count - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1, axis.before + axis.length)
        for axis in axes
    )


def inside(axes: Sequence[Axis]) -> tuple[slice, ...]:
    """Where the positions themselves lie among the padded."""
    return tuple(slice(axis.before, axis.before + axis.length) for axis in axes)


def flat_tap(tap: Sequence[int], axes: Sequence[Axis]) -> int:
    """The number of a tap in its window, from 0 in row order."""
    number = 0
    for part, axis in zip(tap, axes, strict=True):
        number = number * axis.taps + part
    return number


def mask(
    shape: tuple[int, ...],
    channels: int | slice,
    axes: Sequence[Axis],
    *,
    tap: Sequence[int] | None = None,
    source: Sequence[int] | None = None,
) -> NDArray[np.bool_]:
    """The elements (channel, *positions) of some channels whose windows use a tap, or read a position.

    Args:
        shape: the shape of the result.
        channels: the channels.
        axes: the windows.
        tap: the tap, where that is asked.
        source: the position, where that is asked.
    """
    found = np.zeros(shape, dtype=np.bool_)
    wanted = tap if source is None else source
    assert wanted is not None
    which = 0 if source is None else 1
    lines = [
        np.array([any(pair[which] == number for pair in axis.reach(position)) for position in range(axis.count)])
        for axis, number in zip(axes, wanted, strict=True)
    ]
    region = np.ones((), dtype=np.bool_)
    for line in lines:
        region = region[..., None] & line
    found[channels] = region
    return found
