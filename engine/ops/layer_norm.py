"""Layer normalisation over the last axis: mean, distance, variance, 1/√, normalised value, scale and shift.

Values are (batch, ..., width); what is before the width are positions, each normalised by itself.

Source: Ba, Kiros, Hinton 2016, Layer normalization, eq. 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import HALF, ONE, SQUARE, Call, Const, Div, Expr, Neg, Product, Sub, Sum
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.ops.pointwise import MULTIPLY, Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.text import N_


def _same(x: Expr) -> Expr:
    return x


def _positions(x: Array) -> tuple[int, ...]:
    """The axes of the positions: all but the last, the sample's included."""
    return tuple(range(len(x.shape) - 1))


def _per_position(array: Array) -> Operand:
    """An operand that has one element a position."""
    return Operand(array, tuple(range(len(array.shape))))


@cache
def _mean(count: int) -> Rule:
    return Rule(
        name="row_mean",
        title=N_("mean"),
        why=N_("The mean of this position's values: they are measured against it."),
        value=_same,
        uses={0: lambda g, _x, _mean: Div(g, Const(float(count)))},
    )


@cache
def _variance(count: int) -> Rule:
    return Rule(
        name="row_variance",
        title=N_("variance"),
        why=N_("How far the values of this position lie around their mean: the mean of the squared distances."),
        value=lambda d: Call(SQUARE, d),
        slopes={0: lambda d, _variance: Product((Const(2.0 / count, f"2/{count}"), d))},
    )


CENTRE = Rule(
    name="centre",
    title=N_("distance from the mean"),
    why=N_("How far this value is from the mean of its position."),
    value=Sub,
)


@cache
def _inverse(epsilon: float) -> Rule:
    return Rule(
        name="inverse_deviation",
        title=N_("1 / standard deviation"),
        why=N_("What the distances are multiplied by, so that their variance becomes 1."),
        value=lambda variance: Div(ONE, Call(SQRT, Sum((variance, Const(epsilon))))),
        slopes={0: lambda _variance, r: Neg(Product((HALF, r, r, r)))},
        uses={0: lambda g, _variance, r: Neg(Product((HALF, g, r, r, r)))},
    )


NORMALISED = Rule(
    name="row_scale",
    title=N_("normalised value"),
    why=N_("The distance measured in standard deviations: mean 0 and variance 1 at every position."),
    value=MULTIPLY.value,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _WithPosition(Pointwise):
    """A formula of the values of a position and of what the position has one of, its second operand."""

    def use(self, number: int, g: Array) -> PointwisePart:
        kind = PositionPart if number == 1 else PointwisePart
        return kind(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMean(Reduce):
    """μ[s, p] = Σ_i x[s, p, i] / n; its gradient by x is ∂E/∂μ / n."""

    @classmethod
    def of(cls, *, x: Array, **made: Any) -> RowMean:
        """The op that takes the mean of x, (batch, ..., n)."""
        n = x.shape[-1]
        return cls(rule=_mean(n), operands=(Operand(x),), shape=x.shape, along=_positions(x), count=n, **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centre(_WithPosition):
    """d[s, p, i] = x[s, p, i] − μ[s, p]."""

    @classmethod
    def of(cls, *, x: Array, mean: Array, **made: Any) -> Centre:
        """The op that measures x, (batch, ..., n), against its mean μ, (batch, ...)."""
        return cls(rule=CENTRE, operands=(Operand(x), _per_position(mean)), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowVariance(Reduce):
    """σ²[s, p] = Σ_i d[s, p, i]² / n: the biased variance; its gradient by d is ∂E/∂σ² · 2/n · d."""

    @classmethod
    def of(cls, *, centred: Array, **made: Any) -> RowVariance:
        """The op that takes the variance of the distances d, (batch, ..., n)."""
        n, along = centred.shape[-1], _positions(centred)
        return cls(rule=_variance(n), operands=(Operand(centred),), shape=centred.shape, along=along, count=n, **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InverseDeviation(Pointwise):
    """r[s, p] = 1 / √(σ²[s, p] + ε); its gradient by σ² is ∂E/∂r · −½ · r³."""

    @classmethod
    def of(cls, *, variance: Array, epsilon: float, **made: Any) -> InverseDeviation:
        """The op that turns a variance, (batch, ...), into a factor; ε keeps the quotient finite."""
        return cls(rule=_inverse(epsilon), operands=(Operand(variance),), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScale(_WithPosition):
    """x̂[s, p, i] = d[s, p, i] · r[s, p]."""

    @classmethod
    def of(cls, *, centred: Array, inverse: Array, **made: Any) -> RowScale:
        """The op that multiplies the distances d, (batch, ..., n), by r, (batch, ...)."""
        return cls(rule=NORMALISED, operands=(Operand(centred), _per_position(inverse)), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionPart(PointwisePart):
    """The use of what a position has one of: of μ in the distances, −Σ_i ∂E/∂d[i]; of r in x̂, Σ_i ∂E/∂x̂[i] · d[i]."""
