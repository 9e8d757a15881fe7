"""Convolution over one or two axes, and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.activation_table import ACTIVATIONS, JOINING
from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import (
    MAX_UNITS,
    ActivatedLayer,
    Form,
    Matrix,
    Parameter,
    Row,
    Shape,
    ShapeError,
    list_or_number,
)
from retrograde.engine.layers.spatial import MarginOrEach, OneOrEach, Windows
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value

Kernels1 = Annotated[tuple[Matrix, ...], Field(strict=False)]
Kernels2 = Annotated[tuple[Kernels1, ...], Field(strict=False)]


def kernel_axes(value: Any) -> str:
    """The tag of weights by how deep their lists are."""
    depth = 0
    while isinstance(value, list | tuple) and value:
        value, depth = value[0], depth + 1
    return "<two>" if depth >= 4 else "<one>"


Kernels = Annotated[Annotated[Kernels1, Tag("<one>")] | Annotated[Kernels2, Tag("<two>")], Discriminator(kernel_axes)]
"""Weights of a convolution over one axis or two."""


class _ConvolutionLayer(Windows, ActivatedLayer):
    """What a convolution and its transpose have in common."""

    channels: int = Field(ge=1, le=MAX_UNITS, description="the number of output channels")
    stride: OneOrEach = Field(default=1, description="how far a window moves; 1 if absent")
    groups: int = Field(
        default=1, ge=1, le=MAX_UNITS, description="into how many groups the channels fall that only see their own"
    )
    bias: Literal["channel", "none"] = Field(default="channel", description="one bias for each output channel, or none")
    biases: (
        Annotated[Annotated[float, Tag("<number>")] | Annotated[Row, Tag("<list>")], Discriminator(list_or_number)]
        | None
    ) = Field(default=None, description="initial biases, one for each output channel; a number stands for all of them")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.channels}@{self.text} {self.activation}"

    def slots(self, sources: Sequence[Form]) -> int:
        """The net inputs and the outputs."""
        return 2 * self.form(sources).size

    def completed(self) -> dict[str, Any]:
        """Every bias, and the parameter of the activation."""
        found = super().completed()
        if self.biases is not None and not isinstance(self.biases, tuple):
            found["biases"] = (self.biases,) * self.channels
        return found

    def _checked(self, source: Form) -> int:
        """The channels before it.

        Raises:
            ShapeError: the groups do not divide the channels, or the activation is a softmax.
        """
        if ACTIVATIONS.get(self.activation) in JOINING:
            raise ShapeError(
                "activation", _("a softmax runs over the last axis, which is not that of the channels here")
            )
        before = source.shape[0]
        for count in (before, self.channels):
            if count % self.groups:
                message = _("{groups} groups do not divide {channels} channels")
                raise ShapeError("groups", message.format(groups=self.groups, channels=count))
        return before

    def _parameters(self, first: int, second: int, weights: Any) -> tuple[Parameter, ...]:
        fans = (first * prod(self.kernel), second * prod(self.kernel))
        kernel = Parameter(
            name="W",
            shape=(first, second, *self.kernel),
            role=Role.WEIGHT,
            fans=fans,
            given=weights,
            key="weights",
        )
        if self.bias == "none":
            return (kernel,)
        given = self.biases
        bias = Parameter(
            name="b",
            shape=(self.channels,),
            role=Role.BIAS,
            fans=fans,
            given=given if given is None or isinstance(given, tuple) else (given,) * self.channels,
            key="biases",
        )
        return kernel, bias


class ConvLayer(_ConvolutionLayer):
    """A cross-correlation: net[o, p] = Σ W[o, c, t] · x[c, p · stride + t · dilation − padding] + b[o]."""

    kind: Literal["conv"] = Field(description="the kind of layer")
    weights: Kernels | None = Field(
        default=None,
        description="initial weights, [output channel][input channel of the group][row][column]; over one axis"
        " [output channel][input channel of the group][position]",
    )

    def form(self, sources: Sequence[Form]) -> Form:
        """The output channels, with one value a window."""
        counts = self.counts(sources[0])
        self._checked(sources[0])
        return Form((self.channels, *counts))

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (channels, channels before it / groups, *kernel) and b (channels,)."""
        return self._parameters(self.channels, sources[0].shape[0] // self.groups, self.weights)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A convolution and an activation."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.conv import Convolve
        from retrograde.engine.ops.link import Link

        x: Any = sources[0]
        source = Form(x.element_shape)
        net: Array = forward.append(
            Convolve(
                target=forward.made("net", self.form([source]).shape, role=Role.NET),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                x=x,
                bias=forward.parameter("b") if self.bias != "none" else None,
                link=Link(weights=forward.parameter("W"), axes=self.axes(source), groups=self.groups),
            )
        )
        return forward.activate(net, self)


class ConvTransposeLayer(_ConvolutionLayer):
    """A transposed convolution: every input lays the kernel down, scaled; the output is larger by the stride.

    Its size is (n − 1) · stride − padding + dilation · (kernel − 1) + 1 + output_padding along each axis, with the
    padding of both sides, which is cut off.
    """

    kind: Literal["conv_transpose"] = Field(description="the kind of layer")
    output_padding: MarginOrEach = Field(
        default=0, description="further positions at the end of each axis, fewer than the stride or the dilation"
    )
    weights: Kernels | None = Field(
        default=None,
        description="initial weights, [input channel][output channel of the group][row][column]; over one axis"
        " [input channel][output channel of the group][position]",
    )

    def form(self, sources: Sequence[Form]) -> Form:
        """The output channels, each with its size."""
        sizes = self._sizes(sources[0])
        self._checked(sources[0])
        return Form((self.channels, *sizes))

    def _sizes(self, source: Form) -> Shape:
        extras = self.each("output_padding")
        for extra, stride, dilation in zip(extras, self.strides, self.dilations, strict=True):
            if extra and extra >= max(stride, dilation):
                message = _("{extra} is not smaller than the stride {stride} or the dilation {dilation}")
                text = message.format(extra=extra, stride=stride, dilation=dilation)
                raise ShapeError("output_padding", text)
        found = []
        for length, reach, stride, margins, extra in zip(
            self.lengths(source), self.reaches, self.strides, self.margins, extras, strict=True
        ):
            size = (length - 1) * stride - sum(margins) + reach + extra
            if size < 1:
                message = _("a padding of {padding} leaves nothing of {size} positions")
                raise ShapeError("padding", message.format(padding=sum(margins), size=size + sum(margins)))
            found.append(size)
        return tuple(found)

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (channels before it, channels / groups, *kernel) and b (channels,)."""
        return self._parameters(sources[0].shape[0], self.channels // self.groups, self.weights)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A transposed convolution and an activation."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.conv import ConvolveTransposed
        from retrograde.engine.ops.link import Link
        from retrograde.engine.ops.window import Axis

        x: Any = sources[0]
        source = Form(x.element_shape)
        axes = tuple(
            Axis(length=size, count=count, taps=taps, stride=stride, dilation=dilation, before=before)
            for size, count, taps, stride, dilation, (before, _after) in zip(
                self._sizes(source),
                source.shape[1:],
                self.kernel,
                self.strides,
                self.dilations,
                self.margins,
                strict=True,
            )
        )
        net: Array = forward.append(
            ConvolveTransposed(
                target=forward.made("net", self.form([source]).shape, role=Role.NET),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                x=x,
                bias=forward.parameter("b") if self.bias != "none" else None,
                link=Link(weights=forward.parameter("W"), axes=axes, groups=self.groups),
            )
        )
        return forward.activate(net, self)
