"""Breakpoints: where a run stops, as a set of steps that a branch defines.

The hits of a breakpoint are those of its condition or its place. The set does not depend on the way it is walked, so
going on and going back visit the same steps.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array, Extent, Phase
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.formulas.reader import parse
from retrograde.engine.formulas.resolving import OfData
from retrograde.engine.formulas.tree import Formula, Kind
from retrograde.engine.late import late
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Granularity, Place, Program, ravel
from retrograde.engine.ops.base import Op
from retrograde.engine.text import _, suggest
from retrograde.engine.travel.calendar import Schedule

if TYPE_CHECKING:
    from retrograde.engine.equations import ailments
else:
    ailments = late("retrograde.engine.equations.ailments")


class Event(StrEnum):
    """What a data breakpoint waits for; the values are the words of the command line."""

    CHANGES = "changes"
    SIGN = "changes sign"
    CROSSES = "crosses"
    BAD = "becomes nan"
    STOPS = "stops changing"


@dataclass(slots=True, kw_only=True, eq=False)
class Breakpoint:
    """One breakpoint, or logpoint.

    Attributes:
        number: its number in the session, from 1.
        text: as it was written.
        condition: when it is hit; None where it is a place.
        place: the steps of each iteration at which it is hit; None where it is a condition.
        alert: the rule of the doctor whose alert it waits for, empty for any; None where it waits for none.
        enabled: whether it counts.
        once: whether it is switched off when it was hit.
        from_hit: the hit from which on it counts, from 1.
        after: the number of the breakpoint whose first hit arms it.
        log: what a logpoint prints; a logpoint does not stop.
        count: how often a run has stopped at it.
    """

    number: int
    text: str
    condition: Formula | None = None
    place: Spot | None = None
    alert: str | None = None
    enabled: bool = True
    once: bool = False
    from_hit: int = 1
    after: int | None = None
    log: tuple[Formula, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place: the steps of every iteration that match all that is given.

    Attributes:
        phase: where a run of this phase begins.
        layer: where this layer begins in a phase.
        op: the array whose steps are meant, by name.
        slot: the array name and the index (without sample) of the slot that is assigned.
        neuron: a layer's name and a unit: every step that assigns a value of that neuron.
    """

    phase: Phase | None = None
    layer: str | None = None
    op: str | None = None
    slot: tuple[str, tuple[int, ...]] | None = None
    neuron: tuple[str, int] | None = None

    def steps(self, program: Program) -> list[int]:
        """The matching steps of an iteration, from 1, in order."""
        if self.op is None and self.slot is None and self.neuron is None:
            return self._entries(program)
        found: list[int] = []
        for number, op in enumerate(program.ops):
            elements = self._elements(op.target)
            if self._meant(op) and elements:
                samples: Sequence[int | None] = (None,) if op.extent is Extent.ONCE else range(program.batch)
                found.extend(
                    program.number(Place(number, sample, element)) + 1 for sample in samples for element in elements
                )
        return sorted(found)

    def _entries(self, program: Program) -> list[int]:
        """Where a phase or a layer is entered: the first step of each stretch of one phase, sample and layer."""
        found: list[int] = []
        step, before = 0, None
        while step < program.steps:
            place = program.place(step)
            op = program.ops[place.op]
            key = (op.phase, place.sample, op.layer if self.layer is not None else None)
            if key != before and self._meant(op):
                found.append(step + 1)
            before = key
            step = program.next_stop(step, Granularity.LAYER)
        return found

    def _meant(self, op: Op) -> bool:
        return (self.phase is None or op.phase is self.phase) and (self.layer is None or op.layer == self.layer)

    def _elements(self, target: Array) -> Sequence[int]:
        """The elements of an array that are meant, counted flat."""
        shape = target.element_shape
        size = math.prod(shape)
        if self.op is not None:
            return range(size if target.name == self.op else 0)
        if self.slot is not None:
            name, index = self.slot
            return (ravel(index, shape),) if target.name == name else ()
        assert self.neuron is not None
        layer, unit = self.neuron
        # What a layer's neurons share, such as one bias, is no neuron's own.
        if target.layer != layer or not shape or unit >= shape[0]:
            return ()
        across = size // shape[0]
        return range(unit * across, (unit + 1) * across)


@dataclass(slots=True, eq=False)
class SpotIndex:
    """The steps of a place over a whole training, by arithmetic."""

    spot: Spot
    schedule: Schedule
    _steps: dict[int, list[int]] = field(default_factory=dict)

    def _of(self, iteration: int) -> list[int]:
        program = self.schedule.program(iteration)
        found = self._steps.get(program.batch)
        if found is None:
            found = self._steps[program.batch] = self.spot.steps(program)
        return found

    def next(self, after: int, stop: int) -> int | None:
        """The first matching step after one, up to ``stop``."""
        iteration, within = self.schedule.locate(after)
        for at in range(iteration, iteration + self.schedule.per_epoch + 2):
            start = self.schedule.start(at)
            steps = self._of(at)
            position = bisect_right(steps, within if at == iteration else 0)
            if position < len(steps):
                step = start + steps[position]
                return step if step <= stop else None
        return None

    def previous(self, before: int) -> int | None:
        """The last matching step before one."""
        if before <= 1:
            return None
        iteration, within = self.schedule.locate(before)
        for at in range(iteration, max(-1, iteration - self.schedule.per_epoch - 2), -1):
            steps = self._of(at)
            position = bisect_left(steps, within) if at == iteration else len(steps)
            if position:
                return self.schedule.start(at) + steps[position - 1]
        return None


