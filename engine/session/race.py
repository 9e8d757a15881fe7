"""A scenario and its variants, trained one after the other, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.session.session import Session

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.travel.history import LossHistory
    from retrograde.engine.travel.running import Progress
    from retrograde.engine.travel.stopping import Outcome


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lap:
    """One of the trainings.

    Attributes:
        name: the variant; of the scenario as it stands, the name of the scenario.
        scenario: the scenario or the variant.
        outcome: how it ended.
        losses: the loss of some epochs, by their number from 1.
        history: E of every iteration.
        per_epoch: iterations in an epoch.
    """

    name: str
    scenario: Scenario
    outcome: Outcome
    losses: dict[int, float]
    history: LossHistory
    per_epoch: int


def lap_of(
    entrant: Scenario,
    epochs: int | None,
    last: int,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Lap:
    """Train one of the scenarios.

    Args:
        entrant: the scenario, or a variant of it.
        epochs: the most epochs; None for those of the scenario.
        last: the epoch up to which losses are compared.
        on_progress: as of ``Session.run``.
        cancelled: as of ``Session.run``.
    """
    session = Session(entrant)
    outcome = session.run(epochs=epochs, on_progress=on_progress, cancelled=cancelled)
    per_epoch = session.schedule.per_epoch
    ended = min(outcome.epoch, outcome.iterations // per_epoch)
    losses = {epoch: session.measure("E_epoch", epoch * per_epoch) for epoch in milestones(last) if epoch <= ended}
    variant = entrant.name.partition(":")[2]
    return Lap(
        name=variant or entrant.name,
        scenario=entrant,
        outcome=outcome,
        losses=losses,
        history=session.losses,
        per_epoch=per_epoch,
    )


def milestones(last: int) -> list[int]:
    """Epochs to compare at: 1, 2, 5, 10, 20, 50 and so on up to the last one."""
    found = [1]
    while found[-1] < last:
        lead = str(found[-1])[0]
        found.append(found[-1] * 5 // 2 if lead == "2" else found[-1] * 2)
    return [*(epoch for epoch in found if epoch < last), last]


MOST_COMPARED = 7
"""Epochs that are compared at, at most."""


def compared(laps: tuple[Lap, ...], last: int) -> list[int]:
    """The epochs of a table of laps: of many, the later ones and the first."""
    found = [epoch for epoch in milestones(last) if any(epoch in lap.losses for lap in laps)]
    while len(found) > MOST_COMPARED:
        found = [found[0], *found[2:]]
    return found
