"""Probes: what a run looks at in every iteration besides its loss."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.expression import Ref
from retrograde.engine.formulas.lowered import lowered
from retrograde.engine.formulas.meaning import (
    Candidate,
    Moment,
    Where,
    candidates,
    evaluate,
    found_at,
    located,
    printed,
)
from retrograde.engine.formulas.tree import Formula, Node, Slot, Stretch
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program

Key = tuple[Slot | Stretch, int]
"""A slot or a stretch of the iteration before, and the sample that it is read for where it has one for each."""


def key(slot: Slot | Stretch, sample: int) -> Key:
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
    def sensitive(self) -> bool:
        """Whether one reads gradients of the inputs, for which more is computed."""
        return any(formula.sensitive for formula in self.formulas)

    @property
    def looks_back(self) -> bool:
        """Whether one may ask for a slot of the iteration before."""
        return any(read.previous for formula in self.formulas for read in formula.reads)


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
    losses: array[float] = field(default_factory=lambda: array("d"))
    hits: list[int] = field(default_factory=list)
    columns: list[MutableSequence[float]] = field(default_factory=list)
    before: dict[Key, Any] = field(default_factory=dict)


@lru_cache(maxsize=64)
def earlier(probe: Probe, program: Program) -> Mapping[Key, Ref | Where]:
    """What the probe reads of the iteration before, by its place in this program."""
    found: dict[Key, Ref | Where] = {}
    if not probe.looks_back:
        return found
    for formula in probe.formulas:
        for read in formula.reads:
            if not read.previous:
                continue
            for sample in range(program.batch) if read.varies else (0,):
                place = _place(read, program, sample)
                if place is not None:
                    found[read, sample] = place
    return found


def _place(read: Slot | Stretch, program: Program, sample: int) -> Ref | Where | None:
    """Where the values of the iteration before are; None where those of the iteration itself are meant, or none."""
    if isinstance(read, Slot):
        source = located(read, program, sample)
        return source.ref if source is not None and source.earlier else None
    several = found_at(read, program, sample)
    return several.where if several is not None and several.earlier else None


def missing(key: Key) -> Any:
    """What stands for the iteration before where there is none: NaN."""
    return np.full(key[0].length, np.nan) if isinstance(key[0], Stretch) else math.nan


def remembered(probe: Probe, frame: Frame) -> dict[Key, Any]:
    """What a probe reads of a frame in the iteration after it."""
    return {
        each: frame.value(where) if isinstance(where, Ref) else frame.at(where)
        for each, where in earlier(probe, frame.program).items()
    }


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


def decide(formula: Formula, frame: Frame, before: Mapping[Key, Any], candidate: Candidate, moment: Moment) -> Any:
    """The value of a formula at one of its candidates in an iteration.

    Args:
        formula: the formula.
        frame: the iteration.
        before: what the formula reads of the iteration before.
        candidate: the step at which it is decided.
        moment: the parts of the moment; see ``context``.
    """
    return evaluate(formula.node, reader(frame, before, candidate.sample), moment)


def reader(frame: Frame, before: Mapping[Key, Any], sample: int) -> Callable[[Slot | Stretch], Any]:
    """The values of slots and stretches for a sample of an iteration; see ``decide``."""
    program = frame.program

    def read(slot: Slot | Stretch) -> Any:
        if isinstance(slot, Stretch):
            several = found_at(slot, program, sample)
            assert several is not None
            if several.earlier:
                found = before.get(key(slot, sample))
                return missing((slot, 0)) if found is None else found
            return frame.at(several.where)
        source = located(slot, program, sample)
        assert source is not None
        if source.earlier:
            return before.get(key(slot, sample), float("nan"))
        return frame.value(source.ref)

    return read


class Arrays(NamedTuple):
    """Source of arrays made of slots of the iteration, and of the one before."""

    now: Callable[[Sequence[Ref]], str]
    before: Callable[[Sequence[Key]], str]


class Sources(NamedTuple):
    """Source of what a formula reads.

    Attributes:
        slot: of a slot of the iteration.
        before: of a slot or a stretch of the iteration before.
        stretch: of a stretch of the iteration, by its place in the flat memory.
        arrays: where slots can be taken together, how.
    """

    slot: Callable[[Ref], str]
    before: Mapping[Key, str]
    stretch: Callable[[Where], str]
    arrays: Arrays | None = None


def lines(probe: Probe, program: Program, sources: Sources) -> list[str]:
    """The probe as Python statements for the end of an iteration.

    Args:
        probe: what to look at.
        program: the program of the iteration.
        sources: the source of what it reads.

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
            f"put{number}({_printed(formula.node, program, candidate, sources)})"
            for candidate in candidates(formula, program)
        )
    tests = dict.fromkeys(
        _printed(lowered(condition.node), program, candidate, sources)
        for condition in probe.conditions
        for candidate in candidates(condition, program)
    )
    if tests:
        found.append(f"if {' or '.join(tests)}: hit()")
    return found


def _printed(node: Node, program: Program, candidate: Candidate, sources: Sources) -> str:
    arrays = sources.arrays

    def slot_name(slot: Slot) -> str:
        source = located(slot, program, candidate.sample)
        assert source is not None
        return sources.before[key(slot, candidate.sample)] if source.earlier else sources.slot(source.ref)

    def stretch(of: Stretch) -> str:
        source = found_at(of, program, candidate.sample)
        assert source is not None
        return sources.before[key(of, candidate.sample)] if source.earlier else sources.stretch(source.where)

    def moment(place: str) -> str:
        if place in {"epoch", "iteration"}:
            return place
        return repr(_fixed(place, program, candidate))

    def slots(several: Sequence[Slot]) -> str | None:
        assert arrays is not None
        each = [located(slot, program, candidate.sample) for slot in several]
        found = [source for source in each if source is not None]
        if all(source.earlier for source in found):
            return arrays.before([key(slot, candidate.sample) for slot in several])
        return None if any(source.earlier for source in found) else arrays.now([source.ref for source in found])

    return printed(node, slot_name, moment, None if arrays is None else slots, stretch)
