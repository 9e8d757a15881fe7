"""The search: which sets of deviations give the printed figures, the shortest description first.

A set costs the bits of its deviations, and each figure that it misses 3.3 bits a digit; so one odd figure is not
explained by three mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

from retrograde.engine.forensics.bench import CALL, Bench
from retrograde.engine.forensics.deviations import Deviation
from retrograde.engine.forensics.figures import Sought

BITS_A_DIGIT = 3.3
"""What a digit that is not explained costs."""

MARGIN = 3.0
"""Bits within which of the best set others are told."""

CLOSE = 1.0
"""Bits by which a set of several may be longer than the best description, and still be computed."""

TWO = 3.0
"""Bits that it costs to say that a text holds two programs."""

MOST_WORK = 3_000_000
"""Work of a search; the sets that are left then are not tried."""

MOST_LONG = 20_000_000
"""The same where each set has to train for long, so that only the likeliest are tried."""

LONG = 100_000
"""Work of one set from which it trains for long; then nothing is rounded on the way, which takes far longer."""

MOST_LATE = 6_000_000
"""Work for the figures of a long training."""

EARLY = 1_000
"""Work that one set may cost in the search itself."""

BEAM = 12
"""Pairs that a third deviation is added to."""

FINALISTS = 6
"""Sets that are held against the figures of a long training, besides the scenario as it is."""

MORE_LATE = 500_000
"""Work below which more sets than these are: what shows from the second update on alone changes no figure before."""

Set = tuple[int, ...]
"""Deviations by their number, in order."""


def within_reach(bench: Bench, figures: Sequence[Sought]) -> list[bool]:
    """For each figure, whether a training gets there soon enough that it can be looked for."""
    size = bench.schedule.full.size
    first = min(one.figure.updates for one in figures)
    most = MOST_LONG // 4 if first * size > MOST_LATE // 4 else MOST_LATE // 4
    return [one.figure.updates * size <= most for one in figures]


class Search:
    """Sets of deviations, and which figures each gives.

    Args:
        bench: what computes.
        figures: the figures.
        asked: says whether to end before it is done.

    Attributes:
        fits: by set, a bit for each figure that it gives.
        late: the figures of a long training, a bit each, which are only looked at for what gives the others.
    """

    def __init__(self, bench: Bench, figures: Sequence[Sought], asked: Callable[[], bool] = lambda: False) -> None:
        self.bench = bench
        self.figures = figures
        self.fits: dict[Set, int] = {}
        self._asked = asked
        self._values: dict[Set, tuple[float, ...]] = {}
        size = bench.schedule.full.size
        first = min(one.figure.updates for one in figures)
        horizon = max(first, EARLY // (size + CALL) - 1)
        self._early = [k for k, one in enumerate(figures) if one.figure.updates <= horizon]
        self._late = [k for k in range(len(figures)) if k not in set(self._early)]
        self.late = sum(1 << k for k in self._late)
        self._late_work = 0
        self._long = first * size > LONG
        self.plan = bench.plan(figures)
        self._early_plan = bench.plan([figures[k] for k in self._early])
        self._late_plan = bench.plan([figures[k] for k in self._late])
        self._done: set[Set] = set()
        self._costs = [BITS_A_DIGIT * one.digits for one in figures]
        self._missed: dict[int, float] = {}
        self._inert: set[int] = set()
        self.short = False

    @property
    def every(self) -> int:
        """All figures that are looked at."""
        return (1 << len(self.figures)) - 1

    @property
    def tried(self) -> int:
        """How many sets have been computed."""
        return len(self.fits)

    def deviations(self, chosen: Set) -> tuple[Deviation, ...]:
        """The deviations of a set."""
        return tuple(self.bench.deviations[number] for number in chosen)

    def bits(self, chosen: Set) -> float:
        """What a set costs by itself."""
        return sum(self.bench.deviations[number].bits for number in chosen)

    def missed(self, fits: int, among: int) -> float:
        """What the figures cost that are not given."""
        left = among & ~fits
        found = self._missed.get(left)
        if found is None:
            found = self._missed[left] = sum(cost for k, cost in enumerate(self._costs) if left >> k & 1)
        return found

    def cost(self, chosen: Set, among: int) -> float:
        """What a set costs, with the figures that it misses."""
        return self.bits(chosen) + self.missed(self.fits[chosen], among)

    def values(self, chosen: Set) -> tuple[float, ...]:
        """What a set makes of each figure; of those that were not looked at, NaN."""
        return self._values[chosen]

    def run(self, among: int) -> None:
        """Computes all sets that may be the shortest description of some figures.

        Args:
            among: the figures, a bit each.

        Raises:
            InterruptedError: it was asked to end.
        """
        early = among & ~self.late
        look = early or among
        best = self._tried([()], look)
        if best == 0 and not among & self.late:
            return
        count = len(self.bench.deviations)
        best = min(best, self._tried(((number,) for number in range(count)), look), self._of_two(look))
        self._note_inert()
        active = [number for number in range(count) if number not in self._inert]
        active = [number for number in active if (number,) in self.fits]
        limit = best + CLOSE
        pairs = (pair for pair in combinations(active, 2) if self.bits(pair) <= limit and self._joins(pair))
        best = min(best, self._tried(self._promising(pairs, look), look, best))
        beam = sorted((one for one in self.fits if len(one) == 2), key=lambda one: (self.cost(one, look), one))[:BEAM]
        triples = {tuple(sorted((*pair, third))) for pair in beam for third in active if third not in pair}
        self._tried(sorted(one for one in triples if self._joins(one)), look, best)
        if among & self.late:
            ranked = sorted(self.fits, key=lambda one: (self.cost(one, look), len(one), one))
            shifts = sorted((number,) for number in range(count) if self.bench.deviations[number].shift)
            first = dict.fromkeys([*shifts[:1], (), *shifts[1:], *ranked[:FINALISTS]])
            for number, chosen in enumerate(dict.fromkeys([*first, *ranked])):
                if number >= len(first) and self._late_work > MORE_LATE:
                    break
                self._look_late(chosen)

    def _tried(self, sets: Iterable[Set], among: int, best: float = float("inf")) -> float:
        """Computes sets that may cost less than the best; returns what the best then costs."""
        for chosen in sets:
            if len(chosen) > 1 and self.bits(chosen) > best + CLOSE:
                continue
            if self._asked():
                raise InterruptedError
            if chosen not in self.fits:
                if self._is_too_much(chosen):
                    self.short = True
                    continue
                self.compute(chosen)
            best = min(best, self.cost(chosen, among))
        return best

    def _is_too_much(self, chosen: Set) -> bool:
        """Whether a set is not tried, because it takes too long."""
        if not self._long:
            return len(chosen) > 1 and self.bench.work > MOST_WORK
        rounds = any(one.rounding for one in self.deviations(chosen))
        return rounds or (bool(chosen) and self.bench.work > MOST_LONG)

    def _of_two(self, among: int) -> float:
        """What the best description by two programs costs, of those that were computed."""
        one = min(self.fits, key=lambda chosen: self.cost(chosen, among))
        left = among & ~self.fits[one]
        return TWO + self.bits(one) + min(self.cost(chosen, left) for chosen in self.fits)

    def _promising(self, pairs: Iterator[Set], among: int) -> list[Set]:
        """Pairs, those first whose parts give most."""
        costs = {one[0]: self.cost(one, among) for one in self.fits if len(one) == 1}
        return sorted(pairs, key=lambda pair: min(costs[pair[0]], costs[pair[1]]))

    def _joins(self, chosen: Set) -> bool:
        return all(one.joins(other) for one, other in combinations(self.deviations(chosen), 2))

    def compute(self, chosen: Set) -> None:
        """Computes what a set gives, where that is not known."""
        if chosen in self.fits:
            return
        values = [float("nan")] * len(self.figures)
        found = self.bench.values(self.deviations(chosen), self._early_plan)
        fits = 0
        for k, value in zip(self._early, found, strict=True):
            values[k] = value
            fits |= self.figures[k].fits(value) << k
        self._values[chosen] = tuple(values)
        self.fits[chosen] = fits

    def _look_late(self, chosen: Set) -> None:
        """Adds the figures of a long training."""
        if chosen in self._done or not self._late or self._late_work > MOST_LATE:
            return
        before = self.bench.work
        self._done.add(chosen)
        if self._asked():
            raise InterruptedError
        values = list(self._values[chosen])
        found = self.bench.values(self.deviations(chosen), self._late_plan)
        for k, value in zip(self._late, found, strict=True):
            values[k] = value
            self.fits[chosen] |= self.figures[k].fits(value) << k
        self._values[chosen] = tuple(values)
        spent = self.bench.work - before
        self.bench.work -= spent
        self._late_work += spent

    def _note_inert(self) -> None:
        """Notes the deviations that change no figure, which a set does not get better by."""
        stated = self._values[()]
        for number in range(len(self.bench.deviations)):
            found = self._values.get((number,))
            if found is not None and _same(found, stated) and not self.bench.deviations[number].rounding:
                self._inert.add(number)

    def ranked(self, among: int) -> list[Set]:
        """All sets that were computed, those first that describe some figures shortest."""
        sets = self._done if among & self.late and self._done else self.fits
        return sorted(
            sets, key=lambda one: (self.cost(one, among), self.missed(self.fits[one], self.every), len(one), one)
        )


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))
