"""Layer normalisation over the last axis: mean, distance, variance, 1/√, normalised value, scale and shift.

Values are (batch, ..., width); what is before the width are positions, each normalised by itself.

Source: Ba, Kiros, Hinton 2016, Layer normalization, eq. 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    Call,
    Const,
    Div,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.ops.activation import PassPart
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.rows import over_row, row_sums
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


def _width(x: Array) -> Const:
    return Const(float(x.shape[-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMean(Op):
    """μ[s, p] = Σ_i x[s, p, i] / n.

    Attributes:
        x: (batch, ..., n).
    """

    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("mean")

    def equation(self, index: Index) -> Expr:
        return Div(over_row(self.x, lambda i: Ref(self.x, (*index, i))), _width(self.x))

    def kernel(self, space: Workspace) -> Kernel:
        out = space.view(self.target)
        add = row_sums(space, space.view(self.x), out)
        count = float(self.x.shape[-1])

        def run() -> None:
            add()
            np.divide(out, count, out=out)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, _SharePart(g=g, x=self.x))

    def why(self, target: str) -> str:
        return _("The mean of this position's values: they are measured against it.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SharePart(Part):
    """The use of x in the mean: ∂E/∂μ / n."""

    g: Array
    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Div(Ref(self.g, index[:-1]), _width(self.x))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index[:-1]), Div(ONE, _width(self.x))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centre(Op):
    """d[s, p, i] = x[s, p, i] − μ[s, p].

    Attributes:
        x: (batch, ..., n).
        mean: μ, (batch, ...).
    """

    x: Array
    mean: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x, self.mean)

    @property
    def title(self) -> str:
        return _("distance from the mean")

    def equation(self, index: Index) -> Expr:
        return Sub(Ref(self.x, index), Ref(self.mean, index[:-1]))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.mean, AgainstPart(g=g))
            builder.contribute(self.x, PassPart(g=g))

    def why(self, target: str) -> str:
        return _("How far this value is from the mean of its position.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgainstPart(Part):
    """The use of μ in the distances: −Σ_i ∂E/∂d[i]."""

    g: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Neg(over_row(self.g, lambda i: Ref(self.g, (*index, i))))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        add = row_sums(space, space.view(self.g), out)

        def run() -> None:
            add()
            np.negative(out, out=out)

        return run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowVariance(Op):
    """σ²[s, p] = Σ_i d[s, p, i]² / n: the biased variance.

    Attributes:
        centred: d, (batch, ..., n).
    """

    centred: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.centred,)

    @property
    def title(self) -> str:
        return _("variance")

    def equation(self, index: Index) -> Expr:
        squares = over_row(self.centred, lambda i: Call(SQUARE, Ref(self.centred, (*index, i))))
        return Div(squares, _width(self.centred))

    def kernel(self, space: Workspace) -> Kernel:
        d, out = space.view(self.centred), space.view(self.target)
        add = row_sums(space, d, out, by=d)
        count = float(d.shape[-1])

        def run() -> None:
            add()
            np.divide(out, count, out=out)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.centred, _SquaresPart(g=g, centred=self.centred))

    def why(self, target: str) -> str:
        return _("How far the values of this position lie around their mean: the mean of the squared distances.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SquaresPart(Part):
    """The use of d in the variance: ∂E/∂σ² · 2/n · d."""

    g: Array
    centred: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.centred)

    def term(self, index: Index) -> Expr:
        g, slope = self.local(index)
        assert isinstance(slope, Product)
        return Product((g, *slope.factors))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        count = self.centred.shape[-1]
        return Ref(self.g, index[:-1]), Product((Const(2.0 / count, f"2/{count}"), Ref(self.centred, index)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InverseDeviation(Op):
    """r[s, p] = 1 / √(σ²[s, p] + ε).

    Attributes:
        variance: σ², (batch, ...).
        epsilon: ε, which keeps the quotient finite.
    """

    variance: Array
    epsilon: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.variance,)

    @property
    def title(self) -> str:
        return _("1 / standard deviation")

    def equation(self, index: Index) -> Expr:
        return Div(ONE, Call(SQRT, Sum((Ref(self.variance, index), Const(self.epsilon)))))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.variance, _PowerPart(g=g, out=self.target))

    def why(self, target: str) -> str:
        return _("What the distances are multiplied by, so that their variance becomes 1.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PowerPart(Part):
    """The use of σ² in r: ∂E/∂r · −½ · r³."""

    g: Array
    out: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.out)

    def term(self, index: Index) -> Expr:
        r = Ref(self.out, index)
        return Neg(Product((HALF, Ref(self.g, index), r, r, r)))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        r = Ref(self.out, index)
        return Ref(self.g, index), Neg(Product((HALF, r, r, r)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScale(Op):
    """x̂[s, p, i] = d[s, p, i] · r[s, p].

    Attributes:
        centred: d, (batch, ..., n).
        inverse: r, (batch, ...).
    """

    centred: Array
    inverse: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.centred, self.inverse)

    @property
    def title(self) -> str:
        return _("normalised value")

    def equation(self, index: Index) -> Expr:
        return Product((Ref(self.centred, index), Ref(self.inverse, index[:-1])))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.inverse, RowProductPart(g=g, by=self.centred))
            builder.contribute(self.centred, _RowFactorPart(g=g, by=self.inverse))

    def why(self, target: str) -> str:
        return _("The distance measured in standard deviations: mean 0 and variance 1 at every position.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowProductPart(Part):
    """The use of r in the normalised values: Σ_i ∂E/∂x̂[i] · d[i]."""

    g: Array
    by: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.by)

    def term(self, index: Index) -> Expr:
        return over_row(self.g, lambda i: Product((Ref(self.g, (*index, i)), Ref(self.by, (*index, i)))))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return row_sums(space, space.view(self.g), out, by=space.view(self.by))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _RowFactorPart(Part):
    """The use of d in the normalised values: ∂E/∂x̂ · r."""

    g: Array
    by: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.by)

    def term(self, index: Index) -> Expr:
        return Product(self.local(index))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), Ref(self.by, index[:-1])
