"""The network with its values: nodes and edges where it is small, else layers as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Phase
from retrograde.engine.equations.expression import Ref
from retrograde.engine.late import late
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark, PanelId
from retrograde.tui.records.network import EdgeView, LayerView, LinkView, NetworkView, NodeView
from retrograde.tui.views.focus import focus_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.marks import Marks, marks
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.views.sheets import sheets_of
from retrograde.tui.views.slots import (
    SlotCell,
    base_of,
    cell_name,
    class_at,
    info_of,
    node_at,
    node_count,
    outputs_of,
    ref_of,
    values_of,
)
from retrograde.tui.views.topology import MOST_NODES, TopologyPlan, edge_of, link_table, plan_of, symbols_of, weights_of

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.tui.views import circuits, modules
else:
    modules = late("retrograde.tui.views.modules")
    circuits = late("retrograde.tui.views.circuits")


def network_view(reading: Reading, parameters: Parameters, lens: Lens) -> NetworkView:
    """The network with its values, and what takes part in the step; of a recording its modules."""
    if reading.recording is not None:
        return modules.modules_view(reading, reading.recording, lens.node)
    found = marks(reading)
    plan = plan_of(reading.network, reading.program)
    chosen = node_at(reading, lens.node) if 0 <= lens.node < node_count(reading) else SlotCell("", -1)
    ends = {loss.layer for loss in reading.network.losses}
    layers = tuple(
        circuits.gate_layer(reading, item.array, depth, found)
        if item.array is not None
        else _layer_view(
            reading,
            item.layer,
            depth,
            found,
            chosen.number if chosen.layer == item.layer else -1,
            small=plan.small,
            last=item.layer in ends,
        )
        for item, depth in zip(plan.items, plan.depths, strict=True)
    )
    phase = None if reading.step is None else reading.step.moment.phase
    focus = None
    if not plan.small and reading.program.ops:
        focus = focus_view(reading, ref_of(reading, chosen) if chosen.layer else None)
    return NetworkView(
        layers=layers,
        links=_links(reading, plan, found),
        edges=_edges(reading, plan, parameters, lens, found),
        small=plan.small,
        flow={Phase.FORWARD: 1, Phase.LOSS: 1, Phase.BACKWARD: -1}.get(phase, 0) if phase else 0,
        focus=focus,
        decimals={5: 3, 9: 4}.get(lens.digits, 8),
    )


# -- layers


def _layer_view(
    reading: Reading, name: str, depth: int, found: Marks, chosen: int, *, small: bool, last: bool
) -> LayerView:
    info = info_of(reading.network, name)
    form = reading.network.forms[name]
    caption = _("{count} inputs").format(count=f"{form.size:,}") if info is None else info.spec.label
    return LayerView(
        name=name,
        caption=caption,
        shape=str(form) if form.steps or len(form.shape) > 1 else "",
        depth=depth,
        mark=found.layers.get(name, Mark.IDLE),
        nodes=_nodes(reading, name, found, chosen, small=small, last=last),
        sheets=() if small else sheets_of(reading, name, found, chosen),
        answer=_answer(reading, name) if last else -1,
        bars=last,
    )


def _nodes(reading: Reading, name: str, found: Marks, chosen: int, *, small: bool, last: bool) -> tuple[NodeView, ...]:
    """What a layer hands on by name; none where that is much, or more than a row."""
    form, arrays = reading.network.forms[name], outputs_of(reading.program, name)
    if form.steps or len(form.shape) > 1 or form.size > MOST_NODES or len(arrays) != 1 or arrays[0].timed:
        return ()
    if f"out_{name}@1" in reading.program.named:
        return ()
    array = arrays[0]
    values, known = values_of(reading, name).reshape(-1).tolist(), reading.known(array)
    parent = reading.parent is not None
    return tuple(
        NodeView(
            name=_node_name(reading, name, unit, named=last and not small),
            value=value if unit < known else None,
            mark=found.cells.get(SlotCell(name, unit), Mark.IDLE),
            selected=unit == chosen,
            notes=_notes(reading, name, array, unit, last=last) if small else (),
            title=class_at(reading, name, unit) if small and last else "",
            edited=parent and reading.before(_slot(reading, array, unit)) is not None,
        )
        for unit, value in enumerate(values)
    )


def _node_name(reading: Reading, layer: str, unit: int, *, named: bool) -> str:
    """What a node is called, where there is room with the name of its class."""
    name = cell_name(reading, SlotCell(layer, unit))
    return f"{name} {kind}" if named and (kind := class_at(reading, layer, unit)) else name


def _slot(reading: Reading, array: Array, unit: int) -> Ref:
    return Ref(array, (reading.sample, unit) if array.element_shape else (reading.sample,))


def _notes(reading: Reading, layer: str, array: Array, unit: int, *, last: bool) -> tuple[tuple[str, float, bool], ...]:
    """The values below a node: net before the output is known, the target, and δ."""
    if layer == INPUT_LAYER:
        return ()
    program = reading.program
    notes: list[tuple[str, float, bool]] = []
    net, goal = program.named.get(f"net_{layer}"), program.named.get(f"t_{layer}")
    if net is not None and unit >= reading.known(array):
        value = reading.visible(_slot(reading, net, unit))
        if value is not None:
            notes.append(("net", value, False))
    if last and goal is not None and goal.shape == array.shape:
        notes.append(("t", reading.frame.value(_slot(reading, goal, unit)), False))
    delta = program.named.get(f"grad(net_{layer})")
    if delta is not None:
        value = reading.visible(_slot(reading, delta, unit))
        if value is not None:
            notes.append(("δ", value, True))
    return tuple(notes)


def _answer(reading: Reading, name: str) -> int:
    """The class that a layer is to name, -1 for none."""
    goal = reading.program.named.get(f"t_{name}")
    if goal is None or len(goal.element_shape) != 1 or goal.size <= goal.shape[0]:
        return -1
    target = reading.values(goal)
    return int(target.argmax()) if float(target.max()) == 1.0 and float(target.sum()) == 1.0 else -1


# -- edges


def _links(reading: Reading, plan: TopologyPlan, found: Marks) -> tuple[LinkView, ...]:
    live = _live(plan, found)
    made: list[LinkView] = []
    for source, target in plan.links:
        table = None
        if plan.items[source].array is None and plan.items[target].array is None:
            table = link_table(reading.network, reading.program, plan.items[source].layer, plan.items[target].layer)
        weights = None
        if table is not None:
            weights = (
                np.where(table.there, 0.0, np.nan)
                if table.weights is None
                else table.values(reading.frame.array(table.weights))
            )
        made.append(
            LinkView(
                source=source,
                target=target,
                live=(source, target) in live,
                weights=weights,
                weighted=table is not None and table.weights is not None,
                names=() if table is None or not plan.small else symbols_of(reading.notation, table),
            )
        )
    return tuple(made)


def _live(plan: TopologyPlan, found: Marks) -> set[tuple[int, int]]:
    """The links between what is assigned in the step and what is read."""
    marked: dict[int, Mark] = {}
    for array, mark in found.arrays.items():
        base = base_of(array)
        for number, item in enumerate(plan.items):
            if item.array is base or (item.array is None and item.layer == base.layer):
                marked[number] = max(mark, marked.get(number, Mark.IDLE), key=lambda one: one.value)
    return {
        (source, target)
        for source, target in plan.links
        if {marked.get(source), marked.get(target)} in ({Mark.TARGET, Mark.OPERAND}, {Mark.TARGET})
    }


def _edges(
    reading: Reading, plan: TopologyPlan, parameters: Parameters, lens: Lens, found: Marks
) -> tuple[EdgeView, ...]:
    """The edges that take part in the step, and the selected one."""
    weights, selected = found.weights, None
    if lens.focus == PanelId.WEIGHTS and len(parameters):
        selected = parameters.ref(min(lens.weight, len(parameters) - 1))
        if selected not in weights:
            weights = {selected: Mark.IDLE, **weights}
    numbers = {item.layer: number for number, item in enumerate(plan.items) if item.array is None}
    # Of other layers the edges are not drawn one by one.
    drawn = weights_of(reading.network, reading.program)
    made: list[EdgeView] = []
    for ref, mark in weights.items():
        if ref.array not in drawn:
            continue
        for layer in _users(reading, ref.array, mark):
            edge = edge_of(reading.network, reading.program, ref, layer)
            if edge is not None and edge[0] in numbers and layer in numbers:
                made.append(
                    EdgeView(
                        source=(numbers[edge[0]], edge[1]),
                        target=(numbers[layer], edge[2]),
                        mark=mark,
                        label=reading.notation.symbol(ref),
                        value=reading.frame.value(ref),
                        selected=ref == selected,
                    )
                )
    return (*made, *_plain_edges(reading, plan, found))


def _users(reading: Reading, array: Array, mark: Mark) -> list[str]:
    """The layers whose edges a weight stands for: a shared one those of several."""
    step = reading.step
    if step is not None and mark is not Mark.IDLE and step.op.phase is not Phase.UPDATE:
        info = info_of(reading.network, step.op.layer)
        if info is not None and any(one is array for one in info.parameters.values()):
            return [step.op.layer]
    return [info.name for info in reading.network.layers if any(one is array for one in info.parameters.values())]


def _plain_edges(reading: Reading, plan: TopologyPlan, found: Marks) -> list[EdgeView]:
    """The edges without a weight between the cells that take part in the step."""
    targets = [cell for cell, mark in found.cells.items() if mark is Mark.TARGET]
    if len(targets) != 1 or not plan.small:
        return []
    numbers = {item.layer: number for number, item in enumerate(plan.items)}
    made: list[EdgeView] = []
    for cell in found.cells:
        for tail, head in ((cell, targets[0]), (targets[0], cell)):
            if (numbers.get(tail.layer, -1), numbers.get(head.layer, -1)) not in set(plan.links):
                continue
            table = link_table(reading.network, reading.program, tail.layer, head.layer)
            if table is not None and table.weights is None and table.there[head.number, tail.number]:
                made.append(
                    EdgeView(
                        source=(numbers[tail.layer], tail.number),
                        target=(numbers[head.layer], head.number),
                        mark=Mark.OPERAND,
                        label="",
                        value=0.0,
                    )
                )
    return made
