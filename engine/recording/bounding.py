"""The running bound of an expression: beside its value the largest error that rounding can have made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
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
from retrograde.engine.equations.meshes import COMPARE
from retrograde.engine.recording.bounded import Bounded, Rounding

Read = Callable[[Ref], Bounded]


class Bounding(NamedTuple):
    """How an expression is bounded.

    Attributes:
        read: a slot, with the error that it has already.
        rounding: the arithmetic of the type.
    """

    read: Read
    rounding: Rounding

    def of(self, expr: Expr) -> Bounded:
        """The value of an expression and its bound."""
        return RULES[type(expr)](self, expr)

    def each(self, parts: Iterable[Expr]) -> list[Bounded]:
        """Those of many."""
        return [self.of(part) for part in parts]


def _call(bounding: Bounding, expr: Call) -> Bounded:
    if expr.function.definition is not None:
        return bounding.of(expr.function.definition(expr.argument))
    return bounding.rounding.call(expr.function, bounding.of(expr.argument))


def _select(bounding: Bounding, expr: Select) -> Bounded:
    condition = expr.condition
    left, right = bounding.of(condition.left), bounding.of(condition.right)
    chosen = COMPARE[condition.op](left.value, right.value)
    then, otherwise = bounding.of(expr.then), bounding.of(expr.otherwise)
    return Bounded(np.where(chosen, then.value, otherwise.value), np.where(chosen, then.error, otherwise.error))


def _max(bounding: Bounding, expr: Max) -> Bounded:
    parts = [bounding.of(part) for part in expr.terms]
    value, error = parts[0]
    for part in parts[1:]:
        kept = (value >= part.value) | np.isnan(value)
        value, error = np.where(kept, value, part.value), np.maximum(error, part.error)
    return Bounded(value, error)


def _argmax(bounding: Bounding, expr: ArgMax) -> Bounded:
    parts = [np.asarray(bounding.of(part).value) for part in expr.largest.terms]
    return Bounded(np.array(expr.numbers, dtype=np.float64)[np.argmax(np.stack(parts), axis=0)], 0.0)


def _pick(bounding: Bounding, expr: Pick) -> Bounded:
    number, last = np.asarray(bounding.of(expr.number).value), expr.array.shape[0] - 1
    rows = np.clip(np.nan_to_num(number), 0, last).astype(np.intp)
    found = bounding.read(Ref(expr.array, (int(rows) if rows.ndim == 0 else rows, *expr.rest)))
    return Bounded(np.where(rows == number, found.value, np.nan), found.error)


RULES: Mapping[type[Any], Callable[[Bounding, Any], Bounded]] = {
    Const: lambda _bounding, expr: Bounded(np.float64(expr.value), 0.0),
    Ref: lambda bounding, expr: bounding.read(expr),
    Neg: lambda bounding, expr: Bounded(-(found := bounding.of(expr.operand)).value, found.error),
    Sum: lambda bounding, expr: bounding.rounding.sum(*bounding.each(expr.terms)),
    Sub: lambda bounding, expr: bounding.rounding.sub(bounding.of(expr.left), bounding.of(expr.right)),
    Product: lambda bounding, expr: bounding.rounding.product(*bounding.each(expr.factors)),
    Div: lambda bounding, expr: bounding.rounding.div(bounding.of(expr.numerator), bounding.of(expr.denominator)),
    Call: _call,
    Select: _select,
    Max: _max,
    ArgMax: _argmax,
    Pick: _pick,
}
"""By class of node: its value and its bound."""
