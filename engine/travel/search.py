"""Searching a run: where a condition is true, forward and backward, and how large a value gets.

A condition is true or false only at its candidates, the steps at which its last slot gets its value, so its hits are
a set that the timeline defines. Intervals that the zone maps rule out are passed over; the others are replayed, each
once, by the loop that runs the training, with the condition printed into it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.errors import SearchCancelledError
from retrograde.engine.formulas.bounds import Bounds, anything, chances
from retrograde.engine.formulas.meaning import candidates
from retrograde.engine.formulas.probe import Probe, Record, context, decide, remembered
from retrograde.engine.formulas.tree import Formula, Kind, MomentPart, Slot, Stretch
from retrograde.engine.network.frame import Frame
from retrograde.engine.travel.timeline import Timeline
from retrograde.engine.travel.zones import LOSS, Zones

TRACKED = 8
"""Slots of one formula that a search remembers in the zone maps."""


JOINED = 8
"""Intervals that are replayed in one for a condition that looks back, and by machine code.

Each replay then needs the frame before its first iteration, which costs the replay of an interval more. Machine code
runs as many in less time than to begin a replay takes.
"""


PARTS = 8
"""Parts of an interval in a replay."""


LEAST = 64
"""Iterations of a part whose bounds are noted: of fewer, noting them would hold up the run of a small network."""


OnProgress = Callable[[int, int], bool]
"""Called with iterations done and to do; True cancels."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest or smallest value of a formula: the value, and the number of the step where it is reached first."""

    value: float
    step: int


class Hit(NamedTuple):
    """A step, by its number from 1, at which a condition is true."""

    step: int
    condition: Formula


class Piece(NamedTuple):
    """Iterations from ``begin`` up to ``end``, and whether one of them may be a hit."""

    begin: int
    end: int
    maybe: bool


Conditions = tuple[Formula, ...]


