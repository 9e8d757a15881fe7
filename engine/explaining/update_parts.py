"""What the updates of a parameter are made of: the data sample by sample, penalties, decay, what is carried, the rest.

The ops of an update are linear in the gradient and in the memory that gradients went into; denominators, as the root
of Adam's second moment, are taken as they were. So w⁺ − w = Σ coefficient · leaf, over the contributions of the
samples, the parameter itself and the memory, with the frames' own numbers. Many iterations are read at once, their
values as arrays over the iterations; coefficients have 106 bits, so those that are products of two numbers, as η·μ,
are exact. What is left is rounding, and is a row of its own, never hidden.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.evaluation import evaluate, taken
from retrograde.engine.equations.expression import (
    ONE,
    Call,
    Compare,
    Const,
    Div,
    Expr,
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
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.explaining.exact_sums import Wide, wide
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.gradient import Gradient

_CLIPPED = "clipped("
"""What the names of clipped gradients begin with."""


class PartKind(StrEnum):
    """Where a part of an update comes from."""

    DATA = "data"
    PENALTY = "penalty"
    DECAY = "decay"
    CARRIED = "carried"
    CLIPPING = "clipping"
    RULE = "rule"
    ROUNDING = "rounding"


class Leaf(NamedTuple):
    """What updates are linear in.

    Attributes:
        kind: where it comes from.
        sample: of the data, the sample of the batch (from 0).
        memory: of what is carried, the slot at the start of the iteration.
        coefficient: what it is multiplied by, in each iteration or in all.
        value: what it is worth in each iteration, or in all.
    """

    kind: PartKind
    sample: int | None
    memory: Ref | None
    coefficient: Wide
    value: Floats | float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateParts:
    """Some consecutive updates of one parameter.

    Attributes:
        count: how many.
        before: w in each.
        after: w⁺ of each.
        leaves: the parts, without the rounding.
        memories: what each memory of the parameter hands on, by its slot: what it is linear in.
    """

    count: int
    before: Floats
    after: Floats
    leaves: tuple[Leaf, ...]
    memories: Mapping[Ref, tuple[Leaf, ...]]


class _NotLinearError(Exception):
    """An expression that is not linear in what goes through it."""


class _ChangesError(Exception):
    """A choice of an equation is another from some iteration on.

    Args:
        count: the iterations before.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


def update_parts(frames: Sequence[Frame], parameter: Ref) -> UpdateParts:
    """What updates of a parameter are made of: as many as go by the same choices, at least one.

    Args:
        frames: the values of consecutive iterations of one program, in which the parameter is trained and finite.
        parameter: the slot.
    """
    program, count = frames[0].program, len(frames)
    flats = np.array([frame.flat for frame in frames])
    while True:
        try:
            with np.errstate(all="ignore"):
                return _Reader(frames[:count], flats[:count], program, parameter).parts()
        except _ChangesError as change:
            count = change.count


