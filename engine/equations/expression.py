"""Equations: the expression tree of one slot, and its readers.

Every op states its arithmetic as such a tree. The same tree is rendered on the screen, evaluated for provenance,
printed as Python source by the generated executor and as NumPy calls by the kernel executor, so what is shown is
what runs. All readers keep the written association: a sum is added from left to right, starting from its first
term; a product is multiplied from left to right.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.ieee import divide

Index = tuple[Any, ...]
"""Integers for one slot; an open mesh of integer arrays for a whole array at once."""


@dataclass(frozen=True, slots=True)
class Const:
    """A number of the formula itself, such as ½ or a batch size; ``text`` is how it is written."""

    value: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """One slot (or, with a mesh as index, many): ``array[index]``, counted from 0."""

    array: Array
    index: Index = ()


@dataclass(frozen=True, slots=True)
class Neg:
    """−x."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms added from left to right, starting from the first."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors multiplied from left to right."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Sub:
    """left − right."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Div:
    """numerator / denominator, with the IEEE results inf and NaN for a zero denominator."""

    numerator: Expr
    denominator: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one argument."""

    function: Function
    argument: Expr


class Comparison(StrEnum):
    """The comparisons that a Select may make; every one is false of NaN, except ``!=``."""

    LE = "<="
    LT = "<"
    GE = ">="
    GT = ">"
    EQ = "=="
    NE = "!="


