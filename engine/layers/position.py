"""Positions: what is added to each vector of a sequence so that it tells where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, Matrix, Parameter, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class PositionLayer(Layer):
    """The position of each vector of an array (positions, width), added to it.

    sinusoidal: sin(p / 10000^(i/d)) at even elements i, cos(p / 10000^((i − 1)/d)) at odd ones, with p from 0.
    learned: a vector P[p] for each position, which is trained.
    """

    kind: Literal["position"] = Field(description="the kind of layer")
    encoding: Literal["sinusoidal", "learned"] = Field(
        default="sinusoidal", description="sinusoidal: sines and cosines; learned: a table that is trained"
    )
    weights: Matrix | None = Field(
        default=None, description="of learned: the initial table; a row per position, a column per element"
    )

    @property
    def turns(self) -> bool:
        """Its table has a row per entry in every layout."""
        return False

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "position" if self.encoding == "sinusoidal" else "learned position"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if sources[0].steps or len(sources[0].shape) != 2:
            message = _("positions are added to an array (positions, width); {shape} comes before it")
            raise ShapeError("inputs", message.format(shape=sources[0]))
        if self.encoding == "sinusoidal" and self.weights is not None:
            raise ShapeError("weights", _("weights belong to learned positions; these are sinusoidal"))
        return sources[0]

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """P (positions, width), where it is learned."""
        if self.encoding == "sinusoidal":
            return ()
        shape = sources[0].shape
        return (
            Parameter(
                name="P",
                shape=shape,
                role=Role.WEIGHT,
                fans=(shape[1], shape[0]),
                given=self.weights,
                key="weights",
            ),
        )

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A sum an element."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.embedding import LearnedPositions, Sinusoids

        x: Any = sources[0]
        op: dict[str, Any] = {"phase": Phase.FORWARD, "layer": self.name, "extent": Extent.SAMPLE, "x": x}
        target = forward.made("out", x.element_shape, role=Role.OUT)
        if self.encoding == "sinusoidal":
            return forward.append(Sinusoids(target=target, **op))
        return forward.append(LearnedPositions.of(target=target, table=forward.parameter("P"), **op))
