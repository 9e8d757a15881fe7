"""Equations: the expression tree of one slot, and how it is gone through.

Every op states its arithmetic as such a tree. The same tree is rendered on the screen, evaluated for provenance,
printed as Python source by the generated executor and as NumPy calls by the kernel executor, so what is shown is
what runs. All readers keep the written association: a sum is added from left to right, starting from its first
term; a product is multiplied from left to right.

A reader is a table with a rule for each class of node; a test sees to it that none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from retrograde.engine.equations.array import Array

Index = tuple[Any, ...]
"""Integers for one slot; an open mesh of integer arrays for a whole array at once."""


@dataclass(frozen=True, slots=True)
class Const:
    """A number of the formula itself, such as ½ or a batch size; ``text`` is how it is written."""

    value: float
    text: str = ""


class Ref(NamedTuple):
    """One slot (or, with a mesh as index, many): ``array[index]``, counted from 0.

    A tuple, since a key makes and looks up hundreds of them, and of a tuple both are C.
    """

    array: Array
    index: Index = ()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Neg:
    """−x."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms added from left to right, starting from the first."""

    terms: tuple[Expr, ...]


class Product(NamedTuple):
    """Factors multiplied from left to right.

    A tuple as a Ref is; of one field, so that the two are never equal.
    """

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


def term_products(*factors: Iterable[Expr]) -> list[Expr]:
    """The products of what stands at the same place of each: the terms of a weighted sum, without a call for each."""
    return list(map(_NEW, repeat(Product), zip(zip(*factors, strict=True))))


def slots(array: Array, indices: Iterable[Index]) -> list[Ref]:
    """The slots of an array at many indices, without a call for each."""
    return list(map(_NEW, repeat(Ref), zip(repeat(array), indices)))


_NEW: Callable[[type[Any], tuple[Any, ...]], Any] = tuple.__new__


ZERO = Const(0.0)
ONE = Const(1.0)
TWO = Const(2.0)
HALF = Const(0.5, "½")

SQUARE = Function(name="square", symbol="²", definition=lambda x: Product((x, x)))
"""x²; multiplied as x·x, because a power rounds differently."""


def is_place(number: float, length: int) -> bool:
    """Whether a number is a whole one from 0 to before ``length``."""
    return 0 <= number < length and number == int(number)


T = TypeVar("T")


class Structure(NamedTuple):
    """What a kind of node is made of.

    Attributes:
        parts: the expressions directly in a node, in written order.
        rebuilt: the node with other parts.
        own: what it says besides, its indices left out.
        places: its indices.
    """

    parts: Callable[[Any], tuple[Expr, ...]] = lambda _node: ()
    rebuilt: Callable[[Any, tuple[Expr, ...]], Any] = lambda node, _parts: node
    own: Callable[[Any], tuple[Any, ...]] = lambda _node: ()
    places: Callable[[Any], Index] = lambda _node: ()


STRUCTURE: Mapping[type[Any], Structure] = {
    Const: Structure(own=lambda node: (float(node.value).hex(),)),
    Ref: Structure(own=lambda node: (node.array,), places=lambda node: node.index),
    Neg: Structure(lambda node: (node.operand,), lambda _node, parts: Neg(*parts)),
    Sum: Structure(attrgetter("terms"), lambda _node, parts: Sum(parts)),
    Product: Structure(attrgetter("factors"), lambda _node, parts: Product(parts)),
    Sub: Structure(lambda node: (node.left, node.right), lambda _node, parts: Sub(*parts)),
    Div: Structure(lambda node: (node.numerator, node.denominator), lambda _node, parts: Div(*parts)),
    Call: Structure(
        lambda node: (node.argument,),
        lambda node, parts: Call(node.function, *parts),
        own=lambda node: (node.function,),
    ),
    Compare: Structure(
        lambda node: (node.left, node.right),
        lambda node, parts: Compare(node.op, *parts),
        own=lambda node: (node.op,),
    ),
    Select: Structure(
        lambda node: (node.condition.left, node.condition.right, node.then, node.otherwise),
        lambda node, parts: Select(Compare(node.condition.op, *parts[:2]), *parts[2:]),
        own=lambda node: (node.condition.op,),
    ),
    Max: Structure(attrgetter("terms"), lambda _node, parts: Max(parts)),
    ArgMax: Structure(
        lambda node: node.largest.terms,
        lambda node, parts: ArgMax(Max(parts), node.numbers),
        own=lambda node: (node.numbers,),
    ),
    Pick: Structure(
        lambda node: (node.number,),
        lambda node, parts: Pick(node.array, parts[0], node.rest),
        own=lambda node: (node.array,),
        places=lambda node: node.rest,
    ),
}
"""By class of node: what every traversal goes by."""
_reader = {kind: structure.parts for kind, structure in STRUCTURE.items()}.__getitem__
"""What reads the parts of a class of node, without a look at the rest of its row."""


def children(expr: Expr | Compare) -> tuple[Expr, ...]:
    """The direct parts of an expression, in written order."""
    return _reader(type(expr))(expr)


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The node with each of its direct parts replaced by what ``change`` makes of it."""
    structure = STRUCTURE[type(expr)]
    found: Expr = structure.rebuilt(expr, tuple(map(change, structure.parts(expr))))
    return found


def folded(expr: Expr | Compare, join: Callable[[Any, tuple[T, ...]], T]) -> T:
    """What ``join`` makes of a node and of what it made of the parts, from the leaves up."""
    return join(expr, tuple(folded(part, join) for part in children(expr)))


def form(expr: Expr | Compare) -> Hashable:
    """A value that is equal for expressions that differ in their indices alone."""
    return folded(expr, lambda node, parts: (type(node), *STRUCTURE[type(node)].own(node), *parts))


def key_of(expr: Expr | Compare) -> Hashable:
    """A value that is equal where two expressions are written alike, over integers or open meshes."""
    return folded(expr, _key)


def _key(node: Any, parts: tuple[Hashable, ...]) -> Hashable:
    structure = STRUCTURE[type(node)]
    return (type(node), *structure.own(node), *map(_place, structure.places(node)), *parts)


def _place(part: Any) -> Hashable:
    """A hashable value of one part of an index."""
    return (part.shape, part.astype("int64").tobytes()) if getattr(part, "ndim", 0) else int(part)


def refs(expr: Expr) -> Iterator[Ref]:
    """Every slot that an expression reads, in written order, repeated where it is read again.

    Which slot a Pick takes shows only when its number is known: see ``taken``.
    """
    found: list[Ref] = []
    _collect((expr,), found)
    return iter(found)


def _collect(parts: tuple[Expr, ...], found: list[Ref]) -> None:
    for part in parts:
        if type(part) is Ref:
            found.append(part)
        elif type(part) is not Const:
            _collect(_reader(type(part))(part), found)


def terms(expr: Expr) -> tuple[Expr, ...]:
    """The summands of a step: those of a sum, else the expression alone."""
    return expr.terms if isinstance(expr, Sum) else (expr,)


def is_settled(expr: Expr) -> bool:
    """Whether an expression makes no choice: it reads the same slots whatever the values are."""
    # Of a long sum this is asked at each key: a level at a time, and of leaves no more than which there are.
    level: Sequence[Expr] = (expr,)
    while not (kinds := set(map(type, level))) <= _LEAVES:
        if kinds & _CHOICES:
            return False
        inner: list[Expr] = []
        for one in level:
            kind = type(one)
            if kind not in _LEAVES:
                inner += _reader(kind)(one)
        level = inner
    return True


_LEAVES = frozenset((Ref, Const))
_CHOICES = frozenset((Select, Pick))
