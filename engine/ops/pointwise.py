"""Element by element: ops that state one formula over the elements of their operands, and derive their gradient.

An operand may have fewer axes than the target (a bias, a mean, a scale): it is then the same along the others, and its
gradient adds up over them. The formula is stated once; its partial derivatives are worked out from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.derivative import derivative
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Const,
    Div,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
    mapped,
    refs,
)
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.axis_sums import axis_sums, elements
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows
from retrograde.engine.text import N_, _

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
        uses: by operand, builds what its use adds to its gradient from ∂E/∂result, the operands and the result, where
            that is not ∂E/∂result times the derivative: g / n of a mean.
        source: where the definition comes from.
    """

    name: str
    title: str
    why: str
    value: Callable[..., Expr]
    slopes: Mapping[int, Callable[..., Expr]] | None = None
    uses: Mapping[int, Callable[..., Expr]] | None = None
    source: str = ""


def _sum(*operands: Expr) -> Expr:
    return operands[0] if len(operands) == 1 else Sum(operands)


def _product(*operands: Expr) -> Expr:
    return operands[0] if len(operands) == 1 else Product(operands)


ADD = Rule(
    name="add",
    title=N_("sum"),
    why=N_("The sum of the same element of each layer; a gradient goes back to all of them unchanged."),
    value=_sum,
    source="He et al. 2016, Deep residual learning, eq. 1",
)
MULTIPLY = Rule(
    name="multiply",
    title=N_("product"),
    why=N_("The product of the same element of each layer; each is the scale of the others."),
    value=_product,
)
SUBTRACT = Rule(
    name="subtract",
    title=N_("difference"),
    why=N_("How much more the first layer has here than the second."),
    value=Sub,
)
DIVIDE = Rule(
    name="divide",
    title=N_("quotient"),
    why=N_("The value of the first layer, measured in that of the second."),
    value=Div,
)


class Operand(NamedTuple):
    """An array that a formula reads.

    Attributes:
        array: the array.
        axes: for each of its axes the axis of the target that it goes along, the sample being axis 0 where the target
            has one, and None for an axis of the length 1 that all elements share; None where they are those of the
            target.
        fixed: the index after the sample's, where all elements read the same slot, such as a mask at a time step; in a
            pointwise formula it has no gradient.
        group: how many neighbours along the last of its axes read one element of it, as the channels of a group do.
    """

    array: Array
    axes: tuple[int | None, ...] | None = None
    fixed: tuple[int, ...] | None = None
    group: int = 1

    def at(self, index: Index) -> Ref:
        """The slot at an index of the target."""
        if self.fixed is not None:
            return Ref(self.array, (index[0], *self.fixed) if self.array.batched else self.fixed)
        return Ref(self.array, index if self.axes is None else along(index, self.axes, self.group))


