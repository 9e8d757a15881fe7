"""Evaluating: the value of an equation, bit for bit as the executors compute it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.expression import (
    ZERO,
    ArgMax,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Function,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    is_settled,
    mapped,
)
from retrograde.engine.equations.ieee import divide, largest


class Mathematics(NamedTuple):
    """Where the values of primitive functions come from, so that a replay uses the same as the run.

    ``python`` takes them from the standard library, as the generated executor does; otherwise they come from
    NumPy, as in the kernel executor. The two differ in the last bit of some values.
    """

    python: bool

    def call(self, function: Function, x: float) -> float:
        """The value of a primitive at x; never raises."""
        if self.python:
            assert function.plain is not None
            return function.plain(x)
        with np.errstate(all="ignore"):
            return float(function.array(np.float64(x)))


PYTHON = Mathematics(python=True)


NUMPY = Mathematics(python=False)


_COMPARE: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.LE: operator.le,
    Comparison.LT: operator.lt,
    Comparison.GE: operator.ge,
    Comparison.GT: operator.gt,
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
}

Read = Callable[[Ref], float]


def holds(condition: Compare, read: Read, mathematics: Mathematics) -> bool:
    """Whether the condition of a choice is true."""
    left = evaluate(condition.left, read, mathematics)
    right = evaluate(condition.right, read, mathematics)
    return _COMPARE[condition.op](left, right)


def evaluate(expr: Expr, read: Read, mathematics: Mathematics) -> float:
    """The value of an expression over integers indices, bit for bit as the executors compute it.

    Args:
        expr: the expression.
        read: the value of a slot.
        mathematics: the executor's source of primitive functions.
    """
    return RULES[type(expr)](expr, read, mathematics)


def _sum(expr: Sum, read: Read, mathematics: Mathematics) -> float:
    first, *rest = expr.terms
    total = RULES[type(first)](first, read, mathematics)
    for part in rest:
        total = total + RULES[type(part)](part, read, mathematics)
    return total


def _product(expr: Product, read: Read, mathematics: Mathematics) -> float:
    first, *rest = expr.factors
    product = RULES[type(first)](first, read, mathematics)
    for part in rest:
        product = product * RULES[type(part)](part, read, mathematics)
    return product


def _sub(expr: Sub, read: Read, mathematics: Mathematics) -> float:
    return evaluate(expr.left, read, mathematics) - evaluate(expr.right, read, mathematics)


def _div(expr: Div, read: Read, mathematics: Mathematics) -> float:
    return divide(evaluate(expr.numerator, read, mathematics), evaluate(expr.denominator, read, mathematics))


def _call(expr: Call, read: Read, mathematics: Mathematics) -> float:
    function = expr.function
    if function.definition is not None:
        return evaluate(function.definition(expr.argument), read, mathematics)
    return mathematics.call(function, evaluate(expr.argument, read, mathematics))


def _select(expr: Select, read: Read, mathematics: Mathematics) -> float:
    chosen = expr.then if holds(expr.condition, read, mathematics) else expr.otherwise
    return evaluate(chosen, read, mathematics)


def _largest(expr: Max, read: Read, mathematics: Mathematics) -> tuple[float, int]:
    return largest([evaluate(part, read, mathematics) for part in expr.terms])


def _pick(expr: Pick, read: Read, mathematics: Mathematics) -> float:
    slot = expr.slot(evaluate(expr.number, read, mathematics))
    return math.nan if slot is None else read(slot)


RULES: Mapping[type[Any], Callable[[Any, Read, Mathematics], float]] = {
    Const: lambda expr, _read, _mathematics: expr.value,
    Ref: lambda expr, read, _mathematics: read(expr),
    Neg: lambda expr, read, mathematics: -evaluate(expr.operand, read, mathematics),
    Sum: _sum,
    Product: _product,
    Sub: _sub,
    Div: _div,
    Call: _call,
    Select: _select,
    Max: lambda expr, read, mathematics: _largest(expr, read, mathematics)[0],
    ArgMax: lambda expr, read, mathematics: float(expr.numbers[_largest(expr.largest, read, mathematics)[1]]),
    Pick: _pick,
}
"""By class of node: its value."""


def taken(expr: Expr, read: Read, mathematics: Mathematics) -> Expr:
    """The expression with every choice replaced by the branch that was taken, for people to read.

    Of a sum, the terms vanish that a choice made 0.
    """
    if is_settled(expr):
        return expr
    match expr:
        case Select(condition, then, otherwise):
            return taken(then if holds(condition, read, mathematics) else otherwise, read, mathematics)
        case Sum(parts):
            found = tuple(taken(part, read, mathematics) for part in parts)
            kept = [
                new for old, new in zip(parts, found, strict=True) if new is not ZERO or not isinstance(old, Select)
            ]
            if len(kept) == len(found):
                return Sum(found)
            shorter: Expr = ZERO if not kept else kept[0] if len(kept) == 1 else Sum(tuple(kept))
            # 0 + −0 is 0: of zeros that a choice made, one may have to stay.
            totals = (evaluate(one, read, mathematics) for one in (shorter, Sum(found)))
            return shorter if len({(total == 0, math.copysign(1.0, total)) for total in totals}) == 1 else Sum(found)
        case Pick(_, number, _):
            return expr.slot(evaluate(number, read, mathematics)) or Const(math.nan, "NaN")
        case _:
            return mapped(expr, lambda part: taken(part, read, mathematics))
