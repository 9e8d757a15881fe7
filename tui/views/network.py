"""The network with its values."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.array import Array, Phase, Role
from retrograde.engine.expression import (
    Ref,
)
from retrograde.engine.text import _
from retrograde.tui.canvas import Span
from retrograde.tui.figures import show, show_signed
from retrograde.tui.look import Ink, signed
from retrograde.tui.reading import Reading
from retrograde.tui.state import (
    EdgeView,
    FocusRow,
    FocusView,
    LayerView,
    Mark,
    NetworkView,
    NodeView,
    PanelId,
)

if TYPE_CHECKING:
    pass


from retrograde.tui.views.lens import Lens
from retrograde.tui.views.marks import marks
from retrograde.tui.views.parameters import Parameters

MOST_NODES = 24
"""Units of a layer up to which nodes are drawn, where the panel is high enough."""


def node_count(reading: Reading) -> int:
    """How many neurons and inputs there are."""
    return reading.network.inputs + sum(layer.units for layer in reading.network.layers)


def node_at(reading: Reading, number: int) -> tuple[str, int]:
    """The layer and the unit of a neuron, counted over all layers."""
    for name, units in (
        ("i", reading.network.inputs),
        *((layer.name, layer.units) for layer in reading.network.layers),
    ):
        if number < units:
            return name, number
        number -= units
    raise IndexError(number)


def network_view(reading: Reading, parameters: Parameters, lens: Lens) -> NetworkView:
    """The network with its values, and what takes part in the step."""
    network, program = reading.network, reading.program
    nodes, weights = marks(reading)
    widths = [network.inputs, *(layer.units for layer in network.layers)]
    edges = sum(a * b for a, b in pairwise(widths))
    small = max(widths) <= MOST_NODES and edges <= 600
    names = ["i", *(layer.name for layer in network.layers)]
    chosen = node_at(reading, lens.node) if 0 <= lens.node < node_count(reading) else ("", -1)
    layers = tuple(
        _layer_view(reading, name, nodes, chosen[1] if chosen[0] == name else -1, small=small, last=k == len(names) - 1)
        for k, name in enumerate(names)
    )
    phase = None if reading.step is None else reading.step.moment.phase
    return NetworkView(
        layers=layers,
        weights=tuple(reading.frame.array(layer.weights) for layer in network.layers) if small else (),
        edges=_edges(reading, parameters, lens, weights) if small else (),
        names=_edge_names(reading) if small else (),
        flow={Phase.FORWARD: 1, Phase.LOSS: 1, Phase.BACKWARD: -1}.get(phase, 0) if phase else 0,
        focus=None if small or not program.ops else _focus(reading, chosen),
        decimals={5: 3, 9: 4}.get(lens.digits, 8),
    )


def _layer_view(
    reading: Reading, name: str, marks: dict[tuple[str, int], Mark], chosen: int, *, small: bool, last: bool
) -> LayerView:
    program, notation, scenario = reading.program, reading.notation, reading.scenario
    own = {unit: mark for (layer, unit), mark in marks.items() if layer == name}
    array = program.named[name if name == "i" else f"out_{name}"]
    values = reading.values(array)
    answer = -1
    if name == "i":
        caption = _("{count} inputs").format(count=values.size)
        shape = scenario.network.input_shape
        finite = np.abs(values[np.isfinite(values)])
        scale = max(float(finite.max()) if finite.size else 1.0, 1e-300)
    else:
        layer = next(one for one in scenario.network.layers if one.name == name)
        caption = f"{layer.units} {layer.activation}"
        shape = None
        finite = np.abs(values[np.isfinite(values)])
        scale = max(1.0, float(finite.max()) if finite.size else 1.0)
    if last:
        goal = reading.values(program.named[f"t_{name}"])
        if goal.size > 1 and float(goal.max()) == 1.0 and float(goal.sum()) == 1.0:
            answer = int(goal.argmax())
    nodes: tuple[NodeView, ...] = ()
    if small or (last and values.size <= MOST_NODES):
        nodes = tuple(
            NodeView(
                name=notation.neuron(name, unit),
                value=None if (value := float(values[unit])) != value and _hidden(reading, array, unit) else value,
                mark=own.get(unit, Mark.IDLE),
                selected=unit == chosen,
                notes=_notes(reading, name, unit, last=last) if small else (),
                edited=reading.parent is not None and reading.before(Ref(array, (reading.sample, unit))) is not None,
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
    return _names_of(reading.notation, tuple(layer.weights for layer in reading.network.layers))


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


def _focus(reading: Reading, chosen: tuple[str, int]) -> FocusView:
    """The selected neuron, else that of the step: its largest incoming terms and outgoing weights."""
    network, program, notation = reading.network, reading.program, reading.notation
    step, sample = reading.step, reading.sample
    layer, unit = network.layers[0].name, 0
    if chosen[0] in {one.name for one in network.layers}:
        layer, unit = chosen
    elif step is not None:
        name = step.target.array.layer
        layer = name if name in {one.name for one in network.layers} else layer
        array, index = step.target.array, step.target.index
        weight = array.role in {Role.GRADIENT, Role.UPDATED} and array.of is not None and not array.batched
        if index:
            unit = index[0] if weight else index[-1]
    place = next(k for k, one in enumerate(network.layers) if one.name == layer)
    info = network.layers[place]
    unit = min(unit, info.units - 1)
    source = program.named["i" if info.source == "i" else f"out_{info.source}"]
    inputs = reading.values(source)
    row = reading.frame.array(info.weights)[unit]
    products = row * inputs
    known = np.isfinite(products)
    order = np.argsort(-np.abs(np.where(known, products, 0.0)), kind="stable")[:4]
    incoming = tuple(
        FocusRow(
            label=f"{notation.symbol(Ref(info.weights, (unit, int(k))))} · {notation.neuron(info.source, int(k))}",
            detail=f"{show(float(row[k]), 4)} × {show(float(inputs[k]), 4)}",
            value=float(products[k]),
        )
        for k in order
        if known[k]
    )
    left = [k for k in range(len(row)) if known[k] and k not in set(order.tolist())]
    rest = ""
    if left:
        rest = _("… {count} more: Σ = {sum}").format(
            count=len(left), sum=show(math.fsum(float(products[k]) for k in left), 4)
        )
    outgoing: tuple[FocusRow, ...] = ()
    if place + 1 < len(network.layers):
        following = network.layers[place + 1]
        column = reading.frame.array(following.weights)[:, unit]
        best = np.argsort(-np.abs(column), kind="stable")[:4]
        outgoing = tuple(
            FocusRow(
                label=f"{notation.symbol(Ref(following.weights, (int(k), unit)))} → "
                f"{notation.neuron(following.name, int(k))}",
                detail="",
                value=float(column[k]),
            )
            for k in best
        )
    title: list[Span] = [Span(notation.neuron(layer, unit), Ink.STRONG)]
    for stem, word in (("net", "net"), ("out", "out")):
        value = reading.visible(Ref(program.named[f"{stem}_{layer}"], (sample, unit)))
        title.append(Span(f"  {word} {show(value, 5)}", Ink.FAINT if value is None else Ink.TEXT))
    delta = program.named.get(f"grad(net_{layer})")
    if delta is not None:
        value = reading.visible(Ref(delta, (sample, unit)))
        if value is not None:
            title.append(Span(f"  δ {show_signed(value, 5)}", signed(value)))
    return FocusView(title=tuple(title), incoming=incoming, rest=rest, outgoing=outgoing)
