"""An activation function alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.layers.base import ActivatedLayer, ActivationName, Form

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class ActivationLayer(ActivatedLayer):
    """An activation function of each value; softmax runs over the last axis."""

    kind: Literal["activation"] = Field(description="the kind of layer")
    activation: ActivationName = Field(description="the activation function")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return self.activation

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        return sources[0]

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One step an element."""

        def activated(x: Array, time: int | None) -> Array:
            del time
            return forward.activate(x, self)

        return forward.each(sources[0], activated)
