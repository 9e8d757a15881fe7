"""The words of the small languages: their tables are what the readers know, and the two languages scan alike."""

from __future__ import annotations

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations import words
from retrograde.engine.equations.assignments import AssignmentError, read
from retrograde.engine.equations.scanning import MAX_DEPTH
from retrograde.engine.errors import FormulaError
from retrograde.engine.ops.gate import FUNCTIONS as GATES
from retrograde.engine.session.breakpoints import Event


def test_events_are_those_of_breakpoints() -> None:
    assert set(words.EVENTS) == {event.value for event in Event}


def test_functions_of_scalar_graphs_are_those_of_gates() -> None:
    assert set(words.GRAPH_FUNCTIONS) == {*GATES, "max"}
    for name, count in words.GRAPH_FUNCTIONS.items():
        assert read(f"c = {name}({', '.join(['a'] * count)})").node.op == name  # type: ignore[union-attr]


@pytest.mark.parametrize("table", [words.PHASES, words.POSITIONS, words.EPOCH_NAMES, words.FUNCTIONS, words.JOINING])
def test_no_name_may_be_a_word_of_a_formula(table: tuple[str, ...]) -> None:
    assert words.WORDS.issuperset(table)


@pytest.mark.parametrize(("left", "right"), [("(", ")"), ("-", ""), ("abs(", ")")])
def test_both_languages_take_as_many_brackets(left: str, right: str) -> None:
    formula = Session(load_scenario("mazur")).formula
    most, more = (f"{left * depth}{{}}{right * depth}" for depth in (MAX_DEPTH, MAX_DEPTH + 1))
    formula(most.format("E"))
    read(f"c = {most.format('a')}")
    with pytest.raises(FormulaError, match=f"column .*: more than {MAX_DEPTH} brackets"):
        formula(more.format("E"))
    with pytest.raises(AssignmentError, match=f"column .*: more than {MAX_DEPTH} brackets"):
        read(f"c = {more.format('a')}")


@pytest.mark.parametrize(
    ("text", "column", "said"), [("1 ? 2", 3, "`?` means nothing"), ("1 2", 3, "the end, found `2`")]
)
def test_both_languages_refuse_in_the_same_words(text: str, column: int, said: str) -> None:
    with pytest.raises(FormulaError) as formula:
        Session(load_scenario("mazur")).formula(text)
    with pytest.raises(AssignmentError) as assignment:
        read(f"c = {text}")
    assert said in formula.value.message
    assert str(formula.value) == f"column {column}: {formula.value.message}"
    assert str(assignment.value) == f"column {column + 4}: {formula.value.message}"
