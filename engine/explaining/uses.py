"""Where a slot is used: the steps whose equations read it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.array import Extent, Phase
from retrograde.engine.equations.evaluation import evaluate, holds
from retrograde.engine.equations.expression import Expr, Index, Pick, Ref, Select, children, refs
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Place, Program
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.gradient import Gradient

Region = tuple[tuple[int, int], ...]
"""(first, stop) of each axis."""


def uses(
    program: Program, ref: Ref, sample: int, frame: Frame | None = None, phases: Collection[Phase] = tuple(Phase)
) -> tuple[Place, ...]:
    """The steps of an iteration that read a slot, in the order of revealing.

    Args:
        program: the program.
        ref: the slot; of a batched array its own sample counts.
        sample: the sample (from 0) at which the uses of a slot without a sample are wanted.
        frame: the values, which tell what an embedding or a pooling reads; without it all that it may read.
        phases: the phases in which uses are wanted.
    """
    if ref.array.batched:
        sample = ref.index[0]
    found: list[Place] = []
    for number in program.readers(ref.array):
        op = program.ops[number]
        if op.phase not in phases:
            continue
        once = op.extent is Extent.ONCE
        reads = reads_of(op, ref, () if once else (sample,))
        places = [Place(number, None if once else sample, int(element)) for element in np.flatnonzero(reads)]
        if op.choosy and frame is not None:
            places = [place for place in places if ref in _read(op.equation(program.index(place)), frame)]
        found.extend(places)
    return tuple(sorted(found, key=program.number))


def _read(expr: Expr, frame: Frame) -> Iterator[Ref]:
    """The slots that an expression reads with the values of a frame: of its choices, and of what they chose."""
    match expr:
        case Ref():
            yield expr
        case Select(condition, then, otherwise):
            yield from _read(condition.left, frame)
            yield from _read(condition.right, frame)
            yield from _read(then if holds(condition, frame.value, frame.mathematics) else otherwise, frame)
        case Pick(_, number, _):
            yield from _read(number, frame)
            slot = expr.slot(evaluate(number, frame.value, frame.mathematics))
            if slot is not None:
                yield slot
        case _:
            for part in children(expr):
                yield from _read(part, frame)


def reads_of(op: Op, ref: Ref, before: Index) -> NDArray[np.bool_]:
    """The elements of an op, without the sample, that read a slot; ``before`` is the sample, if the op has one."""
    shape = op.target.element_shape
    if not isinstance(op, Gradient):
        found = op.reads(ref)
        return found if found is not None else _searched(op.equation, op.meshable, ref, before, shape)
    found = np.zeros(shape, dtype=np.bool_)
    for part in op.parts:
        if ref.array in part.inputs:
            reads = part.reads(ref)
            if reads is None:
                reads = _searched(part.term, part.meshable, ref, before, shape, part.region)
            found |= reads if part.mask is None else reads & part.mask
    return found


def _searched(
    equation: Callable[[Index], Expr],
    meshable: bool,
    ref: Ref,
    before: Index,
    shape: tuple[int, ...],
    region: Region | None = None,
) -> NDArray[np.bool_]:
    """The elements whose equations read a slot.

    An equation is called once for all elements of a region, with an open mesh as its index; the slots that it reads
    are then compared with ``ref`` all at once. One that takes integers alone is called for each element.
    """
    bounds = tuple((0, length) for length in shape) if region is None else region
    reads = np.zeros(shape, dtype=np.bool_)
    if not meshable:
        for offset in np.ndindex(*(stop - first for first, stop in bounds)):
            element = tuple(part + first for part, (first, _stop) in zip(offset, bounds, strict=True))
            reads[element] = ref in refs(equation((*before, *element)))
        return reads
    mesh: tuple[Any, ...] = tuple(np.ix_(*(np.arange(*bound) for bound in bounds))) if shape else ()
    place: tuple[Any, ...] = (*(slice(*bound) for bound in bounds), ...)
    view = reads[place]
    for read in refs(equation((*before, *mesh))):
        if read.array is not ref.array:
            continue
        match: Any = True
        for part, wanted in zip(read.index, ref.index, strict=True):
            match = match & (part == wanted)
        view |= match
    return reads
