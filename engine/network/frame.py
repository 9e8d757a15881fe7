"""The frame: every value of one iteration."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import Mathematics
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.program import Program


class Frame:
    """Every value of one iteration; read-only.

    Attributes:
        program: the program that was executed.
        flat: all slots, laid out as ``program.offsets`` says.
        mathematics: the source of primitive functions that the executor used.
    """

    __slots__ = ("flat", "mathematics", "program")

    def __init__(self, program: Program, flat: Floats, mathematics: Mathematics) -> None:
        flat.setflags(write=False)
        self.program = program
        self.flat = flat
        self.mathematics = mathematics

    def value(self, ref: Ref) -> float:
        """The final value of a slot."""
        return self.flat.item(self.program.offset(ref))

    def values(self, refs: Sequence[Ref], places: list[int] | NDArray[np.intp]) -> list[float]:
        """The final values of many slots.

        Args:
            refs: the slots.
            places: where each is in the flat memory.
        """
        del refs
        if isinstance(places, list):
            return list(map(self.flat.item, places))
        found: list[float] = self.flat[places].tolist()
        return found

    def array(self, array: Array) -> Floats:
        """An array of the frame; a read-only view."""
        start = self.program.offsets[array]
        return self.flat[start : start + array.size].reshape(array.shape)

    def largest(self, array: Array) -> float:
        """The largest number that an array can hold."""
        del array
        return sys.float_info.max

    def at(self, where: slice | NDArray[np.intp]) -> Floats:
        """Slots of one array, by their places in the flat memory."""
        return self.flat[where]

    @property
    def next_state(self) -> Floats:
        """The state after the iteration; a read-only view."""
        size = self.program.state_size
        return self.flat[size : 2 * size]


def gradient_norm(frame: Frame) -> float:
    """The Euclidean norm of ∂E/∂ all trained parameters of an iteration."""
    total = 0.0
    for array in frame.program.arrays:
        if array.role is Role.GRADIENT and array.of is not None and array.of.role in {Role.WEIGHT, Role.BIAS}:
            total += float(np.sum(np.square(frame.array(array))))
    return math.sqrt(total)
