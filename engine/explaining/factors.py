"""A gradient's equation as terms: products of named factors, each times one gradient from above.

Every op of the backward pass is linear in the gradients that it reads. Reading its equation once gives
S = Σ c · S_above with c a product of factors, or c alone where the loss itself begins: the seed. Nothing is derived
anew: what is cut off, masked, lost in a pooling or divided by the batch is so because the equation says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Const,
    Div,
    Expr,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    mapped,
    refs,
)
from retrograde.engine.text import N_


class FactorKind(StrEnum):
    """What a factor of a gradient is, by the role of the array that it reads."""

    WEIGHT = N_("weight")
    SLOPE = N_("slope")
    ACTIVATION = N_("activation")
    INPUT = N_("input")
    MASK = N_("mask")
    NORM = N_("norm")
    NUMBER = N_("number")
    ROUTING = N_("routing")
    ERROR = N_("error")


_KINDS: Mapping[Role, FactorKind] = {
    Role.INPUT: FactorKind.INPUT,
    Role.TARGET: FactorKind.ERROR,
    Role.WEIGHT: FactorKind.WEIGHT,
    Role.BIAS: FactorKind.WEIGHT,
    Role.UPDATED: FactorKind.WEIGHT,
    Role.RATE: FactorKind.NUMBER,
    Role.NET: FactorKind.ACTIVATION,
    Role.OUT: FactorKind.ACTIVATION,
    Role.MAXIMUM: FactorKind.NORM,
    Role.EXPONENTIAL: FactorKind.NORM,
    Role.NORMALISER: FactorKind.NORM,
    Role.LOSS: FactorKind.ERROR,
    Role.TOTAL: FactorKind.ERROR,
    Role.SLOPE: FactorKind.SLOPE,
    Role.GRADIENT: FactorKind.ERROR,
    Role.VALUE: FactorKind.NORM,
    Role.HYPER: FactorKind.NUMBER,
    Role.MASK: FactorKind.MASK,
    Role.MEMORY: FactorKind.NUMBER,
}
"""By role: what a factor that is one slot is called."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term.

    Attributes:
        kind: what it is.
        expr: what it is worth, over the indices at which the equation was stated.
        chosen: of a choice, the branch that the factor stands for: 1 where it was taken, 0 where it was not; else None.
    """

    kind: FactorKind
    expr: Expr
    chosen: bool | None = None


@dataclass(frozen=True, slots=True)
class TermForm:
    """One term of a gradient's equation.

    Attributes:
        above: the gradient that it multiplies; None of a seed.
        factors: what multiplies it, in written order.
    """

    above: Ref | None
    factors: tuple[Factor, ...]


Backward = Callable[[Array], bool]
"""Whether an array is a gradient that was made on the way back."""

_MINUS = Factor(FactorKind.NUMBER, Const(-1.0, "−1"))


def term_forms(expr: Expr, backward: Backward) -> tuple[TermForm, ...]:
    """The terms of a gradient's equation, in written order.

    Args:
        expr: the equation of one element, or of many at once.
        backward: which arrays are gradients.

    Raises:
        NotImplementedError: the equation is not linear in the gradients that it reads.
    """
    return tuple(_terms(expr, backward))


def _terms(expr: Expr, backward: Backward) -> Iterator[TermForm]:
    if not any(backward(ref.array) for ref in refs(expr)):
        # What an op puts where no gradient comes, as a slice does around it, is no way to the loss.
        if not (isinstance(expr, Const) and expr.value == 0.0):
            yield TermForm(None, tuple(_seed(expr)))
        return
    match expr:
        case Ref():
            yield TermForm(expr, ())
        case Neg(operand):
            yield from _times(operand, (_MINUS,), backward)
        case Sum(parts):
            for part in parts:
                yield from _terms(part, backward)
        case Sub(left, right):
            yield from _terms(left, backward)
            yield from _times(right, (_MINUS,), backward)
        case Product(factors):
            through = [part for part in factors if any(backward(ref.array) for ref in refs(part))]
            if len(through) != 1:
                raise NotImplementedError("a product of two gradients")
            others = tuple(found for part in factors if part is not through[0] for found in factors_of(part))
            yield from _times(through[0], others, backward)
        case Div(numerator, denominator):
            if any(backward(ref.array) for ref in refs(denominator)):
                raise NotImplementedError("a gradient below a fraction bar")
            yield from _times(numerator, tuple(factors_of(Div(ONE, denominator))), backward)
        case Select(condition, then, otherwise):
            choice = Select(condition, ONE, ZERO)
            for branch, chosen in ((then, True), (otherwise, False)):
                yield from _times(branch, (Factor(FactorKind.ROUTING, choice, chosen),), backward)
        case _:
            raise NotImplementedError(f"{type(expr).__name__} of a gradient")


def _times(expr: Expr, factors: tuple[Factor, ...], backward: Backward) -> Iterator[TermForm]:
    for term in _terms(expr, backward):
        yield TermForm(term.above, (*factors, *term.factors))


def factors_of(expr: Expr) -> Iterator[Factor]:
    """The factors of an expression, in written order: those of its products, fractions and signs."""
    match expr:
        case Const(value):
            if value != 1.0:
                yield Factor(FactorKind.NUMBER, expr)
        case Neg(operand):
            yield _MINUS
            yield from factors_of(operand)
        case Product(factors):
            for part in factors:
                yield from factors_of(part)
        case Div(numerator, denominator):
            yield from factors_of(numerator)
            yield Factor(kind_of(denominator), Div(ONE, denominator))
        case _:
            yield Factor(kind_of(expr), expr)


def _seed(expr: Expr) -> Iterator[Factor]:
    """The factors of what the loss begins with; all but plain numbers belong to the error."""
    for factor in factors_of(expr):
        number = factor.kind is FactorKind.NUMBER
        yield factor if number else Factor(FactorKind.ERROR, factor.expr, factor.chosen)


def kind_of(expr: Expr) -> FactorKind:
    """What a factor is: of one slot by its role, of an expression by what it reads."""
    if isinstance(expr, Ref):
        return _KINDS[expr.array.role]
    if isinstance(expr, Select) and all(isinstance(part, Const) for part in (expr.then, expr.otherwise)):
        return FactorKind.ROUTING
    roles = {ref.array.role for ref in refs(expr)}
    if roles & {Role.MASK}:
        return FactorKind.MASK
    if roles & {Role.SLOPE, Role.NET, Role.OUT}:
        return FactorKind.SLOPE
    kinds = {_KINDS[role] for role in roles}
    return kinds.pop() if len(kinds) == 1 else FactorKind.NORM if kinds else FactorKind.NUMBER


def at(expr: Expr, number: int, count: int) -> Expr:
    """One element of an expression over arrays of indices.

    Args:
        expr: the expression, whose indices are integers or arrays of ``count`` integers.
        number: the element.
        count: how many there are.
    """

    def place(part: Any) -> int:
        if getattr(part, "ndim", 0) == 0:
            return int(part)
        return int(part.reshape(-1)[number if part.size == count else 0])

    def fix(part: Expr) -> Expr:
        match part:
            case Ref(array, index):
                return Ref(array, tuple(map(place, index)))
            case Pick(array, row, rest):
                return Pick(array, fix(row), tuple(map(place, rest)))
            case _:
                return mapped(part, fix)

    return fix(expr)