class _Reader:
    """Follows the ops of updates from w⁺ down to their leaves.

    Args:
        frames: the values of the iterations.
        flats: the same, a row each.
        program: their program.
        parameter: the slot.
    """

    def __init__(self, frames: Sequence[Frame], flats: Floats, program: Program, parameter: Ref) -> None:
        self._frames = frames
        self._flats = flats
        self._parameter = parameter
        self._program = program
        self.memories: dict[Ref, Array] = {}
        for array in _memories(program, parameter.array):
            self.memories[Ref(array, parameter.index)] = program.named[f"new({array.name})"]

    def parts(self) -> UpdateParts:
        """The parts."""
        updated = Ref(self._program.named[f"new({self._parameter.array.name})"], self._parameter.index)
        own = [*self.leaves(updated, wide(1.0))]
        # The parameter itself stands in the sum once as what is updated.
        kept = [leaf for leaf in own if leaf.kind is not PartKind.DECAY]
        decays = [leaf.coefficient for leaf in own if leaf.kind is PartKind.DECAY]
        factor = reduce(Wide.plus, decays, wide(-1.0))
        before = self._column(self._parameter)
        if not factor.is_zero:
            kept.append(Leaf(PartKind.DECAY, None, None, factor, before))
        memories = {ref: tuple(self.leaves(Ref(new, ref.index), wide(1.0))) for ref, new in self.memories.items()}
        return UpdateParts(
            count=len(self._frames),
            before=before,
            after=self._column(updated),
            leaves=tuple(kept),
            memories=memories,
        )

    def leaves(self, ref: Ref, coefficient: Wide) -> Iterator[Leaf]:
        """What a slot is linear in, times a coefficient."""
        program, array = self._program, ref.array
        if ref == self._parameter:
            yield Leaf(PartKind.DECAY, None, None, coefficient, self._column(ref))
            return
        if ref in self.memories:
            yield Leaf(PartKind.CARRIED, None, ref, coefficient, self._column(ref))
            return
        op = program.maker(array)
        if op is None:
            yield Leaf(PartKind.RULE, None, None, coefficient, self._column(ref))
            return
        if _of_samples(op):
            yield from self._data(op, ref, coefficient)
            return
        if array.name.startswith(_CLIPPED):
            yield from self._clipped(ref, coefficient)
            return
        equation = self._taken(op.equation(ref.index))
        try:
            terms = [*self._terms(equation, wide(1.0))]
        except _NotLinearError:
            yield Leaf(PartKind.RULE, None, None, coefficient, self._column(ref))
            return
        for below, factor in terms:
            product = coefficient.times(factor.high).plus(coefficient.times(factor.low))
            if isinstance(below, Ref):
                for leaf in self.leaves(below, product):
                    penal = op.phase is Phase.BACKWARD and leaf.kind is PartKind.DECAY
                    yield leaf._replace(kind=PartKind.PENALTY) if penal else leaf
            else:
                kind = PartKind.PENALTY if op.phase is Phase.BACKWARD else PartKind.RULE
                yield Leaf(kind, None, None, product, 1.0)

    def _data(self, op: Op, ref: Ref, coefficient: Wide) -> Iterator[Leaf]:
        if op.extent is not Extent.SUM:
            yield Leaf(PartKind.DATA, None, None, coefficient, self._column(ref))
            return
        for sample in range(self._program.batch):
            yield Leaf(PartKind.DATA, sample, None, coefficient, self._values(op.equation((sample, *ref.index))))

    def _clipped(self, ref: Ref, coefficient: Wide) -> Iterator[Leaf]:
        """The gradient as it was, and what clipping took away."""
        op = self._program.maker(ref.array)
        assert op is not None
        gradient = next(one for one in refs(op.equation(ref.index)) if one.array.of is self._parameter.array)
        yield from self.leaves(gradient, coefficient)
        clipped, whole = self._column(ref), self._column(gradient)
        if np.any(clipped != whole):
            yield Leaf(PartKind.CLIPPING, None, None, coefficient, clipped)
            yield Leaf(PartKind.CLIPPING, None, None, coefficient.negative, whole)

    def _carries(self, expr: Expr) -> bool:
        """Whether gradients, memory or the parameter go through an expression; not through a denominator or a root."""
        match expr:
            case Ref(array, _):
                return array is self._parameter.array or expr in self.memories or self._leads_on(array)
            case Neg(operand):
                return self._carries(operand)
            case Sum(parts) | Product(parts):
                return any(map(self._carries, parts))
            case Sub(left, right):
                return self._carries(left) or self._carries(right)
            case Div(numerator, _):
                return self._carries(numerator)
            case _:
                return False

    def _leads_on(self, array: Array) -> bool:
        """Whether an array is made of the gradient of the parameter, or of what it left in memory."""
        op = self._program.maker(array)
        own = {self._parameter.array, *(ref.array for ref in self.memories)}
        if op is None or array.of not in own:
            return False
        if _of_samples(op) or array.name.startswith(_CLIPPED):
            return True
        equation = op.equation(self._parameter.index)
        return any(
            one in self.memories or one == self._parameter or self._leads_on(one.array) for one in refs(equation)
        )

    def _terms(self, expr: Expr, factor: Wide) -> Iterator[tuple[Expr, Wide]]:
        """Slots that are followed, and plain numbers, with what they are multiplied by."""
        match expr:
            case Ref() if self._carries(expr):
                yield expr, factor
            case Neg(operand):
                yield from self._terms(operand, factor.negative)
            case Sum(parts):
                for part in parts:
                    yield from self._terms(part, factor)
            case Sub(left, right):
                yield from self._terms(left, factor)
                yield from self._terms(right, factor.negative)
            case Product(parts):
                through = [part for part in parts if self._carries(part)]
                if len(through) > 1:
                    raise _NotLinearError
                for part in parts:
                    if part not in through:
                        factor = factor.times(self._number(part))
                yield from self._terms(through[0], factor) if through else iter(((ONE, factor),))
            case Div(numerator, denominator):
                below = self._number(denominator)
                if not self._all_alike(below != 0):
                    raise _NotLinearError
                yield from self._terms(numerator, factor.over(below))
            case _:
                yield ONE, factor.times(self._number(expr))

    def _taken(self, expr: Expr) -> Expr:
        """An equation with the branches that were taken in all of the iterations.

        Raises:
            _ChangesError: others are taken from some iteration on.
        """
        first = self._frames[0]
        if len(self._frames) > 1:
            for choice in _choices(expr):
                self._is_one(choice)
        return taken(expr, first.value, first.mathematics)

    def _is_one(self, choice: Compare | Expr) -> None:
        if isinstance(choice, Compare):
            compare = getattr(operator, choice.op.name.lower())
            self._all_alike(compare(self._values(choice.left), self._values(choice.right)))
        else:
            self._all_alike(self._values(choice))

    def _all_alike(self, found: Any) -> Any:
        """What is the same in all of the iterations.

        Raises:
            _ChangesError: it changes.
        """
        every = np.broadcast_to(found, len(self._frames))
        other = np.flatnonzero(every != every[0])
        if len(other):
            raise _ChangesError(int(other[0]))
        return every[0]

    def _number(self, expr: Expr) -> Any:
        values = self._values(expr)
        if not self._all_alike(np.isfinite(values)):
            raise _NotLinearError
        return values

    def _values(self, expr: Expr) -> Any:
        """The values of an expression, with the bits that the frames have."""
        match expr:
            case Const(value):
                return value
            case Ref():
                return self._column(expr)
            case Neg(operand):
                return -self._values(operand)
            case Sum(parts):
                return reduce(operator.add, map(self._values, parts))
            case Product(parts):
                return reduce(operator.mul, map(self._values, parts))
            case Sub(left, right):
                return self._values(left) - self._values(right)
            case Div(numerator, denominator):
                return np.divide(self._values(numerator), self._values(denominator))
            case Call(function, argument) if function is SQRT:
                return np.sqrt(self._values(argument))
            case _:
                return np.array([evaluate(expr, frame.value, frame.mathematics) for frame in self._frames])

    def _column(self, ref: Ref) -> Floats:
        return self._flats[:, self._program.offset(ref)]


