"""The dense layer: weighted sums, and the gradients of weights, biases and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Product, Ref, Sum, slots, term_products
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.long_sums import long_sum
from retrograde.engine.ops.kernels.numpy_calls import Series, add, add_rows, copy, matmul, multiply
from retrograde.engine.ops.kernels.products import products
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


MOST_KEPT = 1024
"""Slots of a row that are kept for the next step."""


@lru_cache(maxsize=8)
def _elements(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """All indices of a shape, row by row."""
    return tuple(np.ndindex(shape))


@lru_cache(maxsize=64)
def _row(array: Array, first: Any, shape: tuple[int, ...]) -> list[Ref]:
    """The slots of an array with a first index; the next step of a weighted sum reads most of them again."""
    if len(shape) == 1:
        return slots(array, zip(repeat(first), range(shape[0])))
    return slots(array, ((first, *element) for element in _elements(shape)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dense(Op):
    """net[s, i] = Σ_j W[i, j] · x[s, j] + b[i].

    Attributes:
        x: the inputs, (batch, n_in); further axes count as one, row by row.
        weights: W, (n_out, n_in).
        bias: b, (n_out,) for one per neuron, (1,) for a shared one, or None.

    Source: Rumelhart, Hinton, Williams 1986, eq. 1.
    """

    x: Array
    weights: Array
    bias: Array | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.x) if self.bias is None else (self.weights, self.x, self.bias)

    @property
    def title(self) -> str:
        return _("weighted sum")

    def _bias(self, i: object) -> Ref:
        assert self.bias is not None
        return Ref(self.bias, (i if self.bias.size == self.weights.shape[0] else 0,))

    def equation(self, index: Index) -> Expr:
        s, i = index
        keep = type(s) is type(i) is int and len(_elements(self.x.shape[1:])) <= MOST_KEPT
        row = _row if keep else _row.__wrapped__
        weights, x = row(self.weights, i, self.weights.shape[1:]), row(self.x, s, self.x.shape[1:])
        found = term_products(weights, x)
        if self.bias is not None:
            found.append(self._bias(i))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def kernel(self, space: Workspace) -> Kernel:
        x, weights, net = flat(space.view(self.x)), space.view(self.weights), space.view(self.target)
        bias = None if self.bias is None else space.view(self.bias)
        if space.blas:
            return affine(x, weights, bias, net)
        tail = None if bias is None else np.broadcast_to(bias, net.shape)
        return long_sum(space, x.T[:, :, None], weights.T[:, None, :], net, tail)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        builder.contribute(self.weights, WeightPart(g=g, x=self.x))
        if self.bias is not None:
            builder.contribute(self.bias, BiasPart(g=g, shared=self.bias.size != self.weights.shape[0]))
        builder.contribute(self.x, InputPart(weights=builder.latest(self.weights), g=g, shape=self.x.shape[1:]))

    def why(self, target: str) -> str:
        return _("What reaches {target}: each input times its weight, added up.").format(target=target)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightPart(Part):
    """The use of W in a dense layer: δ[s, i] · x[s, j]."""

    g: Array
    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.x)

    def term(self, index: Index) -> Expr:
        g, x = self.local(index)
        return Product((g, x))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        s, i, j = index
        return Ref(self.g, (s, i)), Ref(self.x, (s, *spread(j, self.x.shape[1:])))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        g, x = space.view(self.g), flat(space.view(self.x))
        if space.blas:
            return matmul(g.T, x, out)
        return long_sum(space, g[:, :, None], x[:, None, :], out)

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        g, x = space.view(self.g)[:, :, None], flat(space.view(self.x))[:, None, :]
        return multiply(g, x, out)

    def total(self, space: Workspace, parts: Sequence[Part], out: Floats) -> Kernel | None:
        pairs = [
            (space.view(part.g), flat(space.view(part.x)))
            for part in parts
            if isinstance(part, WeightPart) and part.region is None and part.mask is None
        ]
        if not 1 < len(pairs) == len(parts):
            return None
        # The layer at each time step: one product over time for each sample.
        g, x = (space.scratch((len(pairs), *array.shape)) for array in pairs[0])
        each = space.scratch((space.batch, *out.shape))
        calls = [copy(to[place], one) for place, pair in enumerate(pairs) for to, one in zip((g, x), pair, strict=True)]
        if space.blas:
            calls.append(matmul(g.reshape(-1, g.shape[2]).T, x.reshape(-1, x.shape[2]), out))
        else:
            calls += [products(space, g.transpose(1, 2, 0), x.transpose(1, 0, 2), each), add_rows(each, out)]
        return Series(calls)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BiasPart(Part):
    """The use of b in a dense layer: δ[s, i]; of a shared bias, their sum over i."""

    g: Array
    shared: bool

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        s, i = index
        if not self.shared:
            return Ref(self.g, (s, i))
        units = self.g.shape[1]
        return Sum(tuple(Ref(self.g, (s, k)) for k in range(units))) if units > 1 else Ref(self.g, (s, 0))

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        s, i = index
        return None if self.shared else (Ref(self.g, (s, i)), ONE)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        if self.shared:
            return None
        g = space.view(self.g)
        return add_rows(g, out)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InputPart(Part):
    """The use of x in a dense layer: Σ_i W[i, j] · δ[s, i], one term an outgoing edge."""

    weights: Array
    g: Array
    shape: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.g)

    def term(self, index: Index) -> Expr:
        s, j = index[0], position_of(index[1:], self.shape)
        edges = tuple(Product((Ref(self.weights, (i, j)), Ref(self.g, (s, i)))) for i in range(self.weights.shape[0]))
        return edges[0] if len(edges) == 1 else Sum(edges)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        weights, g, out = space.view(self.weights), space.view(self.g), flat(out)
        if space.blas:
            return matmul(g, weights, out)
        return long_sum(space, g.T[:, :, None], weights[:, None, :], out)


def affine(x: Floats, weights: Floats, bias: Floats | None, net: Floats) -> Kernel:
    """A kernel for net = x · Wᵀ + b by one product of matrices.

    Args:
        x: (batch, columns).
        weights: W, (units, columns).
        bias: b, one for each unit or one for all, or None.
        net: (batch, units), gets the sums.
    """
    product = matmul(x, weights.T, net)
    return product if bias is None else Series((product, add(net, bias, net)))


def flat(values: Floats) -> Floats:
    """An array with a sample axis as a matrix, (batch, rest); a view of contiguous memory."""
    return values.reshape(values.shape[0], -1)


def spread(position: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index at a position of axes that are laid out row by row; of an open mesh, its arrays."""
    if len(shape) == 1:
        return (position,)
    found: list[Any] = []
    for length in reversed(shape):
        found.append(position % length)
        position = position // length
    return tuple(reversed(found))


def position_of(index: Index, shape: tuple[int, ...]) -> Any:
    """The position of an index in axes that are laid out row by row; the inverse of ``spread``."""
    position: Any = 0
    for part, length in zip(index, shape, strict=True):
        position = position * length + part
    return position
