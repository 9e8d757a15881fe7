"""What a step reads, as the screen lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import Operand

if TYPE_CHECKING:
    from retrograde.tui.reading.reading import Reading


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole(Operand):
    """An array that an op without an equation reads: which of its elements, nobody knows."""

    @property
    def symbol(self) -> str:
        """Its name."""
        return self.ref.array.name

    @property
    def name(self) -> str:
        """Its name."""
        return self.ref.array.name

    @property
    def size(self) -> str:
        """Its shape."""
        return "×".join(map(str, self.ref.array.shape)) or "1"


def operands_of(reading: Reading) -> tuple[Operand, ...]:
    """The operands of the step on the screen, in written order, each once.

    Of an op of a recording that says nothing of its elements, whole arrays.
    """
    step, recording = reading.step, reading.recording
    if step is None:
        return ()
    if recording is None or not recording.silence(step.place.op):
        return step.operands
    inputs = (array for array in step.op.inputs if array.size)
    return tuple(Whole(step=step, ref=Ref(array, tuple(n - 1 for n in array.shape))) for array in inputs)
