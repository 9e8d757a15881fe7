"""Probes: what a run looks at in every iteration besides its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from retrograde.engine.equations.expression import Ref
from retrograde.engine.formulas.lowered import lowered
from retrograde.engine.formulas.meaning import Candidate, Moment, candidates, evaluate, located, printed
from retrograde.engine.formulas.tree import Formula, Node, Slot
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program

Key = tuple[Slot, int]
"""A slot of the iteration before, and the sample that it is read for where it has one for each."""


def key(slot: Slot, sample: int) -> Key:
    """What a slot of the iteration before is known by: where it is no sample's own, batches of any size share it."""
    return slot, sample if slot.varies else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is looked at in every iteration.

    Attributes:
        conditions: an iteration in which one of them is true at some step is a hit.
        values: numbers that are recorded; one that varies over the samples, once for each.
    """

    conditions: tuple[Formula, ...] = ()
    values: tuple[Formula, ...] = ()

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """All formulas, the conditions first."""
        return (*self.conditions, *self.values)

    @property
    def dated(self) -> bool:
        """Whether one asks for the epoch or the iteration."""
        return any(formula.positions & {"epoch", "iteration"} for formula in self.formulas)

    @property
    def looks_back(self) -> bool:
        """Whether one may ask for a slot of the iteration before."""
        return any(slot.previous for formula in self.formulas for slot in formula.slots)


@dataclass(slots=True, kw_only=True)
class Record:
    """What a probe has seen.

    Attributes:
        start: the first iteration.
        losses: E of each iteration.
        hits: the iterations in which a condition was true, counted from ``start``.
        columns: the values of each formula.
        before: slots of the last iteration, for formulas that look back.
    """

    start: int
    losses: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)
    columns: list[list[float]] = field(default_factory=list)
    before: dict[Key, float] = field(default_factory=dict)


@lru_cache(maxsize=64)
def earlier(probe: Probe, program: Program) -> Mapping[Key, Ref]:
    """The slots that the probe reads of the iteration before, by their place in this program."""
    found: dict[Key, Ref] = {}
    if not probe.looks_back:
        return found
    for formula in probe.formulas:
        for slot in formula.slots:
            if not slot.previous:
                continue
            for sample in range(program.batch) if slot.varies else (0,):
                source = located(slot, program, sample)
                if source is not None and source.earlier:
                    found[slot, sample] = source.ref
    return found


def context(program: Program, candidate: Candidate, iteration: int, per_epoch: int) -> Moment:
    """The parts of the moment at which a formula is decided in an iteration."""

    def moment(name: str) -> float | str:
        match name:
            case "epoch":
                return float(iteration // per_epoch + 1)
            case "iteration":
                return float(iteration % per_epoch + 1)
            case _:
                return _fixed(name, program, candidate)

    return moment


def _fixed(name: str, program: Program, candidate: Candidate) -> float | str:
    match name:
        case "sample":
            return float(candidate.sample + 1)
        case "step":
            return float(candidate.step + 1)
        case _:
            return program.ops[program.place(candidate.step).op].phase.value


def decide(formula: Formula, frame: Frame, before: Mapping[Key, float], candidate: Candidate, moment: Moment) -> Any:
    """The value of a formula at one of its candidates in an iteration.

    Args:
        formula: the formula.
        frame: the iteration.
        before: what the formula reads of the iteration before.
        candidate: the step at which it is decided.
        moment: the parts of the moment; see ``context``.
    """
    program = frame.program

    def read(slot: Slot) -> float:
        source = located(slot, program, candidate.sample)
        assert source is not None
        if source.earlier:
            return before.get(key(slot, candidate.sample), float("nan"))
        return frame.value(source.ref)

    return evaluate(formula.node, read, moment)


class Arrays(NamedTuple):
    """Source of arrays made of slots of the iteration, and of the one before."""

    now: Callable[[Sequence[Ref]], str]
    before: Callable[[Sequence[Key]], str]


def lines(
    probe: Probe,
    program: Program,
    name: Callable[[Ref], str],
    names_before: Mapping[Key, str],
    arrays: Arrays | None = None,
) -> list[str]:
    """The probe as Python statements for the end of an iteration.

    Args:
        probe: what to look at.
        program: the program of the iteration.
        name: the source of a slot.
        names_before: the source of each slot of the iteration before.
        arrays: where slots can be taken together, how.

    The statements read ``at`` (the iteration, from 0) and ``per_epoch``, call ``hit()`` where a condition is true and
    ``put0(value)``, ``put1(value)``, ... for the recorded numbers.
    """
    found: list[str] = []
    used = frozenset().union(*(formula.positions for formula in probe.formulas)) if probe.formulas else frozenset()
    if "epoch" in used:
        found.append("epoch = at // per_epoch + 1.0")
    if "iteration" in used:
        found.append("iteration = at % per_epoch + 1.0")
    for number, formula in enumerate(probe.values):
        found.extend(
            f"put{number}({_printed(formula.node, program, candidate, name, names_before, arrays)})"
            for candidate in candidates(formula, program)
        )
    tests = dict.fromkeys(
        _printed(lowered(condition.node), program, candidate, name, names_before, arrays)
        for condition in probe.conditions
        for candidate in candidates(condition, program)
    )
    if tests:
        found.append(f"if {' or '.join(tests)}: hit()")
    return found


def _printed(
    node: Node,
    program: Program,
    candidate: Candidate,
    name: Callable[[Ref], str],
    names_before: Mapping[Key, str],
    arrays: Arrays | None,
) -> str:
    def slot_name(slot: Slot) -> str:
        source = located(slot, program, candidate.sample)
        assert source is not None
        return names_before[key(slot, candidate.sample)] if source.earlier else name(source.ref)

    def moment(place: str) -> str:
        if place in {"epoch", "iteration"}:
            return place
        return repr(_fixed(place, program, candidate))

    def slots(several: Sequence[Slot]) -> str | None:
        assert arrays is not None
        sources = [located(slot, program, candidate.sample) for slot in several]
        found = [source for source in sources if source is not None]
        if all(source.earlier for source in found):
            return arrays.before([key(slot, candidate.sample) for slot in several])
        return None if any(source.earlier for source in found) else arrays.now([source.ref for source in found])

    return printed(node, slot_name, moment, None if arrays is None else slots)
