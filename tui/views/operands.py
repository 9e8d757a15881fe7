"""What a step reads, as the screen lists it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.statement import Reads
from retrograde.engine.explaining.step import Operand

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.reading.reading import Reading


class Whole(Operand):
    """An array that an op without an equation reads: which of its elements, nobody knows."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.ref.array.name

    @property
    def size(self) -> str:
        """Its shape."""
        return "×".join(map(str, self.ref.array.shape)) or "1"


def operands_of(reading: Reading) -> Sequence[Operand]:
    """The operands of the step on the screen, in written order, each once.

    Of an op of a recording that says nothing of its elements, whole arrays.
    """
    step, recording = reading.step, reading.recording
    if step is None:
        return ()
    if recording is None or not recording.silence(step.place.op):
        return step.operands
    wholes = Reads(_wholes(step))
    return tuple(
        Whole(step.notation, ref, ref.array.name, math.nan, number)
        for ref, number in zip(wholes.refs, step.makers(wholes), strict=False)
    )


def refs_of(reading: Reading) -> tuple[Ref, ...]:
    """The slots of ``operands_of`` alone."""
    step, recording = reading.step, reading.recording
    if step is None:
        return ()
    return step.reads if recording is None or not recording.silence(step.place.op) else _wholes(step)


def _wholes(step: Step) -> tuple[Ref, ...]:
    """The last slot of each array that an op without an equation reads."""
    return tuple(Ref(array, tuple(n - 1 for n in array.shape)) for array in step.op.inputs if array.size)
