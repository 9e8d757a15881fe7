"""Equations: the expression tree of one slot, and its readers.

Every op states its arithmetic as such a tree. The same tree is rendered on the screen, evaluated for provenance,
printed as Python source by the generated executor and as NumPy calls by the kernel executor, so what is shown is
what runs. All readers keep the written association: a sum is added from left to right, starting from its first
term; a product is multiplied from left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retrograde.engine.equations.array import Array

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
        array: the primitive as a NumPy function with an ``out`` argument.
    """

    name: str
    symbol: str
    definition: Callable[[Expr], Expr] | None = None
    plain: Callable[[float], float] | None = None
    fast: Callable[[float], float] | None = None
    array: Callable[..., Any] | None = None

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
