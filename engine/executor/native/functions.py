"""Where the functions of Python's math are in memory, so that machine code calls the very same ones."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from functools import cache

from retrograde.engine.equations.functions import PRIMITIVES

_INLINED = {"abs", "sqrt"}
"""Correctly rounded by IEEE 754, so that they have no address."""

_PROBES = (0.0, -0.0, 5e-324, -5e-324, 1e-308, -1e-308, math.inf, -math.inf, math.nan, -1.0, 1.0, 709.8, -745.2, 1e308)


@cache
def addresses() -> Mapping[str, int] | None:
    """The address of each primitive function; None where one of them has other bits than Python's.

    They are looked up where Python's own module of mathematics is linked against.
    """
    try:
        library = ctypes.CDLL(getattr(math, "__file__", None))
    except (OSError, TypeError):
        return None
    found: dict[str, int] = {}
    for primitive in PRIMITIVES:
        if primitive.name in _INLINED:
            continue
        function = getattr(library, primitive.name, None)
        if function is None:
            return None
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
        assert primitive.plain is not None
        if not all(_alike(function(x), primitive.plain(x)) for x in (*_PROBES, *_spread())):
            return None
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert address is not None
        found[primitive.name] = address
    return found


def _alike(left: float, right: float) -> bool:
    return left.hex() == right.hex()


def _spread() -> list[float]:
    """Some hundred numbers of all sizes at which two libraries would differ."""
    found: list[float] = []
    x = 0.7390851332151607
    for number in range(300):
        # The logistic map: digits that no table has.
        x = 3.99 * x * (1.0 - x)
        found.append((x - 0.5) * 10.0 ** (number % 9 - 5))
    return found
