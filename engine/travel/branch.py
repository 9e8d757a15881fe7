"""Branches: an edit forks time; the old branch stays, and both can be walked."""

from __future__ import annotations

import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.text import _
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.travel.search import OnProgress, Search
from retrograde.engine.travel.timeline import Change, Timeline

CHUNK_SECONDS = 0.01
"""How long a run computes before it looks up, so that it can be cancelled and shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One entry of the journal: what was changed, and where the cursor was.

    Attributes:
        position: the position of the cursor.
        inside: whether it was inside the sum of the step that follows, which may begin the next iteration.
        values: the new value of each slot, by name.
        dropped: the sample (from 1) that was dropped from its iteration, if one was.
    """

    position: int
    inside: bool = False
    values: tuple[tuple[str, float], ...] = ()
    dropped: int | None = None

    def __str__(self) -> str:
        if self.dropped is not None:
            return _("sample {sample} dropped").format(sample=self.dropped)
        return ", ".join(f"{name} = {value:.6g}" for name, value in self.values)


@dataclass(slots=True, kw_only=True, eq=False)
class Branch:
    """One line of time.

    Attributes:
        name: its name, unique in the session.
        timeline: its states.
        parent: the branch that it departs from; None for the first.
        edit: how it departs.
        changes: the changes that its timeline makes to that of an ancestor, each with the position of its edit.
        history: E of its iterations.
        search: its searches and zone maps.
        position: where the cursor was when the branch was left.
        frontier: the furthest position that was reached.
    """

    name: str
    timeline: Timeline
    parent: Branch | None = None
    edit: Edit | None = None
    changes: tuple[tuple[int, Change], ...] = ()
    position: int = 0
    frontier: int = 0
    history: LossHistory = field(default_factory=LossHistory)
    search: Search = field(init=False)

    def __post_init__(self) -> None:
        """Gives the branch its own searches, and the losses that it shares with its parent."""
        self.search = Search(self.timeline)
        if self.parent is not None:
            self.history = self.parent.history.before(self.timeline.change.first)

    @property
    def lineage(self) -> tuple[Branch, ...]:
        """The branch and its ancestors, the first branch last."""
        return (self,) if self.parent is None else (self, *self.parent.lineage)

    def note(self, start: int, losses: Sequence[float]) -> None:
        """Takes E of iterations that were run."""
        self.history.extend(start, losses)
        self.search.note(start, losses)

    def piece(self, start: int, stop: int) -> int:
        """How many iterations to run in one go: up to the next checkpoint, or a few milliseconds."""
        spacing = self.timeline.checkpoints.spacing
        most = max(1, int(CHUNK_SECONDS / self.timeline.iteration_seconds))
        return min(most, spacing - (start - self.timeline.base) % spacing, stop - start)

    def extend(self, iteration: int, on_progress: OnProgress | None = None) -> None:
        """Runs up to an iteration, so that its past is known: losses and checkpoints.

        Args:
            iteration: the iteration.
            on_progress: called with iterations done and to do; True cancels.

        Raises:
            InterruptedError: it was cancelled; what was run is kept.
        """
        done = self.history.count
        if done >= iteration:
            return
        state = self.timeline.state(done)
        begin = done
        while done < iteration:
            count = self.piece(done, iteration)
            losses = array.array("d")
            state = self.timeline.advance(state, done, count, losses)
            self.note(done, losses)
            done += count
            self.timeline.checkpoints.put(done, state)
            if on_progress is not None and on_progress(done - begin, iteration - begin):
                raise InterruptedError


def onto(
    parent: Branch, position: int, iteration: int, change: Change
) -> tuple[Timeline, tuple[tuple[int, Change], ...]]:
    """The timeline that a change departs from when it is made on a branch, and the changes that are made to it.

    The edits that were made there before, and those of the same iteration, are kept. Later ones have not happened.

    Args:
        parent: the branch.
        position: where the cursor is.
        iteration: the iteration that it is in.
        change: the change.
    """
    timeline = parent.timeline
    changes: tuple[tuple[int, Change], ...] = ((position, change),)
    for branch in parent.lineage:
        if branch.timeline is not timeline or timeline.parent is None or timeline.change.first < change.first:
            continue
        kept = [(at, one) for at, one in branch.changes if at <= position or one.first <= iteration]
        changes = (*kept, *changes)
        timeline = timeline.parent
    return timeline, changes