def data_condition(name: str, event: Event, threshold: float | None = None) -> str:
    """The condition of a data breakpoint, in the language of formulas.

    A value that had none an iteration before has not changed.

    Args:
        name: the slot, or a whole array.
        event: what is waited for.
        threshold: what ``CROSSES`` crosses.
    """
    match event:
        case Event.CHANGES:
            return f"any({name} != prev({name}) and not isnan(prev({name})))"
        case Event.SIGN:
            return f"any(sign({name}) != sign(prev({name})) and not isnan(prev({name})))"
        case Event.CROSSES:
            bound = repr(threshold)
            up, down = f"prev({name}) <= {bound} < {name}", f"prev({name}) > {bound} >= {name}"
            return f"any({up} or {down})"
        case Event.BAD:
            return f"any(isnan({name}) or isinf({name}))"
        case Event.STOPS:
            return f"all({name} == prev({name}))"


_DATA = re.compile(
    r"(?P<name>.+?)\s+(?:(?P<sign>changes\s+sign)|(?P<changes>changes)|crosses\s+(?P<crosses>[-+\d.eE]+)"
    r"|(?P<bad>becomes\s+(?:nan|inf|NaN))|(?P<stops>stops\s+changing))$"
)


_ALERT = re.compile(r"on\s+alert(?:\s+(?P<rule>\S+))?$")


def read_alert(text: str) -> str | None:
    """The rule whose alert a breakpoint waits for, empty for any; None where it waits for something else.

    Args:
        text: ``on alert``, ``on alert dead_relu``.

    Raises:
        EngineError: there is no such rule.
    """
    match = _ALERT.match(text.strip())
    if match is None:
        return None
    rule = match["rule"] or ""
    if rule and rule not in ailments.AILMENTS:
        raise EngineError(_("there is no rule {name}").format(name=rule) + suggest(rule, ailments.AILMENTS))
    return rule


def read(
    text: str, notation: Notation, program: Program, sensitivity: OfData = None
) -> tuple[Formula | None, Spot | None]:
    """Reads what a breakpoint waits for: a condition, an event of a slot, or a place.

    Args:
        text: ``E < 0.01``; ``w5 changes``, ``w5 changes sign``, ``E crosses 0.1``, ``W_h becomes nan``,
            ``w5 stops changing``; ``at backward``, ``at backward o``, ``at h1``, ``at w5``, ``at delta(o1)``.
        notation: the names of the network.
        program: a program of the network.
        sensitivity: makes the program with the gradients of the inputs.

    Raises:
        EngineError: it cannot be read.
    """
    words = text.strip()
    if words.startswith("at "):
        spot = _spot(words[3:].split(), notation, program)
        if not spot.steps(program):
            raise EngineError(_("no step makes {place}").format(place=words[3:].strip()))
        return None, spot
    match = _DATA.match(words)
    if match is None:
        return parse(words, notation, program, kind=Kind.TRUTH, sensitivity=sensitivity), None
    event = next(
        kind
        for kind, given in (
            (Event.SIGN, match["sign"]),
            (Event.CHANGES, match["changes"]),
            (Event.CROSSES, match["crosses"]),
            (Event.BAD, match["bad"]),
            (Event.STOPS, match["stops"]),
        )
        if given
    )
    threshold = None
    if match["crosses"]:
        try:
            threshold = float(match["crosses"])
        except ValueError:
            raise EngineError(_("{text} is no number").format(text=match["crosses"])) from None
    name = match["name"]
    condition = data_condition(name, event, threshold)
    try:
        return parse(condition, notation, program, kind=Kind.TRUTH, sensitivity=sensitivity), None
    except FormulaError as error:
        # The name stands further left in what was written; a mistake elsewhere is one of the whole name.
        column = error.column - condition.index(name)
        raise FormulaError(words, column if 1 <= column <= len(name) else 1, error.message) from None


def _spot(words: list[str], notation: Notation, program: Program) -> Spot:
    phase: Phase | None = None
    layer: str | None = None
    rest: list[str] = []
    for word in words:
        if word in set(Phase):
            phase = Phase(word)
        elif word in notation.layer_names:
            layer = word
        else:
            rest.append(word)
    if not rest:
        if phase is None and layer is None:
            raise EngineError(_("a place is a phase, a layer, a neuron, a weight or a value: at backward o, at w5"))
        return Spot(phase=phase, layer=layer)
    if len(rest) > 1:
        raise EngineError(_("{text} is more than one place").format(text=" ".join(rest)))
    (word,) = rest
    neuron = notation.neuron_of(word)
    if neuron is not None:
        return Spot(phase=phase, layer=layer, neuron=neuron)
    if word in program.named:
        return Spot(phase=phase, layer=layer, op=word)
    ref = notation.resolve(word, program)
    updated = program.named.get(f"new({ref.array.name})")
    return Spot(phase=phase, layer=layer, slot=spot_of(ref if updated is None else Ref(updated, ref.index)))


def spot_of(ref: Ref) -> tuple[str, tuple[int, ...]]:
    """A slot as a place names it: the array, and the index without the sample."""
    return ref.array.name, ref.index[1:] if ref.array.batched else ref.index
