"""The parameters in the order of their numbers, and the steps that make them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.layers.base import Form
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.network.program import ravel, unravel
from retrograde.tui.views.slots import PARAMETERS, SlotCell, base_of, cell_name, info_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.network.network import LayerInfo
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Floats

MOST_NAMED = 5000
"""Slots of an array up to which a search looks at the name of each, and paths that are kept."""
MOST_SORTED = 99
"""Slots of an array up to which its rows stand in the order of their names."""


class Parameters:
    """The rows of the weight table, in the order of their numbers; made once a session.

    A shared parameter is listed once, with the layer that it belongs to. Of large arrays nothing is kept a slot.

    Args:
        reading: any reading of the session.

    Attributes:
        memory: the memory that optimisers keep for parameters, by parameter: arrays of the state in their order.
        kinds: the kinds of that memory, in their order, as they are written: ``m``, ``v``.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._arrays: list[Array] = []
        self._starts: list[int] = []
        self._order: dict[Array, list[int]] = {}
        self._place: dict[Array, int] = {}
        self._count = 0
        notation = reading.notation
        for array in reading.network.listed:
            self._arrays.append(array)
            self._starts.append(self._count)
            self._place[array] = self._count
            self._count += array.size
            if array.role is Role.WEIGHT and 1 < array.size <= MOST_SORTED:
                symbols = [notation.symbol(Ref(array, unravel(flat, array.shape))) for flat in range(array.size)]
                if not any("[" in symbol for symbol in symbols):
                    keys = [_natural(symbol) for symbol in symbols]
                    self._order[array] = sorted(range(array.size), key=keys.__getitem__)
        self.memory: dict[Array, dict[str, Array]] = {}
        for memory in reading.network.remembered:
            if memory.of in self._place and memory.shape == memory.of.shape:
                self.memory.setdefault(memory.of, {})[memory.sign or memory.stem] = memory
        self.kinds: tuple[str, ...] = tuple(dict.fromkeys(kind for kept in self.memory.values() for kind in kept))
        self._names: dict[Array, list[str]] = {}
        self._paths: dict[Ref, str] = {}

    def __len__(self) -> int:
        """How many parameters there are."""
        return self._count

    def ref(self, number: int) -> Ref:
        """The slot of a row."""
        place = bisect_right(self._starts, number) - 1
        array = self._arrays[place]
        flat = number - self._starts[place]
        order = self._order.get(array)
        return Ref(array, unravel(flat if order is None else order[flat], array.shape))

    def find(self, ref: Ref) -> int | None:
        """The row of a parameter, or of its gradient, its new value or what an optimiser remembers of it."""
        array = base_of(ref.array)
        start = self._place.get(array)
        if start is None or len(ref.index) != len(array.shape):
            return None
        flat = ravel(ref.index, array.shape)
        order = self._order.get(array)
        return start + (flat if order is None else order.index(flat))

    def spread(self, values: Callable[[Array], Floats]) -> Floats:
        """Values of all parameters, in the order of the rows.

        Args:
            values: gives those of one of the arrays, in its shape.
        """
        pieces = []
        for array in self._arrays:
            flat, order = values(array).ravel(), self._order.get(array)
            pieces.append(flat if order is None else flat[order])
        return np.concatenate(pieces) if pieces else np.empty(0)

    def matches(self, text: str) -> list[int]:
        """The rows whose name holds a text."""
        if not text:
            return []
        wanted = text.casefold().replace(" ", "")
        found: list[int] = []
        for array, start in zip(self._arrays, self._starts, strict=True):
            if array.size > MOST_NAMED and not array.blocks:
                found += _indexed(array, start, wanted)
                continue
            names = self._names.get(array)
            if names is None:
                name = self._reading.notation.name
                numbers = range(start, start + array.size)
                names = self._names[array] = [name(self.ref(number)).casefold() for number in numbers]
            found += [number for number, one in enumerate(names, start) if wanted in one]
        return found

    def path(self, ref: Ref) -> str:
        """From where to where an edge of a dense layer leads; the neurons of a bias; empty for other parameters."""
        found = self._paths.get(ref)
        if found is None:
            if len(self._paths) >= MOST_NAMED:
                self._paths.clear()
            found = self._paths[ref] = self._path(ref)
        return found

    def _path(self, ref: Ref) -> str:
        info = info_of(self._reading.network, ref.array.layer)
        if info is None or not isinstance(info.spec, DenseLayer) or ref.array.role not in PARAMETERS:
            return ""
        if ref.array is info.weights:
            unit, column = ref.index if info.spec.pairs is None else info.spec.pairs[ref.index[0]]
            return f"{self._column(info, column)} → {self._reading.notation.neuron(info.name, unit)}"
        if ref.array.size == info.units:
            return f"1 → {self._reading.notation.neuron(info.name, ref.index[0])}"
        return f"1 → {info.name}"

    def _column(self, info: LayerInfo, column: int) -> str:
        """What a column of the weights of a dense layer reads."""
        for source in info.sources:
            form = self._reading.network.forms[source]
            size = Form(form.shape).size
            if column < size:
                name = cell_name(self._reading, SlotCell(source, column))
                return name.partition("@")[0] if form.steps else name
            column -= size
        return ""


def _indexed(array: Array, start: int, wanted: str) -> list[int]:
    """The rows of a large array, whose slots are called ``W_h[2,1]``: all by its name, or by their first indices."""
    head = f"{array.name}[".casefold()
    if wanted in head:
        return list(range(start, start + array.size))
    if not wanted.startswith(head):
        return []
    parts = wanted.removeprefix(head).removesuffix("]").split(",")
    if len(parts) > len(array.shape):
        return []
    there = np.ones(array.shape, dtype=np.bool_)
    for axis, part in enumerate(parts):
        whole = axis < len(parts) - 1 or wanted.endswith("]")
        numbers = (str(place + 1) for place in range(array.shape[axis]))
        fits = np.array([one == part if whole else one.startswith(part) for one in numbers])
        there &= fits.reshape((-1,) + (1,) * (len(array.shape) - axis - 1))
    return [int(flat) + start for flat in np.flatnonzero(there)]


def _natural(text: str) -> tuple[str, int, str]:
    digits = "".join(c for c in text if c.isdigit())
    head = text.rstrip("0123456789")
    return (head, int(digits), text) if digits and head + digits == text else (text, 0, text)


def change_of(reading: Reading, ref: Ref, new: float) -> tuple[float, bool]:
    """What an update adds to a parameter, and whether that is −η·∂E/∂w.

    Where it is, it is that product itself: a difference of two parameters has fewer digits.
    """
    value = reading.frame.value(ref)
    gradient = reading.program.named.get(f"grad({ref.array.name})")
    if gradient is not None and reading.recording is None:
        step = -(reading.frame.value(Ref(reading.network.rate)) * reading.frame.value(Ref(gradient, ref.index)))
        if value + step == new or new != new:
            return step, True
    return new - value, False


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
