"""Softmax over the last axis of a layer, as four ops: maximum, exponentials, their sum, quotients.

The maximum is taken out of the exponent so that nothing overflows. It cancels, so no gradient goes through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.arithmetic import Floats, sum_rows
from retrograde.engine.array import Array
from retrograde.engine.expression import Call, Div, Expr, Index, Max, Neg, Product, Ref, Sub, Sum
from retrograde.engine.functions import EXP
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.builder import Builder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMaximum(Op):
    """m[s] = max_i net[s, i]; further axes before the last are positions, each with a softmax of its own."""

    net: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net,)

    @property
    def title(self) -> str:
        return _("maximum")

    def equation(self, index: Index) -> Expr:
        return Max(tuple(Ref(self.net, (*index, i)) for i in range(self.net.shape[-1])))

    def kernel(self, space: Workspace) -> Kernel:
        net, out = space.view(self.net), space.view(self.target)
        net, out = net.reshape(-1, net.shape[-1]), out.reshape(-1)
        rows = np.arange(net.shape[0])

        def run() -> None:
            out[...] = net[rows, net.argmax(axis=1)]

        return run

    def why(self, target: str) -> str:
        return _("The largest net input, taken out of the exponents so that none overflows.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exponential(Op):
    """e[s, i] = exp(net[s, i] − m[s])."""

    net: Array
    maximum: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net, self.maximum)

    @property
    def title(self) -> str:
        return _("exponential")

    def equation(self, index: Index) -> Expr:
        return Call(EXP, Sub(Ref(self.net, index), Ref(self.maximum, index[:-1])))

    def gradient(self, builder: Builder) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.net, _ScaledPart(g=g, by=self.target))

    def why(self, target: str) -> str:
        return _("The exponential makes every share positive.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSum(Op):
    """S[s] = Σ_i e[s, i]."""

    exponentials: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.exponentials,)

    @property
    def title(self) -> str:
        return _("sum")

    def equation(self, index: Index) -> Expr:
        count = self.exponentials.shape[-1]
        parts = tuple(Ref(self.exponentials, (*index, i)) for i in range(count))
        return parts[0] if count == 1 else Sum(parts)

    def kernel(self, space: Workspace) -> Kernel:
        return row_sums(space, space.view(self.exponentials), space.view(self.target))

    def gradient(self, builder: Builder) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.exponentials, _RowPart(g=g))

    def why(self, target: str) -> str:
        return _("The sum that the shares are parts of.")


def row_sums(space: Workspace, matrix: Floats, out: Floats) -> Kernel:
    """A kernel that adds each row of (..., columns) from left to right into ``out`` (...)."""
    matrix, out = matrix.reshape(-1, matrix.shape[-1]), out.reshape(-1)
    columns = space.scratch((matrix.shape[1], matrix.shape[0]))

    def run() -> None:
        columns[...] = matrix.T
        sum_rows(columns, out)

    return run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotient(Op):
    """out[s, i] = e[s, i] / S[s]."""

    exponentials: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.exponentials, self.normaliser)

    @property
    def title(self) -> str:
        return _("softmax")

    def equation(self, index: Index) -> Expr:
        return Div(Ref(self.exponentials, index), Ref(self.normaliser, index[:-1]))

    def gradient(self, builder: Builder) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        builder.contribute(self.normaliser, _NormaliserPart(g=g, out=self.target, normaliser=self.normaliser))
        builder.contribute(self.exponentials, _SharePart(g=g, normaliser=self.normaliser))

    def why(self, target: str) -> str:
        return _("This unit's share of the sum: its probability.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SharePart(Part):
    """The use of e as a numerator: ∂E/∂out[i] / S."""

    g: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.normaliser)

    def term(self, index: Index) -> Expr:
        return Div(Ref(self.g, index), Ref(self.normaliser, index[:-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _NormaliserPart(Part):
    """The use of S as a denominator: −(Σ_i ∂E/∂out[i] · out[i]) / S."""

    g: Array
    out: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.out, self.normaliser)

    def term(self, index: Index) -> Expr:
        units = range(self.out.shape[-1])
        products = tuple(Product((Ref(self.g, (*index, i)), Ref(self.out, (*index, i)))) for i in units)
        total: Expr = products[0] if len(products) == 1 else Sum(products)
        return Neg(Div(total, Ref(self.normaliser, index)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _RowPart(Part):
    """The use of e in the sum: ∂E/∂S, the same for every unit."""

    g: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, index[:-1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ScaledPart(Part):
    """The use of an exponent: ∂E/∂e · e."""

    g: Array
    by: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.by)

    def term(self, index: Index) -> Expr:
        return Product((Ref(self.g, index), Ref(self.by, index)))
