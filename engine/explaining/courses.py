"""How a run goes at the ends of its epochs: the loss of what is held out, and how many samples are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.travel.epochs import rightly
from retrograde.engine.travel.timeline import Timeline

MOMENTS = 96
"""Ends of epochs that are looked at, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpochCourse:
    """What a forward pass over all samples gives at some moments of a run.

    Attributes:
        updates: how many iterations are complete at each, ascending, shape (moments,).
        held_out: the loss of what is held out, in the unit of an iteration's E; None where nothing is, or it has none.
        right: the share of the samples that are classified rightly; None where the targets are no classes.
        held_right: the same of what is held out.
    """

    updates: Floats
    held_out: Floats | None
    right: Floats | None
    held_right: Floats | None


def moments_of(per_epoch: int, start: int, stop: int, most: int = MOMENTS) -> list[int]:
    """Ends of epochs between two moments, the last one among them.

    Args:
        per_epoch: iterations in an epoch.
        start: complete iterations at the first moment that counts.
        stop: those at the last.
        most: how many at most.
    """
    first, last = -(-start // per_epoch), stop // per_epoch
    if last < first:
        return []
    every = max(-(-(last - first + 1) // most), 1)
    return [epoch * per_epoch for epoch in range(last, first - 1, -every)][::-1]


def epoch_course(
    timeline: Timeline, moments: list[int], on_progress: Callable[[int, int], bool] | None = None
) -> EpochCourse:
    """What a forward pass over all samples gives at some moments.

    Args:
        timeline: the states of the run.
        moments: how many iterations are complete at each, ascending.
        on_progress: called after each with how many are done, and how many there are; True cancels.

    Raises:
        InterruptedError: it was cancelled.
    """
    holds = timeline.network.held_columns is not None
    classes = rightly(timeline, timeline.state(0)) is not None
    losses: list[float] = []
    shares: dict[bool, list[float]] = {False: [], True: []}
    for done, updates in enumerate(moments, 1):

        def replayed(_part: int, _all: int, done: int = done) -> bool:
            return on_progress is not None and on_progress(done, len(moments))

        state = timeline.state(updates, replayed)
        if holds:
            loss = timeline.loss_as_iteration(state, held_out=True)
            losses.append(np.nan if loss is None else loss)
        for held in (False, True) if holds else (False,):
            found = rightly(timeline, state, held_out=held) if classes else None
            if found is not None:
                shares[held].append(found.right / found.samples)
        if replayed(0, 0):
            raise InterruptedError
    return EpochCourse(
        updates=np.array(moments, dtype=np.float64),
        held_out=np.array(losses) if holds and np.isfinite(losses).any() else None,
        right=_whole(shares[False], moments),
        held_right=_whole(shares[True], moments),
    )


def _whole(shares: list[float], moments: list[int]) -> Floats | None:
    """The shares, where there is one for each moment."""
    return np.array(shares) if moments and len(shares) == len(moments) else None