def _of_samples(op: Op) -> bool:
    """Whether an op makes a gradient of what the samples contribute."""
    return isinstance(op, Gradient) or op.extent is Extent.SUM


def _choices(expr: Expr) -> Iterator[Compare | Expr]:
    """What decides which branches of an equation are taken."""
    if isinstance(expr, Select):
        yield expr.condition
    elif isinstance(expr, Pick):
        yield expr.number
    for part in children(expr):
        yield from _choices(part)


def _memories(program: Program, parameter: Array) -> Iterator[Array]:
    """The memories of a parameter into which its gradient goes linearly: velocities and first moments."""
    for array in program.state:
        if array.role is Role.MEMORY and array.of is parameter:
            op = program.maker(program.named[f"new({array.name})"])
            assert op is not None
            if _linear_in_gradient(program, op.equation((0,) * len(array.shape)), parameter):
                yield array


def _linear_in_gradient(program: Program, expr: Expr, parameter: Array) -> bool:
    """Whether a gradient of a parameter is a factor of a term by itself, and no square."""

    def gradients(part: Expr) -> int:
        match part:
            case Ref(array, index):
                if array.of is not parameter:
                    return 0
                if array.role is Role.GRADIENT or array.name.startswith(_CLIPPED):
                    return 1
                op = program.maker(array)
                return gradients(op.equation(index)) if op is not None and op.phase is Phase.UPDATE else 0
            case Neg(operand):
                return gradients(operand)
            case Sum(parts):
                return max(map(gradients, parts))
            case Sub(left, right):
                return max(gradients(left), gradients(right))
            case Product(parts):
                return sum(map(gradients, parts))
            case Div(numerator, _):
                return gradients(numerator)
            case Select(_, then, otherwise):
                return max(gradients(then), gradients(otherwise))
            case _:
                return 0

    return gradients(expr) == 1
