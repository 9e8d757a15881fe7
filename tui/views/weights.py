"""The table of weights."""

from __future__ import annotations

from dataclasses import replace

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    Ref,
)
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.weights import WeightRow, WeightsView
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.marks import marks
from retrograde.tui.views.parameters import Parameters, change_of
from retrograde.tui.views.weight_order import WeightOrder


def weights_view(
    reading: Reading, parameters: Parameters, lens: Lens, before: WeightsView | None, *, window: int = 60
) -> WeightsView:
    """The rows around the selected one.

    Args:
        reading: the reading.
        parameters: the rows.
        lens: the selection.
        before: what was shown before the last motion; what differs is marked as changed.
        window: how many rows to make ready on either side of the selected one.
    """
    order = WeightOrder.of(reading, parameters, lens.order, lens.kept)
    selected = order.place(lens.weight)
    first = max(selected - window, 0)
    active = marks(reading).weights
    old = {} if before is None else {row.name: row for row in before.rows}
    found = set(parameters.matches(lens.search)) if lens.search else set()
    rows = []
    for number in order.window(first, selected + window):
        row = _weight_row(reading, parameters, number, active)
        if number in found:
            row = replace(row, match=True)
        past = old.get(row.name)
        if past is not None and _changed(past, row):
            row = replace(row, changed=True)
        if lens.order == "start":
            row = replace(row, change=_since_start(reading, parameters.ref(number), row))
        rows.append(row)
    return WeightsView(
        rows=tuple(rows),
        first=first,
        count=order.count,
        selected=selected,
        decimals={5: 4, 9: 6}.get(lens.digits, 10),
        search=lens.search,
        matches=len(found),
        memory=parameters.kinds,
        order=lens.order,
        kept=lens.kept,
    )


def _since_start(reading: Reading, ref: Ref, row: WeightRow) -> float | None:
    """How far a parameter has come since the start of the training."""
    now = row.value if row.new is None else row.new
    return None if now is None else now - float(reading.network.parameters[ref.array][ref.index])


def _changed(past: WeightRow, row: WeightRow) -> bool:
    if past.new is None and row.new is not None:
        return row.new != row.value
    known = past.value if past.new is None else past.new
    return row.new is None and row.value != known


def _weight_row(reading: Reading, parameters: Parameters, number: int, marks: dict[Ref, Mark]) -> WeightRow:
    ref = parameters.ref(number)
    program = reading.program
    name = ref.array.name
    gradient_array = program.named.get(f"grad({name})")
    updated_array = program.named.get(f"new({name})")
    gradient = change = new = None
    partial = False
    if gradient_array is not None:
        slot = Ref(gradient_array, ref.index)
        gradient = reading.visible(slot)
        partial = gradient is None
        step = reading.step
        if gradient is None and step is not None and step.target == slot:
            gradient = step.result
        elif gradient is None:
            so_far = reading.partial(slot)
            gradient = None if so_far is None else so_far[0]
    value = reading.visible(ref)
    if updated_array is not None:
        new = reading.visible(Ref(updated_array, ref.index))
        if new is not None and value is not None:
            change = change_of(reading, ref, new)[0]
    memory = parameters.memory.get(ref.array, {})
    return WeightRow(
        name=reading.notation.symbol(ref),
        path=parameters.path(ref),
        value=value,
        gradient=gradient,
        change=change,
        new=new,
        mark=marks.get(ref, Mark.IDLE),
        frozen=updated_array is None,
        partial=partial and gradient is not None,
        edited=() if reading.parent is None else _edited(reading, ref, gradient_array, updated_array),
        memory=tuple(_kept(reading, memory.get(kind), ref) for kind in parameters.kinds),
    )


def _kept(reading: Reading, memory: Array | None, ref: Ref) -> float | None:
    """What an optimiser remembers of a parameter: its new value once that is computed."""
    if memory is None:
        return None
    renewed = reading.program.named.get(f"new({memory.name})")
    new = None if renewed is None else reading.visible(Ref(renewed, ref.index))
    return reading.visible(Ref(memory, ref.index)) if new is None else new


def _edited(reading: Reading, ref: Ref, gradient: Array | None, updated: Array | None) -> tuple[bool, ...]:
    """Which of the four numbers of a parameter's row are others on the parent branch."""

    def other(array: Array | None) -> bool:
        return array is not None and reading.before(Ref(array, ref.index)) is not None

    return (reading.before(ref) is not None, other(gradient), other(updated) and other(gradient), other(updated))
