"""What is known where an epoch ends: its loss, and what a forward pass over all data gives with its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.formulas.meaning import Candidate, Moment, candidates, evaluate
from retrograde.engine.formulas.probe import Key, Probe, context, decide, reader, remembered
from retrograde.engine.formulas.tree import Evaluated, Formula
from retrograde.engine.network.classifying import Classified, classified
from retrograde.engine.network.frame import Frame
from retrograde.engine.text import _
from retrograde.engine.travel.timeline import Timeline


def accuracy(timeline: Timeline, state: Floats) -> float:
    """The share of the samples that are classified rightly under a state.

    Raises:
        EngineError: the targets are no classes.
    """
    found = rightly(timeline, state)
    if found is None:
        raise EngineError(_("accuracy: the targets of this network are no classes"))
    return found.right / found.samples


def rightly(timeline: Timeline, state: Floats, *, held_out: bool = False) -> Classified | None:
    """How many samples are classified rightly under a state; None where the targets are no classes.

    Args:
        timeline: the timeline.
        state: the state.
        held_out: whether the samples are those that are held out, of which there are some.
    """
    if timeline.network.answer(timeline.evaluation) is None:
        return None
    return classified(timeline.network, timeline.predictions(state, held_out=held_out), held_out=held_out)


def knowing(timeline: Timeline, state: Floats, loss: Callable[[], float], inner: Moment) -> Moment:
    """A moment that knows E_epoch, E_data and accuracy, too.

    Args:
        timeline: the timeline.
        state: the state that the epoch has led to.
        loss: the loss of the epoch.
        inner: the other parts of the moment.
    """

    def moment(name: str) -> float | str:
        match name:
            case "E_epoch":
                return loss()
            case "E_data":
                return timeline.data_loss(state)
            case "E_held_out":
                return timeline.held_out_loss(state)
            case "accuracy":
                return accuracy(timeline, state)
            case _:
                return inner(name)

    return moment


def reading(timeline: Timeline, state: Floats, inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The values of slots, and of samples of the data under a state."""

    def read(node: Any) -> Any:
        if not isinstance(node, Evaluated):
            return inner(node)
        frame = timeline.evaluated(state)
        return frame.array(frame.program.named[node.array])[np.ix_(node.rows, *node.places)].ravel()

    return read


class EpochValue(NamedTuple):
    """The value of a formula at the end of an epoch, and the number of the step that ends it."""

    step: int
    value: float | bool | str


def epoch_values(
    timeline: Timeline, formula: Formula, epochs: range, on_progress: Callable[[int, int], bool] | None = None
) -> Iterator[EpochValue]:
    """The values of a formula at the ends of epochs, counted from 0, in the order of the range.

    Args:
        timeline: the timeline.
        formula: the formula; slots are those of the last iteration of the epoch, of its last sample.
        epochs: the epochs.
        on_progress: called after each with how many are done, and how many there are; True cancels.

    Raises:
        SearchCancelledError: ``on_progress`` said so.
    """
    schedule = timeline.schedule
    per_epoch = schedule.per_epoch
    summed = "E_epoch" in formula.positions
    for done, epoch in enumerate(epochs, 1):
        last = (epoch + 1) * per_epoch - 1
        losses: list[float] = []
        if summed:
            timeline.advance(timeline.state(epoch * per_epoch), epoch * per_epoch, per_epoch, losses)
        state = timeline.state(last + 1) if overall(formula) else np.empty(0)
        yield EpochValue(schedule.start(last + 1), _value(timeline, formula, last, state, losses))
        if on_progress is not None and on_progress(done, len(epochs)):
            raise SearchCancelledError


def framed(timeline: Timeline, formula: Formula, iteration: int) -> tuple[Frame, dict[Key, Any]]:
    """The frame that a formula is read from, and what it reads of the iteration before."""
    frames = timeline.sensitive if formula.sensitive else timeline.frame
    probe = Probe(values=(formula,))
    before = remembered(probe, frames(iteration - 1)) if iteration and probe.looks_back else {}
    return frames(iteration), before


def sensitive_values(
    timeline: Timeline,
    formula: Formula,
    stop: int,
    on_progress: Callable[[int, int], bool] | None = None,
    *,
    backward: bool = False,
) -> Iterator[EpochValue]:
    """The values of a formula that reads gradients of inputs, at the ends of the backward passes up to a step.

    Args:
        timeline: the timeline.
        formula: the formula; one that varies over the samples has a value for each.
        stop: the step.
        on_progress: see ``epoch_values``.
        backward: the last ones first.

    Raises:
        SearchCancelledError: ``on_progress`` said so.
    """
    schedule = timeline.schedule
    iterations = range(schedule.locate(stop)[0] + 1)
    for done, iteration in enumerate(iterations[::-1] if backward else iterations, 1):
        step = schedule.start(iteration) + schedule.program(iteration).backward
        if step <= stop:
            frame, before = framed(timeline, formula, iteration)
            found = candidates(formula, frame.program)
            for candidate in reversed(found) if backward else found:
                moment = context(frame.program, candidate, iteration, schedule.per_epoch)
                yield EpochValue(step, decide(formula, frame, before, candidate, moment))
        if on_progress is not None and on_progress(done, len(iterations)):
            raise SearchCancelledError


def _value(timeline: Timeline, formula: Formula, last: int, state: Floats, losses: list[float]) -> float | bool | str:
    """The value of a formula after the last iteration of an epoch."""
    schedule = timeline.schedule
    program = schedule.program(last)
    candidate = candidates(formula, program)[-1] if formula.reads else Candidate(program.steps - 1, program.batch - 1)
    inner = context(program, candidate, last, schedule.per_epoch)
    moment = knowing(timeline, state, lambda: mean(losses), inner)
    read: Callable[[Any], Any] = _nothing
    if formula.reads:
        frame, before = framed(timeline, formula, last)
        read = reader(frame, before, candidate.sample)
    return evaluate(formula.node, reading(timeline, state, read), moment)


def overall(formula: Formula) -> bool:
    """Whether it takes a forward pass over all data."""
    return bool(formula.evaluated) or not formula.positions.isdisjoint({"E_data", "E_held_out", "accuracy"})


def _nothing(_node: Any) -> Any:
    raise AssertionError


def mean(losses: list[float]) -> float:
    """The mean of the iterations' E of an epoch, added from the first on."""
    total = losses[0]
    for loss in losses[1:]:
        total += loss
    return total / len(losses)


def by_losses(formula: Formula) -> bool:
    """Whether a condition at the end of an epoch asks for nothing but the losses of its iterations, and the epoch."""
    asked = {"E_epoch", "epoch", "iteration"}
    plain = not formula.reads and not formula.evaluated
    return plain and "E_epoch" in formula.positions and formula.positions <= asked
