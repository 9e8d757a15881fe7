"""Chapters: what a scenario tells at moments of its run, with the numbers that are computed there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError, Violation
from retrograde.engine.formulas.tree import Formula, Kind
from retrograde.engine.scenario.refusing import refusal
from retrograde.engine.text import LANGUAGES, _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Chapter
    from retrograde.engine.session.cursor import Cursor
    from retrograde.engine.session.queries import Queries
    from retrograde.engine.travel.branch import Branch
    from retrograde.engine.travel.search import OnProgress

HOLE = re.compile(r"\{([^{}]*)\}")
"""A number in the text of a chapter: a formula, with ``after`` and an address where another moment is meant."""
_ADDRESS = re.compile(r"start|@\d{1,18}|\d{1,18}(:\d{1,18}){0,2}")
"""An address that means the same wherever the cursor is and however far a run has come."""
_FIRST = "first "


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A number in a text.

    Attributes:
        formula: what it is worth.
        position: the position at which it is read; None for that of the chapter.
    """

    formula: Formula
    position: int | None


class Chapters:
    """The chapters of a session's scenario.

    Args:
        cursor: the session.
        queries: what expressions are worth.

    Raises:
        ScenarioError: a chapter is bound to a moment that there is not, or names what the network does not have.
    """

    def __init__(self, cursor: Cursor, queries: Queries) -> None:
        self._cursor = cursor
        self._queries = queries
        self._all: tuple[Chapter, ...] = () if cursor.recording is not None else cursor.scenario.chapter
        self._places: list[int | Formula] = []
        self._holes: list[dict[str, Hole]] = []
        self._found: dict[int, tuple[Branch, int]] = {}
        violations: list[Violation] = []
        for number, chapter in enumerate(self._all):
            self._read(number, chapter, violations)
        if violations:
            raise refusal(cursor.scenario, violations)

    def __len__(self) -> int:
        """How many chapters there are."""
        return len(self._all)

    def check(self) -> int:
        """Goes to every chapter and fills in its numbers; says how many there are.

        Raises:
            ScenarioError: a moment does not come, or a number is not computed there.
        """
        violations: list[Violation] = []
        for number, chapter in enumerate(self._all):
            path: tuple[str | int, ...] = ("chapter", number, "at")
            try:
                self._cursor.seek(self.find(number))
                for language in LANGUAGES:
                    key = language if language in chapter.text.model_fields_set else "en"
                    path = ("chapter", number, "text", key)
                    self.text(number, language, repr)
            except EngineError as error:
                violations.append(Violation(path=path, message=_one_line(error)))
        if violations:
            raise refusal(self._cursor.scenario, violations)
        return len(self)

    # -- reading them

    def _read(self, number: int, chapter: Chapter, violations: list[Violation]) -> None:
        """Reads where a chapter is, and the numbers that it names."""
        try:
            self._places.append(self._place(chapter.at))
        except EngineError as error:
            violations.append(Violation(path=("chapter", number, "at"), message=_one_line(error)))
        if chapter.select is not None:
            try:
                self._cursor.resolve(chapter.select)
            except EngineError as error:
                violations.append(Violation(path=("chapter", number, "select"), message=_one_line(error)))
        holes: dict[str, Hole] = {}
        for language in LANGUAGES:
            text = chapter.text.text(language)
            try:
                if set("{}") & set(HOLE.sub("", text)):
                    raise EngineError(
                        _("a brace without its other: a number is written {example}").format(example="{w5}")
                    )
                holes |= {hole: self._hole(hole) for hole in HOLE.findall(text) if hole not in holes}
            except EngineError as error:
                key = language if language in chapter.text.model_fields_set else "en"
                violations.append(Violation(path=("chapter", number, "text", key), message=_one_line(error)))
                break
        self._holes.append(holes)

    def _hole(self, text: str) -> Hole:
        """Reads ``w5``, or ``w5 after 2:1``.

        Raises:
            EngineError: it makes no sense.
        """
        expression, _after, where = (part.strip() for part in text.partition(" after "))
        formula = self._cursor.formula(expression)
        if formula.kind is not Kind.NUMBER:
            raise EngineError(_("{text} is no number").format(text=expression))
        return Hole(formula=formula, position=self._address(where) if where else None)

    def _place(self, text: str) -> int | Formula:
        """The position that is meant; of the first time that something is true, the condition.

        Raises:
            EngineError: it makes no sense.
        """
        text = text.strip()
        if text.startswith(_FIRST):
            return self._cursor.condition(text.removeprefix(_FIRST).strip(), by_epoch=True, asked=True)
        if _ADDRESS.fullmatch(text):
            return self._address(text)
        where, _space, name = text.partition(" ")
        if not name or not _ADDRESS.fullmatch(where):
            return self._made(text, 0)
        return self._made(name.strip(), self._cursor.schedule.locate(max(self._address(where), 1))[0])

    def _address(self, text: str) -> int:
        if not _ADDRESS.fullmatch(text):
            message = _("{text} is no moment; say 2:1:17 (epoch, iteration, step), start, or @120, a number of a step")
            raise EngineError(message.format(text=text))
        return self._cursor.find(text)

    def _made(self, name: str, iteration: int) -> int:
        """The step that makes a value in an iteration; of a parameter, its new value.

        Raises:
            EngineError: no value has that name, or it is given.
        """
        schedule = self._cursor.schedule
        program = schedule.program(iteration)
        ref = self._cursor.notation.resolve(name, program)
        updated = program.named.get(f"new({ref.array.name})")
        step = program.produced(ref if updated is None else Ref(updated, ref.index))
        if step is None:
            raise EngineError(_("{name} is given; no step makes it").format(name=name))
        return schedule.start(iteration) + step + 1

    # -- where they are

    def chapter(self, number: int) -> Chapter:
        """A chapter.

        Args:
            number: which one, from 0.

        Raises:
            EngineError: there is none.
        """
        if not self._all:
            raise EngineError(_("this scenario has no chapters"))
        if not 0 <= number < len(self._all):
            message = _("there is no chapter {number}; there are {count}")
            raise EngineError(message.format(number=number + 1, count=len(self._all)))
        return self._all[number]

    def known(self, number: int) -> int | None:
        """The position of a chapter on the cursor's branch; None before what it waits for was looked for.

        Args:
            number: which one, from 0.
        """
        place = self._places[number]
        if isinstance(place, int):
            return place
        branch, position = self._found.get(number, (None, 0))
        return position if branch is self._cursor.branch else None

    def at(self, position: int) -> tuple[int, ...]:
        """The chapters that are known to be at a position, from 0."""
        return tuple(number for number in range(len(self._all)) if self.known(number) == position)

    def find(
        self,
        number: int,
        on_progress: OnProgress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> int:
        """The position of a chapter; the training goes on as far as it has to, and the cursor stays.

        Args:
            number: which one, from 0.
            on_progress: called during a long search with iterations done and to do; True cancels.
            cancelled: asked during a run; True ends it.

        Raises:
            EngineError: there is no such chapter, or what it waits for does not come true.
            InterruptedError: it was asked to end.
        """
        chapter = self.chapter(number)
        known = self.known(number)
        if known is not None:
            return known
        cursor, condition = self._cursor, self._places[number]
        assert isinstance(condition, Formula)
        position = self._queries.first(condition.text, on_progress)
        if position is None:
            self._run(condition, cancelled)
            position = self._queries.first(condition.text, on_progress)
        if position is None:
            raise EngineError(_("{condition} does not come true in this training").format(condition=chapter.at))
        self._found[number] = (cursor.branch, position)
        return position

    def _run(self, condition: Formula, cancelled: Callable[[], bool] | None) -> None:
        """Trains on from the furthest moment that was reached, until a condition is true."""
        cursor = self._cursor
        place, outcome = (cursor.position, cursor.term), cursor.outcome
        apart = condition.by_epoch or condition.sensitive
        try:
            cursor.position, cursor.term = cursor.frontier, 0
            cursor.run(until=condition if apart else None, cancelled=cancelled, breaks=() if apart else (condition,))
        finally:
            (cursor.position, cursor.term), cursor.outcome = place, outcome
        if cancelled is not None and cancelled():
            raise InterruptedError

    # -- what they say

    def text(self, number: int, language: str, show: Callable[[float], str]) -> str:
        """The text of a chapter, with the numbers at the cursor, which stands at its moment.

        Args:
            number: which one, from 0.
            language: the language.
            show: writes a number.

        Raises:
            EngineError: a number is not computed yet.
        """
        return HOLE.sub(lambda found: self._worth(number, found[1], show), self.chapter(number).text.text(language))

    def _worth(self, number: int, text: str, show: Callable[[float], str]) -> str:
        hole = self._holes[number][text]
        value = (
            self._queries.look(hole.formula)
            if hole.position is None
            else self._queries.look_at(hole.formula, hole.position)
        )
        if value is None:
            raise EngineError(_("{text} is not computed yet at this moment").format(text=text))
        return show(float(value))


def _one_line(error: EngineError) -> str:
    return str(error).replace("\n", " ")
