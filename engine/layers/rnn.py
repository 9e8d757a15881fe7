"""The simple recurrent layer of Elman: the state is an activation of the inputs and the state before."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from retrograde.engine.layers.recurrent import CellStep, RecurrentLayer, Walk


class RnnLayer(RecurrentLayer):
    """A simple recurrent layer: h_t = tanh(W·x_t + b + U·h_{t−1} + b′), or ReLU; PyTorch's nn.RNN, Keras's SimpleRNN.

    Source: Elman 1990, "Finding structure in time".
    """

    kind: Literal["rnn"] = Field(description="the kind of layer")
    activation: Literal["tanh", "relu", "sigmoid", "identity"] = Field(
        default="tanh", description="the activation function"
    )

    gates: ClassVar[tuple[str, ...]] = ("",)

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"{self.units} rnn {self.activation}"

    def step(self, walk: Walk, now: CellStep) -> None:
        """A weighted sum, and its activation."""
        from retrograde.engine.ops.cells import HELD

        stack = walk.stack("all", self.gates, inputs=True, state=True)
        net = walk.net(now, stack, 0, "", walk.state("h"))
        if walk.mask is None:
            walk.states["h"] = walk.activated(net, walk.stem, self.activation)
            return
        new = walk.activated(net, "cand" + walk.direction, self.activation)
        walk.states["h"] = walk.made(now, walk.stem, (HELD, HELD), [new], held=walk.states["h"])
