"""Factors that are printed so that what is printed multiplies up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from retrograde.tui.drawing.cells import brief

DIGITS = 3
"""Digits of a factor, and of the product."""
MOST_DIGITS = 17


class Multiplied(NamedTuple):
    """Factors and their product as they are printed.

    Attributes:
        factors: the factors.
        product: the product.
        holds: whether the printed factors multiply up to the printed product, in its digits.
    """

    factors: tuple[str, ...]
    product: str
    holds: bool


def multiplied(factors: Sequence[float], product: float, digits: int = DIGITS) -> Multiplied:
    """Rounds factors so that they multiply up as printed: those that are nearest to the other side are rounded there.

    Args:
        factors: the factors, none of them below 0.
        product: their product, as it was computed by itself.
        digits: digits of the product; the factors have as many, or more where they need them.
    """
    wanted = f"{product:.{digits}g}"
    for places in range(digits, MOST_DIGITS + 1):
        found = _rounded(factors, Decimal(product), wanted, digits, places)
        if found is not None:
            return Multiplied(tuple(map(_written, found)), brief(product, digits - 1), True)
    return Multiplied(tuple(brief(factor, digits - 1) for factor in factors), brief(product, digits - 1), False)


def _rounded(factors: Sequence[float], product: Decimal, wanted: str, digits: int, places: int) -> list[Decimal] | None:
    """The factors in so many digits; None where they do not multiply up."""
    found = [Decimal(f"{factor:.{places}g}") for factor in factors]
    for _change in range(len(factors) + 1):
        whole = math.prod(found, start=Decimal(1))
        if f"{float(whole):.{digits}g}" == wanted:
            return found
        up = whole < product
        # How far a factor is from its printed form, in units of its last digit: the farthest gives way first.
        room = [
            (float((Decimal(exact) - printed) / _unit(printed, places)) * (1 if up else -1), k)
            for k, (exact, printed) in enumerate(zip(factors, found, strict=True))
            if printed
        ]
        most, k = max(room, default=(0.0, 0))
        if most <= 0:
            return None
        found[k] += _unit(found[k], places) * (1 if up else -1)
    return None


def _unit(value: Decimal, places: int) -> Decimal:
    """One in the last of so many digits of a number."""
    return Decimal(1).scaleb(value.adjusted() - places + 1)


def _written(value: Decimal) -> str:
    return brief(float(value), max(len(value.normalize().as_tuple().digits) - 1, 0))
