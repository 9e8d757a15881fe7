"""Batch normalisation, in the steps of the paper: mean, variance, normalised value, scale and shift.

The mean and the variance add up over all samples, so every sample waits for all of them: a barrier. The backward pass
goes the same way back, through the normalised value, the variance and the mean, and has two barriers of its own.

Values are (batch, channels, ...); what follows the channels are positions, and count like samples.

Source: Ioffe, Szegedy 2015, Batch normalization, algorithm 1 and section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    SQUARE,
    TWO,
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
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.pointwise import Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.text import N_, _


def _count(x: Array) -> int:
    """N, how many values of a channel there are."""
    return x.shape[0] * prod(x.shape[2:])


def _per_channel(array: Array) -> Operand:
    """An operand that has one element a channel."""
    return Operand(array, (1,))


@cache
def _mean(count: int) -> Rule:
    n = Const(float(count))
    return Rule(
        name="batch_mean",
        title=N_("mean of the batch"),
        why=N_("The mean over the samples of the batch: this sample adds its part."),
        value=lambda x: Div(x, n),
        uses={0: lambda g, _x, _mean: Div(g, n)},
    )


@cache
def _variance(count: int) -> Rule:
    n, twice = Const(float(count)), Const(2.0 / count, f"2/{float(count):g}")
    return Rule(
        name="batch_variance",
        title=N_("variance of the batch"),
        why=N_("How far the samples lie around the mean: the mean of the squared distances."),
        value=lambda x, mean: Div(Call(SQUARE, Sub(x, mean)), n),
        slopes={
            0: lambda x, mean, _variance: Product((twice, Sub(x, mean))),
            1: lambda x, mean, _variance: Neg(Product((twice, Sub(x, mean)))),
        },
    )


@cache
def _normalised(epsilon: float) -> Rule:
    def shifted(variance: Expr) -> Expr:
        return Sum((variance, Const(epsilon)))

    def deviation(variance: Expr) -> Expr:
        return Call(SQRT, shifted(variance))

    return Rule(
        name="normalise",
        title=N_("normalised value"),
        why=N_("The distance from the mean, measured in standard deviations: mean 0 and variance 1 over the batch."),
        value=lambda x, mean, variance: Div(Sub(x, mean), deviation(variance)),
        uses={
            1: lambda g, _x, _mean, variance, _out: Div(Neg(g), deviation(variance)),
            2: lambda g, x, mean, variance, _out: Div(
                Product((Neg(g), Sub(x, mean))), Product((TWO, shifted(variance), deviation(variance)))
            ),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchMean(Reduce):
    """μ[c] = Σ_s Σ_p x[s, c, p] / N, with N samples times positions; its gradient by x is ∂E/∂μ / N."""

    @classmethod
    def of(cls, *, x: Array, **made: Any) -> BatchMean:
        """The op that takes the mean of x, (batch, channels, ...)."""
        return cls(rule=_mean(_count(x)), operands=(Operand(x),), shape=x.shape, along=(1,), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchVariance(Reduce):
    """σ²[c] = Σ_s Σ_p (x[s, c, p] − μ[c])² / N: the biased variance.

    Its gradient by x is ∂E/∂σ² · 2/N · (x − μ); those by μ add up to 0 over the batch.
    """

    @classmethod
    def of(cls, *, x: Array, mean: Array, **made: Any) -> BatchVariance:
        """The op that takes the variance of x, (batch, channels, ...), around its mean μ, (channels,)."""
        operands = (Operand(x), _per_channel(mean))
        return cls(rule=_variance(_count(x)), operands=operands, shape=x.shape, along=(1,), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalise(Pointwise):
    """x̂[s, c, p] = (x[s, c, p] − μ[c]) / √(σ²[c] + ε)."""

    @classmethod
    def of(cls, *, x: Array, mean: Array, variance: Array, epsilon: float, **made: Any) -> Normalise:
        """The op that normalises.

        Args:
            x: (batch, channels, ...).
            mean: μ, (channels,): that of the batch, or the running one where the network is evaluated.
            variance: σ², likewise.
            epsilon: ε, which keeps the quotient finite.
            made: the fields of every op.
        """
        operands = (Operand(x), _per_channel(mean), _per_channel(variance))
        return cls(rule=_normalised(epsilon), operands=operands, **made)

    def use(self, number: int, g: Array) -> PointwisePart:
        kind = PointwisePart if number == 0 else ChannelPart
        return kind(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelPart(PointwisePart):
    """The use in x̂ of what a channel has one of.

    Of σ²: −∂E/∂x̂ · (x − μ) / (2 · (σ² + ε) · √(σ² + ε)); of μ: −∂E/∂x̂ / √(σ² + ε).
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunningAverage(Op):
    """x⁺[c] = (1 − m) · x[c] + m · value[c]: the exponential average over iterations that an evaluation uses.

    Attributes:
        running: x, (channels,), of the state.
        value: the mean or the variance of the batch, (channels,).
        momentum: m.
        unbias: (n, n − 1) for a variance, which then counts as the unbiased one; None for a mean.

    Source: PyTorch, nn.BatchNorm1d; ONNX has 1 − m as its momentum.
    """

    running: Array
    value: Array
    momentum: float
    unbias: tuple[int, int] | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.running, self.value)

    @property
    def title(self) -> str:
        return _("running average")

    def equation(self, index: Index) -> Expr:
        factors: list[Expr] = [Const(self.momentum)]
        if self.unbias is not None:
            many, fewer = self.unbias
            factors.append(Const(many / fewer, f"{many}/{fewer}"))
        old = Product((Const(1.0 - self.momentum), Ref(self.running, index)))
        return Sum((old, Product((*factors, Ref(self.value, index)))))

    def why(self, target: str) -> str:
        return _("What a single sample is measured against later, when there is no batch.")
