"""Pooling over windows, and over whole channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.layers.spatial import Windows, empty, spatial
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class _PoolLayer(Windows, Layer):
    """A value for each window of each channel."""

    ceil_mode: bool = Field(
        default=False,
        description="true: a last window that reaches beyond the padding counts too, if it begins before its end, as in"
        " PyTorch; false: only those that fit",
    )

    def fits(self, space: int, stride: int, begins: int) -> int:
        """How many windows there are along an axis.

        Args:
            space: how far the first can move until it ends where the padding does.
            stride: how far each moves.
            begins: where the padding behind the last value begins.
        """
        if not self.ceil_mode:
            return super().fits(space, stride, begins)
        count = -(-space // stride) + 1
        return count - 1 if (count - 1) * stride >= begins else count

    def form(self, sources: Sequence[Form]) -> Form:
        """The channels, with one value a window.

        Raises:
            ShapeError: a window does not fit, or lies in the padding alone.
        """
        counts = self.counts(sources[0])
        if empty(self, sources[0]):
            raise ShapeError("padding", _("some window lies in the padding alone, where there is nothing to pool"))
        return Form((sources[0].shape[0], *counts))

    def completed(self) -> dict[str, Any]:
        """The stride: windows side by side."""
        return {**super().completed(), **({"stride": self.kernel} if self.stride is None else {})}

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each axis: that of the kernel if absent."""
        return self.kernel if self.stride is None else self.each("stride")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.kind.split('_')[0]} {self.text}"


class MaxPoolLayer(_PoolLayer):
    """Max pooling: the largest value of each window; of equal ones the first in row order."""

    kind: Literal["max_pool"] = Field(description="the kind of layer")

    def slots(self, sources: Sequence[Form]) -> int:
        """The winners and the outputs."""
        return 2 * self.form(sources).size

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """The number of each window's winner, and its value."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops import pool

        x: Any = sources[0]
        source = Form(x.element_shape)
        shape = self.form([source]).shape
        common: dict[str, Any] = {
            "phase": Phase.FORWARD,
            "layer": self.name,
            "extent": Extent.SAMPLE,
            "x": x,
            "axes": self.axes(source),
        }
        winner = forward.append(pool.Winner(target=forward.made("winner", shape), **common))
        return forward.append(pool.MaxPool(target=forward.made("out", shape, role=Role.OUT), winner=winner, **common))


class AveragePoolLayer(_PoolLayer):
    """Average pooling: the mean of each window."""

    kind: Literal["average_pool"] = Field(description="the kind of layer")
    count_include_pad: bool = Field(
        default=True,
        description="true: the padding counts as zeros; false: the mean runs over the values that are there",
    )

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """The mean of each window."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops import pool

        x: Any = sources[0]
        source = Form(x.element_shape)
        return forward.append(
            pool.AveragePool(
                target=forward.made("out", self.form([source]).shape, role=Role.OUT),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                x=x,
                axes=self.axes(source),
                padded=self.count_include_pad,
                ends=self._ends(source),
            )
        )

    def _ends(self, source: Form) -> tuple[int, ...] | None:
        """Where the padding ends behind each axis, if a window may reach beyond it."""
        if not self.ceil_mode:
            return None
        pairs = zip(self.lengths(source), self.margins, strict=True)
        return tuple(length + after for length, (_before, after) in pairs)


class GlobalAveragePoolLayer(Layer):
    """Global average pooling: the mean of each channel, as one row."""

    kind: Literal["global_average_pool"] = Field(description="the kind of layer")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "global average"

    def form(self, sources: Sequence[Form]) -> Form:
        """One value a channel."""
        spatial(sources)
        return Form(sources[0].shape[:1])

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """The mean of each channel."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.pool import GlobalAverage

        x: Any = sources[0]
        return forward.append(
            GlobalAverage.of(
                target=forward.made("out", x.element_shape[:1], role=Role.OUT),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                x=x,
            )
        )
