"""A formula that cannot be used is refused with its column, quickly, and never by anything but a FormulaError."""

from __future__ import annotations

import contextlib
import time
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.session.breakpoints import read
from tests.support.effort import examples

SECONDS = 1.0


@cache
def session(name: str = "mazur") -> Session:
    return Session(load_scenario(name))


def refused(text: str, name: str = "mazur") -> FormulaError:
    """How a formula is refused; it has to be."""
    with pytest.raises(FormulaError) as caught:
        session(name).condition(text) if "E_epoch" in text else session(name).formula(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "no formula"),
        ("   ", 4, "no formula"),
        ("E <", 4, "the end"),
        ("E < < 1", 5, "`<`"),
        ("E = 1", 3, "=="),
        ("E < 1 && epoch > 2", 7, "write and"),
        ("E < 1 || epoch > 2", 7, "write or"),
        ("!(E < 1)", 1, "write not"),
        ("w1^2 < 1", 3, "write a product such as"),
        ("loss < 1", 1, "did you mean E?"),
        ("cost < 1", 1, "did you mean E?"),
        ("val_loss < 1", 1, "did you mean E_held_out?"),
        ("E < 0.01 and", 13, "the end"),
        ("E < 0.01 &", 10, "`&`"),
        ("E < 0.01 1", 10, "`1`"),
        ("w55 > 0", 1, "did you mean w5"),
        ("E < w55", 5, "did you mean w5"),
        ("1 + grad(w55) > 0", 5, "grad(w5)"),
        ("E < nrom(W_h)", 5, "did you mean norm"),
        ("E and w5 > 0", 1, "condition"),
        ("E > 0 and w5", 11, "condition"),
        ("not E", 5, "condition"),
        ("(E > 0) + 1", 1, "number"),
        ("1 + (E > 0)", 5, "number"),
        ("abs(E > 0)", 5, "number"),
        ("any(E)", 5, "condition"),
        ("W_h + W_o[1,:] > 0", 7, "lengths"),
        ("W_h[3,1]", 1, "1 to 2"),
        ("1 < W_h[2:1,1]", 5, "1 to 2"),
        ("W_h[0,1]", 1, "1 to 2"),
        ("W_h[1]", 1, "2 axes"),
        ("W_h[1,2", 8, "`]`"),
        ("W_h[a,1]", 1, "slice"),
        ("grad(w1", 8, "`)`"),
        ("(E", 3, "`)`"),
        ("E)", 2, "`)`"),
        ("prev(prev(E))", 1, "one iteration"),
        ("1 + prev(prev(E))", 5, "one iteration"),
        ("abs(E, E)", 1, "one argument"),
        ("sum()", 5, "expected"),
        ('phase == "forwards"', 10, "forward"),
        ("phase == 1", 7, "phase"),
        ('E == "forward"', 3, "phase"),
        ('phase < "forward"', 7, "phase"),
        ("E_epoch < 1", 1, "end of an epoch"),
        ("1e999 > E", 1, "too large"),
        ("σ′(", 4, "the end"),
        ("σ′(1)", 4, "name"),
        ("{2}", 1, "`{2}`"),
        ("E{2} > 0 {1}", 10, "`{1}`"),
        ("grad(W_h[1,2)", 13, "`]`"),
    ],
)
def test_the_column_of_a_mistake(text: str, column: int, part: str) -> None:
    error = refused(text)
    assert (error.column, error.text) == (column, text), str(error)
    assert part in str(error)
    assert str(error).startswith(f"column {column}: ")


@pytest.mark.parametrize(
    ("text", "part"),
    [("W_h", "4 values"), ("W_h > 0", "4 values"), ("E", "expected a condition"), ("phase", "expected")],
)
def test_a_condition_is_one_truth_value(text: str, part: str) -> None:
    with pytest.raises(FormulaError, match=part):
        session().condition(text)


WORDS = (
    *(
        [
            "E",
            "w5",
            "W_h",
            "W_h[1,:]",
            "net_h1",
            "out_o",
            "grad",
            "delta",
            "slope",
            "new",
            "prev",
            "min",
            "max",
            "mean",
            "norm",
            "any",
            "all",
            "count",
            "abs",
            "sign",
            "isnan",
        ]
    ),
    *(
        [
            "isinf",
            "sqrt",
            "sum",
            "epoch",
            "iteration",
            "sample",
            "step",
            "phase",
            "lr",
            "and",
            "or",
            "not",
            "∂E/∂w5",
            "δ_o1",
            "w5⁺",
            "σ′",
            "out_h1{1}",
            "E_epoch",
            "b1",
        ]
    ),
    *(
        [
            "(",
            ")",
            "[",
            "]",
            ",",
            ":",
            "{",
            "}",
            "{1}",
            "{0}",
            "{99}",
            "+",
            "-",
            "*",
            "/",
            "<",
            "<=",
            ">",
            ">=",
            "==",
            "!=",
            "=",
            "≤",
            "·",
            "−",
            "0",
            "1",
            "2",
            "1e300",
            "1e999",
            ".5",
            "1.",
            "'x",
        ]
    ),
    *(['"forward"', '"loss"', '"', "'", ";", "@", "\\", "\x00", "²", "٣", "一", "É", "́", "😀", "#", "\n", "\t"]),
)


