"""The equation of one element as a formula of whole arrays, as people write it with NumPy.

The equation is asked for at an element whose place along each axis is a letter. Where a letter comes back, the array is
read along that axis; terms that differ in plain numbers alone are a sum over an axis of their own:
W[j, 0] · x[s, 0] + W[j, 1] · x[s, 1] + b[j] is ``x @ W.T + b``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, Self

from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.expression import (
    STRUCTURE,
    Call,
    Compare,
    Const,
    Div,
    Expr,
    Function,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    children,
    refs,
)
from retrograde.engine.errors import EngineError
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.softmax import CausalPart
from retrograde.engine.text import _
from retrograde.engine.writing.dialects import NUMPY, Dialect
from retrograde.engine.writing.kinds import line

ATOM, POWER, SIGN, PRODUCT, SUM, COMPARISON = 6, 5, 4, 3, 2, 1
"""How tightly a piece of text holds together."""


class Letter(int):
    """A place along an axis that stands for every place; it is worth 0 where an equation computes with it."""

    name: str
    size: int
    first: int

    def __new__(cls, name: str, value: int = 0, size: int = 0, first: int = 0) -> Self:
        """A place called ``name``, one of ``size`` places of an axis from its place ``first`` on."""
        made = super().__new__(cls, value)
        made.name, made.size, made.first = name, size, first
        return made

    # Counting through axes row by row comes back to the place where there is only one axis to count.

    def __add__(self, other: int) -> int:
        """The place further on: of all places a stretch that begins there."""
        if other == 0:
            return self
        if self.size and not isinstance(other, Letter):
            return Letter(self.name, int(self) + other, self.size, self.first + other)
        return int(self) + int(other)

    __radd__ = __add__

    def __sub__(self, other: int) -> int:
        """The place, where nothing is taken away; of a stretch that is counted from its start its place there."""
        if other == 0:
            return self
        if other == self.first:
            return Letter(self.name, int(self) - self.first, self.size)
        return int(self) - int(other)

    def __mod__(self, other: int) -> int:
        """The place, where all places are below ``other``."""
        return self if self.size > 0 and self.first + self.size <= other else int(self) % other

    def __floordiv__(self, other: int) -> int:
        """The place, where it is counted by ones; 0 where all places are below ``other``."""
        if other == 1:
            return self
        return 0 if self.size > 0 and self.first + self.size <= other else int(self) // other


class Piece(NamedTuple):
    """A formula of arrays.

    Attributes:
        text: how it is written.
        axes: the letter of each axis.
        level: how tightly it holds together.
    """

    text: str
    axes: tuple[str, ...]
    level: int

    def within(self, level: int) -> str:
        """The text as an operand, in brackets where it holds less tightly."""
        return self.text if self.level >= level else f"({self.text})"


class NoFormError(EngineError):
    """An equation has no formula of whole arrays that could be read."""


@dataclass(slots=True)
class ArrayForm:
    """Writes equations in a dialect.

    Attributes:
        dialect: the library.
        names: what arrays are called; those without an entry are refused.
        functions: the functions that have been used and that the program has to define.
        helpers: the names of the functions of ``kinds`` that have been used.
        data: an array of the data, whose rows are the samples; empty where there is none.
        strict: whether an array of one number has all its axes: layers behind it may read along them.
    """

    dialect: Dialect
    names: dict[Array, str]
    functions: dict[str, Function]
    helpers: set[str] = field(default_factory=set)
    data: str = ""
    strict: bool = False

    def of(self, op: Op) -> str:
        """The right side of an assignment to the target of an op.

        Raises:
            NoFormError: it cannot be written with whole arrays.
        """
        found = line(self, op)
        return self.equation(op) if found is None else found

    @property
    def count(self) -> str:
        """How many samples there are."""
        return self.dialect.counted.format(self.data) if self.data else "1"

    def name(self, array: Array) -> str:
        """What an array is called.

        Raises:
            NoFormError: the program does not know it.
        """
        name = self.names.get(array)
        if name is None:
            raise self.refusal(None)
        return name

    def equation(self, op: Op, rows: tuple[int, int] | None = None) -> str:
        """The right side as it follows from the equation of an element.

        Args:
            op: the op.
            rows: the stretch of the target's first axis that is written, where that is not all.

        Raises:
            NoFormError: it cannot be written with whole arrays.
        """
        if rows is None and isinstance(op, Gradient) and any(map(_partial, op.parts)):
            # The first and the last element do not show what is so of some between them.
            raise self.refusal(op)
        found = {_Writer(self, op).text(last, rows) for last in (False, True)}
        if len(found) != 1:
            raise self.refusal(op)
        return found.pop()

    def formula(self, expr: Expr) -> str:
        """A formula of arrays that are read as a whole."""
        return _Writer(self, None).piece(expr).text

    def own(self, op: Op) -> NoFormError:
        """That a library has no line for an op, because it does without."""
        return NoFormError(_("{library} does this by itself").format(library=self.dialect.title))

    def refusal(self, op: Op | None) -> NoFormError:
        """That an op has no short form."""
        message = _("{name} ({title}) has no short form with whole arrays")
        name, title = ("", "") if op is None else (op.target.name, op.title)
        return NoFormError(message.format(name=name, title=title))


def _partial(part: Part) -> bool:
    """Whether a use reads some elements of its array only."""
    if isinstance(part, CausalPart):
        # What is to come is zero by itself, as e is there.
        return False
    return part.region is not None or (part.mask is not None and not part.mask.all())


class _Writer:
    """Writes the equation of one op."""

    def __init__(self, form: ArrayForm, op: Op | None) -> None:
        self.form = form
        self.dialect = form.dialect
        self.op = op
        self.order: list[str] = []
        self.sizes: dict[str, int] = {}

    def text(self, last: bool, rows: tuple[int, int] | None) -> str:
        """The right side, with every letter worth the first or the last place of its axis, or of its stretch."""
        op = self.op
        assert op is not None
        self.order, self.sizes = [], {}
        shape, extent = op.target.shape, op.extent
        batch = next((array.shape[0] for array in op.inputs if array.batched), 1)
        letters = []
        if extent is Extent.SUM:
            # Every sample has a share in it: the shares are added up.
            letters.append(self._letter("n", batch, last))
        letters += [self._letter(f"a{axis}", length, last) for axis, length in enumerate(shape)]
        if rows is not None:
            first, stop = rows
            place = 1 if extent is Extent.SUM or op.target.batched else 0
            name = letters[place].name
            self.sizes[name] = stop - first
            letters[place] = Letter(name, stop - 1 if last else first, stop - first, first)
        index = tuple(letters)
        target = tuple(letter.name for letter in index[extent is Extent.SUM :])
        equation = op.equation(index)
        piece = self._summed([equation], ("n",), wrapped=True) if extent is Extent.SUM else self.piece(equation)
        samples = target[:1] if op.target.batched and self.form.strict else ()
        constant = [axis for axis in target if axis not in piece.axes and (axis in samples or self.sizes[axis] > 1)]
        if piece.axes != target:
            piece = self._spread(piece, target)
        if constant and extent is not Extent.SUM:
            # What is added up over such an axis, or read along it, has to be there as often as the axis is long.
            return self.dialect.broadcast.format(x=piece.text, shape=", ".join(self._lengths(op.target)))
        return piece.text

    def _lengths(self, array: Array) -> list[str]:
        """The length of each axis of an array; the number of samples is asked for."""
        count = [self.form.count] if array.batched else []
        found = [str(length) for length in array.shape[len(count) :]]
        return [*count, *found] if len(array.shape) > 1 else [f"{(*count, *found)[0]},"]

    def _letter(self, name: str, size: int, last: bool) -> Letter:
        self.order.append(name)
        self.sizes[name] = size
        return Letter(name, size - 1 if last else 0, size)

    # -- nodes

    def piece(self, expr: Expr | Compare) -> Piece:
        """A node and all below it."""
        match expr:
            case Const():
                return Piece(_number(expr.value), (), ATOM if expr.value >= 0 else SIGN)
            case Ref():
                return self._read(expr)
            case Neg():
                inner = self.piece(expr.operand)
                return Piece(f"-{inner.within(POWER)}", inner.axes, SIGN)
            case Sum():
                return self._sum(expr)
            case Product():
                return self._product(expr.factors)
            case Sub():
                return self._joined("-", (expr.left, expr.right), SUM)
            case Div():
                return self._joined("/", (expr.numerator, expr.denominator), PRODUCT)
            case Call():
                return self._call(expr)
            case Select():
                return self._select(expr)
            case Max():
                return self._largest(expr)
            case Pick():
                return self._picked(expr)
            case _:
                raise self.form.refusal(self.op)

    def _read(self, ref: Ref) -> Piece:
        name = self.form.names.get(ref.array)
        if name is None:
            raise self.form.refusal(self.op)
        axes = tuple(place.name for place in ref.index if isinstance(place, Letter))
        if len(set(axes)) < len(axes):
            raise self.form.refusal(self.op)
        places = [self._place(place, length) for place, length in zip(ref.index, ref.array.shape, strict=True)]
        if all(place == ":" for place in places):
            return Piece(name, axes, ATOM)
        if not axes and ref.array.size == 1:
            # One number for all: it is spread over whatever it meets.
            if self.op is not None and not self.op.target.shape and ref.array.shape:
                # The sum of one number has no axes.
                return Piece(self.dialect.reduce("sum", name, ()), (), ATOM)
            # With more axes than there are it would add some.
            if self.op is None or len(ref.array.shape) <= len(self.op.target.shape) + (self.op.extent is Extent.SUM):
                return Piece(name, (), ATOM)
        return Piece(f"{name}[{', '.join(places)}]", axes, ATOM)

    @staticmethod
    def _place(place: int, length: int) -> str:
        """How an axis is indexed: whole, a stretch of it, or one place."""
        if not isinstance(place, Letter):
            return str(place)
        if place.size == length:
            return ":"
        stop = place.first + place.size
        if stop > length:
            raise NoFormError(_("a stretch that goes beyond its axis has no short form with whole arrays"))
        return f"{place.first or ''}:{stop if stop < length else ''}"

    def _call(self, expr: Call) -> Piece:
        inner, function = self.piece(expr.argument), expr.function
        if function.name == "square":
            return Piece(f"{inner.within(ATOM)} ** 2", inner.axes, POWER)
        if function.definition is None:
            return Piece(self.dialect.call(function.name, self._argument(expr, inner)), inner.axes, ATOM)
        name, number = function.name, 1
        # ELU with another α is another function.
        while not _alike(self.form.functions.setdefault(name, function), function):
            number += 1
            name = f"{function.name}_{number}"
        return Piece(f"{name}({self._argument(expr, inner)})", inner.axes, ATOM)

    def _argument(self, expr: Call, inner: Piece) -> str:
        """What a function is called with: a number alone as the library's own."""
        alone = self.dialect is not NUMPY and not any(True for _ref in refs(expr.argument))
        return self.dialect.array.format(inner.text) if alone else inner.text

    def _select(self, expr: Select) -> Piece:
        compared = [self.piece(part) for part in (expr.condition.left, expr.condition.right)]
        chosen = [self.piece(part) for part in (expr.then, expr.otherwise)]
        axes = self._union(*compared, *chosen)
        left, right = (self._spread(piece, axes).within(SUM) for piece in compared)
        then, otherwise = (self._spread(piece, axes).text for piece in chosen)
        condition = f"{left} {expr.condition.op.value} {right}"
        return Piece(self.dialect.where(condition, then, otherwise), axes, ATOM)

    def _largest(self, expr: Max) -> Piece:
        pieces = []
        for family in self._families(expr.terms):
            term, letters = self._lettered(family)
            pieces.append(self._reduced("max", self.piece(term), letters) if letters else self.piece(term))
        if len(pieces) == 1 and len(expr.terms) > 1:
            return pieces[0]
        axes = self._union(*pieces)
        first, *rest = [self._spread(piece, axes).text for piece in pieces]
        for text in rest:
            first = self.dialect.larger(first, text, alone=not axes)
        return Piece(first, axes, ATOM)

    def _picked(self, expr: Pick) -> Piece:
        number, table = self.piece(expr.number), self.form.names.get(expr.array)
        rest = tuple(place.name for place in expr.rest if isinstance(place, Letter))
        if table is None or len(rest) < len(expr.rest):
            raise self.form.refusal(self.op)
        return Piece(self.dialect.entries.format(table=table, rows=number.text), (*number.axes, *rest), ATOM)

    def _product(self, factors: Sequence[Expr]) -> Piece:
        return self._joined("*", factors, PRODUCT)

    def _joined(self, sign: str, parts: Sequence[Expr], level: int) -> Piece:
        return self._operated(sign, [self.piece(part) for part in parts], level)

    def _operated(self, sign: str, pieces: Sequence[Piece], level: int) -> Piece:
        axes = self._union(*pieces)
        texts = [self._spread(piece, axes) for piece in pieces]
        # The first operand may hold as loosely as the sign; those behind it are grouped as they were.
        first, *rest = texts
        tail = "".join(f" {sign} {piece.within(level + (sign in '-/' or piece.level == level))}" for piece in rest)
        return Piece(first.within(level) + tail, axes, level)

    # -- sums

    def _sum(self, expr: Sum) -> Piece:
        pieces = [self._summed(family, ()) for family in self._families(expr.terms)]
        return pieces[0] if len(pieces) == 1 else self._operated("+", pieces, SUM)

    def _families(self, terms: Sequence[Expr]) -> list[list[Expr]]:
        """The terms, those that follow each other and differ in plain numbers alone together."""
        found: list[list[Expr]] = []
        last: Any = None
        for term in terms:
            shape = _skeleton(term)
            if found and shape == last:
                found[-1].append(term)
            else:
                found.append([term])
            last = shape
        # Terms that read the same slots again are no sum over an axis.
        return [group for family in found for group in ([family] if _varied(family) else [[term] for term in family])]

    def _summed(self, family: list[Expr], over: tuple[str, ...], *, wrapped: bool = False) -> Piece:
        """The sum of a family of terms, and over letters that there already are."""
        if wrapped and isinstance(family[0], Sum):
            pieces = [self._summed(group, over) for group in self._families(family[0].terms)]
            return pieces[0] if len(pieces) == 1 else self._operated("+", pieces, SUM)
        term, letters = self._lettered(family)
        if (
            over
            and isinstance(term, Ref)
            and _plain(term)
            and all(term.array.shape[axis] == 1 for axis in _plain(term))
        ):
            # The only place of an axis is all of it.
            alone = [self._letter(f"k{len(self.order)}", 1, False) for _axis in _plain(term)]
            term, letters = _with_letters(term, alone), tuple(letter.name for letter in alone)
        letters = (*over, *letters)
        if not letters:
            return self.piece(term)
        return self._contracted(term, letters) or self._reduced("sum", self.piece(term), letters)

    def _lettered(self, family: list[Expr]) -> tuple[Expr, tuple[str, ...]]:
        """The first term with letters in the places that differ, and those letters."""
        if len(family) == 1:
            return self._of_one(family[0])
        columns = list(zip(*(_numbers(term) for term in family), strict=True))
        count = len(family)
        # The places run through an axis or a stretch of it, or through several like the digits of a number.
        runs = {column: tuple(place - min(column) for place in column) for column in columns}
        varied = sorted({run for run in runs.values() if any(run)}, key=lambda run: -run.index(1) if 1 in run else 0)
        if any(1 not in run for run in varied) or prod(max(run) + 1 for run in varied) != count:
            raise self.form.refusal(self.op)
        named: dict[tuple[int, ...], Letter] = {}
        for run in varied:
            step, length = run.index(1), max(run) + 1
            if not step or run != tuple(place // step % length for place in range(count)):
                raise self.form.refusal(self.op)
            named[run] = self._letter(f"k{len(self.order)}", length, False)
        places = [
            Letter(named[runs[column]].name, 0, named[runs[column]].size, min(column)) if any(runs[column]) else None
            for column in columns
        ]
        return _with_letters(family[0], places), tuple(letter.name for letter in named.values())

    def _of_one(self, term: Expr) -> tuple[Expr, tuple[str, ...]]:
        """A term alone; where both factors are read at the only place of an axis, that axis is summed over."""
        if not (isinstance(term, Product) and len(term.factors) == 2):
            return term, ()
        left, right = term.factors
        if not (isinstance(left, Ref) and isinstance(right, Ref)):
            return term, ()
        if any([ref.array.shape[axis] for axis in _plain(ref)] != [1] for ref in (left, right)):
            return term, ()
        letter = self._letter(f"k{len(self.order)}", 1, False)
        return _with_letters(term, [letter, letter]), (letter.name,)

    def _contracted(self, term: Expr, letters: tuple[str, ...]) -> Piece | None:
        """A product of matrices, where a sum is one."""
        factors = term.factors if isinstance(term, Product) else (term,)
        fixed: list[Piece] = []
        moving: list[Piece] = []
        for factor in factors:
            piece = self.piece(factor)
            (moving if set(letters) & set(piece.axes) else fixed).append(piece)
        if any(piece.axes for piece in fixed):
            return None
        groups: dict[frozenset[str], list[Piece]] = {}
        for piece in moving:
            groups.setdefault(frozenset(piece.axes), []).append(piece)
        if len(groups) < 2:
            return None
        pieces = [group[0] if len(group) == 1 else self._operated("*", group, PRODUCT) for group in groups.values()]
        product = self._matrices(pieces, letters) or self._einsum(pieces, letters)
        return self._operated("*", [*fixed, product], PRODUCT) if fixed else product

    def _matrices(self, pieces: Sequence[Piece], letters: tuple[str, ...]) -> Piece | None:
        """The product of two matrices, or of a matrix and a row, over their common axis."""
        if len(pieces) != 2 or len(letters) != 1 or any(len(piece.axes) > 2 for piece in pieces):
            return None
        (letter,) = letters
        if not all(letter in piece.axes for piece in pieces):
            return None
        one, other = sorted(pieces, key=lambda piece: [self.order.index(axis) for axis in self._outer(piece, letter)])
        outer = self._outer(one, letter), self._outer(other, letter)
        if set(outer[0]) & set(outer[1]) or not (outer[0] or outer[1]):
            return None
        if not (self.dialect.vectors or all(outer)):
            return None
        left, right = self._turned(one, (*outer[0], letter)), self._turned(other, (letter, *outer[1]))
        return Piece(f"{left.within(PRODUCT)} @ {right.within(SIGN)}", (*outer[0], *outer[1]), PRODUCT)

    @staticmethod
    def _outer(piece: Piece, letter: str) -> tuple[str, ...]:
        return tuple(axis for axis in piece.axes if axis != letter)

    def _einsum(self, pieces: Sequence[Piece], letters: tuple[str, ...]) -> Piece:
        """A sum of products in the notation of Einstein."""
        axes = [axis for axis in self.order if any(axis in piece.axes for piece in pieces)]
        short = dict(zip(axes, "abcdefghijklmnopqrstuvwxyz", strict=False))
        kept = tuple(axis for axis in axes if axis not in letters)
        reads = ",".join("".join(short[axis] for axis in piece.axes) for piece in pieces)
        rule = f"{reads}->{''.join(short[axis] for axis in kept)}"
        operands = ", ".join(piece.text for piece in pieces)
        return Piece(f'{self.dialect.module}.einsum("{rule}", {operands})', kept, ATOM)

    def _reduced(self, kind: str, piece: Piece, letters: tuple[str, ...]) -> Piece:
        if not set(letters) <= set(piece.axes):
            raise self.form.refusal(self.op)
        kept = tuple(axis for axis in piece.axes if axis not in letters)
        places = [piece.axes.index(letter) for letter in letters]
        text = self.dialect.reduce(kind, piece.within(ATOM), sorted(places) if kept else [])
        return Piece(text, kept, ATOM)

    # -- axes

    def _union(self, *pieces: Piece) -> tuple[str, ...]:
        axes = {axis for piece in pieces for axis in piece.axes}
        # Where one of them has all axes in an order of its own, the others follow it.
        for piece in pieces:
            if set(piece.axes) == axes and len(piece.axes) == len(axes):
                ordered = tuple(axis for axis in self.order if axis in axes)
                return ordered if ordered in {other.axes for other in pieces} else piece.axes
        return tuple(axis for axis in self.order if axis in axes)

    def _spread(self, piece: Piece, axes: tuple[str, ...]) -> Piece:
        """A piece such that it broadcasts against arrays with these axes."""
        mine = tuple(axis for axis in axes if axis in piece.axes)
        if len(mine) < len(piece.axes):
            raise self.form.refusal(self.op)
        piece = self._turned(piece, mine)
        missing = [axis for axis in axes if axis not in mine]
        if not missing or not mine or axes[len(axes) - len(mine) :] == mine:
            return piece
        first = min(axes.index(axis) for axis in mine)
        places = ", ".join(":" if axis in mine else "None" for axis in axes[first:])
        return Piece(f"{piece.within(ATOM)}[{places}]", axes, ATOM)

    def _turned(self, piece: Piece, axes: tuple[str, ...]) -> Piece:
        """A piece with its axes in another order."""
        if piece.axes == axes:
            return piece
        if len(axes) != 2:
            raise self.form.refusal(self.op)
        return Piece(self.dialect.transposed(piece.within(ATOM)), axes, ATOM)


_X = Array(name="x", shape=(), role=Role.VALUE)


def _alike(one: Function, other: Function) -> bool:
    """Whether two functions of one name compute the same."""
    if one is other or one.definition is None or other.definition is None:
        return one is other
    return repr(one.definition(Ref(_X))) == repr(other.definition(Ref(_X)))


def _plain(ref: Ref) -> list[int]:
    """The axes along which a slot is at a plain place."""
    return [axis for axis, place in enumerate(ref.index) if not isinstance(place, Letter)]


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _skeleton(expr: Expr | Compare) -> Any:
    """What is equal of two terms that differ in plain places alone."""
    structure = STRUCTURE[type(expr)]
    places = [place.name if isinstance(place, Letter) else None for place in structure.places(expr)]
    return (type(expr), *structure.own(expr), *places, *map(_skeleton, children(expr)))


def _numbers(expr: Expr | Compare) -> list[int]:
    """The plain places, in written order."""
    own = [int(place) for place in STRUCTURE[type(expr)].places(expr) if not isinstance(place, Letter)]
    return own + [place for part in children(expr) for place in _numbers(part)]


def _varied(family: Sequence[Expr]) -> bool:
    return len(family) == 1 or len({tuple(_numbers(term)) for term in family}) == len(family)


def _with_letters(expr: Any, letters: Sequence[Letter | None]) -> Any:
    """An expression with letters instead of plain places, for each in written order its letter or None."""
    waiting = list(letters)

    def change(node: Any) -> Any:
        if isinstance(node, Ref):
            index = []
            for place in node.index:
                letter = None if isinstance(place, Letter) else waiting.pop(0)
                index.append(place if letter is None else letter)
            return Ref(node.array, tuple(index))
        structure = STRUCTURE[type(node)]
        if structure.places(node):
            raise NoFormError(_("a row that is chosen while it runs has no short form with whole arrays"))
        return structure.rebuilt(node, tuple(map(change, structure.parts(node))))

    return change(expr)
