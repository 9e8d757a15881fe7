"""Stops: the breakpoints of a session, which of their hits count, and going on or back to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.formulas.meaning import candidates
from retrograde.engine.formulas.tree import Formula
from retrograde.engine.late import late
from retrograde.engine.session.breakpoints import Breakpoint, Spot, SpotIndex, read, read_alert
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.session.queries import Queries
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch
from retrograde.engine.travel.search import Conditions, OnProgress

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors import limits, live
    from retrograde.engine.explaining.detectors.live import FixedWatch
    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.travel import stopping
    from retrograde.engine.travel.running import Progress
    from retrograde.engine.travel.stopping import Outcome
else:
    stopping = late("retrograde.engine.travel.stopping")
    limits = late("retrograde.engine.explaining.detectors.limits")
    live = late("retrograde.engine.explaining.detectors.live")

MANY_CANDIDATES = 500
"""Steps of an iteration up to which a condition is looked at for the hits around the cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Where going on, or going back, has stopped.

    Attributes:
        breakpoint: the breakpoint that was hit; None at the start, or where the run or the recording ended.
        alerts: the alerts that a breakpoint on alerts was hit by.
        outcome: how the run ended, where it did.
    """

    breakpoint: Breakpoint | None = None
    alerts: tuple[Alert, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a logpoint: the step, and the values of its expressions there."""

    step: int
    values: tuple[float, ...]


