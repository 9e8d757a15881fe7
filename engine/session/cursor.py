"""The cursor over the steps of a training, in both directions; the values around it; runs to convergence.

Position n means that n steps are revealed: n = 0 is the initial state, and step n is the one on the screen. Moving
the cursor computes nothing; the values around it are looked up when they are asked for.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref, terms
from retrograde.engine.equations.words import FUNCTIONS, NAMING
from retrograde.engine.errors import EngineError, FormulaError, Problem
from retrograde.engine.explaining.step import Moment, Step, made_by, running_sum
from retrograde.engine.explaining.uses import uses
from retrograde.engine.formulas.meaning import evaluate as evaluate_formula
from retrograde.engine.formulas.meaning import evaluate_all, located
from retrograde.engine.formulas.reader import parse
from retrograde.engine.formulas.tree import Evaluated, Formula, Kind, Slot, Stretch
from retrograde.engine.late import late
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.notation import EXTRA_NAMES, Notation, array_called
from retrograde.engine.network.program import Granularity, Place, Program, as_granularity
from retrograde.engine.scenario.models import Expectation, Scenario
from retrograde.engine.session.addresses import Standpoint, position_of
from retrograde.engine.session.printed import Printed, printed_of
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch
from retrograde.engine.travel.epochs import accuracy, mean, reading
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.travel.search import Conditions
from retrograde.engine.travel.timeline import DEFAULT_BUDGET, Timeline

if TYPE_CHECKING:
    from retrograde.engine.explaining import gradcheck
    from retrograde.engine.explaining.gradcheck import Differences, GradientCheck
    from retrograde.engine.recording.recording import Recording
    from retrograde.engine.travel import running
    from retrograde.engine.travel.running import Progress, Run
    from retrograde.engine.travel.stopping import Outcome
else:
    running = late("retrograde.engine.travel.running")
    gradcheck = late("retrograde.engine.explaining.gradcheck")

FIRST_BRANCH = "main"
"""The name of the branch that no edit has made."""


class Cursor:
    """A cursor over the steps of a training.

    Args:
        source: a validated scenario, or a recording, which is one iteration.
        budget: bytes of history.
        network: the network of the scenario where it is there already, as a variant's is; None to make it.

    Attributes:
        recording: the recording, where it is one; None of a scenario.
        network: the network and its data.
        branch: the line of time that the cursor is on.
        schedule: the iterations.
        position: n, the steps that are revealed.
        term: terms of step n + 1 that are revealed besides; 0 outside a sum.
        length: steps until the maximum of epochs.
        budget: bytes of history.
        outcome: how the last run ended, if there was one.
        lock: to be held around each piece of a run, and each look at the session, where these are in two threads.
    """

    def __init__(
        self, source: Scenario | Recording, *, budget: int = DEFAULT_BUDGET, network: Network | None = None
    ) -> None:
        self._scenario = source if isinstance(source, Scenario) else None
        self.recording = None if isinstance(source, Scenario) else source
        self.budget = budget
        if isinstance(source, Scenario):
            timeline = Timeline(network or Network(source), budget=budget)
        else:
            timeline = source.timeline
        self.network = timeline.network
        self.branch = Branch(name=FIRST_BRANCH, timeline=timeline)
        self.schedule = self.timeline.schedule
        self.position = 0
        self.term = 0
        self.length = (1 if self._scenario is None else self._scenario.stop.epochs) * self.schedule.steps_per_epoch
        if self.recording is not None:
            # It has run: its end is known.
            self.branch.frontier = self.length
        self.outcome: Outcome | None = None
        self.lock = threading.RLock()
        self._differences: dict[Program, Differences] = {}

    @property
    def scenario(self) -> Scenario:
        """The scenario.

        Raises:
            EngineError: it is a recording, which can not do what a scenario is needed for.
        """
        if self._scenario is None:
            assert self.recording is not None
            raise self.recording.only_read()
        return self._scenario

    @property
    def name(self) -> str:
        """What the training is called: the scenario's name, or that of the file of a recording."""
        return self.network.name if self.recording is None else self.recording.file.path.name

    @property
    def original(self) -> str:
        """Of a variant, whose equations are others than its scenario's, what that scenario is called; else empty."""
        return self.network.original

    @property
    def path(self) -> Path | None:
        """The file of the scenario, or of the recording; None of a scenario that ships."""
        return self.scenario.path if self.recording is None else self.recording.file.path

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in the scenario and can be computed all the same; nothing is of a recording."""
        return self.scenario.warnings if self.recording is None else ()

    def _require_run(self) -> None:
        """Raises EngineError for a recording, which is not run on or changed."""
        if self.recording is not None:
            raise self.recording.only_read()

    def _require_motion(self, granularity: Granularity) -> None:
        """Raises EngineError for a motion by what a recording has not."""
        beyond = {Granularity.SAMPLE, Granularity.ITERATION, Granularity.EPOCH}
        if self.recording is not None and granularity in beyond:
            raise self.recording.no_such_motion(granularity)

    # -- where the cursor is ------------------------------------------------------------------------------------

    @property
    def timeline(self) -> Timeline:
        """The states of the cursor's branch."""
        return self.branch.timeline

    @property
    def notation(self) -> Notation:
        """How the slots are called."""
        return self.network.notation

    @property
    def frontier(self) -> int:
        """The furthest position that was reached."""
        return max(self.branch.frontier, self.position)

    @property
    def iteration(self) -> int:
        """The iteration that the cursor is in, from 0; at the end of one, that one."""
        if self.term and self.position:
            return self.schedule.locate(self.position + 1)[0]
        return self.schedule.locate(self.position)[0]

    @property
    def revealed(self) -> int:
        """How many steps of the cursor's iteration are revealed."""
        return self.position - self.schedule.start(self.iteration)

    @property
    def program(self) -> Program:
        """The program of the cursor's iteration."""
        return self.schedule.program(self.iteration)

    @property
    def frame(self) -> Frame:
        """Every value of the cursor's iteration, revealed or not."""
        return self.timeline.frame(self.iteration)

    @property
    def sample(self) -> int:
        """The sample that the cursor is at, from 0; the last one outside the samples."""
        current = self.current
        if current is None:
            return 0
        sample = current.place.sample
        return self.program.batch - 1 if sample is None else sample

    @property
    def current(self) -> Step | None:
        """The step on the screen; None in the initial state. Inside a sum, the step that is being added up."""
        if self.term:
            return self.step_at(self.position + 1, term=self.term)
        return self.step_at(self.position) if self.position else None

    def step_at(self, number: int, *, term: int = 0) -> Step:
        """The step with a number, from 1.

        Raises:
            EngineError: there is no such step.
        """
        if not 1 <= number <= self.length:
            raise EngineError(_("step {number} is not in 1 to {last}").format(number=number, last=self.length))
        iteration, step = self.schedule.locate(number)
        frame = self.timeline.frame(iteration)
        return Step(
            frame=frame,
            schedule=self.schedule,
            notation=self.notation,
            iteration=iteration,
            place=frame.program.place(step - 1),
            term=term,
        )

    # -- motions ------------------------------------------------------------------------------------------------

    def step(self, granularity: str = Granularity.STEP) -> bool:
        """Goes forward to the next stop of a granularity; says whether the cursor moved."""
        position = self.position
        self._require_motion(as_granularity(granularity))
        if position >= self.length:
            return False
        if granularity == "step":
            self.position = position + 1
            self.term = 0
            return True
        match as_granularity(granularity):
            case Granularity.TERM:
                count = self._terms_of(position + 1)
                if self.term + 1 < count:
                    self.term += 1
                    return True
                self.position = position + 1
            case Granularity.EPOCH:
                per_epoch = self.schedule.steps_per_epoch
                self.position = min(self.length, (position // per_epoch + 1) * per_epoch)
            case other:
                iteration, _step = self.schedule.locate(position + 1)
                start = self.schedule.start(iteration)
                program = self.schedule.program(iteration)
                self.position = start + program.next_stop(position - start, other)
        self.term = 0
        return True

    def back(self, granularity: str = Granularity.STEP) -> bool:
        """Goes back to the previous stop of a granularity; says whether the cursor moved."""
        self._require_motion(as_granularity(granularity))
        self.branch.frontier = max(self.branch.frontier, self.position)
        position = self.position
        if granularity == "term":
            return self._back_term()
        inside, self.term = self.term, 0
        if inside:
            if granularity == "step":
                return True
            position += 1
        if position == 0:
            return False
        match as_granularity(granularity):
            case Granularity.STEP:
                self.position = position - 1
            case Granularity.EPOCH:
                per_epoch = self.schedule.steps_per_epoch
                self.position = (position - 1) // per_epoch * per_epoch
            case other:
                iteration, step = self.schedule.locate(position)
                start = self.schedule.start(iteration)
                self.position = start + self.schedule.program(iteration).previous_stop(step, other)
        return True

    def _back_term(self) -> bool:
        if self.term:
            self.term -= 1
            return True
        if self.position == 0:
            return False
        count = self._terms_of(self.position)
        self.position -= 1
        self.term = count - 1
        return True

    def _terms_of(self, number: int) -> int:
        """How many terms a step has; one of an op that has no equation here, or whose numbers were left out."""
        step = self.step_at(number)
        if self.recording is not None and self.recording.silence(step.place.op):
            return 1
        return len(terms(step.equation))

    def seek(self, where: int | str | Moment, on_progress: Callable[[int, int], bool] | None = None) -> None:
        """Goes to a position.

        Args:
            where: a position (steps revealed), a moment, or an address: ``2:1:17`` (epoch, iteration, step),
                ``2`` or ``2:1`` (the end of an epoch, of an iteration), ``50%`` of what was run, ``start``,
                ``end`` of what was run, ``@1234`` a step number; from the cursor ``+100`` or ``-100`` steps, ``+5i``
                iterations, ``-1e`` epochs, as far as the training goes.
            on_progress: called during a long replay with iterations done and to do; True cancels.

        Raises:
            EngineError: the address makes no sense, or is not in the training; the cursor has not moved.
        """
        position = self.find(where)
        self.branch.frontier = max(self.branch.frontier, self.position)
        iteration = self.schedule.locate(position)[0]
        self.branch.extend(iteration, on_progress)
        self.position, self.term = position, 0

    def find(self, where: int | str | Moment) -> int:
        """The position that an address means; see ``seek``.

        Raises:
            EngineError: the address makes no sense, or is not in the training.
        """
        return position_of(
            where.number if isinstance(where, Moment) else where,
            Standpoint(
                schedule=self.schedule,
                position=self.position,
                iteration=self.iteration,
                frontier=self.frontier,
                length=self.length,
            ),
        )

    # -- running ------------------------------------------------------------------------------------------------

    def run(
        self,
        epochs: int | None = None,
        until: str | Formula | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        breaks: Conditions = (),
        upto: int | None = None,
    ) -> Outcome:
        """Runs from the cursor's epoch until a stop rule ends the training; the cursor goes to the end.

        Args:
            epochs: the most epochs, counted from the start of the training; by default those of the scenario.
            until: a further condition, looked at after each epoch, for the last iteration of the epoch.
            on_progress: called every few milliseconds.
            cancelled: asked every few milliseconds; True ends the run after the iteration at hand.
            breaks: conditions that end the run at the first step after the cursor at which one is true.
            upto: a step after the cursor that ends the run as such a condition does.

        Raises:
            FormulaError: the condition cannot be read, or has an unknown name; nothing was run.
        """
        run = self.start_run(epochs, until, breaks, upto)
        while run.hit is None:
            if cancelled is not None and cancelled():
                run.cancel()
                break
            progress = run.advance()
            if on_progress is not None:
                on_progress(progress)
        return self.finish_run(run)

    def start_run(
        self,
        epochs: int | None = None,
        until: str | Formula | None = None,
        breaks: Conditions = (),
        upto: int | None = None,
    ) -> Run:
        """A run from the cursor's epoch, to be driven piece by piece; see ``run``.

        The cursor may move over the past between two pieces, under a lock where they are in another thread.
        """
        self._require_run()
        condition = self.condition(until, by_epoch=True, asked=True) if isinstance(until, str) else until
        schedule, stop = self.schedule, self.scenario.stop
        most = stop.epochs if epochs is None else epochs
        self.length = max(self.length, most * schedule.steps_per_epoch)
        self.branch.frontier = max(self.branch.frontier, self.position)
        done, step = schedule.locate(self.position)
        done += self.position > 0 and step == schedule.program(done).steps
        done -= done % schedule.per_epoch
        return running.Run(
            self.branch,
            stop,
            start=done,
            epochs=most,
            condition=condition,
            breaks=breaks,
            after=self.position,
            upto=upto,
        )

    def finish_run(self, run: Run, *, follow: bool = True) -> Outcome:
        """Ends a run; the cursor goes to where it ended unless it is not to follow."""
        run.cancel()
        if follow:
            self.position, self.term = run.position, 0
        run.branch.frontier = max(run.branch.frontier, run.position)
        self.outcome = run.outcome(self.notation)
        return self.outcome

    def condition(self, text: str, *, by_epoch: bool = False, asked: bool = False) -> Formula:
        """A condition in the language of formulas.

        Args:
            text: the condition.
            by_epoch: whether it is decided at the end of an epoch, where E_epoch and E_data are known.
            asked: whether it is looked at in what was run, where gradients of inputs are known, too.

        Raises:
            FormulaError: it cannot be read, or is none.
        """
        found = parse(
            text,
            self.notation,
            self.schedule.full,
            kind=Kind.TRUTH,
            by_epoch=by_epoch,
            evaluation=self._evaluation if by_epoch else None,
            sensitivity=self.sensitivities if asked else None,
        )
        self.require_now(found)
        return found

    def formula(self, text: str, *, several: bool = False) -> Formula:
        """A number or a condition in the language of formulas; it may be one of the end of an epoch.

        Args:
            text: the formula.
            several: whether it may have several values.

        Raises:
            FormulaError: it cannot be read.
        """
        found = parse(
            text,
            self.notation,
            self.schedule.full,
            by_epoch=True,
            evaluation=self._evaluation,
            several=several,
            sensitivity=self.sensitivities,
        )
        self.require_now(found)
        return found

    def require_now(self, formula: Formula) -> None:
        """Raises FormulaError where a formula asks a recording for the iteration before; of parameters it has both."""
        if self.recording is None:
            return
        back = [read if isinstance(read, Slot) else read.slot(0) for read in formula.reads if read.previous]
        sources = (located(slot, self.schedule.full, 0) for slot in back)
        if any(source is None or source.earlier for source in sources):
            message = _("a recording is one iteration: nothing comes before it that `prev` or `changes` could look at")
            raise FormulaError(formula.text, 1, message)

    @property
    def sensitivities(self) -> Callable[[], Program] | None:
        """Makes the program with the gradients of the inputs; None of a recording, which has those that it has."""
        return self.sensitivity if self.recording is None else None

    def sensitivity(self) -> Program:
        """The program of a full iteration with the gradients of the inputs."""
        return self.network.sensitivity(self.schedule.full.batch)

    def _evaluation(self) -> Program:
        """The forward pass over all data, which is made only where a formula asks for it."""
        return self.timeline.evaluation

    # -- values -------------------------------------------------------------------------------------------------

    @property
    def losses(self) -> LossHistory:
        """E of every iteration up to the furthest position that was reached; of that one's as soon as it has an E."""
        iteration, step = self.schedule.locate(self.frontier)
        program = self.schedule.program(iteration)
        loss = program.named.get("E")
        made = None if loss is None else program.produced(Ref(loss, (0,) * len(loss.shape)))
        self.branch.extend(iteration + (made is not None and step > made))
        return self.branch.history

    def resolve(self, name: str) -> Ref:
        """The slot that a name or a symbol means, at the cursor's sample.

        Raises:
            EngineError: no slot has that name; the message has the nearest ones.
        """
        return self.notation.resolve(name, self.program, sample=self.sample)

    def symbol(self, ref: Ref) -> str:
        """The symbol of a slot; another sample than the cursor's is marked: ``net_h1{2}``."""
        return self.notation.symbol(ref, sample=self.sample)

    def visible(self, ref: Ref) -> float | None:
        """What may be shown of a slot at the cursor: None before it is computed, of a sum the sum so far."""
        frame = self.frame
        step = frame.program.produced(ref)
        if step is None or step < self.revealed:
            return frame.value(ref)
        op = frame.program.maker(ref.array)
        assert op is not None
        if op.extent is not Extent.SUM:
            return None
        done = self.samples_added(ref)
        return running_sum(frame, ref, done) if done else None

    def samples_added(self, ref: Ref) -> int:
        """How many samples have added their contribution to a sum at the cursor."""
        program = self.program
        last = program.produced(ref)
        if last is None:
            return program.batch
        place = program.place(last)
        first = program.number(Place(place.op, 0, place.element))
        if self.revealed <= first or program.batch == 1:
            return int(self.revealed > last) * program.batch
        period = (last - first) // (program.batch - 1)
        return min(program.batch, (self.revealed - 1 - first) // period + 1)

    def value(self, name: str) -> Any:
        """The value of a slot, of an array or of a formula at the cursor.

        A parameter has its new value once its update is revealed.

        Args:
            name: a name (also E_epoch, E_data, accuracy, epoch, iteration), or a formula in the language of formulas.

        Returns:
            A number; of an array or a formula with several values, an array of NumPy.

        Raises:
            EngineError: no slot has that name, the formula cannot be read, or something is not computed yet.
        """
        if name in EXTRA_NAMES:
            return self.moment(name)
        try:
            return self._slot_value(name)
        except EngineError as error:
            found = self._formula_of(name, error)
        state = self.timeline.state(self.iteration + self._complete)
        return self._worth(name, found, self.program, reading(self.timeline, state, self._seen), self.moment)

    def moment(self, name: str) -> float | str:
        """A part of the moment at the cursor, or what is known at the end of an epoch: E_epoch, E_data, accuracy."""
        complete = self.iteration + self._complete
        match name:
            case "E_epoch" | "E_data" | "E_held_out" | "accuracy" if self.recording is not None:
                raise self.recording.only_read()
            case "epoch":
                return float(self.iteration // self.schedule.per_epoch + 1)
            case "iteration":
                return float(self.iteration % self.schedule.per_epoch + 1)
            case "sample":
                return float(self.sample + 1)
            case "step":
                return float(self.revealed)
            case "phase":
                current = self.current
                return "forward" if current is None else self.program.ops[current.place.op].phase.value
            case "E_held_out":
                return self.timeline.held_out_loss(self.timeline.state(complete))
            case "E_epoch":
                return self._epoch_loss(complete // self.schedule.per_epoch)
            case "accuracy":
                return accuracy(self.timeline, self.timeline.state(complete))
            case _:
                return self.timeline.data_loss(self.timeline.state(complete))

    def _formula_of(self, text: str, error: EngineError) -> Formula:
        """A text as a formula; raises ``error``, which said that it is no name, where it looks like one."""
        try:
            return self.formula(text, several=True)
        except FormulaError as wrong:
            head, bracket, _rest = text.strip().partition("(")
            called = bracket and head in FUNCTIONS and head not in NAMING
            # The /∂ of ∂E/∂w5 and ∂E_o1/∂out_h1 divides nothing.
            named = not called and re.fullmatch(r"(?:[^\s+*/<>=:-]|/∂)+", text.strip())
            raise (error if named else wrong) from None

    def _worth(
        self, text: str, formula: Formula, program: Program, read: Callable[[Any], Any], moment: Callable[[str], Any]
    ) -> Any:
        """The value or the values of a formula, in the shape of the array where it is the name of one."""
        if formula.length is None:
            return float(evaluate_formula(formula.node, read, moment))
        values = evaluate_all(formula.node, read, moment)
        if isinstance(formula.node, Evaluated):
            each = tuple(map(len, formula.node.places))
            return values.reshape(-1, *each) if math.prod(each) > 1 else values
        whole = array_called(text.strip(), program)
        shape = None if whole is None else whole[0].element_shape[len(whole[1]) :]
        return values if shape is None or values.size != math.prod(shape) else values.reshape(shape)

    def _seen(self, node: Slot | Stretch) -> Any:
        """The value of a slot, or those of a stretch, as ``value`` has them."""
        if isinstance(node, Stretch):
            return np.array([self._seen(node.slot(number)) for number in range(node.length)])
        if node.array not in self.program.named:
            if self.revealed < self.program.backward:
                raise EngineError(_("the gradients of inputs are known at the end of the backward pass"))
            frame = self.timeline.sensitive(self.iteration)
            found = node.ref(frame.program, self.sample)
            assert found is not None
            return frame.value(found)
        ref = node.ref(self.program, self.sample)
        if ref is None or node.previous:
            raise EngineError(_("a value of the iteration before is known to a watch or a query only"))
        return self._slot_value(self.notation.name(ref, sample=self.sample))

    def _slot_value(self, name: str) -> float:
        """The value of a slot at the cursor."""
        term = self.notation.resolve_term(name, self.program, sample=self.sample)
        ref = self.resolve(name) if term is None else term[0]
        updated = self.program.named.get(f"new({ref.array.name})")
        value: float | None = self.visible(ref) if updated is None else self.visible(Ref(updated, ref.index))
        if value is None and updated is not None:
            value = self.visible(ref)
        if value is None:
            raise EngineError(_("{name} is not computed yet at this moment").format(name=name))
        return value if term is None else self._term_value(self.frame, *term)

    @property
    def _complete(self) -> bool:
        """Whether the cursor is at the end of its iteration."""
        return self.position > 0 and self.revealed == self.program.steps

    @property
    def reached(self) -> Floats:
        """The parameters at the cursor: within an iteration those that it began with, at its end the new ones."""
        return self.timeline.state(self.iteration + self._complete)

    def gradient(self, name: str) -> Any:
        """∂E/∂ the value with a name, at the cursor; see ``value``."""
        return self.value(f"grad({name})")

    def measure(self, name: str, updates: int) -> Any:
        """A value after so many updates, wherever the cursor is.

        Args:
            name: a name or a formula; E and the other slots are those of iteration ``updates`` + 1, which starts from
                the parameters after the updates. ``E_epoch`` is of the epoch that ends with the last update.
            updates: iterations that are complete.

        Returns:
            A number; of an array or a formula with several values, an array of NumPy.

        Raises:
            EngineError: no slot has that name, or the formula cannot be read.
        """
        self.branch.extend(updates)
        if name in EXTRA_NAMES:
            return self._extra(name, updates)
        frame = self.timeline.frame(updates)
        try:
            term = self.notation.resolve_term(name, frame.program)
            if term is not None:
                return self._term_value(frame, *term)
            return frame.value(self.notation.resolve(name, frame.program))
        except EngineError as error:
            found = self._formula_of(name, error)

        def read(node: Slot | Stretch) -> Any:
            if isinstance(node, Stretch):
                return np.array([read(node.slot(number)) for number in range(node.length)])
            if node.previous and not updates:
                return math.nan
            frames = self.timeline.sensitive if found.sensitive else self.timeline.frame
            at = frames(updates - node.previous)
            ref = node.ref(at.program)
            assert ref is not None
            return at.value(ref)

        at = reading(self.timeline, self.timeline.state(updates), read)
        return self._worth(name, found, frame.program, at, lambda part: self._extra(part, updates))

    def _extra(self, name: str, updates: int) -> float:
        """What is no slot, after so many updates."""
        match name:
            case "E_epoch":
                return self._epoch_loss(updates // self.schedule.per_epoch)
            case "E_data":
                return self.timeline.data_loss(self.timeline.state(updates))
            case "E_held_out":
                return self.timeline.held_out_loss(self.timeline.state(updates))
            case "accuracy":
                return accuracy(self.timeline, self.timeline.state(updates))
            case "epoch":
                return float(updates // self.schedule.per_epoch)
            case "iteration":
                return float(updates % self.schedule.per_epoch)
            case _:
                raise EngineError(_("{name} has no value after an update").format(name=name))

    @staticmethod
    def _term_value(frame: Frame, ref: Ref, position: int) -> float:
        op = frame.program.maker(ref.array)
        assert op is not None
        term = terms(op.equation(ref.index))[position]
        return evaluate(term, frame.value, frame.mathematics)

    def _epoch_loss(self, epoch: int) -> float:
        """The mean of the iterations' E of an epoch, from 1."""
        if epoch < 1:
            raise EngineError(_("no epoch is complete yet"))
        per_epoch = self.schedule.per_epoch
        start = (epoch - 1) * per_epoch
        losses: list[float] = []
        self.timeline.advance(self.timeline.state(start), start, per_epoch, losses)
        return mean(losses)

    # -- provenance ---------------------------------------------------------------------------------------------

    def produced(self, ref: Ref) -> Moment | None:
        """The moment at which a slot of the cursor's iteration is final; None for data and initial values."""
        number = made_by(self.schedule, self.iteration, self.program, ref)
        return None if number is None else self.step_at(number).moment

    def uses(self, ref: Ref, on_progress: Callable[[int, int], bool] | None = None) -> tuple[Moment, ...]:
        """The moments of the cursor's iteration that read a slot; of a parameter, in the cursor's sample.

        Args:
            ref: the slot.
            on_progress: of a recording, called with elements done and to do; True cancels.

        Raises:
            SearchCancelledError: ``on_progress`` said so.
        """
        program = self.program
        start = self.schedule.start(self.iteration)
        return tuple(
            self.step_at(start + program.number(place) + 1).moment for place in self._readers(ref, on_progress)
        )

    def _readers(self, ref: Ref, on_progress: Callable[[int, int], bool] | None) -> tuple[Place, ...]:
        if self.recording is not None:
            return self.recording.uses(ref, on_progress)
        return uses(self.program, ref, self.sample, self.frame)

    def explain(self, ref: Ref) -> Step | None:
        """The step that made a slot, with its equation and numbers; None for data and initial values."""
        number = made_by(self.schedule, self.iteration, self.program, ref)
        return None if number is None else self.step_at(number)

    @property
    def differences(self) -> Differences:
        """E of the cursor's program as a function of single slots."""
        return self.differences_of(self.program)

    def differences_of(self, program: Program) -> Differences:
        """E of a program of the network as a function of single slots."""
        found = self._differences.get(program)
        if found is None:
            blas = self.scenario.network.arithmetic == "blas"
            found = self._differences[program] = gradcheck.Differences(program, blas=blas)
        return found

    def check_gradient(self, ref: Ref) -> GradientCheck | None:
        """A gradient of the cursor's iteration against a difference of E; None for other slots.

        With updates in place, what is computed from an updated parameter is no derivative of this iteration's E, so
        there is nothing to compare it with.
        """
        if self.recording is not None:
            return None
        return self.differences.check(self.frame, ref, self.timeline.replaced(self.iteration))

    def published(self, step: Step) -> tuple[Expectation, ...]:
        """The published figures that speak of the value of a step."""
        return tuple(printed.expect for printed in self.printed(step) if not printed.symbol)

    def printed(self, step: Step) -> tuple[Printed, ...]:
        """The published figures that speak of a step, then those of single terms of it; none of a recording."""
        if self.recording is not None:
            return ()
        return tuple(printed_of(self.scenario.expect, self.notation, step))
