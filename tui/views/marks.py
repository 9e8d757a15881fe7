"""What takes part in a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.engine.array import Role
from retrograde.engine.expression import Ref
from retrograde.tui.state import Mark
from retrograde.tui.views.slots import PARAMETERS, Cell, base_of, cell_of, info_of

if TYPE_CHECKING:
    from retrograde.engine.array import Array
    from retrograde.tui.reading import Reading


@dataclass(slots=True, eq=False)
class Marks:
    """The parts that slots play in the step on the screen; what plays none is left out.

    Attributes:
        refs: the slots themselves, the assigned one last.
        cells: the slots that layers hand on; a gradient and a net input have the place of their output.
        weights: the parameters; a gradient, a new value and an optimiser's memory count as their parameter.
        layers: the layers; that of the assigned slot is the target.
        arrays: the arrays that are read or assigned.
    """

    refs: dict[Ref, Mark] = field(default_factory=dict)
    cells: dict[Cell, Mark] = field(default_factory=dict)
    weights: dict[Ref, Mark] = field(default_factory=dict)
    layers: dict[str, Mark] = field(default_factory=dict)
    arrays: dict[Array, Mark] = field(default_factory=dict)


@lru_cache(maxsize=2)
def marks(reading: Reading) -> Marks:
    """What takes part in the step on the screen."""
    found = Marks()
    step = reading.step
    if step is not None:
        for operand in step.operands:
            _mark(found, reading, operand.ref, Mark.OPERAND)
        _mark(found, reading, step.target, Mark.TARGET)
        found.layers[step.op.layer] = Mark.TARGET
    return found


def _mark(found: Marks, reading: Reading, ref: Ref, mark: Mark) -> None:
    found.refs[ref] = mark
    found.arrays[ref.array] = mark
    base = base_of(ref.array)
    if base.layer and (mark is Mark.TARGET or base.layer not in found.layers):
        found.layers[base.layer] = mark
    if base.role in PARAMETERS:
        if len(ref.index) == len(base.shape):
            found.weights[Ref(base, ref.index)] = mark
            if ref.array is not base and base.role is Role.BIAS and base.size > 1:
                info = info_of(reading.network, base.layer)
                if info is not None and info.dense and not info.form.steps and base.size == info.units:
                    found.cells[Cell(base.layer, ref.index[-1])] = mark
        return
    cell = cell_of(reading, ref)
    if cell is not None:
        found.cells[cell] = mark
