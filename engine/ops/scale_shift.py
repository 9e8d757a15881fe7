"""The scale and the shift that a normalisation learns, along one axis: the channels, or the last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Product, Ref, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleShift(Op):
    """out[s, ...] = γ[k] · x̂[s, ...] + β[k], k being the index along one axis.

    Attributes:
        x: the normalised values, (batch, ...).
        gamma: γ, (n,).
        beta: β, (n,).
        axis: the axis of x that has the length n; 0 is the sample.

    Source: Ioffe, Szegedy 2015, algorithm 1; Ba, Kiros, Hinton 2016, eq. 4.
    """

    x: Array
    gamma: Array
    beta: Array
    axis: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.gamma, self.x, self.beta)

    @property
    def title(self) -> str:
        return _("scale and shift")

    def equation(self, index: Index) -> Expr:
        k = (index[self.axis],)
        return Sum((Product((Ref(self.gamma, k), Ref(self.x, index))), Ref(self.beta, k)))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        builder.contribute(self.gamma, _AlongPart(g=g, by=self.x, axis=self.axis))
        builder.contribute(self.beta, _AlongPart(g=g, by=None, axis=self.axis))
        builder.contribute(self.x, _ScaledPart(g=g, gamma=builder.latest(self.gamma), axis=self.axis))

    def why(self, target: str) -> str:
        return _("The network may choose another scale and another mean than 1 and 0, and learns them.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ScaledPart(Part):
    """The use of x̂: ∂E/∂out · γ."""

    g: Array
    gamma: Array
    axis: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.gamma)

    def term(self, index: Index) -> Expr:
        return Product(self.local(index))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), Ref(self.gamma, (index[self.axis],))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _AlongPart(Part):
    """The use of γ or β: Σ ∂E/∂out · x̂, or without x̂, over the other axes of a sample in row order.

    Attributes:
        g: ∂E/∂out, (batch, ...).
        by: x̂, of the same shape, or None.
        axis: the axis that γ and β go along.
    """

    g: Array
    by: Array | None
    axis: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,) if self.by is None else (self.g, self.by)

    def _places(self, index: Index) -> Iterator[Index]:
        """The indices of g at the other axes of a sample."""
        s, k = index
        shape, axis = self.g.shape, self.axis
        for place in np.ndindex(*shape[1:axis], *shape[axis + 1 :]):
            yield (s, *place[: axis - 1], k, *place[axis - 1 :])

    def term(self, index: Index) -> Expr:
        found = tuple(map(self._product, self._places(index)))
        return found[0] if len(found) == 1 else Sum(found)

    def _product(self, at: Index) -> Expr:
        g = Ref(self.g, at)
        return g if self.by is None else Product((g, Ref(self.by, at)))

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        places = list(self._places(index))
        if len(places) != 1:
            return None
        return Ref(self.g, places[0]), ONE if self.by is None else Ref(self.by, places[0])

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        samples = space.scratch((space.batch, *out.shape))
        add = self.contributions(space, samples)

        def run() -> None:
            add()
            sum_rows(samples, out)

        return run

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        g = space.view(self.g)
        by = None if self.by is None else space.view(self.by)
        batch, width = out.shape
        others = (*g.shape[1 : self.axis], *g.shape[self.axis + 1 :])
        rows = space.scratch((*others, batch, width))
        # The axes of g, in its own order, over the rows: the sample, then the others with k in its place.
        order = list(range(len(others)))
        order.insert(self.axis - 1, len(others) + 1)
        place = rows.transpose(len(others), *order)
        table = rows.reshape(-1, batch, width)

        def run() -> None:
            if by is None:
                np.copyto(place, g)
            else:
                np.multiply(g, by, out=place)
            sum_rows(table, out)

        return run
