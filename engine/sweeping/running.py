"""One run of a sweep: trained by the machinery of a session, judged, and told in a few numbers.

What the seeds of a setting have in common is made once: the scenario, the network's programs, and their executors.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import threading
import time
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.doctor import Examined, judged
from retrograde.engine.explaining.detectors.limits import limits_of
from retrograde.engine.scenario.settings import seeded
from retrograde.engine.session.session import Session
from retrograde.engine.sweeping.fates import Fate, verdict
from retrograde.engine.sweeping.stamp import Stamp, require
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch
from retrograde.engine.travel.epochs import mean
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.travel.running import Run
from retrograde.engine.travel.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.travel.stopping import Outcome

HISTORY = 4 << 20
"""Bytes of history of a run, which is walked only where it ended badly."""

PREPARED = 8
"""Settings that a process keeps ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all runs of a sweep have in common, and what is sent to whoever makes them.

    Attributes:
        scenarios: the scenario of each setting, loaded with the first seed where there are seeds.
        epochs: the most epochs; None for those of the scenario.
        until: a condition that ends a run; None for none.
        doctor: whether the doctor looks at each run.
        milestones: the epochs, from 1, whose losses are kept.
        stamp: the program that asks.
        digest: tells one sweep from another.
    """

    scenarios: tuple[Scenario, ...]
    epochs: int | None
    until: str | None
    doctor: bool
    milestones: tuple[int, ...]
    stamp: Stamp
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one run.

    Attributes:
        setting: the number of its setting, from 0.
        seed: its seed; None where it has the luck of the file.
        fate: what became of it.
        rule: the stop rule that ended it.
        epochs: complete epochs.
        iterations: complete iterations.
        loss: the loss of the last complete epoch; NaN where there is none.
        best: the least loss of an epoch; NaN where there is none.
        best_epoch: that epoch, from 1; 0 for none.
        epoch: since when its fate is decided, from 1; 0 for never.
        at: the moment to look at: of its first alarm, or of what decided its fate; empty for none.
        alerts: the rules of the doctor that raise an alarm, the earliest first, each with its moment.
        bits: a digest of E of every iteration: runs with the same one have the same bits.
        curve: the losses of the milestones that it reached.
    """

    setting: int
    seed: int | None
    fate: Fate
    rule: str
    epochs: int
    iterations: int
    loss: float
    best: float
    best_epoch: int
    epoch: int
    at: str
    alerts: tuple[tuple[str, str], ...]
    bits: str
    curve: array[float] = field(repr=False)


