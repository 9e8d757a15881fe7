"""docs/formulas.md is true: every name, function, phrase and example is read and decided by a shipped scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.words import EPOCH_NAMES, FUNCTIONS, PHASES, POSITIONS
from retrograde.engine.errors import FormulaError
from retrograde.engine.session.breakpoints import read
from tests.docs.reserved import PAGES, written

TEXT = (Path(__file__).parent.parent.parent / "docs" / "formulas.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(title: str) -> list[list[list[str]]]:
    """The quoted texts in each cell of each row of the section's first table."""
    lines = section(title).partition("\n### ")[0].splitlines()
    rows = [line.strip("|").split(" | ") for line in lines if line.startswith("| `")]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]


EXAMPLES = [row[0][0] for row in cells("Examples")]
PHRASES = [(row[0][0], row[1][0]) for row in cells("Breakpoints")]
NEVER_IN_MAZUR = {"E > prev(E)", "max(abs(grad(W_h))) > 100", "any(isnan(W_h) or isinf(W_h))"}
OTHER_NETWORKS = {
    "out_h2.3": "vanishing",
    "out_h1@3": "elman",
    "t_o1@2": "elman",
    **dict.fromkeys(
        ("i2@1", "delta(f_h@2)", "net_f_h1@2", "f_h1@2", "c_h1@2", "W_h[f1,2]", "b_h[f1]", "W_h[f,:]"), "lstm-two-steps"
    ),
}


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(load_scenario("mazur"))
    session.run(epochs=400)
    return session


@pytest.mark.parametrize("formula", EXAMPLES)
def test_an_example_is_decided(formula: str, session: Session) -> None:
    count = session.count(formula)
    first = session.first(formula)
    assert (first is None) == (count == 0)
    assert (count == 0) == (formula in NEVER_IN_MAZUR)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 12
    assert len(PHRASES) == 5


@pytest.mark.parametrize(("phrase", "condition"), PHRASES)
def test_a_phrase_is_its_condition(phrase: str, condition: str, session: Session) -> None:
    found, place = read(phrase, session.notation, session.schedule.full)
    assert place is None
    assert found is not None
    assert found.node == session.condition(condition).node


def test_the_places_are_read(session: Session) -> None:
    places = [text for text in re.findall(r"`(at [^`]+)`", TEXT) if text != "at"]
    assert len(places) >= 6
    for text in places:
        condition, place = read(text, session.notation, session.schedule.full)
        assert condition is None
        assert place is not None
        assert place.steps(session.schedule.full)


def test_every_name_means_something(session: Session) -> None:
    named = [name for row in cells("Names") for name in row[0]]
    for name in (*POSITIONS, *EPOCH_NAMES):
        assert name in named
    for name in named:
        if name in EPOCH_NAMES:
            session.condition(f"{name} < 1", by_epoch=True)
            with pytest.raises(FormulaError):
                session.condition(f"{name} < 1")
        elif name == "phase":
            for phase in PHASES:
                assert f'"{phase}"' in section("Names")
                session.condition(f'phase == "{phase}"')
        elif name in OTHER_NETWORKS:
            Session(load_scenario(OTHER_NETWORKS[name])).condition(f"any({name} < 1)")
        elif name == "b_h[2]":
            Session(load_scenario("digits")).condition(f"{name} < 1")
        else:
            session.condition(f"any({name} < 1)")


NAMES_OF_ARRAYS = [
    (name, row[2][0])
    for line in section("Names").partition("### ")[2].splitlines()
    if line.startswith("| `")
    for row in [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split(" | ")]]
    for name in row[0]
]


@pytest.mark.parametrize(("name", "scenario"), NAMES_OF_ARRAYS)
def test_a_name_of_a_value_in_an_array_is_one(name: str, scenario: str) -> None:
    session = Session(load_scenario(scenario))
    assert session.resolve(name)
    assert session.formula(name).reads


@pytest.mark.parametrize("name", [name for row in cells("Where an epoch ends") for name in row[0]])
def test_what_is_known_where_an_epoch_ends_is_no_breakpoint(name: str) -> None:
    session = Session(load_scenario("xor-2-2-1" if "7" not in name else "iris"))
    text = name.replace("_o{", f"_{session.network.layers[-1].name}{{")
    assert session.condition(
        f"max({text}, 0) >= 0" if "{*}" not in text else f"any({text} >= 0)", by_epoch=True
    ).by_epoch
    with pytest.raises(FormulaError, match="end of an epoch"):
        session.add_breakpoint(f"any({text} > 0)" if "{*}" in text else f"{text} > 0")


def test_the_reserved_words_are_those_of_today() -> None:
    for page in PAGES:
        assert written(page) == page.read_text(encoding="utf-8"), "run `python -m tests.docs.reserved`"


def test_every_function_is_described() -> None:
    described = set(re.findall(r"`(\w+)(?:\(\w+\))?`", section("Functions")))
    naming = set(re.findall(r"`(\w+)\(", section("Names")))
    assert set(FUNCTIONS) <= described | naming


def test_kinds_do_not_mix(session: Session) -> None:
    with pytest.raises(FormulaError):
        session.condition("E + 1")
    with pytest.raises(FormulaError):
        session.formula("(E < 1) + 1")


def test_the_spellings_are_read(session: Session) -> None:
    assert session.condition("E ≤ 1").node == session.condition("E <= 1").node
    assert session.condition("E ≥ −1").node == session.condition("E >= -1").node
    assert session.condition("E · 2 ≠ 1 × 3").node == session.condition("E * 2 != 1 * 3").node


def test_steps_that_decide(session: Session) -> None:
    """What the page says about when a formula is decided."""

    def deciding(formula: str) -> str:
        number = session.first(formula)
        assert number is not None
        return session.step_at(number).name

    assert deciding("E < 1") == "E"
    assert deciding("w5 < 1") == "new(w5)"
    assert session.step_at(session.first("epoch == 3") or 0).moment.address == "3:1:1"
    assert session.count("step > 0 and epoch < 3") == 2 * session.schedule.full.steps
    assert session.first("E > prev(E) or E <= prev(E)") is not None
    assert session.step_at(session.first("E > prev(E) or E <= prev(E)") or 0).moment.epoch == 1


def test_samples_are_taken_in_turn() -> None:
    session = Session(load_scenario("xor-2-4-1"))
    session.run(epochs=3)
    assert session.count("out_o1 > -1") == 4 * session.count("out_o1{2} > -1") == 4 * 3


def test_the_chinese_page_has_the_same_formulas() -> None:
    english, chinese = (re.findall(r"`[^`\n]+`", text) for text in (TEXT, PAGES[1].read_text(encoding="utf-8")))
    assert sorted(set(chinese)) == sorted(set(english))
