"""What takes part in a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.array import Role
from retrograde.engine.expression import (
    Ref,
    refs,
)
from retrograde.tui.reading import Reading
from retrograde.tui.state import (
    Mark,
)

if TYPE_CHECKING:
    pass


def marks(reading: Reading) -> tuple[dict[tuple[str, int], Mark], dict[Ref, Mark]]:
    """The neurons (by layer and unit) and the parameters that take part in the step on the screen."""
    nodes: dict[tuple[str, int], Mark] = {}
    weights: dict[Ref, Mark] = {}
    step = reading.step
    if step is None:
        return nodes, weights
    for ref in dict.fromkeys(refs(step.equation)):
        _mark(ref, Mark.OPERAND, nodes, weights, reading)
    _mark(step.target, Mark.TARGET, nodes, weights, reading)
    return nodes, weights


def _mark(
    ref: Ref,
    mark: Mark,
    nodes: dict[tuple[str, int], Mark],
    weights: dict[Ref, Mark],
    reading: Reading,
) -> None:
    array = ref.array
    if array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None:
        of = array.of
        if of.role in {Role.WEIGHT, Role.BIAS}:
            weights[Ref(of, ref.index)] = mark
            if of.role is Role.BIAS and of.size > 1:
                nodes[of.layer, ref.index[-1]] = mark
            return
    if array.role in {Role.WEIGHT, Role.BIAS}:
        weights[ref] = mark
    elif array.batched and len(ref.index) == 2:
        nodes[array.layer, ref.index[1]] = mark
