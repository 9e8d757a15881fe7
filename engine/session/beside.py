"""Branches beside each other: how far the other one is known, and bringing it as far as the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.engine.network.frame import Frame
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.branch import Branch
    from retrograde.engine.travel.timeline import Timeline

NEAR_SECONDS = 0.008
"""A frame of the parent that takes longer by estimate is not looked up while a key waits."""
TICK_SECONDS = 0.008
"""How long a branch is run on at a time."""


def go_to(session: Session, name: str) -> None:
    """Goes to a branch, where its cursor was left; that may be its initial state.

    Raises:
        EngineError: there is no such branch.
    """
    branch = session.branch_called(name)
    if branch is session.branch:
        return
    left = branch.position
    session.switch(name)
    if not left:
        session.seek(0)


def near(timeline: Timeline, iteration: int) -> bool:
    """Whether the frame of an iteration is known, or made in no time."""
    while timeline.parent is not None and iteration < timeline.base:
        timeline = timeline.parent
    at, _state = timeline.checkpoints.before(iteration)
    return (iteration - at) * timeline.iteration_seconds <= NEAR_SECONDS


def parent_frame(session: Session) -> Frame | None:
    """The frame of the cursor's iteration on the parent branch; None where it is the same, or not near."""
    parent = session.branch.parent
    if parent is None or session.iteration < session.timeline.change.first:
        return None
    return parent.timeline.frame(session.iteration) if near(parent.timeline, session.iteration) else None


def waits(session: Session) -> bool:
    """Whether the parent branch has to be run on before it can be looked at beside the cursor."""
    parent = session.branch.parent
    if parent is None or session.iteration < session.timeline.change.first:
        return False
    return not near(parent.timeline, session.iteration)


def catch_up(branch: Branch, iteration: int, seconds: float = TICK_SECONDS) -> bool:
    """Runs a branch on for a moment, towards an iteration; says whether it has arrived."""
    end = time.perf_counter() + seconds
    try:
        branch.extend(iteration, lambda _done, _total: time.perf_counter() > end)
    except InterruptedError:
        return branch.history.count >= iteration
    return True
