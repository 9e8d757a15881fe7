"""The timeline: any state of a run, from checkpoints and exact replay.

A run stores the state at the start of every K-th iteration. Any other state is replayed from the checkpoint before
it, by the executor of the run itself, so it has the same bits. Memory is bounded: when the checkpoints fill their
share of the budget, every second one is dropped and K doubles. K decides how long a seek takes, never its result.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import numpy as np

from retrograde.engine.arithmetic import Floats
from retrograde.engine.executor.base import Executor, Frame
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network import Network
from retrograde.engine.program import Program
from retrograde.engine.schedule import Schedule

DEFAULT_BUDGET = 64 << 20
"""Bytes of history."""

GENERATED_STEPS = 2500
"""Steps of an iteration up to which generated Python is faster than NumPy calls."""

SEEK_SECONDS = 0.005
"""How long a replay between two checkpoints should take at most, at first."""

_STEP_SECONDS = {GeneratedExecutor: 30e-9, KernelExecutor: 3e-9}
_BLAS_STEP_SECONDS = 1e-10
_CALL_SECONDS = {GeneratedExecutor: 0.0, KernelExecutor: 5e-5}

BLOCK_BYTES = 1 << 15
"""Bytes of checkpoints that are taken from the system at a time, unless one state is larger."""

FRAMES = 6
"""Frames that are kept ready."""

WAYPOINTS = 64
"""States kept inside the checkpoint interval that is being visited."""


class Checkpoints:
    """The states at the start of every K-th iteration, within a budget of memory.

    Args:
        size: scalars in a state.
        spacing: K to begin with, a power of two.
        budget: bytes.
    """

    def __init__(self, size: int, spacing: int, budget: int) -> None:
        self._size = size
        self.spacing = spacing
        row = max(8, size * 8)
        # Blocks instead of one array that grows: copying a large one holds up the run.
        self._height = 1
        while 2 * self._height * row <= min(BLOCK_BYTES, budget):
            self._height *= 2
        self._limit = max(2, budget // row // self._height * self._height)
        self._blocks: list[Floats] = []
        self.count = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(block.nbytes for block in self._blocks)

    def put(self, iteration: int, state: Floats) -> None:
        """Stores a state that is the next one due; any other is passed over."""
        if iteration != self.count * self.spacing:
            return
        if self.count == self._limit:
            self._thin()
            if iteration != self.count * self.spacing:
                return
        block, row = divmod(self.count, self._height)
        if block == len(self._blocks):
            self._blocks.append(np.empty((self._height, self._size)))
        self._blocks[block][row] = state
        self.count += 1

    def before(self, iteration: int) -> tuple[int, Floats]:
        """The last checkpoint at or before an iteration: its iteration and its state."""
        number = min(iteration // self.spacing, self.count - 1)
        block, row = divmod(number, self._height)
        return number * self.spacing, self._blocks[block][row]

    def _thin(self) -> None:
        """Drops every second state; the blocks stay, for the states to come."""
        blocks, half = self._blocks, self._height // 2
        if half == 0:
            self._blocks = blocks[0::2] + blocks[1::2]
        else:
            for number, block in enumerate(blocks):
                target = blocks[number // 2]
                target[half * (number % 2) :][:half] = block[::2]
        self.count = (self.count + 1) // 2
        self.spacing *= 2


class Timeline:
    """The states and frames of one training run.

    Args:
        network: the network.
        budget: bytes of history.

    Attributes:
        network: the network.
        schedule: its iterations.
        checkpoints: the states that are kept.
    """

    def __init__(self, network: Network, *, budget: int = DEFAULT_BUDGET) -> None:
        self.network = network
        self.schedule = Schedule(network)
        self._executors: dict[Program, Executor] = {}
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
        self.checkpoints = Checkpoints(self._size, spacing, budget * 3 // 4)
        self.checkpoints.put(0, network.initial_state)
        self._waypoint_limit = max(1, budget // 8 // max(8, self._size * 8))
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._frame_limit = max(1, min(FRAMES, budget // 8 // max(8, full.size * 8)))
        self._waypoints: dict[int, Floats] = {}
        self._interval = (0, -1)
        self._cycle: list[Any] | None = None
        self._evaluator: tuple[Program, KernelExecutor] | None = None

    def executor(self, program: Program) -> Executor:
        """The executor of a program; one for its live run and its replay."""
        executor = self._executors.get(program)
        if executor is None:
            constants = self.network.constants
            if self.generated:
                executor = GeneratedExecutor(program, constants)
            else:
                blas = self.network.scenario.network.arithmetic == "blas"
                executor = KernelExecutor(program, constants, blas=blas)
            self._executors[program] = executor
        return executor

    def _leaves(self, iteration: int) -> Any:
        data = self.network.dataset
        executor = self.executor(self.schedule.program(iteration))
        return executor.leaves(data.inputs, data.targets, self.schedule.rows(iteration))

    def _batches(self, start: int, count: int) -> list[Any]:
        schedule = self.schedule
        if schedule.shuffled or not self.generated:
            leaves, data = self.executor(schedule.program(start)).leaves, self.network.dataset
            return [leaves(data.inputs, data.targets, schedule.rows(start + k)) for k in range(count)]
        if self._cycle is None:
            self._cycle = [self._leaves(iteration) for iteration in range(schedule.per_epoch)]
        if len(self._cycle) == 1:
            return self._cycle * count
        position = start % schedule.per_epoch
        return list(islice(cycle(self._cycle), position, position + count))

    def advance(self, state: Floats, start: int, count: int, losses: list[float]) -> Floats:
        """Runs ``count`` iterations from the state at the start of iteration ``start``.

        Args:
            state: the state; not changed.
            start: the first iteration.
            count: how many.
            losses: gets E of each.

        Returns:
            The state at the start of iteration ``start + count``.
        """
        schedule = self.schedule
        if schedule.uniform:
            return self.executor(schedule.full).advance(state, self._batches(start, count), losses)
        stop = start + count
        while start < stop:
            position = start % schedule.per_epoch
            left = schedule.per_epoch - 1 - position
            piece = min(stop - start, left) if left else 1
            executor = self.executor(schedule.program(start))
            state = executor.advance(state, self._batches(start, piece), losses)
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
        frame = self._frames.get(iteration)
        if frame is not None:
            self._frames.move_to_end(iteration)
            return frame
        previous = self._frames.get(iteration - 1)
        state = self.state(iteration) if previous is None else previous.next_state
        frame = self.executor(self.schedule.program(iteration)).frame(state, self._leaves(iteration))
        self._frames[iteration] = frame
        while len(self._frames) > self._frame_limit:
            self._frames.popitem(last=False)
        return frame

    def data_loss(self, state: Floats) -> float:
        """The loss over the whole data set under a state; a mean over the batch runs over all samples."""
        data = self.network.dataset
        if self._evaluator is None:
            program = self.network.evaluation(self.schedule.samples)
            blas = self.network.scenario.network.arithmetic == "blas"
            self._evaluator = (program, KernelExecutor(program, self.network.constants, blas=blas))
        program, executor = self._evaluator
        frame = executor.frame(state, executor.leaves(data.inputs, data.targets, range(self.schedule.samples)))
        return float(frame.array(program.named["E"]))

    def predictions(self, state: Floats) -> Floats:
        """The outputs for the whole data set under a state, (samples, units)."""
        self.data_loss(state)
        assert self._evaluator is not None
        program, executor = self._evaluator
        data = self.network.dataset
        frame = executor.frame(state, executor.leaves(data.inputs, data.targets, range(self.schedule.samples)))
        return frame.array(program.named[f"out_{self.network.layers[-1].name}"])

    @property
    def nbytes(self) -> int:
        """Bytes of history that are held."""
        waypoints = sum(state.nbytes for state in self._waypoints.values())
        frames = sum(frame.flat.nbytes for frame in self._frames.values())
        return self.checkpoints.nbytes + waypoints + frames
