"""Evaluating: the value of an equation, bit for bit as the executors compute it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import divide
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
    is_polynomial,
)


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
        assert function.array is not None
        with np.errstate(all="ignore"):
            return float(function.array(np.float64(x)))


PYTHON = Mathematics(python=True)


NUMPY = Mathematics(python=False)


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.LE: operator.le,
    Comparison.LT: operator.lt,
    Comparison.GE: operator.ge,
    Comparison.GT: operator.gt,
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
}


def holds(condition: Compare, read: Callable[[Ref], float], mathematics: Mathematics) -> bool:
    """Whether the condition of a choice is true."""
    left = evaluate(condition.left, read, mathematics)
    right = evaluate(condition.right, read, mathematics)
    return _COMPARE[condition.op](left, right)


def evaluate(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> float:
    """The value of an expression over integers indices, bit for bit as the executors compute it.

    Args:
        expr: the expression.
        read: the value of a slot.
        mathematics: the executor's source of primitive functions.
    """
    match expr:
        case Const(value):
            return value
        case Ref():
            return read(expr)
        case Neg(operand):
            return -evaluate(operand, read, mathematics)
        case Sum(parts):
            total = evaluate(parts[0], read, mathematics)
            for part in parts[1:]:
                total = total + evaluate(part, read, mathematics)
            return total
        case Product(factors):
            product = evaluate(factors[0], read, mathematics)
            for factor in factors[1:]:
                product = product * evaluate(factor, read, mathematics)
            return product
        case Sub(left, right):
            return evaluate(left, read, mathematics) - evaluate(right, read, mathematics)
        case Div(numerator, denominator):
            return divide(evaluate(numerator, read, mathematics), evaluate(denominator, read, mathematics))
        case Call(function, argument):
            if function.definition is not None:
                return evaluate(function.definition(argument), read, mathematics)
            return mathematics.call(function, evaluate(argument, read, mathematics))
        case Select(condition, then, otherwise):
            return evaluate(then if holds(condition, read, mathematics) else otherwise, read, mathematics)
        case Max(parts):
            best = evaluate(parts[0], read, mathematics)
            for part in parts[1:]:
                value = evaluate(part, read, mathematics)
                best = best if best >= value or best != best else value
            return best
        case ArgMax(Max(parts), numbers):
            best, winner = evaluate(parts[0], read, mathematics), numbers[0]
            for number, part in zip(numbers[1:], parts[1:], strict=True):
                value = evaluate(part, read, mathematics)
                if not (best >= value or best != best):
                    best, winner = value, number
            return float(winner)
        case Pick(_, number, _):
            slot = expr.slot(evaluate(number, read, mathematics))
            return math.nan if slot is None else read(slot)


def taken(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> Expr:
    """The expression with every choice replaced by the branch that was taken, for people to read.

    Of a sum, the terms vanish that a choice made 0.
    """
    if is_polynomial(expr):
        return expr
    match expr:
        case Select(condition, then, otherwise):
            return taken(then if holds(condition, read, mathematics) else otherwise, read, mathematics)
        case Neg(operand):
            return Neg(taken(operand, read, mathematics))
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
        case Product(factors):
            return Product(tuple(taken(factor, read, mathematics) for factor in factors))
        case Sub(left, right):
            return Sub(taken(left, read, mathematics), taken(right, read, mathematics))
        case Div(left, right):
            return Div(taken(left, read, mathematics), taken(right, read, mathematics))
        case Call(function, argument):
            return Call(function, taken(argument, read, mathematics))
        case Pick(_, number, _):
            return expr.slot(evaluate(number, read, mathematics)) or Const(math.nan, "NaN")
        case _:
            return expr
