"""The biography of a weight: how it came to be what it is, as a ledger that closes exactly.

w(T) = w(0) + Σ (w_{t+1} − w_t). Differences of floats are fractions, so any grouping by time is exact and needs no
record: of a bucket [a, b) it is w(b) − w(a), two seeks. Only the split by sample and cause looks at each update; it is
made by replaying a bucket.

Under momentum and Adam a gradient acts at once, and goes on acting through the memory. Both columns add up to the same
movement: *at once* with what is carried as a row of its own, *in all* with everything that a gradient will do inside
the bucket, the denominators taken as they were:

    λ_T = 0,  λ_t = ∂(step_t)/∂m_t + ∂m_{t+1}/∂m_t · λ_{t+1},  in all_t = g_t · (∂step_t/∂g_t + ∂m_{t+1}/∂g_t · λ_{t+1})
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.exact_sums import Wide, products, sums
from retrograde.engine.explaining.update_parts import Leaf, PartKind, UpdateParts, update_parts
from retrograde.engine.network.frame import Frame
from retrograde.engine.text import _
from retrograde.engine.travel.timeline import Timeline

BUCKETS = 64
"""Pieces that a span of time is shown in."""

REPLAY_SECONDS = 0.5
"""A split that takes longer is offered, not made at once."""

TRIED = 16
"""Iterations that are split to know how long it takes."""

PIECE_BYTES = 1 << 19
"""Values of iterations that are read at once."""


class Bucket(NamedTuple):
    """What a weight moved in some iterations.

    Attributes:
        start: the first iteration.
        stop: the iteration behind the last.
        before: the weight at the start.
        after: the weight at the end.
    """

    start: int
    stop: int
    before: float
    after: float

    @property
    def change(self) -> Fraction:
        """What it moved, exactly; not to be asked of a weight that is not finite."""
        return Fraction(self.after) - Fraction(self.before)


class LedgerRow(NamedTuple):
    """One cause of what a weight moved.

    Attributes:
        kind: what it is.
        sample: of the data, the row of the data set (from 0); None where there is none.
        at_once: what it moved in its own update, exactly.
        in_all: what it moved inside the span, with all that is carried on.
        largest: the first iteration in which it moved the weight most at once; None where it never did.
    """

    kind: PartKind
    sample: int | None
    at_once: Fraction
    in_all: Fraction
    largest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What moved a weight in a span of iterations; the rows add up to the change, exactly, in either column.

    Attributes:
        bucket: the span.
        rows: the causes, the largest first; rounding last.
        walked: Σ |w_{t+1} − w_t|.
    """

    bucket: Bucket
    rows: tuple[LedgerRow, ...]
    walked: float

    @property
    def straightness(self) -> float:
        """How much of its way led anywhere: |w(b) − w(a)| / walked, 1 of a straight line."""
        return abs(float(self.bucket.change)) / self.walked if self.walked else 1.0

    def of(self, kind: PartKind) -> Fraction:
        """What all rows of a kind moved at once."""
        return sum((row.at_once for row in self.rows if row.kind is kind), Fraction())


