"""The dense layer: every unit sees every unit of the layers before it, or those that its edges lead from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.array import Role
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
    ShapeError,
    common_steps,
    list_or_number,
    table_or_order,
)
from retrograde.engine.layers.layouts import Table
from retrograde.engine.layers.stored import Stored
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value
    from retrograde.engine.ops.base import Op


EdgeRow = Annotated[tuple[Annotated[int, Field(ge=0, le=1)], ...], Field(strict=False)]
EdgeTable = Annotated[tuple[EdgeRow, ...], Field(strict=False)]


class DenseLayer(ActivatedLayer):
    """A dense layer: net = W·x + b, out = activation(net).

    Of several layers before it, x is their units in turn. Of an array with several axes, x is all of it, row by row.
    """

    kind: Literal["dense"] = Field(default="dense", description="the kind of layer")
    units: int = Field(ge=1, le=MAX_UNITS, description="number of neurons")
    activation: ActivationName = Field(default="sigmoid", description="the activation function")
    bias: BiasKind = Field(default="neuron", description="one bias per neuron, one shared by the layer, or none")
    edges: EdgeTable | None = Field(
        default=None,
        description="which edges there are: a row per neuron of this layer, a column per neuron before it, 1 for an"
        " edge and 0 for none; absent: all",
    )
    weights: Table | None = Field(
        default=None,
        description="initial weights; a row per neuron of this layer, a column per neuron before it, 0 where there is"
        " no edge",
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
        " source (all weights out of the first neuron before it first), or a table of names, shaped as weights, with"
        ' "" where there is no edge',
    )
    init: LayerInit | None = Field(default=None, description="how this layer's parameters are drawn")

    @property
    def bias_count(self) -> int:
        """Number of bias parameters."""
        return {"shared": 1, "none": 0}.get(self.bias, self.units)

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.units} {self.activation}"

    @property
    def arity(self) -> tuple[int, int]:
        """One layer or more."""
        return 1, 64

    @property
    def pairs(self) -> tuple[tuple[int, int], ...] | None:
        """(unit, column) of each edge, row by row, where the file says which there are."""
        if self.edges is None:
            return None
        return tuple((i, j) for i, row in enumerate(self.edges) for j, there in enumerate(row) if there)

    def width(self, sources: Sequence[Form]) -> int:
        """Number of units that it sees: the columns of the table of weights."""
        return sum(Form(source.shape).size for source in sources)

    def form(self, sources: Sequence[Form]) -> Form:
        """``units`` values, at each time step of a sequence."""
        steps = common_steps(sources)
        wanted = (self.units, self.width(sources))
        if self.edges is not None:
            found = {len(row) for row in self.edges}
            if len(self.edges) != wanted[0] or found != {wanted[1]}:
                message = _(
                    "a table of {rows} rows where the layer needs {units}×{before} (units × inputs of the layer)"
                )
                raise ShapeError("edges", message.format(rows=len(self.edges), units=wanted[0], before=wanted[1]))
            lonely = next((unit for unit, row in enumerate(self.edges) if not any(row)), None)
            if lonely is not None:
                raise ShapeError("edges", _("no edge leads to neuron {unit}").format(unit=lonely + 1))
        return Form((self.units,), steps)

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (units, inputs), or (edges,) where the file says which edges there are, and b."""
        fans = (self.units, self.width(sources))
        pairs, given = self.pairs, self.weights
        weights = Parameter(
            name="W",
            shape=fans if pairs is None else (len(pairs),),
            role=Role.WEIGHT,
            fans=fans,
            given=given if given is None or pairs is None else _picked(self.rows, pairs),
            key="weights",
        )
        if self.bias == "none":
            return (weights,)
        biases = self.biases
        bias = Parameter(
            name="b",
            shape=(self.bias_count,),
            role=Role.BIAS,
            fans=fans,
            given=biases if biases is None or isinstance(biases, tuple) else (biases,) * self.bias_count,
            key="biases",
        )
        return weights, bias

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """The weights as a whole table, with 0 where there is no edge, and the biases."""
        weights, *others = super().stored(sources)
        table = (self.units, self.width(sources))
        return replace(weights, shape=table, pairs=self.pairs), *others

    @property
    def rows(self) -> Matrix:
        """The weights that the file gives, a row per unit."""
        rows: Matrix = self.weights or ()
        return tuple(zip(*rows, strict=False)) if self.layout == "inputs_first" else rows

    def completed(self) -> dict[str, Any]:
        """Every bias, and the parameter of the activation."""
        found = super().completed()
        if self.biases is not None and not isinstance(self.biases, tuple):
            found["biases"] = (self.biases,) * self.bias_count
        return found

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A weighted sum and an activation, at each time step of a sequence."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.dense import Dense

        weights = forward.parameter("W")
        bias = forward.parameter("b") if self.bias != "none" else None

        def weighted(x: Sequence[Array], time: int | None) -> Array:
            net = forward.made("net", (self.units,), role=Role.NET, time=time)
            if len(x) == 1 and self.edges is None:
                op: Op = Dense(
                    target=net,
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x[0],
                    weights=weights,
                    bias=bias,
                )
            else:
                from retrograde.engine.ops.edges import EdgeColumns, EdgeSum

                op = EdgeSum(
                    target=net,
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    columns=EdgeColumns.of(tuple(x)),
                    weights=weights,
                    bias=bias,
                    units=self.units,
                    edges=self.pairs,
                )
            return forward.activate(forward.append(op), self)

        return forward.together(sources, weighted)


def _picked(rows: Matrix, pairs: tuple[tuple[int, int], ...]) -> Row:
    """The weights of the edges that there are; those of a table of another shape are not asked for."""
    return tuple(rows[i][j] for i, j in pairs if i < len(rows) and j < len(rows[i]))
