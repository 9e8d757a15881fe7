"""The slots that layers hand on: one array, or one a time step, counted through; and how they are called."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.layers.base import Form
from retrograde.engine.network.program import ravel, unravel
from retrograde.engine.scenario.shapes import INPUT_LAYER

if TYPE_CHECKING:
    from retrograde.engine.network.network import LayerInfo, Network
    from retrograde.engine.network.program import Program
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Floats

PARAMETERS = frozenset({Role.WEIGHT, Role.BIAS})


class SlotCell(NamedTuple):
    """A slot that a layer hands on: its layer, and its number, counted through time steps and rows."""

    layer: str
    number: int


def names_of(network: Network) -> tuple[str, ...]:
    """The inputs and the layers, in order."""
    return (INPUT_LAYER, *(layer.name for layer in network.layers))


@lru_cache(maxsize=64)
def _infos(network: Network) -> dict[str, LayerInfo]:
    return {layer.name: layer for layer in network.layers}


def info_of(network: Network, name: str) -> LayerInfo | None:
    """A layer by its name; None for the inputs."""
    return _infos(network).get(name)


def is_circuit(network: Network, name: str) -> bool:
    """Whether a layer is a free graph of scalars, each of which has a place of its own."""
    info = info_of(network, name)
    return info is not None and info.spec.kind == "graph"


@lru_cache(maxsize=4096)
def outputs_of(program: Program, name: str) -> tuple[Array, ...]:
    """The arrays that a layer hands on: one, or one a time step; none where the program makes none."""
    stem = name if name == INPUT_LAYER else f"out_{name}"
    if stem in program.named:
        return (program.named[stem],)
    found: list[Array] = []
    while (array := program.named.get(f"{stem}@{len(found) + 1}")) is not None:
        found.append(array)
    # The last value of a scalar graph has a name of its own.
    own = (array for array in program.arrays if array.role is Role.OUT and array.layer == name and array.time is None)
    return tuple(found or own)


def size_of(array: Array) -> int:
    """Slots of an array for one sample."""
    return array.size // array.shape[0] if array.batched and array.shape[0] else array.size


def node_count(reading: Reading) -> int:
    """How many slots the inputs and the layers hand on, for a sample."""
    return sum(reading.network.forms[name].size for name in names_of(reading.network))


def node_at(reading: Reading, number: int) -> SlotCell:
    """The slot with a number, counted over the inputs and all layers.

    Raises:
        IndexError: there are not so many.
    """
    for name in names_of(reading.network):
        size = reading.network.forms[name].size
        if number < size:
            return SlotCell(name, number)
        number -= size
    raise IndexError(number)


def node_number(reading: Reading, cell: SlotCell) -> int:
    """The number of a slot, counted over the inputs and all layers; the inverse of ``node_at``."""
    before = 0
    for name in names_of(reading.network):
        if name == cell.layer:
            return before + cell.number
        before += reading.network.forms[name].size
    raise KeyError(cell.layer)


def ref_of(reading: Reading, cell: SlotCell) -> Ref | None:
    """The slot of the shown sample; None where this program does not make it."""
    arrays = outputs_of(reading.program, cell.layer)
    for array in arrays:
        size = size_of(array)
        if cell.number < size or array is arrays[-1]:
            return Ref(array, (reading.sample, *unravel(min(cell.number, size - 1), array.element_shape)))
        cell = SlotCell(cell.layer, cell.number - size)
    return None


def node_ref(reading: Reading, number: int) -> Ref | None:
    """The slot with a number, counted over the inputs and all layers; None where there is none."""
    return ref_of(reading, node_at(reading, number)) if 0 <= number < node_count(reading) else None


def base_of(array: Array) -> Array:
    """What a gradient, a slope, a new value or an optimiser's memory belongs to; of others the array itself."""
    while array.of is not None:
        array = array.of
    return array


