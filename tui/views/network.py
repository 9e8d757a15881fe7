"""The network with its values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.array import Array, Phase, Role
from retrograde.engine.expression import Ref
from retrograde.engine.models import INPUT_LAYER
from retrograde.engine.text import _
from retrograde.tui.reading import Reading
from retrograde.tui.state import EdgeView, LayerView, Mark, NetworkView, NodeView, PanelId
from retrograde.tui.views.focus import focus_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.marks import marks
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.views.slots import (
    Cell,
    cell_name,
    info_of,
    names_of,
    node_at,
    node_count,
    outputs_of,
    ref_of,
    values_of,
)

if TYPE_CHECKING:
    from retrograde.engine.network import Network

MOST_NODES = 24
"""Units of a layer up to which nodes are drawn, where the panel is high enough."""


def network_view(reading: Reading, parameters: Parameters, lens: Lens) -> NetworkView:
    """The network with its values, and what takes part in the step."""
    network, program = reading.network, reading.program
    found = marks(reading)
    small = _is_chain(network)
    chosen = node_at(reading, lens.node) if 0 <= lens.node < node_count(reading) else Cell("", -1)
    names = names_of(network)
    layers = tuple(
        _layer_view(
            reading,
            name,
            found.cells,
            chosen.number if chosen.layer == name else -1,
            small=small,
            last=k == len(names) - 1,
        )
        for k, name in enumerate(names)
    )
    phase = None if reading.step is None else reading.step.moment.phase
    focus = None
    if not small and program.ops:
        focus = focus_view(reading, ref_of(reading, chosen) if chosen.layer else None)
    return NetworkView(
        layers=layers,
        weights=tuple(reading.frame.array(layer.parameters["W"]) for layer in network.layers) if small else (),
        edges=_edges(reading, parameters, lens, found.weights) if small else (),
        names=_edge_names(reading) if small else (),
        flow={Phase.FORWARD: 1, Phase.LOSS: 1, Phase.BACKWARD: -1}.get(phase, 0) if phase else 0,
        focus=focus,
        decimals={5: 3, 9: 4}.get(lens.digits, 8),
    )


@lru_cache(maxsize=16)
def _is_chain(network: Network) -> bool:
    """Whether the network is a chain of dense layers that are small enough for nodes and edges."""
    before, edges = INPUT_LAYER, 0
    for info in network.layers:
        source, weights = network.forms[before], info.weights
        if not info.dense or info.sources != (before,) or info.form.steps or len(source.shape) != 1:
            return False
        if weights is None or len(weights.shape) != 2 or max(weights.shape) > MOST_NODES:
            return False
        before, edges = info.name, edges + weights.size
    return edges <= 600


def _layer_view(
    reading: Reading, name: str, marks: dict[Cell, Mark], chosen: int, *, small: bool, last: bool
) -> LayerView:
    program, notation, scenario = reading.program, reading.notation, reading.scenario
    own = {cell.number: mark for cell, mark in marks.items() if cell.layer == name}
    values = values_of(reading, name).reshape(-1)
    info = info_of(reading.network, name)
    finite = np.abs(values[np.isfinite(values)])
    answer = -1
    if info is None:
        caption = _("{count} inputs").format(count=values.size)
        shape = scenario.network.input_shape
        scale = max(float(finite.max()) if finite.size else 1.0, 1e-300)
    else:
        caption = info.spec.label
        shape = None
        scale = max(1.0, float(finite.max()) if finite.size else 1.0)
    goal = program.named.get(f"t_{name}")
    if last and goal is not None:
        target = reading.values(goal)
        if target.size > 1 and float(target.max()) == 1.0 and float(target.sum()) == 1.0:
            answer = int(target.argmax())
    arrays = outputs_of(program, name)
    array = arrays[0] if arrays else None
    nodes: tuple[NodeView, ...] = ()
    if array is not None and len(arrays) == 1 and (small or (last and values.size <= MOST_NODES)):
        nodes = tuple(
            NodeView(
                name=notation.neuron(name, unit) if small else cell_name(reading, Cell(name, unit)),
                value=None if (value := float(values[unit])) != value and unit >= reading.known(array) else value,
                mark=own.get(unit, Mark.IDLE),
                selected=unit == chosen,
                notes=_notes(reading, name, unit, last=last) if small else (),
                edited=small
                and reading.parent is not None
                and reading.before(Ref(array, (reading.sample, unit))) is not None,
            )
            for unit in range(values.size)
        )
    return LayerView(
        name=name,
        caption=caption,
        nodes=nodes,
        values=values,
        marks=own,
        shape=(shape[0], shape[1]) if shape is not None and len(shape) == 2 else None,
        scale=scale,
        answer=answer,
        selected=chosen,
    )


def _hidden(reading: Reading, array: Array, unit: int) -> bool:
    return reading.visible(Ref(array, (reading.sample, unit))) is None


def _notes(reading: Reading, layer: str, unit: int, *, last: bool) -> tuple[tuple[str, float, bool], ...]:
    """The values below a node: net before the output is known, the target, and δ."""
    if layer == "i":
        return ()
    program, sample = reading.program, reading.sample
    notes: list[tuple[str, float, bool]] = []
    if _hidden(reading, program.named[f"out_{layer}"], unit):
        value = reading.visible(Ref(program.named[f"net_{layer}"], (sample, unit)))
        if value is not None:
            notes.append(("net", value, False))
    if last:
        target = reading.frame.value(Ref(program.named[f"t_{layer}"], (sample, unit)))
        notes.append(("t", target, False))
    delta = program.named.get(f"grad(net_{layer})")
    if delta is not None:
        value = reading.visible(Ref(delta, (sample, unit)))
        if value is not None:
            notes.append(("δ", value, True))
    return tuple(notes)


def _edges(reading: Reading, parameters: Parameters, lens: Lens, weights: dict[Ref, Mark]) -> tuple[EdgeView, ...]:
    gaps = {layer.name: gap for gap, layer in enumerate(reading.network.layers)}
    selected: Ref | None = None
    if lens.focus is PanelId.WEIGHTS and len(parameters):
        selected = parameters.ref(min(lens.weight, len(parameters) - 1))
        if selected not in weights:
            weights = {selected: Mark.IDLE, **weights}
    return tuple(
        EdgeView(
            gap=gaps[ref.array.layer],
            source=ref.index[1],
            target=ref.index[0],
            mark=mark,
            label=reading.notation.symbol(ref),
            value=reading.frame.value(ref),
            selected=ref == selected,
        )
        for ref, mark in weights.items()
        if ref.array.role is Role.WEIGHT
    )


def _edge_names(reading: Reading) -> tuple[tuple[tuple[str, ...], ...], ...]:
    return _names_of(reading.notation, tuple(layer.parameters["W"] for layer in reading.network.layers))


@lru_cache(maxsize=4)
def _names_of(notation: Any, arrays: tuple[Array, ...]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    return tuple(
        tuple(
            tuple(notation.symbol(Ref(array, (target, source))) for source in range(array.shape[1]))
            for target in range(array.shape[0])
        )
        if array.size <= 8
        else ()
        for array in arrays
    )
