"""Looking at what machine code has computed: what a probe sees in the slots of many iterations at once."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, MutableSequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Ref
from retrograde.engine.formulas.columns import Columns, values
from retrograde.engine.formulas.meaning import Candidate, Where, candidates, found_at, located, offsets_of
from retrograde.engine.formulas.probe import Key, Probe, Record, context, earlier, key, missing
from retrograde.engine.formulas.tree import Slot, Stretch
from retrograde.engine.network.program import Program


def extend(numbers: MutableSequence[float], more: Floats) -> None:
    """Appends numbers, at once where they go into an array."""
    if isinstance(numbers, array):
        numbers.frombytes(more.tobytes())
    else:
        numbers.extend(more.tolist())


class Look:
    """What a probe reads in a program, and what it sees there.

    Args:
        probe: the probe.
        program: the program.

    Attributes:
        slots: the slots that are read, in the order of the columns that ``see`` is given.
        back: where what is read of the iteration before is among them.
    """

    def __init__(self, probe: Probe, program: Program) -> None:
        self._probe = probe
        self._program = program
        self._slots: list[int] = []
        self._single: dict[int, int] = {}
        self._several: dict[tuple[Stretch, int], slice] = {}
        self.back: Mapping[Key, int | slice] = {
            each: self._place(where) if isinstance(where, Ref) else self._places(where)
            for each, where in earlier(probe, program).items()
        }
        for formula in probe.formulas:
            for candidate in candidates(formula, program):
                for read in formula.reads:
                    self._at(read, candidate.sample)
        self.slots: NDArray[np.int64] = np.array(self._slots, dtype=np.int64)

    def before(self, record: Record) -> Floats:
        """The slots of the iteration before, as far as they are read."""
        found = np.full(len(self.slots), math.nan)
        for each, place in self.back.items():
            found[place] = record.before.get(each, missing(each))
        return found

    def remembered(self, row: Floats) -> dict[Key, Any]:
        """What the next iteration may ask for."""
        return {
            each: row[place].copy() if isinstance(place, slice) else float(row[place])
            for each, place in self.back.items()
        }

    def see(self, block: Floats, before: Floats, record: Record, number: int, per_epoch: int) -> None:
        """Notes what the probe sees.

        Args:
            block: the slots of some iterations, (iterations, slots).
            before: those of the iteration before the first.
            record: gets hits and values.
            number: how many iterations the record had before these.
            per_epoch: iterations in an epoch.
        """
        count = len(block)
        rows = np.concatenate((before[None, :], block)) if self.back else block
        hits = np.zeros(count, dtype=np.bool_)
        with np.errstate(all="ignore"):
            for condition in self._probe.conditions:
                for candidate in candidates(condition, self._program):
                    hits |= values(
                        condition.node, self._columns(rows, count, candidate, record.start + number, per_epoch)
                    )
            for column, formula in zip(record.columns, self._probe.values, strict=True):
                found = [
                    np.broadcast_to(
                        values(formula.node, self._columns(rows, count, candidate, record.start + number, per_epoch)),
                        (count,),
                    )
                    for candidate in candidates(formula, self._program)
                ]
                if found:
                    extend(column, np.stack(found, axis=1).astype(np.float64).ravel())
        record.hits.extend((np.flatnonzero(hits) + number).tolist())

    def _columns(self, rows: Floats, count: int, candidate: Candidate, at: int, per_epoch: int) -> Columns:
        """What a formula reads at one of its candidates."""
        moment = context(self._program, candidate, at, per_epoch)

        def read(one: Slot | Stretch) -> Any:
            place, earlier_one = self._at(one, candidate.sample)
            first = len(rows) - count - earlier_one
            return rows[first : first + count, place]

        def part(name: str) -> Any:
            if name not in {"epoch", "iteration"}:
                return moment(name)
            iterations = np.arange(at, at + count)
            return (iterations // per_epoch if name == "epoch" else iterations % per_epoch) + 1.0

        return Columns(read, read, part)

    def _at(self, read: Slot | Stretch, sample: int) -> tuple[int | slice, bool]:
        """Where the column or columns of what is read are, and whether those of the iteration before are meant."""
        source = located(read, self._program, sample) if isinstance(read, Slot) else None
        if source is not None:
            place = self.back[key(read, sample)] if source.earlier else self._place(source.ref)
            return place, source.earlier
        assert isinstance(read, Stretch)
        several = found_at(read, self._program, sample)
        assert several is not None
        if several.earlier:
            return self.back[key(read, sample)], True
        known = (read, sample)
        if known not in self._several:
            self._several[known] = self._places(several.where)
        return self._several[known], False

    def _place(self, ref: Ref) -> int:
        """The column of a slot."""
        slot = self._program.offset(ref)
        if slot not in self._single:
            self._single[slot] = len(self._slots)
            self._slots.append(slot)
        return self._single[slot]

    def _places(self, where: Where) -> slice:
        """The columns of several slots, side by side."""
        start = len(self._slots)
        self._slots += offsets_of(where).tolist()
        return slice(start, len(self._slots))
