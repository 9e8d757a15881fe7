"""Branches: the lines of time of a session; an edit forks one, and any two can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, overload

from retrograde.engine.errors import EngineError
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.text import _
from retrograde.engine.travel.branch import Branch, BranchComparison, Edit, departure, differing, drop, onto, plan
from retrograde.engine.travel.search import OnProgress
from retrograde.engine.travel.timeline import Change, Timeline


class Branches(Sequence[Branch]):
    """The lines of time of a session, the first one first.

    Args:
        cursor: the cursor, which is on one of them.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._all: list[Branch] = [cursor.branch]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    @overload
    def __getitem__(self, number: int) -> Branch: ...
    @overload
    def __getitem__(self, number: slice) -> list[Branch]: ...
    def __getitem__(self, number: int | slice) -> Branch | list[Branch]:
        """The branch with a number, from 0."""
        return self._all[number]

    def edit(self, values: dict[str, float], *, name: str | None = None) -> Branch:
        """Gives slots other values at the cursor: forks time, and goes on in the new branch.

        Args:
            values: the new value of each slot, by name.
            name: the name of the branch.

        Raises:
            EngineError: there is no such slot, or the values do not change at the same time; nothing is changed.
        """
        self._require_fork()
        if not values:
            raise EngineError(_("nothing to change"))
        found = {self._cursor.resolve(slot): (slot, float(value)) for slot, value in values.items()}
        # The journal names the sample, which was the cursor's; the cursor will be elsewhere when it is replayed.
        marked = self._cursor.program.batch > 1
        entries = tuple(
            (self._cursor.notation.name(ref, sample=-1) if marked else name_, x) for ref, (name_, x) in found.items()
        )
        return self.fork(self._here(values=entries), name=name)

    def drop_sample(self, sample: int | None = None, *, name: str | None = None) -> Branch:
        """Takes a sample (from 1, by default the cursor's) out of the cursor's iteration; see ``edit``."""
        dropped = self._cursor.sample + 1 if sample is None else sample
        return self.fork(self._here(dropped=dropped), name=name)

    def _require_fork(self) -> None:
        """Raises EngineError where time can not fork: in a recording."""
        if self._cursor.recording is not None:
            raise self._cursor.recording.only_read()

    def _here(self, **change: Any) -> Edit:
        return Edit(position=self._cursor.position, inside=self._cursor.term > 0, **change)

    def fork(self, edit: Edit, *, name: str | None = None) -> Branch:
        """Departs from the cursor's branch by an edit of the journal.

        Raises:
            EngineError: the edit makes no sense; nothing is changed.
        """
        self._require_fork()
        chosen = self._free_name(name)
        iteration, revealed = self._cursor.schedule.locate(edit.position + edit.inside)
        revealed -= edit.inside
        program = self._cursor.schedule.program(iteration)
        if edit.dropped is not None:
            if not 1 <= edit.dropped <= program.batch:
                raise EngineError(
                    _("sample {sample} is not in 1 to {batch}").format(sample=edit.dropped, batch=program.batch)
                )
            values = drop(program, edit.dropped - 1)
        else:
            values = {self._cursor.notation.resolve(slot, program): float(x) for slot, x in edit.values}
        change = plan(program, iteration, revealed, values)
        self._cursor.branch.extend(iteration)
        source, changes = onto(self._cursor.branch, edit.position, iteration, change)
        whole = reduce(Change.then, (one for _position, one in changes))
        branch = Branch(
            name=chosen,
            timeline=Timeline(self._cursor.network, budget=self._cursor.budget, parent=source, change=whole),
            parent=self._cursor.branch,
            edit=edit,
            changes=changes,
            position=edit.position,
            frontier=edit.position,
        )
        self._all.append(branch)
        self.limit(self._cursor.budget)
        self._enter(branch)
        return branch

    def limit(self, budget: int) -> None:
        """Sets the bytes of history, which the branches share; where more is held, checkpoints become fewer."""
        self._cursor.budget = budget
        for branch in self._all:
            branch.timeline.limit(budget // len(self._all))

    def _free_name(self, name: str | None) -> str:
        taken = {branch.name for branch in self._all}
        if name is None:
            number = len(self._all)
            while f"edit{number}" in taken:
                number += 1
            return f"edit{number}"
        if not name.isidentifier():
            raise EngineError(_("a branch is called by letters, digits and _"))
        if name in taken:
            raise EngineError(_("there is a branch {name} already").format(name=name))
        return name

    def undo(self) -> Branch:
        """Takes back the edit that made the cursor's branch: goes to its parent, at the same position.

        Returns:
            The branch that is no more.

        Raises:
            EngineError: the branch was not made by an edit, or others depart from it.
        """
        branch = self._cursor.branch
        if branch.parent is None:
            raise EngineError(_("there is no edit to undo on this branch"))
        if any(other.parent is branch for other in self._all):
            raise EngineError(_("other branches depart from {name}; undo them first").format(name=branch.name))
        position = branch.edit.position if branch.edit is not None else 0
        self.switch(branch.parent.name)
        self._all.remove(branch)
        self.limit(self._cursor.budget)
        self._cursor.seek(position)
        return branch

    def rename(self, name: str) -> None:
        """Gives the cursor's branch another name.

        Raises:
            EngineError: it is taken, or no name.
        """
        if name != self._cursor.branch.name:
            self._cursor.branch.name = self._free_name(name)

    def switch(self, name: str) -> None:
        """Goes to another branch, where its cursor was left.

        Raises:
            EngineError: there is no such branch.
        """
        branch = self.called(name)
        if branch is not self._cursor.branch:
            self._enter(branch)

    def _enter(self, branch: Branch) -> None:
        """Leaves the cursor's branch for another one, and remembers where the cursor was."""
        cursor = self._cursor
        cursor.branch.position, cursor.branch.frontier = cursor.position, cursor.frontier
        cursor.branch = branch
        cursor.position, cursor.term = branch.position, 0

    def called(self, name: str) -> Branch:
        """The branch with a name.

        Raises:
            EngineError: there is none.
        """
        for branch in self._all:
            if branch.name == name:
                return branch
        known = ", ".join(branch.name for branch in self._all)
        raise EngineError(_("there is no branch {name}; there are {known}").format(name=name, known=known))

    def compare(self, name: str, on_progress: OnProgress | None = None) -> BranchComparison:
        """The cursor's branch beside another one, at the same moment.

        Raises:
            EngineError: there is no such branch.
        """
        other = self.called(name)
        iteration, revealed = self._cursor.iteration, self._cursor.revealed
        differences = differing(self._cursor.frame, other.timeline.frame(iteration), revealed)
        return BranchComparison(
            mine=self._cursor.branch,
            theirs=other,
            differences=tuple(differences),
            first=self._first_apart(other, on_progress),
        )

    def _first_apart(self, other: Branch, on_progress: OnProgress | None) -> int | None:
        """The number of the first step up to the cursor that another branch has with other bits."""
        schedule, iteration = self._cursor.schedule, self._cursor.iteration
        start = departure(self._cursor.branch, other)
        for at in range(start, iteration + 1):
            program = schedule.program(at)
            shown = self._cursor.revealed if at == iteration else program.steps
            found = differing(self._cursor.timeline.frame(at), other.timeline.frame(at), shown)
            steps = (program.produced(difference.ref) for difference in found)
            made = min((step for step in steps if step is not None), default=None)
            if made is not None:
                return schedule.start(at) + made + 1
            if on_progress is not None and on_progress(at - start, iteration - start):
                break
        return None
