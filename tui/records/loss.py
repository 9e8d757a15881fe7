"""What is on the screen of the losses; compared by identity, so that the widget is repainted for another one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Line

if TYPE_CHECKING:
    from retrograde.engine.travel.history import LossHistory
    from retrograde.tui.records.curves import CurvePlot
    from retrograde.tui.records.value_types import Floats

SHARE = 50
"""The part of a run that a mean is taken over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossView:
    """The loss curve, and what is said of it.

    Attributes:
        plot: the curves; None before there is one.
        lines: what is said above the curve.
        briefer: the same lines in fewer words, for where the first do not fit; no more than are given.
        progress: 0 to 1 while a run is under way, else None.
    """

    plot: CurvePlot | None = None
    lines: tuple[Line, ...] = ()
    briefer: tuple[Line, ...] = ()
    progress: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Losses:
    """The losses of a branch.

    Attributes:
        first: the first iteration of each bucket, from 0, shape (buckets,).
        low: the least loss in each, shape (buckets,).
        high: the greatest, shape (buckets,).
        ends: the last iteration of each bucket, from 0, shape (buckets,).
        means: the mean of the last ``over`` iterations there, shape (buckets,).
        over: of how many iterations that is; 1 for no mean.
    """

    first: Floats
    low: Floats
    high: Floats
    ends: Floats
    means: Floats
    over: int = 1

    @classmethod
    def of(cls, history: LossHistory, per_epoch: int, over: int | None = None) -> Losses:
        """The losses of a branch.

        Args:
            history: what is known of them.
            per_epoch: iterations in an epoch.
            over: of how many iterations a mean is taken; 1 for none, None for what suits the run.
        """
        if over is None:
            over = smoothing(len(history), per_epoch)
        first, low, high = history.points()
        if over <= 1:
            return cls(first=first, low=low, high=high, ends=first, means=low)
        ends, means, taken = history.means(over)
        return cls(first=first, low=low, high=high, ends=ends, means=means, over=taken)

    @classmethod
    def none(cls) -> Losses:
        """Those of a branch that has none."""
        import numpy as np

        none = np.empty(0)
        return cls(first=none, low=none, high=none, ends=none, means=none)


def smoothing(iterations: int, per_epoch: int) -> int:
    """Of how many iterations a mean is taken by itself: whole epochs, about a fiftieth of the run; 1 for none.

    Args:
        iterations: how many have run.
        per_epoch: iterations in an epoch; where it is one, each has all samples, and no noise of batches.
    """
    if per_epoch == 1:
        return 1
    return per_epoch << round(math.log2(max(iterations / per_epoch / SHARE, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunView:
    """A run that is under way, as its last message told it.

    Attributes:
        epoch: complete epochs.
        epochs: the most epochs.
        iterations: complete iterations.
        loss: E of the last one.
        rate: epochs a second.
        seconds_left: an upper bound by the rate so far.
        losses: the losses so far.
        alerts: what the doctor has seen so far, with the moments.
    """

    epoch: int
    epochs: int
    iterations: int
    loss: float
    rate: float
    seconds_left: float
    losses: Losses
    alerts: tuple[str, ...] = ()
