"""The bench: computes what figures would be if a training deviated from its scenario."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.evaluation import PYTHON, evaluate
from retrograde.engine.equations.expression import Expr, Ref, terms
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.base import Turns
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.forensics.deviations import Collected, Deviation
from retrograde.engine.forensics.facts import Facts
from retrograde.engine.forensics.figures import Printed, Sought, sought
from retrograde.engine.forensics.rounding import Passing, Rounding
from retrograde.engine.forensics.switches import Edits, SwitchedOp, decided, settled, switched
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.text import _
from retrograde.engine.travel.calendar import Schedule

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario

MOST_STEPS = 2500
"""Steps of an iteration up to which figures are searched for."""

CALL = 250
"""The values that could be computed in the time that it takes to call for an iteration."""

LONG_RUN = 200
"""Iterations from which a program of its own is worth the time that it takes to make it."""

MOST_KEPT = 256
"""Iterations whose samples are kept."""


class Gate:
    """What values of the slower executors go through; it is changed before each iteration."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: Passing = lambda _slot, value: value

    def __call__(self, slot: int, value: float) -> float:
        """What a value becomes."""
        return self.now(slot, value)


class Plan:
    """Where some figures are, in the frames of which iterations.

    Args:
        wanted: the figures.
        places: the slot of each in the frame of its iteration.
        states: slots of the state.
        terms: by number of a figure, the term of an equation that it is.

    Attributes:
        carried: by iteration and slot, the figures that may be carried on.
        made: for each figure the iteration and the slot that make it. A trained value is made an iteration earlier.
    """

    def __init__(
        self, wanted: tuple[Sought, ...], places: Sequence[int], states: int, terms: Mapping[int, Expr]
    ) -> None:
        self.wanted = wanted
        self.terms = terms
        self._places = places
        self._states = states
        self._stops: dict[int, list[Stop]] = {}
        self.carried: dict[int, dict[int, tuple[float, float]]] = {}
        self.made: list[tuple[int, int]] = []
        for one, place in zip(wanted, places, strict=True):
            late = place < states
            key = (one.figure.updates - late, place + states * late)
            self.made.append(key if one.term is None else (-1, -1))
            if key[0] >= 0 and not one.figure.wrong and one.term is None and one.measured:
                self.carried.setdefault(key[0], {})[key[1]] = (one.value, one.unit)

    def stops(self, shift: int) -> list[Stop]:
        """The iterations that are looked at, in order, where trained figures are so many updates later."""
        found = self._stops.get(shift)
        if found is None:
            by_iteration: dict[int, list[tuple[int, int]]] = {}
            for number, (one, place) in enumerate(zip(self.wanted, self._places, strict=True)):
                updates = one.figure.updates
                by_iteration.setdefault(updates + shift if updates > 1 else updates, []).append((number, place))
            found = [
                (iteration, max(place for _number, place in places) < self._states, places)
                for iteration, places in sorted(by_iteration.items())
            ]
            self._stops[shift] = found
        return found


Stop = tuple[int, bool, list[tuple[int, int]]]
"""An iteration, whether the state at its start is enough, and the number and the slot of each figure."""


