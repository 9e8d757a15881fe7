"""What the engine computes of a scenario, and what the references need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.travel import timeline
from retrograde.engine.travel.timeline import Timeline
from tests.oracles.random_networks.walk import Given, Iteration

GENERATED = 400
"""Steps of an iteration up to which a network is run by the generated executor, where nothing else is asked for."""

BOTH = 2500
"""Steps of an iteration up to which the full comparison runs both executors."""

_COMPARED = {Role.OUT, Role.NET, Role.LOSS, Role.TOTAL}
_SLOPES = {Role.OUT, Role.NET, Role.WEIGHT, Role.BIAS}


@dataclass(frozen=True)
class Observed:
    """What the engine computed.

    Attributes:
        given: what the references take from it.
        iterations: what is compared.
        wanted: for each iteration the names of what a reference must have a word on.
        largest: the largest number of each iteration.
        executor: which executor it was.
        steps: steps of a full iteration.
    """

    given: Given
    iterations: tuple[Iteration, ...]
    wanted: tuple[frozenset[str], ...]
    largest: tuple[float, ...]
    executor: str
    steps: int


def observe(text: str, executor: str = "") -> Observed:
    """Runs all iterations of a scenario.

    Args:
        text: the scenario.
        executor: ``generated`` or ``kernels``; by its size if empty.
    """
    scenario = parse_scenario(text)
    network = Network(scenario)
    bound = {"generated": 1 << 60, "kernels": -1}.get(executor, GENERATED)
    with patch.object(timeline, "GENERATED_STEPS", bound):
        line = Timeline(network)
    schedule = line.schedule
    count = scenario.stop.epochs * schedule.per_epoch
    iterations, wanted, largest, rows, masks = [], [], [], [], []
    for number in range(count):
        frame = line.frame(number)
        program = frame.program
        arrays = [array for array in program.arrays if compared(array)]
        iterations.append(Iteration({array.name: frame.array(array) for array in program.arrays}, {}))
        state = line.state(number + 1)
        after = {array.name: values for array, values in network.parameters.items()}
        for array in program.state:
            start = program.offsets[array]
            after[array.name] = state[start : start + array.size].reshape(array.shape)
        iterations[-1].after = after
        wanted.append(frozenset(array.name for array in arrays))
        values = [*(frame.array(array) for array in arrays), *after.values()]
        largest.append(max(float(np.max(np.abs(one))) for one in values if one.size))
        rows.append(tuple(int(row) for row in schedule.rows(number)))
        masks.append({array.name: frame.array(array) for array in program.leaves if array.role is Role.MASK})
    given = Given(
        parameters={array.name: values for array, values in network.parameters.items()},
        trainable=tuple(array.name for array in network.trainable),
        reached=frozenset(array.name for array in network.trainable if array in set(network.state)),
        biases=frozenset(array.name for array in network.parameters if array.role is Role.BIAS),
        rows=tuple(rows),
        masks=tuple(masks),
    )
    return Observed(
        given,
        tuple(iterations),
        tuple(wanted),
        tuple(largest),
        "generated" if line.generated else "kernels",
        schedule.full.steps,
    )


def compared(array: Array) -> bool:
    """Whether a reference must have a word on an array of a frame."""
    if array.role is Role.GRADIENT:
        return array.of is not None and array.of.role in _SLOPES
    return array.role in _COMPARED
