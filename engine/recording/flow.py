"""The flow of the gradient through the modules of a recording: see ``explaining.flow`` for what the numbers are.

∂E/∂ what a module hands on is what the ops of its backward pass read first that they have not made themselves; it has
no name in a recording. The module that it comes from is the one whose backward pass made it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.explaining.flow import FlowRow, norm, rms, with_factors
from retrograde.engine.recording.program import Recorded, RecordedProgram


def recorded_flow(recorded: RecordedProgram) -> tuple[FlowRow, ...]:
    """A row a module that has a backward pass or parameters of its own, from the inputs to the loss."""
    program = recorded.program
    order: dict[str, None] = {}
    for op in program.ops:
        if op.phase is Phase.FORWARD and op.layer:
            order.setdefault(op.layer, None)
    arriving = _arriving(recorded)
    modules = [path for path in order if path in arriving or weights_of(recorded, path)]
    rows: list[FlowRow] = []
    for path in modules:
        weights = [array for array in weights_of(recorded, path) if recorded.has_values(array)]
        gradients = _of(recorded, weights, "grad({})")
        arrays = [array for array in arriving.get(path, ()) if recorded.has_values(array)]
        rows.append(
            FlowRow(
                layer=path,
                delta=rms([recorded.frame.array(array) for array in arrays]) if arrays else None,
                gradient=norm([recorded.frame.array(array) for array in gradients]) if gradients else None,
                size=norm([recorded.frame.array(array) for array in weights]) if weights else None,
                update=_update(recorded, weights),
            )
        )
    numbers = {path: number for number, path in enumerate(modules)}
    behind = [_follower(recorded, path, arriving, numbers) for path in modules]
    return with_factors(rows, behind)


def weights_of(recorded: RecordedProgram, path: str) -> list[Array]:
    """The parameters of a module that are no biases: those of more than one axis, where it has such."""
    own = [array for array in recorded.arrays if array.role is Role.WEIGHT and array.layer == path and array.size]
    return [array for array in own if len(array.shape) > 1] or own


def _of(recorded: RecordedProgram, weights: Sequence[Array], name: str) -> list[Array]:
    """What belongs to parameters, by the name that it has; only where its numbers are in the file."""
    found = (recorded.program.named.get(name.format(array.name)) for array in weights)
    return [array for array in found if array is not None and recorded.has_values(array)]


def _update(recorded: RecordedProgram, weights: Sequence[Array]) -> float | None:
    new = _of(recorded, weights, "new({})")
    size = norm([recorded.frame.array(array) for array in weights]) if weights else 0.0
    if len(new) < len(weights) or not size:
        return None
    moved: list[Floats] = []
    with np.errstate(all="ignore"):
        for array, updated in zip(weights, new, strict=True):
            moved.append(recorded.frame.array(updated) - recorded.frame.array(array))
    found = norm(moved) / size
    return found if math.isfinite(found) else math.nan


def _arriving(recorded: RecordedProgram) -> dict[str, tuple[Array, ...]]:
    """By module the gradients that come to it: read on its way back, and not made there."""
    made: dict[str, set[Array]] = {}
    found: dict[str, dict[Array, None]] = {}
    maker = {op.target: op for op in recorded.program.ops}
    for op in recorded.program.ops:
        if op.phase is not Phase.BACKWARD or not op.layer or not isinstance(op, Recorded) or not op.flows:
            continue
        own = made.setdefault(op.layer, set())
        for array in op.inputs:
            # Gradients that are added up for a parameter come to nobody.
            if _flows(maker.get(array)) and array not in own and array.role is not Role.GRADIENT:
                found.setdefault(op.layer, {}).setdefault(array, None)
        own.add(op.target)
    return {path: tuple(arrays) for path, arrays in found.items()}


def _flows(op: object) -> bool:
    return isinstance(op, Recorded) and (op.flows or op.title == "ones_like")


def _follower(
    recorded: RecordedProgram, path: str, arriving: dict[str, tuple[Array, ...]], numbers: dict[str, int]
) -> int | None:
    """The number of the module that the gradient of another one was made in; None of one that the loss gave its own."""
    ready, seen = list(arriving.get(path, ())), set(arriving.get(path, ()))
    found: set[int] = set()
    while ready:
        op = recorded.program.maker(ready.pop())
        if op is None:
            continue
        if op.layer and op.layer != path and op.layer in numbers:
            found.add(numbers[op.layer])
            continue
        for array in op.inputs:
            if array not in seen and _flows(recorded.program.maker(array)):
                seen.add(array)
                ready.append(array)
    return min(found, default=None)
