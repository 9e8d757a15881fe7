"""Equations as mathematics is set: one walk over an equation's tree, spelt as one of ``markup``.

A symbol of the screen is read for its parts, so that `δ_o1`, `w5⁺`, `∂E/∂W_h[1,2]` or `net_h1@2` have their indices
where a book has them. Where rendering has a line with brackets, a fraction or a root says the same without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from retrograde.engine.equations.expression import (
    SQUARE,
    ArgMax,
    Call,
    Compare,
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
from retrograde.engine.equations.functions import ABS, SQRT
from retrograde.engine.equations.rendering import (
    ADD,
    ATOM,
    MULTIPLY,
    POSTFIX,
    SIGNS,
    UNARY,
    brackets,
    negative,
    term_labels,
)
from retrograde.engine.text import _
from retrograde.engine.writing.markup import NEGATIVE, Spelling

Leaf = Callable[[Ref], str]
"""What stands for a slot, as plain text: its symbol, or its number."""


# -- symbols and numbers

_NUMBER = re.compile(r"([-−+]?)(\d+\.?\d*|\.\d+|inf|∞|nan|NaN)(?:e([-−+]?)0*(\d+))?")
_DERIVATIVE = re.compile(r"∂(.+?)/∂(.+)")
_NORM = re.compile(r"‖(.+)‖(\S*)")
_AROUND = re.compile(r"([^()\[\]]*)\((.*)\)")
_LISTED = re.compile(r"([^\[\]]+)(\[.*\])")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵗ", "0123456789+−t")
_SAMPLE = re.compile(r"(\{\d+\})$")
_ABOVE = re.compile(r"([⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵗ]+)$")
_TIME = re.compile(r"@(\d+)$")
_MARKS = (_SAMPLE, _ABOVE, _TIME)
_VULGAR = {"½": ("1", "2"), "¼": ("1", "4"), "⅓": ("1", "3"), "⅔": ("2", "3"), "¾": ("3", "4"), "⅙": ("1", "6")}


def symbol(text: str, spelling: Spelling) -> str:
    """A symbol as the screen writes it, or a number, as mathematics."""
    found = number(text, spelling)
    if found is not None:
        return found
    if derivative := _DERIVATIVE.fullmatch(text):
        above, below = (spelling.row((spelling.sign("∂"), symbol(part, spelling))) for part in derivative.groups())
        return spelling.fraction(above, below)
    text, marks = _unmarked(text)
    above = spelling.small(marks) if marks else ""
    if norm := _NORM.fullmatch(text):
        inner = spelling.fenced(symbol(norm[1], spelling), "‖", "‖")
        return spelling.script(inner, "", above or (spelling.small(norm[2]) if norm[2] else ""))
    if around := _AROUND.fullmatch(text):
        head = (_named(around[1], "", spelling),) if around[1] else ()
        inner = spelling.row((*head, spelling.fenced(symbol(around[2], spelling), "(", ")")))
        return spelling.script(inner, "", above) if above else inner
    if listed := _LISTED.fullmatch(text):
        return spelling.row((_named(listed[1], above, spelling), spelling.small(listed[2])))
    return _named(text, above, spelling)


def _unmarked(text: str) -> tuple[str, str]:
    """A symbol without what stands above it, and that: its time step, the sign of a new value, its sample."""
    marks: list[str] = []
    for pattern in _MARKS:
        match = pattern.search(text)
        if match is not None and match.start():
            text = text[: match.start()]
            marks.insert(0, match[1].translate(_RAISED) if pattern is not _TIME else f"({match[1]})")
    return text, ",".join(marks)


def _named(text: str, above: str, spelling: Spelling) -> str:
    """A name without brackets: what stands before the line below, or before the number at its end, is the letter."""
    stem, _line, below = text.partition("_")
    if not stem:
        stem, below = text, ""
    raised = _ABOVE.search(stem)
    if raised is not None and raised.start():
        # The square of σ²_g1 belongs to the letter.
        power = spelling.small(raised[1].translate(_RAISED))
        above = spelling.row((power, spelling.sign(","), above)) if above else power
        stem = stem[: raised.start()]
    if not below and (match := re.fullmatch(r"([^\W\d_]+[\u0302′]*)([\d₀-₉][\d₀-₉.]*(?:\.\w+)?)", stem)):
        stem, below = match[1], match[2].translate(_LOWERED)
    return spelling.script(spelling.word(stem), spelling.small(below) if below else "", above)


def number(text: str, spelling: Spelling) -> str | None:
    """A number as mathematics, its exponent as a power of ten; None of other texts."""
    if text in _VULGAR:
        above, below = _VULGAR[text]
        return spelling.fraction(spelling.digits(above), spelling.digits(below))
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits, power_sign, power = match.groups()
    found = _special(digits, spelling) or spelling.digits(digits)
    if power is not None:
        raised = spelling.digits(power)
        if power_sign in {"-", "−"}:
            raised = spelling.row((spelling.sign(NEGATIVE), raised))
        found = spelling.row((found, spelling.sign("×"), spelling.script(spelling.digits("10"), "", raised)))
    return spelling.row((spelling.sign(NEGATIVE), found)) if sign in {"-", "−"} else found


def _special(digits: str, spelling: Spelling) -> str:
    """What is no digits: infinity, and what is no number."""
    return {
        "inf": spelling.sign("∞"),
        "∞": spelling.sign("∞"),
        "nan": spelling.word("NaN"),
        "NaN": spelling.word("NaN"),
    }.get(digits, "")


# -- equations


def expression(expr: Expr, leaf: Leaf, spelling: Spelling, *, times: str = "·") -> str:
    """An equation's right side as mathematics, as one piece.

    Args:
        expr: the expression, over integer indices.
        leaf: the text of a slot: its symbol, or its number.
        spelling: the markup.
        times: the sign between factors: ``·`` between symbols, ``×`` between numbers.
    """
    return _Writer(leaf, spelling, times).set(expr, ADD)


def pieces(expr: Expr, leaf: Leaf, spelling: Spelling, *, times: str = "·") -> list[str]:
    """The same as pieces between which a line may end: the terms of a sum, each behind its sign."""
    writer = _Writer(leaf, spelling, times)
    return [spelling.row(parts) for parts in writer.terms(expr)]


class _Writer(NamedTuple):
    """How an expression is set; see ``expression``."""

    leaf: Leaf
    spelling: Spelling
    times: str

    def set(self, expr: Expr, outer: int) -> str:
        """An expression, in brackets where it binds less than what is around it."""
        rule = RULES[type(expr)]
        found = rule.write(self, expr, outer)
        return found if rule.level >= outer or brackets(expr) else self.fenced(found)

    def fenced(self, inner: str) -> str:
        """In round brackets."""
        return self.spelling.fenced(inner, "(", ")")

    def sign(self, text: str) -> str:
        """An operator."""
        return self.spelling.sign(text)

    def terms(self, expr: Expr) -> list[tuple[str, ...]]:
        """The terms of a sum with the signs before them; of another expression itself."""
        if isinstance(expr, Sub):
            return [*self.terms(expr.left), (self.sign("−"), self.set(expr.right, MULTIPLY))]
        if not isinstance(expr, Sum):
            return [(self.set(expr, ADD),)]
        first, *rest = expr.terms
        found = self.terms(first)
        for part in rest:
            if isinstance(part, Neg):
                found.append((self.sign("−"), self.set(part.operand, MULTIPLY)))
            else:
                found.append((self.sign("+"), self.set(part, MULTIPLY)))
        return found

    def listed(self, parts: Sequence[Expr], labels: Sequence[str] = ()) -> list[str]:
        """Some expressions with commas between them, each behind its label where it has one."""
        found: list[str] = []
        for position, part in enumerate(parts):
            if position:
                found.append(self.sign(","))
            if labels:
                found.append(self.spelling.small(labels[position]))
            found.append(self.set(part, ADD))
        return found


def _const(writer: _Writer, expr: Const, _outer: int) -> str:
    return symbol(expr.text or f"{expr.value:g}", writer.spelling)


def _ref(writer: _Writer, expr: Ref, outer: int) -> str:
    text = writer.leaf(expr)
    found = symbol(text, writer.spelling)
    signed = outer > ADD and negative(text)
    # Under a square, an index above or a fraction would be squared with the wrong part.
    compound = outer >= ATOM and any(sign in text for sign in "⁺{@/²e(")
    return writer.fenced(found) if signed or compound else found


def _sum(writer: _Writer, expr: Sum | Sub, _outer: int) -> str:
    return writer.spelling.row(part for parts in writer.terms(expr) for part in parts)


def _neg(writer: _Writer, expr: Neg, _outer: int) -> str:
    return writer.spelling.row((writer.sign(NEGATIVE), writer.set(expr.operand, POSTFIX)))


def _product(writer: _Writer, expr: Product, _outer: int) -> str:
    first, *rest = expr.factors
    found = [writer.set(first, UNARY)]
    for factor in rest:
        found += [writer.sign(writer.times), writer.set(factor, POSTFIX)]
    return writer.spelling.row(found)


def _div(writer: _Writer, expr: Div, _outer: int) -> str:
    return writer.spelling.fraction(writer.set(expr.numerator, ADD), writer.set(expr.denominator, ADD))


def _call(writer: _Writer, expr: Call, _outer: int) -> str:
    spelling = writer.spelling
    if expr.function is SQUARE:
        return spelling.script(writer.set(expr.argument, ATOM), "", spelling.digits("2"))
    inner = writer.set(expr.argument, ADD)
    if expr.function is SQRT:
        return spelling.root(inner)
    if expr.function is ABS:
        return spelling.fenced(inner, "|", "|")
    return spelling.row((spelling.word(expr.function.symbol), writer.fenced(inner)))


def _max(writer: _Writer, expr: Max, _outer: int) -> str:
    inner = writer.spelling.row(writer.listed(expr.terms))
    return writer.spelling.row((writer.spelling.word("max"), writer.fenced(inner)))


def _argmax(writer: _Writer, expr: ArgMax, _outer: int) -> str:
    inner = writer.spelling.row(writer.listed(expr.largest.terms, term_labels(expr)))
    return writer.spelling.row((writer.spelling.word("argmax"), writer.fenced(inner)))


def _select(writer: _Writer, expr: Select, _outer: int) -> str:
    spelling, condition = writer.spelling, expr.condition
    holds = spelling.row((spelling.small(_("if") + " "), _compare(writer, condition)))
    rows = [(writer.set(expr.then, ADD), holds), (writer.set(expr.otherwise, ADD), spelling.small(_("otherwise")))]
    return spelling.cases(rows)


def _compare(writer: _Writer, condition: Compare) -> str:
    sides = writer.set(condition.left, ADD), writer.set(condition.right, ADD)
    return writer.spelling.row((sides[0], writer.sign(SIGNS[condition.op]), sides[1]))


def _pick(writer: _Writer, expr: Pick, _outer: int) -> str:
    spelling = writer.spelling
    rest = "".join(f",{place + 1}" for place in expr.rest)
    inner = (writer.set(expr.number, ADD), *((spelling.small(rest),) if rest else ()))
    return spelling.row((_named(expr.array.name, "", spelling), spelling.fenced(spelling.row(inner), "[", "]")))


class Rule(NamedTuple):
    """How a kind of node is set: how tightly it binds what it is made of, and what writes it."""

    level: int
    write: Callable[[_Writer, Any, int], str]


RULES: Mapping[type[Any], Rule] = {
    Const: Rule(ATOM, _const),
    Ref: Rule(ATOM, _ref),
    Neg: Rule(UNARY, _neg),
    Sum: Rule(ADD, _sum),
    Product: Rule(MULTIPLY, _product),
    Sub: Rule(ADD, _sum),
    Div: Rule(POSTFIX, _div),
    Call: Rule(POSTFIX, _call),
    Select: Rule(ATOM, _select),
    Max: Rule(POSTFIX, _max),
    ArgMax: Rule(POSTFIX, _argmax),
    Pick: Rule(POSTFIX, _pick),
}
"""By class of node: how it is set."""
