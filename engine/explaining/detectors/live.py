"""The doctor while a run goes on: rules that see one iteration, looked at now and then, and their first moment exactly.

Two ways to look: at fixed moments, ever fewer, which do not depend on how fast the run is, so that a breakpoint on
alerts stops at the same places each time; and as often as a share of the run's time allows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.doctor import Examined, judged
from retrograde.engine.explaining.detectors.judging import SIGHT, judges
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Alert, Found
from retrograde.engine.explaining.detectors.sight import Sight
from retrograde.engine.explaining.detectors.watch import FIRST
from retrograde.engine.network.frame import Frame
from retrograde.engine.travel.timeline import Timeline

GROWTH = 1.2
"""By how much later each fixed moment is, after the first ones."""

LIVE_GROWTH = 1.05
"""The same of a run that is looked at while it goes on: more looks would hardly tell more."""

SHARE = 0.02
"""The share of a run's time for watching it: with what a look costs beside itself, at most 3 %."""

_FIRST_LOOK_ITERATIONS = 150.0
_FIRST_LOOK_SECONDS = 0.03
"""The first look takes about so long, and as long as so many iterations of all samples; it prepares the others."""


class AlertWatch:
    """Looks at the iterations of a run that are handed to it, in order.

    Args:
        timeline: the run.
        limits: the limits of each rule.

    Attributes:
        alerts: the alarms so far, in the order in which they were known.
    """

    def __init__(self, timeline: Timeline, limits: Mapping[str, Limits]) -> None:
        self._case = Case(timeline, 0)
        self._examined = Examined(case=self._case, limits=judged(self._case, limits))
        self._waiting = [judge for judge in judges(SIGHT, self._examined.limits) if not AILMENTS[judge.rule].note]
        self._columns: dict[str, list[Found | None]] = {judge.rule: [] for judge in self._waiting}
        self._sights: list[Sight] = []
        self.alerts: list[Alert] = []

    @property
    def over(self) -> bool:
        """Whether there is nothing more to see: every rule holds, or the run is not finite any more."""
        return not self._waiting or bool(self._sights and not self._sights[-1].sound)

    @property
    def seen(self) -> int:
        """The last iteration that was looked at; -1 for none."""
        return self._sights[-1].iteration if self._sights else -1

    def observe(self, iteration: int, frame: Frame | None = None, *, exact: bool = True) -> tuple[Alert, ...]:
        """Looks at an iteration.

        Args:
            iteration: the iteration, after those that were looked at.
            frame: its values, where they are at hand.
            exact: whether the gap before a rule holds is replayed, for its first moment.

        Returns:
            The alarms that are new.
        """
        with np.errstate(all="ignore"):
            self._case.iterations = iteration + 1
            sight = Sight(self._case, iteration, self._sights[0] if self._sights else None, frame)
            for judge in self._waiting:
                self._columns[judge.rule].append(judge.function(sight, self._examined.limits[judge.rule]))
            self._sights.append(sight)
            sight.let_go()
            fired = [
                judge
                for judge in self._waiting
                if judge.choose(self._columns[judge.rule], self._examined.limits[judge.rule].moments) is not None
            ]
            if not fired:
                return ()
            self._waiting = [judge for judge in self._waiting if judge not in fired]
            self._examined.fill_gaps(fired, self._columns, self._sights, replay=exact)
            new = tuple(self._examined.alert(judge.rule) for judge in fired)
        self.alerts.extend(new)
        return new


class FixedWatch(AlertWatch):
    """Looks at the first iterations, and then ever fewer: always the same ones."""

    @property
    def next(self) -> int:
        """The iteration that is looked at next."""
        seen = self.seen
        return seen + 1 if seen + 1 < FIRST else max(seen + 1, math.ceil(seen * GROWTH))

    def look_to(self, iterations: int, on_progress: Callable[[int, int], bool] | None = None) -> None:
        """Looks at what is due among the first iterations of the run, which must be known.

        Args:
            iterations: how many there are.
            on_progress: called with iterations done and to do; True ends it.
        """
        while not self.over and self.next < iterations:
            self.observe(self.next)
            if on_progress is not None and on_progress(self.seen, iterations):
                return


class LiveWatch(AlertWatch):
    """Looks at a run as often as a share of its time allows.

    Args:
        timeline: the run.
        limits: the limits of each rule.
        share: the share; by default ``SHARE``.
        clock: gives the time in seconds.

    Attributes:
        spent: seconds that it took.
    """

    def __init__(
        self,
        timeline: Timeline,
        limits: Mapping[str, Limits],
        *,
        share: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._share = SHARE if share is None else share
        self._began = clock()
        self.spent = 0.0
        self._timeline = timeline
        self._limits = limits
        self._ready = False
        samples = timeline.schedule.samples / max(timeline.schedule.full.batch, 1)
        self._cost = _FIRST_LOOK_SECONDS + _FIRST_LOOK_ITERATIONS * samples * timeline.iteration_seconds

    def after(self, done: int, state: Floats) -> tuple[Alert, ...]:
        """Looks at the iteration that comes next, if there is time for it; a first look sees the start, too.

        Args:
            done: the iterations that are complete.
            state: the state after them.

        Returns:
            The alarms that are new; their moments are those at which they were seen.
        """
        now = self._clock()
        if self.spent + self._cost > self._share * (now - self._began):
            return ()
        if not self._ready:
            super().__init__(self._timeline, self._limits)
            self._ready = True
        if self.over or done <= self.seen * LIVE_GROWTH or done < self._timeline.base:
            return ()
        new: tuple[Alert, ...] = ()
        if self.seen < 0 and done:
            new = self.observe(0, exact=False)
        new += self.observe(done, self._timeline.framer(done)(state), exact=False)
        took = self._clock() - now
        self.spent += took
        # The next look costs what this one did, but for what the first one prepared.
        self._cost = took
        return new
