"""Queries: what expressions are worth at the cursor, and where in a run they are true, change or are largest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.formulas.deciding import as_given, deciding, written
from retrograde.engine.formulas.meaning import Candidate, Moment, candidates, evaluate, found_at, located, offsets_of
from retrograde.engine.formulas.probe import Key, context, decide, key, reader
from retrograde.engine.formulas.probe import missing as not_known
from retrograde.engine.formulas.tree import Applied, Comparing, Formula, Kind, Node, Slot, Stretch
from retrograde.engine.network.frame import Frame
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.text import _
from retrograde.engine.travel.epochs import EpochValue, epoch_values, framed, sensitive_values
from retrograde.engine.travel.search import Extreme, OnProgress

SPARKS = 60
"""Values in the small curve of a watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The number that a formula asks for where it is decided.

    Attributes:
        text: how it is written, with the one element that was chosen of an array: ``abs(∂E/∂W_h[3,1])``.
        value: the number.
        ref: the slot, where it is a single one or a function of one.
        sample: the sample (from 0), where the formula has a value for each of several.
        made: the number of the step that made the slot; None of what is given.
    """

    text: str
    value: float
    ref: Ref | None
    sample: int | None
    made: int | None


class Queries:
    """Expressions over the run of a session.

    Args:
        cursor: the cursor, whose branch is searched up to the furthest position that was reached.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def look(self, formula: Formula) -> float | bool | None:
        """The value of an expression at the cursor; None where something it reads is not computed yet."""
        if formula.by_epoch or formula.sensitive:
            try:
                found = self._cursor.value(formula.text)
            except EngineError:
                return None
            return bool(found) if formula.kind is Kind.TRUTH else float(found)
        frame, program, sample = self._cursor.frame, self._cursor.program, self._cursor.sample
        before = self._cursor.branch.search.before(formula, self._cursor.iteration)
        missing = False

        def value(slot: Slot | Stretch) -> Any:
            nonlocal missing
            if isinstance(slot, Stretch):
                found = self._stretch(slot, before)
                missing = missing or found is None
                return not_known((slot, sample)) if found is None else found
            source = located(slot, program, sample)
            if source is None or source.earlier:
                return before.get(key(slot, sample), float("nan"))
            seen = self._cursor.visible(source.ref)
            if seen is None and source.ref.array.name != slot.array and not slot.previous:
                # A parameter whose update is still to come has the value that the iteration started from.
                return frame.value(Ref(program.named[slot.array], slot.index))
            missing = missing or seen is None
            return float("nan") if seen is None else seen

        current = self._cursor.current
        step = (
            self._cursor.revealed - 1
            if current is None or self._cursor.position == 0
            else program.number(current.place)
        )
        moment = context(
            program, Candidate(max(0, step), sample), self._cursor.iteration, self._cursor.schedule.per_epoch
        )
        found = evaluate(formula.node, value, moment)
        return None if missing or isinstance(found, str) else found

    def _stretch(self, stretch: Stretch, before: Mapping[Key, Any]) -> Floats | None:
        """The values of many slots at the cursor; None before the last of them is complete.

        Of a parameter, those whose update is still to come have the values that the iteration started from.
        """
        cursor, program, sample = self._cursor, self._cursor.program, self._cursor.sample
        source = found_at(stretch, program, sample)
        if source is None or source.earlier:
            found: Floats = before.get(key(stretch, sample), not_known((stretch, sample)))
            return found
        values: Floats = cursor.frame.at(source.where)
        last = program.produced(source.last)
        if last is None or last < cursor.revealed:
            return values
        if source.last.array.name == stretch.array or stretch.previous:
            return None
        old = found_at(replace(stretch, previous=True), program, sample)
        assert old is not None
        order = offsets_of(source.where) - program.offsets[source.last.array]
        done = cursor.revealed - (last - int(order[-1]))
        return np.where(order < done, values, cursor.frame.at(old.where))

    def at(self, formula: Formula, step: int) -> float | bool:
        """The value of an expression as it is visible right after a step."""
        position, term = self._cursor.position, self._cursor.term
        try:
            self._cursor.position, self._cursor.term = step, 0
            found = self.look(formula)
        finally:
            self._cursor.position, self._cursor.term = position, term
        return float("nan") if found is None else found

    def look_at(self, formula: Formula, where: int | str, on_progress: OnProgress | None = None) -> float | bool | None:
        """The value of an expression at another moment; the cursor stays where it is.

        Args:
            formula: the expression.
            where: a position, or an address as for ``Cursor.seek``.
            on_progress: called during a long replay with iterations done and to do; True cancels.

        Raises:
            EngineError: the address makes no sense, or is not in the training.
        """
        cursor = self._cursor
        place = cursor.position, cursor.term
        try:
            cursor.seek(where, on_progress)
            return self.look(formula)
        finally:
            cursor.position, cursor.term = place

    def last_change(self, formula: Formula, on_progress: OnProgress | None = None) -> int | None:
        """The last step up to the cursor at which a number took another value than an iteration before.

        None where there is none, of what looks back an iteration itself, and in a recording, which has one alone.
        """
        looks_back = any(read.previous for read in formula.reads)
        apart = formula.by_epoch or formula.sensitive or self._cursor.recording is not None
        if formula.kind is not Kind.NUMBER or not formula.reads or looks_back or apart:
            return None
        changed = self._cursor.condition(f"({formula.text}) != prev({formula.text})")
        # What was changed just now is found without a replay of its interval.
        for iteration in range(self._cursor.iteration, max(self._cursor.iteration - 2, -1), -1):
            near = [
                hit.step
                for hit in self._cursor.branch.search.steps_of((changed,), iteration)
                if hit.step <= self._cursor.position
            ]
            if near:
                return near[-1]
        for found in self._cursor.branch.search.backward((changed,), self._cursor.position + 1, on_progress):
            return found.step
        return None

    def sparks(self, formula: Formula, count: int = SPARKS, on_progress: OnProgress | None = None) -> list[float]:
        """Values of an expression at moments spread over the run, for a small curve.

        Args:
            formula: the expression.
            count: about how many.
            on_progress: called after each with iterations done and to do; True cancels.

        Raises:
            SearchCancelledError: ``on_progress`` said so.
        """
        last = self._cursor.schedule.locate(self._cursor.frontier)[0]
        spacing = self._cursor.timeline.checkpoints.spacing
        stride = max(1, last // count)
        stride = -(-stride // spacing) * spacing if stride > spacing else stride
        values: list[float] = []
        for iteration in range(0, last + (self._cursor.frontier == self._cursor.schedule.start(last + 1)), stride):
            values.append(float(self.at(formula, self._cursor.schedule.start(iteration + 1))))
            if on_progress is not None and on_progress(iteration, last):
                raise SearchCancelledError
        return values

    def asked(self, formula: Formula, step: int, *, value: float | None = None) -> Asked | None:
        """What a formula asks for at a step at which it is decided: the number, the element and the sample.

        Args:
            formula: the formula.
            step: the step; of a condition, one at which it is true.
            value: of a number, the value that it has there for the sample that is meant.
        """
        if formula.by_epoch:
            return self._asked_by_epoch(formula, step)
        cursor = self._cursor
        iteration, within = cursor.schedule.locate(step)
        frame, before = framed(cursor.timeline, formula, iteration)
        for candidate in candidates(formula, frame.program):
            if candidate.step != within - 1 and not formula.sensitive:
                continue
            moment = context(frame.program, candidate, iteration, cursor.schedule.per_epoch)
            found = decide(formula, frame, before, candidate, moment)
            if found == value or (value is None and found):
                read = reader(frame, before, candidate.sample)
                return self._asked(
                    formula, deciding(formula.node, read, moment), frame, iteration, candidate, read, moment
                )
        return None

    def _asked_by_epoch(self, formula: Formula, step: int) -> Asked | None:
        """What a formula asks for at the end of an epoch: the first side of a comparison, or all of it."""
        text = as_given(formula, formula.node.left) if isinstance(formula.node, Comparing) else formula.text
        if text is None:
            return None
        epoch = step // self._cursor.schedule.steps_per_epoch - 1
        for found in epoch_values(self._cursor.timeline, self._cursor.formula(text), range(epoch, epoch + 1)):
            return Asked(text=text, value=float(found.value), ref=None, sample=None, made=None)
        return None

    def _asked(
        self,
        formula: Formula,
        node: Node,
        frame: Frame,
        iteration: int,
        candidate: Candidate,
        read: Callable[[Slot | Stretch], Any],
        moment: Moment,
    ) -> Asked | None:
        """A deciding part of a formula as a record."""
        cursor, program = self._cursor, frame.program

        def name(slot: Slot) -> str:
            source = located(replace(slot, previous=False) if slot.previous else slot, program, candidate.sample)
            assert source is not None
            return cursor.notation.symbol(source.ref, sample=None if program.batch == 1 else -1)

        text = written(node, name) or as_given(formula, node)
        if text is None:
            return None
        value = evaluate(node, read, moment)
        if isinstance(value, str):
            # A phase is no number; the step that it begins with is shown.
            return None
        inside = node.arguments[0] if isinstance(node, Applied) and len(node.arguments) == 1 else node
        source = located(inside, program, candidate.sample) if isinstance(inside, Slot) else None
        made = None
        if source is not None and not source.earlier and not formula.sensitive:
            produced = program.produced(source.ref)
            made = None if produced is None else cursor.schedule.start(iteration) + produced + 1
        return Asked(
            text=text,
            value=float(value),
            ref=None if source is None else source.ref,
            sample=candidate.sample if formula.varies and program.batch > 1 else None,
            made=made,
        )

    def first(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The first step of the run at which a condition is true."""
        return next(self.where(text, on_progress), None)

    def last(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The last step of the run at which a condition is true."""
        condition = self._cursor.condition(text, by_epoch=True, asked=True)
        if condition.by_epoch or condition.sensitive:
            return next(self._apart(condition, on_progress, backward=True), None)
        found = self._cursor.branch.search.backward((condition,), self._cursor.frontier + 1, on_progress)
        return next((hit.step for hit in found), None)

    def where(self, text: str, on_progress: OnProgress | None = None) -> Iterator[int]:
        """All steps of the run at which a condition is true, in order."""
        condition = self._cursor.condition(text, by_epoch=True, asked=True)
        if condition.by_epoch or condition.sensitive:
            return self._apart(condition, on_progress)
        return (
            hit.step for hit in self._cursor.branch.search.forward((condition,), 0, self._cursor.frontier, on_progress)
        )

    def _apart(self, condition: Formula, on_progress: OnProgress | None, *, backward: bool = False) -> Iterator[int]:
        """The steps of the run at which a condition is true that no loop of a run looks at."""
        steps = (step for step, value in self._values(condition, on_progress, backward=backward) if value)
        # The samples of an iteration share the step at which the gradients of its inputs are known.
        return (step for step, _same in groupby(steps))

    def _values(
        self, formula: Formula, on_progress: OnProgress | None, *, backward: bool = False
    ) -> Iterator[EpochValue]:
        """The values of a formula at the ends of epochs, or where the gradients of inputs are known."""
        cursor = self._cursor
        if formula.by_epoch:
            if formula.sensitive:
                raise EngineError(_("gradients of inputs and what is known at the end of an epoch do not mix"))
            epochs = range(cursor.frontier // cursor.schedule.steps_per_epoch)
            return epoch_values(cursor.timeline, formula, epochs[::-1] if backward else epochs, on_progress)
        return sensitive_values(cursor.timeline, formula, cursor.frontier, on_progress, backward=backward)

    def count(self, text: str, on_progress: OnProgress | None = None) -> int:
        """How many steps of the run make a condition true."""
        return sum(1 for _step in self.where(text, on_progress))

    def extreme(self, text: str, *, largest: bool = True, on_progress: OnProgress | None = None) -> Extreme | None:
        """The largest or smallest value of a number over the run, and the first step that reaches it."""
        formula = self._cursor.formula(text)
        if formula.kind is not Kind.NUMBER:
            raise EngineError(_("{text} is a condition, not a number").format(text=text))
        if formula.by_epoch or formula.sensitive:
            best: Extreme | None = None
            for step, value in self._values(formula, on_progress):
                number = float(value)
                if number == number and (best is None or (number > best.value if largest else number < best.value)):
                    best = Extreme(number, step)
            return best
        return self._cursor.branch.search.extreme(
            formula, self._cursor.frontier, largest=largest, on_progress=on_progress
        )
