"""What became of a run: whether it got where it should, stuck, diverged, or stopped being a number; and since when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.data import constant_loss
from retrograde.engine.explaining.detectors.limits import Limits, limits_of
from retrograde.engine.explaining.detectors.progress import WINDOW, diverging
from retrograde.engine.explaining.detectors.watch import LEARNED, Watch
from retrograde.engine.travel.stopping import Outcome, StopRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.travel.timeline import Timeline


PARTS = 10
"""The pace of a run is that of the last of so many parts, against the one before."""


class Fate(StrEnum):
    """What became of a run.

    Attributes:
        CONVERGED: it got where it should: to `stop.loss_below`, or where a condition held; where neither is said, to
            the share of E that the doctor calls learned.
        SLOW: it did not, and is under way, or it was too short to tell.
        STUCK: it did not: at the end E changes by less than the rule `stuck` of the doctor calls progress, and at that
            pace it would not get there in as many epochs again.
        DIVERGED: a loss is above `stop.loss_above`, or the rule `diverging` of the doctor holds to the end.
        NAN: a loss is no finite number.
    """

    CONVERGED = "converged"
    SLOW = "slow"
    STUCK = "stuck"
    DIVERGED = "diverged"
    NAN = "nan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a run, and since when.

    Attributes:
        fate: what became of it.
        epoch: the epoch, from 1: where it converged, where it began to diverge, from which on it did not move; None of
            one that is under way.
        at: the moment to look at, ``2:1:17`` or ``2:1``; empty where nothing happened.
    """

    fate: Fate
    epoch: int | None = None
    at: str = ""


def aims(scenario: Scenario, *, until: bool) -> bool:
    """Whether it is said when a run is where it should be: by `stop.loss_below`, or by a condition."""
    return until or scenario.stop.loss_below is not None


def verdict(timeline: Timeline, losses: Floats, outcome: Outcome, *, until: bool) -> Verdict:
    """Judges a run by the rules that a session has: its stop rules, and the limits of the doctor.

    Args:
        timeline: its states.
        losses: E of every iteration.
        outcome: how it ended.
        until: whether a condition could end it.
    """
    scenario = timeline.network.scenario
    if outcome.rule is StopRule.DIVERGED:
        fault = outcome.fault
        assert fault is not None
        fate = Fate.DIVERGED if math.isfinite(float(losses[-1])) else Fate.NAN
        return Verdict(fate=fate, epoch=fault.epoch, at=fault.address)
    if outcome.rule in {StopRule.LOSS, StopRule.CONDITION}:
        return Verdict(fate=Fate.CONVERGED, epoch=outcome.epoch)
    case = Case(timeline, len(losses))
    if not aims(scenario, until=until) and _learned(case, losses):
        return Verdict(fate=Fate.CONVERGED, epoch=outcome.epoch)
    bound = None if until else scenario.stop.loss_below
    return _unfinished(Watch(case=case, losses=losses, sights=()), limits_of(scenario), bound)


def _learned(case: Case, losses: Floats) -> bool:
    """Whether E is at the share of what it was, or of the best constant output, that the doctor calls learned."""
    if not len(losses) or not case.outputs:
        return False
    timeline = case.timeline
    start = timeline.data_loss(timeline.state(0))
    end = timeline.data_loss(timeline.state(len(losses)))
    return bool(start > 0 and end <= LEARNED * min(start, constant_loss(case)))


def _unfinished(watch: Watch, limits: Mapping[str, Limits], bound: float | None) -> Verdict:
    """What is to be said of a run that went on to its last epoch, or to where nothing changed.

    Args:
        watch: the run.
        limits: the limits of the doctor's rules.
        bound: the loss that it should reach; None for the share of the first epoch's that the doctor calls learned.
    """
    epochs = watch.epochs
    if not len(epochs):
        return Verdict(fate=Fate.SLOW)
    start, end = float(epochs[0]), float(epochs[-1])
    found = diverging(watch, limits["diverging"])
    if found is not None and found.iteration is not None and end > limits["diverging"]["start"] * start:
        first = found.iteration // watch.case.per_epoch + 1
        return Verdict(fate=Fate.DIVERGED, epoch=first, at=f"{first}:1")
    goal = LEARNED * start if bound is None else bound
    window = max(WINDOW, len(epochs) // PARTS)
    if len(epochs) < 2 * window:
        return Verdict(fate=Fate.SLOW)
    last, before = float(epochs[-window:].mean()), float(epochs[-2 * window : -window].mean())
    pace = last / before if before > 0 else 1.0
    flat = pace > limits["stuck"]["progress"] ** (window / WINDOW)
    if not flat or (pace < 1 and end * pace ** (len(epochs) / window) <= goal):
        return Verdict(fate=Fate.SLOW)
    # Since then it has been as low as it ends, within what the doctor calls no progress.
    first = int(np.flatnonzero(epochs <= max(last, end) / limits["stuck"]["progress"])[0]) + 1
    return Verdict(fate=Fate.STUCK, epoch=first, at=f"{first}:1")
