"""The timeline: any state of a run, from checkpoints and exact replay.

A run stores the state at the start of every K-th iteration. Any other state is replayed from the checkpoint before
it, by the executor of the run itself, so it has the same bits. Memory is bounded: when the checkpoints fill their
share of the budget, every second one is dropped and K doubles. K decides how long a seek takes, never its result.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.base import Executor, Turns
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.executor.native.executor import NativeExecutor, executor_of
from retrograde.engine.formulas.meaning import candidates
from retrograde.engine.formulas.probe import Probe, Record, context, decide, earlier, remembered
from retrograde.engine.formulas.tree import Formula
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.text import _
from retrograde.engine.travel.calendar import Schedule
from retrograde.engine.travel.checkpoints import Checkpoints

DEFAULT_BUDGET = 64 << 20
"""Bytes of history."""

GENERATED_STEPS = 2500
"""Steps of an iteration up to which generated Python is faster than NumPy calls."""

SEEK_SECONDS = 0.005
"""How long a replay between two checkpoints should take at most, at first."""

_STEP_SECONDS = {GeneratedExecutor: 30e-9, KernelExecutor: 3e-9}
_BLAS_STEP_SECONDS = 1e-10
_CALL_SECONDS = {GeneratedExecutor: 0.0, KernelExecutor: 5e-5}


FRAMES = 6
"""Frames that are kept ready."""

PIECE = 600
"""Samples that are looked at together."""

WAYPOINTS = 64
"""States kept inside the checkpoint interval that is being visited."""


Entries = Mapping[tuple[str, tuple[int, ...]], float]
"""New values of slots, by array name and index."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """How a timeline departs from its parent.

    Attributes:
        base: the first iteration that runs as usual again.
        overrides: assignments that are replaced, by iteration; all before ``base``.
        parameters: trained parameters that are replaced in the state at the start of an iteration, likewise.
        constants: entries of leaves that are not data, such as the learning rate, from an iteration on, likewise.
    """

    base: int
    overrides: Mapping[int, Entries] = field(default_factory=dict)
    parameters: Mapping[int, Entries] = field(default_factory=dict)
    constants: Mapping[int, Entries] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """The first iteration that may differ from the parent's."""
        return min((*self.overrides, *self.parameters, *self.constants), default=self.base)

    def then(self, other: Change) -> Change:
        """This change and, on top of it, another one."""
        return Change(
            base=max(self.base, other.base),
            overrides=_joined(self.overrides, other.overrides),
            parameters=_joined(self.parameters, other.parameters),
            constants=_joined(self.constants, other.constants),
        )


def _joined(left: Mapping[int, Entries], right: Mapping[int, Entries]) -> dict[int, Entries]:
    return {at: {**left.get(at, {}), **right.get(at, {})} for at in (*left, *right)}


