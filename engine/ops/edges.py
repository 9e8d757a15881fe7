"""Weighted sums over the units of several layers, or over some of the edges only.

A dense layer with one source and all edges is ``ops.dense.Dense``. Here the columns of W run through the units of the
sources in turn; where edges are left out, W holds one weight for each edge that is there, row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Expr, Index, Product, Ref, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.dense import BiasPart, affine, flat, position_of, spread
from retrograde.engine.ops.kernels.long_sums import long_sum
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows, copy, matmul, multiply
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

Pairs = tuple[tuple[int, int], ...]
"""(unit, column) of each edge that is there, row by row; the order of the weights."""

NO_EDGE = Const(-0.0, "0")
"""What a layer adds to the gradient of a unit that it does not read: adding −0 changes no value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeColumns:
    """The units of several layers, one after the other.

    Attributes:
        sources: the arrays, each (batch, ...).
        firsts: the column at which each begins.
    """

    sources: tuple[Array, ...]
    firsts: tuple[int, ...]

    @classmethod
    def of(cls, sources: tuple[Array, ...]) -> EdgeColumns:
        """The columns of some arrays in turn."""
        firsts = [0]
        for source in sources[:-1]:
            firsts.append(firsts[-1] + source.size // source.shape[0])
        return cls(sources=sources, firsts=tuple(firsts))

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.firsts[-1] + self.sources[-1].size // self.sources[-1].shape[0]

    def slot(self, sample: Any, column: int) -> Ref:
        """The slot of a column."""
        number = max(k for k, first in enumerate(self.firsts) if first <= column)
        source = self.sources[number]
        return Ref(source, (sample, *spread(column - self.firsts[number], source.shape[1:])))

    def joined(self, space: Workspace) -> tuple[Floats, list[Kernel]]:
        """Memory with all columns, (batch, width), and what fills it."""
        views = [flat(space.view(source)) for source in self.sources]
        if len(views) == 1:
            return views[0], []
        table = space.scratch((space.batch, self.width))
        fill = [
            copy(table[:, first : first + view.shape[1]], view) for first, view in zip(self.firsts, views, strict=True)
        ]
        return table, fill


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeSum(Op):
    """net[s, i] = Σ_j W[i, j] · x[s, j] + b[i], over the edges j → i that are there, x being the sources in turn.

    Attributes:
        columns: x.
        weights: W, (units, columns); where edges are left out, (edges,).
        bias: b, (units,) for one per unit, (1,) for a shared one, or None.
        units: the number of units.
        edges: the edges that are there; None for all.

    Source: Rumelhart, Hinton, Williams 1986, eq. 1; direct edges from inputs to outputs as in figure 2 of the PDP
        chapter on learning internal representations.
    """

    columns: EdgeColumns
    weights: Array
    bias: Array | None
    units: int
    edges: Pairs | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        found = (self.weights, *self.columns.sources)
        return found if self.bias is None else (*found, self.bias)

    @property
    def title(self) -> str:
        return _("weighted sum")

    @property
    def meshable(self) -> bool:
        return self.edges is None

    def equation(self, index: Index) -> Expr:
        s, i = index
        found: list[Expr] = []
        if self.edges is None:
            for j in range(self.columns.width):
                found.append(Product((Ref(self.weights, (i, j)), self.columns.slot(s, j))))
        else:
            for k, (unit, column) in enumerate(self.edges):
                if unit == i:
                    found.append(Product((Ref(self.weights, (k,)), self.columns.slot(s, column))))
        if self.bias is not None:
            found.append(Ref(self.bias, (i if self.bias.size == self.units else 0,)))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def kernel(self, space: Workspace) -> Kernel:
        x, fill = self.columns.joined(space)
        weights, net = space.view(self.weights), space.view(self.target)
        bias = None if self.bias is None else space.view(self.bias)
        if self.edges is None and space.blas:
            add = affine(x, weights, bias, net)
        elif self.edges is None:
            tail = None if bias is None else np.broadcast_to(bias, net.shape)
            add = long_sum(space, x.T[:, :, None], weights.T[:, None, :], net, tail)
        else:
            add = _Sparse(x, weights, net, _by_column(self.edges), bias)
        return Series((*fill, add))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        builder.contribute(self.weights, EdgePart(g=g, columns=self.columns, edges=self.edges))
        if self.bias is not None:
            builder.contribute(self.bias, BiasPart(g=g, shared=self.bias.size != self.units))
        weights = builder.latest(self.weights)
        # The last source first, as its layer is the last that was computed.
        for source, first in zip(reversed(self.columns.sources), reversed(self.columns.firsts), strict=True):
            part = SourcePart(weights=weights, g=g, first=first, shape=source.shape[1:], edges=self.edges)
            builder.contribute(source, part)

    def why(self, target: str) -> str:
        return _("What reaches {target}: each input times its weight, added up.").format(target=target)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgePart(Part):
    """The use of W in a sum over edges: δ[s, i] · x[s, j]."""

    g: Array
    columns: EdgeColumns
    edges: Pairs | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, *self.columns.sources)

    meshable = False

    def term(self, index: Index) -> Expr:
        return Product(self.local(index))

    def local(self, index: Index) -> tuple[Ref, Ref]:
        s, *element = index
        unit, column = element if self.edges is None else self.edges[element[0]]
        return Ref(self.g, (s, unit)), self.columns.slot(s, column)

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        width = self.columns.width
        units, columns = np.divmod(np.arange(self.g.shape[1] * width), width)
        if self.edges is not None:
            units, columns = _sides(self.edges)
        found = np.zeros(units.shape, dtype=np.bool_)
        if ref.array is self.g:
            found |= units == ref.index[1]
        for source, first in zip(self.columns.sources, self.columns.firsts, strict=True):
            if source is ref.array:
                found |= columns == first + position_of(ref.index[1:], source.shape[1:])
        return found if self.edges is not None else found.reshape(-1, width)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        g = space.view(self.g)
        if self.edges is not None:
            products = space.scratch((space.batch, *out.shape))
            make = self.contributions(space, products)
            return Series((make, add_rows(products, out)))
        x, fill = self.columns.joined(space)
        if space.blas:
            return Series((*fill, matmul(g.T, x, out)))
        return Series((*fill, long_sum(space, g[:, :, None], x[:, None, :], out)))

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        g = space.view(self.g)
        x, fill = self.columns.joined(space)
        if self.edges is None:
            left, right = g[:, :, None], x[:, None, :]
            return Series((*fill, multiply(left, right, out)))
        units, columns = _sides(self.edges)

        def run() -> None:
            np.multiply(g[:, units], x[:, columns], out=out)

        return Series((*fill, run))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourcePart(Part):
    """The use of one source in a sum over edges: Σ_i W[i, j] · δ[s, i], one term an outgoing edge.

    Attributes:
        weights: W.
        g: δ.
        first: the column at which the source begins.
        shape: the shape of the source for one sample.
        edges: the edges that are there; None for all.
    """

    weights: Array
    g: Array
    first: int
    shape: tuple[int, ...]
    edges: Pairs | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.g)

    @property
    def meshable(self) -> bool:
        return self.edges is None

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        if self.edges is None:
            return None
        found = np.zeros(int(np.prod(self.shape, dtype=int)), dtype=np.bool_)
        for _unit, column in self.edges:
            if 0 <= column - self.first < found.size:
                found[column - self.first] = True
        return None if found.all() else found.reshape(self.shape)

    def term(self, index: Index) -> Expr:
        s, j = index[0], position_of(index[1:], self.shape) + self.first
        units = range(self.g.shape[1])
        edges: list[Expr]
        if self.edges is None:
            edges = [Product((Ref(self.weights, (i, j)), Ref(self.g, (s, i)))) for i in units]
        else:
            edges = [
                Product((Ref(self.weights, (k,)), Ref(self.g, (s, i))))
                for k, (i, column) in enumerate(self.edges)
                if column == j
            ]
        if not edges:
            return NO_EDGE
        return edges[0] if len(edges) == 1 else Sum(tuple(edges))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        weights, g, table = space.view(self.weights), space.view(self.g), flat(out)
        last = self.first + table.shape[1]
        if self.edges is not None:
            return _Sparse(g, weights, table, _by_unit(self.edges, self.first, last), None)
        part = weights[:, self.first : last]
        if space.blas:
            return matmul(g, part, table)
        return long_sum(space, g.T[:, :, None], part[:, None, :], table)


