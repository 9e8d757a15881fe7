"""The smallest change of a single parameter that would revive a gradient which is tiny or 0.

Revived is a gradient of at least τ and at most 100 τ, τ = max(10·|g|, 1 % of its best, 10⁻⁴): what only blows up is no
cure. One that never was anything but 0 has no best: it may be as large as the largest of the network is.

Each parameter is tried alone, up and down, in steps that double; the smallest that helps is narrowed down by bisection.
A change is measured in units of the root mean square of its array, so large and small layers compare. What is reported
was made as an edit on a branch of its own, and its value is the one that came out there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from functools import reduce
from time import perf_counter
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.explaining.account import parameter_of
from retrograde.engine.explaining.culprit import culprits
from retrograde.engine.explaining.death import ALIVE
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.zeros import is_residue, zero_report
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.travel.branch import Branch, onto, plan
from retrograde.engine.travel.timeline import Change, Timeline

TIMES = 10.0
"""A gradient that is revived is so many times larger at least."""

FLOOR = 1e-4
"""It is at least this large."""

CEILING = 100.0
"""It is at most so many times the least."""

FINE = tuple(2.0**power for power in range(-6, 7))
"""Changes that are tried, in units of the parameter's array, where there is time for all of them."""

COARSE = FINE[::2]
"""Changes that are tried where there is not."""

HALVINGS = 12
"""How often the step that helped is halved."""

DIGITS = (4, 6, 9, 17)
"""Significant digits that a new value is written with: the first that help."""

FURTHER = 1.05
"""A change is at most so many times larger for the sake of few digits."""

FACTORS = (2.0, 3.0, 5.0, 0.5, 0.3, 0.2)
"""What all weights are multiplied by."""

MOST = 500
"""Parameters that are tried at most: of more the gradient's own, those of the neurons to blame, and biases."""

LEAST = 8
"""So many are tried even where one trial takes long."""

STEP_SECONDS = 150e-9
"""About how long a trial takes for each step of the iteration."""

SECONDS = 0.3
"""How long the search takes at most."""

_BUDGET = 1 << 20


class Refusal(StrEnum):
    """Why nothing is tried."""

    NOT_FINITE = "not finite"
    RESIDUE = "residue"
    ZEROS = "zeros in series"