class Places(NamedTuple):
    """Where the slots of an array are shown among those that its layer hands on.

    Attributes:
        shape: the shape of the array without the sample.
        before: how many slots of earlier time steps come before.
    """

    shape: tuple[int, ...]
    before: int

    @classmethod
    def of(cls, reading: Reading, array: Array) -> Places | None:
        """The places of an array.

        Net inputs, outputs, their gradients and everything that has the shape of the output share one place, and the
        targets too; None for other shapes and for parameters.
        """
        array = base_of(array)
        form = reading.network.forms.get(array.layer)
        if form is None or not array.batched:
            return None
        if array.role is Role.TARGET:
            whole = (form.steps, *form.shape) if form.steps else form.shape
            return cls(whole, 0) if array.element_shape == whole else None
        if array.element_shape != form.shape or bool(form.steps) != (array.time is not None):
            return None
        if is_circuit(reading.network, array.layer) and array not in outputs_of(reading.program, array.layer):
            return None
        return cls(form.shape, 0 if array.time is None else (array.time - 1) * Form(form.shape).size)

    def number(self, index: tuple[int, ...]) -> int:
        """The number of a slot, from its index with the sample."""
        return self.before + ravel(index[1:], self.shape)


def cell_of(reading: Reading, ref: Ref) -> SlotCell | None:
    """Where a slot is shown among those that its layer hands on; None for those that are not, and of other samples."""
    places = Places.of(reading, ref.array)
    if places is None or ref.index[:1] != (reading.sample,):
        return None
    return SlotCell(base_of(ref.array).layer, places.number(ref.index))


def cell_name(reading: Reading, cell: SlotCell) -> str:
    """What a slot that a layer hands on is called: ``h1``, ``h1@2``, ``c1[2,3,3]``."""
    ref = ref_of(reading, cell)
    return cell.layer if ref is None else place_name(reading, ref)


def place_name(reading: Reading, ref: Ref) -> str:
    """The place of a slot without what it holds: ``h1`` of ``net_h1`` and of ``δ_h1``, ``c1[2,3,3]`` of an output."""
    array = base_of(ref.array)
    symbol = reading.symbol(Ref(array, ref.index))
    if array.role in PARAMETERS:
        return symbol
    for stem in (array.sign, array.stem):
        if stem and array.layer and symbol.startswith(f"{stem}_{array.layer}"):
            return symbol.removeprefix(f"{stem}_")
    return symbol


def class_at(reading: Reading, layer: str, unit: int) -> str:
    """The name of the class or output that a unit of a layer stands for; empty where it has none.

    Args:
        reading: the reading.
        layer: the layer.
        unit: the number of the unit, from 0, counted over positions.
    """
    names = reading.network.dataset.class_names
    if not names or layer not in {loss.layer for loss in reading.network.losses}:
        return ""
    shape = reading.network.forms[layer].shape
    return names[unit % len(names)] if shape and shape[-1] == len(names) else ""


def class_of(reading: Reading, ref: Ref) -> str:
    """The name of the class that a slot of an output layer stands for; empty where it has none."""
    array = base_of(ref.array)
    return class_at(reading, array.layer, ref.index[-1]) if array.batched and len(ref.index) > 1 else ""


def time_of(ref: Ref) -> int | None:
    """The time step of a slot, from 1; None where it has none."""
    array = base_of(ref.array)
    if ref.array.time is not None:
        return ref.array.time
    return ref.index[len(array.shape) - len(array.element_shape)] + 1 if array.timed and ref.index else array.time


def values_of(reading: Reading, name: str) -> Floats:
    """The values that a layer hands on for the shown sample, time steps first; NaN for what is not computed yet."""
    arrays = outputs_of(reading.program, name)
    if len(arrays) == 1:
        return reading.values(arrays[0])
    if not arrays:
        return np.full(reading.network.forms[name].shape, np.nan)
    return np.stack([reading.values(array) for array in arrays])
