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
    # A list that grows: generators within generators take as many calls a token as it lies deep.
    writer = _Writer(leaf, times, [])
    writer.tokens(expr, _ADD)
    return writer.out


def render(expr: Expr, leaf: Callable[[Ref], str], *, times: str = " · ") -> str:
    """The expression as one line of text; see ``tokens``."""
    return "".join(token.text for token in tokens(expr, leaf, times=times))


class _Writer(NamedTuple):
    """How an expression is written; see ``tokens``."""

    leaf: Callable[[Ref], str]
    times: str
    out: list[Token]

    def tokens(self, expr: Expr, outer: int) -> None:
        """Writes an expression, in parentheses where it binds less than what is around it."""
        rule = RULES[type(expr)]
        bracketed = isinstance(expr, Call) and expr.function is not SQUARE
        if bracketed or rule.level >= outer:
            rule.write(self, expr, outer)
        else:
            self.wrapped(expr)

    def wrapped(self, expr: Expr) -> None:
        """Writes an expression in parentheses."""
        self.out.append(Token("("))
        self.tokens(expr, _ADD)
        self.out.append(Token(")"))

    def listed(self, parts: Sequence[Expr], labels: Sequence[str] = ()) -> None:
        """Writes some expressions with commas between them, each behind its label where it has one."""
        for position, part in enumerate(parts):
            if position:
                self.out.append(Token(", "))
            if labels:
                self.out.append(Token(labels[position]))
            self.tokens(part, _ADD)


def _const(writer: _Writer, expr: Const, _outer: int) -> None:
    writer.out.append(Token(expr.text or f"{expr.value:g}"))


def _ref(writer: _Writer, expr: Ref, outer: int) -> None:
    text = writer.leaf(expr)
    writer.out.append(Token(f"({text})" if outer > _ADD and text.startswith(("-", "−")) else text, expr))


def _neg(writer: _Writer, expr: Neg, _outer: int) -> None:
    writer.out.append(Token("−"))
    writer.tokens(expr.operand, _POSTFIX)


def _sum(writer: _Writer, expr: Sum, _outer: int) -> None:
    first, *rest = expr.terms
    writer.tokens(first, _ADD)
    for part in rest:
        negative = isinstance(part, Neg)
        writer.out.append(Token(" − " if negative else " + "))
        writer.tokens(part.operand if isinstance(part, Neg) else part, _MULTIPLY)


def _sub(writer: _Writer, expr: Sub, _outer: int) -> None:
    writer.tokens(expr.left, _ADD)
    writer.out.append(Token(" − "))
    writer.tokens(expr.right, _MULTIPLY)


def _product(writer: _Writer, expr: Product, _outer: int) -> None:
    first, *rest = expr.factors
    writer.tokens(first, _UNARY)
    for factor in rest:
        writer.out.append(Token(writer.times))
        writer.tokens(factor, _POSTFIX)


def _div(writer: _Writer, expr: Div, _outer: int) -> None:
    # η · m / n is read from the left, as it is computed.
    writer.tokens(expr.numerator, _MULTIPLY if isinstance(expr.numerator, Product) else _UNARY)
    writer.out.append(Token(" / "))
    writer.tokens(expr.denominator, _POSTFIX)


def _call(writer: _Writer, expr: Call, _outer: int) -> None:
    if expr.function is SQUARE:
        writer.tokens(expr.argument, _ATOM)
        writer.out.append(Token("²"))
    else:
        writer.out.append(Token(expr.function.symbol))
        writer.wrapped(expr.argument)


def _max(writer: _Writer, expr: Max, _outer: int) -> None:
    writer.out.append(Token("max("))
    writer.listed(expr.terms)
    writer.out.append(Token(")"))


def _argmax(writer: _Writer, expr: ArgMax, _outer: int) -> None:
    terms, numbers = expr.largest.terms, expr.numbers
    counted = numbers == tuple(range(1, len(terms) + 1))
    writer.out.append(Token("argmax("))
    writer.listed(terms, () if counted else [f"{number}: " for number in numbers])
    writer.out.append(Token(")"))


def _select(writer: _Writer, expr: Select, _outer: int) -> None:
    condition = expr.condition
    writer.out.append(Token("("))
    writer.tokens(expr.then, _ADD)
    writer.out.append(Token(" if "))
    writer.tokens(condition.left, _ADD)
    writer.out.append(Token(f" {_SIGNS[condition.op]} "))
    writer.tokens(condition.right, _ADD)
    writer.out.append(Token(" else "))
    writer.tokens(expr.otherwise, _ADD)
    writer.out.append(Token(")"))


def _pick(writer: _Writer, expr: Pick, _outer: int) -> None:
    writer.out.append(Token(f"{expr.array.name}["))
    writer.tokens(expr.number, _ADD)
    writer.out.append(Token(f"{''.join(f',{place + 1}' for place in expr.rest)}]"))


class Rule(NamedTuple):
    """How a kind of node is written: how tightly it binds what it is made of, and what writes its tokens."""

    level: int
    write: Callable[[_Writer, Any, int], None]


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
