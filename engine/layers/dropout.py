"""Dropout: in training each value is left out at random; in evaluation every value passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class DropoutLayer(Layer):
    """Dropout: out = x · (mask / (1 − rate)), with a new mask in each iteration; out = x when it is evaluated.

    The masks are drawn from network.seed; the same seed gives the same ones.
    """

    kind: Literal["dropout"] = Field(description="the kind of layer")
    rate: float = Field(default=0.5, ge=0, lt=1, description="how often a value is left out")
    whole_channels: bool = Field(
        default=False, description="true: the first axis, that of the channels, is left out as a whole"
    )

    mask: str | None = Field(
        default=None,
        max_length=300,
        description="the name of a tensor of network.weights_file: the mask of the first iteration, 1 for what stays"
        " and 0 for what is left out, with an axis for the samples before the others; later ones are drawn",
    )

    evaluates_apart: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"dropout {self.rate:g}"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if self.whole_channels and len(sources[0].shape) < 2:
            message = _("the values before it, {shape}, have no axis besides that of the channels")
            raise ShapeError("whole_channels", message.format(shape=sources[0]))
        return sources[0]

    def slots(self, sources: Sequence[Form]) -> int:
        """The values and their masks."""
        return 2 * sources[0].size

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A product with the mask of the iteration, at each time step of a sequence with one of its own."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.activation import Activate
        from retrograde.engine.ops.dropout import Coins, Dropout

        number = len(forward.values)

        def dropped(x: Any, time: int | None) -> Any:
            place: dict[str, Any] = {
                "target": forward.made("out", x.element_shape, role=Role.OUT, time=time),
                "phase": Phase.FORWARD,
                "layer": self.name,
                "extent": Extent.SAMPLE,
            }
            if not forward.train:
                return forward.append(Activate(**place, net=x, function=None, activation="identity", parameter=0.0))
            shape = x.element_shape[:1] if self.whole_channels else x.element_shape
            mask = forward.made("mask", shape, role=Role.MASK, time=time)
            coins = Coins(shape=mask.shape, rate=self.rate, seed=forward.seed, layer=number, time=time or 0)
            return forward.append(Dropout.of(**place, x=x, mask=forward.changing(mask, coins), rate=self.rate))

        return forward.each(sources[0], dropped)
