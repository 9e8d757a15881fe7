"""A run that was watched: its losses, what was seen at observed moments, and how it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.explaining.detectors.data import constant_loss
from retrograde.engine.travel.timeline import total_loss

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.case import Case
    from retrograde.engine.explaining.detectors.sight import Sight

FIRST = 6
"""Iterations at the start that are all observed."""

SPREAD = 40
"""Moments after them, spaced geometrically."""


def moments(iterations: int) -> list[int]:
    """The iterations (from 0) of a run that are observed: the first ones, ever fewer later, and the last."""
    if iterations <= FIRST + SPREAD:
        return list(range(iterations))
    spaced = np.geomspace(FIRST, iterations - 1, SPREAD)
    return sorted({*range(FIRST), *(round(float(one)) for one in spaced), iterations - 1})


@dataclass(kw_only=True, eq=False)
class Watch:
    """A run that was watched.

    Attributes:
        case: the training.
        losses: E of every iteration.
        sights: what was seen at the observed moments, in order, up to the first that is not finite.
    """

    case: Case
    losses: Floats
    sights: tuple[Sight, ...]

    @cached_property
    def epochs(self) -> Floats:
        """The mean E of every complete epoch; a smaller last batch counts for as many samples as it has."""
        schedule, per_epoch = self.case.timeline.schedule, self.case.per_epoch
        whole = len(self.losses) // per_epoch
        shares = np.ones(per_epoch)
        if all(loss.over_batch == "mean" for loss in self.case.network.losses):
            shares[-1] = schedule.last.batch / schedule.full.batch
        with np.errstate(all="ignore"):
            found: Floats = self.losses[: whole * per_epoch].reshape(whole, per_epoch) @ (shares / shares.sum())
        return found

    @property
    def start(self) -> float:
        """E0: E over all samples before the first update."""
        return self.sights[0].loss if self.sights else math.nan

    @cached_property
    def end_state(self) -> Floats:
        """The state after the last iteration."""
        return self.case.timeline.state(self.case.iterations)

    @cached_property
    def end_loss(self) -> float:
        """E over all samples after the last iteration."""
        return total_loss(self.case.evaluated(self.end_state))

    @property
    def end_share(self) -> float:
        """E at the end as a share of E0; NaN where that tells nothing."""
        return self.end_loss / self.start if self.start > 0 and self.case.outputs else math.nan

    def harmless(self, level: float | None) -> bool:
        """Whether the network has learned whatever was in its way.

        Args:
            level: E at the moment of what was in its way; None where it was there from the start.
        """
        if not (self.start > 0 and self.case.outputs):
            return False
        before = min(self.start, constant_loss(self.case))
        return self.end_loss <= LEARNED * before or (level is not None and self.end_loss <= HALVED * min(before, level))

    @property
    def last(self) -> int:
        """The last iteration."""
        return self.case.iterations - 1


LEARNED = 0.02
"""The share of E0 at which a network has learned."""

HALVED = 0.5
"""The share of E at a moment at which a network has gone on learning."""
