"""Symbolic derivatives: the partial derivative of an equation by one slot, in the form in which it is taught.

The forms, fixed so that a derivative is the same text and the same bits everywhere:

- Parts that do not depend on the slot vanish; 0 and 1 are folded away, signs go to the front of a product, numbers
  follow them: d(a·b)/da = b, d(½·(t − o)²)/do = o − t.
- Equal terms are counted: d(a·a)/da = 2·a, d(a·a·a)/da = 3·a·a. Terms that cancel vanish.
- d(1/x)/dx = −1 / (x·x); d(u/v) = (u′·v − u·v′) / (v·v), and u′ / v where v does not depend on the slot.
- A Select is a Select of the derivatives under the same condition: the slope at a kink is that of the branch that is
  taken there, so ReLU′(0) = 0. abs′(0) = 0.
- A Max has the derivative of the first of its largest terms. A Pick has 1 by the slot that it takes; by its number,
  which is a whole one, it has none.
- A function f(u) has f′(u)·u′, f′ being that of the table below, else that of its definition.

It works over integer indices and over open meshes. On a mesh, a slot means the same slot at each point of the mesh.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.expression import (
    ONE,
    SQUARE,
    TWO,
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
    key_of,
)
from retrograde.engine.equations.fixed_forms import joined, over, plus, same, times
from retrograde.engine.equations.functions import (
    ABS,
    COS,
    ERF,
    EXP,
    EXPM1,
    LOG,
    LOG1P,
    SIGMOID,
    SIN,
    SQRT,
    TANH,
)

_ERF_SCALE = Const(2.0 / math.sqrt(math.pi), "2/√π")


def _sign(x: Expr) -> Expr:
    """−1, 0 or 1, with NaN seen."""
    low = Select(Compare(Comparison.LT, x, ZERO), Neg(ONE), x)
    return Select(Compare(Comparison.GT, x, ZERO), ONE, low)


SLOPES: dict[Function, Callable[[Expr], Expr]] = {
    EXP: lambda x: Call(EXP, x),
    EXPM1: lambda x: Call(EXP, x),
    LOG: lambda x: Div(ONE, x),
    LOG1P: lambda x: Div(ONE, Sum((ONE, x))),
    TANH: lambda x: Sub(ONE, Product((Call(TANH, x), Call(TANH, x)))),
    ERF: lambda x: Product((_ERF_SCALE, Call(EXP, Neg(Product((x, x)))))),
    ABS: _sign,
    SQRT: lambda x: Div(ONE, Product((TWO, Call(SQRT, x)))),
    SIN: lambda x: Call(COS, x),
    COS: lambda x: Neg(Call(SIN, x)),
    SQUARE: lambda x: Product((TWO, x)),
    SIGMOID: lambda x: Product((Call(SIGMOID, x), Sub(ONE, Call(SIGMOID, x)))),
}
"""f′ from the argument of f: of every primitive, and of the defined functions whose slope has a form of its own."""


def derivative(expr: Expr, ref: Ref) -> Expr:
    """The partial derivative of an expression by a slot, simplified as the module says.

    Args:
        expr: the expression, over integer indices or an open mesh.
        ref: the slot; on a mesh, with the index that the expression has.

    Raises:
        ValueError: on a mesh, two readings are the same slot at some points only, as x[i] and x[0] are, so that no
            expression holds at all of them.
    """
    wanted = key_of(ref)

    def is_slot(part: Expr) -> bool:
        if not isinstance(part, Ref) or part.array is not ref.array:
            return False
        if key_of(part) == wanted:
            return True
        if _meet(part, ref):
            raise ValueError(f"{ref.array.name} is read at indices that are equal at some points of the mesh only")
        return False

    return _derivative(expr, is_slot)


IsSlot = Callable[[Expr], bool]


def _derivative(expr: Expr, is_slot: IsSlot) -> Expr:
    """The derivative by whatever ``is_slot`` recognises."""
    return ONE if is_slot(expr) else RULES[type(expr)](expr, is_slot)


def _of_sum(expr: Sum, is_slot: IsSlot) -> Expr:
    slopes = (_derivative(part, is_slot) for part in expr.terms)
    return plus([slope for slope in slopes if slope is not ZERO])


def _of_product(expr: Product, is_slot: IsSlot) -> Expr:
    return plus(
        [
            times((*expr.factors[:place], slope, *expr.factors[place + 1 :]))
            for place, factor in enumerate(expr.factors)
            if (slope := _derivative(factor, is_slot)) is not ZERO
        ]
    )


def _of_quotient(expr: Div, is_slot: IsSlot) -> Expr:
    numerator, denominator = expr.numerator, expr.denominator
    above, below = _derivative(numerator, is_slot), _derivative(denominator, is_slot)
    if below is ZERO:
        return over(above, denominator)
    change = plus([times((above, denominator)), Neg(times((numerator, below)))])
    return over(change, Product((denominator, denominator)))


def _of_call(expr: Call, is_slot: IsSlot) -> Expr:
    outer = _derivative(expr.argument, is_slot)
    return ZERO if outer is ZERO else times((_slope(expr.function, expr.argument), outer))


def _of_select(expr: Select, is_slot: IsSlot) -> Expr:
    return _choice(expr.condition, _derivative(expr.then, is_slot), _derivative(expr.otherwise, is_slot))


def _of_pick(expr: Pick, is_slot: IsSlot) -> Expr:
    for row in range(expr.array.shape[0]):
        if is_slot(Ref(expr.array, (row, *expr.rest))):
            return Select(Compare(Comparison.EQ, expr.number, Const(float(row))), ONE, ZERO)
    return ZERO


RULES: Mapping[type[Any], Callable[[Any, IsSlot], Expr]] = {
    Const: lambda _expr, _is_slot: ZERO,
    Ref: lambda _expr, _is_slot: ZERO,
    Neg: lambda expr, is_slot: times((Neg(ONE), _derivative(expr.operand, is_slot))),
    Sum: _of_sum,
    Sub: lambda expr, is_slot: plus([_derivative(expr.left, is_slot), Neg(_derivative(expr.right, is_slot))]),
    Product: _of_product,
    Div: _of_quotient,
    Call: _of_call,
    Select: _of_select,
    Max: lambda expr, is_slot: _of_largest(expr.terms, [_derivative(part, is_slot) for part in expr.terms]),
    ArgMax: lambda _expr, _is_slot: ZERO,
    Pick: _of_pick,
}
"""By class of node: its derivative, where the node itself is not the slot."""


def _slope(function: Function, argument: Expr) -> Expr:
    """f′ at an argument."""
    if function in SLOPES:
        return SLOPES[function](argument)
    if function.definition is None:
        raise NotImplementedError(f"no derivative of {function.name} is known")
    return _derivative(function.definition(argument), lambda part: part is argument)


def _choice(condition: Compare, then: Expr, otherwise: Expr) -> Expr:
    return then if same(then, otherwise) else Select(condition, then, otherwise)


def _of_largest(parts: tuple[Expr, ...], slopes: Sequence[Expr]) -> Expr:
    """The slope of the first of the largest terms, with neighbours that do not depend on the slot taken together."""
    if all(slope is ZERO for slope in slopes):
        return ZERO
    count = next((place for place, slope in enumerate(slopes) if slope is not ZERO), 0) or 1
    if count == len(parts):
        return slopes[0]
    head, rest = joined(Max, parts[:count]), joined(Max, parts[count:])
    return _choice(Compare(Comparison.GE, head, rest), slopes[0], _of_largest(parts[count:], slopes[count:]))


def _meet(left: Ref, right: Ref) -> bool:
    """Whether two readings of one array, on a mesh, are the same slot at some point."""
    return bool(np.any(np.logical_and.reduce(np.broadcast_arrays(*map(np.equal, left.index, right.index)))))
