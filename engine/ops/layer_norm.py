"""Normalisation within a sample: mean, distance, variance, 1/√, normalised value; or the root mean square alone.

What is normalised together is a portion of the sample: the values of a position (layer norm, RMS norm), of a channel
(instance norm), or of a group of channels (group norm). Every portion is normalised by itself.

Source: Ba, Kiros, Hinton 2016, Layer normalization, eq. 3 and 4; Ulyanov, Vedaldi, Lempitsky 2016, Instance
normalization; Wu, He 2018, Group normalization; Zhang, Sennrich 2019, Root mean square layer normalization, eq. 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import HALF, ONE, SQUARE, Call, Const, Div, Expr, Neg, Product, Sub, Sum
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.ops.pointwise import MULTIPLY, Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.text import N_


class Portion(NamedTuple):
    """Which values of an array are normalised together: those with the same index along some axes.

    Attributes:
        along: the axes, that of the sample included.
        group: how many neighbours along the last of them belong together.
        size: how many values that are.
        mean: what its mean is for, in one sentence.
        centre: what the distance from it is.
        variance: what its variance is.
        scale: what the distance in standard deviations is.
    """

    along: tuple[int, ...]
    group: int
    size: int
    mean: str
    centre: str
    variance: str
    scale: str

    def one(self, array: Array) -> Operand:
        """An operand that has one element a portion."""
        return Operand(array, self.along, group=self.group)

    def kept(self) -> dict[str, Any]:
        """The fields of an op that adds up over a portion."""
        return {"along": self.along, "group": self.group}


def position(x: Array) -> Portion:
    """The values of one position of x, (batch, ..., n): those along its last axis."""
    return Portion(
        along=tuple(range(len(x.shape) - 1)),
        group=1,
        size=x.shape[-1],
        mean=N_("The mean of this position's values: they are measured against it."),
        centre=N_("How far this value is from the mean of its position."),
        variance=N_("How far the values of this position lie around their mean: the mean of the squared distances."),
        scale=N_("The distance measured in standard deviations: mean 0 and variance 1 at every position."),
    )


def channel(x: Array) -> Portion:
    """The values of one channel of one sample of x, (batch, channels, ...)."""
    return Portion(
        along=(0, 1),
        group=1,
        size=prod(x.shape[2:]),
        mean=N_("The mean of this channel of this sample: its values are measured against it."),
        centre=N_("How far this value is from the mean of its channel."),
        variance=N_("How far the values of this channel lie around their mean: the mean of the squared distances."),
        scale=N_("The distance measured in standard deviations: mean 0 and variance 1 in every channel."),
    )


def channels(x: Array, groups: int) -> Portion:
    """The values of one group of neighbouring channels of one sample of x, (batch, channels, ...)."""
    return Portion(
        along=(0, 1),
        group=x.shape[1] // groups,
        size=prod(x.shape[1:]) // groups,
        mean=N_("The mean of this group of channels of this sample: its values are measured against it."),
        centre=N_("How far this value is from the mean of its group of channels."),
        variance=N_("How far the values of this group lie around their mean: the mean of the squared distances."),
        scale=N_("The distance measured in standard deviations: mean 0 and variance 1 in every group of channels."),
    )


def _same(x: Expr) -> Expr:
    return x


@cache
def _mean(portion: Portion) -> Rule:
    return Rule(
        name="row_mean",
        title=N_("mean"),
        why=portion.mean,
        value=_same,
        uses={0: lambda g, _x, _mean: Div(g, Const(float(portion.size)))},
    )


@cache
def _variance(count: int, title: str, why: str) -> Rule:
    return Rule(
        name="row_variance",
        title=title,
        why=why,
        value=lambda d: Call(SQUARE, d),
        slopes={0: lambda d, _variance: Product((Const(2.0 / count, f"2/{count}"), d))},
    )


@cache
def _centre(portion: Portion) -> Rule:
    return Rule(name="centre", title=N_("distance from the mean"), why=portion.centre, value=Sub)


@cache
def _inverse(epsilon: float, title: str, why: str) -> Rule:
    return Rule(
        name="inverse_deviation",
        title=title,
        why=why,
        value=lambda variance: Div(ONE, Call(SQRT, Sum((variance, Const(epsilon))))),
        slopes={0: lambda _variance, r: Neg(Product((HALF, r, r, r)))},
        uses={0: lambda g, _variance, r: Neg(Product((HALF, g, r, r, r)))},
    )


@cache
def _scaled(why: str) -> Rule:
    return Rule(name="row_scale", title=N_("normalised value"), why=why, value=MULTIPLY.value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _WithPosition(Pointwise):
    """A formula of the values of a portion and of what the portion has one of, its second operand."""

    def use(self, number: int, g: Array) -> PointwisePart:
        kind = PositionPart if number == 1 else PointwisePart
        return kind(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMean(Reduce):
    """μ[s, p] = Σ_i x[s, p, i] / n; its gradient by x is ∂E/∂μ / n."""

    @classmethod
    def of(cls, *, x: Array, portion: Portion, **made: Any) -> RowMean:
        """The op that takes the mean of every portion of x."""
        rule, count = _mean(portion), portion.size
        return cls(rule=rule, operands=(Operand(x),), shape=x.shape, count=count, **portion.kept(), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centre(_WithPosition):
    """d[s, p, i] = x[s, p, i] − μ[s, p]."""

    @classmethod
    def of(cls, *, x: Array, mean: Array, portion: Portion, **made: Any) -> Centre:
        """The op that measures x against the mean μ of its portion."""
        return cls(rule=_centre(portion), operands=(Operand(x), portion.one(mean)), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowVariance(Reduce):
    """σ²[s, p] = Σ_i d[s, p, i]² / n: the biased variance; its gradient by d is ∂E/∂σ² · 2/n · d."""

    @classmethod
    def of(cls, *, centred: Array, portion: Portion, **made: Any) -> RowVariance:
        """The op that takes the variance of the distances d of every portion."""
        rule = cls.rule_of(portion)
        operands, shape = (Operand(centred),), centred.shape
        return cls(rule=rule, operands=operands, shape=shape, count=portion.size, **portion.kept(), **made)

    @staticmethod
    def rule_of(portion: Portion) -> Rule:
        """The square of a distance, divided by how many there are."""
        return _variance(portion.size, N_("variance"), portion.variance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMeanSquare(RowVariance):
    """m[s, p] = Σ_i x[s, p, i]² / n of x, from which no mean is subtracted; its gradient by x is ∂E/∂m · 2/n · x."""

    @staticmethod
    def rule_of(portion: Portion) -> Rule:
        """The square of a value, divided by how many there are."""
        why = N_("How large the values of this position are: the mean of their squares. Their mean is left as it is.")
        return _variance(portion.size, N_("mean square"), why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InverseDeviation(Pointwise):
    """r[s, p] = 1 / √(σ²[s, p] + ε); its gradient by σ² is ∂E/∂r · −½ · r³."""

    @classmethod
    def of(cls, *, variance: Array, epsilon: float, **made: Any) -> InverseDeviation:
        """The op that turns a variance, (batch, ...), into a factor; ε keeps the quotient finite."""
        return cls(rule=cls.rule_of(epsilon), operands=(Operand(variance),), **made)

    @staticmethod
    def rule_of(epsilon: float) -> Rule:
        """1 / √ of a variance."""
        why = N_("What the distances are multiplied by, so that their variance becomes 1.")
        return _inverse(epsilon, N_("1 / standard deviation"), why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InverseRoot(InverseDeviation):
    """r[s, p] = 1 / √(m[s, p] + ε), m being a mean of squares."""

    @staticmethod
    def rule_of(epsilon: float) -> Rule:
        """1 / √ of a mean of squares."""
        why = N_("What the values are multiplied by, so that the mean of their squares becomes 1.")
        return _inverse(epsilon, N_("1 / root mean square"), why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowScale(_WithPosition):
    """x̂[s, p, i] = d[s, p, i] · r[s, p]."""

    @classmethod
    def of(cls, *, centred: Array, inverse: Array, portion: Portion, why: str = "", **made: Any) -> RowScale:
        """The op that multiplies the distances d by r of their portion; ``why`` where they are no distances."""
        rule = _scaled(why or portion.scale)
        return cls(rule=rule, operands=(Operand(centred), portion.one(inverse)), **made)


ROOT_SCALE = N_("The value measured in root mean squares of its position, whose mean square is then 1.")
"""What a normalised value of an RMS norm is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionPart(PointwisePart):
    """The use of what a position has one of: of μ in the distances, −Σ_i ∂E/∂d[i]; of r in x̂, Σ_i ∂E/∂x̂[i] · d[i]."""
