"""The dense layer: every unit sees every unit of the layer before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.array import Role
from retrograde.engine.layers.base import (
    MAX_UNITS,
    ActivatedLayer,
    ActivationName,
    BiasKind,
    Form,
    LayerInit,
    Matrix,
    NameTable,
    NumberingOrder,
    Parameter,
    Row,
    list_or_number,
    table_or_order,
)

if TYPE_CHECKING:
    from retrograde.engine.graph import Graph, Value


class Layer(ActivatedLayer):
    """A dense layer: net = W·x + b, out = activation(net).

    Of an array with several axes, x is all of it, row by row.
    """

    kind: Literal["dense"] = Field(default="dense", description="the kind of layer")
    units: int = Field(ge=1, le=MAX_UNITS, description="number of neurons")
    activation: ActivationName = Field(default="sigmoid", description="the activation function")
    bias: BiasKind = Field(default="neuron", description="one bias per neuron, one shared by the layer, or none")
    frozen: Annotated[tuple[Literal["weights", "bias"], ...], Field(strict=False)] = Field(
        default=(), max_length=2, description="parameters that training leaves as they are"
    )
    weights: Matrix | None = Field(
        default=None,
        description="initial weights; a row per neuron of this layer, a column per neuron before it",
    )
    biases: (
        Annotated[Annotated[float, Tag("<number>")] | Annotated[Row, Tag("<list>")], Discriminator(list_or_number)]
        | None
    ) = Field(default=None, description="initial biases, one per neuron; a number stands for all of them")
    numbering: (
        Annotated[
            Annotated[NumberingOrder, Tag("<order>")] | Annotated[NameTable, Tag("<table>")],
            Discriminator(table_or_order),
        ]
        | None
    ) = Field(
        default=None,
        description="how w1, w2, ... run through the layer: target (all weights into its first neuron first),"
        " source (all weights out of the first neuron before it first), or a table of names, shaped as weights",
    )
    init: LayerInit | None = Field(default=None, description="how this layer's parameters are drawn")

    @property
    def bias_count(self) -> int:
        """Number of bias parameters."""
        return {"neuron": self.units, "shared": 1, "none": 0}[self.bias or "neuron"]

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.units} {self.activation}"

    def form(self, sources: Sequence[Form]) -> Form:
        """``units`` values, at each time step of a sequence."""
        return Form((self.units,), sources[0].steps)

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (units, inputs) and b."""
        width = Form(sources[0].shape).size
        fans = (self.units, width)
        weights = Parameter(
            name="W",
            shape=fans,
            role=Role.WEIGHT,
            fans=fans,
            given=self.weights,
            frozen="weights" in (self.frozen or ()),
        )
        if self.bias == "none":
            return (weights,)
        given = self.biases
        bias = Parameter(
            name="b",
            shape=(self.bias_count,),
            role=Role.BIAS,
            fans=fans,
            given=given if given is None or isinstance(given, tuple) else (given,) * self.bias_count,
            frozen="bias" in (self.frozen or ()),
        )
        return weights, bias

    def completed(self) -> dict[str, Any]:
        """Every bias, and the parameter of the activation."""
        found = super().completed()
        if self.biases is not None and not isinstance(self.biases, tuple):
            found["biases"] = (self.biases,) * self.bias_count
        return found

    def build(self, graph: Graph, sources: Sequence[Value]) -> Value:
        """A weighted sum and an activation, at each time step of a sequence."""
        from retrograde.engine.array import Extent, Phase
        from retrograde.engine.ops.dense import Dense

        def weighted(x: Any, time: int | None) -> Any:
            net = graph.append(
                Dense(
                    target=graph.made("net", (self.units,), role=Role.NET, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                    weights=graph.parameter("W"),
                    bias=graph.parameter("b") if self.bias != "none" else None,
                )
            )
            return graph.activate(net, self)

        return graph.each(sources[0], weighted)
