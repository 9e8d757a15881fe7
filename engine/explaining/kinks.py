"""Kinks: where the forward pass takes another branch, a difference of E says nothing of a derivative.

Every choice that the equations make is looked at: the condition of a Select, the winner of a Max, the sign in an
absolute value. Two frames with the same outcomes lie on one smooth piece of E, but for a way out and back between them.

Left out are the choices that E does not show. Softplus, mish and the cross-entropy of a logit are smooth, although
they are computed by cases; and the largest net input of a softmax, which is subtracted from all of them, cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.array import Extent, Role
from retrograde.engine.equations.expression import (
    STRUCTURE,
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
    form,
)
from retrograde.engine.equations.functions import ABS
from retrograde.engine.equations.meshes import Read, outcomes, winners
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op

Choice = Compare | Max
Branches = tuple[NDArray[Any], ...]
"""The outcome of every choice: of a comparison whether it holds, of a maximum which term is the largest."""

SMOOTH = frozenset({"softplus", "mish", "softsign", "log_sigmoid", "binary_cross_entropy_logits"})
"""Functions that are computed by cases and yet smooth."""


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
            alike_ones.setdefault(form(choice), []).append(choice)
    for group in alike_ones.values():
        yield _stacked(group, batch if sampled else 0)


def _stacked(group: Sequence[Any], batch: int) -> Any:
    """Expressions of one form as one, with arrays as indices; of sample 0 alone as all samples."""
    first = group[0]
    places = tuple(np.array(parts)[:, None] for parts in zip(*map(STRUCTURE[type(first)].places, group), strict=True))
    if isinstance(first, Ref):
        batched = first.array.batched and batch
        return Ref(first.array, (np.arange(batch)[None, :], *places[1:]) if batched else places)
    parts = tuple(_stacked(each, batch) for each in zip(*map(children, group), strict=True))
    if isinstance(first, Pick):
        return Pick(first.array, parts[0], places)
    return STRUCTURE[type(first)].rebuilt(first, parts)


def choices(expr: Expr) -> Iterator[Choice]:
    """Every choice that an expression makes, in written order, also in the definitions of its functions."""
    if isinstance(expr, Call) and expr.function is not ABS and expr.function.definition is not None:
        yield from choices(expr.function.definition(expr.argument))
        return
    yield from CHOICES[type(expr)](expr)
    for part in children(expr):
        yield from choices(part)


def _none(_expr: Expr) -> tuple[Choice, ...]:
    return ()


def _of_call(expr: Call) -> tuple[Choice, ...]:
    signs = (Comparison.GT, Comparison.LT) if expr.function is ABS else ()
    return tuple(Compare(sign, expr.argument, ZERO) for sign in signs)


CHOICES: Mapping[type[Any], Callable[[Any], tuple[Choice, ...]]] = {
    Const: _none,
    Ref: _none,
    Neg: _none,
    Sum: _none,
    Product: _none,
    Sub: _none,
    Div: _none,
    Call: _of_call,
    Select: lambda expr: (expr.condition,),
    Max: lambda expr: (expr,),
    ArgMax: lambda expr: (expr.largest,),
    Pick: _none,
}
"""By class of node: the choices that it makes itself, besides those of its parts."""


def _outcome(choice: Choice, read: Read) -> NDArray[Any]:
    return np.asarray(outcomes(choice, read)) if isinstance(choice, Compare) else winners(choice, read)[1]
