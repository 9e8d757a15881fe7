"""ONNX's training operators as the engine's optimisers, with the state that a case gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.ops.update.adam import ADAM
from retrograde.engine.ops.update.adaptive import AVERAGE, AVERAGE_OF_SQUARES
from retrograde.engine.ops.update.appending import Updates
from retrograde.engine.ops.update.learning_rate import current_rate
from retrograde.engine.ops.update.table import APPEND
from tests.oracles.onnx_bench import Bench, BeyondError
from tests.oracles.onnx_cases import Case

Outputs = dict[int, Floats]


class Update:
    """The tensors of a case, each with its gradient and what is remembered of it.

    Args:
        case: the case.
        memories: how many tensors are remembered of each.
        optimiser: the engine's optimiser.
        settings: its options.
    """

    def __init__(self, case: Case, memories: int, optimiser: str, settings: dict[str, Any]) -> None:
        tensors = [one for one in case.inputs[2:] if one is not None]
        self.count = len(tensors) // (2 + memories)
        self.columns = [tensors[k * self.count : (k + 1) * self.count] for k in range(2 + memories)]
        self.bench = Bench(1, optimiser=optimiser, settings=settings)
        rate, passed = case.inputs[0], case.inputs[1]
        assert rate is not None
        assert passed is not None
        self.passed = int(passed)
        self.bench.values[self.bench.rate] = np.array(float(rate))
        self.updates = Updates(self.bench.builder, optimiser, current_rate)

    def pair(self, number: int) -> tuple[Array, Array]:
        """A tensor and its gradient."""
        w, g = (self.columns[k][number] for k in range(2))
        parameter = self.bench.leaf(w, batched=False, role=Role.WEIGHT, name=f"w{number}")
        return parameter, self.bench.leaf(g, batched=False, name=f"g{number}")

    def run(self, stems: tuple[str, ...]) -> Outputs:
        """The new tensors, then the new memories by their stems."""
        bench = self.bench
        pairs = [self.pair(number) for number in range(self.count)]
        for parameter, gradient in pairs:
            bench.builder.updated[parameter] = APPEND[self.optimiser](self.updates, parameter, gradient)
        state = [parameter for parameter, _gradient in pairs]
        for memory, initial in bench.builder.leaves.memory.items():
            bench.values[memory] = initial
            state.append(memory)
            if memory.of is None:
                bench.values[memory] = np.array(float(self.passed))
        for k, stem in enumerate(stems):
            for number, (parameter, _gradient) in enumerate(pairs):
                memory = next(m for m in state if m.of is parameter and m.stem == stem)
                bench.values[memory] = np.asarray(self.columns[2 + k][number], dtype=np.float64)
        wanted = [bench.builder.updated[parameter] for parameter, _gradient in pairs]
        for stem in stems:
            wanted += [
                bench.builder.updated[next(m for m in state if m.of is parameter and m.stem == stem)]
                for parameter, _gradient in pairs
            ]
        return dict(enumerate(bench.run(*wanted, state=tuple(state))))

    optimiser: str = ""


def made(case: Case, memories: int, optimiser: str, **settings: Any) -> Update:
    """The update of a case."""
    if case.attributes.get("norm_coefficient"):
        settings["weight_decay"] = case.attributes["norm_coefficient"]
        settings["decoupled"] = False
    found = Update(case, memories, optimiser, settings)
    found.optimiser = optimiser
    return found


def adagrad(case: Case) -> Outputs:
    """Adagrad; ONNX counts the updates before this one."""
    return made(
        case,
        1,
        "adagrad",
        lr_decay=case.attributes.get("decay_factor", 0.0),
        eps=case.attributes.get("epsilon", 0.0),
    ).run(("s",))


def momentum(case: Case) -> Outputs:
    """SGD with momentum; ONNX's beta is 1 − dampening, and counts from the second update on."""
    passed = int(np.asarray(case.inputs[1]))
    beta = case.attributes["beta"] if passed > 0 else 1.0
    return made(
        case,
        1,
        "sgd",
        momentum=case.attributes["alpha"],
        dampening=1.0 - beta,
        nesterov=case.attributes["mode"] == "nesterov",
    ).run(("v",))


def adam(case: Case) -> Outputs:
    """Adam before the first update (T = 0), where ONNX corrects nothing: its averages and its step alone."""
    if case.attributes.get("norm_coefficient_post"):
        raise BeyondError("decay after the update (norm_coefficient_post)")
    update = made(case, 2, "adam", eps=case.attributes.get("epsilon", 0.0))
    if update.passed:
        raise BeyondError("ONNX adds ε before the correction of the bias, the engine (as PyTorch) after it")
    updates, bench = update.updates, update.bench
    shares = [
        updates.setting(name, case.attributes.get(key, default))
        for name, key, default in (("beta1", "alpha", 0.9), ("beta2", "beta", 0.999))
    ]
    wanted: list[list[Array]] = [[], [], []]
    state = []
    for number in range(update.count):
        parameter, gradient = update.pair(number)
        w, g = updates.decayed(parameter, gradient)
        found = []
        for k, (stem, rule) in enumerate((("m", AVERAGE), ("v", AVERAGE_OF_SQUARES))):
            memory = updates.memory(stem, parameter)
            bench.values[memory] = np.asarray(update.columns[2 + k][number], dtype=np.float64)
            found.append(updates.renew(memory, rule, memory, shares[k], g))
            state.append(memory)
        new = updates.replace(parameter, ADAM, w, updates.rate, *found, updates.option("eps"))
        bench.builder.updated[parameter] = new
        state.append(parameter)
        for column, array in zip(wanted, (new, *found), strict=True):
            column.append(array)
    return dict(enumerate(bench.run(*wanted[0], *wanted[1], *wanted[2], state=tuple(state))))
