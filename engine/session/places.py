"""Places: marks, notes, and the way that jumps have taken."""

from __future__ import annotations

from retrograde.engine.errors import EngineError
from retrograde.engine.session.branches import Branches
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.text import _

Here = tuple[str, int, int]
"""A place: the name of a branch, a position, and terms besides."""


class Places:
    """The places of a session that somebody wants to come back to.

    Args:
        cursor: the cursor that goes there.
        branches: the branches that the places are on.

    Attributes:
        marks: positions by letter, with the names of their branches.
        notes: texts by branch name and position.
    """

    def __init__(self, cursor: Cursor, branches: Branches) -> None:
        self._cursor = cursor
        self._branches = branches
        self.marks: dict[str, tuple[str, int]] = {}
        self.notes: dict[tuple[str, int], str] = {}
        self._visits: list[Here] = []
        self._visited = 0

    def mark(self, letter: str) -> None:
        """Marks the cursor's place with a letter.

        Raises:
            EngineError: it is no letter.
        """
        if len(letter) != 1 or not letter.isalpha():
            raise EngineError(_("a mark is one letter"))
        self.marks[letter] = (self._cursor.branch.name, self._cursor.position)

    def go_to_mark(self, letter: str) -> None:
        """Goes to a mark.

        Raises:
            EngineError: there is none with this letter.
        """
        if letter not in self.marks:
            raise EngineError(_("there is no mark {letter}").format(letter=letter))
        name, position = self.marks[letter]
        self.visit()
        self._branches.switch(name)
        self._cursor.seek(position)

    @property
    def here(self) -> Here:
        """The cursor's place, to return to."""
        return self._cursor.branch.name, self._cursor.position, self._cursor.term

    def visit(self, place: Here | None = None) -> None:
        """Remembers a place before a jump, or after it the one that it came from; by default the cursor's."""
        here = self.here if place is None else place
        del self._visits[self._visited :]
        if not self._visits or self._visits[-1] != here:
            self._visits.append(here)
        self._visited = len(self._visits)

    def revisit(self, *, forward: bool = False) -> bool:
        """Goes to the place before the last jump, or to the one that was left that way; says whether it moved."""
        if forward:
            if self._visited + 1 >= len(self._visits):
                return False
            self._visited += 1
        else:
            if self._visited == 0:
                return False
            if self._visited == len(self._visits):
                self._visits.append(self.here)
            self._visited -= 1
        name, position, term = self._visits[self._visited]
        if all(branch.name != name for branch in self._branches):
            return False
        self._branches.switch(name)
        self._cursor.seek(position)
        self._cursor.term = term
        return True

    def forget(self, name: str) -> None:
        """Forgets the marks and notes of a branch that is no more."""
        self.marks = {letter: place for letter, place in self.marks.items() if place[0] != name}
        self.notes = {place: text for place, text in self.notes.items() if place[0] != name}

    def renamed(self, old: str, new: str) -> None:
        """Keeps the places of a branch that has another name now."""
        self.marks = {letter: (new if at == old else at, n) for letter, (at, n) in self.marks.items()}
        self.notes = {(new if at == old else at, n): text for (at, n), text in self.notes.items()}
        self._visits = [(new if at == old else at, n, term) for at, n, term in self._visits]
