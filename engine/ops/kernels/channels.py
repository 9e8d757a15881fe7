"""Sums over the positions of a channel; of values (batch, channels, ...) the axes after the channels are positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Index, Sum
from retrograde.engine.ops.base import Kernel, Part, Workspace


def positions(x: Array, index: Index) -> Iterator[Index]:
    """The indices of a sample and a channel at every position."""
    return ((*index, *position) for position in np.ndindex(x.shape[2:]))


def over_positions(x: Array, index: Index, each: Callable[[Index], Expr]) -> Expr:
    """The sum of what each position of a sample and a channel contributes, in row order."""
    found = tuple(each(at) for at in positions(x, index))
    return found[0] if len(found) == 1 else Sum(found)


def position_sums(space: Workspace, x: Array, each: Callable[[Index], Expr], out: Floats) -> Kernel | None:
    """A kernel for ``over_positions`` of every sample and channel; None where there is one position.

    Args:
        space: the workspace.
        x: whose positions are meant, (batch, channels, ...).
        each: the contribution at an index of x, which may be an open mesh.
        out: (batch, channels), C-contiguous.
    """
    batch, channels, count = *x.shape[:2], prod(x.shape[2:])
    if count == 1:
        return None
    values = space.scratch(x.shape)
    mesh: Index = tuple(np.ix_(*map(np.arange, x.shape)))
    fill = space.compile(each(mesh), mesh, values)
    rows = space.scratch((count, batch, channels))
    turned = values.reshape(batch, channels, count).transpose(2, 0, 1)

    def run() -> None:
        fill()
        np.copyto(rows, turned)
        sum_rows(rows, out)

    return run


def channel_sums(space: Workspace, x: Array, each: Callable[[Index], Expr], out: Floats) -> Kernel | None:
    """A kernel for the same sums, added up over the samples into ``out`` (channels,)."""
    samples = space.scratch(x.shape[:2])
    add = position_sums(space, x, each, samples)
    if add is None:
        return None

    def run() -> None:
        add()
        sum_rows(samples, out)

    return run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelPart(Part):
    """A use of an array that has one element a channel: a sum over the positions of x."""

    @property
    def shaped(self) -> Array:
        """x, whose positions are meant."""
        raise NotImplementedError

    def each(self, at: Index) -> Expr:
        """The contribution of one position."""
        raise NotImplementedError

    def term(self, index: Index) -> Expr:
        return over_positions(self.shaped, index, self.each)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        return channel_sums(space, self.shaped, self.each, out)

    def contributions(self, space: Workspace, out: Floats) -> Kernel | None:
        return position_sums(space, self.shaped, self.each, out)