@examples(1500)
@given(st.lists(st.sampled_from(WORDS), max_size=24), st.sampled_from(("", " ", "(")))
@example(["σ′", "("], "")
@example(["W_h[", "9" * 5000, ",1]"], "")
@example(["out_h1{", "9" * 5000, "}"], "")
def test_random_tokens_are_a_formula_or_a_formula_error(words: list[str], glue: str) -> None:
    text = glue.join(words)
    for parse in (session().formula, session().condition):
        try:
            found = parse(text)
        except FormulaError as error:
            assert 1 <= error.column <= len(text) + 1
            assert error.text == text
        else:
            assert found.text == text.strip()
    with contextlib.suppress(EngineError):
        read(text, session().notation, session().schedule.full)


@examples(300)
@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_a_formula_error(text: str) -> None:
    try:
        session().formula(text)
    except FormulaError as error:
        assert 1 <= error.column <= len(text) + 1


def nested(head: str, inner: str, tail: str, times: int) -> str:
    return head * times + inner + tail * times


LONG = {
    "brackets": nested("(", "E", ")", 4990),
    "abs": nested("abs(", "E", ")", 1990),
    "minus": "-" * 9999 + "E",
    "not": "not " * 2400 + "E>0",
    "open": "(" * 10000,
    "sum": "E" + "+E" * 4900,
    "product": "1" + "*1" * 4900,
    "and": "E>0" + " and E>0" * 1200,
    "chain": "E" + "<E" * 4900,
    "names": "E " * 5000,
    "digits": "1" * 10000,
    "point": "0." + "1" * 9998,
    "one name": "a" * 10000,
    "arguments": "max(E" + ",E" * 4900 + ")",
    "wrapped": nested("grad(", "w1", ")", 1600),
    "picks": "W_h[" + "1," * 4900 + "1]",
    "blanks": " " * 10000,
    "marks": "E" + "{1}" * 3000,
    "text": '"' + "x" * 9990 + '"',
    "symbols": "∂E/∂" * 2500,
    "primes": "σ" + "′" * 9990 + "(net_h1)",
    "norms": nested("norm(", "W_h", ")", 38),
    "vectors": nested("sum(W_h*", "E", ")", 38),
    "isnans": nested("isnan(count(", "E>0", "))", 19),
    "counts": nested("count(isinf(", "E", "))", 19),
    "signs": nested("sign(", "E-1", ")", 39),
    "mixed": nested("(" + "1+" * 20, "E", ")", 39),
}


@pytest.mark.parametrize("kind", LONG)
def test_long_texts_are_read_or_refused_quickly(kind: str) -> None:
    text = LONG[kind]
    begin = time.process_time()
    try:
        formula = session().formula(text)
    except FormulaError as error:
        assert 1 <= error.column <= len(text) + 1
        assert len(str(error)) < 400, "a message fits a screen"
    else:
        # What is accepted has to run, too.
        number = f"({text}) + 0 == 1" if formula.kind == "number" else text
        try:
            session().first(number)
        except FormulaError:
            assert number != text
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "any(W_h1 > mean(W_h1))",
        "any(abs(W_h1) > 3 * norm(grad(W_h1)))",
        "sum(W_h1 * sum(W_h1 * sum(W_h1))) > 0",
        "max(abs(grad(W_h1))) > 1e3",
    ],
)
def test_a_large_array_against_itself_is_read_or_refused_quickly(text: str) -> None:
    found = session("digits")
    name = found.network.layers[0].weights.name
    begin = time.process_time()
    try:
        condition = found.condition(text.replace("W_h1", name))
    except FormulaError as error:
        assert "large" in str(error) or "more than" in str(error)
    else:
        found.seek(found.schedule.start(2))
        found.branch.search.steps_of((condition,), 0)
        next(found.where(condition.text), None)
    assert time.process_time() - begin < 4 * SECONDS
