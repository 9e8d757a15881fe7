"""A part of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import MAX_UNITS, Form, Layer, ShapeError
from retrograde.engine.layers.concatenate import axis_of
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class SliceLayer(Layer):
    """A part of an array along one axis: the places from ``first`` to ``last``, or the one place ``at``.

    Places are counted from 1, and from -1 for the last backwards; ``last`` belongs to the part. PyTorch's x[:, a:b]
    is first = a + 1 and last = b; its x[:, k] is at = k + 1, and its split is a layer like this for each piece.
    """

    kind: Literal["slice"] = Field(description="the kind of layer")
    axis: int = Field(default=1, ge=-4, le=4, description="the axis, from 1, the sample not counted; -1 is the last")
    first: int | None = Field(default=None, ge=-MAX_UNITS, le=MAX_UNITS, description="the first place; 1 if absent")
    last: int | None = Field(
        default=None, ge=-MAX_UNITS, le=MAX_UNITS, description="the last place, which belongs to it; the end if absent"
    )
    step: int = Field(default=1, ge=1, le=MAX_UNITS, description="from one place to the next")
    at: int | None = Field(
        default=None, ge=-MAX_UNITS, le=MAX_UNITS, description="the only place; the axis is then left out"
    )

    def places(self, length: int) -> range:
        """The places from 0, of an axis of some length.

        Raises:
            ShapeError: it does not have them, or there are none.
        """
        if self.at is not None:
            for key in ("first", "last"):
                if getattr(self, key) is not None:
                    raise ShapeError(
                        key, _("at is one place, {key} begins or ends several; give one of them").format(key=key)
                    )
            place = self._place("at", self.at, length)
            return range(place, place + 1)
        first = 0 if self.first is None else self._place("first", self.first, length)
        last = length - 1 if self.last is None else self._place("last", self.last, length)
        if last < first:
            message = _("the last place, {last}, comes before the first, {first}")
            raise ShapeError(
                "last" if self.last is not None else "first", message.format(first=first + 1, last=last + 1)
            )
        return range(first, last + 1, self.step)

    def _place(self, key: str, number: int, length: int) -> int:
        if not 1 <= abs(number) <= length:
            message = _("there is no place {place}: the axis has {length}, from 1 on")
            raise ShapeError(key, message.format(place=number, length=length))
        return number - 1 if number > 0 else length + number

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape with a shorter axis, or without it."""
        shape = sources[0].shape
        axis = axis_of(self.axis, len(shape), "axis")
        places = self.places(shape[axis])
        kept = () if self.at is not None else (len(places),)
        return Form((*shape[:axis], *kept, *shape[axis + 1 :]), sources[0].steps)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One copy an element, at each time step of a sequence."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.slice import Slice, Stretch

        def cut(x: Array, time: int | None) -> Array:
            shape = x.element_shape
            axis = axis_of(self.axis, len(shape), "axis")
            return forward.append(
                Slice(
                    target=forward.made("out", self.form([Form(shape)]).shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                    stretch=Stretch(axis=axis + 1, places=self.places(shape[axis]), dropped=self.at is not None),
                )
            )

        return forward.each(sources[0], cut)
