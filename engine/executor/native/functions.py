"""Where the functions of Python's math and NumPy's are in memory, so that machine code calls the very same ones."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import same_bits
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


class Loop(NamedTuple):
    """The inner loop of a NumPy function: ``loop(args, dimensions, steps, data)``."""

    address: int
    data: int


class _Ufunc(ctypes.Structure):
    """The beginning of NumPy's PyUFuncObject, as ufuncobject.h states it."""

    _fields_ = (
        ("head", ctypes.c_char * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
    )


@cache
def loops() -> Mapping[str, Loop]:
    """The inner loop of each primitive that NumPy has, for contiguous numbers; of those that give NumPy's bits."""
    found: dict[str, Loop] = {}
    for primitive in PRIMITIVES:
        function = primitive.array
        if primitive.name not in _INLINED and isinstance(function, np.ufunc):
            loop = _loop(function)
            if loop is not None and _has_bits_of(loop, function):
                found[primitive.name] = loop
    return found


def _loop(function: np.ufunc) -> Loop | None:
    inside = _Ufunc.from_address(id(function))
    counts = (inside.nin, inside.nout, inside.nargs, inside.ntypes)
    if (
        counts != (1, 1, 2, function.ntypes)
        or inside.name != function.__name__.encode()
        or "d->d" not in function.types
    ):
        return None
    number = function.types.index("d->d")
    return Loop(inside.functions[number] or 0, inside.data[number] or 0)


def _has_bits_of(loop: Loop, function: np.ufunc) -> bool:
    """Whether a loop does what the function does, for rows of several lengths."""
    call = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * 4)(loop.address)
    every = np.array([*_PROBES, *_spread()])
    with np.errstate(all="ignore"):
        for length in (1, 2, 3, 5, 8, 13, len(every)):
            given, made = every[:length].copy(), np.empty(length)
            arguments = (ctypes.c_void_p * 2)(given.ctypes.data, made.ctypes.data)
            size, steps = ctypes.c_ssize_t(length), (ctypes.c_ssize_t * 2)(8, 8)
            call(ctypes.addressof(arguments), ctypes.addressof(size), ctypes.addressof(steps), loop.data or None)
            if not same_bits(made, function(given)):
                return False
    return True
