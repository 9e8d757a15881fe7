"""The quiz: a wrong value is named as the mistake that made it, and no mistake of a question gives the right one."""

from __future__ import annotations

import csv
import io
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.step import Step
from retrograde.engine.quizzing.kinds import KINDS
from retrograde.engine.quizzing.marking import marked, typed
from retrograde.engine.quizzing.mistakes import alike, mistakes_of
from retrograde.engine.quizzing.questions import LETTERS, Level, Question, questions
from retrograde.engine.quizzing.round import COLUMNS, Round
from tests.support.effort import examples
from tests.support.networks import Recipe, recipes

DIGITS = st.integers(6, 17)
NAMES = ("mazur", "xor-2-2-1", "lstm-two-steps", "rms-norm-by-hand", "attention-by-hand")
"""Shipped scenarios of every kind of step."""


@cache
def session_of(name: str) -> Session:
    return Session(load_scenario(name))


def asked(session: Session, count: int = 6, seed: int = 0, level: Level | None = None) -> tuple[Question, ...]:
    try:
        return questions(session, level=level, count=count, seed=seed)
    except EngineError:
        return ()


def _step(session: Session, share: float) -> Step:
    return session.step_at(1 + int(share * (session.program.steps - 1)))


@examples(60)
@given(recipes(depth=2, width=3, samples=2), st.floats(0, 1), DIGITS)
def test_a_value_made_by_a_mistake_is_named_as_that_mistake(recipe: Recipe, share: float, digits: int) -> None:
    step = _step(Session(recipe.scenario), share)
    mistakes = mistakes_of(step)
    for one in mistakes:
        verdict = marked(typed(f"{one.value:#.{digits}g}"), step.contribution, mistakes)
        assert one in verdict.mistakes
        assert verdict.right or not alike(one.value, step.contribution)
        value = step.evaluate(one.expr)
        assert value == one.value, "what is named is what is computed"
        assert one.said("1") and "{" not in one.said("1")
        assert one.formula


@examples(40)
@given(recipes(depth=2, width=3, samples=2), st.integers(0, 1000))
def test_no_mistake_of_a_question_gives_the_right_answer(recipe: Recipe, seed: int) -> None:
    for question in asked(Session(recipe.scenario), seed=seed):
        assert question.mistakes
        for one in question.mistakes:
            assert not alike(one.value, question.value)
            assert not marked(typed(f"{one.value:.6g}"), question.value, question.mistakes).right


@pytest.mark.parametrize("name", NAMES)
def test_the_right_value_is_accepted_at_the_digits_that_are_typed(name: str) -> None:
    for question in asked(session_of(name), count=6, seed=1):
        for digits in range(3, 18):
            text = f"{question.value:.{digits}g}"
            assert marked(typed(text), question.value, question.mistakes).right
        if question.options:
            right = [one.letter for one in question.options if one.mistake is None]
            assert len(right) == 1 and question.marked(right[0].lower()).right
            for one in question.options:
                assert question.marked(one.letter).right == (one.mistake is None)
            assert len({one.formula for one in question.options}) == len(LETTERS)
        else:
            # What is worked out from the numbers that are shown, to six digits, is right.
            frame, shown = question.step.frame, dict(question.operands)
            numbers = {one.ref: float(shown[one.symbol]) for one in question.step.operands}
            value = evaluate(question.step.equation, numbers.__getitem__, frame.mathematics)
            assert question.marked(f"{value:.6g}").right


@given(st.sampled_from(NAMES[:3]), st.integers(0, 10_000), st.sampled_from([None, *Level]))
@examples(12)
def test_the_same_seed_asks_the_same(name: str, seed: int, level: Level | None) -> None:
    def said(session: Session) -> list[str]:
        going = Round(asked(session, seed=seed, level=level), {})
        return [
            " ".join((going.heading(one), one.left, one.formula, *(option.formula for option in one.options)))
            for one in going.questions
        ]

    first = session_of(name)
    place = first.position
    assert said(first) == said(Session(first.scenario))
    assert first.position == place, "the cursor stays"
    for one in asked(first, seed=seed, level=level):
        assert level is None or one.level is level