class Bench:
    """A training in which every deviation is a switch.

    Args:
        scenario: the scenario.

    Attributes:
        network: its network, which has what a deviation may need besides: biases that are trained, weights that are
            updated while the error goes back.
        schedule: its iterations.
        deviations: the deviations that are possible, the cheapest first.
        work: what has been computed, in values; a call counts as ``CALL`` of them.

    Raises:
        EngineError: the network is too large.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        plain = Network(scenario)
        steps = Schedule(plain).full.steps
        if steps > MOST_STEPS:
            message = _("an iteration has {steps} steps here; figures are searched for up to {most}")
            raise EngineError(message.format(steps=f"{steps:,}", most=f"{MOST_STEPS:,}"))
        self.work = 0
        for network, frozen in self._bases(scenario, plain):
            self._open(network, frozen)
            if self._same_as(plain):
                break

    def _bases(self, scenario: Scenario, plain: Network) -> Iterable[tuple[Network, frozenset[str]]]:
        """Networks to build on: with all that deviations may need, or as the scenario has it."""
        changed, frozen = prepared(scenario)
        with suppress(EngineError):
            yield Network(changed), frozen
        yield plain, frozenset()

    def _open(self, network: Network, frozen: frozenset[str]) -> None:
        self.network = network
        self.schedule = Schedule(network)
        collected = Collected()
        self._edits: dict[Program, Mapping[int, Edits]] = {}
        for program in dict.fromkeys((self.schedule.full, self.schedule.last)):
            facts = Facts(
                network,
                program,
                stated_in_place=self.scenario.training.update == "in_place",
                frozen=frozenset(a for a in network.parameters if a.role is Role.BIAS and a.layer in frozen),
            )
            self._edits[program] = collected.edits(facts)
        self.deviations = collected.deviations()
        self.switches = len(collected.keys)
        self._switched: dict[Program, Program] = {}
        self._gate = Gate()
        self._last: tuple[tuple[float, ...] | None, int, Floats] = (None, 0, network.initial_state)
        self._raw: dict[tuple[int, int], float] = {}
        self._executors: dict[tuple[Program, bool], GeneratedExecutor] = {}
        self._rows: dict[int, tuple[Any, ...]] = {}

    def _same_as(self, plain: Network) -> bool:
        """Whether the first iterations are those of the scenario, bit for bit, with all switches off."""
        schedule = Schedule(plain)
        state, other = self.network.initial_state, plain.initial_state
        for iteration in range(min(2, self.schedule.per_epoch + 1)):
            program = schedule.program(iteration)
            executor = GeneratedExecutor(program, plain.constants)
            leaves = executor.leaves(plain.columns, schedule.rows(iteration), schedule.dated(iteration))
            right = executor.frame(other, leaves)
            frame = self._frame(iteration, state, self._off, None)
            named = frame.program.named
            for name, array in program.named.items():
                if name not in named or not np.array_equal(
                    right.array(array), frame.array(named[name]), equal_nan=True
                ):
                    return False
            state, other = frame.next_state, right.next_state
        return True

    @property
    def _off(self) -> tuple[float, ...]:
        return (0.0,) * self.switches

    def sought(self, figure: Printed) -> Sought:
        """A figure with its place.

        Raises:
            EngineError: no slot has its name, or it is no number.
        """
        return sought(figure, self.network.notation, self.schedule.program(figure.updates))

    def values(self, deviations: Iterable[Deviation], plan: Plan) -> list[float]:
        """What figures are where a training deviates.

        Args:
            deviations: the deviations, which join.
            plan: where the figures are.
        """
        switches, rounding, shift = self._settings(deviations)
        found = [0.0] * len(plan.wanted)
        state, at = self.network.initial_state, 0
        self._raw.clear()
        for iteration, in_state, places in plan.stops(shift):
            state = self._advanced(state, at, iteration, switches, rounding, plan)
            at = iteration
            flat = state
            if not in_state:
                flat = self._frame(iteration, state, switches, rounding, plan).flat
            for number, offset in places:
                found[number] = float(flat[offset])
            for number, expr in plan.terms.items():
                if any(number == one for one, _offset in places):
                    found[number] = self._worth(expr, iteration, flat, switches)
        if self._raw:
            # A figure is held against what was computed, not against itself.
            for number, key in enumerate(plan.made):
                found[number] = self._raw.get(key, found[number])
        return found

    def plan(self, wanted: Sequence[Sought]) -> Plan:
        """Where figures are."""
        places = [self._place(one) for one in wanted]
        parts = {k: self._term(one, one.term) for k, one in enumerate(wanted) if one.term is not None}
        return Plan(tuple(wanted), places, self._choices(self.schedule.full).state_size, parts)

    def _term(self, one: Sought, number: int) -> Expr:
        op = self._choices(self.schedule.program(one.figure.updates)).maker(one.ref.array)
        assert op is not None
        if isinstance(op, SwitchedOp):
            return op.term(one.ref.index, number)
        return terms(op.equation(one.ref.index))[number]

    def _worth(self, expr: Expr, iteration: int, flat: Floats, switches: tuple[float, ...]) -> float:
        program = self._choices(self.schedule.program(iteration))
        return evaluate(decided(expr, switches), lambda ref: float(flat[program.offset(ref)]), PYTHON)

    def _place(self, one: Sought) -> int:
        program = self._choices(self.schedule.program(one.figure.updates))
        array = one.ref.array if one.ref.array in program.offsets else program.named[one.ref.array.name]
        return program.offset(Ref(array, one.ref.index))

    def frame(self, deviations: Iterable[Deviation], iteration: int, plan: Plan) -> Frame:
        """All values of an iteration where a training deviates."""
        switches, rounding, _shift = self._settings(deviations)
        state = self._advanced(self.network.initial_state, 0, iteration, switches, rounding, plan)
        return self._frame(iteration, state, switches, rounding, plan)

    def program(self, deviations: Iterable[Deviation], iteration: int = 0) -> Program:
        """The program of an iteration in which deviations are made, without switches."""
        on = frozenset(switch for one in deviations for switch in one.switches)
        program = self.schedule.program(iteration)
        return settled(program, self._edits[program], on)

    def _settings(self, deviations: Iterable[Deviation]) -> tuple[tuple[float, ...], Rounding | None, int]:
        on, rounding, shift = [0.0] * self.switches, None, 0
        for one in deviations:
            for switch in one.switches:
                on[switch] = 1.0
            rounding = one.rounding or rounding
            shift = one.shift or shift
        return tuple(on), rounding, shift

    def _advanced(
        self,
        state: Floats,
        start: int,
        stop: int,
        switches: tuple[float, ...],
        rounding: Rounding | None,
        plan: Plan,
    ) -> Floats:
        """The state at the start of iteration ``stop``."""
        if start >= stop:
            return state
        if rounding is None and self.schedule.uniform and stop - start > 1:
            # The same training one update earlier or later goes on from where it was.
            known, at, last = self._last
            if known == switches and start <= at <= stop:
                start, state = at, last
            self.work += self.schedule.full.size * (stop - start)
            executor, batches = self._batches(start, stop, switches)
            state = executor.advance(state, batches, [])
            self._last = (switches, stop, state)
            return state
        if rounding is not None and rounding.shorten is None and self.schedule.uniform:
            return self._carried_on(state, start, stop, switches, rounding, plan)
        for iteration in range(start, stop):
            state = self._frame(iteration, state, switches, rounding, plan).next_state
        return state

    def _carried_on(
        self, state: Floats, start: int, stop: int, switches: tuple[float, ...], rounding: Rounding, plan: Plan
    ) -> Floats:
        """The same where figures alone are carried on: an iteration without one is as it is stated."""
        for iteration in (*sorted(one for one in plan.carried if start <= one < stop), stop):
            if iteration > start:
                self.work += (self.schedule.full.size + CALL) * (iteration - start)
                executor, batches = self._batches(start, iteration, switches)
                state = executor.advance(state, batches, [])
            if iteration < stop:
                state = self._frame(iteration, state, switches, rounding, plan).next_state
            start = iteration + 1
        return state

    def _batches(self, start: int, stop: int, switches: tuple[float, ...]) -> tuple[GeneratedExecutor, Sequence[Any]]:
        """What runs iterations, and their leaves: of many, a program of its own that has no choices to make."""
        schedule, program = self.schedule, self.schedule.full
        if stop - start < LONG_RUN:
            leaves = [self._leaves(iteration, switches) for iteration in range(start, stop)]
            return self._executor(program, slow=False), leaves
        on = frozenset(number for number, switch in enumerate(switches) if switch)
        executor = GeneratedExecutor(settled(program, self._edits[program], on), self.network.constants)
        columns = self.network.columns
        if schedule.shuffled or program.dated:
            each = range(start, stop)
            return executor, [executor.leaves(columns, schedule.rows(one), schedule.dated(one)) for one in each]
        cycle = [executor.leaves(columns, schedule.rows(one)) for one in range(schedule.per_epoch)]
        return executor, Turns(cycle, start % schedule.per_epoch, stop - start)

    def _frame(
        self,
        iteration: int,
        state: Floats,
        switches: tuple[float, ...],
        rounding: Rounding | None,
        plan: Plan | None = None,
    ) -> Frame:
        program = self.schedule.program(iteration)
        self.work += program.size + CALL
        executor = self._executor(program, slow=rounding is not None)
        if rounding is not None:
            carried = {} if plan is None or not rounding.carry else plan.carried.get(iteration, {})
            self._gate.now = rounding.passing(executor.program, carried, self._raw, iteration)
        return executor.frame(state, self._leaves(iteration, switches))

    def _executor(self, program: Program, *, slow: bool) -> GeneratedExecutor:
        executor = self._executors.get((program, slow))
        if executor is None:
            gate = self._gate if slow else None
            executor = GeneratedExecutor(self._choices(program), self.network.constants, gate)
            self._executors[program, slow] = executor
        return executor

    def _choices(self, program: Program) -> Program:
        """A program with its switches."""
        found = self._switched.get(program)
        if found is None:
            found = self._switched[program] = switched(program, self._edits[program], self.switches)
        return found

    def _leaves(self, iteration: int, switches: tuple[float, ...]) -> Any:
        """The data of an iteration, with the switches behind what changes with time."""
        schedule = self.schedule
        repeats = not schedule.shuffled and not schedule.program(iteration).dated
        key = iteration % schedule.per_epoch if repeats else iteration
        found = self._rows.get(key)
        if found is None:
            executor = self._executor(schedule.program(iteration), slow=False)
            rows = executor.leaves(self.network.columns, schedule.rows(iteration))
            dated = tuple(value for values in schedule.dated(iteration) for value in values.ravel().tolist())
            if len(self._rows) >= MOST_KEPT:
                self._rows.clear()
            found = self._rows[key] = (rows, dated)
        return (*found[0], (*found[1], *switches))


def prepared(
    scenario: Scenario, *, update: str = "in_place", thawed: Container[str] | None = None
) -> tuple[Scenario, frozenset[str]]:
    """A scenario that has what a deviation may need, and the layers whose biases it does not train as stated.

    Args:
        scenario: the scenario.
        update: when a weight is updated, as ``training.update``.
        thawed: the layers whose biases are to be trained; None for all.
    """
    frozen: set[str] = set()
    layers: list[Any] = []
    for layer in scenario.network.layers:
        words = frozenset(getattr(layer, "frozen", None) or ())
        if "bias" in words and (thawed is None or layer.name in thawed):
            frozen.add(layer.name)
            layer = layer.model_copy(update={"frozen": tuple(sorted(words - {"bias"})) or None})
        layers.append(layer)
    network = scenario.network.model_copy(update={"layers": tuple(layers)})
    training = scenario.training.model_copy(update={"update": update})
    return scenario.model_copy(update={"network": network, "training": training}), frozenset(frozen)