class Search:
    """Searches one timeline.

    Args:
        timeline: the timeline.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.zones = Zones(timeline.checkpoints.spacing, timeline.base)
        # Of the loss, which a run notes anyway, also by the part: a search for a threshold replays what it has to.
        self._parts = Zones(max(LEAST, self._part), timeline.base)
        self._probes: dict[Conditions, tuple[Probe, tuple[Slot, ...]]] = {}

    def note(self, start: int, losses: Sequence[float]) -> None:
        """Takes E of iterations that were run, for the zone map of the loss."""
        self._respace()
        if start >= self.zones.base:
            self.zones.record(LOSS, start, losses)
            self._parts.record(LOSS, start, losses)

    @property
    def nbytes(self) -> int:
        """Bytes held by the zone maps."""
        return self.zones.nbytes + self._parts.nbytes

    @property
    def _part(self) -> int:
        """Iterations of a part of an interval."""
        return -(-self._timeline.checkpoints.spacing // PARTS)

    def _respace(self) -> None:
        spacing = self._timeline.checkpoints.spacing
        if spacing != self.zones.spacing:
            self.zones.respace(spacing)
            self._parts.respace(max(LEAST, self._part))

    # -- iterations

    def iterations(
        self,
        conditions: Conditions,
        start: int,
        stop: int,
        *,
        backward: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Iterator[int]:
        """The iterations from ``start`` up to ``stop`` in which one of the conditions is true at some step.

        Args:
            conditions: the conditions.
            start: the first iteration.
            stop: the iteration after the last.
            backward: the last ones first.
            on_progress: called after each interval.

        Raises:
            SearchCancelledError: ``on_progress`` said so.
        """
        if start >= stop:
            return
        pieces = self._pieces(conditions, start, stop)
        if backward:
            pieces.reverse()
        if self._looks_back(conditions):
            pieces = _joined(pieces, JOINED)
        elif self._timeline.native:
            # The first hit may be near: then it does not wait for many others.
            pieces = _joined(pieces, 1)
        done, total = 0, sum(end - begin for begin, end, _maybe in pieces)
        for begin, end, maybe in pieces:
            if maybe:
                hits = self._replay(conditions, begin, end)
                yield from reversed(list(hits)) if backward else hits
            done += end - begin
            if maybe and on_progress is not None and on_progress(done, total):
                raise SearchCancelledError

    def _looks_back(self, conditions: Conditions) -> bool:
        """Whether the first iteration of a replay needs the frame of the one before."""
        return any(read.previous for condition in conditions for read in condition.reads)

    def _pieces(self, conditions: Conditions, start: int, stop: int) -> list[Piece]:
        """The range cut at the ends of intervals, with whether each may hold a hit; runs of no are joined."""
        self._respace()
        zones = self.zones
        pieces: list[Piece] = []
        if start < zones.base:
            end = min(stop, zones.base)
            step = self._timeline.checkpoints.spacing
            pieces = [Piece(at, min(end, at + step), True) for at in range(start, end, step)]
            start = end
        if start >= stop:
            return pieces
        first = (start - zones.base) // zones.spacing
        last = (stop - 1 - zones.base) // zones.spacing
        maybe = self._maybe(zones, conditions, last + 1, stop)[first:]
        edges = np.flatnonzero(np.diff(maybe.astype(np.int8))) + 1
        for group in np.split(np.arange(first, last + 1), edges):
            low, high = int(group[0]), int(group[-1])
            begin = max(start, zones.base + low * zones.spacing)
            end = min(stop, zones.base + (high + 1) * zones.spacing)
            if not maybe[low - first]:
                pieces.append(Piece(begin, end, False))
                continue
            pieces.extend(
                Piece(max(begin, zones.base + n * zones.spacing), min(end, zones.base + (n + 1) * zones.spacing), True)
                for n in range(low, high + 1)
            )
        return pieces

    def _within(self, conditions: Conditions, begin: int, end: int) -> tuple[int, int]:
        """What of a piece may hold hits: from the first such part to the last one; the piece where nothing is known."""
        parts = self._parts
        loss = any(slot == LOSS for condition in conditions for slot in condition.slots)
        if not loss or begin < parts.base or self._looks_back(conditions):
            return begin, end
        first, last = ((at - parts.base) // parts.spacing for at in (begin, end - 1))
        maybe = first + np.flatnonzero(self._maybe(parts, conditions, last + 1, end)[first:])
        if not len(maybe):
            return end, end
        low, high = (parts.base + int(at) * parts.spacing for at in (maybe[0], maybe[-1] + 1))
        return max(begin, low), min(end, high)

    def _maybe(self, zones: Zones, conditions: Conditions, count: int, stop: int) -> Any:
        """By interval of a zone map, whether a condition may be true in it."""
        per_epoch = self._timeline.schedule.per_epoch
        firsts = zones.base + np.arange(count) * zones.spacing
        no = np.zeros(count, dtype=np.bool_)

        def bounds(node: Slot | Stretch | MomentPart) -> Bounds:
            if isinstance(node, Stretch):
                return anything(count)
            if isinstance(node, MomentPart):
                if node.name == "epoch":
                    lasts = firsts + zones.spacing - 1
                    low, high = (np.asarray(at // per_epoch + 1, dtype=np.float64) for at in (firsts, lasts))
                    return Bounds(low, high, no)
                return Bounds(np.ones(count), np.full(count, float(per_epoch)), no)
            if node.previous:
                now = bounds(replace(node, previous=False))
                return Bounds(*_with_interval_before(now))
            return zones.bounds(node, count, stop)

        return np.logical_or.reduce([chances(condition.node, bounds).true for condition in conditions])

    def _replay(self, conditions: Conditions, begin: int, end: int) -> Iterator[int]:
        """The hits of a piece, found part by part: who wants only the first does not wait for the rest."""
        begin, end = self._within(conditions, begin, end)
        if begin == end:
            return
        timeline = self._timeline
        probe, slots = self._probe(conditions)
        state, record = timeline.state(begin), Record(start=begin)
        part = end - begin if timeline.native else self._part
        while begin < end:
            count = min(part, end - begin)
            record = Record(start=begin, before=record.before, columns=[array("d") for _ in slots])
            state = timeline.watch(state, begin, count, probe, record)
            if begin >= self.zones.base:
                for slot, column in zip(slots, record.columns, strict=True):
                    self.zones.record(slot, begin, column)
                self.note(begin, record.losses)
            for hit in record.hits:
                yield begin + hit
            begin += count

    def _probe(self, conditions: Conditions) -> tuple[Probe, tuple[Slot, ...]]:
        found = self._probes.get(conditions)
        if found is None:
            slots = tuple(
                dict.fromkeys(
                    replace(slot, previous=False)
                    for condition in conditions
                    for slot in condition.slots
                    if not slot.varies and slot != LOSS
                )
            )[:TRACKED]
            values = tuple(
                Formula(text=slot.array, node=slot, kind=Kind.NUMBER, slots=(slot,), positions=frozenset())
                for slot in slots
            )
            found = (Probe(conditions=conditions, values=values), slots)
            self._probes[conditions] = found
        return found

    # -- steps

    def steps_of(self, conditions: Conditions, iteration: int) -> list[Hit]:
        """The steps of an iteration at which a condition is true, in order."""
        timeline = self._timeline
        per_epoch = timeline.schedule.per_epoch
        start = timeline.schedule.start(iteration)
        # The gradients of inputs are no steps: they are known where the backward pass ends.
        end = timeline.schedule.program(iteration).backward
        found: set[Hit] = set()
        for condition in conditions:
            frame, before = self._frame(condition, iteration), self.before(condition, iteration)
            found.update(
                Hit(start + (end if condition.sensitive else candidate.step + 1), condition)
                for candidate in candidates(condition, frame.program)
                if decide(condition, frame, before, candidate, context(frame.program, candidate, iteration, per_epoch))
            )
        return sorted(found, key=lambda hit: hit.step)

    def _hits(self, conditions: Conditions, iteration: int) -> list[Hit]:
        """The hits of an iteration that has one; where a single step decides, its frame need not be made."""
        if len(conditions) == 1 and not conditions[0].sensitive:
            schedule = self._timeline.schedule
            deciding = candidates(conditions[0], schedule.program(iteration))
            if len(deciding) == 1:
                return [Hit(schedule.start(iteration) + deciding[0].step + 1, conditions[0])]
        return self.steps_of(conditions, iteration)

    def forward(
        self, conditions: Conditions, after: int, stop: int, on_progress: OnProgress | None = None
    ) -> Iterator[Hit]:
        """The hits after step ``after`` and up to step ``stop``, the first first."""
        schedule = self._timeline.schedule
        first, last = schedule.locate(after)[0], schedule.locate(stop)[0]
        for iteration in self.iterations(conditions, first, last + 1, on_progress=on_progress):
            for hit in self._hits(conditions, iteration):
                if after < hit.step <= stop:
                    yield hit

    def backward(self, conditions: Conditions, before: int, on_progress: OnProgress | None = None) -> Iterator[Hit]:
        """The hits before step ``before``, the last first."""
        # The iteration that a run has come to the start of holds no hit yet, and no zone map knows it.
        last = self._timeline.schedule.locate(max(before - 1, 0))[0]
        for iteration in self.iterations(conditions, 0, last + 1, backward=True, on_progress=on_progress):
            for hit in reversed(self._hits(conditions, iteration)):
                if hit.step < before:
                    yield hit

    def extreme(
        self, formula: Formula, stop: int, *, largest: bool, on_progress: OnProgress | None = None
    ) -> Extreme | None:
        """Where a number is largest (or smallest) up to step ``stop``; NaN does not count."""
        schedule = self._timeline.schedule
        last, revealed = schedule.locate(stop)
        whole = last + (revealed == schedule.program(last).steps)
        best: tuple[float, int] | None = None
        for record, begin, _end in self._recorded(formula, whole, on_progress):
            values = np.array(record.columns[0])
            numbers = np.flatnonzero(~np.isnan(values))
            if not len(numbers):
                continue
            place = int(numbers[np.argmax(values[numbers]) if largest else np.argmin(values[numbers])])
            value = float(values[place])
            if best is None or (value > best[0] if largest else value < best[0]):
                best = (value, begin + self._owner(formula, begin, place))
        iterations = ([] if best is None else [best[1]]) + ([last] if whole == last else [])
        found: Extreme | None = None
        for iteration in iterations:
            for value, step in self._decided(formula, iteration):
                better = found is None or (value > found.value if largest else value < found.value)
                if step <= stop and value == value and better:
                    found = Extreme(value, step)
        return found

    def _decided(self, formula: Formula, iteration: int) -> Iterator[tuple[float, int]]:
        """The values of a number in an iteration, with the steps at which they are decided, in order."""
        schedule, frame = self._timeline.schedule, self._timeline.frame(iteration)
        before = self.before(formula, iteration)
        for candidate in candidates(formula, frame.program):
            moment = context(frame.program, candidate, iteration, schedule.per_epoch)
            value = float(decide(formula, frame, before, candidate, moment))
            yield value, schedule.start(iteration) + candidate.step + 1

    def column(
        self, formula: Formula, stop: int, on_progress: OnProgress | None = None
    ) -> Iterator[tuple[int, Sequence[float]]]:
        """The values of a number over the iterations up to ``stop``, in pieces: first iteration and values."""
        for record, begin, _end in self._recorded(formula, stop, on_progress):
            yield begin, record.columns[0]

    def _recorded(
        self, formula: Formula, stop: int, on_progress: OnProgress | None
    ) -> Iterator[tuple[Record, int, int]]:
        timeline = self._timeline
        probe = Probe(values=(formula,))
        spacing = timeline.checkpoints.spacing
        for begin in range(0, stop, spacing):
            end = min(stop, begin + spacing)
            record = Record(start=begin, columns=[[]])
            timeline.watch(timeline.state(begin), begin, end - begin, probe, record)
            yield record, begin, end
            if on_progress is not None and on_progress(end, stop):
                raise SearchCancelledError

    def _owner(self, formula: Formula, begin: int, place: int) -> int:
        """Which iteration of a piece the value at a place of its column belongs to."""
        schedule = self._timeline.schedule
        iteration = 0
        while True:
            count = len(candidates(formula, schedule.program(begin + iteration)))
            if place < count:
                return iteration
            if schedule.uniform:
                return place // count
            place -= count
            iteration += 1

    def before(self, formula: Formula, iteration: int) -> dict[Any, float]:
        """What a formula reads of the iteration before."""
        if iteration == 0 or not any(read.previous for read in formula.reads):
            return {}
        return dict(remembered(Probe(values=(formula,)), self._frame(formula, iteration - 1)))

    def _frame(self, formula: Formula, iteration: int) -> Frame:
        return self._timeline.sensitive(iteration) if formula.sensitive else self._timeline.frame(iteration)


def _joined(pieces: list[Piece], first: int) -> list[Piece]:
    """The same pieces with neighbours that are replayed in one: as many as ``first``, then twice as many, up to JOINED.

    Args:
        pieces: the pieces in the order in which they are replayed, forward or backward.
        first: how many are joined first.
    """
    found: list[Piece] = []
    held, most = 0, first
    for piece in pieces:
        last = found[-1] if found else piece
        if last.maybe and piece.maybe and 0 < held < most:
            found[-1] = Piece(min(last.begin, piece.begin), max(last.end, piece.end), True)
            held += 1
            continue
        if held == most:
            most = min(2 * most, JOINED)
        found.append(piece)
        held = 1
    return found


def _with_interval_before(now: Bounds) -> tuple[Any, Any, Any]:
    """Bounds of a slot an iteration earlier: of this interval, and of the last iteration before it."""
    low = np.minimum(now.low, np.concatenate(([-np.inf], now.low[:-1])))
    high = np.maximum(now.high, np.concatenate(([np.inf], now.high[:-1])))
    nan = now.nan | np.concatenate(([True], now.nan[:-1]))
    return low, high, nan
