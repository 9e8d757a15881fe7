"""Slopes far out, where a form that is short would subtract what is nearly equal: held to decimal arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.evaluation import Mathematics, evaluate
from retrograde.engine.equations.expression import Const

EXACT = Context(prec=60, Emin=-(10**6), Emax=10**6)


def exp(x: Decimal) -> Decimal:
    """e^x to 60 digits."""
    return EXACT.exp(x)


def sigmoid(x: Decimal) -> Decimal:
    """1 / (1 + e^−x), from the side where nothing overflows."""
    smaller = exp(-abs(x))
    return EXACT.divide(Decimal(1) if x > 0 else smaller, EXACT.add(Decimal(1), smaller))


def silu(x: Decimal) -> tuple[Decimal, Decimal]:
    """The two terms of the slope σ + x·σ·(1 − σ)."""
    return sigmoid(x), EXACT.multiply(x, EXACT.multiply(sigmoid(x), sigmoid(-x)))


def left(scale: str, right: str) -> Callable[[Decimal], tuple[Decimal, Decimal]]:
    """The slope of an exponential linear unit, as the sum of itself and nothing."""
    return lambda x: (Decimal(right) if x > 0 else EXACT.multiply(Decimal(scale), exp(x)), Decimal(0))


LAMBDA, ALPHA = "1.0507009873554805", "1.6732632423543772"
SLOPES = {
    "silu": silu,
    "elu": left("1.5", "1"),
    "selu": left(str(Decimal(LAMBDA) * Decimal(ALPHA)), LAMBDA),
}


@pytest.mark.parametrize("python", [True, False])
@pytest.mark.parametrize("name", SLOPES)
@given(x=st.floats(-700, 700) | st.floats(-30, 30) | st.floats(min_value=0, max_value=1e300))
@example(x=-20.0)
@example(x=-37.5)
@example(x=1e16)
@example(x=1e300)
def test_a_slope_is_right_to_fourteen_digits(name: str, python: bool, x: float) -> None:
    row, mathematics = elementwise(name), Mathematics(python)
    assert row.slope is not None
    alpha = Const(1.5)

    def nothing(_ref: object) -> float:
        raise AssertionError

    y = evaluate(row.value(Const(x), alpha), nothing, mathematics)
    found = evaluate(row.slope(Const(x), Const(y), alpha), nothing, mathematics)
    terms = SLOPES[name](Decimal(x))
    allowed = EXACT.multiply(Decimal("1e-14"), sum(map(abs, terms), Decimal(0)))
    assert math.isfinite(found)
    assert abs(EXACT.subtract(Decimal(found), EXACT.add(*terms))) <= max(allowed, Decimal("1e-305"))


@pytest.mark.parametrize("python", [True, False])
@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "silu", "sigmoid", "tanh", "gelu", "softplus", "mish"])
def test_the_slope_at_no_number_is_none(name: str, python: bool) -> None:
    row = elementwise(name)
    assert row.slope is not None
    nan = Const(math.nan)
    assert math.isnan(evaluate(row.slope(nan, nan, Const(0.25)), lambda _: math.nan, Mathematics(python)))
