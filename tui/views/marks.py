"""What takes part in a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.tui.records.marks import Mark
from retrograde.tui.views.operands import refs_of
from retrograde.tui.views.slots import PARAMETERS, Places, SlotCell, base_of, info_of

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.tui.reading.reading import Reading


@dataclass(slots=True, eq=False)
class Marks:
    """The parts that slots play in the step on the screen; what plays none is left out.

    Attributes:
        refs: the slots themselves, by the array they belong to, the assigned one last.
        cells: the slots that layers hand on; a gradient and a net input have the place of their output.
        weights: the parameters; a gradient, a new value and an optimiser's memory count as their parameter.
        layers: the layers; that of the assigned slot is the target.
        arrays: the arrays that are read or assigned.
    """

    refs: dict[Array, list[tuple[Ref, Mark]]] = field(default_factory=dict)
    cells: dict[SlotCell, Mark] = field(default_factory=dict)
    weights: dict[Ref, Mark] = field(default_factory=dict)
    layers: dict[str, Mark] = field(default_factory=dict)
    arrays: dict[Array, Mark] = field(default_factory=dict)


@lru_cache(maxsize=2)
def marks(reading: Reading) -> Marks:
    """What takes part in the step on the screen."""
    found = Marks()
    step = reading.step
    if step is None:
        return found
    by_array: dict[Array, list[Ref]] = {}
    for ref in refs_of(reading):
        by_array.setdefault(ref.array, []).append(ref)
    for array, refs in by_array.items():
        _mark(found, reading, array, refs, Mark.OPERAND)
    _mark(found, reading, step.target.array, [step.target], Mark.TARGET)
    found.layers[step.op.layer] = Mark.TARGET
    return found


def _mark(found: Marks, reading: Reading, array: Array, refs: list[Ref], mark: Mark) -> None:
    found.refs.setdefault(array, []).extend((ref, mark) for ref in refs)
    found.arrays[array] = mark
    base = base_of(array)
    if base.layer and (mark is Mark.TARGET or base.layer not in found.layers):
        found.layers[base.layer] = mark
    if base.role in PARAMETERS:
        _mark_parameters(found, reading, array, refs, mark)
        return
    place = Places.of(reading, array)
    if place is not None:
        for ref in refs:
            if ref.index[0] == reading.sample:
                found.cells[SlotCell(base.layer, place.number(ref.index))] = mark


def _mark_parameters(found: Marks, reading: Reading, array: Array, refs: list[Ref], mark: Mark) -> None:
    """Marks parameters, by their gradients and new values too; that of a dense layer's bias marks its neuron."""
    base = base_of(array)
    whole = [ref for ref in refs if len(ref.index) == len(base.shape)]
    found.weights.update((ref if array is base else Ref(base, ref.index), mark) for ref in whole)
    if array is base or base.role is not Role.BIAS or base.size == 1:
        return
    info = info_of(reading.network, base.layer)
    if info is not None and info.dense and not info.form.steps and base.size == info.units:
        found.cells.update((SlotCell(base.layer, ref.index[-1]), mark) for ref in whole)
