"""A question of the quiz in the equation panel: the step with its result, or its formula, hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens

if TYPE_CHECKING:
    from retrograde.engine.quizzing.questions import Question
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.equation import EquationView

HIDDEN = Span("?", Ink.KEY)


def reading_of(reading: Reading, question: Question, *, revealed: bool) -> Reading:
    """The reading of a session as if its cursor stood at the step of a question.

    Args:
        reading: the reading where it stands.
        question: the question.
        revealed: whether the step has been made.
    """
    step = question.step
    number = step.program.number(step.place) + 1
    return replace(
        reading,
        frame=step.frame,
        iteration=step.iteration,
        revealed=number if revealed else number - 1,
        position=step.number,
        term=0,
        sample=step.place.sample or 0,
        step=step,
        parent=None,
        note="",
    )


def question_view(reading: Reading, question: Question, *, digits: int, revealed: bool) -> EquationView:
    """The step of a question; until it is answered, without what would give the answer away.

    Args:
        reading: the reading of the session.
        question: the question.
        digits: digits of the numbers.
        revealed: whether it was answered.
    """
    lens = Lens(digits=max(digits, question.digits))
    view = equation_view(reading_of(reading, question, revealed=revealed), lens)
    if revealed:
        return view
    asked: tuple[Line, ...] = tuple(
        (Span(f"{one.letter}  ", Ink.KEY), Span(f"{question.left} = {one.formula}", Ink.TEXT))
        for one in question.options
    )
    formula = bool(question.options)
    return replace(
        view,
        symbols=(HIDDEN,) if formula else view.symbols,
        numbers=() if formula else view.numbers,
        result=HIDDEN,
        total=(),
        badges=(),
        pictures=(),
        unfolded="",
        factors=(),
        notes=asked,
        around=(),
        why="" if formula else view.why,
        # What is read would tell the formulas apart.
        operands=() if formula else view.operands,
        more=0 if formula else view.more,
    )


def quiz_title(heading: str) -> Line:
    """What stands in the edge."""
    return (Span(_("quiz"), Ink.TITLE_ON), Span("  " + heading, Ink.DIM))
