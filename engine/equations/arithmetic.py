"""IEEE arithmetic that never raises, and sums in written order.

Python raises where IEEE 754 gives inf or NaN; NumPy adds pairwise or in blocks where it can. Retrograde shows every
partial sum, so each one has to have existed: sums run from left to right, starting from the first term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def divide(numerator: float, denominator: float) -> float:
    """The quotient; ±inf or NaN for a zero denominator, as IEEE 754 has it."""
    try:
        return numerator / denominator
    except ZeroDivisionError:
        if numerator == 0.0 or numerator != numerator:
            return math.nan
        return math.copysign(math.inf, numerator) * math.copysign(1.0, denominator)


def largest(values: Iterable[float]) -> tuple[float, int]:
    """The first of the largest values, or the first NaN; and which it is."""
    found, place = -math.inf, -1
    for number, value in enumerate(values):
        if place < 0 or not (found >= value or found != found):
            found, place = value, number
    return found, place


def guarded(function: Callable[[float], float], *, pole: float | None = None) -> Callable[[float], float]:
    """A function of the standard library that gives inf or NaN where the library raises.

    Args:
        function: the function.
        pole: the argument at which it goes to −inf, as log does at 0.
    """

    def safe(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:
            return -math.inf if x == pole else math.nan

    return safe


def same_bits(left: Floats, right: Floats) -> bool:
    """Whether two arrays hold the same bits; all NaNs count as equal."""
    if left.shape != right.shape:
        return False
    equal = np.ascontiguousarray(left).view(np.uint64) == np.ascontiguousarray(right).view(np.uint64)
    return bool(np.all(equal | (np.isnan(left) & np.isnan(right))))


def sum_rows(rows: Floats, out: Floats) -> None:
    """Adds the rows of a C-contiguous array from the first to the last.

    NumPy's reduction over the first axis is sequential only where the rest of the shape holds more than one
    element; a single column is reduced pairwise, so it goes through a running sum instead. It starts from 0, which
    would turn a sum of −0 into +0; starting from −0 changes no value.

    Args:
        rows: shape (terms, ...), C-contiguous.
        out: shape (...), C-contiguous, gets the sum.
    """
    if out.size == 1:
        out[...] = np.add.accumulate(rows.reshape(-1))[-1]
    else:
        np.add.reduce(rows, axis=0, out=out, initial=-0.0)


def picked(table: Floats, numbers: Any, rest: tuple[Any, ...]) -> Floats:
    """The entries of the rows of a table that have some numbers, from 0; NaN where there is no such row.

    Args:
        table: (rows, ...).
        numbers: the numbers of the rows.
        rest: the index along the other axes, broadcastable with the numbers.
    """
    whole = (numbers >= 0) & (numbers < len(table)) & (numbers == np.floor(numbers))
    rows = np.where(whole, numbers, 0.0).astype(np.intp)
    return np.where(whole, table[(rows, *rest)], np.nan)
