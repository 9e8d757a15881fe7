"""The mean or the sum along some axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.layers.concatenate import axis_of
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value

AxisNumber = Annotated[int, Field(ge=-4, le=4)]


class _AlongLayer(Layer):
    """Values along some axes become one."""

    axes: Annotated[tuple[AxisNumber, ...], Field(strict=False)] | None = Field(
        default=None,
        min_length=1,
        max_length=4,
        description="the axes, from 1, the sample not counted; -1 is the last; all if absent",
    )
    keep: bool = Field(
        default=False,
        description="whether these axes stay, with the length 1 (PyTorch's keepdim); else they are left out",
    )

    def _axes(self, count: int) -> tuple[int, ...]:
        """The axes, from 0.

        Raises:
            ShapeError: there are not as many, or one is named twice.
        """
        if self.axes is None:
            return tuple(range(count))
        found = tuple(axis_of(axis, count, "axes") for axis in self.axes)
        if len(set(found)) < len(found):
            raise ShapeError("axes", _("an axis is named twice"))
        return found

    def form(self, sources: Sequence[Form]) -> Form:
        """The other axes."""
        shape = sources[0].shape
        axes = self._axes(len(shape))
        kept = tuple(
            1 if axis in axes else length for axis, length in enumerate(shape) if self.keep or axis not in axes
        )
        return Form(kept, sources[0].steps)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One step an element of the result, at each time step of a sequence."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.axis_mean import AxisMean

        def taken(x: Array, time: int | None) -> Array:
            shape = self.form([Form(x.element_shape)]).shape
            return forward.append(
                AxisMean.of(
                    target=forward.made("out", shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                    axes=[axis + 1 for axis in self._axes(len(x.element_shape))],
                    keep=self.keep,
                    mean=self.kind == "mean",
                )
            )

        return forward.each(sources[0], taken)


class MeanLayer(_AlongLayer):
    """The mean of each sample along some axes: x.mean(dim) in PyTorch; of a sequence at each time step."""

    kind: Literal["mean"] = Field(description="the kind of layer")


class SumLayer(_AlongLayer):
    """The sum of each sample along some axes: x.sum(dim) in PyTorch; of a sequence at each time step."""

    kind: Literal["sum"] = Field(description="the kind of layer")
