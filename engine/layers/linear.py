"""The linear layer: the same weighted sums at every position, along the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import (
    MAX_UNITS,
    ActivatedLayer,
    Form,
    Parameter,
    Row,
    ShapeError,
    list_or_number,
)
from retrograde.engine.layers.layouts import Table
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value

OptionalBias = Literal["neuron", "none"]


class LinearLayer(ActivatedLayer):
    """Weighted sums along the last axis: net = W·x + b at every position, out = activation(net).

    Of an array with the axes (positions, features) each position is a dense layer of its own, with the same weights:
    a feed-forward layer of a transformer, or what is called time-distributed.
    """

    kind: Literal["linear"] = Field(description="the kind of layer")
    units: int = Field(ge=1, le=MAX_UNITS, description="number of values at each position")
    bias: OptionalBias = Field(default="neuron", description="one bias per unit, or none")
    weights: Table | None = Field(
        default=None, description="initial weights; a row per unit, a column per feature; see layout"
    )
    biases: (
        Annotated[Annotated[float, Tag("<number>")] | Annotated[Row, Tag("<list>")], Discriminator(list_or_number)]
        | None
    ) = Field(default=None, description="initial biases, one per unit; a number stands for all of them")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"linear {self.units}" + ("" if self.activation == "identity" else f" {self.activation}")

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it, with ``units`` values along the last axis."""
        shape = sources[0].shape
        if not shape:
            raise ShapeError("inputs", _("a linear layer needs features, and what comes before it is one number"))
        return Form((*shape[:-1], self.units), sources[0].steps)

    def slots(self, sources: Sequence[Form]) -> int:
        """The net inputs, where there is an activation, and the outputs."""
        return self.form(sources).size * (1 if self.activation == "identity" else 2)

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (units, features) and b (units,)."""
        fans = (self.units, sources[0].shape[-1])
        weights = Parameter(
            name="W",
            shape=fans,
            role=Role.WEIGHT,
            fans=fans,
            given=self.weights,
            key="weights",
        )
        if self.bias == "none":
            return (weights,)
        bias = Parameter(
            name="b",
            shape=(self.units,),
            role=Role.BIAS,
            fans=fans,
            given=spread(self.biases, self.units),
            key="biases",
        )
        return weights, bias

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A weighted sum and an activation, if there is one; at each time step of a sequence."""
        plain = self.activation == "identity"

        def weighted(x: Array, time: int | None) -> Array:
            bias = forward.parameter("b") if self.bias != "none" else None
            net = project(
                forward,
                "out" if plain else "net",
                x,
                forward.parameter("W"),
                bias,
                Role.OUT if plain else Role.NET,
                time,
            )
            return net if plain else forward.activate(net, self)

        return forward.each(sources[0], weighted)


def spread(given: Any, count: int) -> Any:
    """Values that a file gives one for each unit; a number stands for all."""
    return (given,) * count if isinstance(given, float) else given


def project(
    forward: Forward,
    stem: str,
    x: Array,
    weights: Array,
    bias: Array | None,
    role: Role = Role.VALUE,
    time: int | None = None,
) -> Array:
    """Appends W·x + b along the last axis of x; returns the sums.

    Args:
        forward: the forward pass.
        stem: what the sums are called.
        x: (batch, ..., features).
        weights: W, (units, features).
        bias: b, (units,), or None.
        role: what the sums are.
        time: their time step.
    """
    from retrograde.engine.equations.array import Extent, Phase
    from retrograde.engine.ops.attention import Weighted
    from retrograde.engine.ops.contract import ContractFactor

    *lead, features = x.element_shape
    units = weights.shape[0]
    # The letters of positions; s is the sample's, i and j those of the weights.
    positions = tuple(letter for letter in ascii_lowercase if letter not in "sij")[: len(lead)]
    return forward.append(
        Weighted(
            target=forward.made(stem, (*lead, units), role=role, time=time),
            phase=Phase.FORWARD,
            layer=forward.layer.name,
            extent=Extent.SAMPLE,
            axes=(*positions, "i"),
            left=ContractFactor(weights, ("i", "j")),
            right=ContractFactor(x, (*positions, "j")),
            bias=None if bias is None else ContractFactor(bias, ("i",)),
            sizes={**dict(zip(positions, lead, strict=True)), "i": units, "j": features},
        )
    )
