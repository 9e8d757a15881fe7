"""Forensics: what gives the figures that a source prints, what each deviation explains, and what would decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from time import process_time
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Extent, Role
from retrograde.engine.equations.expression import Ref, key_of
from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import EngineError
from retrograde.engine.forensics.bench import Bench
from retrograde.engine.forensics.deviations import Deviation
from retrograde.engine.forensics.facts import indices
from retrograde.engine.forensics.figures import Printed, Sought, printed, ref_at
from retrograde.engine.forensics.search import MARGIN, Search, Set, within_reach
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario

MOST_MORE = 2
"""Programs in one text, besides the first."""

MOST_CHANGES = 3
"""Equations that are shown of an explanation."""

MOST_OTHERS = 6
"""Other explanations that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An equation that deviations make another one, at its first element.

    Attributes:
        name: the slot that it makes, by the name that a query takes.
        made: the equation.
        stated: what it is without the deviations.
    """

    name: str
    made: str
    stated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A set of deviations, held against all figures.

    Attributes:
        deviations: the deviations; none of the scenario as it is stated.
        fits: for each figure whether it is given.
        values: for each figure what is computed; NaN where it was not looked at.
        without: for each deviation, how many figures are given without it.
        bits: what the set costs by itself.
        changes: the first equations that are others.
    """

    deviations: tuple[Deviation, ...]
    fits: tuple[bool, ...]
    values: tuple[float, ...]
    without: tuple[int, ...]
    bits: float
    changes: tuple[Change, ...] = ()

    @property
    def count(self) -> int:
        """How many figures are given."""
        return sum(self.fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """A further figure that would decide between explanations.

    Attributes:
        name: what it is a figure of, by the name that a query takes.
        symbol: how that stands on the screen.
        updates: after how many updates.
        values: what each explanation makes of it, the best one first.
    """

    name: str
    symbol: str
    updates: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What forensics found.

    Attributes:
        figures: the figures that were looked at.
        symbols: how what each is a figure of stands on the screen.
        left_out: the names of those that were not, each with the reason.
        stated: the scenario as it is.
        best: what gives most in fewest words; the scenario as it is where nothing does better.
        more: where ``best`` misses figures, what gives those: other programs in the same text, each for figures that
            all before it miss.
        others: other sets that give what the first program with deviations gives, about as short.
        decider: a figure that is not among them and that would decide; None where there is nothing to decide.
        tried: how many sets were computed.
        short: whether sets were left because there are too many.
        seconds: how long it took.
    """

    figures: tuple[Printed, ...]
    symbols: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    stated: Explanation
    best: Explanation
    more: tuple[Explanation, ...]
    others: tuple[Explanation, ...]
    decider: Decider | None
    tried: int
    short: bool
    seconds: float

    @property
    def acquitted(self) -> bool:
        """Whether all figures are those of the scenario as it is."""
        return all(self.stated.fits)

    @property
    def explained(self) -> bool:
        """Whether each figure is given by one of the programs."""
        return not self.unexplained

    @property
    def unexplained(self) -> tuple[int, ...]:
        """The figures, by their number, that no program gives."""
        every = zip(self.best.fits, *(one.fits for one in self.more), strict=True)
        return tuple(number for number, fits in enumerate(every) if not any(fits))


def investigate(
    scenario: Scenario, figures: Sequence[Printed] | None = None, asked: Callable[[], bool] = lambda: False
) -> Report:
    """Looks for what gives printed figures.

    Args:
        scenario: the scenario.
        figures: the figures; None for those that the scenario has.
        asked: says whether to end before it is done.

    Raises:
        EngineError: the network is too large, or there is no figure that could be looked for.
        InterruptedError: it was asked to end.
    """
    begin = process_time()
    given = tuple(printed(scenario.expect)) if figures is None else tuple(figures)
    if not given:
        raise EngineError(_("there are no published figures; `retrograde slip` takes one of your own"))
    bench = Bench(scenario)
    found: list[Sought] = []
    left_out: list[tuple[str, str]] = []
    for figure in given:
        try:
            found.append(bench.sought(figure))
        except EngineError as error:
            if figures is not None:
                raise
            left_out.append((figure.name, str(error).splitlines()[0]))
    if not found:
        raise EngineError(_("none of the published figures is one value of an iteration"))
    reached = within_reach(bench, found)
    left_out += [(one.figure.name, _too_long()) for one, near in zip(found, reached, strict=True) if not near]
    found = [one for one, near in zip(found, reached, strict=True) if near]
    if not found:
        raise EngineError(_too_long())
    search = Search(bench, found, asked)
    return _Investigation(bench, search, found).report(tuple(left_out), begin)


def _too_long() -> str:
    return _("there are too many updates before it to try what they may have been")


class _Investigation:
    """One investigation: the search, and what is read from it."""

    def __init__(self, bench: Bench, search: Search, figures: Sequence[Sought]) -> None:
        self.bench, self.search, self.figures = bench, search, figures

    def report(self, left_out: tuple[tuple[str, str], ...], begin: float) -> Report:
        search = self.search
        every = search.every
        search.run(every)
        best = search.ranked(every)[0]
        missed = every & ~search.fits[best]
        more: list[Set] = []
        aims = [every]
        while missed and len(more) < MOST_MORE:
            search.run(missed)
            found = self._another([best, *more], missed)
            if found is None:
                break
            more.append(found)
            aims.append(missed)
            missed &= ~search.fits[found]
        deviating = next((k for k, one in enumerate((best, *more)) if one), 0)
        chosen = (best, *more)[deviating]
        others = self._others(chosen, aims[deviating])
        return Report(
            figures=tuple(one.figure for one in self.figures),
            symbols=tuple(map(self._symbol, self.figures)),
            left_out=left_out,
            stated=self._explanation(()),
            best=self._explanation(best),
            more=tuple(map(self._explanation, more)),
            others=tuple(map(self._explanation, others)),
            decider=self._decider([chosen, *others]) if others else None,
            tried=search.tried,
            short=search.short,
            seconds=process_time() - begin,
        )

    def _symbol(self, figure: Sought) -> str:
        """What a figure is of: a term of a sum has a name alone."""
        return (
            figure.figure.name if figure.term is not None else self.bench.network.notation.symbol(figure.ref, sample=0)
        )

    def _another(self, programs: Sequence[Set], missed: int) -> Set | None:
        """What gives figures that some programs miss, where that is worth its bits."""
        search = self.search
        found = search.ranked(missed)[0]
        gained = search.fits[found] & missed
        if not gained or found in programs or search.bits(found) >= search.missed(0, gained):
            return None
        return found

    def _others(self, chosen: Set, among: int) -> list[Set]:
        """Other sets that give at least the same of some figures, about as short, each smallest and different."""
        search = self.search
        wanted = search.fits[chosen] & among
        if not chosen or not wanted:
            return []
        most = search.bits(chosen) + MARGIN
        kept: list[Set] = [chosen]
        seen = {self._print_of(chosen)}
        for one in search.ranked(among):
            if len(kept) > MOST_OTHERS or one in kept or search.bits(one) > most or search.fits[one] & wanted != wanted:
                continue
            if any(set(other) < set(one) for other in kept) or not one:
                continue
            mark = self._print_of(one)
            if mark not in seen:
                seen.add(mark)
                kept.append(one)
        return kept[1:]

    def _print_of(self, chosen: Set) -> bytes:
        """What a set computes in the first iteration, all of it: the same of sets that come to the same."""
        deviations = self.search.deviations(chosen)
        frame = self.bench.frame(deviations, 0, self.search.plan)
        switches = frame.program.dated[-1].array
        start = frame.program.offsets[switches]
        flat = frame.flat.copy()
        flat[start : start + switches.size] = 0.0
        flat += 0.0
        return flat.tobytes() + str([one.shift for one in deviations if one.shift]).encode()

    def _explanation(self, chosen: Set) -> Explanation:
        search = self.search
        fits = search.fits[chosen]
        without = []
        for number in chosen:
            less = tuple(one for one in chosen if one != number)
            search.compute(less)
            without.append((search.fits[less] & search.every).bit_count())
        return Explanation(
            deviations=search.deviations(chosen),
            fits=tuple(bool(fits >> k & 1) for k in range(len(self.figures))),
            values=search.values(chosen),
            without=tuple(without),
            bits=search.bits(chosen),
            changes=tuple(self._changes(search.deviations(chosen))),
        )

    def _changes(self, deviations: Sequence[Deviation]) -> Iterator[Change]:
        """The first equations that deviations make others; what is computed without a switch has none."""
        if not any(one.switches for one in deviations):
            return
        notation = self.bench.network.notation
        stated = self.bench.program(())
        made = self.bench.program(deviations)
        count = 0
        for before, after in zip(stated.ops, made.ops, strict=True):
            for index in indices(stated, before):
                old, new = before.equation(index), after.equation(index)
                if key_of(old) == key_of(new):
                    continue
                element = index[1:] if before.extent is Extent.SUM else index
                slot = notation.symbol(Ref(before.target, element), sample=0)
                texts = [render(one, partial(notation.symbol, sample=0)) for one in (new, old)]
                name = notation.name(Ref(before.target, element), sample=0)
                yield Change(name=name, made=f"{slot} = {texts[0]}", stated=texts[1])
                count += 1
                break
            if count == MOST_CHANGES:
                return

    def _decider(self, sets: Sequence[Set]) -> Decider | None:
        """The value of an iteration of the figures on which the sets differ most."""
        updates = min(one.figure.updates for one in self.figures)
        if updates * self.bench.schedule.full.size > 1_000_000:
            return None
        frames = [self.bench.frame(self.search.deviations(one), updates, self.search.plan) for one in sets]
        program = frames[0].program
        known = {program.offset(one.ref) for one in self.figures if one.ref.array in program.offsets}
        best, spread = -1, 1e-4
        for array in program.arrays:
            if array.role not in _ASKED:
                continue
            for slot in range(program.offsets[array], program.offsets[array] + array.size):
                if slot in known:
                    continue
                values = [float(frame.flat[slot]) for frame in frames]
                found = min(map(_apart, combinations(values, 2)))
                found += sum(map(_apart, combinations(values, 2))) * 1e-3 / len(values)
                if found > spread:
                    best, spread = slot, found
        if best < 0:
            return None
        notation, ref = self.bench.network.notation, ref_at(program, best)
        return Decider(
            name=notation.name(ref, sample=0),
            symbol=notation.symbol(ref, sample=0),
            updates=updates,
            values=tuple(float(frame.flat[best]) for frame in frames),
        )


_ASKED = frozenset({Role.NET, Role.OUT, Role.LOSS, Role.TOTAL, Role.GRADIENT, Role.UPDATED, Role.VALUE})
"""What people can be asked for."""


def _apart(pair: tuple[float, float]) -> float:
    """How far two values are apart, in their own measure; at most 1."""
    one, other = pair
    if one == other or (one != one and other != other):
        return 0.0
    size = abs(one) + abs(other)
    return abs(one - other) / size if size < float("inf") else 1.0
