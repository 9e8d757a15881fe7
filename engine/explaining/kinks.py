"""Kinks: where the forward pass takes another branch, a difference of E says nothing of a derivative.

Every choice that the equations make is looked at: the condition of a Select, the winner of a Max, the sign in an
absolute value. Two frames with the same outcomes lie on one smooth piece of E, but for a way out and back between them.

Left out are the choices that E does not show. Softplus, mish and the cross-entropy of a logit are smooth, although
they are computed by cases; and the largest net input of a softmax, which is subtracted from all of them, cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import picked
from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.expression import (
    ZERO,
    ArgMax,
    Call,
    Compare,
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
    children,
)
from retrograde.engine.equations.functions import ABS
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op

Choice = Compare | Max
Branches = tuple[NDArray[Any], ...]
"""The outcome of every choice: of a comparison whether it holds, of a maximum which term is the largest."""

SMOOTH = frozenset({"softplus", "mish", "softsign", "log_sigmoid", "binary_cross_entropy_logits"})
"""Functions that are computed by cases and yet smooth."""

_COMPARE: dict[Comparison, Callable[[Any, Any], Any]] = {
    Comparison.LE: np.less_equal,
    Comparison.LT: np.less,
    Comparison.GE: np.greater_equal,
    Comparison.GT: np.greater,
    Comparison.EQ: np.equal,
    Comparison.NE: np.not_equal,
}


class Branchings:
    """The choices of a forward pass.

    Args:
        program: a program, of which the ops are looked at that are given.
        ops: the ops.
    """

    def __init__(self, program: Program, ops: Sequence[Op]) -> None:
        self._found: list[Choice] = []
        for op in ops:
            if not _smooth(op):
                self._found += _choices_of(op, program.batch)

    def __bool__(self) -> bool:
        return bool(self._found)

    def taken(self, frame: Frame) -> Branches:
        """The outcome of every choice in a frame."""
        with np.errstate(all="ignore"):
            return tuple(_outcome(choice, frame.array) for choice in self._found)


def alike(left: Branches, right: Branches) -> bool:
    """Whether two frames took the same branches."""
    return all(map(np.array_equal, left, right))


def _smooth(op: Op) -> bool:
    return (
        op.target.role is Role.MAXIMUM
        or getattr(op, "activation", None) in SMOOTH
        or getattr(op, "loss", None) in SMOOTH
    )


def _choices_of(op: Op, batch: int) -> Iterator[Choice]:
    """The choices of an op, for all its elements at once."""
    sampled = op.extent is not Extent.ONCE
    shape = (batch, *op.target.element_shape) if sampled else op.target.shape
    # The first element of a window may lie in the padding, where nothing is chosen; one in the middle does not.
    for index in ((0,) * len(shape), tuple(length // 2 for length in shape)):
        if next(choices(op.equation(index)), None) is not None:
            break
    else:
        return
    if op.meshable:
        yield from choices(op.equation(tuple(np.ix_(*map(np.arange, shape))) if shape else ()))
        return
    alike_ones: dict[Any, list[Choice]] = {}
    for index in np.ndindex(shape[1:] if sampled else shape):
        for choice in choices(op.equation((0, *index) if sampled else index)):
            alike_ones.setdefault(_form(choice), []).append(choice)
    for group in alike_ones.values():
        yield _stacked(group, batch if sampled else 0)


def _form(expr: Expr | Compare) -> Any:
    """What expressions have in common that differ in their indices alone."""
    match expr:
        case Const(value):
            return value
        case Ref(array, _):
            return array
        case Call(function, _):
            kind: Any = function
        case Compare(op, _, _):
            kind = op
        case Select(condition, _, _):
            kind = condition.op
        case ArgMax(_, numbers):
            kind = numbers
        case Pick(array, _, _):
            kind = array
        case _:
            kind = type(expr)
    return kind, *map(_form, children(expr))


def _stacked(group: Sequence[Any], batch: int) -> Any:
    """Expressions of one form as one, with arrays as indices; of sample 0 alone as all samples."""
    first = group[0]

    def joined(*names: str) -> Any:
        return type(first)(*(_stacked([getattr(one, name) for one in group], batch) for name in names))

    match first:
        case Ref(array, _):
            index = [np.array(parts)[:, None] for parts in zip(*(one.index for one in group), strict=True)]
            if array.batched and batch:
                index[0] = np.arange(batch)[None, :]
            return Ref(array, tuple(index))
        case tuple():
            return tuple(_stacked(parts, batch) for parts in zip(*group, strict=True))
        case Neg():
            return joined("operand")
        case Sum() | Max():
            return joined("terms")
        case ArgMax(_, numbers):
            return ArgMax(_stacked([one.largest for one in group], batch), numbers)
        case Pick(array, _, _):
            rest = tuple(np.array(parts)[:, None] for parts in zip(*(one.rest for one in group), strict=True))
            return Pick(array, _stacked([one.number for one in group], batch), rest)
        case Product():
            return joined("factors")
        case Sub():
            return joined("left", "right")
        case Div():
            return joined("numerator", "denominator")
        case Call():
            return joined("function", "argument")
        case Compare():
            return joined("op", "left", "right")
        case Select():
            return joined("condition", "then", "otherwise")
        case _:
            return first


def choices(expr: Expr | Compare) -> Iterator[Choice]:
    """Every choice that an expression makes, in written order, also in the definitions of its functions."""
    match expr:
        case Select(condition, _, _):
            yield condition
        case Max():
            yield expr
        case Call(function, argument) if function is ABS:
            yield Compare(Comparison.GT, argument, ZERO)
            yield Compare(Comparison.LT, argument, ZERO)
        case Call(function, argument) if function.definition is not None:
            yield from choices(function.definition(argument))
            return
    for part in children(expr):
        yield from choices(part)


Read = Callable[[Array], NDArray[np.float64]]


def _outcome(choice: Choice, read: Read) -> NDArray[Any]:
    if isinstance(choice, Compare):
        return np.asarray(_COMPARE[choice.op](_values(choice.left, read), _values(choice.right, read)))
    return _largest(choice.terms, read)[1]


def _largest(parts: Sequence[Expr], read: Read) -> tuple[Any, NDArray[np.intp]]:
    """The first of the largest terms, or the first NaN; and which it is."""
    best, winner = _values(parts[0], read), np.zeros((), dtype=np.intp)
    for place, part in enumerate(parts[1:], 1):
        value = _values(part, read)
        kept = (best >= value) | np.isnan(best)
        best, winner = np.where(kept, best, value), np.where(kept, winner, place)
    return best, winner


def _values(expr: Expr, read: Read) -> Any:
    """The values of an expression over integers or an open mesh."""

    def inner(part: Expr) -> Any:
        return _values(part, read)

    match expr:
        case Const(value):
            return np.float64(value)
        case Ref(array, index):
            return read(array)[index]
        case Neg(operand):
            return -inner(operand)
        case Sum(parts) | Product(parts):
            total = inner(parts[0])
            for part in parts[1:]:
                total = total + inner(part) if isinstance(expr, Sum) else total * inner(part)
            return total
        case Sub(left, right):
            return inner(left) - inner(right)
        case Div(left, right):
            return np.divide(inner(left), inner(right))
        case Call(function, argument):
            if function.definition is not None:
                return inner(function.definition(argument))
            return function.array(np.ascontiguousarray(inner(argument)))
        case Select(condition, then, otherwise):
            sides = inner(condition.left), inner(condition.right)
            return np.where(_COMPARE[condition.op](*sides), inner(then), inner(otherwise))
        case Max(parts):
            return _largest(parts, read)[0]
        case ArgMax(Max(parts), numbers):
            return np.array(numbers, dtype=np.float64)[_largest(parts, read)[1]]
        case Pick(array, number, rest):
            return picked(read(array), inner(number), rest)
