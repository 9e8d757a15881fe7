"""The axes of a picture: ticks at round numbers, their labels, and where a number lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Floats

ROUND = (1.0, 2.0, 5.0, 10.0)
"""What a step between two ticks begins with."""
DECADES = 50.0
"""How many times the least number the greatest one is at least, where an axis is logarithmic by itself."""
TINY = 1e-300
"""The least number that has a place on a logarithmic axis."""
MARGIN = 1
"""Columns before the widest number of the upright axis, as before the other lines of a panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on an axis, and how it is written."""

    value: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The numbers from one end of a picture to the other; they grow with their places.

    Attributes:
        low: the number at place 0.
        high: the number at place 1, larger than ``low``.
        logarithmic: whether equal factors have equal distances; ``low`` is positive then.
    """

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def around(cls, low: float, high: float, *, logarithmic: bool | None = False) -> Axis:
        """An axis that two numbers lie on, which may be the same.

        Args:
            low: the least of them.
            high: the greatest.
            logarithmic: whether it is; None for what suits the numbers. A number of 0 or less has no logarithm.
        """
        if logarithmic is None:
            logarithmic = low > TINY and high / low > DECADES
        logarithmic = logarithmic and low > TINY
        if not high > low:
            more = (abs(high) or 1.0) * 0.1
            return cls(low=low / 1.1 if logarithmic else low - more, high=high + more, logarithmic=logarithmic)
        if math.isinf(high - low):
            low, high = low / 4.0, high / 4.0
        return cls(low=low, high=high, logarithmic=logarithmic)

    def places(self, values: Floats) -> Floats:
        """Where numbers lie, 0 at the low end and 1 at the high one; NaN for what has no place."""
        import numpy as np

        with np.errstate(all="ignore"):
            if self.logarithmic:
                low, high = math.log(self.low), math.log(self.high)
                found = (np.log(np.where(values > 0, values, np.nan)) - low) / (high - low)
            else:
                found = (values - self.low) / (self.high - self.low)
        made: Floats = np.where(np.isfinite(values), found, np.nan)
        return made

    def place(self, value: float) -> float:
        """Where a number lies."""
        import numpy as np

        return float(self.places(np.array([value]))[0])

    def value(self, place: float) -> float:
        """The number at a place."""
        if self.logarithmic:
            return math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        return self.low + place * (self.high - self.low)

    def ticks(self, most: int, *, whole: bool = False) -> tuple[Tick, ...]:
        """Round numbers of the axis in ascending order, each with a label of its own.

        Args:
            most: how many at most.
            whole: whether only whole numbers count.
        """
        if most < 1:
            return ()
        if self.logarithmic:
            found = _decades(self.low, self.high, most)
            if len(found) > 1:
                return found
            rounds = _rounds(self.low, self.high, most, whole=whole)
            return tuple(tick for tick in rounds if self.low <= tick.value <= self.high) or found
        return _rounds(self.low, self.high, most, whole=whole)


def _rounds(low: float, high: float, most: int, *, whole: bool) -> tuple[Tick, ...]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    step = round_step((high - low) / most, whole=whole)
    while True:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
        step = round_step(step * 1.01, whole=whole)
    decimals = max(-math.floor(math.log10(step) + 1e-9), 0)
    size = max(abs(low), abs(high))
    return tuple(
        Tick(value=number * step, text=_label(number * step, decimals, size)) for number in range(first, last + 1)
    )


def round_step(least: float, *, whole: bool = False) -> float:
    """The least step of a round number that is at least so large."""
    if whole and least <= 1:
        return 1.0
    if not least > 0 or math.isinf(least):
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in ROUND if factor * power >= least * (1 - 1e-9)), 10.0 * power)


def _label(value: float, decimals: int, size: float) -> str:
    """A number of an axis whose step has so many decimals."""
    if 1e-4 <= size < 1e7 and decimals <= 6:
        return f"{value + 0.0:,.{decimals}f}".replace("-", "−")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-12)
    digits = max(exponent + decimals, 0) if decimals else max(exponent - math.floor(math.log10(size)) + 2, 0)
    mantissa, _e, power = f"{value:.{min(digits, 15)}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}".replace("-", "−")


def _decades(low: float, high: float, most: int) -> tuple[Tick, ...]:
    """Powers of ten; of few of them 2 and 5 times these too, of many only some."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    for factors in ((1, 2, 5), (1, 3)):
        found = [
            (factor, power)
            for power in range(first - 1, last + 1)
            for factor in factors
            if low * (1 - 1e-9) <= factor * 10.0**power <= high * (1 + 1e-9)
        ]
        if len(found) <= most:
            return _powers(found)
    every = round(round_step((last - first + 1) / most, whole=True))
    powers = [power for power in range(first, last + 1) if power % every == 0]
    return _powers([(1, power) for power in powers[:most]])


def _powers(found: list[tuple[int, int]]) -> tuple[Tick, ...]:
    """Factors times powers of ten, all written in one way."""
    plain = all(-4 <= power < 5 for _factor, power in found)

    def text(factor: int, power: int) -> str:
        if plain:
            return f"{factor * 10.0**power:,.{max(-power, 0)}f}"
        return f"{factor}e{power}".replace("-", "−")

    return tuple(Tick(value=factor * 10.0**power, text=text(factor, power)) for factor, power in found)
