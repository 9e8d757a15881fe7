"""Passing over iterations: what machine code keeps of the slots that a condition reads, and whether it may be true.

Of each slot only the smallest and the largest value of many iterations are kept, and whether one was NaN. Where no
condition can be true within these bounds, no iteration needs a look of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, product

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.formulas.bounds import Bounds, Flags, chances
from retrograde.engine.formulas.meaning import candidates, found_at, located, offsets_of
from retrograde.engine.formulas.probe import Probe, Record, earlier, key, missing
from retrograde.engine.formulas.tree import MomentPart, Slot, Stretch
from retrograde.engine.network.program import Program

NAME = "bound"
"""The function that keeps the bounds."""

LANES = 8
"""Neighbours in memory that are taken at once."""

ROOMS = (2.0**64, 8.0, 1.25)
"""How many times further the bounds may be that are tried as well: the first in which no condition is true are kept."""

_ORDER = sorted(product(range(len(ROOMS) + 2), repeat=2), key=sum)
"""The bounds below and above that are tried together: beyond 0, further by each of these, and as they are."""

MOST_DETAILED = 64
"""Runs without a trial after trials that were in vain."""


def _taken(name: str, kind: str, place: str) -> str:
    """The bounds ``name.low``, ``name.high`` and ``name.bad`` with what is at a place: ``name.low.new``, ..."""
    flag = kind.replace("double", "i1")
    return f"""  %{name}.from = getelementptr inbounds double, ptr %flat, i64 {place}
  %{name}.value = load {kind}, ptr %{name}.from, align 8
  %{name}.less = fcmp olt {kind} %{name}.value, %{name}.low
  %{name}.more = fcmp ogt {kind} %{name}.value, %{name}.high
  %{name}.nan = fcmp uno {kind} %{name}.value, %{name}.value
  %{name}.low.new = select {flag} %{name}.less, {kind} %{name}.value, {kind} %{name}.low
  %{name}.high.new = select {flag} %{name}.more, {kind} %{name}.value, {kind} %{name}.high
  %{name}.bad.new = select {flag} %{name}.nan, {kind} %{name}.value, {kind} %{name}.bad"""


def _addressed(name: str, into: str) -> str:
    """Where bounds are."""
    return f"""  %{name}.low.at = getelementptr inbounds double, ptr %bounds, i64 {into}
  %{name}.high.at = getelementptr inbounds double, ptr %{name}.low.at, i64 {LANES}
  %{name}.bad.at = getelementptr inbounds double, ptr %{name}.low.at, i64 {2 * LANES}"""


def _moved(verb: str, name: str, kind: str, suffix: str) -> str:
    """Loads or stores bounds."""
    each = []
    for side in ("low", "high", "bad"):
        number, at = f"%{name}.{side}{suffix}", f"ptr %{name}.{side}.at, align 8"
        each.append(f"  {number} = load {kind}, {at}" if verb == "load" else f"  store {kind} {number}, {at}")
    return "\n".join(each)


_WIDE = f"<{LANES} x double>"

FUNCTION = f"""
define void @{NAME}(ptr noalias %flat, ptr noalias %bounds, ptr noalias readonly %runs, i64 %runs.count,
    ptr noalias readonly %single, i64 %single.count) nounwind {{
entry:
  %any = icmp sgt i64 %runs.count, 0
  br i1 %any, label %run, label %rest
run:
  %r = phi i64 [0, %entry], [%r.next, %run.end]
  %r.three = mul i64 %r, 3
  %place.at = getelementptr inbounds i64, ptr %runs, i64 %r.three
  %place = load i64, ptr %place.at
  %turns.at = getelementptr inbounds i64, ptr %place.at, i64 1
  %turns = load i64, ptr %turns.at
  %into.at = getelementptr inbounds i64, ptr %place.at, i64 2
  %into = load i64, ptr %into.at
{_addressed("many", "%into")}
{_moved("load", "many", _WIDE, ".old")}
  br label %turn
turn:
  %t = phi i64 [0, %run], [%t.next, %turn]
  %at = phi i64 [%place, %run], [%at.next, %turn]
  %many.low = phi {_WIDE} [%many.low.old, %run], [%many.low.new, %turn]
  %many.high = phi {_WIDE} [%many.high.old, %run], [%many.high.new, %turn]
  %many.bad = phi {_WIDE} [%many.bad.old, %run], [%many.bad.new, %turn]
{_taken("many", _WIDE, "%at")}
  %t.next = add i64 %t, 1
  %at.next = add i64 %at, {LANES}
  %t.again = icmp slt i64 %t.next, %turns
  br i1 %t.again, label %turn, label %run.end
run.end:
{_moved("store", "many", _WIDE, ".new")}
  %r.next = add i64 %r, 1
  %r.again = icmp slt i64 %r.next, %runs.count
  br i1 %r.again, label %run, label %rest
rest:
  %few = icmp sgt i64 %single.count, 0
  br i1 %few, label %one, label %out
one:
  %o = phi i64 [0, %rest], [%o.next, %one]
  %o.two = shl i64 %o, 1
  %one.place.at = getelementptr inbounds i64, ptr %single, i64 %o.two
  %one.place = load i64, ptr %one.place.at
  %one.into.at = getelementptr inbounds i64, ptr %one.place.at, i64 1
  %one.into = load i64, ptr %one.into.at
{_addressed("one", "%one.into")}
{_moved("load", "one", "double", "")}
{_taken("one", "double", "%one.place")}
{_moved("store", "one", "double", ".new")}
  %o.next = add i64 %o, 1
  %o.again = icmp slt i64 %o.next, %single.count
  br i1 %o.again, label %one, label %out
out:
  ret void
}}
"""
"""Takes the slots of an iteration into bounds.

