"""Rendering: an equation as a line of tokens, in symbols or in numbers, with as few parentheses as are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

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

_SIGNS = {
    Comparison.LE: "≤",
    Comparison.LT: "<",
    Comparison.GE: "≥",
    Comparison.GT: ">",
    Comparison.EQ: "=",
    Comparison.NE: "≠",
}


def tokens(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> list[Token]:
    """Renders an expression as a line of tokens, with as few parentheses as are needed.

    Args:
        expr: the expression, over integer indices.
        leaf: the text of a slot: its symbol, or its number.
        times: the sign between factors: `` · `` between symbols, `` × `` between numbers.
    """
    return list(_Writer(leaf, times).tokens(expr, _ADD))


def render(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> str:
    """The expression as one line of text; see ``tokens``."""
    return "".join(token.text for token in tokens(expr, leaf, times=times))


class _Writer(NamedTuple):
    """How an expression is written; see ``tokens``."""

    leaf: Callable[[Ref], str]
    times: str

    def tokens(self, expr: Expr, outer: int) -> Iterator[Token]:
        """The tokens of an expression, in parentheses where it binds less than what is around it."""
        rule = RULES[type(expr)]
        bracketed = isinstance(expr, Call) and expr.function is not SQUARE
        yield from rule.write(self, expr, outer) if bracketed or rule.level >= outer else self.wrapped(expr)

    def wrapped(self, expr: Expr) -> Iterator[Token]:
        """The tokens of an expression in parentheses."""
        yield Token("(")
        yield from self.tokens(expr, _ADD)
        yield Token(")")

    def listed(self, parts: Sequence[Expr], labels: Sequence[str] = ()) -> Iterator[Token]:
        """Some expressions with commas between them, each behind its label where it has one."""
        for position, part in enumerate(parts):
            if position:
                yield Token(", ")
            if labels:
                yield Token(labels[position])
            yield from self.tokens(part, _ADD)


def _const(_writer: _Writer, expr: Const, _outer: int) -> Iterator[Token]:
    yield Token(expr.text or f"{expr.value:g}")


def _ref(writer: _Writer, expr: Ref, outer: int) -> Iterator[Token]:
    text = writer.leaf(expr)
    yield Token(f"({text})" if outer > _ADD and text.startswith(("-", "−")) else text, expr)


def _neg(writer: _Writer, expr: Neg, _outer: int) -> Iterator[Token]:
    yield Token("−")
    yield from writer.tokens(expr.operand, _POSTFIX)


def _sum(writer: _Writer, expr: Sum, _outer: int) -> Iterator[Token]:
    first, *rest = expr.terms
    yield from writer.tokens(first, _ADD)
    for part in rest:
        negative = isinstance(part, Neg)
        yield Token(" − " if negative else " + ")
        yield from writer.tokens(part.operand if isinstance(part, Neg) else part, _MULTIPLY)


def _sub(writer: _Writer, expr: Sub, _outer: int) -> Iterator[Token]:
    yield from writer.tokens(expr.left, _ADD)
    yield Token(" − ")
    yield from writer.tokens(expr.right, _MULTIPLY)


def _product(writer: _Writer, expr: Product, _outer: int) -> Iterator[Token]:
    first, *rest = expr.factors
    yield from writer.tokens(first, _UNARY)
    for factor in rest:
        yield Token(writer.times)
        yield from writer.tokens(factor, _POSTFIX)


def _div(writer: _Writer, expr: Div, _outer: int) -> Iterator[Token]:
    # η · m / n is read from the left, as it is computed.
    yield from writer.tokens(expr.numerator, _MULTIPLY if isinstance(expr.numerator, Product) else _UNARY)
    yield Token(" / ")
    yield from writer.tokens(expr.denominator, _POSTFIX)


def _call(writer: _Writer, expr: Call, _outer: int) -> Iterator[Token]:
    if expr.function is SQUARE:
        yield from writer.tokens(expr.argument, _ATOM)
        yield Token("²")
    else:
        yield Token(expr.function.symbol)
        yield from writer.wrapped(expr.argument)


def _max(writer: _Writer, expr: Max, _outer: int) -> Iterator[Token]:
    yield Token("max(")
    yield from writer.listed(expr.terms)
    yield Token(")")


def _argmax(writer: _Writer, expr: ArgMax, _outer: int) -> Iterator[Token]:
    terms, numbers = expr.largest.terms, expr.numbers
    counted = numbers == tuple(range(1, len(terms) + 1))
    yield Token("argmax(")
    yield from writer.listed(terms, () if counted else [f"{number}: " for number in numbers])
    yield Token(")")


def _select(writer: _Writer, expr: Select, _outer: int) -> Iterator[Token]:
    condition = expr.condition
    yield Token("(")
    yield from writer.tokens(expr.then, _ADD)
    yield Token(" if ")
    yield from writer.tokens(condition.left, _ADD)
    yield Token(f" {_SIGNS[condition.op]} ")
    yield from writer.tokens(condition.right, _ADD)
    yield Token(" else ")
    yield from writer.tokens(expr.otherwise, _ADD)
    yield Token(")")


def _pick(writer: _Writer, expr: Pick, _outer: int) -> Iterator[Token]:
    yield Token(f"{expr.array.name}[")
    yield from writer.tokens(expr.number, _ADD)
    yield Token(f"{''.join(f',{place + 1}' for place in expr.rest)}]")


class Rule(NamedTuple):
    """How a kind of node is written: how tightly it binds what it is made of, and its tokens."""

    level: int
    write: Callable[[_Writer, Any, int], Iterator[Token]]


RULES: Mapping[type[Any], Rule] = {
    Const: Rule(_ATOM, _const),
    Ref: Rule(_ATOM, _ref),
    Neg: Rule(_UNARY, _neg),
    Sum: Rule(_ADD, _sum),
    Product: Rule(_MULTIPLY, _product),
    Sub: Rule(_ADD, _sub),
    Div: Rule(_MULTIPLY, _div),
    Call: Rule(_POSTFIX, _call),
    Select: Rule(_ATOM, _select),
    Max: Rule(_ATOM, _max),
    ArgMax: Rule(_ATOM, _argmax),
    Pick: Rule(_ATOM, _pick),
}
"""By class of node: how it is written."""
