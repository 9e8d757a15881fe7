"""Element by element: ops that state one formula over the elements of their operands, and derive their gradient.

An operand may have fewer axes than the target (a bias, a mean, a scale): it is then the same along the others, and its
gradient adds up over them. The formula is stated once; its partial derivatives are worked out from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.derivative import derivative
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Const,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Sum,
    mapped,
    refs,
)
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A formula over the elements of some operands.

    Attributes:
        name: a short name.
        title: the kind of step in a word or two.
        why: what the step is for, in one sentence.
        value: builds the formula from the operands, in order.
        slopes: by operand, builds the derivative from the operands and the result where that is a better form than
            the one that follows from the formula: 1 − y² of tanh.
        source: where the definition comes from.
    """

    name: str
    title: str
    why: str
    value: Callable[..., Expr]
    slopes: Mapping[int, Callable[..., Expr]] | None = None
    source: str = ""


class Operand(NamedTuple):
    """An array that a formula reads.

    Attributes:
        array: the array.
        axes: for each of its axes the axis of the target that it goes along, the sample being axis 0 where the target
            has one; None where they are those of the target.
        fixed: the index after the sample's, where all elements read the same slot, such as a mask at a time step; it
            has no gradient.
    """

    array: Array
    axes: tuple[int, ...] | None = None
    fixed: tuple[int, ...] | None = None

    def at(self, index: Index) -> Ref:
        """The slot at an index of the target."""
        if self.fixed is not None:
            return Ref(self.array, (index[0], *self.fixed))
        return Ref(self.array, index if self.axes is None else tuple(index[axis] for axis in self.axes))


def _place(number: int) -> Ref:
    return _PLACES[number]


_PLACES = tuple(Ref(Array(name=f"operand {number}", shape=(), role=Role.VALUE)) for number in range(16))
_RESULT = Ref(Array(name="result", shape=(), role=Role.VALUE))


@lru_cache(maxsize=1024)
def _partial(rule: Rule, count: int, number: int) -> Expr:
    """The partial derivative of a rule by an operand, over places that stand for the operands."""
    places = _PLACES[:count]
    if rule.slopes is not None and number in rule.slopes:
        return rule.slopes[number](*places, _RESULT)
    return derivative(rule.value(*places), _place(number))


def filled(expr: Expr, slots: Mapping[Array, Ref]) -> Expr:
    """An expression over places with the slots that they stand for."""

    def fill(part: Expr) -> Expr:
        return slots[part.array] if isinstance(part, Ref) else mapped(part, fill)

    return fill(expr)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pointwise(Op):
    """target[index] = rule(operands at index).

    Attributes:
        rule: the formula.
        operands: the arrays that it reads; the same one may be there more than once.
        still: the operands, by number, that no gradient goes back to.
    """

    rule: Rule
    operands: tuple[Operand, ...]
    still: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return tuple(operand.array for operand in self.operands)

    @property
    def cut(self) -> tuple[Array, ...]:
        return tuple(self.operands[number].array for number in self.still)

    @property
    def title(self) -> str:
        return _(self.rule.title)

    def equation(self, index: Index) -> Expr:
        return self.rule.value(*(operand.at(index) for operand in self.operands))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number in reversed(range(len(self.operands))):
            if number in self.still:
                continue
            builder.contribute(self.operands[number].array, self.use(number, g))

    def use(self, number: int, g: Array) -> PointwisePart:
        """The use of an operand, given ∂E/∂target."""
        return PointwisePart(g=g, rule=self.rule, operands=self.operands, number=number, out=self.target)

    def why(self, target: str) -> str:
        return _(self.rule.why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointwisePart(Part):
    """The use of an operand in a formula: ∂E/∂target · ∂formula/∂operand, added up over the axes it does not have."""

    g: Array
    rule: Rule
    operands: tuple[Operand, ...]
    number: int
    out: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        partial = _partial(self.rule, len(self.operands), self.number)
        read = {ref.array for ref in refs(partial)}
        found = [operand.array for place, operand in zip(_PLACES, self.operands, strict=False) if place.array in read]
        return (self.g, *found, *((self.out,) if _RESULT.array in read else ()))

    def _targets(self, index: Index) -> list[Index]:
        """The indices of the target that read an element of the operand."""
        array, axes, _fixed = self.operands[self.number]
        shape = self.out.shape
        if axes is None:
            axes = tuple(range(len(array.shape)))
        at: list[Any] = [None] * len(shape)
        if self.out.batched:
            at[0] = index[0]
        element = index[1:]
        for axis, part in zip(axes[1:] if array.batched else axes, element, strict=True):
            at[axis] = part
        free = [axis for axis, part in enumerate(at) if part is None]
        found: list[Index] = []
        for choice in product(*(range(shape[axis]) for axis in free)):
            for axis, part in zip(free, choice, strict=True):
                at[axis] = part
            found.append(tuple(at))
        return found

    def _slope(self, at: Index) -> Expr:
        slots = {place.array: operand.at(at) for place, operand in zip(_PLACES, self.operands, strict=False)}
        slots[_RESULT.array] = Ref(self.out, at)
        return filled(_partial(self.rule, len(self.operands), self.number), slots)

    def term(self, index: Index) -> Expr:
        found = tuple(scaled(Ref(self.g, at), self._slope(at)) for at in self._targets(index))
        return found[0] if len(found) == 1 else Sum(found)

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        targets = self._targets(index)
        if len(targets) != 1:
            return None
        slope = bare = self._slope(targets[0])
        while isinstance(bare, Neg):
            bare = bare.operand
        # The term multiplies a gradient by one factor after the other, which rounds otherwise than by their product.
        return None if isinstance(bare, Product) else (Ref(self.g, targets[0]), slope)


def scaled(g: Ref, slope: Expr) -> Expr:
    """The product of a gradient and a slope, with signs in front and without factors of 1."""
    match slope:
        case Const(value) if value == 0.0:
            return ZERO
        case Const(value) if value == 1.0 or slope is ONE:
            return g
        case Neg(operand):
            return Neg(scaled(g, operand))
        case Product(factors):
            return Product((g, *factors))
        case _:
            return Product((g, slope))