def departure(one: Branch, other: Branch) -> int:
    """The first iteration in which two branches may differ."""
    shared = set(one.lineage) & set(other.lineage)
    apart = [branch for branch in (*one.lineage, *other.lineage) if branch not in shared]
    return min((branch.timeline.change.first for branch in apart), default=0)


def plan(program: Program, iteration: int, revealed: int, values: dict[Ref, float]) -> Change:
    """How the timeline departs when slots are given other values at a moment.

    A trained parameter changes from the start of the iteration, or of the next one where this one is complete. A
    learning rate or a frozen parameter changes from the first iteration in which no step that reads it is revealed.
    Any other slot has one assignment of this iteration replaced.

    Args:
        program: the program of the cursor's iteration.
        iteration: that iteration.
        revealed: its steps that are revealed.
        values: the new values.

    Raises:
        EngineError: the values do not change at the same time; nothing is changed.
    """
    complete = revealed == program.steps
    changes: set[tuple[str, int]] = set()
    entries: dict[tuple[str, tuple[int, ...]], float] = {}
    for ref, value in values.items():
        array = ref.array
        entries[array.name, ref.index] = value
        if f"new({array.name})" in program.named:
            changes.add(("parameters", iteration + complete))
        elif array.role in {Role.RATE, Role.HYPER, Role.WEIGHT, Role.BIAS}:
            read = any(program.number_of_first(op) < revealed for op in program.readers(array))
            changes.add(("constants", iteration + read))
        else:
            changes.add(("overrides", iteration + 1))
    if len(changes) != 1:
        raise EngineError(_("these values do not change at the same time; edit them one after the other"))
    kind, base = changes.pop()
    match kind:
        case "parameters":
            return Change(base=base, parameters={base: entries})
        case "constants":
            return Change(base=base, constants={base: entries})
        case _:
            return Change(base=base, overrides={iteration: entries})


def drop(program: Program, sample: int) -> dict[Ref, float]:
    """The slots whose zeros take a sample out of an iteration: its loss terms and their slopes.

    The number that a mean divides by stays that of the whole batch.
    """
    found: dict[Ref, float] = {}
    for op in program.ops:
        if op.target.role is Role.LOSS:
            read = next(array for array in op.inputs if array.role in {Role.OUT, Role.NET, Role.VALUE})
            slopes = program.named.get(f"grad({read.name})")
            for array in (op.target,) if slopes is None else (op.target, slopes):
                found.update({Ref(array, (sample, *index)): 0.0 for index in np.ndindex(array.element_shape)})
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """A slot that has two values on two branches."""

    ref: Ref
    mine: float
    theirs: float

    @property
    def gap(self) -> float:
        """Mine − theirs."""
        return self.mine - self.theirs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BranchComparison:
    """Two branches at the same moment.

    Attributes:
        mine: the branch of the cursor.
        theirs: the other one.
        differences: slots revealed at the cursor that differ, in the order of their steps.
        first: the number of the first step that differs, as far as was looked; None when none does.
    """

    mine: Branch
    theirs: Branch
    differences: tuple[Difference, ...]
    first: int | None


def differing(mine: Frame, theirs: Frame, revealed: int) -> list[Difference]:
    """The slots of two frames of the same iteration that are revealed and differ, leaves and the state first."""
    program = mine.program
    found: list[tuple[int, Difference]] = []
    for one in program.arrays:
        left, right = mine.array(one), theirs.array(one)
        apart = (left != right) & ~((left != left) & (right != right))
        for flat in apart.ravel().nonzero()[0]:
            ref = Ref(one, unravel(int(flat), one.shape))
            step = program.produced(ref)
            if step is None or step < revealed:
                found.append((-1 if step is None else step, Difference(ref, mine.value(ref), theirs.value(ref))))
    return [difference for _step, difference in sorted(found, key=lambda pair: pair[0])]