class Timeline:
    """The states and frames of one training run, or of a branch of one.

    Args:
        network: the network.
        budget: bytes of history.
        parent: the timeline that this one departs from.
        change: how.
        like: a timeline of the same programs, whose executors are used where they have the same constants.

    Attributes:
        network: the network.
        schedule: its iterations.
        parent: the timeline that this one departs from, if any.
        change: how it departs.
        base: the first iteration that is this timeline's own and runs as usual.
        constants: the values of the leaves that are not data.
        checkpoints: the states that are kept.
    """

    def __init__(
        self,
        network: Network,
        *,
        budget: int = DEFAULT_BUDGET,
        parent: Timeline | None = None,
        change: Change | None = None,
        like: Timeline | None = None,
    ) -> None:
        self.network = network
        self.parent = parent
        self.change = change or Change(base=0)
        self.base = self.change.base
        self.schedule: Schedule = Schedule(network) if parent is None else parent.schedule
        self.constants = self._constants(self.base)
        shared = parent is not None and not self.change.constants
        self._executors: dict[Program, Executor] = parent._executors if parent is not None and shared else {}
        full = self.schedule.full
        blas = network.scenario.network.arithmetic == "blas"
        self.generated = full.steps <= GENERATED_STEPS and not blas
        kind = GeneratedExecutor if self.generated else KernelExecutor
        step_seconds = _BLAS_STEP_SECONDS if blas else _STEP_SECONDS[kind]
        self.iteration_seconds = full.steps * step_seconds + _CALL_SECONDS[kind]
        spacing = 1
        while spacing * 2 * self.iteration_seconds <= SEEK_SECONDS:
            spacing *= 2
        self._size = full.state_size
        self.checkpoints = Checkpoints(self._size, spacing, budget * 3 // 4, self.base)
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self.limit(budget)
        self._waypoints: dict[int, Floats] = {}
        self._interval = (0, -1)
        self._cycle: list[Any] | None = None
        # By whether it is of the samples that are held out.
        self._evaluators: dict[bool, tuple[Program, KernelExecutor]] = {}
        # By that and how many samples: a generated function keeps the rows of the data that it has seen.
        self._singles: dict[tuple[bool, int], Executor] = {}
        if like is not None and full is like.schedule.full and _equal(self.constants, like.constants):
            self._executors, self._evaluators, self._singles = like._executors, like._evaluators, like._singles
            self.__dict__["evaluation"] = like.evaluation
        self._sensitive: tuple[int, Frame] | None = None
        # The iterations of the change itself: the states that they start from.
        self._changed: dict[int, Floats] = {}
        first = self.change.first
        state = network.initial_state if parent is None else parent.state(first)
        for iteration in range(first, self.base):
            self._changed[iteration] = self._edited(state, iteration)
            state = self.frame(iteration).next_state
        self.checkpoints.put(self.base, self._edited(state, self.base))

    def limit(self, budget: int) -> None:
        """Sets the budget of history in bytes; where more is held, checkpoints become fewer."""
        self.checkpoints.limit(budget * 3 // 4)
        self._waypoint_limit = max(1, budget // 8 // max(8, self._size * 8))
        self._frame_limit = max(1, min(FRAMES, budget // 8 // max(8, self.schedule.full.size * 8)))

    def _constants(self, iteration: int) -> Mapping[Array, Floats]:
        """The values of the leaves that are not data in one of the iterations from the change on."""
        found = self.network.constants if self.parent is None else self.parent.constants
        for start, entries in sorted(self.change.constants.items()):
            if start <= iteration:
                found = _replaced(found, entries)
        return found

    def _edited(self, state: Floats, iteration: int) -> Floats:
        """The state at the start of an iteration with the parameters that the change replaces there."""
        entries = self.change.parameters.get(iteration)
        if not entries:
            return state
        found = np.array(state)
        program = self.schedule.program(iteration)
        for (name, index), value in entries.items():
            found[program.offset(Ref(program.named[name], index))] = value
        found.setflags(write=False)
        return found

    def executor(self, program: Program) -> Executor:
        """The executor of a program; one for its live run and its replay."""
        executor = self._executors.get(program)
        if executor is None:
            executor = self._executors[program] = self.made(program, self.constants)
        return executor

    def made(self, program: Program, constants: Mapping[Array, Floats]) -> Executor:
        """An executor of the run's kind, so that its numbers have the run's bits."""
        if self.generated:
            return executor_of(program, constants)
        return KernelExecutor(program, constants, blas=self.network.scenario.network.arithmetic == "blas")

    @property
    def native(self) -> bool:
        """Whether machine code computes some of its iterations."""
        return any(
            isinstance(executor, NativeExecutor | KernelExecutor) and executor.native
            for executor in self._executors.values()
        )

    def _leaves(self, iteration: int) -> Any:
        schedule = self.schedule
        executor = self.executor(schedule.program(iteration))
        return executor.leaves(self.network.columns, schedule.rows(iteration), schedule.dated(iteration))

    def _batches(self, start: int, count: int) -> Sequence[Any]:
        schedule = self.schedule
        program = schedule.program(start)
        if schedule.shuffled or program.dated or not self.generated:
            leaves, columns = self.executor(program).leaves, self.network.columns
            return [leaves(columns, schedule.rows(start + k), schedule.dated(start + k)) for k in range(count)]
        if self._cycle is None:
            self._cycle = [self._leaves(iteration) for iteration in range(schedule.per_epoch)]
        return Turns(self._cycle, start % schedule.per_epoch, count)

    def advance(self, state: Floats, start: int, count: int, losses: MutableSequence[float]) -> Floats:
        """Runs ``count`` iterations from the state at the start of iteration ``start``.

        Args:
            state: the state; not changed.
            start: the first iteration.
            count: how many.
            losses: gets E of each.

        Returns:
            The state at the start of iteration ``start + count``.
        """

        def run(executor: Executor, now: Floats, batches: Sequence[Any]) -> Floats:
            return executor.advance(now, batches, losses)

        return self._run(state, start, count, run, lambda frame, _at: losses.append(total_loss(frame)), False)

    def watch(self, state: Floats, start: int, count: int, probe: Probe, record: Record) -> Floats:
        """The same as ``advance``, and notes what a probe sees.

        Args:
            state: the state at the start of iteration ``start``; not changed.
            start: the first iteration; that after the last one of ``record``.
            count: how many.
            probe: what to look at.
            record: gets what is seen.
        """
        per_epoch = self.schedule.per_epoch
        fresh = not record.losses and start > 0 and not record.before
        # Without a look back there is no need for the iteration before, which may take a whole replay.
        if fresh and earlier(probe, self._program(start - 1, probe.sensitive)):
            record.before = remembered(probe, (self.sensitive if probe.sensitive else self.frame)(start - 1))

        def run(executor: Executor, now: Floats, batches: Sequence[Any]) -> Floats:
            return executor.watch(now, batches, probe, record, per_epoch)

        def look(frame: Frame, at: int) -> None:
            _look(probe, record, frame, at, per_epoch)

        return self._run(state, start, count, run, look, probe.sensitive)

    def _program(self, iteration: int, sensitive: bool) -> Program:
        program = self.schedule.program(iteration)
        return self.network.sensitivity(program.batch) if sensitive else program

    def _run(
        self,
        state: Floats,
        start: int,
        count: int,
        run: Callable[[Executor, Floats, Sequence[Any]], Floats],
        look: Callable[[Frame, int], None],
        sensitive: bool,
    ) -> Floats:
        """Runs pieces of iterations of one size by the executor of their timeline; an edited one is looked at."""
        stop = start + count
        schedule = self.schedule
        while start < stop:
            if self.parent is not None and start < self.base:
                if start >= self.change.first:
                    look(self.sensitive(start) if sensitive else self.frame(start), start)
                    start += 1
                    state = self.state(start)
                    continue
                end = min(stop, self.change.first)
                state = self.parent._run(state, start, end - start, run, look, sensitive)
                start = end
                if start == self.change.first:
                    state = self.state(start)
                continue
            piece = stop - start
            if not schedule.uniform:
                left = schedule.per_epoch - 1 - start % schedule.per_epoch
                piece = min(piece, left) if left else 1
            state = run(self.executor(self._program(start, sensitive)), state, self._batches(start, piece))
            start += piece
        return state

    def state(self, iteration: int, on_progress: Callable[[int, int], bool] | None = None) -> Floats:
        """The state at the start of an iteration, replayed where it is not kept; read-only.

        Args:
            iteration: the iteration, from 0.
            on_progress: called with iterations done and to do during a long replay; True cancels.

        Raises:
            InterruptedError: it was cancelled.
        """
        if iteration < self.base:
            if iteration in self._changed:
                return self._changed[iteration]
            assert self.parent is not None
            return self.parent.state(iteration, on_progress)
        marked = self._waypoints.get(iteration)
        if marked is not None:
            return marked
        at, state = self.checkpoints.before(iteration)
        spacing = self.checkpoints.spacing
        begin = at
        while iteration - at >= spacing:
            state = self.advance(state, at, spacing, [])
            at += spacing
            self.checkpoints.put(at, state)
            if on_progress is not None and on_progress(at - begin, iteration - begin):
                raise InterruptedError
        return self._visit(at, state, iteration)

    def _visit(self, base: int, state: Floats, iteration: int) -> Floats:
        """Goes from a checkpoint to an iteration of its interval, and keeps states on the way.

        Walking back and forth inside an interval then costs a replay of a few iterations at most.
        """
        spacing = self.checkpoints.spacing
        stride = -(-spacing // min(WAYPOINTS, self._waypoint_limit))
        if self._interval != (base, stride):
            self._waypoints = {base: np.array(state)}
            self._waypoints[base].setflags(write=False)
            self._interval = (base, stride)
        nearest = max((mark for mark in self._waypoints if mark <= iteration), default=base)
        at, state = nearest, self._waypoints[nearest]
        while at < iteration:
            piece = min(iteration, (at // stride + 1) * stride) - at
            state = self.advance(state, at, piece, [])
            at += piece
            state.setflags(write=False)
            if at % stride == 0 and len(self._waypoints) < 2 * WAYPOINTS:
                self._waypoints[at] = state
        return state

    def frame(self, iteration: int) -> Frame:
        """Every value of an iteration."""
        if self.parent is not None and iteration < self.change.first:
            return self.parent.frame(iteration)
        frame = self._frames.get(iteration)
        if frame is not None:
            self._frames.move_to_end(iteration)
            return frame
        frame = self._computed(iteration, self.schedule.program(iteration))
        self._frames[iteration] = frame
        while len(self._frames) > self._frame_limit:
            self._frames.popitem(last=False)
        return frame

    def framer(self, iteration: int, program: Program | None = None) -> Callable[[Floats], Frame]:
        """What computes every value of an iteration from a state at its start, which need not be the run's own.

        Args:
            iteration: the iteration.
            program: its program, or one that computes more.
        """
        if self.parent is not None and iteration < self.change.first:
            return self.parent.framer(iteration, program)
        schedule = self.schedule
        program = schedule.program(iteration) if program is None else program
        executor = self.executor(program)
        leaves = executor.leaves(self.network.columns, schedule.rows(iteration), schedule.dated(iteration))
        if iteration >= self.base:
            return lambda state: executor.frame(state, leaves)
        overrides = self.replaced(iteration, program)
        later = any(at > iteration for at in self.change.constants)
        edited = self.made(program, self._constants(iteration)) if later else executor
        return lambda state: edited.frame(state, leaves, overrides)

    def _computed(self, iteration: int, program: Program) -> Frame:
        """An iteration by its program, or by one that computes more."""
        previous = self._frames.get(iteration - 1) if iteration > self.base else None
        state = self.state(iteration) if previous is None else previous.next_state
        return self.framer(iteration, program)(state)

    def frames(self, start: int, stop: int) -> Iterator[Frame]:
        """The frames of iterations one after the other, none of them kept; faster than to ask for each."""
        state: Floats | None = None
        for iteration in range(start, stop):
            if iteration < self.base:
                yield self.frame(iteration)
                continue
            state = self.state(iteration) if state is None else state
            frame = self.executor(self.schedule.program(iteration)).frame(state, self._leaves(iteration))
            state = frame.next_state
            yield frame

    def sensitive(self, iteration: int) -> Frame:
        """Every value of an iteration, and the gradients of its inputs, which no training asks for."""
        if self.parent is not None and iteration < self.change.first:
            return self.parent.sensitive(iteration)
        if self._sensitive is None or self._sensitive[0] != iteration:
            program = self.network.sensitivity(self.schedule.program(iteration).batch)
            self._sensitive = iteration, self._computed(iteration, program)
        return self._sensitive[1]

    def replaced(self, iteration: int, program: Program | None = None) -> dict[Ref, float]:
        """The assignments of an iteration that an edit has replaced, in its program or another one of it."""
        if self.parent is not None and iteration < self.change.first:
            return self.parent.replaced(iteration, program)
        named = (program or self.schedule.program(iteration)).named
        entries = self.change.overrides.get(iteration, {})
        return {Ref(named[name], index): value for (name, index), value in entries.items()}

    def data_loss(self, state: Floats) -> float:
        """The loss over the whole data set under a state; a mean over the batch runs over all samples."""
        return total_loss(self.evaluated(state))

    @cached_property
    def evaluation(self) -> Program:
        """The forward pass over the whole data set."""
        return self.network.evaluation(self.schedule.samples) if self.parent is None else self.parent.evaluation

    def loss_as_iteration(self, state: Floats, *, held_out: bool = False) -> float | None:
        """``data_loss`` in the unit of an iteration's E: a sum over the samples is divided by an epoch's iterations.

        None where some of several losses are sums over the samples and others are means.

        Args:
            state: the state.
            held_out: whether the samples are those that are held out, of which there are some; their sum is that of as
                many samples as an iteration has.

        Raises:
            EngineError: none are held out.
        """
        kinds = {loss.over_batch for loss in self.network.losses}
        if len(kinds) > 1:
            return None
        frame = self.evaluated(state, held_out=held_out)
        total = total_loss(frame)
        if kinds == {"mean"}:
            return total
        # What penalties add is not a sum over samples.
        samples = frame.program.named.get("loss", frame.program.named["E"])
        of_samples = float(frame.array(samples))
        iterations = frame.program.batch * self.schedule.per_epoch / self.schedule.samples
        return of_samples / iterations + (total - of_samples if samples.name == "loss" else 0.0)

    def held_out_loss(self, state: Floats) -> float:
        """The loss over the samples that are held out under a state.

        Raises:
            EngineError: none are held out.
        """
        return total_loss(self.evaluated(state, held_out=True))

    def evaluated(self, state: Floats, *, held_out: bool = False) -> Frame:
        """The forward pass over the whole data set, or over what is held out, under a state."""
        columns = self.network.held_columns if held_out else self.network.columns
        if columns is None:
            raise EngineError(_("no samples are held out; a scenario says which in [held_out]"))
        held = self.network.dataset.held_out
        samples = len(held) if held_out and held is not None else self.schedule.samples
        if held_out not in self._evaluators:
            program = self.network.evaluation(samples) if held_out else self.evaluation
            blas = self.network.scenario.network.arithmetic == "blas"
            self._evaluators[held_out] = (program, KernelExecutor(program, self.constants, blas=blas))
        program, executor = self._evaluators[held_out]
        dated = [leaf.source.values(0, self.schedule.per_epoch) for leaf in program.dated]
        return executor.frame(state, executor.leaves(columns, range(samples), dated))

    def singly(self, state: Floats, *, held_out: bool = False) -> Iterator[tuple[range, Frame]]:
        """The forward pass over all samples under a state, with the loss of each as if it were alone.

        It is computed by the run's own kind of executor, so that outputs have the bits that stepping shows: sample by
        sample where that is a generated function, else by NumPy in pieces. Products of BLAS may differ in last digits.

        Args:
            state: the state.
            held_out: whether the samples are those that are held out.

        Yields:
            The rows of a piece, and its frame.

        Raises:
            EngineError: no samples are held out.
        """
        network = self.network
        columns = network.held_columns if held_out else network.columns
        if columns is None:
            raise EngineError(_("no samples are held out; a scenario says which in [held_out]"))
        held = network.dataset.held_out
        count = len(held) if held_out and held is not None else self.schedule.samples
        most = 1 if self.generated else PIECE
        for start in range(0, count, most):
            rows = range(start, min(start + most, count))
            executor = self._singles.get((held_out, len(rows)))
            if executor is None:
                program = network.evaluation(len(rows), singly=True)
                executor = self._singles[held_out, len(rows)] = self.made(program, self.constants)
            dated = [leaf.source.values(0, self.schedule.per_epoch) for leaf in executor.program.dated]
            yield rows, executor.frame(state, executor.leaves(columns, rows, dated))

    def predictions(self, state: Floats, *, held_out: bool = False) -> Floats:
        """The outputs of the last layer for the whole data set, or what is held out, under a state, (samples, ...)."""
        frame = self.evaluated(state, held_out=held_out)
        return frame.array(self.network.output(frame.program))

    @property
    def nbytes(self) -> int:
        """Bytes of history that are held."""
        waypoints = sum(state.nbytes for state in self._waypoints.values())
        frames = sum(frame.flat.nbytes for frame in self._frames.values())
        return self.checkpoints.nbytes + waypoints + frames


def _equal(one: Mapping[Array, Floats], other: Mapping[Array, Floats]) -> bool:
    """Whether two sets of constants have the same bits."""
    return one.keys() == other.keys() and all(
        np.asarray(values).tobytes() == np.asarray(other[array]).tobytes() for array, values in one.items()
    )


def _replaced(constants: Mapping[Array, Floats], entries: Entries) -> dict[Array, Floats]:
    """The constants with some entries replaced."""
    found = {array: np.array(values) for array, values in constants.items()}
    for array, values in found.items():
        for (name, index), value in entries.items():
            if name == array.name:
                values[index] = value
    return found


def total_loss(frame: Frame) -> float:
    """E of an iteration; NaN where there is none, as in a recording without a backward pass."""
    found = frame.program.named.get("E")
    return math.nan if found is None else frame.value(Ref(found, (0,) * len(found.shape)))


def _look(probe: Probe, record: Record, frame: Frame, iteration: int, per_epoch: int) -> None:
    """Notes what a probe sees in a frame that is already there."""
    program = frame.program

    def decided(formula: Formula) -> list[Any]:
        return [
            decide(formula, frame, record.before, candidate, context(program, candidate, iteration, per_epoch))
            for candidate in candidates(formula, program)
        ]

    for column, formula in zip(record.columns, probe.values, strict=True):
        column.extend(float(value) for value in decided(formula))
    if any(value for condition in probe.conditions for value in decided(condition)):
        record.hits.append(len(record.losses))
    record.losses.append(total_loss(frame))
    record.before = remembered(probe, frame)
