"""A run: training from an epoch until a rule ends it, in pieces of a few milliseconds.

Between two pieces a run holds nothing but its own state, so the past that it has made can be walked meanwhile.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Const, Ref
from retrograde.engine.formulas.meaning import candidates, evaluate
from retrograde.engine.formulas.probe import Probe, Record, context, reader
from retrograde.engine.formulas.tree import Formula
from retrograde.engine.network.frame import Frame, gradient_norm
from retrograde.engine.network.notation import Notation
from retrograde.engine.ops.base import Op
from retrograde.engine.scenario.models import StopTable
from retrograde.engine.travel.branch import Branch
from retrograde.engine.travel.epochs import by_losses, knowing, mean, reading
from retrograde.engine.travel.search import Conditions
from retrograde.engine.travel.stopping import Ending, Fault, Judge, Outcome, StopRule, describe
from retrograde.engine.travel.timeline import total_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        epoch: complete epochs.
        epochs: the most epochs of this run.
        iterations: complete iterations from the start of the training.
        loss: E of the last iteration.
    """

    epoch: int
    epochs: int
    iterations: int
    loss: float


class Run:
    """Runs a branch on, piece by piece.

    Args:
        branch: the branch.
        stop: the stop rules.
        start: the iteration to begin with; the first of an epoch.
        epochs: the most epochs, counted from the start of the training.
        condition: ends the run at the end of an epoch for whose last iteration it is true.
        breaks: end the run at the first step after ``after`` at which one of them is true.
        after: a step.
        upto: a step after that one, which ends the run, too.

    Attributes:
        branch: the branch.
        done: complete iterations.
        hit: what ended the run; None while it goes on.
    """

    def __init__(
        self,
        branch: Branch,
        stop: StopTable,
        *,
        start: int,
        epochs: int,
        condition: Formula | None = None,
        breaks: Conditions = (),
        after: int = 0,
        upto: int | None = None,
    ) -> None:
        self.branch = branch
        self.done = start
        self.hit: Ending | None = None
        self._stop = stop
        self._epochs = epochs
        self._condition = condition
        self._breaks = breaks
        self._after = after
        self._upto = upto
        self._goal = None if upto is None else branch.timeline.schedule.locate(upto)[0]
        self._timeline = branch.timeline
        self._per_epoch = branch.timeline.schedule.per_epoch
        self._judge = Judge(stop, self._per_epoch, start)
        self._totals = condition is not None and by_losses(condition)
        by_epoch = condition is not None and condition.by_epoch and not self._totals
        if condition is not None and "E_held_out" in condition.positions:
            # Said before the first epoch, and not after it.
            branch.timeline.held_out_loss(branch.timeline.state(start))
        self._slow = stop.gradient_norm_below is not None or by_epoch
        self._pending: list[float] = []
        watched = breaks if condition is None or condition.by_epoch or self._slow else (*breaks, condition)
        self._probe = Probe(conditions=watched)
        self._record = Record(start=start)
        branch.extend(start)
        self._state = self._recall()
        if start >= self._end:
            self.hit = Ending(start, StopRule.EPOCHS)

    @property
    def _end(self) -> int:
        return self._epochs * self._per_epoch

    def _recall(self) -> Floats:
        """Tells the rules of the epochs before the run; returns the state that it starts from."""
        wanted = 1 if self._stop.loss_change_below is None else self._stop.change_epochs + 1
        count = min(self.done // self._per_epoch, wanted) * self._per_epoch
        first = self.done - count
        losses: list[float] = []
        state = self._timeline.advance(self._timeline.state(first), first, count, losses)
        self._judge.recall(losses)
        return state

    @property
    def over(self) -> bool:
        """Whether something has ended the run."""
        return self.hit is not None

    @property
    def state(self) -> Floats:
        """The state after the iterations that are done, while the run goes on."""
        return self._state

    def cancel(self) -> None:
        """Ends the run where it is."""
        if self.hit is None:
            self.hit = Ending(self.done, StopRule.CANCELLED)

    def advance(self) -> Progress:
        """Runs a piece of a few milliseconds; afterwards ``hit`` says whether a rule has ended the run."""
        done, per_epoch, timeline = self.done, self._per_epoch, self._timeline
        if done == self._goal:
            return self._arrive()
        limit = (done // per_epoch + 1) * per_epoch if self._slow else self._end
        if self._goal is not None and done < self._goal:
            limit = min(limit, self._goal)
        count = self.branch.piece(done, limit)
        losses = array("d")
        if self._probe.conditions:
            self._record = Record(start=done, before=self._record.before)
            self._state = timeline.watch(self._state, done, count, self._probe, self._record)
            losses = self._record.losses
        else:
            self._state = timeline.advance(self._state, done, count, losses)
        hit = self._judge.scan(losses)
        if self._totals:
            hit = self._first_epoch(done, losses, hit)
        if self._record.hits:
            hit = self._first_hit(hit)
        reached = done + count if hit is None else hit.iterations
        del losses[reached - done :]
        last = losses[-1] if losses else float("nan")
        if losses:
            self.branch.note(done, losses)
        timeline.checkpoints.put(done + count, self._state)
        self.done = reached
        if hit is None and self._slow and reached % per_epoch == 0:
            hit = self._judge_epoch(reached)
        if hit is None and reached >= self._end:
            hit = Ending(reached, StopRule.EPOCHS)
        self.hit = hit
        self.branch.frontier = max(self.branch.frontier, self.position)
        return Progress(epoch=reached // per_epoch, epochs=self._epochs, iterations=reached, loss=last)

    def _arrive(self) -> Progress:
        """Ends the run in the iteration that it was to run up to."""
        assert self._upto is not None
        found = self.branch.search.steps_of(self._breaks, self.done) if self._breaks else []
        step = min((hit.step for hit in found if self._after < hit.step < self._upto), default=self._upto)
        self.hit = Ending(self.done, StopRule.BREAKPOINT, step)
        self.branch.frontier = max(self.branch.frontier, step)
        loss = total_loss(self._timeline.frame(self.done))
        return Progress(epoch=self.done // self._per_epoch, epochs=self._epochs, iterations=self.done, loss=loss)

    @property
    def position(self) -> int:
        """The position that the run has reached; of a breakpoint, that of its step."""
        if self.hit is not None and self.hit.step is not None:
            return self.hit.step
        return self._timeline.schedule.start(self.done)

    def _first_hit(self, ruled: Ending | None) -> Ending | None:
        """The first of: a breakpoint, the condition at the end of an epoch, and a stop rule."""
        search = self.branch.search
        for offset in self._record.hits:
            iteration = self._record.start + offset
            if ruled is not None and iteration >= ruled.iterations:
                return ruled
            for found in search.steps_of(self._breaks, iteration) if self._breaks else ():
                if found.step > self._after:
                    return Ending(iteration, StopRule.BREAKPOINT, found.step)
            complete = iteration + 1
            if self._condition in self._probe.conditions and complete % self._per_epoch == 0:
                assert self._condition is not None
                decided = search.steps_of((self._condition,), iteration)
                if decided and (ruled is None or complete < ruled.iterations):
                    return Ending(complete, StopRule.CONDITION)
        return ruled

    def _first_epoch(self, done: int, losses: Sequence[float], ruled: Ending | None) -> Ending | None:
        """The first of a stop rule and a condition on the losses of an epoch, which needs no values of an iteration."""
        condition, per_epoch = self._condition, self._per_epoch
        assert condition is not None
        for number, loss in enumerate(losses, done + 1):
            if ruled is not None and number >= ruled.iterations:
                break
            self._pending.append(loss)
            if number % per_epoch:
                continue
            parts = {"E_epoch": mean(self._pending), "epoch": number / per_epoch, "iteration": float(per_epoch)}
            self._pending.clear()
            if evaluate(condition.node, _nothing, parts.__getitem__):
                return Ending(number, StopRule.CONDITION)
        return ruled

    def _judge_epoch(self, done: int) -> Ending | None:
        """What holds at the end of an epoch only: the gradient's norm, and conditions on the epoch."""
        bound, condition = self._stop.gradient_norm_below, self._condition
        iteration = done - 1
        timeline = self._timeline
        frame = timeline.frame(iteration)
        if bound is not None and gradient_norm(frame) < bound:
            return Ending(done, StopRule.GRADIENT)
        if condition is None or self._totals:
            return None
        before, state = self.branch.search.before(condition, iteration), frame.next_state
        frame = timeline.sensitive(iteration) if condition.sensitive else frame
        for candidate in candidates(condition, frame.program):
            inner = context(frame.program, candidate, iteration, self._per_epoch)
            moment = knowing(self._timeline, state, lambda: self._judge.loss, inner)
            read = reading(self._timeline, state, reader(frame, before, candidate.sample))
            if evaluate(condition.node, read, moment):
                return Ending(done, StopRule.CONDITION)
        return None

    def outcome(self, notation: Notation) -> Outcome:
        """How the run ended."""
        hit = self.hit
        assert hit is not None
        epoch = hit.iterations // self._per_epoch
        loss = self._judge.loss
        if hit.rule in {StopRule.CONDITION, StopRule.BREAKPOINT}:
            # The rules have seen the whole piece, of which the end does not count.
            loss = self._epoch_loss(epoch)
        fault = None
        if hit.rule is StopRule.DIVERGED:
            fault = self._fault(hit.iterations - 1, notation)
            epoch = fault.epoch
        return Outcome(
            rule=hit.rule,
            message=describe(hit.rule, self._stop, epoch=epoch, fault=fault),
            epoch=epoch,
            iterations=hit.iterations,
            loss=loss,
            fault=fault,
            step=hit.step if fault is None else fault.step,
        )

    def _epoch_loss(self, epoch: int) -> float:
        """The loss of an epoch, from 1; NaN where there is none."""
        if epoch < 1:
            return math.nan
        losses: list[float] = []
        first = (epoch - 1) * self._per_epoch
        self._timeline.advance(self._timeline.state(first), first, self._per_epoch, losses)
        judge = Judge(self._stop, self._per_epoch, epoch * self._per_epoch)
        judge.recall(losses)
        return judge.loss

    def _fault(self, iteration: int, notation: Notation) -> Fault:
        """The first slot that is not finite: in an iteration or, where its state is not, in one before.

        Where all of them are finite, the loss is above its bound, and it is the loss.
        """
        timeline = self._timeline
        while iteration > 0 and not np.all(np.isfinite(timeline.state(iteration))):
            iteration -= 1
        frame = timeline.frame(iteration)
        program = frame.program
        total = program.produced(Ref(program.named["E"], ()))
        assert total is not None
        step = min((step for op in program.ops if (step := _first_bad(frame, op)) is not None), default=total)
        target = program.target(program.place(step))
        epoch, within = divmod(iteration, self._per_epoch)
        return Fault(
            name=notation.symbol(target),
            value=float(frame.array(target.array)[target.index]),
            step=timeline.schedule.start(iteration) + step + 1,
            address=f"{epoch + 1}:{within + 1}:{step + 1}",
            epoch=epoch + 1,
        )


def _first_bad(frame: Frame, op: Op) -> int | None:
    """The number (from 0) of the first step of an op that makes a slot that is not finite."""
    program, array = frame.program, op.target
    # Samples and elements are revealed in the order in which they lie in memory.
    for flat in np.flatnonzero(~np.isfinite(frame.array(array))):
        index = np.unravel_index(int(flat), array.shape)
        step = program.produced(Ref(array, tuple(int(part) for part in index)))
        # What attention masks is −∞ by its own equation, and no fault.
        if step is not None and not isinstance(op.equation(program.index(program.place(step))), Const):
            return step
    return None


def _nothing(_node: object) -> float:
    raise AssertionError