Step = tuple[int, NDArray[np.intp], NDArray[np.intp]]
"""A column that is read, the weights that go with it, and the columns that they lead to."""


class _Sparse:
    """out[:, to] += x[:, from] · w, edge by edge in an order that adds up each column as it is written."""

    def __init__(self, x: Floats, weights: Floats, out: Floats, steps: list[Step], bias: Floats | None) -> None:
        self._x, self._weights, self._out, self._steps, self._bias = x, weights, out, steps, bias

    def __call__(self) -> None:
        x, weights, out = self._x, self._weights, self._out
        # From −0 on, a sum is what it is from its first term on.
        out[...] = -0.0
        for column, which, to in self._steps:
            out[:, to] += x[:, column, None] * weights[which]
        if self._bias is not None:
            np.add(out, self._bias, out=out)


def _by_column(edges: Pairs) -> list[Step]:
    """The forward sum: the columns in order, each to the units that read it."""
    columns = sorted({column for _unit, column in edges})
    return [_step(edges, column, 1, 0, 0) for column in columns]


def _by_unit(edges: Pairs, first: int, last: int) -> list[Step]:
    """The sum of a source's gradient: the units in order, each to the columns of the source that it reads."""
    inside = tuple((unit, column) if first <= column < last else (-1, column) for unit, column in edges)
    units = sorted({unit for unit, _column in inside if unit >= 0})
    return [_step(inside, unit, 0, 1, first) for unit in units]


def _step(edges: Pairs, wanted: int, key: int, to: int, first: int) -> Step:
    found = [(k, edge[to] - first) for k, edge in enumerate(edges) if edge[key] == wanted]
    which, targets = zip(*found, strict=True)
    return wanted, np.array(which, dtype=np.intp), np.array(targets, dtype=np.intp)


def _sides(edges: Pairs) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    table = np.array(edges, dtype=np.intp)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
