"""Rendering: an equation as a line of tokens, in symbols or in numbers, with as few parentheses as are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from retrograde.engine.equations.expression import (
    SQUARE,
    ArgMax,
    Call,
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


class Token(NamedTuple):
    """A piece of a rendered equation; ``ref`` is the slot it stands for, if any."""

    text: str
    ref: Ref | None = None


_ADD, _MULTIPLY, _UNARY, _POSTFIX, _ATOM = range(5)


def tokens(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> list[Token]:
    """Renders an expression as a line of tokens, with as few parentheses as are needed.

    Args:
        expr: the expression, over integer indices.
        leaf: the text of a slot: its symbol, or its number.
        times: the sign between factors: `` · `` between symbols, `` × `` between numbers.
    """
    return list(_tokens(expr, leaf, times, _ADD))


def _wrapped(inner: Iterator[Token]) -> Iterator[Token]:
    yield Token("(")
    yield from inner
    yield Token(")")


def _level(expr: Expr) -> int:
    match expr:
        case Sum() | Sub():
            return _ADD
        case Product() | Div():
            return _MULTIPLY
        case Neg():
            return _UNARY
        case Call(function, _) if function is SQUARE:
            return _POSTFIX
        case _:
            return _ATOM


def _tokens(expr: Expr, leaf: Callable[[Ref], str], times: str, outer: int) -> Iterator[Token]:
    if _level(expr) < outer:
        yield from _wrapped(_tokens(expr, leaf, times, _ADD))
        return
    match expr:
        case Const(value, text):
            yield Token(text or f"{value:g}")
        case Ref():
            text = leaf(expr)
            if outer > _ADD and text.startswith(("-", "−")):
                text = f"({text})"
            yield Token(text, expr)
        case Neg(operand):
            yield Token("−")
            yield from _tokens(operand, leaf, times, _POSTFIX)
        case Sum(parts):
            for position, part in enumerate(parts):
                if position and isinstance(part, Neg):
                    yield Token(" − ")
                    yield from _tokens(part.operand, leaf, times, _MULTIPLY)
                    continue
                if position:
                    yield Token(" + ")
                yield from _tokens(part, leaf, times, _MULTIPLY if position else _ADD)
        case Sub(left, right):
            yield from _tokens(left, leaf, times, _ADD)
            yield Token(" − ")
            yield from _tokens(right, leaf, times, _MULTIPLY)
        case Product(factors):
            for position, factor in enumerate(factors):
                if position:
                    yield Token(times)
                yield from _tokens(factor, leaf, times, _POSTFIX if position else _UNARY)
        case Div(numerator, denominator):
            # η · m / n is read from the left, as it is computed.
            yield from _tokens(numerator, leaf, times, _MULTIPLY if isinstance(numerator, Product) else _UNARY)
            yield Token(" / ")
            yield from _tokens(denominator, leaf, times, _POSTFIX)
        case Call(function, argument) if function is SQUARE:
            yield from _tokens(argument, leaf, times, _ATOM)
            yield Token("²")
        case Call(function, argument):
            yield Token(function.symbol)
            yield from _wrapped(_tokens(argument, leaf, times, _ADD))
        case Max(parts):
            yield Token("max(")
            for position, part in enumerate(parts):
                if position:
                    yield Token(", ")
                yield from _tokens(part, leaf, times, _ADD)
            yield Token(")")
        case ArgMax(Max(parts), numbers):
            counted = numbers == tuple(range(1, len(parts) + 1))
            yield Token("argmax(")
            for position, part in enumerate(parts):
                if position:
                    yield Token(", ")
                if not counted:
                    yield Token(f"{numbers[position]}: ")
                yield from _tokens(part, leaf, times, _ADD)
            yield Token(")")
        case Select(condition, then, otherwise):
            yield Token("(")
            yield from _tokens(then, leaf, times, _ADD)
            yield Token(" if ")
            yield from _tokens(condition.left, leaf, times, _ADD)
            yield Token(f" {_SIGNS[condition.op]} ")
            yield from _tokens(condition.right, leaf, times, _ADD)
            yield Token(" else ")
            yield from _tokens(otherwise, leaf, times, _ADD)
            yield Token(")")
        case Pick(array, number, rest):
            yield Token(f"{array.name}[")
            yield from _tokens(number, leaf, times, _ADD)
            yield Token(f"{''.join(f',{place + 1}' for place in rest)}]")


_SIGNS = {
    Comparison.LE: "≤",
    Comparison.LT: "<",
    Comparison.GE: "≥",
    Comparison.GT: ">",
    Comparison.EQ: "=",
    Comparison.NE: "≠",
}


def render(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> str:
    """The expression as one line of text; see ``tokens``."""
    return "".join(token.text for token in tokens(expr, leaf, times=times))
