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
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from time import perf_counter
from typing import NamedTuple

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.update_parts import PartKind, UpdateParts, update_parts
from retrograde.engine.text import _
from retrograde.engine.travel.timeline import Timeline

BUCKETS = 64
"""Pieces that a span of time is shown in."""

REPLAY_SECONDS = 0.5
"""A split that takes longer is offered, not made at once."""


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
        in_all: what it moved inside the span, with all that is carried on; None where it is the same by definition.
    """

    kind: PartKind
    sample: int | None
    at_once: Fraction
    in_all: Fraction


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
    _seconds: float = field(default=1e-3, repr=False)

    def __post_init__(self) -> None:
        """Makes sure that there is such a parameter.

        Raises:
            EngineError: it is not trained.
        """
        if self.parameter.array not in self.timeline.network.state:
            raise EngineError(_("{name} is not trained").format(name=self.parameter.array.name))

    def value(self, iteration: int) -> float:
        """The parameter at the start of an iteration."""
        program = self.timeline.schedule.program(max(0, min(iteration, self.stop) - 1))
        return float(self.timeline.state(iteration)[program.offset(self.parameter)])

    def buckets(self, start: int = 0, stop: int | None = None, count: int = BUCKETS) -> tuple[Bucket, ...]:
        """The pieces of a span, in order; ``count`` of them, or one an iteration where there are fewer."""
        stop = self.stop if stop is None else stop
        count = max(1, min(count, stop - start))
        edges = [start + (stop - start) * number // count for number in range(count + 1)]
        values = [self.value(edge) for edge in edges]
        return tuple(Bucket(*span, *pair) for span, pair in zip(pairwise(edges), pairwise(values), strict=True))

    def seconds(self, start: int, stop: int) -> float:
        """About how long it takes to split a span."""
        return (stop - start) * self._seconds

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
        parts: list[UpdateParts] = []
        for iteration in range(start, stop):
            found = update_parts(self.timeline.frame(iteration), self.parameter)
            if found is None:
                raise EngineError(
                    _("{name} is not a finite number in iteration {iteration}").format(
                        name=self.parameter.array.name, iteration=iteration + 1
                    )
                )
            parts.append(found)
            if on_progress is not None and on_progress(iteration - start + 1, stop - start):
                raise InterruptedError
        if parts:
            self._seconds = (perf_counter() - began) / len(parts)
        bucket = Bucket(start, stop, self.value(start), self.value(stop))
        return Ledger(
            bucket=bucket,
            rows=self._rows(parts, start),
            walked=math.fsum(abs(float(part.change)) for part in parts),
        )

    def _rows(self, parts: Sequence[UpdateParts], start: int) -> tuple[LedgerRow, ...]:
        at_once: dict[tuple[PartKind, int | None], Fraction] = defaultdict(Fraction)
        in_all: dict[tuple[PartKind, int | None], Fraction] = defaultdict(Fraction)
        later: dict[Ref, Fraction] = {}
        rounding = Fraction()
        for offset in range(len(parts) - 1, -1, -1):
            update = parts[offset]
            rows = self.timeline.schedule.rows(start + offset)
            effects: dict[Ref, Fraction] = defaultdict(Fraction)
            for leaf in update.leaves:
                key = (leaf.kind, None if leaf.sample is None else int(rows[leaf.sample]))
                at_once[key] += leaf.amount
                if leaf.memory is None:
                    in_all[key] += leaf.amount
                else:
                    effects[leaf.memory] += leaf.coefficient
            for memory, leaves in update.memories.items():
                effect = later.get(memory, Fraction())
                for leaf in leaves if effect else ():
                    if leaf.memory is not None:
                        effects[leaf.memory] += leaf.coefficient * effect
                    else:
                        key = (leaf.kind, None if leaf.sample is None else int(rows[leaf.sample]))
                        in_all[key] += leaf.amount * effect
            rounding += update.rounding
            later = dict(effects)
        whole = sum((update.change for update in parts), Fraction())
        # What the memory held when the span began goes on acting in it.
        if parts:
            before = self._held(start, parts[0])
            in_all[PartKind.CARRIED, None] += sum(
                (later.get(ref, Fraction()) * value for ref, value in before), Fraction()
            )
        rest = whole - sum(in_all.values(), Fraction())
        found = [
            LedgerRow(kind, sample, at_once.get((kind, sample), Fraction()), in_all.get((kind, sample), Fraction()))
            for kind, sample in dict.fromkeys((*at_once, *in_all))
        ]
        found = [row for row in found if row.at_once or row.in_all]
        found.sort(key=lambda row: (-abs(row.at_once), -abs(row.in_all), row.kind, row.sample or 0))
        return (*found, LedgerRow(PartKind.ROUNDING, None, rounding, rest))

    def _held(self, start: int, first: UpdateParts) -> list[tuple[Ref, Fraction]]:
        frame = self.timeline.frame(start)
        return [(ref, Fraction(frame.value(ref))) for ref in first.memories]


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
