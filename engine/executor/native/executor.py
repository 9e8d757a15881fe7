"""The native executor: a program as machine code from the moment that this is there, as generated Python before.

Both have the same bits, so that the change between them, at the boundary of an iteration, shows in nothing but time.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.evaluation import PYTHON
from retrograde.engine.equations.expression import Ref
from retrograde.engine.executor.base import Executor, Turns
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.native import switch
from retrograde.engine.executor.native.looking import Look, extend
from retrograde.engine.executor.native.machine import Code
from retrograde.engine.executor.native.passing import Passing
from retrograde.engine.executor.native.workshop import WORKSHOP, Job, small
from retrograde.engine.formulas.probe import Probe, Record
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program

WARM = 400_000
"""Steps that a program has run after which it is compiled: some ten milliseconds of generated Python."""

LOOKS = 16
"""Compiled probes that are kept."""

BLOCK = 1 << 16
"""Numbers that are noted for a probe before it looks at them."""


def executor_of(program: Program, constants: Mapping[Array, Floats]) -> Executor:
    """What executes a small program: natively where that is possible and wanted."""
    return NativeExecutor(program, constants) if switch.used() else GeneratedExecutor(program, constants)


class Batch:
    """The leaves of an iteration: the rows of the data, and in the form of the generated executor when that asks."""

    __slots__ = ("_columns", "_dated", "_plain", "dated", "rows", "table")

    def __init__(self, table: Floats, columns: Sequence[Floats], rows: Any, dated: Sequence[Floats]) -> None:
        self.table = table
        self.rows = np.asarray(rows, dtype=np.int64)
        self.dated = np.concatenate([np.ravel(values) for values in dated]) if dated else None
        self._columns, self._dated = columns, dated
        self._plain: Any = None

    def plain(self, executor: GeneratedExecutor) -> Any:
        """The same for the generated executor."""
        if self._plain is None:
            self._plain = executor.leaves(self._columns, self.rows.tolist(), self._dated)
        return self._plain


class Feed(NamedTuple):
    """The batches of some iterations, as machine code takes them: see ``printing.printed``."""

    table: Floats
    rows: NDArray[np.int64]
    cycle: int
    start: int
    dated: Floats | None


class NativeExecutor:
    """Executes a program; see ``executor.base.Executor``.

    Args:
        program: the program.
        constants: the values of the leaves that are not data.

    Attributes:
        warm: steps after which the program is compiled.
    """

    mathematics = PYTHON

    def __init__(self, program: Program, constants: Mapping[Array, Floats]) -> None:
        self.program = program
        self.warm = WARM
        self._generated = GeneratedExecutor(program, constants)
        self._constants = constants
        self._done = 0
        self._job: Job | None = None
        self._table: Floats | None = None
        self._memory: Floats | None = None
        self._cycle: tuple[Sequence[Batch], list[Any], NDArray[np.int64] | None] | None = None
        self._looks: dict[Probe, tuple[Look, Passing | None]] = {}

    @property
    def native(self) -> bool:
        """Whether the machine code is there."""
        return self._job is not None and self._job.code is not None

    def hasten(self) -> bool:
        """Waits for the machine code; returns whether there is one."""
        if self._job is None:
            self._job = WORKSHOP.order(self.program, partial(small, self.program))
        self._job.over.wait()
        return self.native

    def leaves(self, columns: Sequence[Floats], rows: Any, dated: Sequence[Floats] = ()) -> Batch:
        if self._table is None:
            # A network without inputs and targets has one sample, of nothing.
            table = np.concatenate(columns, axis=1) if columns else np.zeros((1, 0))
            self._table = np.ascontiguousarray(table, dtype=np.float64)
        return Batch(self._table, columns, rows, dated)

    def frame(self, state: Floats, leaves: Batch, overrides: Mapping[Ref, float] | None = None) -> Frame:
        code = None if overrides else self._code(1)
        if code is None:
            return self._generated.frame(state, leaves.plain(self._generated), overrides)
        flat = self._started(state)
        self._run(code, flat, Feed(leaves.table, leaves.rows, 1, 0, leaves.dated), 1, np.empty(1))
        return Frame(self.program, flat, self.mathematics)

    def advance(self, state: Floats, batches: Sequence[Batch], losses: MutableSequence[float]) -> Floats:
        count = len(batches)
        code = self._code(count)
        if code is None or not count:
            return self._generated.advance(state, self._plain(batches), losses)
        flat, seen = self._started(state), np.empty(count)
        self._run(code, flat, self._feed(batches), count, seen)
        extend(losses, seen)
        return self._ended(flat)

    def watch(self, state: Floats, batches: Sequence[Batch], probe: Probe, record: Record, per_epoch: int) -> Floats:
        count = len(batches)
        code = self._code(count)
        if code is None or not count:
            return self._generated.watch(state, self._plain(batches), probe, record, per_epoch)
        found = self._looks.get(probe)
        if found is None:
            if len(self._looks) >= LOOKS:
                self._looks.clear()
            passing = Passing(probe, self.program) if Passing.suits(probe) else None
            found = self._looks[probe] = Look(probe, self.program), passing
        look, passing = found
        feed, size = self._feed(batches), self.program.state_size
        if passing is not None and passing.wanted():
            flat, losses = self._started(state), np.empty(count)
            self._run(code, flat, feed, count, losses, bounds=passing.begin())
            if passing.over(record, len(record.losses), count, per_epoch):
                extend(record.losses, losses)
                record.before = look.remembered(flat[look.slots]) if look.back else {}
                return self._ended(flat)
        flat = self._started(state)
        before = look.before(record)
        piece = max(1, BLOCK // max(1, len(look.slots)))
        for first in range(0, count, piece):
            most = min(piece, count - first)
            if first:
                flat[:size] = flat[size : 2 * size]
            losses, block = np.empty(most), np.empty((most, len(look.slots)))
            self._run(code, flat, self._later(feed, first), most, losses, block, look.slots)
            number = len(record.losses)
            extend(record.losses, losses)
            look.see(block, before, record, number, per_epoch)
            before = block[-1]
        record.before = look.remembered(before)
        return self._ended(flat)

    def _code(self, iterations: int) -> Code | None:
        """The machine code, when it is there; it is asked for when enough has been run without."""
        if self._job is None:
            self._done += iterations * self.program.steps
            if self._done < self.warm:
                return None
            self._job = WORKSHOP.order(self.program, partial(small, self.program))
        return self._job.code

    def _plain(self, batches: Sequence[Batch]) -> Sequence[Any]:
        """The batches in the form of the generated executor."""
        if isinstance(batches, Turns):
            return Turns(self._cycled(batches)[1], batches.start, len(batches))
        return [batch.plain(self._generated) for batch in batches]

    def _cycled(self, turns: Turns) -> tuple[Sequence[Batch], list[Any], NDArray[np.int64] | None]:
        """The batches that come round, in both forms; for machine code only those that are of one size."""
        if self._cycle is None or self._cycle[0] is not turns.cycle:
            each = [batch.rows for batch in turns.cycle]
            rows = np.concatenate(each) if len(set(map(len, each))) == 1 else None
            self._cycle = (turns.cycle, [batch.plain(self._generated) for batch in turns.cycle], rows)
        return self._cycle

    def _feed(self, batches: Sequence[Batch]) -> Feed:
        table = batches[0].table
        if isinstance(batches, Turns) and (rows := self._cycled(batches)[2]) is not None:
            return Feed(table, rows, len(batches.cycle), batches.start % len(batches.cycle), None)
        dated = [batch.dated for batch in batches if batch.dated is not None]
        rows = np.concatenate([batch.rows for batch in batches])
        return Feed(table, rows, len(batches), 0, np.stack(dated) if dated else None)

    @staticmethod
    def _later(feed: Feed, first: int) -> Feed:
        """The batches from one on."""
        dated = None if feed.dated is None else feed.dated[first:]
        return feed._replace(start=(feed.start + first) % feed.cycle, dated=dated)

    def _started(self, state: Floats) -> Floats:
        """The memory of an iteration, with a state and the constants."""
        program = self.program
        if self._memory is None:
            self._memory = np.zeros(program.size)
            for one, values in self._constants.items():
                if one in program.offsets:
                    start = program.offsets[one]
                    self._memory[start : start + one.size] = np.ravel(values)
        flat = self._memory.copy()
        flat[: program.state_size] = state
        return flat

    def _ended(self, flat: Floats) -> Floats:
        """The state after the last iteration."""
        size = self.program.state_size
        return flat[size : 2 * size].copy()

    def _run(
        self,
        code: Code,
        flat: Floats,
        feed: Feed,
        count: int,
        losses: Floats,
        seen: Floats | None = None,
        slots: NDArray[np.int64] | None = None,
        bounds: tuple[int | None, int | None, int, int | None, int] = (None, None, 0, None, 0),
    ) -> None:
        """Runs some iterations in a memory."""
        dated = feed.dated
        if dated is not None:
            dated = np.ascontiguousarray(dated)
            self._date(flat, dated.reshape(-1))
        code.function(
            flat.ctypes.data,
            feed.table.ctypes.data,
            feed.rows.ctypes.data,
            feed.cycle,
            feed.start,
            None if dated is None else dated.ctypes.data,
            count,
            losses.ctypes.data,
            None if seen is None else seen.ctypes.data,
            None if slots is None else slots.ctypes.data,
            0 if slots is None else len(slots),
            *bounds,
        )

    def _date(self, flat: Floats, values: Floats) -> None:
        """Puts the leaves of the first iteration that change with time into memory."""
        done = 0
        for leaf in self.program.dated:
            start, size = self.program.offsets[leaf.array], leaf.array.size
            flat[start : start + size] = values[done : done + size]
            done += size
