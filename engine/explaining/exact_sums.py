"""Exact sums of products of floats, over arrays: the error of a product is a float of its own.

Two-product after Dekker (1971) and Veltkamp's split; see Ogita, Rump, Oishi, "Accurate sum and dot product" (2005).
Floats are whole numbers times a power of two, so those of one exponent are added as whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats

Ints = NDArray[np.int64]

_SPLIT = 134217729.0
"""2²⁷ + 1, which splits a float of 53 bits into two of at most 26."""
_LEAST, _MOST = 1e-240, 1e140
"""Between these a product and the error of its error are ordinary floats."""
_DIGITS = 53
_HALF = 26
_OFFSET = 2048
_EXPONENTS = 4096


class Wide(NamedTuple):
    """Numbers of 106 bits, each the sum of two floats; exact for products of two floats.

    Attributes:
        high: the numbers, rounded to floats.
        low: what that leaves.
    """

    high: Any
    low: Any

    def times(self, factor: Any) -> Wide:
        """Multiplied by floats."""
        product, error = two_product(self.high, factor)
        return _normal(product, error + self.low * factor)

    def over(self, divisor: Any) -> Wide:
        """Divided by floats."""
        quotient = self.high / divisor
        product, error = two_product(quotient, divisor)
        return _normal(quotient, ((self.high - product) - error + self.low) / divisor)

    def plus(self, other: Wide) -> Wide:
        """Added to others."""
        total, error = _two_sum(self.high, other.high)
        return _normal(total, error + (self.low + other.low))

    @property
    def negative(self) -> Wide:
        """The negative."""
        return Wide(-self.high, -self.low)

    @property
    def is_zero(self) -> bool:
        """Whether all are 0."""
        return not (np.any(self.high) or np.any(self.low))


def wide(value: float) -> Wide:
    """A number."""
    return Wide(value, 0.0)


def _two_sum(left: Any, right: Any) -> tuple[Any, Any]:
    """A sum, and what rounding took from it."""
    total = left + right
    part = total - left
    return total, (left - (total - part)) + (right - part)


def _normal(high: Any, low: Any) -> Wide:
    return Wide(*_two_sum(high, low))


def two_product(left: Any, right: Any) -> tuple[Any, Any]:
    """A product, and what rounding took from it; exact while nothing over- or underflows."""
    product = left * right
    scaled = _SPLIT * left
    left_high = scaled - (scaled - left)
    left_low = left - left_high
    scaled = _SPLIT * right
    right_high = scaled - (scaled - right)
    right_low = right - right_high
    error = ((left_high * right_high - product) + left_high * right_low + left_low * right_high) + left_low * right_low
    return product, error


def sums(groups: Ints, values: Floats, count: int) -> list[Fraction]:
    """The exact sums of the floats of each group.

    Args:
        groups: the group of each, from 0.
        values: finite floats, fewer than 2²⁶.
        count: how many groups there are.
    """
    found = [Fraction()] * count
    here = values != 0
    if not here.any():
        return found
    mantissas, exponents = np.frexp(values[here])
    whole = np.ldexp(mantissas, _DIGITS).astype(np.int64)
    keys, places = np.unique(groups[here] * _EXPONENTS + (exponents + _OFFSET), return_inverse=True)
    highs = np.bincount(places, weights=whole >> _HALF)
    lows = np.bincount(places, weights=whole & ((1 << _HALF) - 1))
    for key, high, low in zip(keys.tolist(), highs.tolist(), lows.tolist(), strict=True):
        group, exponent = divmod(key, _EXPONENTS)
        units = (int(high) << _HALF) + int(low)
        power = exponent - _OFFSET - _DIGITS
        found[group] += Fraction(units << power) if power >= 0 else Fraction(units, 1 << -power)
    return found


def products(groups: Ints, factors: Wide, values: Floats, count: int) -> list[Fraction]:
    """The exact sums of factor · value of each group.

    Args:
        groups: the group of each, from 0.
        factors: finite factors, of the shape of ``values``.
        values: finite floats.
        count: how many groups there are.
    """
    with np.errstate(all="ignore"):
        first = two_product(factors.high, values)
        second = two_product(factors.low, values)
        size = np.abs(first[0])
        plain = (size > _LEAST) & (np.maximum(np.abs(factors.high), np.abs(values)) < _MOST) | (factors.high == 0)
    plain |= values == 0
    found = [Fraction()] * count
    for part in (*first, *second):
        if np.any(part):
            found = [old + new for old, new in zip(found, sums(groups, np.where(plain, part, 0.0), count), strict=True)]
    for place in np.flatnonzero(~plain).tolist():
        factor = Fraction(float(factors.high[place])) + Fraction(float(factors.low[place]))
        found[int(groups[place])] += factor * Fraction(float(values[place]))
    return found
