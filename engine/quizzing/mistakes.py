"""The known mistakes of a step: each is the step's own equation with one thing changed.

What a mistake changes follows from the kind of node alone - a sum loses a term, a product a factor - and its name from
what stands there. What needs to know the program besides is in ``swaps``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from retrograde.engine.equations.array import Phase, Role
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    STRUCTURE,
    Call,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
    children,
    key_of,
    mapped,
    refs,
)
from retrograde.engine.equations.functions import ABS
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.step import Step
from retrograde.engine.quizzing.kinds import KINDS, RANK, Kind
from retrograde.engine.quizzing.swaps import swaps
from retrograde.engine.text import _

MOST_TERMS = 16
"""Terms of a sum and factors of a product up to which each of them is left out in turn."""
ALIKE = 1e-5
"""Relative distance up to which two values can not be told apart by six significant digits."""


class Change(NamedTuple):
    """An equation with one thing changed.

    Attributes:
        kind: the name of the kind of mistake.
        expr: the changed equation.
        part: what it is about.
        other: what stands there instead, where there is something.
    """

    kind: str
    expr: Expr
    part: Expr | None = None
    other: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mistake:
    """A known mistake of a step.

    Attributes:
        step: the step.
        kind: the kind of mistake.
        expr: the wrong equation.
        value: what comes out of it.
        part: what it is about.
        other: what stands there instead.
    """

    step: Step
    kind: Kind
    expr: Expr
    value: float
    part: Expr | None
    other: Expr | None

    @property
    def formula(self) -> str:
        """The wrong equation in symbols."""
        return render(self.expr, self.step.notation.symbol)

    def said(self, value: str) -> str:
        """The sentence about a value that came out by it.

        Args:
            value: the value, as it was written.
        """
        symbol = self.step.notation.symbol
        part, other = ("" if one is None else render(one, symbol) for one in (self.part, self.other))
        return _(self.kind.said).format(value=value, part=part, other=other)


def alike(x: float, y: float) -> bool:
    """Whether two values can not be told apart by six significant digits."""
    return x == y or abs(x - y) <= ALIKE * max(abs(x), abs(y))


def mistakes_of(step: Step) -> tuple[Mistake, ...]:
    """Every known mistake of a step whose value is a number, also those that give the right value by chance.

    The most frequent kinds come first. Of two that are written alike only the first is kept.
    """
    equation = step.equation
    found: list[Mistake] = []
    seen = {key_of(_simple(equation))}
    changes = sorted((*_top(step, equation), *swaps(step, equation)), key=lambda change: RANK[change[0]])
    for kind, expr, part, other in changes:
        key = key_of(_simple(expr))
        if key in seen:
            continue
        seen.add(key)
        value = step.evaluate(expr)
        if math.isfinite(value):
            found.append(Mistake(step=step, kind=KINDS[kind], expr=expr, value=value, part=part, other=other))
    return tuple(found)


def _top(step: Step, equation: Expr) -> Iterator[tuple[str, Expr, Expr | None, Expr | None]]:
    yield Change("sign", equation.operand if isinstance(equation, Neg) else Neg(equation))
    yield from changes(equation, step.op.phase)
    if step.op.phase is Phase.LOSS and step.op.target.role is Role.LOSS and not _has_half(equation):
        yield Change("half-more", Product((HALF, equation)))


def _simple(expr: Expr) -> Expr:
    """The equation without factors 1, so that one mistake is not said twice: out · 1 is out."""
    expr = mapped(expr, _simple)
    if not isinstance(expr, Product):
        return expr
    left = tuple(factor for factor in expr.factors if factor != ONE)
    return ONE if not left else left[0] if len(left) == 1 else Product(left)


def _has_half(expr: Expr) -> bool:
    return expr == HALF or any(map(_has_half, children(expr)))


def changes(expr: Expr, phase: Phase, *, even: bool = False) -> Iterator[Change]:
    """The equation with one thing changed, in every way that follows from its nodes.

    Args:
        expr: the equation, without choices.
        phase: the phase of the step: what a term of a sum is called goes by it.
        even: whether it stands in an even function, where another sign is no mistake.
    """
    yield from _own(expr, phase, even)
    if isinstance(expr, Sum | Product) and len(children(expr)) > MOST_TERMS:
        return
    inside = isinstance(expr, Call) and expr.function in {SQUARE, ABS}
    parts = children(expr)
    for place, part in enumerate(parts):
        for kind, new, about, other in changes(part, phase, even=inside):
            rebuilt = STRUCTURE[type(expr)].rebuilt(expr, (*parts[:place], new, *parts[place + 1 :]))
            yield Change(kind, rebuilt, about, other)


def _own(expr: Expr, phase: Phase, even: bool) -> Iterator[Change]:
    """What can be changed at the node itself."""
    match expr:
        case Sum(parts) if 1 < len(parts) <= MOST_TERMS:
            yield from _of_sum(parts, phase)
        case Product(factors) if 1 < len(factors) <= MOST_TERMS:
            yield from _of_product(expr)
        case Sub():
            yield from _of_difference(expr, phase)
        case Div(above, below):
            yield Change("divisor", above, below)
            yield Change("divisor-more", Div(expr, below), below)
            if not isinstance(below, Const):
                yield Change("upside-down", Div(below, above), expr)
        case Neg(operand) if not even:
            yield Change("term-sign", operand, operand)
        case Call(function, argument):
            if function is SQUARE:
                yield Change("square", argument, argument)
            else:
                yield Change("function", argument, expr, argument)
        case Max(parts):
            for part in parts[:MOST_TERMS]:
                yield Change("not-largest", part, expr, part)
        case _:
            return


def _of_sum(parts: tuple[Expr, ...], phase: Phase) -> Iterator[Change]:
    paths = phase is Phase.BACKWARD
    for place, part in enumerate(parts):
        rest = (*parts[:place], *parts[place + 1 :])
        if len(rest) == 1:
            # Without one of two is the other one alone: said once.
            forgotten = isinstance(part, Ref) and part.array.role is Role.BIAS
            kind = "bias" if forgotten else "one-path" if paths else "one-term"
            yield Change(kind, rest[0], part if forgotten else rest[0])
        else:
            kind = "path" if paths else "bias" if _is(part, Role.BIAS) else "term"
            yield Change(kind, Sum(rest), part)
            yield Change("one-path" if paths else "one-term", part, part)
        turned = part.operand if isinstance(part, Neg) else Neg(part)
        yield Change("term-sign", Sum((*parts[:place], turned, *parts[place + 1 :])), part)
    yield Change("mean", Div(Sum(parts), Const(float(len(parts)))))


def _is(expr: Expr, *roles: Role) -> bool:
    return isinstance(expr, Ref) and expr.array.role in roles


def _of_product(expr: Product) -> Iterator[Change]:
    factors = expr.factors
    for place, factor in enumerate(factors):
        rest = (*factors[:place], *factors[place + 1 :])
        yield Change(_forgotten(factor), rest[0] if len(rest) == 1 else Product(rest), factor)
    yield Change("sum-for-product", Sum(factors), expr)


def _forgotten(factor: Expr) -> str:
    """What the mistake is called that leaves out a factor."""
    if factor == HALF:
        return "half"
    if _is(factor, Role.SLOPE):
        return "slope"
    if _is(factor, Role.RATE):
        return "rate"
    if _is(factor, Role.WEIGHT, Role.UPDATED):
        return "weight"
    return "factor"


def _of_difference(expr: Sub, phase: Phase) -> Iterator[Change]:
    left, right = expr.left, expr.right
    turned = Sum((left, right))
    if phase is not Phase.UPDATE or not _is(left, Role.WEIGHT, Role.BIAS):
        yield Change("term", left, right)
        yield Change("term", right, left)
        yield Change("term-sign", turned, right)
        return
    yield Change("added", turned, right)
    yield Change("unchanged", left, left)
    yield Change("step-only", right, right, left)
    yield Change("step-without", Neg(right), right, left)


def read_by(step: Step) -> int:
    """How many slots a step reads, each use counted."""
    return sum(1 for _ref in refs(step.equation))
