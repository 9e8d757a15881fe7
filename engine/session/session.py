"""The debugger: a cursor that travels through a run, with breakpoints, watches, queries, marks and edits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.explaining.gradcheck import GradientCheck
from retrograde.engine.formulas.meaning import Candidate, candidates, evaluate, located
from retrograde.engine.formulas.probe import context, key
from retrograde.engine.formulas.tree import Formula, Kind, Slot
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.breakpoints import Breakpoint, SpotIndex, read
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.session.tracing import trace
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch, BranchComparison, Edit, departure, differing, drop, onto, plan
from retrograde.engine.travel.running import Progress
from retrograde.engine.travel.search import Conditions, Extreme, OnProgress
from retrograde.engine.travel.stopping import Outcome, StopRule
from retrograde.engine.travel.timeline import DEFAULT_BUDGET, Change, Timeline

__all__ = ["GradientCheck", "Halt", "Progress", "Session", "trace"]

SPARKS = 60
"""Values in the small curve of a watch."""

MANY_CANDIDATES = 500
"""Steps of an iteration up to which a condition is looked at for the hits around the cursor."""


Here = tuple[str, int, int]
"""A place: the name of a branch, a position, and terms besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Where going on, or going back, has stopped.

    Attributes:
        breakpoint: the breakpoint that was hit; None at the start, or where the run ended.
        outcome: how the run ended, where it did.
    """

    breakpoint: Breakpoint | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a logpoint: the step, and the values of its expressions there."""

    step: int
    values: tuple[float, ...]


