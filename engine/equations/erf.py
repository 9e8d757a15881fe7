"""The error function over arrays: NumPy has none, and the standard library's takes one number at a time.

Two rational functions, both within 1e-18 where they are used: (erf(x)/x − 1) of x² below 1, and erfc(x)·exp(x²) of x
from 1 to 6. Their coefficients are least-squares fits, weighted towards the largest error, in 60 digits. With the
rounding of the arithmetic, erf is off by less than 1.5 units in the last place.

A number has the same bits alone and in an array of any shape: every operation rounds by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_INNER = (
    (
        0.1283791670955126,
        -0.317014139722442,
        -0.048309739615430086,
        -0.008812528133359771,
        -0.0004951298541853119,
        -2.0710121711783237e-05,
    ),
    (
        1.0,
        0.4604504815443839,
        0.09378406869794755,
        0.01068734566235838,
        0.0006919154561367047,
        2.0783814775617503e-05,
    ),
)
_OUTER = (
    (
        0.9999998862263006,
        1.3907831432512527,
        0.9497752509916969,
        0.3737506023903373,
        0.08439686897845558,
        0.008937472371343035,
    ),
    (
        1.0,
        2.519161112329329,
        2.7923501843986114,
        1.7576527941983744,
        0.6704357146576702,
        0.14958566014561955,
        0.015841379412643953,
    ),
)

_SPLIT = 1.0
"""Where the second function takes over."""

_END = 6.0
"""From where erf is 1 to the last bit."""


def erf(x: Any, out: Any = None) -> Any:
    """The error function 2/√π · ∫₀ˣ exp(−t²) dt.

    Args:
        x: a number or an array.
        out: gets the values, C-contiguous; a new array if absent.
    """
    if np.ndim(x) == 0:
        value = np.float64(_one(float(x)))
        if out is None:
            return value
        out[...] = value
        return out
    values = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
    result = np.empty(np.shape(x)) if out is None else out
    flat: NDArray[np.float64] = result.reshape(-1)
    inside = np.abs(values) < _SPLIT
    places = np.flatnonzero(inside)
    if places.size == values.size:
        flat[:] = _inner(values)
        return result
    flat[places] = _inner(values.take(places))
    places = np.flatnonzero(~inside)
    flat[places] = _outer(values.take(places))
    return result


def _one(x: float) -> float:
    """The same for one number."""
    if x != x:
        return x
    size = abs(x)
    if size < _SPLIT:
        square = x * x
        return x + x * (_polynomial(square, _INNER[0]) / _polynomial(square, _INNER[1]))
    if size >= _END:
        return math.copysign(1.0, x)
    tail = float(np.exp(np.float64(-(size * size)))) * (_polynomial(size, _OUTER[0]) / _polynomial(size, _OUTER[1]))
    return math.copysign(1.0 - tail, x)


def _polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    total = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _inner(x: NDArray[np.float64]) -> NDArray[np.float64]:
    square = x * x
    total = _horner(square, _INNER[0])
    np.divide(total, _horner(square, _INNER[1]), out=total)
    np.multiply(x, total, out=total)
    return np.add(x, total, out=total)


def _outer(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # From the end on, the tail is so small that 1 − tail is 1; NaN goes through.
    size = np.minimum(np.abs(x), _END)
    tail = size * size
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    share = _horner(size, _OUTER[0])
    np.divide(share, _horner(size, _OUTER[1]), out=share)
    np.multiply(tail, share, out=tail)
    np.subtract(1.0, tail, out=tail)
    np.copysign(tail, x, out=tail)
    return tail


def _horner(x: NDArray[np.float64], coefficients: tuple[float, ...]) -> NDArray[np.float64]:
    total = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        np.add(total, coefficient, out=total)
        np.multiply(total, x, out=total)
    return np.add(total, coefficients[0], out=total)
