"""The order of the table of weights: by what they are, by what moves them, and which of them are shown.

Of a large network only the rows in sight are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrograde.engine.equations.array import Array
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Bools, Floats
    from retrograde.tui.views.parameters import Parameters

MOST_SORTED = 20_000
"""Rows up to which all are sorted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightOrder:
    """The rows of the table of weights that are shown, in an order.

    Attributes:
        numbers: the parameters that are shown, by their number in the file, ascending; None for all.
        count: how many there are.
        keys: minus what each of them is sorted by, NaN where that is not known; None for the order of the file.
    """

    numbers: Sequence[int] | None
    count: int
    keys: Floats | None

    @classmethod
    def of(cls, reading: Reading, parameters: Parameters, order: str, kept: str) -> WeightOrder:
        """The order at one position.

        Args:
            reading: the reading.
            parameters: the parameters.
            order: one of ``WEIGHT_ORDERS``.
            kept: the text that the names of the rows have in them; empty for all.
        """
        numbers = parameters.matches(kept) if kept else None
        count = len(parameters) if numbers is None else len(numbers)
        if order == "file":
            return cls(numbers=numbers, count=count, keys=None)
        keys = _keys(reading, parameters, order)
        return cls(numbers=numbers, count=count, keys=keys if numbers is None else keys[np.asarray(numbers, np.intp)])

    def place(self, number: int) -> int:
        """Where a parameter stands; the place of its neighbour, where it is not shown."""
        at = number if self.numbers is None else int(np.searchsorted(np.asarray(self.numbers), number))
        at = min(at, self.count - 1)
        if self.keys is None or at < 0:
            return max(at, 0)
        mine, known = self.keys[at], ~np.isnan(self.keys)
        if np.isnan(mine):
            return int(known.sum() + (~known[:at]).sum())
        return int((self.keys < mine).sum() + (self.keys[:at] == mine).sum())

    def window(self, first: int, last: int) -> list[int]:
        """The parameters from one place to another."""
        first, last = max(first, 0), min(last, self.count)
        if first >= last:
            return []
        found = range(first, last) if self.keys is None else _ranked(self.keys, first, last).tolist()
        return list(found) if self.numbers is None else [self.numbers[at] for at in found]

    def shows(self, number: int) -> bool:
        """Whether a parameter is shown."""
        if self.numbers is None:
            return True
        at = int(np.searchsorted(np.asarray(self.numbers), number))
        return at < self.count and self.numbers[at] == number


@lru_cache(maxsize=1)
def _keys(reading: Reading, parameters: Parameters, order: str) -> Floats:
    """Minus how large each parameter is in one respect: the selection moves many times at one position."""
    return -parameters.spread(lambda array: _size(reading, array, order))


def _ranked(keys: Floats, first: int, last: int) -> NDArray[np.intp]:
    """The numbers of the keys that stand at some places when all are sorted; what is equal stays in its order."""
    if len(keys) <= MOST_SORTED:
        return np.argsort(keys, kind="stable")[first:last]
    filled = np.where(np.isnan(keys), np.inf, keys)
    parted = np.partition(filled, (first, last - 1))
    low, high = parted[first], parted[last - 1]
    middle = np.flatnonzero((filled >= low) & (filled <= high))
    before = int((filled < low).sum())
    sorted_middle = middle[np.argsort(filled[middle], kind="stable")]
    return sorted_middle[first - before : last - before]


def _size(reading: Reading, array: Array, order: str) -> Floats:
    """How large each slot of a parameter is in one respect; NaN where that is not known at the cursor."""
    value, named = reading.frame.array(array), reading.program.named
    updated = named.get(f"new({array.name})")
    if order == "gradient":
        gradient = named.get(f"grad({array.name})")
        return np.full(array.shape, np.nan) if gradient is None else _known(reading, gradient)
    if order == "update":
        if updated is None:
            return np.full(array.shape, np.nan)
        there = _there(reading, updated)
        return np.where(there, _size_of(reading.frame.array(updated) - value), np.nan)
    now = value if updated is None else np.where(_there(reading, updated), reading.frame.array(updated), value)
    return _size_of(now if order == "value" else now - reading.network.parameters[array])


def _known(reading: Reading, array: Array) -> Floats:
    return np.where(_there(reading, array), _size_of(reading.frame.array(array)), np.nan)


def _there(reading: Reading, array: Array) -> Bools:
    """Which slots of an array are computed."""
    return (np.arange(array.size) < reading.known(array)).reshape(array.shape)


def _size_of(values: Floats) -> Floats:
    """Magnitudes; what is no number is larger than all that is one."""
    return np.where(np.isnan(values), np.inf, np.abs(values))