class Session(Cursor):
    """A cursor over the steps of a training that can stop, look, search and change.

    Args:
        scenario: a validated scenario.
        budget: bytes of history, shared by the branches.

    Attributes:
        branches: the lines of time, the first one first.
        breakpoints: the breakpoints and logpoints, by number.
        watches: the watched expressions.
        marks: positions by letter, with the names of their branches.
        notes: texts by branch name and position.
    """

    def __init__(self, scenario: Scenario, *, budget: int = DEFAULT_BUDGET) -> None:
        super().__init__(scenario, budget=budget)
        self.branches: list[Branch] = [self.branch]
        self.breakpoints: dict[int, Breakpoint] = {}
        self.watches: list[Formula] = []
        self.marks: dict[str, tuple[str, int]] = {}
        self.notes: dict[tuple[str, int], str] = {}
        self._opening: dict[tuple[Branch, Breakpoint], _Opening] = {}
        self._places: list[Here] = []
        self._place = 0

    # -- breakpoints

    def add_breakpoint(
        self,
        text: str,
        *,
        once: bool = False,
        from_hit: int = 1,
        after: int | None = None,
        log: tuple[str, ...] = (),
    ) -> Breakpoint:
        """Adds a breakpoint, or a logpoint, which prints and does not stop.

        Args:
            text: a condition, an event of a value or a place; see ``breakpoints.read``.
            once: whether it is switched off when it was hit.
            from_hit: the hit from which on it counts, from 1.
            after: the number of the breakpoint whose first hit arms it.
            log: the expressions of a logpoint.

        Raises:
            EngineError: it cannot be read; nothing is added.
        """
        condition, place = read(text, self.notation, self.schedule.full)
        if from_hit < 1:
            raise EngineError(_("hits are counted from 1"))
        if after is not None and after not in self.breakpoints:
            raise EngineError(_("there is no breakpoint {number}").format(number=after))
        found = Breakpoint(
            number=max(self.breakpoints, default=0) + 1,
            text=text.strip(),
            condition=condition,
            place=place,
            once=once,
            from_hit=from_hit,
            after=after,
            log=tuple(self.formula(part) for part in log),
        )
        self.breakpoints[found.number] = found
        return found

    def breakpoint(self, number: int) -> Breakpoint:
        """The breakpoint with a number.

        Raises:
            EngineError: there is none.
        """
        if number not in self.breakpoints:
            raise EngineError(_("there is no breakpoint {number}").format(number=number))
        return self.breakpoints[number]

    def remove_breakpoint(self, number: int) -> None:
        """Removes a breakpoint; those that it arms count from the start.

        Raises:
            EngineError: there is none.
        """
        removed = self.breakpoint(number)
        del self.breakpoints[number]
        self._opening = {key: opening for key, opening in self._opening.items() if key[1] is not removed}
        for other in self.breakpoints.values():
            if other.after == number:
                other.after = None

    def proceed(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_search: OnProgress | None = None,
    ) -> Halt:
        """Goes on to the next hit of a breakpoint; where there is none, to where the run ends.

        Args:
            on_progress: called every few milliseconds while the training is run on.
            cancelled: asked every few milliseconds; True stops there.
            on_search: called while what was run already is searched, instead of ``cancelled``.

        Raises:
            SearchCancelledError: ``on_search`` or ``cancelled`` said so during a search; the cursor has not moved.
        """
        asking = _asking(cancelled) if on_search is None else on_search
        stops = self._stopping()
        while True:
            place = self._next_place(stops)
            past = self.frontier if place is None else min(self.frontier, place)
            step = self._next_hit(stops, past, asking)
            if step is None and place is not None and place <= self.frontier:
                step = place
            if step is not None:
                return self._stop_at(step, stops)
            self.position, self.term = self.frontier, 0
            here = self.position
            outcome = self.run(
                on_progress=on_progress,
                cancelled=cancelled,
                breaks=(*_conditions(stops), *self._arms(stops)),
                upto=place,
            )
            if outcome.rule is not StopRule.BREAKPOINT:
                # A rule that ended the run before the cursor still does; going on does not go back.
                self.position = max(self.position, here)
                return Halt(outcome=outcome)
            if any(self._stops_at(point, self.position) for point in stops):
                return self._stop_at(self.position, stops)

    def reverse(self, on_progress: OnProgress | None = None) -> Halt:
        """Goes back to the previous hit of a breakpoint; where there is none, to the start."""
        stops = self._stopping()
        conditions = _conditions(stops)
        before = self.position + bool(self.term)
        best = 0
        for point in stops:
            if point.place is not None:
                step = SpotIndex(point.place, self.schedule).previous(before)
                if step is not None and step > best and self._counts(point, step):
                    best = step
        if conditions:
            for found in self.branch.search.backward(conditions, before, on_progress):
                if found.step <= best:
                    break
                if any(point.condition == found.condition and self._counts(point, found.step) for point in stops):
                    best = found.step
                    break
        if best == 0:
            self.seek(0)
            return Halt()
        return self._stop_at(best, stops)

    def _stopping(self) -> list[Breakpoint]:
        return [point for point in self.breakpoints.values() if point.enabled and not point.log]

    def _stop_at(self, step: int, stops: list[Breakpoint]) -> Halt:
        """Goes to a step at which some breakpoints are hit; each of them counts it."""
        self.seek(step)
        hit = [point for point in stops if self._stops_at(point, step)]
        for point in hit:
            point.count += 1
            point.enabled = not point.once
        return Halt(breakpoint=hit[0])

    def _stops_at(self, point: Breakpoint, step: int) -> bool:
        """Whether a breakpoint is hit at a step, and the hit counts."""
        iteration, within = self.schedule.locate(step)
        if point.place is not None:
            hit = within in point.place.steps(self.schedule.program(iteration))
        else:
            assert point.condition is not None
            hit = any(found.step == step for found in self.branch.search.steps_of((point.condition,), iteration))
        return hit and self._counts(point, step)

    def _next_place(self, stops: list[Breakpoint]) -> int | None:
        """The next step after the cursor at which a breakpoint at a place is hit, as far as that is known."""
        found: list[int] = []
        for point in stops:
            if point.place is None:
                continue
            begin, arming = self.position, self._arming(point)
            if arming is not None:
                armed = self._first_known(arming)
                if armed is None:
                    continue
                begin = max(begin, armed)
            if point.from_hit > 1:
                nth = self._nth_hit(point, point.from_hit, self.length)
                if nth is None:
                    continue
                begin = max(begin, nth - 1)
            step = SpotIndex(point.place, self.schedule).next(begin, self.length)
            if step is not None:
                found.append(step)
        return min(found, default=None)

    def _next_hit(self, stops: list[Breakpoint], stop: int, on_progress: OnProgress | None) -> int | None:
        """The next step after the cursor, up to another one, at which a condition of a breakpoint is hit."""
        conditions = _conditions(stops)
        if not conditions or self.position >= stop:
            return None
        for found in self.branch.search.forward(conditions, self.position, stop, on_progress):
            if any(point.condition == found.condition and self._counts(point, found.step) for point in stops):
                return found.step
        return None

    def _arming(self, point: Breakpoint) -> Breakpoint | None:
        return None if point.after is None else self.breakpoints.get(point.after)

    def _arms(self, stops: list[Breakpoint]) -> Conditions:
        """The conditions that a run has to look at because they arm a breakpoint and have not done so yet."""
        found: list[Formula] = []
        for point in stops:
            arming = self._arming(point)
            while arming is not None:
                if arming.condition is not None and self._first_counting(arming, self.frontier) is None:
                    found.append(arming.condition)
                arming = self._arming(arming)
        return tuple(dict.fromkeys(found))

    def _counts(self, point: Breakpoint, step: int) -> bool:
        """Whether a hit at a step counts: enough hits came before, and the breakpoint was armed."""
        arming = self._arming(point)
        if arming is not None and self._first_counting(arming, step - 1) is None:
            return False
        return point.from_hit == 1 or self._nth_hit(point, point.from_hit, step) is not None

    def _first_known(self, point: Breakpoint) -> int | None:
        """The first hit of a breakpoint that counts, as far as it is known: a place needs no run to be known."""
        if point.place is None:
            return self._first_counting(point, self.frontier)
        arming, armed = self._arming(point), 0
        if arming is not None:
            known = self._first_known(arming)
            if known is None:
                return None
            armed = known
        nth = self._nth_hit(point, point.from_hit, self.length)
        if nth is None or nth > armed:
            return nth
        return SpotIndex(point.place, self.schedule).next(armed, self.length)

    def _first_counting(self, point: Breakpoint, upto: int) -> int | None:
        """The first hit of a breakpoint that counts, when it is not after ``upto``."""
        nth, arming = self._nth_hit(point, point.from_hit, upto), self._arming(point)
        if nth is None or arming is None:
            return nth
        armed = self._first_counting(arming, upto)
        if armed is None or nth > armed:
            return None if armed is None else nth
        return next(self.hits(point, armed, upto), None)

    def _nth_hit(self, point: Breakpoint, count: int, upto: int) -> int | None:
        """The step of the n-th hit of a breakpoint, when it is not after ``upto``."""
        opening = self._opening.setdefault((self.branch, point), _Opening())
        if len(opening.hits) < count and opening.searched < upto:
            for step in self.hits(point, opening.searched, upto):
                opening.hits.append(step)
                if len(opening.hits) == count:
                    break
            opening.searched = upto if len(opening.hits) < count else opening.hits[-1]
        if len(opening.hits) < count or opening.hits[count - 1] > upto:
            return None
        return opening.hits[count - 1]

    def hits(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[int]:
        """The steps at which a breakpoint is hit, counting or not, after a step and up to another."""
        last = self.frontier if stop is None else stop
        if point.condition is not None:
            for found in self.branch.search.forward((point.condition,), after, last, on_progress):
                yield found.step
            return
        assert point.place is not None
        index = SpotIndex(point.place, self.schedule)
        step = index.next(after, last)
        while step is not None:
            yield step
            step = index.next(step, last)

    def hits_of(self, iteration: int) -> tuple[int, ...]:
        """The steps of an iteration at which a breakpoint that is enabled is hit, counting or not."""
        found: set[int] = set()
        start, program = self.schedule.start(iteration), self.schedule.program(iteration)
        stops = self._stopping()
        for point in stops:
            if point.place is not None:
                found.update(start + step for step in point.place.steps(program))
        conditions = tuple(
            condition for condition in _conditions(stops) if len(candidates(condition, program)) <= MANY_CANDIDATES
        )
        found.update(hit.step for hit in self.branch.search.steps_of(conditions, iteration))
        return tuple(sorted(found))

    def log(
        self, point: Breakpoint, after: int = 0, stop: int | None = None, on_progress: OnProgress | None = None
    ) -> Iterator[LogEntry]:
        """What a logpoint prints over a part of the run, past or to come, without running it again by hand."""
        for step in self.hits(point, after, stop, on_progress):
            yield LogEntry(step, tuple(float(self._at(formula, step)) for formula in point.log))

    # -- watches

    def watch(self, text: str) -> Formula:
        """Watches an expression.

        Raises:
            FormulaError: it cannot be read; nothing is added.
        """
        found = self.formula(text)
        self.watches.append(found)
        return found

    def look(self, formula: Formula) -> float | bool | None:
        """The value of an expression at the cursor; None where something it reads is not computed yet."""
        frame, program, sample = self.frame, self.program, self.sample
        before = self.branch.search.before(formula, self.iteration)
        missing = False

        def value(slot: Slot) -> float:
            nonlocal missing
            source = located(slot, program, sample)
            if source is None or source.earlier:
                return before.get(key(slot, sample), float("nan"))
            seen = self.visible(source.ref)
            if seen is None and source.ref.array.name != slot.array and not slot.previous:
                # A parameter whose update is still to come has the value that the iteration started from.
                return frame.value(Ref(program.named[slot.array], slot.index))
            missing = missing or seen is None
            return float("nan") if seen is None else seen

        current = self.current
        step = self.revealed - 1 if current is None or self.position == 0 else program.number(current.place)
        moment = context(program, Candidate(max(0, step), sample), self.iteration, self.schedule.per_epoch)
        found = evaluate(formula.node, value, moment)
        return None if missing or isinstance(found, str) else found

    def _at(self, formula: Formula, step: int) -> float | bool:
        """The value of an expression as it is visible right after a step."""
        position, term = self.position, self.term
        try:
            self.position, self.term = step, 0
            found = self.look(formula)
        finally:
            self.position, self.term = position, term
        return float("nan") if found is None else found

    def last_change(self, formula: Formula, on_progress: OnProgress | None = None) -> int | None:
        """The last step up to the cursor at which a number took another value than an iteration before.

        None where there is none, and of what looks back an iteration itself.
        """
        looks_back = any(slot.previous for slot in formula.slots)
        if formula.kind is not Kind.NUMBER or not formula.slots or looks_back:
            return None
        changed = self.condition(f"({formula.text}) != prev({formula.text})")
        # What was changed just now is found without a replay of its interval.
        for iteration in range(self.iteration, max(self.iteration - 2, -1), -1):
            near = [hit.step for hit in self.branch.search.steps_of((changed,), iteration) if hit.step <= self.position]
            if near:
                return near[-1]
        for found in self.branch.search.backward((changed,), self.position + 1, on_progress):
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
        last = self.schedule.locate(self.frontier)[0]
        spacing = self.timeline.checkpoints.spacing
        stride = max(1, last // count)
        stride = -(-stride // spacing) * spacing if stride > spacing else stride
        values: list[float] = []
        for iteration in range(0, last + (self.frontier == self.schedule.start(last + 1)), stride):
            values.append(float(self._at(formula, self.schedule.start(iteration + 1))))
            if on_progress is not None and on_progress(iteration, last):
                raise SearchCancelledError
        return values

    # -- queries

    def first(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The first step of the run at which a condition is true."""
        found = self.branch.search.forward((self.condition(text),), 0, self.frontier, on_progress)
        return next((hit.step for hit in found), None)

    def last(self, text: str, on_progress: OnProgress | None = None) -> int | None:
        """The last step of the run at which a condition is true."""
        found = self.branch.search.backward((self.condition(text),), self.frontier + 1, on_progress)
        return next((hit.step for hit in found), None)

    def where(self, text: str, on_progress: OnProgress | None = None) -> Iterator[int]:
        """All steps of the run at which a condition is true, in order."""
        condition = self.condition(text)
        return (hit.step for hit in self.branch.search.forward((condition,), 0, self.frontier, on_progress))

    def count(self, text: str, on_progress: OnProgress | None = None) -> int:
        """How many steps of the run make a condition true."""
        return sum(1 for _step in self.where(text, on_progress))

    def extreme(self, text: str, *, largest: bool = True, on_progress: OnProgress | None = None) -> Extreme | None:
        """The largest or smallest value of a number over the run, and the first step that reaches it."""
        formula = self.formula(text)
        if formula.kind is not Kind.NUMBER:
            raise EngineError(_("{text} is a condition, not a number").format(text=text))
        return self.branch.search.extreme(formula, self.frontier, largest=largest, on_progress=on_progress)

    # -- places

    def mark(self, letter: str) -> None:
        """Marks the cursor's place with a letter.

        Raises:
            EngineError: it is no letter.
        """
        if len(letter) != 1 or not letter.isalpha():
            raise EngineError(_("a mark is one letter"))
        self.marks[letter] = (self.branch.name, self.position)

    def go_to_mark(self, letter: str) -> None:
        """Goes to a mark.

        Raises:
            EngineError: there is none with this letter.
        """
        if letter not in self.marks:
            raise EngineError(_("there is no mark {letter}").format(letter=letter))
        name, position = self.marks[letter]
        self.visit()
        self.switch(name)
        self.seek(position)

    @property
    def here(self) -> Here:
        """The cursor's place, to return to."""
        return self.branch.name, self.position, self.term

    def visit(self, place: Here | None = None) -> None:
        """Remembers a place before a jump, or after it the one that it came from; by default the cursor's."""
        here = self.here if place is None else place
        del self._places[self._place :]
        if not self._places or self._places[-1] != here:
            self._places.append(here)
        self._place = len(self._places)

    def revisit(self, *, forward: bool = False) -> bool:
        """Goes to the place before the last jump, or to the one that was left that way; says whether it moved."""
        if forward:
            if self._place + 1 >= len(self._places):
                return False
            self._place += 1
        else:
            if self._place == 0:
                return False
            if self._place == len(self._places):
                self._places.append(self.here)
            self._place -= 1
        name, position, term = self._places[self._place]
        if all(branch.name != name for branch in self.branches):
            return False
        self.switch(name)
        self.seek(position)
        self.term = term
        return True

    # -- edits

    def edit(self, values: dict[str, float], *, name: str | None = None) -> Branch:
        """Gives slots other values at the cursor: forks time, and goes on in the new branch.

        Args:
            values: the new value of each slot, by name.
            name: the name of the branch.

        Raises:
            EngineError: there is no such slot, or the values do not change at the same time; nothing is changed.
        """
        if not values:
            raise EngineError(_("nothing to change"))
        found = {self.resolve(slot): (slot, float(value)) for slot, value in values.items()}
        # The journal names the sample, which was the cursor's; the cursor will be elsewhere when it is replayed.
        marked = self.program.batch > 1
        entries = tuple(
            (self.notation.name(ref, sample=-1) if marked else name_, x) for ref, (name_, x) in found.items()
        )
        return self.fork(Edit(position=self.position, values=entries), name=name)

    def set_value(self, name: str, value: float) -> Branch:
        """Gives one slot another value; see ``edit``."""
        return self.edit({name: value})

    def drop_sample(self, sample: int | None = None, *, name: str | None = None) -> Branch:
        """Takes a sample (from 1, by default the cursor's) out of the cursor's iteration; see ``edit``."""
        return self.fork(Edit(position=self.position, dropped=self.sample + 1 if sample is None else sample), name=name)

    def fork(self, edit: Edit, *, name: str | None = None) -> Branch:
        """Departs from the cursor's branch by an edit of the journal.

        Raises:
            EngineError: the edit makes no sense; nothing is changed.
        """
        chosen = self._free_name(name)
        iteration, revealed = self.schedule.locate(edit.position)
        program = self.schedule.program(iteration)
        if edit.dropped is not None:
            if not 1 <= edit.dropped <= program.batch:
                raise EngineError(
                    _("sample {sample} is not in 1 to {batch}").format(sample=edit.dropped, batch=program.batch)
                )
            values = drop(program, edit.dropped - 1)
        else:
            values = {self.notation.resolve(slot, program): float(x) for slot, x in edit.values}
        change = plan(program, iteration, revealed, values)
        self.branch.extend(iteration)
        source, changes = onto(self.branch, edit.position, change)
        whole = reduce(Change.then, (one for _position, one in changes))
        branch = Branch(
            name=chosen,
            timeline=Timeline(self.network, budget=self.budget, parent=source, change=whole),
            parent=self.branch,
            edit=edit,
            changes=changes,
            position=edit.position,
            frontier=edit.position,
        )
        self.branches.append(branch)
        self.limit(self.budget)
        self.branch.position = self.position
        self.branch.frontier = max(self.branch.frontier, self.position)
        self.branch = branch
        self.position, self.term = edit.position, 0
        return branch

    def limit(self, budget: int) -> None:
        """Sets the bytes of history, which the branches share; where more is held, checkpoints become fewer."""
        self.budget = budget
        for branch in self.branches:
            branch.timeline.limit(budget // len(self.branches))

    def _free_name(self, name: str | None) -> str:
        taken = {branch.name for branch in self.branches}
        if name is None:
            number = len(self.branches)
            while f"edit{number}" in taken:
                number += 1
            return f"edit{number}"
        if not name.isidentifier():
            raise EngineError(_("a branch is called by letters, digits and _"))
        if name in taken:
            raise EngineError(_("there is a branch {name} already").format(name=name))
        return name

    def undo(self) -> None:
        """Takes back the edit that made the cursor's branch: goes to its parent, at the same position.

        Raises:
            EngineError: the branch was not made by an edit, or others depart from it.
        """
        branch = self.branch
        if branch.parent is None:
            raise EngineError(_("there is no edit to undo on this branch"))
        if any(other.parent is branch for other in self.branches):
            raise EngineError(_("other branches depart from {name}; undo them first").format(name=branch.name))
        position = branch.edit.position if branch.edit is not None else 0
        self.switch(branch.parent.name)
        self.branches.remove(branch)
        self.limit(self.budget)
        self._opening = {key: opening for key, opening in self._opening.items() if key[0] is not branch}
        self.marks = {letter: place for letter, place in self.marks.items() if place[0] != branch.name}
        self.notes = {place: text for place, text in self.notes.items() if place[0] != branch.name}
        self.seek(position)

    def rename(self, name: str) -> None:
        """Gives the cursor's branch another name.

        Raises:
            EngineError: it is taken, or no name.
        """
        if name == self.branch.name:
            return
        old, new = self.branch.name, self._free_name(name)
        self.branch.name = new
        self.marks = {letter: (new if at == old else at, n) for letter, (at, n) in self.marks.items()}
        self.notes = {(new if at == old else at, n): text for (at, n), text in self.notes.items()}
        self._places = [(new if at == old else at, n, term) for at, n, term in self._places]

    def switch(self, name: str) -> None:
        """Goes to another branch, where its cursor was left.

        Raises:
            EngineError: there is no such branch.
        """
        branch = self.branch_called(name)
        if branch is self.branch:
            return
        self.branch.position = self.position
        self.branch.frontier = max(self.branch.frontier, self.position)
        self.branch = branch
        self.position, self.term = branch.position, 0

    def branch_called(self, name: str) -> Branch:
        """The branch with a name.

        Raises:
            EngineError: there is none.
        """
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = ", ".join(branch.name for branch in self.branches)
        raise EngineError(_("there is no branch {name}; there are {known}").format(name=name, known=known))

    def compare(self, name: str, on_progress: OnProgress | None = None) -> BranchComparison:
        """The cursor's branch beside another one, at the same moment.

        Raises:
            EngineError: there is no such branch.
        """
        other = self.branch_called(name)
        iteration, revealed = self.schedule.locate(self.position)
        first: int | None = None
        start = departure(self.branch, other)
        for at in range(start, iteration + 1):
            shown = revealed if at == iteration else self.schedule.program(at).steps
            found = differing(self.timeline.frame(at), other.timeline.frame(at), shown)
            if found:
                program = self.schedule.program(at)
                steps = [program.produced(difference.ref) for difference in found]
                made = min((step for step in steps if step is not None), default=None)
                first = None if made is None else self.schedule.start(at) + made + 1
                if first is not None:
                    break
            if on_progress is not None and on_progress(at - start, iteration - start):
                break
        differences = differing(self.frame, other.timeline.frame(iteration), revealed)
        return BranchComparison(mine=self.branch, theirs=other, differences=tuple(differences), first=first)

    def before_edit(self, ref: Ref) -> float | None:
        """The value that a slot has on the parent of the cursor's branch, where it is another one."""
        parent = self.branch.parent
        if parent is None:
            return None
        mine, theirs = self.frame.value(ref), parent.timeline.frame(self.iteration).value(ref)
        return None if mine == theirs or (mine != mine and theirs != theirs) else theirs


@dataclass(slots=True)
class _Opening:
    """The first hits of a breakpoint on a branch, as far as they were looked for."""

    hits: list[int] = field(default_factory=list)
    searched: int = 0


def _conditions(stops: list[Breakpoint]) -> Conditions:
    return tuple(dict.fromkeys(point.condition for point in stops if point.condition is not None))


def _asking(cancelled: Callable[[], bool] | None) -> OnProgress | None:
    return None if cancelled is None else lambda _done, _total: cancelled()
