"""What an executor does, and the frame that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from retrograde.engine.arithmetic import Floats
from retrograde.engine.array import Array
from retrograde.engine.expression import Mathematics, Ref
from retrograde.engine.program import Program

Leaves = Any
"""The batch of one iteration, in the form that an executor's ``leaves`` gives."""


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
        return float(self.flat[self.program.offset(ref)])

    def array(self, array: Array) -> Floats:
        """An array of the frame; a read-only view."""
        start = self.program.offsets[array]
        return self.flat[start : start + array.size].reshape(array.shape)

    @property
    def next_state(self) -> Floats:
        """The state after the iteration; a read-only view."""
        size = self.program.state_size
        return self.flat[size : 2 * size]


class Executor(Protocol):
    """Computes the iterations of one program."""

    program: Program
    mathematics: Mathematics

    def leaves(self, inputs: Floats, targets: Floats, rows: Any) -> Leaves:
        """The batch made of some rows of the data, in this executor's form."""
        ...

    def frame(self, state: Floats, leaves: Leaves, overrides: Mapping[Ref, float] | None = None) -> Frame:
        """Computes one iteration and keeps every value.

        Args:
            state: the flat state at the start; not changed.
            leaves: the batch.
            overrides: slots whose assignments are replaced by a number.
        """
        ...

    def advance(self, state: Floats, batches: Sequence[Leaves], losses: list[float]) -> Floats:
        """Runs one iteration per batch and returns the state after the last.

        Args:
            state: the flat state at the start; not changed.
            batches: the batches.
            losses: gets E of each iteration.
        """
        ...
