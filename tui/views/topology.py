"""What is drawn of a network and what reads what: layers, and the values of small scalar graphs by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Array, Extent, Phase
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.layers.base import Form
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.network.program import unravel
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.tui.views.slots import cell_of, info_of, is_circuit, node_number, outputs_of, size_of

if TYPE_CHECKING:
    from retrograde.engine.network.network import LayerInfo, Network
    from retrograde.engine.network.notation import Notation
    from retrograde.engine.network.program import Program
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Bools, Floats

MOST_NODES = 24
"""Units of a layer up to which nodes are drawn, where the panel is high enough."""
MOST_EDGES = 600
"""Edges up to which a network is drawn as nodes."""
MOST_GATES = 60
"""Values of a scalar graph up to which each is drawn by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A part of the picture: a layer, or a value of a scalar graph.

    Attributes:
        layer: the name of the layer.
        sources: the numbers of the items that it reads.
        array: the value of a scalar graph; None for a layer.
    """

    layer: str
    sources: tuple[int, ...]
    array: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TopologyPlan:
    """The parts of the picture, each after those that it reads.

    Attributes:
        items: the parts.
        depths: the column of each part, from 0.
        small: whether all of them are layers that can be drawn as nodes and edges.
    """

    items: tuple[Item, ...]
    depths: tuple[int, ...]
    small: bool

    @property
    def links(self) -> tuple[tuple[int, int], ...]:
        """Which item leads to which."""
        return tuple((source, number) for number, item in enumerate(self.items) for source in item.sources)


@lru_cache(maxsize=16)
def plan_of(network: Network, program: Program) -> TopologyPlan:
    """The parts of the picture of a network."""
    items: list[Item] = []
    outputs: dict[str, int] = {}
    if any(INPUT_LAYER in info.sources for info in network.layers):
        outputs[INPUT_LAYER] = 0
        items.append(Item(INPUT_LAYER, ()))
    for info in network.layers:
        if not (is_circuit(network, info.name) and _add_values(items, outputs, info, program)):
            items.append(Item(info.name, tuple(dict.fromkeys(outputs[name] for name in info.sources))))
        outputs[info.name] = len(items) - 1
    found = tuple(items)
    return TopologyPlan(found, _depths(found), _is_small(network, program, found))


def _add_values(items: list[Item], outputs: dict[str, int], info: LayerInfo, program: Program) -> bool:
    """Adds the values of a scalar graph one by one, unless there are too many; says whether it did."""
    ops = [op for op in program.ops if op.layer == info.name and op.phase is Phase.FORWARD]
    read = dict.fromkeys(array for op in ops for array in op.inputs)
    given = [array for array in read if array.layer == info.name and not array.batched]
    if len(ops) + len(given) > MOST_GATES or any(size_of(op.target) > 1 for op in ops[:-1]):
        return False
    place: dict[Array, int] = {}
    for array in given:
        place[array] = len(items)
        items.append(Item(info.name, (), array))
    for op in ops:
        sources = dict.fromkeys(place[array] if array in place else outputs[array.layer] for array in op.inputs)
        place[op.target] = len(items)
        # The values that are handed on together are a row, as of any other layer.
        row = bool(op.target.element_shape)
        items.append(Item(info.name, tuple(sources), None if row else op.target))
    last = outputs_of(program, info.name)
    if last and place.get(last[0], -1) != len(items) - 1:
        # What the layer hands on has to be the last of its items.
        return _moved_last(items, place[last[0]])
    return bool(ops)


def _moved_last(items: list[Item], number: int) -> bool:
    """Moves an item that no later one reads to the end."""
    if any(number in item.sources for item in items[number + 1 :]):
        items.append(Item(items[number].layer, (number,)))
        return True
    moved = items.pop(number)
    for k in range(number, len(items)):
        sources = tuple(source - (source > number) for source in items[k].sources)
        items[k] = Item(items[k].layer, sources, items[k].array)
    items.append(moved)
    return True


def _depths(items: tuple[Item, ...]) -> tuple[int, ...]:
    """The longest way to each item; a number that is given stands just before what reads it."""
    depths: list[int] = []
    for item in items:
        depths.append(1 + max((depths[source] for source in item.sources), default=-1))
    readers: list[list[int]] = [[] for _item in items]
    for number, item in enumerate(items):
        for source in item.sources:
            readers[source].append(number)
    for number, item in enumerate(items):
        if item.array is not None and not item.sources and readers[number]:
            depths[number] = min(depths[reader] for reader in readers[number]) - 1
    least = min(depths)
    return tuple(depth - least for depth in depths)


def _is_small(network: Network, program: Program, items: tuple[Item, ...]) -> bool:
    edges = 0
    for item in items:
        form = network.forms[item.layer]
        if item.array is not None or form.steps or len(form.shape) != 1 or form.size > MOST_NODES:
            return False
        if f"out_{item.layer}@1" in program.named or any(one.timed for one in outputs_of(program, item.layer)):
            # There is more to see of what goes through time than the last state.
            return False
        for source in item.sources:
            table = link_table(network, program, items[source].layer, item.layer)
            if table is None:
                return False
            edges += table.edges
    return edges <= MOST_EDGES


@dataclass(frozen=True, slots=True, eq=False)
class LinkTable:
    """The edges from the units of a layer to those of another.

    Attributes:
        there: which edges there are, shape (units of the target, units of the source).
        weights: the parameter that holds their weights; None where they have none.
        slots: where in it, laid out flat, each weight is; the same shape, −1 for no edge.
    """

    there: Bools
    weights: Array | None
    slots: np.ndarray[tuple[int, ...], np.dtype[np.intp]] | None = None

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return int(self.there.sum())

    def values(self, weights: Floats) -> Floats:
        """The weights, NaN where there is no edge; the same shape."""
        assert self.slots is not None
        return np.where(self.there, weights.reshape(-1)[self.slots], np.nan)


@lru_cache(maxsize=1024)
def link_table(network: Network, program: Program, source: str, target: str) -> LinkTable | None:
    """The edges between two layers that are small rows of numbers; None where they are not."""
    forms = network.forms[source], network.forms[target]
    if any(form.steps or len(form.shape) != 1 or form.size > MOST_NODES for form in forms):
        return None
    info = info_of(network, target)
    assert info is not None
    if isinstance(info.spec, DenseLayer):
        return _dense_table(network, info, source)
    return _read_table(program, source, target)


@lru_cache(maxsize=16)
def weights_of(network: Network, program: Program) -> frozenset[Array]:
    """The weights whose edges may be drawn one by one."""
    plan = plan_of(network, program)
    layers = ((plan.items[source], plan.items[target]) for source, target in plan.links)
    tables = (
        link_table(network, program, source.layer, target.layer)
        for source, target in layers
        if source.array is None and target.array is None
    )
    return frozenset(table.weights for table in tables if table is not None and table.weights is not None)


def _dense_table(network: Network, info: LayerInfo, source: str) -> LinkTable | None:
    spec, weights = info.spec, info.weights
    assert isinstance(spec, DenseLayer)
    if weights is None:
        return None
    first, size = 0, network.forms[source].size
    for name in info.sources:
        if name == source:
            break
        first += Form(network.forms[name].shape).size
    if spec.pairs is None:
        slots = np.arange(weights.size).reshape(weights.shape)[:, first : first + size]
    else:
        slots = np.full((info.units, size), -1)
        for number, (unit, column) in enumerate(spec.pairs):
            if first <= column < first + size:
                slots[unit, column - first] = number
    return LinkTable(slots >= 0, weights, slots)


def _read_table(program: Program, source: str, target: str) -> LinkTable | None:
    """Which units of a layer are read for which units of another, over everything in between."""
    ends, starts = outputs_of(program, target), outputs_of(program, source)
    if len(ends) != 1 or len(starts) != 1:
        return None
    found = np.zeros((size_of(ends[0]), size_of(starts[0])), dtype=np.bool_)
    for unit in range(found.shape[0]):
        seen: set[Ref] = set()
        waiting = [Ref(ends[0], (0, unit))]
        while waiting:
            ref = waiting.pop()
            if ref in seen:
                continue
            seen.add(ref)
            if ref.array is starts[0]:
                found[unit, ref.index[1]] = True
                continue
            op = program.maker(ref.array)
            if op is None or op.layer != target:
                continue
            index = ref.index if ref.array.batched or op.extent is Extent.ONCE else (0, *ref.index)
            # Of other samples the same is read.
            waiting += [one for one in refs(op.equation(index)) if not one.array.batched or one.index[0] == 0]
    return LinkTable(found, None)


def edge_of(network: Network, program: Program, ref: Ref, target: str) -> tuple[str, int, int] | None:
    """The source layer, its unit and the unit of the target that a weight of a dense layer joins.

    Args:
        network: the network.
        program: the program.
        ref: the weight.
        target: the layer that uses it; several may share it.
    """
    info = info_of(network, target)
    if info is None or not isinstance(info.spec, DenseLayer) or ref.array is not info.weights:
        return None
    unit, column = ref.index if info.spec.pairs is None else info.spec.pairs[ref.index[0]]
    for source in info.sources:
        size = Form(network.forms[source].shape).size
        if column < size:
            return source, column, unit
        column -= size
    return None


@lru_cache(maxsize=64)
def symbols_of(notation: Notation, table: LinkTable) -> tuple[tuple[str, ...], ...]:
    """The symbols of the weights of a few edges, a row a unit of the target; empty where there is no edge."""
    symbol = notation.symbol
    weights, slots = table.weights, table.slots
    if weights is None or slots is None or table.edges > 8:
        return ()
    return tuple(
        tuple(symbol(Ref(weights, unravel(int(slot), weights.shape))) if slot >= 0 else "" for slot in row)
        for row in slots
    )


def first_node(reading: Reading) -> int:
    """Where a selection of slots begins: in a large network at the step, if it makes one that a layer hands on."""
    if reading.step is None or plan_of(reading.network, reading.program).small:
        return -1
    cell = cell_of(reading, reading.step.target)
    return -1 if cell is None else node_number(reading, cell)
