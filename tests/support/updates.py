"""Optimisers that are given their gradients: a network of one linear neuron whose gradients are overridden."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.executor.base import Executor
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.travel.calendar import Schedule

EXECUTORS: Mapping[str, Callable[..., Executor]] = {"generated": GeneratedExecutor, "kernels": KernelExecutor}


def toml(value: Any) -> str:
    """A value as a file writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


def linear(weights: Sequence[float], training: Mapping[str, Any], *, epochs: int = 100, samples: int = 1) -> str:
    """A neuron with the weights w1, w2, ... and without a bias."""
    lines = [
        'format = 1\ntitle = { en = "One neuron" }',
        f"[network]\ninputs = {len(weights)}",
        f'[[network.layers]]\nunits = 1\nbias = "none"\nweights = {[list(weights)]}',
        f"[data]\ninputs = {[[1.0] * len(weights)] * samples}\ntargets = {[[0.0]] * samples}",
        '[loss]\nkind = "squared_error"',
        "[training]",
        *(f"{key} = {toml(value)}" for key, value in training.items()),
        f"[stop]\nepochs = {epochs}",
    ]
    return "\n".join(lines)


def network(setting: Mapping[str, Any], *, update: str = "simultaneous", extra: str = "", samples: int = 5) -> str:
    """A network 3-4-2 with explicit parameters."""
    random = np.random.Generator(np.random.Philox(7))
    lines = ['format = 1\ntitle = { en = "A network" }\n[network]\ninputs = 3']
    for units, sources, activation in ((4, 3, "tanh"), (2, 4, "identity")):
        lines.append(f'[[network.layers]]\nunits = {units}\nactivation = "{activation}"')
        lines.append(f"weights = {random.normal(size=(units, sources)).tolist()}")
        lines.append(f"biases = {random.normal(size=units).tolist()}")
    lines.append(f"[data]\ninputs = {random.normal(size=(samples, 3)).tolist()}")
    lines.append(f"targets = {random.normal(size=(samples, 2)).tolist()}")
    lines.append('[loss]\nkind = "mean_squared_error"\n[training]\nlearning_rate = 0.05')
    lines.append(f'update = "{update}"')
    lines += [f"{key} = {toml(value)}" for key, value in setting.items()]
    return "\n".join([*lines, extra, "[stop]\nepochs = 40"])


class Given:
    """The neuron, updated by gradients that are given.

    Args:
        weights: the weights to begin with.
        training: the table ``[training]``.
        executor: which executor computes.
        samples: samples of the data; with batches of one the iterations of an epoch.
    """

    def __init__(
        self, weights: Sequence[float], training: Mapping[str, Any], executor: str = "kernels", samples: int = 1
    ) -> None:
        self.network = Network(parse_scenario(linear(weights, training, samples=samples)))
        self.schedule = Schedule(self.network)
        self.program = self.schedule.full
        self.executor = EXECUTORS[executor](self.program, self.network.constants)
        self.state = np.array(self.network.initial_state)
        self.iteration = 0

    def step(self, gradient: Sequence[float], loss: float | None = None) -> Frame:
        """One update by a gradient, with an E that may be given too."""
        program, at = self.program, self.iteration
        leaves = self.executor.leaves(self.network.columns, self.schedule.rows(at), self.schedule.dated(at))
        slope = program.named["grad(W_o)"]
        given = {Ref(slope, (0, number)): float(value) for number, value in enumerate(gradient)}
        if loss is not None:
            given[Ref(program.named["E"], ())] = loss
        frame = self.executor.frame(self.state, leaves, given)
        self.state = np.array(frame.next_state)
        self.iteration += 1
        return frame

    def __getitem__(self, name: str) -> Floats:
        """What the state holds under a name, flat."""
        array = self.program.named[name]
        start = self.program.offsets[array]
        return self.state[start : start + array.size]

    def __setitem__(self, name: str, values: Sequence[float] | float) -> None:
        """Replaces a part of the state."""
        self[name][...] = values

    @property
    def weights(self) -> list[float]:
        """The weights."""
        found: list[float] = self["W_o"].tolist()
        return found


def memory(network: Network) -> set[str]:
    """The names of what an optimiser remembers."""
    return {array.name for array in network.state if array.role is Role.MEMORY}