@dataclass(frozen=True, slots=True)
class Compare:
    """left op right, as the condition of a Select."""

    op: Comparison
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Select:
    """``then`` where the condition holds, else ``otherwise``."""

    condition: Compare
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Max:
    """The first of the largest terms; the first NaN, when there is one."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ArgMax:
    """The number of the first of the largest terms; of the first NaN, when there is one.

    Attributes:
        largest: the terms.
        numbers: their numbers.
    """

    largest: Max
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """The slot of an array whose place along its first axis is a number that is computed: an entry of a table's row.

    Attributes:
        array: the table, without a sample axis.
        number: the row, from 0; where there is no such row, the value is NaN.
        rest: the index along the other axes.
    """

    array: Array
    number: Expr
    rest: Index

    def slot(self, number: float) -> Ref | None:
        """The slot of a row; None where there is none."""
        return Ref(self.array, (int(number), *self.rest)) if is_place(number, self.array.shape[0]) else None


Expr = Const | Ref | Neg | Sum | Product | Sub | Div | Call | Select | Max | ArgMax | Pick


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """A function of one argument: a primitive of the libraries, or one defined by an expression.

    Attributes:
        name: the name in scenario files and in generated code.
        symbol: how it is written on the screen.
        definition: builds the defining expression from the argument; None for a primitive.
        plain: the primitive as a function of floats that never raises; see ``arithmetic``.
        fast: the same from the standard library, which may raise an ArithmeticError or ValueError.
        load: gives the primitive as a NumPy function with an ``out`` argument, when that is first needed.
    """

    name: str
    symbol: str
    definition: Callable[[Expr], Expr] | None = None
    plain: Callable[[float], float] | None = None
    fast: Callable[[float], float] | None = None
    load: Callable[[], Callable[..., Any]] | None = None

    @property
    def array(self) -> Callable[..., Any]:
        """The primitive as a NumPy function with an ``out`` argument."""
        assert self.load is not None
        return self.load()

    def __repr__(self) -> str:
        return f"<Function {self.name}>"


ZERO = Const(0.0)
ONE = Const(1.0)
TWO = Const(2.0)
HALF = Const(0.5, "½")

SQUARE = Function(name="square", symbol="²", definition=lambda x: Product((x, x)))
"""x²; multiplied as x·x, because a power rounds differently."""


def is_place(number: float, length: int) -> bool:
    """Whether a number is a whole one from 0 to before ``length``."""
    return 0 <= number < length and number == int(number)


def children(expr: Expr | Compare) -> tuple[Expr, ...]:
    """The direct parts of an expression, in written order."""
    match expr:
        case Const() | Ref():
            return ()
        case Neg(operand) | ArgMax(operand, _):
            return (operand,)
        case Sum(parts) | Product(parts) | Max(parts):
            return parts
        case Sub(left, right) | Div(left, right) | Compare(_, left, right):
            return (left, right)
        case Call(_, argument):
            return (argument,)
        case Select(condition, then, otherwise):
            return (condition.left, condition.right, then, otherwise)
        case Pick(_, number, _):
            return (number,)


def refs(expr: Expr) -> Iterator[Ref]:
    """Every slot that an expression reads, in written order, repeated where it is read again.

    Which slot a Pick takes shows only when its number is known: see ``taken``.
    """
    if isinstance(expr, Ref):
        yield expr
        return
    for part in children(expr):
        yield from refs(part)


def terms(expr: Expr) -> tuple[Expr, ...]:
    """The summands of a step: those of a sum, else the expression alone."""
    return expr.terms if isinstance(expr, Sum) else (expr,)


def is_polynomial(expr: Expr) -> bool:
    """Whether an expression is made of sums and products alone."""
    match expr:
        case Ref() | Const():
            return True
        case Neg() | Sum() | Product():
            return all(map(is_polynomial, children(expr)))
        case _:
            return False


class Mathematics(NamedTuple):
    """Where the values of primitive functions come from, so that a replay uses the same as the run.

    ``python`` takes them from the standard library, as the generated executor does; otherwise they come from
    NumPy, as in the kernel executor. The two differ in the last bit of some values.
    """

    python: bool

    def call(self, function: Function, x: float) -> float:
        """The value of a primitive at x; never raises."""
        if self.python:
            assert function.plain is not None
            return function.plain(x)
        import numpy as np  # here, so that a table of formulas is read without it

        with np.errstate(all="ignore"):
            return float(function.array(np.float64(x)))


PYTHON = Mathematics(python=True)
NUMPY = Mathematics(python=False)


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.LE: operator.le,
    Comparison.LT: operator.lt,
    Comparison.GE: operator.ge,
    Comparison.GT: operator.gt,
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
}


def holds(condition: Compare, read: Callable[[Ref], float], mathematics: Mathematics) -> bool:
    """Whether the condition of a choice is true."""
    left = evaluate(condition.left, read, mathematics)
    right = evaluate(condition.right, read, mathematics)
    return _COMPARE[condition.op](left, right)


def evaluate(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> float:
    """The value of an expression over integers indices, bit for bit as the executors compute it.

    Args:
        expr: the expression.
        read: the value of a slot.
        mathematics: the executor's source of primitive functions.
    """
    match expr:
        case Const(value):
            return value
        case Ref():
            return read(expr)
        case Neg(operand):
            return -evaluate(operand, read, mathematics)
        case Sum(parts):
            total = evaluate(parts[0], read, mathematics)
            for part in parts[1:]:
                total = total + evaluate(part, read, mathematics)
            return total
        case Product(factors):
            product = evaluate(factors[0], read, mathematics)
            for factor in factors[1:]:
                product = product * evaluate(factor, read, mathematics)
            return product
        case Sub(left, right):
            return evaluate(left, read, mathematics) - evaluate(right, read, mathematics)
        case Div(numerator, denominator):
            return divide(evaluate(numerator, read, mathematics), evaluate(denominator, read, mathematics))
        case Call(function, argument):
            if function.definition is not None:
                return evaluate(function.definition(argument), read, mathematics)
            return mathematics.call(function, evaluate(argument, read, mathematics))
        case Select(condition, then, otherwise):
            return evaluate(then if holds(condition, read, mathematics) else otherwise, read, mathematics)
        case Max(parts):
            best = evaluate(parts[0], read, mathematics)
            for part in parts[1:]:
                value = evaluate(part, read, mathematics)
                best = best if best >= value or best != best else value
            return best
        case ArgMax(Max(parts), numbers):
            best, winner = evaluate(parts[0], read, mathematics), numbers[0]
            for number, part in zip(numbers[1:], parts[1:], strict=True):
                value = evaluate(part, read, mathematics)
                if not (best >= value or best != best):
                    best, winner = value, number
            return float(winner)
        case Pick(_, number, _):
            slot = expr.slot(evaluate(number, read, mathematics))
            return math.nan if slot is None else read(slot)


def taken(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> Expr:
    """The expression with every choice replaced by the branch that was taken, for people to read.

    Of a sum, the terms vanish that a choice made 0.
    """
    if is_polynomial(expr):
        return expr
    match expr:
        case Select(condition, then, otherwise):
            return taken(then if holds(condition, read, mathematics) else otherwise, read, mathematics)
        case Neg(operand):
            return Neg(taken(operand, read, mathematics))
        case Sum(parts):
            found = tuple(taken(part, read, mathematics) for part in parts)
            kept = [
                new for old, new in zip(parts, found, strict=True) if new is not ZERO or not isinstance(old, Select)
            ]
            if len(kept) == len(found):
                return Sum(found)
            shorter: Expr = ZERO if not kept else kept[0] if len(kept) == 1 else Sum(tuple(kept))
            # 0 + −0 is 0: of zeros that a choice made, one may have to stay.
            totals = (evaluate(one, read, mathematics) for one in (shorter, Sum(found)))
            return shorter if len({(total == 0, math.copysign(1.0, total)) for total in totals}) == 1 else Sum(found)
        case Product(factors):
            return Product(tuple(taken(factor, read, mathematics) for factor in factors))
        case Sub(left, right):
            return Sub(taken(left, read, mathematics), taken(right, read, mathematics))
        case Div(left, right):
            return Div(taken(left, read, mathematics), taken(right, read, mathematics))
        case Call(function, argument):
            return Call(function, taken(argument, read, mathematics))
        case Pick(_, number, _):
            return expr.slot(evaluate(number, read, mathematics)) or Const(math.nan, "NaN")
        case _:
            return expr


def substitute(expr: Expr, ref: Ref, replacement: Expr) -> Expr:
    """The expression with every reading of one slot replaced: the unfolding of an operand."""
    match expr:
        case Ref():
            return replacement if expr == ref else expr
        case Neg(operand):
            return Neg(substitute(operand, ref, replacement))
        case Sum(parts):
            return Sum(tuple(substitute(part, ref, replacement) for part in parts))
        case Max(parts):
            return Max(tuple(substitute(part, ref, replacement) for part in parts))
        case ArgMax(Max(parts), numbers):
            return ArgMax(Max(tuple(substitute(part, ref, replacement) for part in parts)), numbers)
        case Product(factors):
            flat: list[Expr] = []
            for factor in factors:
                new = substitute(factor, ref, replacement)
                flat.append(new)
            return Product(tuple(flat))
        case Sub(left, right):
            return Sub(substitute(left, ref, replacement), substitute(right, ref, replacement))
        case Div(left, right):
            return Div(substitute(left, ref, replacement), substitute(right, ref, replacement))
        case Call(function, argument):
            return Call(function, substitute(argument, ref, replacement))
        case Pick(array, number, rest):
            return Pick(array, substitute(number, ref, replacement), rest)
        case _:
            return expr


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
