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
    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.travel.timeline import Timeline


class Fate(StrEnum):
    """What became of a run."""

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
    with np.errstate(all="ignore"):
        case = Case(timeline, len(losses))
        watch = Watch(case=case, losses=losses, sights=())
        limits = limits_of(scenario)
        if not aims(scenario, until=until) and _learned(case, losses):
            return Verdict(fate=Fate.CONVERGED, epoch=outcome.epoch)
        return _unfinished(watch, limits["diverging"], limits["stuck"]["progress"])


def _learned(case: Case, losses: Floats) -> bool:
    """Whether E is at the share of what it was, or of the best constant output, that the doctor calls learned."""
    if not len(losses) or not case.outputs:
        return False
    timeline = case.timeline
    start = timeline.data_loss(timeline.state(0))
    end = timeline.data_loss(timeline.state(len(losses)))
    return bool(start > 0 and end <= LEARNED * min(start, constant_loss(case)))


def _unfinished(watch: Watch, limits: Limits, progress: float) -> Verdict:
    """What is to be said of a run that went on to its last epoch, or to where nothing changed."""
    epochs = watch.epochs
    if not len(epochs):
        return Verdict(fate=Fate.SLOW)
    found = diverging(watch, limits)
    end = float(epochs[-1])
    if found is not None and found.iteration is not None and end > limits["start"] * float(epochs[0]):
        first = found.iteration // watch.case.per_epoch + 1
        return Verdict(fate=Fate.DIVERGED, epoch=first, at=f"{first}:1")
    window = max(WINDOW, len(epochs) // WINDOW)
    if len(epochs) < 2 * window:
        return Verdict(fate=Fate.SLOW)
    last, before = float(epochs[-window:].mean()), float(epochs[-2 * window : -window].mean())
    if last < progress ** (window / WINDOW) * before:
        return Verdict(fate=Fate.SLOW)
    # Since then it has been as low as it ends, within what counts as no progress.
    first = int(np.flatnonzero(epochs <= max(last, end) / progress)[0]) + 1
    return Verdict(fate=Fate.STUCK, epoch=first, at=f"{first}:1")
