"""Evaluating over meshes: the values of an equation at many indices at once, with NumPy's primitive functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, picked
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)

COMPARE: Mapping[Comparison, Callable[..., Any]] = {
    Comparison.LE: np.less_equal,
    Comparison.LT: np.less,
    Comparison.GE: np.greater_equal,
    Comparison.GT: np.greater,
    Comparison.EQ: np.equal,
    Comparison.NE: np.not_equal,
}
"""The comparisons as NumPy functions."""

Read = Callable[[Array], Floats]


def values(expr: Expr, read: Read) -> Any:
    """The values of an expression over arrays of indices, or an open mesh, with NumPy's primitive functions.

    Args:
        expr: the expression.
        read: the values of an array.
    """
    return RULES[type(expr)](expr, read)


def outcomes(condition: Compare, read: Read) -> Any:
    """Where the condition of a choice is true."""
    return COMPARE[condition.op](values(condition.left, read), values(condition.right, read))


def winners(expr: Max, read: Read) -> tuple[Any, NDArray[np.intp]]:
    """The first of the largest terms, or the first NaN; and which it is."""
    first, *rest = expr.terms
    best, winner = values(first, read), np.zeros((), dtype=np.intp)
    for place, part in enumerate(rest, 1):
        value = values(part, read)
        kept = keeps(best, value)
        best, winner = np.where(kept, best, value), np.where(kept, winner, place)
    return best, winner


def keeps(best: Any, value: Any) -> Any:
    """Where the largest so far stays the largest beside another value: where it is as large, or NaN."""
    return (best >= value) | np.isnan(best)


def _call(expr: Call, read: Read) -> Any:
    function = expr.function
    if function.definition is not None:
        return values(function.definition(expr.argument), read)
    return function.array(np.ascontiguousarray(values(expr.argument, read)))


def _select(expr: Select, read: Read) -> Any:
    return np.where(outcomes(expr.condition, read), values(expr.then, read), values(expr.otherwise, read))


def _argmax(expr: ArgMax, read: Read) -> Any:
    return np.array(expr.numbers, dtype=np.float64)[winners(expr.largest, read)[1]]


RULES: Mapping[type[Any], Callable[[Any, Read], Any]] = {
    Const: lambda expr, _read: np.float64(expr.value),
    Ref: lambda expr, read: read(expr.array)[expr.index],
    Neg: lambda expr, read: -values(expr.operand, read),
    Sum: lambda expr, read: reduce(np.add, (values(part, read) for part in expr.terms)),
    Product: lambda expr, read: reduce(np.multiply, (values(part, read) for part in expr.factors)),
    Sub: lambda expr, read: np.subtract(values(expr.left, read), values(expr.right, read)),
    Div: lambda expr, read: np.divide(values(expr.numerator, read), values(expr.denominator, read)),
    Call: _call,
    Select: _select,
    Max: lambda expr, read: winners(expr, read)[0],
    ArgMax: _argmax,
    Pick: lambda expr, read: picked(read(expr.array), values(expr.number, read), expr.rest),
}
"""By class of node: its values."""
