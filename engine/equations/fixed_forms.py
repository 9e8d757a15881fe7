"""Sums and products in their fixed forms, so that a derivative is the same text and the same bits everywhere.

0 and 1 are folded away, signs go to the front of a product, numbers follow them; equal terms are counted, terms that
cancel vanish.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    TWO,
    ZERO,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Product,
    Sub,
    Sum,
    key_of,
)


def same(left: Expr, right: Expr) -> bool:
    """Whether two expressions are written alike; safe for indices that are arrays, where == is ambiguous."""
    return key_of(left) == key_of(right)


def joined(kind: type[Max | Sum | Product], parts: Sequence[Expr]) -> Expr:
    """The node of some parts; of a single one, that part itself."""
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


@dataclass(slots=True)
class _Monomial:
    """coefficient · factors / denominators."""

    coefficient: float
    factors: list[Expr]
    denominators: list[Expr]

    @classmethod
    def of(cls, parts: Iterable[Expr]) -> _Monomial:
        """The product of some parts."""
        found = cls(1.0, [], [])
        for part in parts:
            found._multiply(part)
        return found

    def _multiply(self, part: Expr) -> None:
        match part:
            case Const(value, text) if not text or abs(value) in {0.5, 1.0}:
                self.coefficient *= value
            case Neg(operand):
                self.coefficient = -self.coefficient
                self._multiply(operand)
            case Product(factors):
                for factor in factors:
                    self._multiply(factor)
            case Div(Neg(numerator), denominator):
                self.coefficient = -self.coefficient
                self._multiply(Div(numerator, denominator))
            case Div(numerator, denominator) if isinstance(numerator, Const):
                self._multiply(numerator)
                self._divide(denominator)
            case _:
                self.factors.append(part)

    def _divide(self, part: Expr) -> None:
        match part:
            case Const(2.0, ""):
                self.coefficient /= 2.0  # exact, and undone when the quotient is written
            case Product(factors):
                for factor in factors:
                    self._divide(factor)
            case _:
                self.denominators.append(part)

    def key(self) -> Any:
        """Equal for monomials that differ in their coefficient, or in the order of factors, alone."""
        return _bag(self.factors), _bag(self.denominators)

    def magnitude(self) -> Expr:
        """The product with the absolute value of the coefficient."""
        number, below = abs(self.coefficient), list(self.denominators)
        if below and number == 0.5:
            number, below = 1.0, [TWO, *below]
        above = list(self.factors)
        if number != 1.0:
            above.insert(0, HALF if number == 0.5 else Const(number))
        return over(_product(above), _product(below)) if below else _product(above)

    def written(self) -> Expr:
        """The product; its sign goes in front of it, of a quotient to the numerator."""
        if self.coefficient == 0.0:
            return ZERO
        size = self.magnitude()
        return _negative(size) if self.coefficient < 0.0 else size


def _negative(expr: Expr) -> Expr:
    if isinstance(expr, Div):
        return Div(Neg(expr.numerator), expr.denominator)
    return Neg(expr)


def _product(factors: Sequence[Expr]) -> Expr:
    return joined(Product, factors) if factors else ONE


def times(factors: Iterable[Expr]) -> Expr:
    """The product of some factors in its fixed form."""
    return _Monomial.of(factors).written()


def over(numerator: Expr, denominator: Expr) -> Expr:
    """A quotient, without its denominator where that is 1, and 0 where its numerator is."""
    if numerator is ZERO:
        return ZERO
    return numerator if same(denominator, ONE) else Div(numerator, denominator)


def plus(parts: Iterable[Expr]) -> Expr:
    """The sum of some terms in its fixed form: equal terms are counted, negative ones subtracted."""
    merged: dict[Any, _Monomial] = {}
    for part in parts:
        for term in _summands(part, negative=False):
            key = term.key()
            if key in merged:
                merged[key].coefficient += term.coefficient
            else:
                merged[key] = term
    left = [term for term in merged.values() if term.coefficient != 0.0]
    if not left:
        return ZERO
    first = next((place for place, term in enumerate(left) if not term.coefficient < 0.0), 0)
    left.insert(0, left.pop(first))
    run = [left[0].written()]
    for term in left[1:]:
        if term.coefficient < 0.0:
            run = [Sub(joined(Sum, run), term.magnitude())]
        else:
            run.append(term.magnitude())
    return joined(Sum, run)


def _summands(expr: Expr, *, negative: bool) -> Iterable[_Monomial]:
    match expr:
        case Sum(parts):
            for part in parts:
                yield from _summands(part, negative=negative)
        case Sub(left, right):
            yield from _summands(left, negative=negative)
            yield from _summands(right, negative=not negative)
        case Neg(operand):
            yield from _summands(operand, negative=not negative)
        case _:
            term = _Monomial.of((expr,))
            if negative:
                term.coefficient = -term.coefficient
            yield term


def _bag(parts: Sequence[Expr]) -> Any:
    """Equal for the same parts in any order."""
    keys = [key_of(part) for part in parts]
    return frozenset((key, keys.count(key)) for key in keys)
