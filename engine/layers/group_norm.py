"""Group and instance normalisation: the values of some channels of one sample get mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.layers.base import Form, Layer, Parameter, Row, ShapeError
from retrograde.engine.layers.normalised import normalise, scale_and_shift, unwanted
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value
    from retrograde.engine.ops.layer_norm import Portion


class _ChannelNorm(Layer):
    """The values of a portion of the channels of one sample, and a scale and a shift for each channel."""

    epsilon: float = Field(default=1e-5, gt=0, description="ε, which is added to the variance")
    affine: bool = Field(default=True, description="whether there is a scale γ and a shift β that are learned")
    gamma: Row | None = Field(default=None, description="initial γ, one for each channel; 1 if absent")
    beta: Row | None = Field(default=None, description="initial β, one for each channel; 0 if absent")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return self.kind.replace("_", " ")

    def portion(self, x: Array) -> Portion:
        """What is normalised together."""
        raise NotImplementedError

    def slots(self, sources: Sequence[Form]) -> int:
        """The distances, the normalised values and the outputs."""
        return 3 * sources[0].size

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """γ and β, one for each channel."""
        return scale_and_shift(self, sources[0].shape[0]) if self.affine else ()

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Mean, distances, variance, 1/√, normalised values, scale and shift; at each time step of a sequence."""

        def normalised(x: Array, time: int | None) -> Array:
            how: dict[str, Any] = {"epsilon": self.epsilon, "affine": self.affine, "axis": 1}
            return normalise(forward, x, time, self.portion(x), **how)

        return forward.each(sources[0], normalised)


class GroupNormLayer(_ChannelNorm):
    """Group normalisation: x̂ = (x − μ) / √(σ² + ε), out = γ · x̂ + β, with γ and β for each channel.

    μ and σ² (the biased one) are those of a group of neighbouring channels of one sample, with all their positions,
    so training and evaluation are the same. One group of all channels is a layer norm over all axes.
    """

    kind: Literal["group_norm"] = Field(description="the kind of layer")
    groups: int = Field(ge=1, description="into how many groups the channels fall, which are equally large")

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        shape = sources[0].shape
        if not shape:
            raise ShapeError("inputs", _("a group norm needs channels, and what comes before it is one number"))
        if shape[0] % self.groups:
            message = _("{channels} channels cannot be divided into {groups} groups")
            raise ShapeError("groups", message.format(channels=shape[0], groups=self.groups))
        if prod(shape) == self.groups:
            message = _("a group has one value, {shape} coming before it; the variance of one value is 0")
            raise ShapeError("groups", message.format(shape=sources[0]))
        unwanted(self, "gamma", "beta")
        return sources[0]

    def portion(self, x: Array) -> Portion:
        """A group of channels."""
        from retrograde.engine.ops.layer_norm import channels

        return channels(x, self.groups)


class InstanceNormLayer(_ChannelNorm):
    """Instance normalisation: x̂ = (x − μ) / √(σ² + ε), out = γ · x̂ + β, where affine is true.

    μ and σ² (the biased one) are those of one channel of one sample, over all its positions, so training and
    evaluation are the same; no running averages are kept. As in PyTorch, γ and β are there only if asked for.
    """

    kind: Literal["instance_norm"] = Field(description="the kind of layer")
    affine: bool = Field(default=False, description="whether there is a scale γ and a shift β that are learned")

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if prod(sources[0].shape[1:]) < 2:
            message = _("an instance norm needs channels with two positions or more; {shape} comes before it")
            raise ShapeError("inputs", message.format(shape=sources[0]))
        unwanted(self, "gamma", "beta")
        return sources[0]

    def portion(self, x: Array) -> Portion:
        """A channel."""
        from retrograde.engine.ops.layer_norm import channel

        return channel(x)
