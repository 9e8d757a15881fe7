"""Rounding on the way: what people do who compute with a pocket calculator, or who carry on what they printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retrograde.engine.equations.array import Role
from retrograde.engine.network.program import Program

Passing = Callable[[int, float], float]
"""What a value becomes as soon as it is made, given the number of its slot."""

Carried = Mapping[int, tuple[float, float]]
"""By slot: the figure that was printed of it, and one unit of its last digit."""

Raw = dict[tuple[int, int], float]
"""By iteration and slot: what was computed."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How values are rounded as soon as they are made.

    Attributes:
        shorten: shortens one number; None for not at all.
        outputs: whether that is done with outputs alone.
        carry: whether a value that is within one unit of its printed figure becomes the figure.
    """

    shorten: Callable[[float], float] | None = None
    outputs: bool = False
    carry: bool = False

    def passing(self, program: Program, carried: Carried, raw: Raw, iteration: int) -> Passing:
        """The function for one iteration of a program.

        Args:
            program: the program.
            carried: the figures that may be carried on.
            raw: gets what was computed where a figure is carried on.
            iteration: the iteration.
        """
        shorten = self.shorten
        only = (
            frozenset(
                slot
                for array in program.arrays
                if array.role is Role.OUT
                for slot in range(program.offsets[array], program.offsets[array] + array.size)
            )
            if self.outputs
            else None
        )
        known = carried if self.carry else {}

        def passed(slot: int, value: float) -> float:
            if shorten is not None and (only is None or slot in only) and math.isfinite(value):
                value = shorten(value)
            if slot in known:
                figure, unit = known[slot]
                if abs(value - figure) <= unit:
                    raw[iteration, slot] = value
                    return figure
            return value

        return passed


def decimals(count: int) -> Callable[[float], float]:
    """Rounds to some decimals."""
    return lambda value: round(value, count)


def significant(count: int) -> Callable[[float], float]:
    """Rounds to some significant digits."""
    return lambda value: float(f"{value:.{count - 1}e}")


def cut(count: int) -> Callable[[float], float]:
    """Cuts off after some decimals."""
    scale = 10.0**count
    return lambda value: math.trunc(value * scale) / scale


ROUNDINGS: Mapping[tuple[str, str], Rounding] = {
    ("printed", ""): Rounding(carry=True),
    **{("outputs", str(k)): Rounding(decimals(k), outputs=True) for k in (3, 4, 5)},
    **{("outputs, printed", str(k)): Rounding(decimals(k), outputs=True, carry=True) for k in (3, 4, 5)},
    **{("decimals", str(k)): Rounding(decimals(k)) for k in range(2, 7)},
    **{("significant", str(k)): Rounding(significant(k)) for k in range(3, 6)},
    ("cut", "4"): Rounding(cut(4)),
}
"""By kind and what it says: the ways of rounding that are tried."""