class Course(LossHistory):
    """A history that keeps E of every iteration, eight bytes each."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = array("d")

    def extend(self, start: int, losses: Sequence[float] | Floats) -> None:
        """Adds E of the iterations from ``start`` on."""
        values = np.asarray(losses, dtype=np.float64)
        self.kept.frombytes(values[max(0, len(self.kept) - start) :].tobytes())
        super().extend(start, values)


class Trainer:
    """Makes the runs of one setting.

    Args:
        work: what all runs have in common.
        setting: the number of the setting.
    """

    def __init__(self, work: Work, setting: int) -> None:
        self._work = work
        self._setting = setting
        self._first = Session(work.scenarios[setting], budget=HISTORY)
        self._condition = self._read(self._first)

    def _read(self, session: Session) -> Formula | None:
        until = self._work.until
        return None if until is None else session.condition(until, by_epoch=True, asked=True)

    def _begin(self, seed: int | None) -> tuple[Timeline, Formula | None]:
        """The states of a run, and the condition that ends it."""
        first = self._first
        if seed is None or seed == first.scenario.network.seed == first.scenario.training.seed:
            scenario = first.scenario
        else:
            scenario = seeded(first.scenario, seed)
        network = first.network.reseeded(scenario)
        timeline = Timeline(network, budget=HISTORY, like=first.timeline)
        if timeline.schedule.full is first.timeline.schedule.full:
            return timeline, self._condition
        # Its program draws by the seed: nothing is shared.
        own = Session(scenario, budget=HISTORY)
        return own.timeline, self._read(own)

    @np.errstate(all="ignore")
    def run(self, seed: int | None) -> Result:
        """Makes a run and tells what became of it."""
        timeline, condition = self._begin(seed)
        work, scenario = self._work, timeline.network.scenario
        branch = Branch(name="sweep", timeline=timeline)
        branch.history = course = Course()
        epochs = scenario.stop.epochs if work.epochs is None else work.epochs
        run = Run(branch, scenario.stop, start=0, epochs=epochs, condition=condition)
        while run.hit is None:
            run.advance()
        outcome = run.outcome(timeline.network.notation)
        losses = np.array(course.kept, dtype=np.float64)[: run.done]
        found = verdict(timeline, losses, outcome, until=condition is not None)
        alerts = alarms(timeline, losses) if work.doctor else ()
        return self._told(seed, timeline, losses, outcome, found.fate, found.epoch, found.at, alerts)

    def _told(
        self,
        seed: int | None,
        timeline: Timeline,
        losses: Floats,
        outcome: Outcome,
        fate: Fate,
        epoch: int | None,
        at: str,
        alerts: Sequence[Alert],
    ) -> Result:
        per_epoch = timeline.schedule.per_epoch
        whole = len(losses) // per_epoch
        means = losses[: whole * per_epoch].reshape(whole, per_epoch).mean(axis=1)
        known = np.flatnonzero(~np.isnan(means))
        best = int(known[np.argmin(means[known])]) if len(known) else -1
        moments = [moment(alert) for alert in alerts]
        return Result(
            setting=self._setting,
            seed=seed,
            fate=fate,
            rule=outcome.rule.value,
            epochs=whole,
            iterations=len(losses),
            loss=_of_epoch(losses, whole, per_epoch),
            best=_of_epoch(losses, best + 1, per_epoch),
            best_epoch=best + 1,
            epoch=epoch or 0,
            at=moments[0] if moments else at,
            alerts=tuple((alert.rule, one) for alert, one in zip(alerts, moments, strict=True)),
            bits=bits_of(losses),
            curve=array("d", (_of_epoch(losses, mark, per_epoch) for mark in self._work.milestones if mark <= whole)),
        )


def moment(alert: Alert) -> str:
    """The moment of an alert as an address that a debugger opens at."""
    return "start" if alert.address == "start" else alert.address if ":" in alert.address else f"{alert.address}:1"


def _of_epoch(losses: Floats, epoch: int, per_epoch: int) -> float:
    """The loss of an epoch, from 1, with the bits that are shown for it; NaN where there is none."""
    if epoch < 1:
        return math.nan
    return mean(losses[(epoch - 1) * per_epoch : epoch * per_epoch].tolist())


def alarms(timeline: Timeline, losses: Floats) -> tuple[Alert, ...]:
    """The alarms of the doctor over a run, the earliest first."""
    limits = limits_of(timeline.network.scenario)
    case = Case(timeline, len(losses))
    examined = Examined(case=case, limits=judged(case, limits))
    examined.look(losses, every=False, on_look=None)
    found = examined.diagnosis(limits).alerts
    return tuple(sorted((alert for alert in found if not alert.note), key=lambda alert: alert.iteration))


def bits_of(losses: Floats) -> str:
    """A digest of numbers that tells whether others have the same bits; every NaN counts as the same."""
    found = np.array(losses, dtype=np.float64)
    found[np.isnan(found)] = np.nan
    return hashlib.sha256(found.astype("<f8").tobytes()).hexdigest()[:16]


class _Ready(threading.local):
    """The settings that a thread has ready, the latest last; a session is used by one thread."""

    def __init__(self) -> None:
        self.trainers: OrderedDict[tuple[str, int], Trainer] = OrderedDict()


_ready = _Ready()


def trainer(work: Work, setting: int) -> Trainer:
    """What makes the runs of a setting, kept for the next ones."""
    key = (work.digest, setting)
    found = _ready.trainers.pop(key, None) or Trainer(work, setting)
    _ready.trainers[key] = found
    while len(_ready.trainers) > PREPARED:
        _ready.trainers.popitem(last=False)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Runs that are made in one go: some seeds of a setting.

    Attributes:
        setting: the number of the setting, from 0.
        seeds: the seeds.
    """

    setting: int
    seeds: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a chunk.

    Attributes:
        chunk: the chunk.
        results: its runs.
        seconds: how long it took.
    """

    chunk: Chunk
    results: tuple[Result, ...]
    seconds: float


def work_off(work: Work, chunk: Chunk) -> Done:
    """Makes the runs of a chunk; in whatever process.

    Raises:
        EngineError: this is another program than that which asks, or a run can not be made.
    """
    require(work.stamp, _("process {number}").format(number=os.getpid()))
    began = time.perf_counter()
    scenario = work.scenarios[chunk.setting]
    try:
        found = trainer(work, chunk.setting)
        results = tuple(found.run(seed) for seed in chunk.seeds)
    except EngineError as error:
        raise EngineError(f"{scenario.name}: {error}") from error
    return Done(chunk=chunk, results=results, seconds=time.perf_counter() - began)


def to_record(result: Result) -> dict[str, Any]:
    """A result as plain data."""
    return {
        "fate": result.fate.value,
        "rule": result.rule,
        "epochs": result.epochs,
        "iterations": result.iterations,
        "loss": result.loss,
        "best": result.best,
        "best_epoch": result.best_epoch,
        "epoch": result.epoch,
        "at": result.at,
        "alerts": [list(one) for one in result.alerts],
        "bits": result.bits,
        "curve": list(result.curve),
    }


def from_record(setting: int, seed: int | None, record: Mapping[str, Any]) -> Result:
    """A result from plain data.

    Raises:
        KeyError: something is missing.
        ValueError: something is of another kind.
    """
    return Result(
        setting=setting,
        seed=seed,
        fate=Fate(record["fate"]),
        rule=sys.intern(str(record["rule"])),
        epochs=int(record["epochs"]),
        iterations=int(record["iterations"]),
        loss=float(record["loss"]),
        best=float(record["best"]),
        best_epoch=int(record["best_epoch"]),
        epoch=int(record["epoch"]),
        at=str(record["at"]),
        alerts=tuple((str(rule), str(at)) for rule, at in record["alerts"]),
        bits=str(record["bits"]),
        curve=array("d", map(float, record["curve"])),
    )
