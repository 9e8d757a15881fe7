"""A round of questions: what is asked next, what becomes of each line that is written, and the results."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.step import shown
from retrograde.engine.quizzing.marking import MOST_DIGITS, Verdict
from retrograde.engine.quizzing.mistakes import Mistake
from retrograde.engine.quizzing.questions import LEVEL_TITLES, Question
from retrograde.engine.text import _, joined, ngettext

COLUMNS = (
    "scenario", "seed", "question", "level", "step", "name", "asked", "answer", "right_value", "right", "mistakes",
)  # fmt: skip
"""The columns of a table of results."""
MOST_NAMED = 9
"""Mistakes that are named for one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a question.

    Attributes:
        question: the question.
        answer: the answer, as it was written.
        right: whether it was right.
        made: the kinds of mistake that give it, by name: one where it was decided.
        avoided: those that a right answer rules out.
    """

    question: Question
    answer: str
    right: bool
    made: tuple[str, ...]
    avoided: tuple[str, ...]


class Round:
    """Questions one after the other.

    Args:
        questions: the questions.
        own: how often each kind of mistake was made before, by its name; the caller may go on counting in it.

    Attributes:
        results: what became of the questions that were answered.
    """

    def __init__(self, questions: Sequence[Question], own: Mapping[str, int]) -> None:
        self.questions = tuple(questions)
        self.results: list[Result] = []
        self._own = own
        self._undecided: Verdict | None = None

    @property
    def question(self) -> Question | None:
        """The question that is open; None at the end."""
        return self.questions[len(self.results)] if len(self.results) < len(self.questions) else None

    @property
    def deciding(self) -> bool:
        """Whether it is asked which of several mistakes was made."""
        return self._undecided is not None

    def asked(self) -> list[str]:
        """What is asked, a sentence a line; empty at the end."""
        if self._undecided is not None:
            return _which(self._undecided.mistakes)
        question = self.question
        if question is None:
            return []
        return [self.heading(question), *body(question), ask(question)]

    def heading(self, question: Question) -> str:
        """Which question it is."""
        return _("Question {number} of {count}, {level}, step {step}.").format(
            number=self.questions.index(question) + 1,
            count=len(self.questions),
            level=_(LEVEL_TITLES[question.level]),
            step=question.step.moment.address,
        )

    def take(self, text: str) -> list[str]:
        """Takes a line: an answer, or which mistake it was.

        Returns:
            What is said of it, a sentence a line.

        Raises:
            EngineError: it makes no sense here; nothing has changed.
        """
        question = self.question
        if question is None:
            raise EngineError(_("the questions are over"))
        if self._undecided is not None:
            return self._decide(question, self._undecided, text)
        verdict = question.marked(text, self._own)
        if not verdict.right and len(verdict.mistakes) > 1:
            self._undecided = verdict
            return told(question, verdict)
        self._close(question, verdict, verdict.mistakes)
        return [*told(question, verdict), solution(question)]

    def _decide(self, question: Question, verdict: Verdict, text: str) -> list[str]:
        """Takes the number of the mistake that was made; nothing stands for none of them."""
        named = verdict.mistakes[:MOST_NAMED]
        plain = text.strip()
        numbers = [str(number) for number in range(1, len(named) + 1)]
        if plain and plain not in numbers:
            raise EngineError(_("a number from 1 to {last}, or nothing for none of them").format(last=len(named)))
        chosen = (named[int(plain) - 1],) if plain else ()
        self._close(question, verdict, chosen)
        said = [_("So it was: {title}.").format(title=_(one.kind.title)) for one in chosen]
        return [*said, solution(question)]

    def _close(self, question: Question, verdict: Verdict, made: Sequence[Mistake]) -> None:
        near = {one.kind.name for one in verdict.mistakes}
        avoided = dict.fromkeys(one.kind.name for one in question.mistakes if one.kind.name not in near)
        result = Result(
            question=question,
            answer=verdict.answer,
            right=verdict.right,
            made=() if verdict.right else tuple(dict.fromkeys(one.kind.name for one in made)),
            avoided=tuple(avoided) if verdict.right else (),
        )
        self._undecided = None
        self.results.append(result)

    def leave(self) -> None:
        """Ends the round; an answer of which it is open which mistake it was counts as each of them."""
        question = self.question
        if self._undecided is not None and question is not None:
            self._close(question, self._undecided, self._undecided.mistakes)

    def summary(self) -> list[str]:
        """How it went, a sentence a line."""
        right = sum(one.right for one in self.results)
        count = len(self.results)
        lines = [
            ngettext("{right} of {count} question right.", "{right} of {count} questions right.", count).format(
                right=right, count=count
            )
        ]
        made: dict[str, int] = {}
        for one in self.results:
            for name in one.made:
                made[name] = made.get(name, 0) + 1
        if made:
            from retrograde.engine.quizzing.kinds import KINDS

            parts = [f"{_(KINDS[name].title)} {times}" for name, times in sorted(made.items(), key=lambda row: -row[1])]
            lines.append(_("Mistakes: {mistakes}.").format(mistakes=joined(parts, ", ")))
        return lines

    def table(self, scenario: str, seed: int) -> str:
        """The results as CSV, in full precision."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, one in enumerate(self.results, 1):
            question = one.question
            writer.writerow(
                (
                    scenario,
                    seed,
                    number,
                    str(question.level),
                    question.step.moment.address,
                    question.step.name,
                    "formula" if question.options else "value",
                    one.answer,
                    repr(question.value),
                    int(one.right),
                    " ".join(one.made),
                )
            )
        return text.getvalue()


def body(question: Question) -> list[str]:
    """The formula and the numbers that go in; or the formulas to choose from, which the numbers would give away."""
    if question.options:
        return [f"{one.letter}: {question.left} = {one.formula}" for one in question.options]
    numbers = joined([f"{symbol} = {number}" for symbol, number in question.operands], ", ")
    return [f"{question.left} = {question.formula}", numbers]


def ask(question: Question) -> str:
    """The question itself."""
    if question.options:
        letters = joined([one.letter for one in question.options], ", ")
        return _("Which formula gives {symbol}: {letters}?").format(symbol=question.left, letters=letters)
    return _("What is {symbol}? Six significant digits.").format(symbol=question.left)


def told(question: Question, verdict: Verdict) -> list[str]:
    """What is said of an answer, a sentence a line."""
    named = verdict.mistakes[:MOST_NAMED]
    if verdict.right:
        lines = [_("Right.")]
        if named:
            titles = joined(list(dict.fromkeys(_(one.kind.title) for one in named)), ", ")
            lines.append(_("With so few digits it could also come from: {titles}.").format(titles=titles))
        return lines
    lines = []
    for one in named:
        value = shown(one.value, MOST_DIGITS) if question.options else verdict.answer
        sentence = one.said(value)
        if sentence not in lines:
            lines.append(sentence)
    return lines or [_("{value} is not right, and no known mistake gives it.").format(value=verdict.answer)]


def solution(question: Question) -> str:
    """The step with its result."""
    symbols, numbers = question.step.text(digits=question.digits)
    result = shown(question.value, 9)
    parts = dict.fromkeys((question.left, symbols, numbers, result))
    return _("The step is {equation}").format(equation=" = ".join(parts))


def _which(mistakes: Sequence[Mistake]) -> list[str]:
    """Asks which of several mistakes was made."""
    lines = [_("Which of these did you work out? Write its number, or nothing for none of them.")]
    return [*lines, *(f"{number}: {one.formula}" for number, one in enumerate(mistakes[:MOST_NAMED], 1))]
