"""Which weights, inputs and results of a convolution belong together: as terms, as kernels, as readers of a slot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ZERO, Expr, Index, Product, Ref, Sum
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.correlation import correlation
from retrograde.engine.ops.kernels.unfolding import gather_blas, scatter_blas, weight_blas
from retrograde.engine.ops.kernels.weight_sums import weight_sums
from retrograde.engine.ops.window import Axis, mask, reach


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """The pairs of a convolution: which position of its result reads which position of its input, through which tap.

    The weights W are (A, C, *kernel) with A channels on the result's side and C channels a group on the input's side.
    A transposed convolution has the link of the convolution that it is the transpose of, and so result and input
    change places.

    Attributes:
        weights: W.
        axes: the windows, one for each spatial axis.
        groups: into how many groups the channels fall that only see their own.
    """

    weights: Array
    axes: tuple[Axis, ...]
    groups: int = 1

    @property
    def rows(self) -> int:
        """Channels of the result in a group."""
        return self.weights.shape[0] // self.groups

    @property
    def columns(self) -> int:
        """Channels of the input in a group."""
        return self.weights.shape[1]

    @property
    def adjoint(self) -> tuple[Axis, ...]:
        """The windows from the input's side."""
        return tuple(axis.adjoint for axis in self.axes)

    def gathered(self, weights: Array, x: Array, index: Index) -> Iterator[Expr]:
        """The terms W[a, c, t] · x[s, c, source(p, t)] of element (s, a, *p), by channel, then in row order."""
        s, a, *position = index
        first = a // self.rows * self.columns
        for c in range(self.columns):
            for tap, source in reach(self.axes, position):
                yield Product((Ref(weights, (a, c, *tap)), Ref(x, (s, first + c, *source))))

    def scattered(self, weights: Array, g: Array, index: Index) -> Iterator[Expr]:
        """The terms W[a, c, t] · g[s, a, p] of element (s, c, *source), by channel a, then in the row order of p."""
        s, channel, *position = index
        group, c = divmod(channel, self.columns)
        for a in range(group * self.rows, (group + 1) * self.rows):
            for tap, source in reach(self.adjoint, position):
                yield Product((Ref(weights, (a, c, *tap)), Ref(g, (s, a, *source))))

    def paired(self, small: Array, big: Array, index: Index, *, swapped: bool) -> Iterator[Expr]:
        """The terms small[s, a, p] · big[s, c, source(p, t)] of weight (a, c, *t), in the row order of p."""
        s, a, c, *tap = index
        channel = a // self.rows * self.columns + c
        counted = [axis.reached(number) for axis, number in zip(self.axes, tap, strict=True)]
        for offset in product(*(range(length) for _first, length, _source in counted)):
            here = tuple(first + i for (first, _length, _source), i in zip(counted, offset, strict=True))
            there = tuple(
                source + i * axis.stride
                for (_first, _length, source), i, axis in zip(counted, offset, self.axes, strict=True)
            )
            pair = (Ref(small, (s, a, *here)), Ref(big, (s, channel, *there)))
            yield Product(pair[::-1] if swapped else pair)

    def gatherers(self, ref: Ref, weights: Array) -> NDArray[np.bool_]:
        """The elements (a, *p) whose ``gathered`` terms read a slot of W or of x."""
        shape = (self.weights.shape[0], *(axis.count for axis in self.axes))
        if ref.array is weights:
            return mask(shape, ref.index[0], self.axes, tap=ref.index[2:])
        group = ref.index[1] // self.columns
        return mask(shape, slice(group * self.rows, (group + 1) * self.rows), self.axes, source=ref.index[2:])

    def scatterers(self, ref: Ref, weights: Array) -> NDArray[np.bool_]:
        """The elements (c, *source) whose ``scattered`` terms read a slot of W or of g."""
        shape = (self.groups * self.columns, *(axis.length for axis in self.axes))
        group = ref.index[0 if ref.array is weights else 1] // self.rows
        first = group * self.columns
        if ref.array is weights:
            return mask(shape, first + ref.index[1], self.adjoint, tap=ref.index[2:])
        return mask(shape, slice(first, first + self.columns), self.adjoint, source=ref.index[2:])

    def pairers(self, ref: Ref, small: Array, big: Array) -> NDArray[np.bool_]:
        """The weights (a, c, *t) whose ``paired`` terms read a slot."""
        found = np.zeros(self.weights.shape, dtype=np.bool_)
        channel, position = ref.index[1], ref.index[2:]
        if ref.array is small:
            taps = [[tap for tap, _at in axis.reach(p)] for axis, p in zip(self.axes, position, strict=True)]
            found[np.ix_([channel], range(self.columns), *taps)] = True
        if ref.array is big:
            taps = [[tap for tap, _at in axis.reach(p)] for axis, p in zip(self.adjoint, position, strict=True)]
            group, c = divmod(channel, self.columns)
            found[np.ix_(range(group * self.rows, (group + 1) * self.rows), [c], *taps)] = True
        return found

    def gather(self, space: Workspace, weights: Array, x: Array, out: Floats, bias: Array | None = None) -> Kernel:
        """A kernel for the sums of ``gathered``, with a bias for each channel."""
        kernel = self._grouped(space.view(weights))
        return self._sum(space, gather_blas, self.axes, kernel, kernel, x, out, bias)

    def scatter(self, space: Workspace, weights: Array, g: Array, out: Floats, bias: Array | None = None) -> Kernel:
        """A kernel for the sums of ``scattered``, with a bias for each channel."""
        kernel = self._grouped(space.view(weights))
        turned = kernel.swapaxes(1, 2)[:, :, :, *(slice(None, None, -1) for _axis in self.axes)]
        return self._sum(space, scatter_blas, self.adjoint, kernel, turned, g, out, bias)

    def _sum(
        self,
        space: Workspace,
        blas: Any,
        axes: tuple[Axis, ...],
        kernel: Floats,
        turned: Floats,
        x: Array,
        out: Floats,
        bias: Array | None,
    ) -> Kernel:
        values, result = self._channels(space.view(x)), self._channels(out)
        shares = None if bias is None else space.view(bias).reshape(self.groups, -1)
        if space.blas:
            made: Kernel = blas(space, self.axes, values, kernel, result, shares)
            return made
        return correlation(space, axes, values, turned, result, shares)

    def weight_kernel(self, space: Workspace, small: Array, big: Array, out: Floats, *, samples: bool) -> Kernel:
        """A kernel for the sums of ``paired`` over all samples, or of each sample."""
        left, right = self._channels(space.view(small)), self._channels(space.view(big))
        if samples:
            shape = (space.batch, self.groups, self.rows, *self.weights.shape[1:])
            return weight_sums(space, self.axes, left, right, out.reshape(shape), samples=True)
        sums = self._grouped(out)
        if space.blas:
            return weight_blas(space, self.axes, left, right, sums)
        return weight_sums(space, self.axes, left, right, sums)

    def _grouped(self, weights: Floats) -> Floats:
        """Weights as (groups, A, C, *kernel), a view."""
        return weights.reshape(self.groups, self.rows, *weights.shape[1:])

    def _channels(self, x: Floats) -> Floats:
        """Values as (batch, groups, channels, *positions), a view."""
        return x.reshape(x.shape[0], self.groups, -1, *x.shape[2:])


def added(found: list[Expr]) -> Expr:
    """The sum of terms: 0 of none."""
    if not found:
        return ZERO
    return found[0] if len(found) == 1 else Sum(tuple(found))
