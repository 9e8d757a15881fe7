"""The published figures that speak of one step, and of single terms of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.network.notation import Notation
    from retrograde.engine.scenario.models import Expectation


class Printed(NamedTuple):
    """A published figure that speaks of a step.

    Attributes:
        expect: the entry of the scenario.
        value: the value that it is about.
        symbol: how the value is called, where it is one term of the step's; empty where it is the step's.
    """

    expect: Expectation
    value: float
    symbol: str


def printed_of(expects: Sequence[Expectation], notation: Notation, step: Step) -> Iterator[Printed]:
    """The published figures that speak of a step, then those of single terms of it.

    Args:
        expects: the figures of the scenario.
        notation: how its values are called.
        step: the step; only of its last sample, and not within its terms.
    """
    if not step.final or step.term:
        return
    target = step.target
    # A parameter after n updates is what the update of the n-th iteration makes.
    updated = Ref(target.array.of, target.index) if target.array.role is Role.UPDATED and target.array.of else None
    terms: list[Printed] = []
    for expect in expects:
        if expect.updates not in {step.iteration, step.iteration + (updated is not None)}:
            continue
        try:
            term = notation.resolve_term(expect.value, step.program)
            ref = notation.resolve(expect.value, step.program) if term is None else term[0]
        except EngineError:
            continue
        if ref != (target if expect.updates == step.iteration else updated):
            continue
        if term is None:
            yield Printed(expect, step.result, "")
        elif term[1] < len(step.terms):
            terms.append(Printed(expect, step.terms[term[1]].value, expect.value))
    yield from terms
