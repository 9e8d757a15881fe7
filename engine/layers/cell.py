"""The cell of an LSTM, as an output of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class CellLayer(Layer):
    """The cell c of the LSTM before it, where that hands on its state: at each step, or after the last.

    So another layer or a loss can read it, and a gradient by the cell can be given: the dc of a later piece of the
    sequence. It has no parameters.

    Source: Hochreiter, Schmidhuber 1997.
    """

    kind: Literal["cell"] = Field(description="the kind of layer")

    @property
    def kinds_before(self) -> tuple[str, ...]:
        """An LSTM."""
        return ("lstm",)

    def form(self, sources: Sequence[Form]) -> Form:
        """As what the LSTM hands on."""
        return sources[0]

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A copy of the cell, of both directions side by side."""
        from retrograde.engine.equations.array import Array, Extent, Phase
        from retrograde.engine.ops.rearrange import Join

        assert self.inputs is not None
        cells = forward.cells[self.inputs[0]]
        assert cells is not None

        def copied(states: tuple[Array, ...], time: int | None) -> Array:
            width = sum(state.shape[1] for state in states)
            return forward.append(
                Join(
                    target=forward.made("out", (width,), role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    sources=states,
                    axis=1,
                )
            )

        if isinstance(sources[0], Array):
            return copied(cells[0], None)
        return tuple(copied(states, time) for time, states in enumerate(cells, 1))
