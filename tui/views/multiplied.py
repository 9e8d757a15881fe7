"""Factors that are printed so that what is printed multiplies up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from retrograde.tui.drawing.cells import brief

DIGITS = 3
"""Digits of the product, and of a factor at least."""
MOST_DIGITS = 17
"""Digits that a number can have."""


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
    """Prints factors, all in as many digits as it takes for the printed ones to multiply up to the printed product.

    Args:
        factors: the factors.
        product: their product, as it was computed by itself.
        digits: digits of the product at least.
    """
    # A product that lies between two printed ones to its last bit needs more digits itself.
    for shown in range(digits, MOST_DIGITS):
        wanted = Decimal(f"{product:.{shown}g}")
        for places in range(digits, MOST_DIGITS + 1):
            printed = [Decimal(f"{factor:.{places}g}") for factor in factors]
            if Decimal(f"{math.prod(printed, start=Decimal(1)):.{shown}g}") == wanted:
                return Multiplied(tuple(map(_written, printed)), brief(product, shown - 1), True)
    return Multiplied(tuple(brief(factor, digits - 1) for factor in factors), brief(product, digits - 1), False)


def _written(value: Decimal) -> str:
    """A number with all its digits, but no zeros behind them."""
    return brief(float(value), max(len(value.normalize().as_tuple().digits) - 1, 0))