class Stops:
    """The breakpoints and logpoints of a session.

    Args:
        cursor: the cursor that stops.
        queries: the values of a logpoint's expressions.

    Attributes:
        points: the breakpoints and logpoints, by number.
    """

    def __init__(self, cursor: Cursor, queries: Queries) -> None:
        self._cursor = cursor
        self._queries = queries
        self.points: dict[int, Breakpoint] = {}
        self._opening: dict[tuple[Branch, Breakpoint], _Opening] = {}
        self._watches: dict[Branch, FixedWatch] = {}

    def add(
        self,
        text: str,
        *,
        once: bool = False,
        from_hit: int = 1,
        after: int | None = None,
        log: tuple[str, ...] = (),
    ) -> Breakpoint:
        """Adds a breakpoint, or a logpoint, which prints and does not stop.

        Args:
            text: a condition, an event of a value or a place; see ``breakpoints.read``.
            once: whether it is switched off when it was hit.
            from_hit: the hit from which on it counts, from 1.
            after: the number of the breakpoint whose first hit arms it.
            log: the expressions of a logpoint.

        Raises:
            EngineError: it cannot be read; nothing is added.
        """
        alert = read_alert(text)
        if alert is not None and self._cursor.recording is not None:
            raise self._cursor.recording.only_read()
        condition, place = (None, None) if alert is not None else self._read(text)
        if from_hit < 1:
            raise EngineError(_("hits are counted from 1"))
        if after is not None and after not in self.points:
            raise EngineError(_("there is no breakpoint {number}").format(number=after))
        found = Breakpoint(
            number=max(self.points, default=0) + 1,
            text=text.strip(),
            condition=condition,
            place=place,
            alert=alert,
            once=once,
            from_hit=from_hit,
            after=after,
            log=tuple(self._cursor.formula(part) for part in log),
        )
        self.points[found.number] = found
        return found

    def _read(self, text: str) -> tuple[Formula | None, Spot | None]:
        condition, place = read(text, self._cursor.notation, self._cursor.schedule.full, self._cursor.sensitivities)
        if condition is not None:
            self._cursor.require_now(condition)
        return condition, place

    def numbered(self, number: int) -> Breakpoint:
        """The breakpoint with a number.

        Raises:
            EngineError: there is none.
        """
        if number not in self.points:
            raise EngineError(_("there is no breakpoint {number}").format(number=number))
        return self.points[number]

    def remove(self, number: int) -> None:
        """Removes a breakpoint; those that it arms count from the start.

        Raises:
            EngineError: there is none.
        """
        removed = self.numbered(number)
        del self.points[number]
        self._opening = {key: opening for key, opening in self._opening.items() if key[1] is not removed}
        for other in self.points.values():
            if other.after == number:
                other.after = None

    def proceed(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_search: OnProgress | None = None,
    ) -> Halt:
        """Goes on to the next hit of a breakpoint; where there is none, to where the run ends.

        Args:
            on_progress: called every few milliseconds while the training is run on.
            cancelled: asked every few milliseconds; True stops there.
            on_search: called while what was run already is searched, instead of ``cancelled``.

        Raises:
            SearchCancelledError: ``on_search`` or ``cancelled`` said so during a search; the cursor has not moved.
        """
        asking = _asking(cancelled) if on_search is None else on_search
        stops = self._stopping()
        begin = self._cursor.position
        while True:
            place = self._next_place(stops)
            past = self._cursor.frontier if place is None else min(self._cursor.frontier, place)
            step = self._next_alert(stops, begin, past, asking)
            step = self._next_hit(stops, past if step is None else step, asking) or step
            if step is None and place is not None and place <= self._cursor.frontier:
                step = place
            if step is not None:
                return self._stop_at(step, stops)
            self._cursor.position, self._cursor.term = self._cursor.frontier, 0
            if self._cursor.recording is not None:
                return Halt()
            here = self._cursor.position
            outcome = self._cursor.run(
                on_progress=on_progress,
                cancelled=cancelled,
                breaks=(*_conditions(stops), *self._arms(stops)),
                upto=self._leg(stops, place),
            )
            step = self._next_alert(stops, begin, self._cursor.position, asking)
            if step is not None:
                return self._stop_at(step, stops)
            if outcome.rule is not stopping.StopRule.BREAKPOINT:
                # A rule that ended the run before the cursor still does; going on does not go back.
                self._cursor.position = max(self._cursor.position, here)
                return Halt(outcome=outcome)
            if any(self._stops_at(point, self._cursor.position) for point in stops):
                return self._stop_at(self._cursor.position, stops)

    def reverse(self, on_progress: OnProgress | None = None) -> Halt:
        """Goes back to the previous hit of a breakpoint; where there is none, to the start."""
        stops = self._stopping()
        conditions = _conditions(stops)
        before = self._cursor.position + bool(self._cursor.term)
        best = 0
        for point in stops:
            if point.place is not None:
                step = SpotIndex(point.place, self._cursor.schedule).previous(before)
                if step is not None and step > best and self._counts(point, step):
                    best = step
            for step in self._alerts(point, on_progress):
                if best < step < before and self._counts(point, step):
                    best = step
        if conditions:
            for found in self._cursor.branch.search.backward(conditions, before, on_progress):
                if found.step <= best:
                    break
                if any(point.condition == found.condition and self._counts(point, found.step) for point in stops):
                    best = found.step
                    break
        if best == 0:
            self._cursor.seek(0)
            return Halt()
        return self._stop_at(best, stops)

    def _stopping(self) -> list[Breakpoint]:
        return [point for point in self.points.values() if point.enabled and not point.log]

    def _stop_at(self, step: int, stops: list[Breakpoint]) -> Halt:
        """Goes to a step at which some breakpoints are hit; each of them counts it."""
        self._cursor.seek(step)
        hit = [point for point in stops if self._stops_at(point, step)]
        for point in hit:
            point.count += 1
            point.enabled = not point.once
        if hit[0].alert is None:
            return Halt(breakpoint=hit[0])
        found = (alert for alert in self._watch().alerts if hit[0].alert in {"", alert.rule})
        return Halt(breakpoint=hit[0], alerts=tuple(one for one in found if self._end_of(one.iteration) == step))

    def _stops_at(self, point: Breakpoint, step: int) -> bool:
        """Whether a breakpoint is hit at a step, and the hit counts."""
        iteration, within = self._cursor.schedule.locate(step)
        if point.alert is not None:
            hit = step in self._alerts(point)
        elif point.place is not None:
            hit = within in point.place.steps(self._cursor.schedule.program(iteration))
        else:
            assert point.condition is not None
            hit = any(
                found.step == step for found in self._cursor.branch.search.steps_of((point.condition,), iteration)
            )
        return hit and self._counts(point, step)

    def _next_place(self, stops: list[Breakpoint]) -> int | None:
        """The next step after the cursor at which a breakpoint at a place is hit, as far as that is known."""
        found: list[int] = []
        for point in stops:
            if point.place is None:
                continue
            begin, arming = self._cursor.position, self._arming(point)
            if arming is not None:
                armed = self._first_known(arming)
                if armed is None:
                    continue
                begin = max(begin, armed)
            if point.from_hit > 1:
                nth = self._nth_hit(point, point.from_hit, self._cursor.length)
                if nth is None:
                    continue
                begin = max(begin, nth - 1)
            step = SpotIndex(point.place, self._cursor.schedule).next(begin, self._cursor.length)
            if step is not None:
                found.append(step)
        return min(found, default=None)

    def _alerts(self, point: Breakpoint, on_progress: OnProgress | None = None) -> list[int]:
        """The steps at which alerts of a breakpoint are hit, as far as the run is: where their iteration ends."""
        if point.alert is None:
            return []
        cursor = self._cursor
        watch = self._watch()
        iteration, step = cursor.schedule.locate(cursor.frontier)
        done = iteration + (cursor.frontier > 0 and step == cursor.schedule.program(iteration).steps)
        cancelled = []

        def searched(seen: int, count: int) -> bool:
            if on_progress is not None and on_progress(seen, count):
                cancelled.append(True)
            return bool(cancelled)

        watch.look_to(done, searched)
        if cancelled:
            raise SearchCancelledError
        found = (alert for alert in watch.alerts if point.alert in {"", alert.rule})
        return sorted({self._end_of(alert.iteration) for alert in found})

    def _end_of(self, iteration: int) -> int:
        return self._cursor.schedule.start(iteration) + self._cursor.schedule.program(iteration).steps

    def _watch(self) -> FixedWatch:
        branch = self._cursor.branch
        if branch not in self._watches:
            self._watches[branch] = live.FixedWatch(branch.timeline, limits.limits_of(self._cursor.scenario))
        return self._watches[branch]

    def _next_alert(self, stops: list[Breakpoint], after: int, stop: int, on_progress: OnProgress | None) -> int | None:
        """The first step after one, up to another, at which an alert is hit that counts."""
        found = [
            step
            for point in stops
            for step in self._alerts(point, on_progress)
            if after < step <= stop and self._counts(point, step)
        ]
        return min(found, default=None)

    def _leg(self, stops: list[Breakpoint], place: int | None) -> int | None:
        """Up to where a run goes: the next place, and no further than the doctor's next look."""
        if all(point.alert is None for point in stops):
            return place
        watch = self._watch()
        if watch.over:
            return place
        look = self._end_of(watch.next)
        if look >= self._cursor.length:
            return place
        return look if place is None else min(look, place)

    def _next_hit(self, stops: list[Breakpoint], stop: int, on_progress: OnProgress | None) -> int | None:
        """The next step after the cursor, up to another one, at which a condition of a breakpoint is hit."""
        conditions = _conditions(stops)
        if not conditions or self._cursor.position >= stop:
            return None
        for found in self._cursor.branch.search.forward(conditions, self._cursor.position, stop, on_progress):
            if any(point.condition == found.condition and self._counts(point, found.step) for point in stops):
                return found.step
        return None

    def _arming(self, point: Breakpoint) -> Breakpoint | None:
        return None if point.after is None else self.points.get(point.after)

    def _arms(self, stops: list[Breakpoint]) -> Conditions:
        """The conditions that a run has to look at because they arm a breakpoint and have not done so yet."""
        found: list[Formula] = []
        for point in stops:
            arming = self._arming(point)
            while arming is not None:
                if arming.condition is not None and self._first_counting(arming, self._cursor.frontier) is None:
                    found.append(arming.condition)
                arming = self._arming(arming)
        return tuple(dict.fromkeys(found))

    def _counts(self, point: Breakpoint, step: int) -> bool:
        """Whether a hit at a step counts: enough hits came before, and the breakpoint was armed."""
        arming = self._arming(point)
        if arming is not None and self._first_counting(arming, step - 1) is None:
            return False
        return point.from_hit == 1 or self._nth_hit(point, point.from_hit, step) is not None

    def _first_known(self, point: Breakpoint) -> int | None:
        """The first hit of a breakpoint that counts, as far as it is known: a place needs no run to be known."""
        if point.place is None:
            return self._first_counting(point, self._cursor.frontier)
        arming, armed = self._arming(point), 0
        if arming is not None:
            known = self._first_known(arming)
            if known is None:
                return None
            armed = known
        nth = self._nth_hit(point, point.from_hit, self._cursor.length)
        if nth is None or nth > armed:
            return nth
        return SpotIndex(point.place, self._cursor.schedule).next(armed, self._cursor.length)

    def _first_counting(self, point: Breakpoint, upto: int) -> int | None:
        """The first hit of a breakpoint that counts, when it is not after ``upto``."""
        nth, arming = self._nth_hit(point, point.from_hit, upto), self._arming(point)
        if nth is None or arming is None:
            return nth
        armed = self._first_counting(arming, upto)
        if armed is None or nth > armed:
            return None if armed is None else nth
        return next(self.hits(point, armed, upto), None)

    def _nth_hit(self, point: Breakpoint, count: int, upto: int) -> int | None:
        """The step of the n-th hit of a breakpoint, when it is not after ``upto``."""
        opening = self._opening.setdefault((self._cursor.branch, point), _Opening())
        if len(opening.hits) < count and opening.searched < upto:
            for step in self.hits(point, opening.searched, upto):
                opening.hits.append(step)
                if len(opening.hits) == count:
                    break
            opening.searched = upto if len(opening.hits) < count else opening.hits[-1]
        if len(opening.hits) < count or opening.hits[count - 1] > upto:
            return None
        return opening.hits[count - 1]

    def hits(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[int]:
        """The steps at which a breakpoint is hit, counting or not, after a step and up to another."""
        last = self._cursor.frontier if stop is None else stop
        if point.condition is not None:
            for found in self._cursor.branch.search.forward((point.condition,), after, last, on_progress):
                yield found.step
            return
        if point.alert is not None:
            yield from (step for step in self._alerts(point, on_progress) if after < step <= last)
            return
        assert point.place is not None
        index = SpotIndex(point.place, self._cursor.schedule)
        step = index.next(after, last)
        while step is not None:
            yield step
            step = index.next(step, last)

    def hits_of(self, iteration: int) -> tuple[int, ...]:
        """The steps of an iteration at which a breakpoint that is enabled is hit, counting or not."""
        found: set[int] = set()
        start, program = self._cursor.schedule.start(iteration), self._cursor.schedule.program(iteration)
        stops = self._stopping()
        for point in stops:
            if point.place is not None:
                found.update(start + step for step in point.place.steps(program))
            elif point.alert is not None and self._cursor.branch in self._watches:
                ends = {self._end_of(alert.iteration) for alert in self._watch().alerts}
                found.update(ends & {start + program.steps})
        conditions = tuple(
            condition
            for condition in _conditions(stops)
            if condition.sensitive or len(candidates(condition, program)) <= MANY_CANDIDATES
        )
        found.update(hit.step for hit in self._cursor.branch.search.steps_of(conditions, iteration))
        return tuple(sorted(found))

    def log(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[LogEntry]:
        """What a logpoint prints over a part of the run, past or to come, without running it again by hand."""
        for step in self.hits(point, after, stop, on_progress):
            yield LogEntry(step, tuple(float(self._queries.at(formula, step)) for formula in point.log))

    def forget(self, branch: Branch) -> None:
        """Forgets what was counted on a branch that is no more."""
        self._opening = {key: opening for key, opening in self._opening.items() if key[0] is not branch}
        self._watches.pop(branch, None)


@dataclass(slots=True)
class _Opening:
    """The first hits of a breakpoint on a branch, as far as they were looked for."""

    hits: list[int] = field(default_factory=list)
    searched: int = 0


def _conditions(stops: list[Breakpoint]) -> Conditions:
    return tuple(dict.fromkeys(point.condition for point in stops if point.condition is not None))


def _asking(cancelled: Callable[[], bool] | None) -> OnProgress | None:
    return None if cancelled is None else lambda _done, _total: cancelled()
