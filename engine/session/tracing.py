"""The generator at the centre: every atomic operation of a training, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import terms
from retrograde.engine.explaining.step import Step
from retrograde.engine.late import late
from retrograde.engine.network.frame import Frame, gradient_norm
from retrograde.engine.network.network import Network
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Granularity, as_granularity
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.travel.calendar import Schedule
from retrograde.engine.travel.timeline import Timeline

if TYPE_CHECKING:
    from retrograde.engine.travel import stopping
else:
    stopping = late("retrograde.engine.travel.stopping")


def trace(scenario: Scenario, granularity: str = Granularity.STEP) -> Iterator[Step]:
    """Yields every atomic operation of a training, from the first product until a stop rule ends it.

    Args:
        scenario: a validated scenario.
        granularity: how far apart the steps are: the step at each stop of the granularity; with ``term`` also
            the partial sums.

    Yields:
        The steps, in order.
    """
    chosen = as_granularity(granularity)
    network = Network(scenario)
    timeline = Timeline(network)
    schedule, stop = timeline.schedule, scenario.stop
    judge = stopping.Judge(stop, schedule.per_epoch, 0)
    for iteration in range(stop.epochs * schedule.per_epoch):
        frame = timeline.frame(iteration)
        yield from _steps(frame, schedule, network.notation, iteration, chosen)
        hit = judge.scan([float(frame.array(frame.program.named["E"]))])
        complete = (iteration + 1) % schedule.per_epoch == 0
        quiet = stop.gradient_norm_below is not None and gradient_norm(frame) < stop.gradient_norm_below
        if hit is not None or (complete and quiet):
            return


def _steps(
    frame: Frame, schedule: Schedule, notation: Notation, iteration: int, granularity: Granularity
) -> Iterator[Step]:
    program = frame.program

    def made(step: int, term: int = 0) -> Step:
        return Step(
            frame=frame,
            schedule=schedule,
            notation=notation,
            iteration=iteration,
            place=program.place(step),
            term=term,
        )

    if granularity is Granularity.EPOCH and (iteration + 1) % schedule.per_epoch:
        return
    if granularity is Granularity.TERM:
        for number in range(program.steps):
            step = made(number)
            for term in range(1, len(terms(step.equation))):
                yield made(number, term)
            yield step
        return
    revealed = 0
    while revealed < program.steps:
        revealed = program.next_stop(revealed, granularity)
        yield made(revealed - 1)
