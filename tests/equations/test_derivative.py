"""Symbolic derivatives: textbook forms; and, of random expressions, differences and PyTorch's autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.derivative import SLOPES, derivative
from retrograde.engine.equations.evaluation import NUMPY, PYTHON, evaluate, holds
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    TWO,
    ZERO,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Function,
    Index,
    Max,
    Neg,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    refs,
)
from retrograde.engine.equations.fixed_forms import same
from retrograde.engine.equations.functions import (
    ABS,
    COS,
    ERF,
    EXP,
    EXPM1,
    LOG,
    LOG1P,
    PRIMITIVES,
    SIGMOID,
    SIN,
    SQRT,
    TANH,
)
from retrograde.engine.equations.rendering import render
from tests.support.effort import examples
from tests.support.expressions import branches


def slot(name: str) -> Ref:
    return Ref(Array(name=name, shape=(), role=Role.NET))


A, B, X = slot("a"), slot("b"), slot("x")
FORMS: dict[str, tuple[Expr, str]] = {
    "another slot": (A, "0"),
    "itself": (X, "1"),
    "product": (Product((A, X)), "a"),
    "square": (Product((X, X)), "2 · x"),
    "cube": (Product((X, X, X)), "3 · x · x"),
    "factors around": (Product((X, A, X)), "2 · a · x"),
    "constants": (Product((TWO, X, Const(3.0))), "6"),
    "half a square": (Product((HALF, Call(SQUARE, Sub(A, X)))), "x − a"),
    "sum": (Sum((A, X, B, Product((B, X)))), "1 + b"),
    "what cancels": (Sub(Product((A, X)), Product((X, A))), "0"),
    "difference": (Sub(Product((A, X)), Product((B, X))), "a − b"),
    "a negative term first": (Sum((Neg(X), Product((A, X)))), "a − 1"),
    "reciprocal": (Div(ONE, X), "−1 / (x · x)"),
    "numerator": (Div(X, A), "1 / a"),
    "denominator": (Div(A, Sum((X, B))), "−a / ((x + b) · (x + b))"),
    "quotient": (Div(X, Sum((X, B))), "b / ((x + b) · (x + b))"),
    "exp": (Call(EXP, Neg(X)), "−exp(−x)"),
    "ln": (Call(LOG, X), "1 / x"),
    "log1p": (Call(LOG1P, X), "1 / (1 + x)"),
    "expm1": (Call(EXPM1, X), "exp(x)"),
    "tanh": (Call(TANH, X), "1 − tanh(x) · tanh(x)"),
    "erf": (Call(ERF, X), "2/√π · exp(−(x · x))"),
    "sqrt": (Call(SQRT, X), "1 / (2 · √(x))"),
    "sin": (Call(SIN, Product((A, X))), "cos(a · x) · a"),
    "cos": (Call(COS, Product((TWO, X))), "−(2 · sin(2 · x))"),
    "square as a function": (Call(SQUARE, X), "2 · x"),
    "sigmoid": (Call(SIGMOID, Product((A, X))), "σ(a · x) · (1 − σ(a · x)) · a"),
    "relu": (elementwise("relu").value(X, ZERO), "(0 if x ≤ 0 else 1)"),
    "silu": (elementwise("silu").value(X, ZERO), "σ(x) + x · σ(x) · (1 − σ(x))"),
    "choice that makes no difference": (Select(Compare(Comparison.LT, X, A), X, Sum((A, X))), "1"),
    "max of one that depends": (Max((A, X, B)), "(0 if a ≥ max(x, b) else (1 if x ≥ b else 0))"),
    "max of several": (Max((X, Product((X, X)))), "(1 if x ≥ x · x else 2 · x)"),
    "max of none": (Max((A, B)), "0"),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_textbook_form_comes_out(name: str) -> None:
    expr, text = FORMS[name]
    assert render(derivative(expr, X), lambda ref: ref.array.name) == text


def test_every_primitive_has_a_slope() -> None:
    assert set(PRIMITIVES) <= set(SLOPES)


def test_a_defined_function_is_differentiated_through_its_definition() -> None:
    cube = Function(name="cube", symbol="cube", definition=lambda x: Product((x, x, x)))
    found = derivative(Call(cube, Call(SIN, X)), X)
    assert render(found, lambda ref: ref.array.name) == "3 · sin(x) · sin(x) · cos(x)"


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_slopes_at_kinks(x: float) -> None:
    def at(expr: Expr) -> float:
        return evaluate(derivative(expr, X), lambda _: x, PYTHON)

    assert at(elementwise("relu").value(X, ZERO)) == 0.0
    assert at(Call(ABS, X)) == 0.0
    assert at(Max((ZERO, X))) == 0.0, "the first of the largest"
    assert at(Max((X, ZERO))) == 1.0


# -- random expressions ---------------------------------------------------------------------------------------------

LEAVES = st.sampled_from((A, B, X, X)) | st.sampled_from(
    (ONE, TWO, HALF, ZERO, Const(-1.5), Const(0.3, "three tenths"))
)
EXPRESSIONS = st.recursive(LEAVES, branches, max_leaves=12)
NUMBERS = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.000123)
APART = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.000623)
"""Numbers that no other leaf is as near to as a difference reaches."""


def numbers(a: float, b: float, x: float) -> Callable[[Ref], float]:
    return lambda ref: {"a": a, "b": b, "x": x}[ref.array.name]


@examples(300)
@given(expr=EXPRESSIONS, a=NUMBERS, b=NUMBERS, x=APART)
def test_it_is_the_limit_of_differences(expr: Expr, a: float, b: float, x: float) -> None:
    def f(z: float) -> float:
        return evaluate(expr, numbers(a, b, z), NUMPY)

    def difference(h: float) -> float:
        return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)

    wide, close, closest = difference(2e-4), difference(1e-4), (f(x + 1e-4) - f(x)) / 1e-4
    assume(math.isfinite(wide) and math.isfinite(close) and abs(f(x)) < 1e3)
    size = max(1.0, abs(close))
    assume(abs(wide - close) < 1e-7 * size)
    assume(abs(closest - close) < 1e-2 * size)  # no kink in reach
    found = evaluate(derivative(expr, X), numbers(a, b, x), NUMPY)
    assert found == pytest.approx(close, rel=1e-5, abs=1e-5)


def _traced(expr: Expr, read: Callable[[Ref], Any], torch: Any) -> Any:
    """An expression in PyTorch, with choices made by the values, so that what is not taken has no gradient."""

    def inner(part: Expr) -> Any:
        return _traced(part, read, torch)

    match expr:
        case Const(value):
            return torch.tensor(value, dtype=torch.float64)
        case Ref():
            return read(expr)
        case Neg(operand):
            return -inner(operand)
        case Sum(parts) | Product(parts):
            total = inner(parts[0])
            for part in parts[1:]:
                total = total + inner(part) if isinstance(expr, Sum) else total * inner(part)
            return total
        case Sub(left, right):
            return inner(left) - inner(right)
        case Div(left, right):
            return inner(left) / inner(right)
        case Call(function, argument):
            name = {"square": "square", "sigmoid": "sigmoid"}.get(function.name, function.name)
            return getattr(torch, name)(inner(argument))
        case Select(condition, then, otherwise):
            taken = holds(condition, lambda ref: float(read(ref).detach()), PYTHON)
            return inner(then if taken else otherwise)
        case Max(parts):
            best = inner(parts[0])
            for part in parts[1:]:
                value = inner(part)
                best = best if best >= value or best != best else value
            return best


@examples(300)
@given(expr=EXPRESSIONS, a=NUMBERS, b=NUMBERS, x=NUMBERS)
def test_it_is_the_gradient_of_torch(expr: Expr, a: float, b: float, x: float) -> None:
    torch = pytest.importorskip("torch", reason="compared with PyTorch where it is installed")
    leaves = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in (("a", a), ("b", b), ("x", x))
    }
    value = _traced(expr, lambda ref: leaves[ref.array.name], torch)
    assume(bool(torch.isfinite(value)) and abs(float(value.detach())) < 1e12)
    if value.requires_grad:
        value.backward()
    grad = leaves["x"].grad
    wanted = 0.0 if grad is None else float(grad)
    assume(math.isfinite(wanted))
    found = evaluate(derivative(expr, X), numbers(a, b, x), PYTHON)
    # Where a choice leaves x out, PyTorch's graph has no way to it, while the chain rule may read 0 / 0 there.
    assume(wanted != 0.0 or not math.isnan(found))
    assert found == pytest.approx(wanted, rel=1e-7, abs=1e-7)


# -- meshes ---------------------------------------------------------------------------------------------------------

GRID = Array(name="g", shape=(3, 2), role=Role.NET)
ROW = Array(name="r", shape=(2,), role=Role.NET)


def _picked(expr: Any, point: tuple[int, ...], mesh: Index) -> Any:
    """An expression over a mesh at one of its points."""
    match expr:
        case Ref(array, index):
            grids = [np.broadcast_to(part, (3, 2)) for part in index]
            return Ref(array, tuple(int(grid[point]) for grid in grids))
        case Const() | Function() | Comparison():
            return expr
        case Product(factors):
            return Product(_picked(factors, point, mesh))
        case tuple():
            return tuple(_picked(part, point, mesh) for part in expr)
        case _:
            fields = type(expr).__dataclass_fields__
            return type(expr)(*(_picked(getattr(expr, name), point, mesh) for name in fields))


def _at(index: Index) -> Expr:
    i, j = index
    g, r, other = Ref(GRID, (i, j)), Ref(ROW, (j,)), Ref(ROW, (1 - j,))
    bent = Max((g, Product((r, r)), Call(TANH, g)))
    return Sum((Product((g, r, g)), Div(other, r), Select(Compare(Comparison.LE, g, r), bent, Call(EXP, Neg(g)))))


def test_a_mesh_has_the_derivatives_of_its_points() -> None:
    mesh: Index = np.ix_(np.arange(3), np.arange(2))
    again: Index = np.ix_(np.arange(3), np.arange(2))  # equal, but not the same objects
    for by, index in ((GRID, again), (ROW, (again[1],)), (ROW, (1 - again[1],))):
        whole = derivative(_at(mesh), Ref(by, index))
        for point in product(range(3), range(2)):
            here = tuple(int(np.broadcast_to(part, (3, 2))[point]) for part in index)
            assert same(_picked(whole, point, mesh), derivative(_at(point), Ref(by, here)))
            assert set(refs(_picked(whole, point, mesh))) <= set(refs(_at(point)))


def test_slots_that_meet_at_some_points_only_are_refused() -> None:
    i = np.arange(2)
    with pytest.raises(ValueError, match="at some points of the mesh only"):
        derivative(Product((Ref(ROW, (i,)), Ref(ROW, (0,)))), Ref(ROW, (i,)))
    assert same(derivative(Product((Ref(ROW, (i,)), Ref(ROW, (i + 2,)))), Ref(ROW, (i,))), Ref(ROW, (i + 2,)))


def test_comparing_is_safe() -> None:
    i = np.arange(2)
    assert same(Ref(ROW, (i,)), Ref(ROW, (i.copy(),)))
    assert not same(Ref(ROW, (i,)), Ref(ROW, (i[::-1],)))
    assert same(Ref(ROW, (np.int64(1),)), Ref(ROW, (1,)))
    assert not same(Ref(ROW, (1,)), Ref(Array(name="r", shape=(2,), role=Role.NET), (1,)))
    assert not same(Const(0.0), Const(-0.0))
