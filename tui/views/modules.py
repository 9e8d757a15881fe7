"""The modules of a recording as a tree, with what takes part in the step."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Phase, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.recording.modules import ModuleInfo, is_within
from retrograde.engine.text import _
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import ModuleView, NetworkView
from retrograde.tui.views.marks import marks

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.recording.recording import Recording
    from retrograde.tui.reading.reading import Reading


@lru_cache(maxsize=4)
def inputs_of(recording: Recording) -> tuple[Array, ...]:
    """What was given to the step besides what the model and the optimiser hold."""
    read = {array for op in recording.program.ops if op.phase in {Phase.FORWARD, Phase.LOSS} for array in op.inputs}
    return tuple(array for array in recording.recorded.arrays if array.role is Role.INPUT and array in read)


def rows_of(recording: Recording) -> tuple[ModuleInfo | Array, ...]:
    """The rows: what was given, then the modules, then the loss."""
    loss = recording.recorded.loss
    ends = () if loss is None else (recording.recorded.arrays[loss],)
    return (*inputs_of(recording), *recording.modules, *ends)


def target_of(recording: Recording, number: int) -> Ref | None:
    """The first value that a row's module makes in the forward pass, or the loss; None of what was given."""
    row = rows_of(recording)[number]
    if isinstance(row, ModuleInfo):
        target = None if row.first is None else recording.program.ops[row.first].target
    else:
        target = row
    if target is None or recording.program.maker(target) is None or not target.size:
        return None
    return Ref(target, (0,) * len(target.shape))


def modules_view(reading: Reading, recording: Recording, chosen: int) -> NetworkView:
    """The modules; that of the step is marked, and those whose values it reads.

    Args:
        reading: the reading.
        recording: the recording.
        chosen: the selected row, -1 for none.
    """
    found = marks(reading)
    here = "" if reading.step is None else reading.step.op.layer
    phase = None if reading.step is None else reading.step.op.phase
    rows = []
    for number, row in enumerate(rows_of(recording)):
        if isinstance(row, ModuleInfo):
            mark = found.layers.get(row.path, Mark.IDLE)
            inside = bool(here) and is_within(here, row.path)
            rows.append(_module(row, mark, inside=inside, selected=number == chosen))
        else:
            rows.append(
                ModuleView(
                    name=row.name,
                    depth=0,
                    what=_("given") if row.role is Role.INPUT else "E",
                    shape=shape_of(row),
                    mark=found.arrays.get(row, Mark.IDLE),
                    selected=number == chosen,
                )
            )
    return NetworkView(
        layers=(),
        links=(),
        modules=tuple(rows),
        flow={Phase.FORWARD: 1, Phase.LOSS: 1, Phase.BACKWARD: -1}.get(phase, 0) if phase else 0,
    )


def _module(row: ModuleInfo, mark: Mark, *, inside: bool, selected: bool) -> ModuleView:
    what = " ".join(row.ops)
    if row.calls > 1:
        what = f"{what} ×{row.calls}"
    return ModuleView(
        name=row.path.rpartition(".")[2],
        depth=row.depth,
        what=what,
        shape=shape_of(row.output),
        parameters=row.parameters,
        mark=Mark.TARGET if inside else mark,
        inside=inside,
        selected=selected,
    )


def shape_of(array: Array | None) -> str:
    """A shape for people; empty of nothing, 1 of a single number."""
    return "" if array is None else "×".join(map(str, array.shape)) or "1"
