"""Random choices that are the same on every machine, and texts of scenario files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Item = TypeVar("Item")


class Draw:
    """A stream of choices from one number.

    Only the words of Philox are used: they are fixed for good, while the methods of NumPy's generators may change with
    its version. Real numbers have few digits, so that no last bit of theirs depends on a library.

    Args:
        number: the number of the network.
        stream: streams of one number have nothing in common.
    """

    def __init__(self, number: int, stream: int = 0) -> None:
        self._words = np.random.Philox(key=(stream << 64) | number)

    def below(self, bound: int) -> int:
        """One of 0, 1, ..., bound − 1."""
        return int(self._words.random_raw()) % bound

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.below(high - low + 1)

    def among(self, *options: Item) -> Item:
        """One of some things; what is said twice comes twice as often."""
        return options[self.below(len(options))]

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return self.below(1000) < 1000 * share

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The same things in another order."""
        rest, found = list(items), []
        while rest:
            found.append(rest.pop(self.below(len(rest))))
        return found

    def real(self, low: float, high: float, digits: int = 3) -> float:
        """A number of so many digits after the point."""
        scale: int = 10**digits
        return self.between(round(low * scale), round(high * scale)) / scale

    def reals(self, count: int, low: float = -1.5, high: float = 1.5, digits: int = 3) -> list[float]:
        """Several numbers."""
        return [self.real(low, high, digits) for _ in range(count)]


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """The text of a table of tables, without the keys whose value is None or empty."""
    plain, nested = [], []
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if value is None or value == [] or value == {}:
            continue
        if isinstance(value, Mapping):
            nested.append(f"\n[{name}]\n" + toml(value, name))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            nested += [f"\n[[{name}]]\n" + toml(one, name) for one in value]
        else:
            text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
            plain.append(f"{key} = {text}\n")
    return "".join(plain + nested)