def test_mistakes_of_the_worked_example_are_those_of_the_table() -> None:
    session = session_of("mazur")

    def named(name: str) -> dict[str, list[str]]:
        step = next(step for n in range(1, 40) if (step := session.step_at(n)).name == name)
        found: dict[str, list[str]] = {}
        for one in mistakes_of(step):
            found.setdefault(one.kind.name, []).append(one.formula)
        return found

    net = named("net_h1")
    assert net["bias"] == ["w1 · i1 + w2 · i2"] and net["transposed"] == ["w1 · i1 + w3 · i2 + b1"]
    assert {"weight", "term", "one-term", "term-sign", "mean", "updated", "sign"} <= net.keys()
    assert {"activation", "mirrored", "other-function", "exponential"} <= named("out_h1").keys()
    assert {"half", "square", "net-for-out"} <= named("E_o1").keys()
    slope = named("slope(h1)")
    assert "net_h1 · (1 − net_h1)" in slope["net-for-out"] and "1 − out_h1 · out_h1" in slope["other-function"]
    assert named("delta(o1)")["slope"] == ["∂E/∂out_o1"]
    out = named("grad(out_h1)")
    assert out["one-path"] == ["w7 · δ_o2", "w5 · δ_o1"] and out["updated"] == ["w5⁺ · δ_o1 + w7⁺ · δ_o2"]
    assert {"slope", "slope-more", "transposed"} <= out.keys() and "path" not in out
    assert {"slope", "net-for-out"} <= named("grad(w5)").keys()
    update = named("new(w5)")
    assert {"rate", "added", "unchanged", "step-only", "step-without"} <= update.keys()


def test_a_forgotten_path_and_an_updated_weight_are_said_in_words() -> None:
    session = session_of("mazur")
    step = session.step_at(22)
    said = {one.kind.name: one.said("0.1") for one in mistakes_of(step)}
    assert said["updated"] == "Close: 0.1 comes out of the right formula with w5⁺ instead of w5."
    assert said["slope"] == "0.1 is what comes out without σ′(net_o1)."
    assert all("{" not in one.title + one.said.format(value=1, part=2, other=3) for one in KINDS.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e-999",
        "w1",
        "1_0",
        "1,5",
        "9" * 99,
        "٣x",
        "1/0",
        "0/0",
        "1/",
        "1/2/3",
        "2½",
        "½½",
    ],
)
def test_what_is_no_number_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(EngineError) as refused:
        typed(text)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [
        ("−0.0413", -0.04128, True),
        ("０.５", 0.5, True),
        ("0.0413", 0.0412, False),
        ("0.04", 0.04001, True),
        ("0.04", 0.0413, False),
        ("0.123456789", 0.12345649, True),
        ("0.123456789", 0.123457999, False),
        ("0", 0.0, True),
        ("0", 1e-9, False),
        ("1.00", 0.9996, True),
        ("4e-3", 0.004, True),
        ("1e300", 1e300, True),
        ("1/3", 1 / 3, True),
        ("−3/4", -0.75, True),
        ("¼", 0.25, True),
        ("-½", -0.5, True),
        ("1/3", 0.3333, False),
    ],
)
def test_answers_compare_at_the_digits_typed_from_three_to_six(text: str, value: float, right: bool) -> None:
    assert typed(text).fits(value) is right


def test_several_mistakes_that_fit_are_all_named_and_one_question_decides() -> None:
    session = session_of("mazur")
    for question in asked(session, count=30, seed=2):
        if question.options:
            continue
        for one in question.mistakes:
            fitting = question.marked(f"{one.value:.6g}").mistakes
            if len(fitting) < 2:
                continue
            going = Round([question], {})
            said = going.take(f"{one.value:.6g}")
            assert len(said) == len({other.said(f"{one.value:.6g}") for other in fitting})
            assert going.deciding and len(going.asked()) == 1 + len(fitting) and not going.results
            with pytest.raises(EngineError):
                going.take("no")
            place = fitting.index(one)
            assert one.kind.title in going.take(str(place + 1))[0]
            assert going.results[0].made == (one.kind.name,) and going.question is None
            # What was made before comes first.
            mine = fitting[-1].kind.name
            assert question.marked(f"{one.value:.6g}", {mine: 3}).mistakes[0].kind.name == mine
            return
    pytest.fail("no such question")


def test_a_right_answer_of_few_digits_counts_only_what_it_rules_out() -> None:
    session = session_of("mazur")
    step, near = next(
        (step, one)
        for number in range(1, session.program.steps)
        for step in [session.step_at(number)]
        for one in mistakes_of(step)
        if typed(f"{step.contribution:#.3g}").fits(one.value) and not alike(one.value, step.contribution)
    )
    question = Question(step=step, level=Level.FORWARD, mistakes=mistakes_of(step))
    going = Round([question, question], {})
    answers = [f"{step.contribution:#.{digits}g}" for digits in (3, 9)]
    assert near.kind.title in " ".join(going.take(answers[0]))
    going.take(answers[1])
    few, many = going.results
    assert few.right and many.right
    assert near.kind.name not in few.avoided and near.kind.name in many.avoided
    rows = list(csv.reader(io.StringIO(going.table("mazur", 7))))
    assert tuple(rows[0]) == COLUMNS and [row[7] for row in rows[1:]] == answers
    assert float(rows[1][8]) == step.contribution
    with pytest.raises(EngineError):
        going.take("1")


def test_where_nothing_can_be_asked_the_mistake_is_named() -> None:
    with pytest.raises(EngineError, match="learning rate forgotten"):
        questions(session_of("xor-2-2-1"), level=Level.UPDATE, count=3, seed=0)
