"""Arithmetic with a running bound: beside each value the largest error that a type's rounding can have made of it.

To first order: each operation rounds its result (ε·|x|) and hands on the errors of its operands. A sum of n terms may
be added in any order: (n−1)·ε·Σ|t|.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.equations.expression import SQUARE, Function
from retrograde.engine.equations.functions import ABS, COS, ERF, EXP, EXPM1, LOG, LOG1P, SIN, SQRT, TANH
from retrograde.engine.recording.form import Kind


class Bounded(NamedTuple):
    """A value, and the largest error that arithmetic of a type can have made of it, to first order."""

    value: Any
    error: Any


class Total(NamedTuple):
    """A sum that is not rounded yet.

    Attributes:
        value: the sum of the terms.
        absolute: that of their absolute values.
        error: that of their errors.
        count: how many they are.
    """

    value: Any
    absolute: Any
    error: Any
    count: Any


def finite(error: Any) -> Any:
    """0 for what is not a number: an error times infinity's 0."""
    return np.where(np.isnan(error), 0.0, error)


_SLOPES: Mapping[Function, Callable[[Any, Any], Any]] = {
    ABS: lambda _x, _y: 1.0,
    COS: lambda _x, _y: 1.0,
    SIN: lambda _x, _y: 1.0,
    ERF: lambda x, _y: np.exp(-x * x) * 1.1283791670955126,
    EXP: lambda _x, y: y,
    EXPM1: lambda _x, y: y + 1.0,
    LOG: lambda x, _y: 1.0 / np.abs(x),
    LOG1P: lambda x, _y: 1.0 / np.abs(1.0 + x),
    SQRT: lambda _x, y: 0.5 / y,
    TANH: lambda _x, y: 1.0 - y * y,
}
"""|f'| of each primitive, from its argument and its value."""


class Rounding(NamedTuple):
    """The arithmetic of a type."""

    kind: Kind

    def rounded(self, value: Any, error: Any) -> Bounded:
        """The result of one more operation, rounded to the type."""
        return Bounded(value, finite(error) + finite(self.kind.epsilon * np.abs(value)) + self.kind.tiny)

    def call(self, function: Function, argument: Bounded) -> Bounded:
        """A primitive function, or the square."""
        if function is SQUARE:
            return self.product(argument, argument)
        value = function.array(np.asarray(argument.value, dtype=np.float64))
        slope = np.abs(_SLOPES[function](argument.value, value))
        error = finite(slope * argument.error)
        if function is SQRT:
            # Near 0 the slope is steep, and |√a − √b| ≤ √|a − b| says more.
            error = np.minimum(error, np.sqrt(argument.error))
        return self.rounded(value, error)

    def sum(self, *parts: Bounded) -> Bounded:
        """A sum of a few terms."""
        value, absolute, error = parts[0].value, np.abs(parts[0].value), parts[0].error
        for part in parts[1:]:
            value, absolute, error = value + part.value, absolute + np.abs(part.value), error + part.error
        return self.summed(Total(value, absolute, error, len(parts)))

    def summed(self, total: Total) -> Bounded:
        """A sum, in whatever order it is added."""
        return Bounded(total.value, total.error + finite((total.count - 1) * self.kind.epsilon * total.absolute))

    def sub(self, left: Bounded, right: Bounded) -> Bounded:
        """The difference."""
        rounding = self.kind.epsilon * np.abs(left.value - right.value)
        return Bounded(left.value - right.value, left.error + right.error + finite(rounding))

    def product(self, *parts: Bounded) -> Bounded:
        """A product, from left to right."""
        first, *rest = parts
        for part in rest:
            error = finite(first.error * np.abs(part.value)) + finite(part.error * np.abs(first.value))
            first = self.rounded(first.value * part.value, error)
        return first

    def div(self, above: Bounded, below: Bounded) -> Bounded:
        """The quotient."""
        value = np.true_divide(above.value, below.value)
        error = finite(above.error / np.abs(below.value)) + finite(np.abs(value / below.value) * below.error)
        return self.rounded(value, error)

    def over(self, part: Bounded, axes: Sequence[int], *, seen: Any = None) -> Total:
        """The sum over axes, which stay with a length of 1; only of what is seen."""
        shape, axis = np.shape(part.value), tuple(axes)
        value, error = np.asarray(part.value), np.broadcast_to(part.error, shape)
        if seen is not None:
            value, error = np.where(seen, value, 0.0), np.where(seen, error, 0.0)
        count = np.broadcast_to(True if seen is None else seen, shape).sum(axis=axis, keepdims=True)
        return Total(
            value.sum(axis=axis, keepdims=True),
            np.abs(value).sum(axis=axis, keepdims=True),
            error.sum(axis=axis, keepdims=True),
            np.maximum(count, 1),
        )

    def dot(self, left: Bounded, right: Bounded, count: Any = None) -> Total:
        """The products along the last axis of one and the last but one of the other, as matrices are multiplied."""
        value, absolute = left.value @ right.value, np.abs(left.value) @ np.abs(right.value)
        length = left.value.shape[-1] if count is None else count
        error = self.kind.epsilon * absolute + length * self.kind.tiny
        if np.any(left.error):
            error = error + np.broadcast_to(left.error, left.value.shape) @ np.abs(right.value)
        if np.any(right.error):
            error = error + np.abs(left.value) @ np.broadcast_to(right.error, right.value.shape)
        return Total(value, absolute, error, length)
