"""The parameters in the order of their numbers, and the steps that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.array import Role
from retrograde.engine.expression import (
    Ref,
)
from retrograde.tui.reading import Reading

if TYPE_CHECKING:
    pass


class Parameters:
    """The rows of the weight table, in the order of their numbers; made once a session.

    Args:
        reading: any reading of the session.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._refs: list[Ref] = []
        self._number: dict[tuple[str, tuple[int, ...]], int] = {}
        notation = reading.notation
        for info in reading.network.layers:
            here = [
                Ref(info.weights, (target, source))
                for target in range(info.weights.shape[0])
                for source in range(info.weights.shape[1])
            ]
            if len(here) <= 99:
                here.sort(key=lambda ref: _natural(notation.symbol(ref)))
            self._refs += here
            if info.bias is not None:
                self._refs += [Ref(info.bias, (unit,)) for unit in range(info.bias.size)]
        for number, ref in enumerate(self._refs):
            self._number[ref.array.name, ref.index] = number
        self._names: list[str] | None = None

    def __len__(self) -> int:
        """How many parameters there are."""
        return len(self._refs)

    def ref(self, number: int) -> Ref:
        """The slot of a row."""
        return self._refs[number]

    def find(self, ref: Ref) -> int | None:
        """The row of a parameter, or of its gradient or updated value."""
        array = ref.array
        if array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None:
            array = array.of
        if array.role not in {Role.WEIGHT, Role.BIAS}:
            return None
        return self._number.get((array.name, ref.index))

    def matches(self, text: str) -> list[int]:
        """The rows whose name holds a text."""
        if not text:
            return []
        if self._names is None:
            notation = self._reading.notation
            self._names = [notation.name(ref).casefold() for ref in self._refs]
        wanted = text.casefold().replace(" ", "")
        return [number for number, name in enumerate(self._names) if wanted in name]

    def path(self, ref: Ref) -> str:
        """From where to where a weight leads; the neurons of a bias."""
        notation = self._reading.notation
        info = next(layer for layer in self._reading.network.layers if layer.name == ref.array.layer)
        if ref.array.role is Role.WEIGHT:
            source = notation.neuron(info.source, ref.index[1])
            return f"{source} → {notation.neuron(info.name, ref.index[0])}"
        if ref.array.size == info.units:
            return f"1 → {notation.neuron(info.name, ref.index[0])}"
        return f"1 → {info.name}"


def _natural(text: str) -> tuple[str, int, str]:
    digits = "".join(c for c in text if c.isdigit())
    head = text.rstrip("0123456789")
    return (head, int(digits), text) if digits and head + digits == text else (text, 0, text)


def steps_of_parameter(reading: Reading, ref: Ref, *, back: bool) -> int | None:
    """The nearest step that makes the gradient or the new value of a parameter, None for none.

    Args:
        reading: the reading.
        ref: the parameter.
        back: look before the cursor, not after it.
    """
    found: list[int] = []
    schedule = reading.schedule
    for iteration in range(max(reading.iteration - 1, 0), reading.iteration + 2):
        program = schedule.program(iteration)
        for name in (f"grad({ref.array.name})", f"new({ref.array.name})"):
            array = program.named.get(name)
            step = None if array is None else program.produced(Ref(array, ref.index))
            if step is not None:
                found.append(schedule.start(iteration) + step + 1)
    if back:
        return max((number for number in found if number < reading.position), default=None)
    return min((number for number in found if reading.position < number <= reading.length), default=None)
