"""Rendering: an equation as a line of tokens, in symbols or in numbers, with as few parentheses as are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


ADD, MULTIPLY, UNARY, POSTFIX, ATOM = range(5)
"""How tightly a node binds what it is made of."""

SIGNS = {
    Comparison.LE: "≤",
    Comparison.LT: "<",
    Comparison.GE: "≥",
    Comparison.GT: ">",
    Comparison.EQ: "=",
    Comparison.NE: "≠",
}
"""The sign of a comparison."""


def brackets(expr: Expr) -> bool:
    """Whether an expression brings its own brackets."""
    return isinstance(expr, Call) and expr.function is not SQUARE


def term_labels(expr: ArgMax) -> list[str]:
    """What stands before the terms: their numbers; nothing where they are counted from 1."""
    counted = expr.numbers == tuple(range(1, len(expr.largest.terms) + 1))
    return [] if counted else [f"{number}: " for number in expr.numbers]


def negative(text: str) -> bool:
    """Whether the text of a slot begins with a sign."""
    return text.startswith(("-", "−"))


def tokens(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> list[Token]:
    """Renders an expression as a line of tokens, with as few parentheses as are needed.

    Args:
        expr: the expression, over integer indices.
        leaf: the text of a slot: its symbol, or its number.
        times: the sign between factors: `` · `` between symbols, `` × `` between numbers.
    """
    # A list that grows: generators within generators take as many calls a token as it lies deep.
    writer = _Writer(leaf, times, [], Token)
    writer.tokens(expr, ADD)
    return [one if isinstance(one, Token) else Token(one) for one in writer.out]


def render(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> str:
    """The expression as one line of text; see ``tokens``."""
    texts: list[Any] = []
    _Writer(leaf, times, texts, lambda text, _ref: text).tokens(expr, ADD)
    return "".join(texts)


class _Writer(NamedTuple):
    """How an expression is written; see ``tokens``.

    Attributes:
        leaf: the text of a slot.
        times: the sign between factors.
        out: what is written: what stands for slots, as ``made`` makes it, and other texts as they are.
        made: what stands for a slot, of its text.
    """

    leaf: Callable[[Ref], str]
    times: str
    out: list[Token | str]
    made: Callable[[str, Ref], Token | str]

    def tokens(self, expr: Expr, outer: int) -> None:
        """Writes an expression, in parentheses where it binds less than what is around it."""
        rule = RULES[type(expr)]
        if rule.level >= outer or brackets(expr):
            rule.write(self, expr, outer)
        else:
            self.wrapped(expr)

    def wrapped(self, expr: Expr) -> None:
        """Writes an expression in parentheses."""
        self.out.append("(")
        self.tokens(expr, ADD)
        self.out.append(")")

    def listed(self, parts: Sequence[Expr], labels: Sequence[str] = ()) -> None:
        """Writes some expressions with commas between them, each behind its label where it has one."""
        for position, part in enumerate(parts):
            if position:
                self.out.append(", ")
            if labels:
                self.out.append(labels[position])
            self.tokens(part, ADD)


def _const(writer: _Writer, expr: Const, _outer: int) -> None:
    writer.out.append(expr.text or f"{expr.value:g}")


def _ref(writer: _Writer, expr: Ref, outer: int) -> None:
    text = writer.leaf(expr)
    writer.out.append(writer.made(f"({text})" if outer > ADD and negative(text) else text, expr))


def _neg(writer: _Writer, expr: Neg, _outer: int) -> None:
    writer.out.append("−")
    writer.tokens(expr.operand, POSTFIX)


def _sum(writer: _Writer, expr: Sum, _outer: int) -> None:
    first, *rest = expr.terms
    writer.tokens(first, ADD)
    for part in rest:
        writer.out.append(" − " if isinstance(part, Neg) else " + ")
        writer.tokens(part.operand if isinstance(part, Neg) else part, MULTIPLY)


def _sub(writer: _Writer, expr: Sub, _outer: int) -> None:
    writer.tokens(expr.left, ADD)
    writer.out.append(" − ")
    writer.tokens(expr.right, MULTIPLY)


def _product(writer: _Writer, expr: Product, _outer: int) -> None:
    first, *rest = expr.factors
    writer.tokens(first, UNARY)
    for factor in rest:
        writer.out.append(writer.times)
        writer.tokens(factor, POSTFIX)


def _div(writer: _Writer, expr: Div, _outer: int) -> None:
    # η · m / n is read from the left, as it is computed.
    writer.tokens(expr.numerator, MULTIPLY if isinstance(expr.numerator, Product) else UNARY)
    writer.out.append(" / ")
    writer.tokens(expr.denominator, POSTFIX)


def _call(writer: _Writer, expr: Call, _outer: int) -> None:
    if expr.function is SQUARE:
        writer.tokens(expr.argument, ATOM)
        writer.out.append("²")
    else:
        writer.out.append(expr.function.symbol)
        writer.wrapped(expr.argument)


def _max(writer: _Writer, expr: Max, _outer: int) -> None:
    writer.out.append("max(")
    writer.listed(expr.terms)
    writer.out.append(")")


def _argmax(writer: _Writer, expr: ArgMax, _outer: int) -> None:
    writer.out.append("argmax(")
    writer.listed(expr.largest.terms, term_labels(expr))
    writer.out.append(")")


def _select(writer: _Writer, expr: Select, _outer: int) -> None:
    condition = expr.condition
    writer.out.append("(")
    writer.tokens(expr.then, ADD)
    writer.out.append(" if ")
    writer.tokens(condition.left, ADD)
    writer.out.append(f" {SIGNS[condition.op]} ")
    writer.tokens(condition.right, ADD)
    writer.out.append(" else ")
    writer.tokens(expr.otherwise, ADD)
    writer.out.append(")")


def _pick(writer: _Writer, expr: Pick, _outer: int) -> None:
    writer.out.append(f"{expr.array.name}[")
    writer.tokens(expr.number, ADD)
    writer.out.append(f"{''.join(f',{place + 1}' for place in expr.rest)}]")


class Rule(NamedTuple):
    """How a kind of node is written: how tightly it binds what it is made of, and what writes its tokens."""

    level: int
    write: Callable[[_Writer, Any, int], None]


RULES: Mapping[type[Any], Rule] = {
    Const: Rule(ATOM, _const),
    Ref: Rule(ATOM, _ref),
    Neg: Rule(UNARY, _neg),
    Sum: Rule(ADD, _sum),
    Product: Rule(MULTIPLY, _product),
    Sub: Rule(ADD, _sub),
    Div: Rule(MULTIPLY, _div),
    Call: Rule(POSTFIX, _call),
    Select: Rule(ATOM, _select),
    Max: Rule(ATOM, _max),
    ArgMax: Rule(ATOM, _argmax),
    Pick: Rule(ATOM, _pick),
}
"""By class of node: how it is written."""