def along(index: Index, axes: tuple[int | None, ...], group: int = 1) -> Index:
    """The index along some axes: 0 where there is none, and of the last of them the number of its group."""
    found = tuple(0 if axis is None else index[axis] for axis in axes)
    return (*found[:-1], found[-1] // group) if group > 1 else found


_PLACES = tuple(Ref(Array(name=f"operand {number}", shape=(), role=Role.VALUE)) for number in range(16))
_RESULT = Ref(Array(name="result", shape=(), role=Role.VALUE))
_GRADIENT = Ref(Array(name="gradient", shape=(), role=Role.VALUE))


@lru_cache(maxsize=1024)
def _partial(rule: Rule, count: int, number: int) -> Expr:
    """The partial derivative of a rule by an operand, over places that stand for the operands."""
    places = _PLACES[:count]
    if rule.slopes is not None and number in rule.slopes:
        return rule.slopes[number](*places, _RESULT)
    return derivative(rule.value(*places), places[number])


@lru_cache(maxsize=1024)
def _use(rule: Rule, count: int, number: int) -> Expr:
    """What a use of an operand adds to its gradient, over places that stand for ∂E/∂result and the operands."""
    if rule.uses is not None and number in rule.uses:
        return rule.uses[number](_GRADIENT, *_PLACES[:count], _RESULT)
    return scaled(_GRADIENT, _partial(rule, count, number))


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

    @property
    def domain(self) -> tuple[int, ...]:
        """The shape that the formula is stated over; the sample comes first where the op has samples."""
        return self.target.shape

    @property
    def sampled(self) -> bool:
        """Whether the first axis of the domain is the sample."""
        return self.target.batched

    def slot(self, array: Array, at: Index) -> Ref:
        """The slot of an array of the target's shape that belongs to an element of the domain."""
        return Ref(array, at)

    def stated(self, at: Index) -> Expr:
        """The formula at an element of the domain."""
        return self.rule.value(*(operand.at(at) for operand in self.operands))

    def equation(self, index: Index) -> Expr:
        return self.stated(index)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number in reversed(range(len(self.operands))):
            if number not in self.still:
                builder.contribute(self.operands[number].array, self.use(number, g))

    def use(self, number: int, g: Array) -> PointwisePart:
        """The use of an operand, given ∂E/∂target."""
        return PointwisePart(g=g, op=self, operands=self.operands, number=number)

    def why(self, target: str) -> str:
        return _(self.rule.why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointwisePart(Part):
    """The use of an operand in a formula: ∂E/∂target · ∂formula/∂operand, added up over the axes it does not have.

    Attributes:
        g: ∂E/∂target.
        op: the op.
        operands: its operands, as the gradient reads them: a parameter may be updated by then.
        number: the number of the operand.
    """

    g: Array
    op: Pointwise
    operands: tuple[Operand, ...]
    number: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        read = {ref.array for ref in refs(self._use)}
        found = [operand.array for place, operand in zip(_PLACES, self.operands, strict=False) if place.array in read]
        return (self.g, *found, *((self.op.target,) if _RESULT.array in read else ()))

    @property
    def _use(self) -> Expr:
        """What an element of the domain adds, over places; without the sign of one that only changes the sign."""
        found = _use(self.op.rule, len(self.operands), self.number)
        return _GRADIENT if self._negative else found

    @property
    def _negative(self) -> bool:
        """Whether the use only changes the sign, which then goes in front of the sum."""
        return _use(self.op.rule, len(self.operands), self.number) == Neg(_GRADIENT)

    @property
    def _kept(self) -> tuple[int, ...]:
        """For each part of an index of the operand, a sample being the first, the axis of the domain it goes along."""
        operand = self.operands[self.number]
        axes = tuple(range(len(operand.array.shape))) if operand.axes is None else operand.axes
        found = tuple(axis for axis in axes if axis is not None)
        return (0, *found) if self.op.sampled and not operand.array.batched else found

    @property
    def _group(self) -> int:
        """How many neighbours along the last of these axes read one element of the operand."""
        return self.operands[self.number].group

    def _targets(self, index: Index) -> list[Index]:
        """The elements of the domain that read an element of the operand, in row order."""
        operand = self.operands[self.number]
        at = index if self.op.sampled else index[1:]
        if operand.axes is not None and None in operand.axes:
            lead = at[: len(at) - len(operand.axes)]
            own = zip(at[len(lead) :], operand.axes, strict=True)
            at = (*lead, *(part for part, axis in own if axis is not None))
        return list(elements(self.op.domain, self._kept, at, self._group))

    def _at(self, expr: Expr, at: Index) -> Expr:
        """An expression over places at an element of the domain."""
        slots = {place.array: operand.at(at) for place, operand in zip(_PLACES, self.operands, strict=False)}
        slots[_RESULT.array] = self.op.slot(self.op.target, at)
        slots[_GRADIENT.array] = self.op.slot(self.g, at)
        return filled(expr, slots)

    def term(self, index: Index) -> Expr:
        found = tuple(self._at(self._use, at) for at in self._targets(index))
        total = found[0] if len(found) == 1 else Sum(found)
        return Neg(total) if self._negative else total

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        rule, targets = self.op.rule, self._targets(index)
        named = self.number in (rule.slopes or {})
        if len(targets) != 1 or (self.number in (rule.uses or {}) and not named):
            return None
        slope = bare = self._at(_partial(rule, len(self.operands), self.number), targets[0])
        while isinstance(bare, Neg):
            bare = bare.operand
        if isinstance(bare, Product) and not named:
            # The term multiplies a gradient by one factor after the other, which rounds otherwise than their product.
            return None
        return self.op.slot(self.g, targets[0]), slope

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        if not summed:
            return self.contributions(space, out)
        whole = self.g.shape == self.op.domain and self._kept == tuple(range(len(self.g.shape)))
        if whole and self._use == _GRADIENT and not self._negative:
            return add_rows(space.view(self.g), out)
        samples = space.scratch((space.batch, *out.shape))
        each = self.contributions(space, samples)
        return None if each is None else Series((each, add_rows(samples, out)))

    def contributions(self, space: Workspace, out: Floats) -> Kernel | None:
        kept, group = self._kept, self._group
        if (len(kept) == len(self.op.domain) and group == 1) or sorted(kept) != [*kept]:
            return None
        add = axis_sums(space, self.op.domain, kept, lambda at: self._at(self._use, at), out, group)
        return Series((add, partial(np.negative, out, out=out))) if self._negative else add


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
