"""A sweep: hands out the runs of a plan, writes down what comes back, and says what all of it means."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.sweeping.grid import grid_of
from retrograde.engine.sweeping.journal import Journal
from retrograde.engine.sweeping.places import Here, Place, Pool, processors
from retrograde.engine.sweeping.plan import Plan, plan_of
from retrograde.engine.sweeping.running import Chunk, Done, Result
from retrograde.engine.sweeping.summary import Causes, Group, causes_of, groups_of
from retrograde.engine.sweeping.tables import require_writable, write_table

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

CHUNK_SECONDS = 0.5
"""How long a chunk should take: what is lost with a process, and the time between two looks at the progress."""

LARGEST_CHUNK = 64

MOMENT, WORTH = 1.0, 4.0
"""Seconds after which a sweep of this machine looks how long it takes, and that are worth the start of processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress:
    """How far a sweep is.

    Attributes:
        done: runs that are made, those of an earlier time included.
        total: all runs.
        known: how many of them were made at an earlier time.
        left: seconds until the end, by how long runs of the settings that are left have taken; infinite where that is
            not known.
    """

    done: int
    total: int
    known: int
    left: float


OnSwept = Callable[[SweepProgress], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """What came out of a sweep.

    Attributes:
        plan: what it did.
        results: the runs that were made, setting by setting, each in the order of the seeds.
    """

    plan: Plan
    results: tuple[Result, ...] = field(repr=False)

    @property
    def groups(self) -> tuple[Group, ...]:
        """What the runs of each setting say together."""
        return groups_of(self.plan, self.results)

    @property
    def causes(self) -> Causes | None:
        """Whether it is luck or the setting that runs converge; None where there is nothing to tell apart."""
        return causes_of(self.plan, self.results)

    def opens(self, result: Result) -> str:
        """What opens a run at the moment to look at: `retrograde ...`, or ``load_scenario`` without the moment."""
        return self.plan.called(result.setting, result.seed, result.at)


class Sweeping:
    """A sweep that goes on; a context manager, which ends what is under way.

    Args:
        plan: what there is to do.
        out: the file that the results go to; None for none.
        workers: how many processes; None for this one while it takes moments, else one a processor; 1 for this one.
        on: the cluster, `dask:tcp://HOST:PORT`; None for this machine.

    Raises:
        EngineError: the file or the cluster can not be used.
    """

    def __init__(
        self, plan: Plan, *, out: Path | None = None, workers: int | None = None, on: str | None = None
    ) -> None:
        self.plan = plan
        self._out = out
        self._workers = workers
        self._on = on
        self._journal = None if out is None else Journal(out, plan)
        self._made: dict[tuple[int, int | None], Result] = {}
        self._known = 0
        self._place: Place | None = None
        # Seconds and runs of each setting, which say how many runs make a chunk.
        self._took: dict[int, tuple[float, int]] = {}
        self._waiting: list[deque[int | None]] = []
        self._turn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._place is not None:
            self._place.close()
        if self._journal is not None:
            self._journal.close()

    def run(self, on_progress: OnSwept | None = None) -> Sweep:
        """Makes all runs that are not made yet, and writes the table of all.

        Args:
            on_progress: told how far it is.

        Raises:
            EngineError: the journal is of another sweep, or a run can not be made; what was made is kept.
        """
        if self._journal is not None:
            for one in self._journal.open():
                self._made[one.setting, one.seed] = one
        self._known = len(self._made)
        self._waiting = [
            deque(seed for seed in self.plan.grid.lucks if (setting, seed) not in self._made)
            for setting in range(len(self.plan.settings))
        ]
        began = time.monotonic()

        def tell() -> None:
            if on_progress is not None:
                on_progress(self.progress)

        tell()
        if self._on is None and self._workers is None:
            # What takes moments is done before other processes have started.
            self._work_off(Here(self.plan.work), tell, until=lambda: self._long(began))
        if any(self._waiting):
            self._place = self._opened()
            self._work_off(self._place, tell)
        return self.finish()

    def _long(self, began: float) -> bool:
        """Whether what is left is worth the start of other processes."""
        seconds = time.monotonic() - began
        made = len(self._made) - self._known
        left = sum(map(len, self._waiting))
        return seconds > MOMENT and left * seconds / max(made, 1) > WORTH

    def _opened(self) -> Place:
        work = self.plan.work
        if self._on is not None:
            from retrograde.engine.sweeping.cluster import Cluster

            return Cluster(self._on, work)
        workers = min(self._workers or processors(), sum(map(len, self._waiting)))
        return Here(work) if workers == 1 else Pool(work, workers)

    def _work_off(self, place: Place, tell: Callable[[], None], until: Callable[[], bool] | None = None) -> None:
        """Has a place make what waits, to the end or as long as a condition does not hold."""
        while (any(self._waiting) and not (until is not None and until())) or place.busy:
            for _place in range(place.free):
                chunk = self._next(place.size)
                if chunk is None:
                    break
                place.give(chunk)
            for done in place.collect():
                self._take(done)
            tell()

    def _next(self, size: int) -> Chunk | None:
        """The next seeds of the next setting that has any left; all settings go on side by side."""
        for _setting in self._waiting:
            setting = self._turn
            self._turn = (self._turn + 1) % len(self._waiting)
            seeds = self._waiting[setting]
            if not seeds:
                continue
            seconds, runs = self._took.get(setting, (0.0, 0))
            count = 1 if not runs else max(1, min(LARGEST_CHUNK, int(CHUNK_SECONDS * runs / max(seconds, 1e-9))))
            # Towards the end they become smaller, so that all processes end together.
            left = sum(map(len, self._waiting))
            count = min(count, max(1, left // (2 * size)), len(seeds))
            return Chunk(setting=setting, seeds=tuple(seeds.popleft() for _seed in range(count)))
        return None

    def _take(self, done: Done) -> None:
        setting = done.chunk.setting
        seconds, runs = self._took.get(setting, (0.0, 0))
        self._took[setting] = seconds + done.seconds, runs + len(done.results)
        if self._journal is not None:
            self._journal.add(done.results)
        for one in done.results:
            self._made[one.setting, one.seed] = one

    @property
    def progress(self) -> SweepProgress:
        """How far it is."""
        total, done = self.plan.grid.runs, len(self._made)
        seconds, runs = (sum(part) for part in zip(*self._took.values(), strict=True)) if self._took else (0.0, 0)
        left = math.inf
        if runs:
            usual = (seconds, runs)
            each = [(len(seeds), self._took.get(setting, usual)) for setting, seeds in enumerate(self._waiting)]
            waiting = sum(count for count, _took in each)
            ahead = sum(count * took / made for count, (took, made) in each)
            # Those that are under way take as long as the usual one.
            ahead += max(0, total - done - waiting) * seconds / runs
            left = ahead / (1 if self._place is None else self._place.size)
        return SweepProgress(done=done, total=total, known=self._known, left=left)

    @property
    def results(self) -> Iterator[Result]:
        """What was made so far, in the order of the grid."""
        for setting in range(len(self.plan.settings)):
            for seed in self.plan.grid.lucks:
                if (found := self._made.get((setting, seed))) is not None:
                    yield found

    def finish(self) -> Sweep:
        """What was made so far, written down as a table where a file is named."""
        found = Sweep(plan=self.plan, results=tuple(self.results))
        if self._out is not None and found.results:
            write_table(self._out, self.plan, found.results)
        return found


def sweep(
    source: str | Path,
    *,
    seeds: int | str | Sequence[int] | None = None,
    vary: Mapping[str, Any] | Sequence[str] = (),
    epochs: int | None = None,
    until: str | None = None,
    doctor: bool = False,
    data: Path | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    on: str | None = None,
    on_progress: OnSwept | None = None,
) -> Sweep:
    """Trains a scenario many times, over seeds and settings, and says what became of each run.

    With several processes, a program that calls this has the guard ``if __name__ == "__main__":``, as any that uses
    ``multiprocessing``.

    Args:
        source: the scenario, by name or file.
        seeds: how many seeds, from 0 on; or a text, `5..20` or `3,7`; or the seeds. None: the luck of the file.
        vary: values by key, as ``{"learning_rate": [0.1, 1.0]}`` or ``{"learning_rate": "0.001..10:log:9"}``; or texts
            as on the command line.
        epochs: the most epochs of a run; by default those of the scenario.
        until: a condition that ends a run, which has converged then.
        doctor: whether the doctor looks at each run.
        data: a file of samples that replaces that of the scenario.
        out: the file that the results go to, CSV or Parquet; a sweep that was broken off goes on from there.
        workers: how many processes; by default one a processor where it takes more than moments. 1: this process alone.
        on: a cluster, `dask:tcp://HOST:PORT`.
        on_progress: told how far it is.

    Raises:
        EngineError: something makes no sense, with its key, or can not be; what was made is kept in the file.
        ScenarioError: a setting can not be used.
    """
    target = None if out is None else Path(out)
    if target is not None:
        require_writable(target)
    plan = plan_of(str(source), grid_of(vary, seeds), epochs=epochs, until=until, doctor=doctor, data=data)
    with Sweeping(plan, out=target, workers=workers, on=on) as going:
        return going.run(on_progress)
