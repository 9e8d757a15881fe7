"""The gated recurrent unit: a gate that mixes the state with what is new, and one that hides the state from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from retrograde.engine.layers.recurrent import STACKED, CellStep, RecurrentLayer, Walk
from retrograde.engine.text import N_


class GruLayer(RecurrentLayer):
    """A gated recurrent unit; the rows of its parameters are those of r, z and n, as in PyTorch.

    r = σ(W·x + b + U·h′ + b′), z = σ(...) with rows of their own; h = (1 − z) · n + z · h′. What is new is
    n = tanh(W·x + b + r · (U·h′ + b′)) with reset = "after", tanh(W·x + b + U·(r · h′) + b′) with reset = "before".

    Source: Cho et al. 2014 for the reset before; cuDNN and PyTorch's nn.GRU for that after.
    """

    kind: Literal["gru"] = Field(description="the kind of layer")
    reset: Literal["after", "before"] = Field(
        default="after",
        description="whether the reset gate works on the state's weighted sum, as in PyTorch and cuDNN, or on the state"
        " before it, as in Cho et al. 2014",
    )

    absent: ClassVar[Mapping[str, str]] = {
        **STACKED,
        "activation": N_("a GRU has σ at its gates and tanh at the candidate; rnn has a choice"),
    }
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    other_names: ClassVar[Mapping[str, str]] = {"h": "n", "g": "n", "u": "z"}

    def step(self, walk: Walk, now: CellStep) -> None:
        """The two gates, what is new, and the state that mixes it with the one before."""
        from retrograde.engine.ops.cells import MASKED_MIXED, MIXED, RESET
        from retrograde.engine.ops.recurrent import Read

        before = walk.states["h"]
        both = walk.stack("gates", ("r", "z"), inputs=True, state=True)
        r, z = (walk.gate(walk.net(now, both, number, name, walk.state("h")), name) for number, name in enumerate("rz"))
        if self.reset == "after":
            past = walk.stack("past", ("n",), inputs=False, state=True)
            u = walk.net(now, past, 0, "u", walk.state("h"), inputs=False, value=True)
            new = walk.stack("new", ("n",), inputs=True, state=False)
            shares = (Read(array=r, size=self.units), Read(array=u, size=self.units))
            net = walk.net(now, new, 0, "n", None, extra=shares)
        else:
            seen = walk.made(now, "rh" + walk.direction, (RESET, None), [r, before], before=[1])
            new = walk.stack("new", ("n",), inputs=True, state=True)
            net = walk.net(now, new, 0, "n", Read(array=seen, size=self.units), cut=False)
        n = walk.gate(net, "n", "tanh")
        walk.states["h"] = walk.made(now, walk.stem, (MIXED, MASKED_MIXED), [z, n, before], before=[2])