``runs`` has three numbers for each run of neighbours in ``flat``: where it begins, how many times LANES it is long, and
where in ``bounds`` it goes; ``single`` has two for each slot by itself.
"""


class Passing:
    """The bounds of what the conditions of a probe read in a program.

    Args:
        probe: the probe; it records no values.
        program: the program.
    """

    def __init__(self, probe: Probe, program: Program) -> None:
        self._probe = probe
        self._program = program
        self._reads: dict[Slot | Stretch, int] = {}
        self._earlier = {read for read, _sample in earlier(probe, program)}
        self._samples = {each: tuple({one.sample for one in candidates(each, program)}) for each in probe.conditions}
        self._wait = self._vain = 0
        runs: list[tuple[int, int, int]] = []
        single: list[tuple[int, int]] = []
        for condition, samples in self._samples.items():
            for read in condition.reads:
                if read in self._reads or not samples:
                    continue
                into = 3 * LANES * len(self._reads)
                self._reads[read] = len(self._reads)
                for place, length in _runs(self._places(read, range(program.batch) if read.varies else samples[:1])):
                    turns = length // LANES
                    if not turns:
                        single += [(place + k, into) for k in range(length)]
                        continue
                    runs.append((place, turns, into))
                    if length % LANES:
                        # What is taken twice changes nothing.
                        runs.append((place + length - LANES, 1, into))
        self._runs, self._single = np.array(runs, dtype=np.int64), np.array(single, dtype=np.int64)
        self._bounds = np.empty((len(self._reads), 3, LANES))
        self._nothing = np.empty_like(self._bounds)
        self._nothing[:, 0], self._nothing[:, 1], self._nothing[:, 2] = np.inf, -np.inf, 0.0
        # What lies in bounds of which it is known that nothing is true in them needs no thought: where these say all.
        self._clear: tuple[Floats, Floats] | None = None
        self._columns = tuple(self._bounds[:, side] for side in range(3))
        self._alone = not self._earlier and not probe.dated
        self.arguments = (
            self._bounds.ctypes.data,
            *(self._runs.ctypes.data, len(self._runs)),
            *(self._single.ctypes.data, len(self._single)),
        )

    @staticmethod
    def suits(probe: Probe) -> bool:
        """Whether all that a probe asks for is whether a condition is true."""
        return bool(probe.conditions) and not probe.values

    def wanted(self) -> bool:
        """Whether a trial is worth it: after some in vain, a few times are left out."""
        if self._wait:
            self._wait -= 1
            return False
        return True

    def begin(self) -> tuple[int, int, int, int, int]:
        """Forgets all bounds; returns the arguments of the function but for the first one."""
        self._bounds[...] = self._nothing
        return self.arguments

    def over(self, record: Record, number: int, count: int, per_epoch: int) -> bool:
        """Whether no condition was true.

        Args:
            record: what was seen before.
            number: how many iterations the record had before these.
            count: how many they are.
            per_epoch: iterations in an epoch.
        """
        if self._clear is not None and self._within(*self._clear):
            return True
        first = record.start + number
        moments = partial(_moments, first=first, last=first + count - 1, per_epoch=per_epoch)
        low, high = self._wider()
        maybe = self._maybe(low, high, moments, record)
        over = not maybe[-1]
        if over and self._alone:
            best = int(np.argmin(maybe))
            self._clear = low[best], high[best]
        self._vain = 0 if over else min(2 * self._vain or 1, MOST_DETAILED)
        self._wait = self._vain
        return over

    def _within(self, least: Floats, most: Floats) -> bool:
        """Whether all that was seen is within bounds, and none of it NaN."""
        low, high, bad = self._columns
        count = np.count_nonzero
        return not (count(low < least) or count(high > most) or count(bad))

    def _wider(self) -> tuple[Floats, Floats]:
        """Bounds around what was seen now and before, the widest first, and at the end what was seen now."""
        low, high, _bad = self._columns
        if self._clear is not None:
            low, high = np.minimum(low, self._clear[0]), np.maximum(high, self._clear[1])
        seen = low <= high
        most = ROOMS[0] * np.maximum(np.abs(low), np.abs(high))
        lows = [np.where(seen, -most, low), *(low * np.where(low > 0, 1 / room, room) for room in ROOMS), low]
        highs = [np.where(seen, most, high), *(high * np.where(high < 0, 1 / room, room) for room in ROOMS), high]
        return (
            np.stack([*(lows[one] for one, _other in _ORDER), self._columns[0]]),
            np.stack([*(highs[other] for _one, other in _ORDER), self._columns[1]]),
        )

    def _maybe(self, low: Floats, high: Floats, moments: Callable[[str, int], Bounds], record: Record) -> Flags:
        """Whether a condition may be true somewhere within each of several bounds."""
        count, bad = len(low), self._columns[2]

        def bounds(node: Slot | Stretch | MomentPart) -> Bounds:
            if isinstance(node, MomentPart):
                return moments(node.name, count)
            own = self._reads[node]
            nan = np.full(count, np.isnan(bad[own]).any())
            found = Bounds(low[:, own].min(axis=1), high[:, own].max(axis=1), nan)
            return _joined(found, self._before(node, record)) if node in self._earlier else found

        found = [chances(one.node, bounds).true for one, samples in self._samples.items() if samples]
        return np.logical_or.reduce(found) if found else np.zeros(count, dtype=np.bool_)

    def _before(self, read: Slot | Stretch, record: Record) -> Bounds:
        """The bounds of what is read of the iteration before the first."""
        several = range(self._program.batch) if read.varies else (0,)
        each = [record.before.get(key(read, sample)) for sample in several]
        values = np.concatenate([np.ravel(missing((read, 0)) if one is None else one) for one in each])
        known = values[~np.isnan(values)]
        return _bounds_of(
            known.min() if len(known) else np.inf, known.max() if len(known) else -np.inf, len(known) < len(values)
        )

    def _places(self, read: Slot | Stretch, samples: Sequence[int]) -> Iterator[int]:
        """The places of what is read, of all samples together."""
        for sample in samples:
            if isinstance(read, Slot):
                source = located(read, self._program, sample)
                if source is not None:
                    yield self._program.offset(source.ref)
            elif (several := found_at(read, self._program, sample)) is not None:
                yield from offsets_of(several.where).tolist()


def _runs(places: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Neighbours in memory: where they begin, and how many they are."""
    for _distance, run in groupby(enumerate(sorted(set(places))), lambda pair: pair[1] - pair[0]):
        found = [place for _number, place in run]
        yield found[0], len(found)


def _bounds_of(low: float, high: float, nan: bool) -> Bounds:
    return Bounds(np.array([low]), np.array([high]), np.array([nan]))


def _joined(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(np.minimum(a.low, b.low), np.maximum(a.high, b.high), a.nan | b.nan)


def _moments(name: str, number: int, *, first: int, last: int, per_epoch: int) -> Bounds:
    """The epoch, or the iteration in it, of some iterations, so many times."""
    if name == "epoch":
        low, high = first // per_epoch + 1.0, last // per_epoch + 1.0
    elif first // per_epoch == last // per_epoch:
        low, high = first % per_epoch + 1.0, last % per_epoch + 1.0
    else:
        low, high = 1.0, float(per_epoch)
    return Bounds(np.full(number, low), np.full(number, high), np.zeros(number, dtype=np.bool_))
