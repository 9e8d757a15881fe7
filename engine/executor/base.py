"""What an executor does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from itertools import cycle, islice, repeat
from typing import TYPE_CHECKING, Any, Protocol

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.evaluation import Mathematics
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program

if TYPE_CHECKING:
    from retrograde.engine.formulas.probe import Probe, Record

Leaves = Any
"""The batch of one iteration, in the form that an executor's ``leaves`` gives."""


class Turns(Sequence[Leaves]):
    """Batches that come round and round, without a list of them all.

    Args:
        cycle: the batches of one round.
        start: which of them is the first.
        count: how many there are.
    """

    def __init__(self, cycle: Sequence[Leaves], start: int, count: int) -> None:
        self.cycle = cycle
        self.start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        """The batch with a number; a slice gives a list."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self.cycle[(self.start + index) % len(self.cycle)]

    def __iter__(self) -> Iterator[Leaves]:
        """The batches."""
        if len(self.cycle) == 1:
            return repeat(self.cycle[0], self._count)
        start = self.start % len(self.cycle)
        return islice(cycle(self.cycle), start, start + self._count)


class Executor(Protocol):
    """Computes the iterations of one program."""

    program: Program
    mathematics: Mathematics

    def leaves(self, columns: Sequence[Floats], rows: Any, dated: Sequence[Floats] = ()) -> Leaves:
        """The leaves of an iteration, in this executor's form.

        Args:
            columns: the data set, (samples, width) for each array of ``program.data``.
            rows: the rows that make the batch: a range, or an array.
            dated: the values of each leaf of ``program.dated``.
        """
        ...

    def frame(self, state: Floats, leaves: Leaves, overrides: Mapping[Ref, float] | None = None) -> Frame:
        """Computes one iteration and keeps every value.

        Args:
            state: the flat state at the start; not changed.
            leaves: the batch.
            overrides: slots whose assignments are replaced by a number.
        """
        ...

    def advance(self, state: Floats, batches: Sequence[Leaves], losses: MutableSequence[float]) -> Floats:
        """Runs one iteration per batch and returns the state after the last.

        Args:
            state: the flat state at the start; not changed.
            batches: the batches.
            losses: gets E of each iteration.
        """
        ...

    def watch(self, state: Floats, batches: Sequence[Leaves], probe: Probe, record: Record, per_epoch: int) -> Floats:
        """The same as ``advance``, and notes what a probe sees.

        Args:
            state: the flat state at the start; not changed.
            batches: the batches.
            probe: what to look at.
            record: gets E, hits and values of each iteration; its ``before`` is read and brought up to date.
            per_epoch: iterations in an epoch.
        """
        ...
