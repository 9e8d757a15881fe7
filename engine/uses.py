"""Where a slot is used: the steps whose equations read it."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograde.engine.array import Extent
from retrograde.engine.expression import Ref, refs
from retrograde.engine.program import Place, Program


def uses(program: Program, ref: Ref, sample: int) -> tuple[Place, ...]:
    """The steps of an iteration that read a slot, in the order of revealing.

    An equation is called once for all elements of an op, with an open mesh as its index; the slots that it reads are
    then compared with ``ref`` all at once.

    Args:
        program: the program.
        ref: the slot; of a batched array its own sample counts.
        sample: the sample (from 0) at which the uses of a slot without a sample are wanted.
    """
    if ref.array.batched:
        sample = ref.index[0]
    found: list[Place] = []
    for number in program.readers(ref.array):
        op = program.ops[number]
        shape = op.target.element_shape
        mesh: tuple[Any, ...] = tuple(np.ix_(*(np.arange(length) for length in shape))) if shape else ()
        once = op.extent is Extent.ONCE
        reads = np.zeros(shape, dtype=np.bool_)
        for read in refs(op.equation(mesh if once else (sample, *mesh))):
            if read.array is not ref.array:
                continue
            match: Any = True
            for part, wanted in zip(read.index, ref.index, strict=True):
                match = match & (part == wanted)
            reads |= match
        found.extend(Place(number, None if once else sample, int(element)) for element in np.flatnonzero(reads))
    return tuple(sorted(found, key=program.number))
