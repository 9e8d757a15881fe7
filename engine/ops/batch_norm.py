"""Batch normalisation, in the steps of the paper: mean, variance, normalised value, scale and shift.

The mean and the variance add up over all samples, so every sample waits for all of them: a barrier. The backward pass
goes the same way back, through the normalised value, the variance and the mean, and has two barriers of its own.

Values are (batch, channels, ...); what follows the channels are positions, and count like samples.

Source: Ioffe, Szegedy 2015, Batch normalization, algorithm 1 and section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ONE,
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
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.channels import ChannelPart, channel_sums, over_positions
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


def deviation(variance: Ref, epsilon: float) -> Expr:
    """√(σ² + ε)."""
    return Call(SQRT, Sum((variance, Const(epsilon))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchMean(Op):
    """μ[c] = Σ_s Σ_p x[s, c, p] / N, with N samples times positions.

    Attributes:
        x: (batch, channels, ...).
    """

    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("mean of the batch")

    def _each(self, at: Index) -> Expr:
        return Div(Ref(self.x, at), _count(self.x))

    def equation(self, index: Index) -> Expr:
        return over_positions(self.x, index, self._each)

    def kernel(self, space: Workspace) -> Kernel | None:
        return channel_sums(space, self.x, self._each, space.view(self.target))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, _MeanPart(g=g, x=self.x))

    def why(self, target: str) -> str:
        return _("The mean over the samples of the batch: this sample adds its part.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchVariance(Op):
    """σ²[c] = Σ_s Σ_p (x[s, c, p] − μ[c])² / N: the biased variance.

    Attributes:
        x: (batch, channels, ...).
        mean: μ, (channels,).
    """

    x: Array
    mean: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x, self.mean)

    @property
    def title(self) -> str:
        return _("variance of the batch")

    def _each(self, at: Index) -> Expr:
        return Div(Call(SQUARE, Sub(Ref(self.x, at), Ref(self.mean, at[1:2]))), _count(self.x))

    def equation(self, index: Index) -> Expr:
        return over_positions(self.x, index, self._each)

    def kernel(self, space: Workspace) -> Kernel | None:
        return channel_sums(space, self.x, self._each, space.view(self.target))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        builder.contribute(self.mean, _CentrePart(g=g, x=self.x, mean=self.mean))
        builder.contribute(self.x, _SpreadPart(g=g, x=self.x, mean=self.mean))

    def why(self, target: str) -> str:
        return _("How far the samples lie around the mean: the mean of the squared distances.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalise(Op):
    """x̂[s, c, p] = (x[s, c, p] − μ[c]) / √(σ²[c] + ε).

    Attributes:
        x: (batch, channels, ...).
        mean: μ, (channels,): that of the batch, or the running one where the network is evaluated.
        variance: σ², likewise.
        epsilon: ε, which keeps the quotient finite.
    """

    x: Array
    mean: Array
    variance: Array
    epsilon: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x, self.mean, self.variance)

    @property
    def title(self) -> str:
        return _("normalised value")

    def equation(self, index: Index) -> Expr:
        channel = index[1:2]
        centred = Sub(Ref(self.x, index), Ref(self.mean, channel))
        return Div(centred, deviation(Ref(self.variance, channel), self.epsilon))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        part = _Normalised(g=g, x=self.x, mean=self.mean, variance=self.variance, epsilon=self.epsilon)
        builder.contribute(self.variance, VariancePart(of=part))
        builder.contribute(self.mean, ShiftPart(of=part))
        builder.contribute(self.x, _QuotientPart(of=part))

    def why(self, target: str) -> str:
        return _("The distance from the mean, measured in standard deviations: mean 0 and variance 1 over the batch.")


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


def _count(x: Array) -> Const:
    """N, how many values of a channel there are."""
    return Const(float(x.shape[0] * prod(x.shape[2:])))


def _twice(x: Array) -> Const:
    """2 / N."""
    count = _count(x).value
    return Const(2.0 / count, f"2/{count:g}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _MeanPart(Part):
    """The use of x in the mean: ∂E/∂μ / N."""

    g: Array
    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Div(Ref(self.g, index[1:2]), _count(self.x))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SpreadPart(Part):
    """The use of x in the variance: ∂E/∂σ² · 2/N · (x − μ)."""

    g: Array
    x: Array
    mean: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.x, self.mean)

    def term(self, index: Index) -> Expr:
        centred = Sub(Ref(self.x, index), Ref(self.mean, index[1:2]))
        return Product((Ref(self.g, index[1:2]), _twice(self.x), centred))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CentrePart(ChannelPart):
    """The use of μ in the variance: −∂E/∂σ² · 2/N · (x − μ); over the batch these add up to 0."""

    g: Array
    x: Array
    mean: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.x, self.mean)

    @property
    def shaped(self) -> Array:
        return self.x

    def each(self, at: Index) -> Expr:
        centred = Sub(Ref(self.x, at), Ref(self.mean, at[1:2]))
        return Neg(Product((Ref(self.g, at[1:2]), _twice(self.x), centred)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Normalised:
    """What the uses in x̂ = (x − μ) / √(σ² + ε) read: ∂E/∂x̂ and the operands."""

    g: Array
    x: Array
    mean: Array
    variance: Array
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VariancePart(ChannelPart):
    """The use of σ² in x̂: −∂E/∂x̂ · (x − μ) / (2 · (σ² + ε) · √(σ² + ε))."""

    of: _Normalised

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.of.g, self.of.x, self.of.mean, self.of.variance)

    @property
    def shaped(self) -> Array:
        return self.of.x

    def each(self, at: Index) -> Expr:
        of, channel = self.of, at[1:2]
        variance = Ref(of.variance, channel)
        centred = Sub(Ref(of.x, at), Ref(of.mean, channel))
        below = Product((TWO, Sum((variance, Const(of.epsilon))), deviation(variance, of.epsilon)))
        return Div(Product((Neg(Ref(of.g, at)), centred)), below)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftPart(ChannelPart):
    """The use of μ in x̂: −∂E/∂x̂ / √(σ² + ε)."""

    of: _Normalised

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.of.g, self.of.variance)

    @property
    def shaped(self) -> Array:
        return self.of.x

    def each(self, at: Index) -> Expr:
        return Div(Neg(Ref(self.of.g, at)), deviation(Ref(self.of.variance, at[1:2]), self.of.epsilon))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _QuotientPart(Part):
    """The use of x in x̂: ∂E/∂x̂ · 1 / √(σ² + ε)."""

    of: _Normalised

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.of.g, self.of.variance)

    def term(self, index: Index) -> Expr:
        g, slope = self.local(index)
        return Product((g, slope))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        below = deviation(Ref(self.of.variance, index[1:2]), self.of.epsilon)
        return Ref(self.of.g, index), Div(ONE, below)
