"""The same values in another shape: flattened, reshaped, with axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import MAX_UNITS, Form, Layer, ShapeError
from retrograde.engine.layers.concatenate import axis_of
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class FlattenLayer(Layer):
    """All values of a sample as one row: axis by axis, of a sequence time step by time step."""

    kind: Literal["flatten"] = Field(description="the kind of layer")

    def form(self, sources: Sequence[Form]) -> Form:
        """One axis."""
        return Form((sources[0].size,))

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One copy an element."""
        from retrograde.engine.equations.array import Array, Extent, Phase
        from retrograde.engine.ops.rearrange import Join, Recast

        (value,) = sources
        steps = (value,) if isinstance(value, Array) else value
        size = sum(Form(array.element_shape).size for array in steps)
        target = forward.made("out", (size,), role=Role.OUT)
        phase, extent = Phase.FORWARD, Extent.SAMPLE
        if len(steps) == 1:
            return forward.append(Recast(target=target, phase=phase, layer=self.name, extent=extent, x=steps[0]))
        rows: list[Array] = []
        for array in steps:
            if len(array.element_shape) == 1:
                rows.append(array)
                continue
            row = forward.made("row", (Form(array.element_shape).size,), time=array.time)
            rows.append(forward.append(Recast(target=row, phase=phase, layer=self.name, extent=extent, x=array)))
        return forward.append(
            Join(target=target, phase=phase, layer=self.name, extent=extent, sources=tuple(rows), axis=1)
        )


class ReshapeLayer(Layer):
    """The same values, laid out row by row, in an array of another shape; of a sequence, at each time step."""

    kind: Literal["reshape"] = Field(description="the kind of layer")
    shape: Annotated[
        tuple[Annotated[int, Field(ge=-1, le=MAX_UNITS)], ...],
        Field(strict=False, min_length=1, max_length=4, description="the new shape for one sample; -1 is worked out"),
    ]

    def form(self, sources: Sequence[Form]) -> Form:
        """The new shape.

        Raises:
            ShapeError: it does not hold as many values.
        """
        size = prod(sources[0].shape)
        wanted = list(self.shape)
        if 0 in wanted or wanted.count(-1) > 1:
            raise ShapeError("shape", _("a length is 1 or more; at most one may be -1, which is worked out"))
        if -1 in wanted:
            rest = -prod(wanted)
            wanted[wanted.index(-1)] = size // rest if size % rest == 0 else 0
        if prod(wanted) != size:
            message = _("{shape} does not hold the {size} values of {before}")
            shown = "×".join(map(str, self.shape))
            raise ShapeError("shape", message.format(shape=shown, size=size, before=Form(sources[0].shape)))
        return Form(tuple(wanted), sources[0].steps)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One copy an element."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.rearrange import Recast

        def recast(x: Array, time: int | None) -> Array:
            shape = self.form([Form(x.element_shape)]).shape
            return forward.append(
                Recast(
                    target=forward.made("out", shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                )
            )

        return forward.each(sources[0], recast)


class _PermutingLayer(Layer):
    """The axes of an array in another order; of a sequence, at each time step."""

    def order(self, count: int) -> tuple[int, ...]:
        """For each axis of the result the axis before it, from 0.

        Args:
            count: the number of axes.

        Raises:
            ShapeError: that is no order of them.
        """
        raise NotImplementedError

    def form(self, sources: Sequence[Form]) -> Form:
        """The lengths in their new order."""
        shape = sources[0].shape
        return Form(tuple(shape[axis] for axis in self.order(len(shape))), sources[0].steps)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One copy an element."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.rearrange import Permute

        def permuted(x: Array, time: int | None) -> Array:
            order = self.order(len(x.element_shape))
            shape = tuple(x.element_shape[axis] for axis in order)
            return forward.append(
                Permute(
                    target=forward.made("out", shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                    axes=(0, *(axis + 1 for axis in order)),
                )
            )

        return forward.each(sources[0], permuted)


Axis = Annotated[int, Field(ge=-4, le=4)]


class PermuteLayer(_PermutingLayer):
    """The axes of an array in another order."""

    kind: Literal["permute"] = Field(description="the kind of layer")
    axes: Annotated[
        tuple[Axis, ...],
        Field(
            strict=False,
            min_length=1,
            max_length=4,
            description="for each axis of the result the axis before it, from 1, without the sample; -1 is the last",
        ),
    ]

    def order(self, count: int) -> tuple[int, ...]:
        """``axes`` from 0."""
        found = tuple(axis_of(axis, count, "axes") for axis in self.axes)
        if sorted(found) != list(range(count)):
            message = _("each of the {count} axes is named once, such as {example}")
            example = list(range(count, 0, -1))
            raise ShapeError("axes", message.format(count=count, example=example))
        return found


class TransposeLayer(_PermutingLayer):
    """Two axes of an array change places."""

    kind: Literal["transpose"] = Field(description="the kind of layer")
    axes: Annotated[tuple[Axis, ...], Field(strict=False)] = Field(
        default=(-2, -1),
        min_length=2,
        max_length=2,
        description="the two axes, from 1, the sample not counted; -1 is the last",
    )

    def order(self, count: int) -> tuple[int, ...]:
        """All axes in their order but the two."""
        first, second = (axis_of(axis, count, "axes") for axis in self.axes)
        found = list(range(count))
        found[first], found[second] = second, first
        return tuple(found)