class Replaced(NamedTuple):
    """A parameter that is given another value.

    Attributes:
        ref: the slot.
        before: its value.
        after: the new one.
    """

    ref: Ref
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change that was made on a branch, and what came out.

    Attributes:
        replaced: the parameters that are changed.
        factor: what all weights are multiplied by; None of a change of a single parameter.
        cost: the change, in units of the root mean square of its array.
        value: the gradient that came out.
    """

    replaced: tuple[Replaced, ...]
    factor: float | None = None
    cost: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Revival:
    """What would revive a gradient.

    Attributes:
        ref: the gradient.
        iteration: the iteration, from 0.
        position: a position of the cursor, in the iteration, at which the change is to be made.
        value: the gradient as it is.
        least: from where on it counts as revived.
        most: up to where it does.
        single: the smallest change of one parameter that does it; None where none was found.
        scaled: what all weights times a factor bring, where that makes it larger; those that revive it first.
        refusal: why nothing was tried.
        tried: changes that were tried.
        parameters: parameters that were tried.
        whole: whether all that was to be tried was tried in time.
    """

    ref: Ref
    iteration: int
    position: int
    value: float
    least: float
    most: float
    single: Remedy | None = None
    scaled: tuple[Remedy, ...] = ()
    refusal: Refusal | None = None
    tried: int = 0
    parameters: int = 0
    whole: bool = True

    def revives(self, value: float) -> bool:
        """Whether a value is that of a gradient that is revived."""
        return self.least <= abs(value) <= self.most


def revival(branch: Branch, ref: Ref, iteration: int, best: float, seconds: float = SECONDS) -> Revival:
    """What would revive a gradient in an iteration.

    Args:
        branch: the line of time; nothing is added to it.
        ref: the gradient.
        iteration: the iteration, from 0.
        best: the largest that it was.
        seconds: how long may be searched.
    """
    timeline = branch.timeline
    frame = timeline.frame(iteration)
    own = Ref(frame.program.named[ref.array.name], ref.index)
    value = frame.value(own)
    least = max(TIMES * abs(value), ALIVE * best, FLOOR)
    position = timeline.schedule.start(iteration) + 1
    most = max(CEILING * least, 0.0 if best else _largest(frame))
    nothing = Revival(ref=ref, iteration=iteration, position=position, value=value, least=least, most=most)
    if not math.isfinite(value) or not math.isfinite(least):
        return replace(nothing, refusal=Refusal.NOT_FINITE)
    graph = GradientGraph(frame, own)
    if is_residue(graph):
        return replace(nothing, refusal=Refusal.RESIDUE)
    if value == 0.0 and zero_report(graph).beyond_one_change:
        return replace(nothing, refusal=Refusal.ZEROS)
    candidates = _candidates(timeline, frame, graph, seconds)
    trials = _Trials(timeline, own, iteration, nothing.revives, least, perf_counter() + seconds)
    fine = len(candidates) <= affordable(frame.program, seconds, FINE)
    found = trials.smallest(candidates, FINE if fine else COARSE)
    single = None if found is None else _made(branch, own, iteration, (found,), trials.cost(found))
    return replace(
        nothing,
        single=single,
        scaled=_scaled(branch, own, nothing),
        tried=trials.count,
        parameters=len(candidates),
        whole=not trials.late,
    )


def _largest(frame: Frame) -> float:
    """The largest gradient of a parameter in an iteration; not inf."""
    named = frame.program.named
    gradients = [frame.array(array) for own in frame.program.state if (array := named.get(f"grad({own.name})"))]
    return max((float(size) for one in gradients for size in np.abs(one).flat if math.isfinite(size)), default=0.0)


def _candidates(timeline: Timeline, frame: Frame, graph: GradientGraph, seconds: float) -> tuple[Ref, ...]:
    """The parameters that are tried: the gradient's own, those of the neurons to blame, then the others.

    All of a small network; of a large one as many as there is time for.
    """
    program = frame.program
    trained = [array for array in program.state if array.role in {Role.WEIGHT, Role.BIAS}]
    found: dict[Ref, None] = {}
    own = parameter_of(graph.root.array)
    if own in trained:
        assert own is not None
        found[Ref(own, graph.root.index)] = None
    for guilty in culprits(graph, timeline.network):
        op = program.maker(guilty.net.array)
        if op is not None:
            found.update({ref: None for ref in refs(op.equation(guilty.net.index)) if ref.array in trained})
    most = max(LEAST, min(MOST, affordable(program, seconds, COARSE)))
    if sum(array.size for array in trained) > MOST:
        trained = [array for array in trained if array.role is Role.BIAS]
    for array in trained:
        if len(found) >= most:
            break
        found.update({Ref(array, unravel(flat, array.shape)): None for flat in range(array.size)})
    return tuple(found)[:most]


def affordable(program: Program, seconds: float, sizes: Sequence[float]) -> int:
    """For how many parameters there is time, about, to try changes of some sizes up and down."""
    return int(seconds / (program.steps * STEP_SECONDS) / (2 * len(sizes)))


class _Zone(Enum):
    """Where a gradient is, seen from the range that counts as revived."""

    BELOW = "below"
    INSIDE = "inside"
    ABOVE = "above"


_Way = tuple[Ref, float]
"""A parameter, and what one unit of cost adds to it."""


@dataclass(slots=True)
class _Trials:
    """Tries values of parameters one by one, from one state."""

    timeline: Timeline
    ref: Ref
    iteration: int
    revives: Callable[[float], bool]
    least: float
    deadline: float
    count: int = 0
    late: bool = False
    _state: Floats = field(init=False)
    _framer: Callable[[Floats], Frame] = field(init=False)

    def __post_init__(self) -> None:
        """Takes the state that the iteration starts from."""
        self._state = np.array(self.timeline.state(self.iteration))
        self._framer = self.timeline.framer(self.iteration)

    def value(self, parameter: Ref, number: float) -> float:
        """The gradient with another value of a parameter; NaN when the time is up."""
        if self.late or perf_counter() > self.deadline:
            self.late = True
            return math.nan
        self.count += 1
        place = self.ref_place(parameter)
        before = self._state[place]
        self._state[place] = number
        try:
            return self._framer(self._state).value(self.ref)
        finally:
            self._state[place] = before

    def cost(self, replaced: Replaced) -> float:
        """A change in units of its array."""
        return (
            abs(replaced.after - replaced.before)
            / _units(self._state, self.ref_place, [replaced.ref])[replaced.ref.array]
        )

    def ref_place(self, parameter: Ref) -> int:
        """Where a parameter is in the state."""
        return self.timeline.schedule.program(self.iteration).offset(parameter)

    def zone(self, size: float) -> _Zone:
        """Where a gradient is, seen from the range that counts as revived."""
        if abs(size) < self.least:
            return _Zone.BELOW
        return _Zone.INSIDE if self.revives(size) else _Zone.ABOVE

    def smallest(self, candidates: Sequence[Ref], sizes: Sequence[float]) -> Replaced | None:
        """The change that costs least of all that revive; sizes are tried from the smallest."""
        units = _units(self._state, self.ref_place, candidates)
        ways = [(ref, sign * units[ref.array]) for ref in candidates for sign in (1.0, -1.0)]
        zones = dict.fromkeys(ways, _Zone.BELOW)
        low = 0.0
        for size in sizes:
            best, cost = None, size
            for way in ways:
                zone = self._zone(way, cost)
                if zone is _Zone.INSIDE or zones[way] is _Zone.BELOW is not zone:
                    narrowed = self._narrowed(way, low, cost, zones[way])
                    if self._zone(way, narrowed) is _Zone.INSIDE:
                        best, cost = way, narrowed
                zones[way] = zone
            if self.late:
                return None
            if best is not None:
                return self._rounded(best, cost)
            low = size
        return None

    def _zone(self, way: _Way, cost: float) -> _Zone:
        ref, unit = way
        value = self.value(ref, float(self._state[self.ref_place(ref)]) + cost * unit)
        return _Zone.BELOW if self.late else self.zone(value)

    def _narrowed(self, way: _Way, low: float, high: float, before: _Zone) -> float:
        """The smallest cost, about, at which a way leaves the zone that it came from for the one that counts."""
        for _halving in range(HALVINGS):
            middle = (low + high) / 2
            zone = self._zone(way, middle)
            if zone is _Zone.INSIDE or before is _Zone.BELOW is not zone:
                high = middle
            else:
                low = middle
        return high

    def _rounded(self, way: _Way, cost: float) -> Replaced:
        """The new value with as few digits as still revive."""
        ref, unit = way
        before = float(self._state[self.ref_place(ref)])
        after = before + cost * unit
        for digits in DIGITS:
            near = float(f"{after:.{digits - 1}e}")
            beyond = math.copysign(10.0 ** (math.floor(math.log10(abs(after))) - digits + 1), unit) if after else 0.0
            for written in (near, float(f"{near + beyond:.{digits - 1}e}")):
                close = abs(written - before) <= FURTHER * abs(after - before)
                if close and self.zone(self.value(ref, written)) is _Zone.INSIDE:
                    return Replaced(ref, before, written)
        return Replaced(ref, before, after)


def _units(state: Floats, place: Callable[[Ref], int], candidates: Sequence[Ref]) -> dict[Array, float]:
    """What a change is measured in: the root mean square of the parameter's array; of zeros that of all, else 1."""
    values: dict[Array, list[float]] = {}
    for ref in candidates:
        if ref.array not in values:
            first = place(Ref(ref.array, (0,) * len(ref.array.shape)))
            values[ref.array] = [float(value) for value in state[first : first + ref.array.size]]
    every = _rms([value for column in values.values() for value in column]) or 1.0
    return {array: _rms(column) or every for array, column in values.items()}


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values) / len(values)) if values else 0.0


