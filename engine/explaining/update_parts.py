"""What one update of a parameter is made of: the data sample by sample, penalties, decay, what is carried, the rest.

The ops of an update are linear in the gradient and in the memory that gradients went into; denominators, as the root
of Adam's second moment, are taken as they were. So w⁺ − w = Σ coefficient · leaf, over the contributions of the
samples, the parameter itself and the memory, all in exact fractions of the frame's own numbers. What is left is
rounding, and is a row of its own, never hidden.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.evaluation import evaluate, taken
from retrograde.engine.equations.expression import ONE, Div, Expr, Neg, Product, Ref, Select, Sub, Sum, refs
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
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
    """What an update is linear in.

    Attributes:
        kind: where it comes from.
        sample: of the data, the sample (from 0).
        memory: of what is carried, the slot at the start of the iteration.
        coefficient: what it is multiplied by.
        value: what it is worth.
    """

    kind: PartKind
    sample: int | None
    memory: Ref | None
    coefficient: Fraction
    value: Fraction

    @property
    def amount(self) -> Fraction:
        """The part of the update."""
        return self.coefficient * self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateParts:
    """One update of one parameter.

    Attributes:
        before: w.
        after: w⁺.
        leaves: the parts, without the rounding.
        memories: what each memory of the parameter hands on, by its slot: what it is linear in.
    """

    before: float
    after: float
    leaves: tuple[Leaf, ...]
    memories: Mapping[Ref, tuple[Leaf, ...]] = field(default_factory=dict)

    @property
    def change(self) -> Fraction:
        """The change w⁺ − w, exactly."""
        return Fraction(self.after) - Fraction(self.before)

    @property
    def rounding(self) -> Fraction:
        """What the parts do not add up to."""
        return self.change - sum((leaf.amount for leaf in self.leaves), Fraction())


class _NotLinearError(Exception):
    """An expression that is not linear in what goes through it."""


def update_parts(frame: Frame, parameter: Ref) -> UpdateParts | None:
    """What the update of a parameter is made of; None where it is not trained, or not all is finite.

    Args:
        frame: the iteration's values.
        parameter: the slot.
    """
    program = frame.program
    updated = program.named.get(f"new({parameter.array.name})")
    if updated is None:
        return None
    before, after = frame.value(parameter), frame.value(Ref(updated, parameter.index))
    if not (math.isfinite(before) and math.isfinite(after)):
        return None
    reader = _Reader(frame, parameter)
    own = [*reader.leaves(Ref(updated, parameter.index), Fraction(1))]
    # The parameter itself stands in the sum once as what is updated.
    kept: list[Leaf] = [leaf for leaf in own if leaf.kind is not PartKind.DECAY]
    factor = sum((leaf.coefficient for leaf in own if leaf.kind is PartKind.DECAY), Fraction()) - 1
    if factor:
        kept.append(Leaf(PartKind.DECAY, None, None, factor, Fraction(before)))
    memories = {ref: tuple(reader.leaves(Ref(new, ref.index), Fraction(1))) for ref, new in reader.memories.items()}
    return UpdateParts(before=before, after=after, leaves=tuple(kept), memories=memories)


class _Reader:
    """Follows the ops of an update from w⁺ down to its leaves."""

    def __init__(self, frame: Frame, parameter: Ref) -> None:
        self._frame = frame
        self._parameter = parameter
        self._program = frame.program
        self.memories: dict[Ref, Array] = {}
        for array in _memories(self._program, parameter.array):
            self.memories[Ref(array, parameter.index)] = self._program.named[f"new({array.name})"]

    def leaves(self, ref: Ref, coefficient: Fraction) -> Iterator[Leaf]:
        """What a slot is linear in, times a coefficient."""
        program, array = self._program, ref.array
        if ref == self._parameter:
            yield Leaf(PartKind.DECAY, None, None, coefficient, self._value(ref))
            return
        if ref in self.memories:
            yield Leaf(PartKind.CARRIED, None, ref, coefficient, self._value(ref))
            return
        op = program.maker(array)
        if op is None:
            yield Leaf(PartKind.RULE, None, None, coefficient, self._value(ref))
            return
        if isinstance(op, Gradient):
            yield from self._data(op, ref, coefficient)
            return
        if array.name.startswith(_CLIPPED):
            yield from self._clipped(ref, coefficient)
            return
        equation = taken(op.equation(ref.index), self._frame.value, self._frame.mathematics)
        try:
            terms = [*self._terms(equation, Fraction(1))]
        except _NotLinearError:
            yield Leaf(PartKind.RULE, None, None, coefficient, self._value(ref))
            return
        for below, factor in terms:
            if isinstance(below, Ref):
                for leaf in self.leaves(below, coefficient * factor):
                    penal = op.phase is Phase.BACKWARD and leaf.kind is PartKind.DECAY
                    yield leaf._replace(kind=PartKind.PENALTY) if penal else leaf
            else:
                kind = PartKind.PENALTY if op.phase is Phase.BACKWARD else PartKind.RULE
                yield Leaf(kind, None, None, coefficient * factor, Fraction(1))

    def _data(self, op: Gradient, ref: Ref, coefficient: Fraction) -> Iterator[Leaf]:
        if op.extent is not Extent.SUM:
            yield Leaf(PartKind.DATA, None, None, coefficient, self._value(ref))
            return
        for sample in range(self._program.batch):
            value = evaluate(op.equation((sample, *ref.index)), self._frame.value, self._frame.mathematics)
            yield Leaf(PartKind.DATA, sample, None, coefficient, Fraction(value))

    def _clipped(self, ref: Ref, coefficient: Fraction) -> Iterator[Leaf]:
        """The gradient as it was, and what clipping took away."""
        op = self._program.maker(ref.array)
        assert op is not None
        gradient = next(one for one in refs(op.equation(ref.index)) if one.array.of is self._parameter.array)
        yield from self.leaves(gradient, coefficient)
        taken_away = self._value(ref) - self._value(gradient)
        if taken_away:
            yield Leaf(PartKind.CLIPPING, None, None, coefficient, taken_away)

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
        if isinstance(op, Gradient) or array.name.startswith(_CLIPPED):
            return True
        equation = op.equation(self._parameter.index)
        return any(
            one in self.memories or one == self._parameter or self._leads_on(one.array) for one in refs(equation)
        )

    def _terms(self, expr: Expr, factor: Fraction) -> Iterator[tuple[Expr, Fraction]]:
        """Slots that are followed, and plain numbers, with what they are multiplied by."""
        match expr:
            case Ref() if self._carries(expr):
                yield expr, factor
            case Neg(operand):
                yield from self._terms(operand, -factor)
            case Sum(parts):
                for part in parts:
                    yield from self._terms(part, factor)
            case Sub(left, right):
                yield from self._terms(left, factor)
                yield from self._terms(right, -factor)
            case Product(parts):
                through = [part for part in parts if self._carries(part)]
                if len(through) > 1:
                    raise _NotLinearError
                for part in parts:
                    if part not in through:
                        factor *= self._number(part)
                yield from self._terms(through[0], factor) if through else iter(((ONE, factor),))
            case Div(numerator, denominator):
                below = self._number(denominator)
                if not below:
                    raise _NotLinearError
                yield from self._terms(numerator, factor / below)
            case _:
                yield ONE, factor * self._number(expr)

    def _number(self, expr: Expr) -> Fraction:
        value = evaluate(expr, self._frame.value, self._frame.mathematics)
        if not math.isfinite(value):
            raise _NotLinearError
        return Fraction(value)

    def _value(self, ref: Ref) -> Fraction:
        value = self._frame.value(ref)
        if not math.isfinite(value):
            raise _NotLinearError
        return Fraction(value)


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
