"""Learning-rate schedules: which part of η an iteration learns with, as a pure function of the time.

t counts epochs, or iterations, from 0; η_t = η·f(t). The factor is computed in Python's floats from t alone, never from
the factor before, so that any iteration can be computed by itself. Next to each kind stands the class of
``torch.optim.lr_scheduler`` with the same rates, stepped once per unit.

=========== ======================================================================================================
kind        f(t)
=========== ======================================================================================================
step        γ^⌊t / every⌋ (StepLR), or γ^(milestones that are reached) (MultiStepLR)
exponential γ^t (ExponentialLR)
cosine      e + (1 − e)·½·(1 + cos(π·t / period)), e being the end factor (CosineAnnealingLR, eta_min = e·η)
warm_up     s + (1 − s)·min(t, n) / n, s being the start factor (LinearLR with end_factor 1)
one_cycle   from 1 / div_factor up to 1 and down to 1 / (div_factor·final_div_factor), by half cosines or straight lines
            (OneCycleLR with cycle_momentum off); what comes after stays there
plateau     a factor of the state, which gets smaller when the loss of the epoch does (ReduceLROnPlateau without its
            eps); see ``ops/update/rate.py``
=========== ======================================================================================================

A warm-up of n units before step, exponential or cosine begins their t at n (SequentialLR).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFactor:
    """The factor of a schedule, for ``Leaves``.

    Attributes:
        kind: which schedule.
        unit: what t counts: ``epoch`` or ``iteration``.
        epochs: the most epochs of the training, for what runs over all of it.
        gamma: γ of step and exponential.
        every: of step, how long a rate lasts.
        milestones: of step, where the rate changes, instead of ``every``.
        length: of cosine the period, of one_cycle the whole cycle; 0 for all epochs.
        end_factor: of cosine, the factor at the end.
        warm_up: units of the warm-up.
        start_factor: the factor at the start of the warm-up.
        peak: of one_cycle, the share of the cycle in which the rate rises.
        div_factor: of one_cycle, by what the first rate is smaller than η.
        final_div_factor: of one_cycle, by what the last rate is smaller than the first.
        straight: of one_cycle, whether the rate changes linearly.
        three_phases: of one_cycle, whether it falls as long as it rises, and then on to its end.
    """

    kind: str
    unit: str = "epoch"
    epochs: int = 1
    gamma: float = 0.1
    every: int = 1
    milestones: tuple[int, ...] = ()
    length: int = 0
    end_factor: float = 0.0
    warm_up: int = 0
    start_factor: float = 1.0
    peak: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    straight: bool = False
    three_phases: bool = False

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The factor in an iteration; see ``leaves.Source``."""
        t = iteration if self.unit == "iteration" else iteration // per_epoch
        return np.array(self.at(t, self.length or self.epochs * (per_epoch if self.unit == "iteration" else 1)))

    def at(self, t: int, length: int) -> float:
        """The factor.

        Args:
            t: units from the start of the training.
            length: the period, or the length of the cycle.
        """
        if t < self.warm_up:
            return self.start_factor + (1.0 - self.start_factor) * (t / self.warm_up)
        t -= self.warm_up
        match self.kind:
            case "step":
                count = sum(t >= place for place in self.milestones) if self.milestones else t // self.every
                return float(self.gamma**count)
            case "exponential":
                return float(self.gamma**t)
            case "cosine":
                period = max(1, length if self.length else length - self.warm_up)
                return self.end_factor + (1.0 - self.end_factor) * 0.5 * (1.0 + math.cos(math.pi * t / period))
            case "one_cycle":
                return self._cycle(t, length)
            case _:
                return 1.0

    def _cycle(self, t: int, length: int) -> float:
        first = 1.0 / self.div_factor
        last = first / self.final_div_factor
        peak = self.peak * length - 1.0
        stops = [(peak, first, 1.0)]
        if self.three_phases:
            stops += [(2.0 * self.peak * length - 2.0, 1.0, first), (length - 1.0, first, last)]
        else:
            stops += [(length - 1.0, 1.0, last)]
        start = 0.0
        for stop, low, high in stops:
            if t <= stop or (stop, low, high) == stops[-1]:
                share = min(1.0, (t - start) / (stop - start)) if stop > start else 1.0
                if self.straight:
                    return (high - low) * share + low
                return high + (low - high) / 2.0 * (1.0 + math.cos(math.pi * share))
            start = stop
        raise AssertionError


@dataclass(frozen=True, slots=True)
class LastOfEpoch:
    """1 in the last iteration of each epoch, else 0, for ``Leaves``."""

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """Whether an iteration is the last of its epoch; see ``leaves.Source``."""
        return np.array(float((iteration + 1) % per_epoch == 0))


@dataclass(frozen=True, slots=True)
class PerEpoch:
    """The number of iterations in an epoch, for ``Leaves``."""

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The number; see ``leaves.Source``."""
        del iteration
        return np.array(float(per_epoch))


_KEYS = {
    "unit": "unit",
    "gamma": "gamma",
    "every": "every",
    "milestones": "milestones",
    "period": "length",
    "cycle": "length",
    "end_factor": "end_factor",
    "warm_up": "warm_up",
    "start_factor": "start_factor",
    "peak": "peak",
    "div_factor": "div_factor",
    "final_div_factor": "final_div_factor",
    "three_phases": "three_phases",
}
"""Keys of ``[training.schedule]``, and the attributes of a factor that they set."""


def factor_of(table: Mapping[str, Any], epochs: int) -> RateFactor | None:
    """The factor of a schedule; None where it is none of the time, but of the state (plateau).

    Args:
        table: the table ``[training.schedule]``, complete.
        epochs: the most epochs of the training.
    """
    if table["kind"] == "plateau":
        return None
    given = {_KEYS[key]: value for key, value in table.items() if key in _KEYS and value is not None}
    straight = table.get("anneal") == "linear"
    return RateFactor(kind=table["kind"], epochs=epochs, straight=straight, **given)