def _made(
    branch: Branch, ref: Ref, iteration: int, replaced: tuple[Replaced, ...], cost: float, factor: float | None = None
) -> Remedy:
    """A change as an edit on a branch of its own, and the gradient that comes out there."""
    timeline = branch.timeline
    program = timeline.schedule.program(iteration)
    change = plan(program, iteration, 1, {one.ref: one.after for one in replaced})
    source, changes = onto(branch, timeline.schedule.start(iteration) + 1, iteration, change)
    whole = reduce(Change.then, (one for _position, one in changes))
    edited = Timeline(timeline.network, budget=_BUDGET, parent=source, change=whole)
    return Remedy(replaced=replaced, factor=factor, cost=cost, value=edited.frame(iteration).value(ref))


def _scaled(branch: Branch, ref: Ref, asked: Revival) -> tuple[Remedy, ...]:
    """All weights times a factor, where that makes the gradient larger; the best first."""
    frame = branch.timeline.frame(asked.iteration)
    weights = [array for array in frame.program.state if array.role is Role.WEIGHT]
    slots = [Ref(array, unravel(flat, array.shape)) for array in weights for flat in range(array.size)]
    found: list[Remedy] = []
    if not 0 < len(slots) <= MOST:
        return ()
    for factor in FACTORS:
        replaced = tuple(Replaced(ref_, frame.value(ref_), factor * frame.value(ref_)) for ref_ in slots)
        if all(one.after == one.before for one in replaced):
            return ()
        remedy = _made(branch, ref, asked.iteration, replaced, abs(factor - 1.0), factor)
        if math.isfinite(remedy.value) and abs(asked.value) < abs(remedy.value) <= asked.most:
            found.append(remedy)
    return tuple(sorted(found, key=lambda one: (not asked.revives(one.value), -abs(one.value))))
