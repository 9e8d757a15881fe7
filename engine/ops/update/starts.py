"""What an optimiser remembers before the first update, where the file says so: ``[training.memory]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Index
from retrograde.engine.equations.optimisers import COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """What is remembered before the first update; what is not said begins as usual.

    Attributes:
        numbers: by stem the number of all parameters, and the numbers that belong to none: ``v``, ``t``.
        arrays: by stem and array of parameters, nested lists or a number: ``v(W_o)``.
        slots: by the same, single parameters.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, Mapping[Index, float]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many updates came before."""
        return int(self.numbers.get(COUNT, 0))

    def number(self, name: str, usual: float) -> float:
        """A number that belongs to no parameter."""
        return self.numbers.get(name, usual)

    def power(self, share: float) -> float:
        """A share to the number of updates, multiplied as the updates do."""
        power = 1.0
        for _update in range(self.count):
            power *= share
        return power

    def of(self, stem: str, parameter: Array, usual: float) -> Floats:
        """What is remembered of a parameter."""
        name = f"{stem}({parameter.name})"
        given = np.asarray(self.arrays.get(name, self.numbers.get(stem, usual)), dtype=np.float64)
        values = given.reshape(parameter.shape) if given.shape else np.full(parameter.shape, float(given))
        for index, value in self.slots.get(name, {}).items():
            values[index] = value
        return values
