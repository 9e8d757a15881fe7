"""IEEE arithmetic of single floats that never raises: Python raises where IEEE 754 gives inf or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable


def divide(numerator: float, denominator: float) -> float:
    """The quotient; ±inf or NaN for a zero denominator, as IEEE 754 has it."""
    try:
        return numerator / denominator
    except ZeroDivisionError:
        if numerator == 0.0 or numerator != numerator:
            return math.nan
        return math.copysign(math.inf, numerator) * math.copysign(1.0, denominator)


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
