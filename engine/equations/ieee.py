"""IEEE arithmetic of single floats that never raises: Python raises where IEEE 754 gives inf or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable


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
