"""Whether the uses of a slot are the steps whose equations read it."""

from __future__ import annotations

from random import Random

import numpy as np

from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.explaining.uses import _read, uses
from retrograde.engine.network.network import Network
from tests.executor.test_kernels import executors


def assert_uses_are_reads(network: Network, random: Random, most: int) -> None:
    """Holds the uses of some slots of the first sample against all equations of that sample.

    Args:
        network: the network.
        random: chooses the slots.
        most: how many of each array.
    """
    program = network.program(len(network.dataset))
    frame = executors(network, program)[1].frame(network.initial_state, (network.columns, slice(0, program.batch), ()))
    readers: dict[Ref, set[int]] = {}
    for number in range(program.steps):
        place = program.place(number)
        if place.sample == 0:
            op = program.ops[place.op]
            equation = op.equation(program.index(place))
            for ref in _read(equation, frame) if op.choosy else refs(equation):
                readers.setdefault(ref, set()).add(number)
    for array in (array for array in program.arrays if program.readers(array)):
        for flat in random.sample(range(array.size), min(array.size, most)):
            ref = Ref(array, tuple(int(part) for part in np.unravel_index(flat, array.shape)))
            if array.batched and ref.index[0]:
                continue
            found = {program.number(place) for place in uses(program, ref, 0, frame) if place.sample == 0}
            assert found == readers.get(ref, set()), ref