@dataclass(slots=True, kw_only=True)
class Biography:
    """What a parameter went through, up to an iteration.

    Attributes:
        timeline: the run.
        parameter: the slot.
        stop: the iteration at whose start the story ends.
    """

    timeline: Timeline
    parameter: Ref
    stop: int
    _seconds: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Makes sure that there is such a parameter.

        Raises:
            EngineError: it is not trained.
        """
        if self.parameter.array not in self.timeline.network.trainable:
            raise EngineError(
                _("{name} is not trained").format(name=self.timeline.network.notation.symbol(self.parameter))
            )

    def value(self, iteration: int) -> float:
        """The parameter at the start of an iteration."""
        program = self.timeline.schedule.program(max(0, min(iteration, self.stop) - 1))
        return float(self.timeline.state(iteration)[program.offset(self.parameter)])

    def furthest(self, start: int = 0, stop: int | None = None, count: int = 1) -> tuple[Ref, ...]:
        """The trained parameters that moved furthest in a span, |w(b) − w(a)|, the furthest first.

        Args:
            start: the first iteration.
            stop: the iteration behind the last; the end of the story by default.
            count: how many; those that are alike are in the order of the state.
        """
        stop = self.stop if stop is None else stop
        arrays = self.timeline.network.trainable
        moved = [np.abs(self._values(array, stop) - self._values(array, start)) for array in arrays]
        # What is not a number any more has moved furthest of all.
        order = np.argsort(-np.nan_to_num(np.concatenate(moved), nan=np.inf), kind="stable")[:count].tolist()
        edges = np.cumsum([piece.size for piece in moved]).tolist()
        found = []
        for place in order:
            number = bisect_right(edges, place)
            at = place - (edges[number - 1] if number else 0)
            found.append(Ref(arrays[number], tuple(int(k) for k in np.unravel_index(at, arrays[number].shape))))
        return tuple(found)

    def _values(self, array: Array, iteration: int) -> Floats:
        """An array of parameters at the start of an iteration, flat."""
        program = self.timeline.schedule.program(max(0, min(iteration, self.stop) - 1))
        first = program.offsets[array]
        return self.timeline.state(iteration)[first : first + math.prod(array.shape)]

    def buckets(
        self,
        start: int = 0,
        stop: int | None = None,
        count: int = BUCKETS,
        unit: int = 1,
        on_progress: Callable[[int, int], bool] | None = None,
    ) -> tuple[Bucket, ...]:
        """The pieces of a span, in order.

        Args:
            start: the first iteration.
            stop: the iteration behind the last; the end of the story by default.
            count: how many pieces; fewer where there are fewer units.
            unit: iterations that are not divided, such as those of an epoch.
            on_progress: called with edges done and to do; True cancels.

        Raises:
            InterruptedError: it was cancelled.
        """
        stop = self.stop if stop is None else stop
        first = start // unit
        units = -(-stop // unit) - first
        count = max(1, min(count, units))
        edges = [min(max((first + units * number // count) * unit, start), stop) for number in range(count + 1)]
        values: list[float] = []
        for edge in edges:
            values.append(self.value(edge))
            if on_progress is not None and on_progress(len(values), len(edges)):
                raise InterruptedError
        return tuple(Bucket(*span, *pair) for span, pair in zip(pairwise(edges), pairwise(values), strict=True))

    def seconds(self, start: int, stop: int) -> float:
        """About how long it takes to split a span; tries it on a few iterations where that is not known."""
        if self._seconds is None:
            for tried in (1, TRIED):
                self.ledger(start, min(start + tried, stop))
        return (stop - start) * (self._seconds or 0.0)

    def at_once(self, start: int, stop: int) -> bool:
        """Whether a span is split at once when it is opened."""
        return self.seconds(start, stop) <= REPLAY_SECONDS

    def ledger(
        self,
        start: int = 0,
        stop: int | None = None,
        on_progress: Callable[[int, int], bool] | None = None,
    ) -> Ledger:
        """What moved the parameter in a span, by sample and cause; replays it.

        Args:
            start: the first iteration.
            stop: the iteration behind the last; the end of the story by default.
            on_progress: called with iterations done and to do; True cancels.

        Raises:
            InterruptedError: it was cancelled.
            EngineError: the parameter is not finite in the span.
        """
        stop = self.stop if stop is None else stop
        began = perf_counter()
        found = _Columns(self.parameter)
        done = start
        size = 1
        for frames in self._pieces(start, stop):
            self._check_finite(frames, done)
            at = 0
            while at < len(frames):
                parts = update_parts(frames[at : at + size], self.parameter)
                rows = [self.timeline.schedule.rows(done + k) for k in range(parts.count)]
                found.add(parts, rows, done)
                # Where choices change often, few iterations have the same ones.
                size = 2 * parts.count
                at += parts.count
                done += parts.count
            if on_progress is not None and on_progress(done - start, stop - start):
                raise InterruptedError
        if done > start:
            self._seconds = (perf_counter() - began) / (done - start)
        bucket = Bucket(start, stop, self.value(start), self.value(stop))
        walked = math.fsum(found.walked)
        return Ledger(bucket=bucket, rows=found.rows(bucket.change if done > start else Fraction()), walked=walked)

    def _pieces(self, start: int, stop: int) -> Iterator[list[Frame]]:
        """The frames of a span, as many at a time as memory allows and are of one program."""
        piece: list[Frame] = []
        for frame in self.timeline.frames(start, stop):
            many = max(1, PIECE_BYTES // frame.flat.nbytes)
            if piece and (len(piece) >= many or frame.program is not piece[0].program):
                yield piece
                piece = []
            piece.append(frame)
        if piece:
            yield piece

    def _check_finite(self, frames: Sequence[Frame], start: int) -> None:
        name = self.parameter.array.name
        updated = Ref(frames[0].program.named[f"new({name})"], self.parameter.index)
        for offset, frame in enumerate(frames):
            if not math.isfinite(frame.value(updated)):
                raise EngineError(
                    _("{name} is not a finite number in iteration {iteration}").format(
                        name=name, iteration=start + offset + 1
                    )
                )


Key = tuple[PartKind, int | None]


class _Columns:
    """The two columns of a ledger, as they grow from update to update.

    What a cause has put into the memory and still lies there is carried from piece to piece; within a piece, effects
    are reckoned from its end backward.

    Args:
        parameter: the slot.

    Attributes:
        walked: |w⁺ − w| of each update.
    """

    def __init__(self, parameter: Ref) -> None:
        self._parameter = parameter
        self._keys: dict[Key, int] = {}
        self._at_once: list[Fraction] = []
        self._in_all: list[Fraction] = []
        self._held: dict[Ref, Floats] = {}
        self._largest: dict[int, tuple[float, int]] = {}
        self.walked: list[float] = []

    def _numbers(self, leaf: Leaf, rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """The number of the key of a leaf in each update."""
        if leaf.sample is None:
            return np.full(len(rows), self._number((leaf.kind, None)))
        return np.array([self._number((leaf.kind, int(row[leaf.sample]))) for row in rows])

    def _number(self, key: Key) -> int:
        found = self._keys.setdefault(key, len(self._keys))
        if found == len(self._at_once):
            self._at_once.append(Fraction())
            self._in_all.append(Fraction())
        return found

    def add(self, parts: UpdateParts, rows: Sequence[Sequence[int]], start: int) -> None:
        """Adds updates.

        Args:
            parts: the updates, after those that were added before.
            rows: the rows of the data set of each.
            start: the iteration of the first.
        """
        count = parts.count
        self.walked += np.abs(parts.after - parts.before).tolist()
        numbers = {
            id(leaf): self._numbers(leaf, rows)
            for leaf in (*parts.leaves, *(x for y in parts.memories.values() for x in y))
        }
        groups = np.concatenate([numbers[id(leaf)] for leaf in parts.leaves]) if parts.leaves else np.empty(0, np.int64)
        factors, values = _amounts(parts.leaves, count)
        self._look_for_largest(
            groups, np.abs(factors.high * values), start + np.tile(np.arange(count), len(parts.leaves))
        )
        moved = products(groups, factors, values, len(self._keys))
        self._at_once = [old + new for old, new in zip(self._at_once, moved, strict=True)]
        if not parts.memories:
            self._in_all = list(self._at_once)
            return
        self._carry(parts, numbers)

    def _look_for_largest(self, groups: NDArray[np.int64], sizes: Floats, iterations: NDArray[np.int64]) -> None:
        order = np.argsort(-sizes, kind="stable")
        numbers, first = np.unique(groups[order], return_index=True)
        for number, place in zip(numbers.tolist(), order[first].tolist(), strict=True):
            size, known = float(sizes[place]), self._largest.get(number)
            if size and (known is None or size > known[0]):
                self._largest[number] = (size, int(iterations[place]))

    def _carry(self, parts: UpdateParts, numbers: Mapping[int, NDArray[np.int64]]) -> None:
        """Adds to the second column, and to what lies in the memory."""
        memories, count, keys = list(parts.memories), parts.count, len(self._keys)
        if not self._held:
            # What the memory held when the span began goes on acting in it.
            number = self._number((PartKind.CARRIED, None))
            keys = len(self._keys)
            first = {
                leaf.memory: np.broadcast_to(leaf.value, count)[0]
                for leaves in (parts.leaves, *parts.memories.values())
                for leaf in leaves
                if leaf.memory is not None
            }
            for ref in memories:
                self._held[ref] = np.zeros(keys)
                self._held[ref][number] = first.get(ref, 0.0)
        held = {ref: np.pad(values, (0, keys - len(values))) for ref, values in self._held.items()}
        # For each end that a memory can come to, w or a memory: what of it gets there.
        ends: list[Ref | None] = [None, *memories]
        later = {end: _reach(parts, memories, end) for end in ends}
        for end in ends:
            weights: list[Floats] = []
            groups: list[NDArray[np.int64]] = []
            for goal, leaves in ((None, parts.leaves), *parts.memories.items()):
                through = np.full(count, float(end is None)) if goal is None else later[end][goal][1:]
                for leaf in leaves:
                    if leaf.memory is None:
                        weights.append(np.broadcast_to(leaf.coefficient.high, count) * leaf.value * through)
                        groups.append(numbers[id(leaf)])
            for ref in memories:
                weights.append(held[ref] * later[end][ref][0])
                groups.append(np.arange(keys))
            found = sums(np.concatenate(groups), np.concatenate(weights), keys)
            if end is None:
                self._in_all = [old + new for old, new in zip(self._in_all, found, strict=True)]
            else:
                self._held[end] = np.array([float(value) for value in found])

    def rows(self, change: Fraction) -> tuple[LedgerRow, ...]:
        """The rows, the largest first; the last is what both columns lack of the change.

        Args:
            change: what the parameter moved, exactly.
        """
        nothing = (0.0, None)
        found = [
            LedgerRow(*key, self._at_once[number], self._in_all[number], self._largest.get(number, nothing)[1])
            for key, number in self._keys.items()
        ]
        found = [row for row in found if row.at_once or row.in_all]
        found.sort(key=lambda row: (-abs(row.at_once), -abs(row.in_all), row.kind, row.sample or 0))
        once, whole = (sum(column, Fraction()) for column in (self._at_once, self._in_all))
        return (*found, LedgerRow(PartKind.ROUNDING, None, change - once, change - whole))


def _amounts(leaves: Sequence[Leaf], count: int) -> tuple[Wide, Floats]:
    """The coefficients and the values of leaves, one after the other."""

    def whole(pick: Callable[[Leaf], Any]) -> Floats:
        return np.concatenate([np.empty(0), *(np.broadcast_to(pick(leaf), count) for leaf in leaves)])

    factors = Wide(whole(lambda leaf: leaf.coefficient.high), whole(lambda leaf: leaf.coefficient.low))
    return factors, whole(lambda leaf: leaf.value)


def _reach(parts: UpdateParts, memories: Sequence[Ref], end: Ref | None) -> dict[Ref, Floats]:
    """What of each memory, at the start of each update and at the end, gets to w (None) or to a memory at the end."""
    count = parts.count

    def factors(leaves: Sequence[Leaf], ref: Ref) -> Floats:
        found = np.zeros(count)
        for leaf in leaves:
            if leaf.memory == ref:
                found = found + leaf.coefficient.high
        return found

    steps = {ref: factors(parts.leaves, ref).tolist() for ref in memories}
    onward = {ref: [(to, factors(parts.memories[to], ref).tolist()) for to in memories] for ref in memories}
    now = {ref: float(ref == end) for ref in memories}
    found = {ref: [now[ref]] for ref in memories}
    for place in range(count - 1, -1, -1):
        now = {
            ref: (steps[ref][place] if end is None else 0.0) + sum(by[place] * now[to] for to, by in onward[ref])
            for ref in memories
        }
        for ref in memories:
            found[ref].append(now[ref])
    return {ref: np.array(values[::-1]) for ref, values in found.items()}


def printed(values: Sequence[Fraction], total: Fraction, digits: int) -> tuple[list[str], str]:
    """Numbers of a column with so many decimals, such that the column adds up as printed.

    Each is rounded down first; those with the largest remainders are rounded up until the sum is right.

    Args:
        values: the numbers, which add up to ``total``.
        total: their sum.
        digits: decimals.

    Returns:
        The numbers as text, with their signs, and the total.
    """
    unit = Fraction(1, 10**digits)
    down = [math.floor(value / unit) for value in values]
    whole = math.floor(total / unit + Fraction(1, 2))
    missing = whole - sum(down)
    order = sorted(range(len(values)), key=lambda n: (-(values[n] / unit - down[n]), n))
    for number in order[: max(0, missing)]:
        down[number] += 1
    for number in reversed(order[missing:] if missing < 0 else ()):
        down[number] -= 1
    return [_decimal(number, digits, sign="+") for number in down], _decimal(whole, digits, sign="")


def _decimal(units: int, digits: int, *, sign: str) -> str:
    """A whole number of units of the last decimal."""
    text = f"{abs(units):0{digits + 1}d}"
    head, tail = (text[:-digits], text[-digits:]) if digits else (text, "")
    mark = "−" if units < 0 else sign
    return f"{mark}{head}.{tail}" if digits else f"{mark}{head}"
