"""Long short-term memory: a cell that gates keep, fill and show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Parameter, Row
from retrograde.engine.layers.recurrent import STACKED, CellStep, GivenStart, RecurrentLayer, State, Walk
from retrograde.engine.text import N_

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array


class GivenCell(GivenStart):
    """The values of the parameters of one direction of an LSTM."""

    c0: State | None = Field(
        default=None, description="the cell before the first step, as h0 in one of three ways; 0 if absent"
    )
    peephole_weights: Row | None = Field(
        default=None, description="of peepholes: initial P, one per unit for the gates i, f and o, gate after gate"
    )


class LstmLayer(GivenCell, RecurrentLayer):
    """Long short-term memory; the rows of its parameters are those of i, f, g and o, as in PyTorch.

    i, f, o = σ(W·x + b + U·h′ + b′) and g = tanh(...), each with rows of its own; c = f · c′ + i · g; h = o · tanh(c).
    With peepholes, i and f see the cell before, + p · c′, and o the cell itself, + p · c.

    Source: Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000; peepholes: Gers, Schmidhuber 2000.
    """

    kind: Literal["lstm"] = Field(description="the kind of layer")
    peepholes: bool = Field(default=False, description="whether the gates see the cell")
    forget_bias: float = Field(
        default=0.0, description="initial value of b for the forget gate, where biases are not given"
    )
    reverse: GivenCell | None = Field(
        default=None, description='of direction = "both": the values of the second direction'
    )

    absent: ClassVar[Mapping[str, str]] = {
        **STACKED,
        "activation": N_(
            "an LSTM has σ at its gates, and tanh at the candidate and at the cell's output; rnn has a choice"
        ),
    }
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    other_names: ClassVar[Mapping[str, str]] = {"c": "g", "j": "g", "a": "g", "z": "g"}

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the initial states."""
        return "h0", "c0"

    def given(self, direction: str) -> Any:
        """The table that has the values of the parameters of a direction."""
        return self if direction == "" else self.reverse or GivenCell()

    def values(self, key: str, given: Any) -> Any:
        """The initial values of a parameter; of biases, those of the forget gate may have a value of their own."""
        found = getattr(given, key)
        if key != "biases" or found is not None or self.forget_bias == 0.0:
            return found
        return tuple(self.forget_bias if gate == "f" else 0.0 for gate in self.file_gates for _ in range(self.units))

    def _parameters(self, direction: str, features: int) -> Iterator[Parameter]:
        yield from super()._parameters(direction, features)
        if self.peepholes:
            yield Parameter(
                name="P" + direction,
                shape=(3 * self.units,),
                role=Role.WEIGHT,
                fans=(self.units, self.units),
                given=self.given(direction).peephole_weights,
                key="peephole_weights" if direction == "" else "reverse",
                blocks=("i", "f", "o"),
            )

    def step(self, walk: Walk, now: CellStep) -> None:
        """The gates, the cell, and what is shown of it."""
        from retrograde.engine.ops.cells import CELL, EXPOSED, MASKED_CELL, MASKED_EXPOSED
        from retrograde.engine.ops.recurrent import Read

        before = walk.states["c"]
        stack = walk.stack("all", self.gates, inputs=True, state=True)

        def gate(name: str, cell: Array) -> Array:
            extra = None
            if self.peepholes and name != "g":
                weights = Read(array=walk.parameter("P"), size=self.units, first="ifo".index(name) * self.units)
                extra = (weights, Read(array=cell, size=self.units))
            net = walk.net(
                now,
                stack,
                self.gates.index(name),
                name,
                walk.state("h"),
                extra=extra,
                extra_before=cell is before,
            )
            return walk.gate(net, name, "tanh" if name == "g" else "sigmoid")

        i, f, g = (gate(name, before) for name in "ifg")
        cell = walk.made(now, "c" + walk.direction, (CELL, MASKED_CELL), [f, before, i, g], before=[1])
        o = gate("o", cell)
        walk.states["c"] = cell
        walk.states["h"] = walk.made(now, walk.stem, (EXPOSED, MASKED_EXPOSED), [o, cell], held=walk.states["h"])
