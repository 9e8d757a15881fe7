"""Conditions: what they mean, and where they say that they go wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.condition import OPERATORS, ConditionError, parse

NAMES = st.sampled_from(["E", "E_epoch", "epoch", "w5", "grad(w5)", "W_h[2,1]", "h2.3", "out_h1{2}", "∂E_o1/∂out_h1"])
NUMBERS = st.floats(allow_nan=False)


def comparisons() -> st.SearchStrategy[tuple[str, str, float]]:
    return st.tuples(NAMES, st.sampled_from(sorted(OPERATORS)), NUMBERS)


@given(
    st.lists(st.lists(comparisons(), min_size=1, max_size=3), min_size=1, max_size=3),
    st.dictionaries(NAMES, st.floats()),
    st.sampled_from(["", " ", "  "]),
)
def test_and_binds_tighter_than_or(
    alternatives: list[list[tuple[str, str, float]]], values: dict[str, float], space: str
) -> None:
    text = " or ".join(
        " and ".join(f"{name}{space}{sign}{space}{number!r}" for name, sign, number in every) for every in alternatives
    )
    condition = parse(text)
    expected = any(
        all(OPERATORS[sign](values.get(name, 0.0), number) for name, sign, number in every) for every in alternatives
    )
    assert condition.holds(lambda name: values.get(name, 0.0)) == expected
    assert set(condition.names) == {name for every in alternatives for name, _, _ in every}
    assert str(parse(str(condition))) == str(condition)


@given(st.text(max_size=40) | st.text(alphabet="Ew5 <>=!.1e-[](){},andor", max_size=40))
def test_any_text_is_a_condition_or_an_error_inside_it(text: str) -> None:
    try:
        parse(text)
    except ConditionError as error:
        assert 1 <= error.column <= len(text) + 1
        assert str(error.column) in str(error)


def test_nan_never_holds() -> None:
    for sign in ("<", "<=", ">", ">=", "=="):
        assert not parse(f"E {sign} 1").holds(lambda name: math.nan)


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "expected a name"),
        ("E", 2, "expected a comparison"),
        ("E = 1", 3, "write =="),
        ("E < ", 5, "expected a number"),
        ("E < x", 5, "expected a number"),
        ("E < nan", 5, "expected a number"),
        ("E < 1 nand w5 > 2", 7, "expected `and`, `or`"),
        ("E < 1 and", 10, "expected a name"),
        ("E < 1 or or", 10, "expected a name"),
        ("1 < E", 1, "expected a name"),
        ("(E < 1)", 1, "expected a name"),
        ("__import__('os') < 1 < 2", 22, "expected `and`, `or`"),
    ],
)
def test_errors_say_where_and_what(text: str, column: int, part: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert caught.value.column == column
    assert part in str(caught.value)
    assert f"column {column}" in str(caught.value)


def test_other_spellings() -> None:
    condition = parse("E≤1e-3 AND w5≠0 OR W_h[ 2, 1 ] ≥ -inf")
    assert str(condition) == "E <= 0.001 and w5 != 0.0 or W_h[ 2, 1 ] >= -inf"
