"""Whether a program holds together: what no op may get wrong, whatever it computes.

Nothing asks at run time; the tests ask of every program that they build. A program that passes can be run by every
executor: each array is there when it is read, and each index is inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import refs
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient


def check_program(program: Program, *, elements: int = 3) -> tuple[str, ...]:
    """What is wrong with a program, in sentences; nothing where it holds together.

    Args:
        program: the program.
        elements: how many elements of each op have their equation looked at, spread evenly over the array.
    """
    return (*_order(program), *_state(program), *(found for op in program.ops for found in _op(program, op, elements)))


def _order(program: Program) -> Iterator[str]:
    """One maker an array, and no reading before it."""
    known: set[Array] = {*program.state, *program.leaves}
    made: set[Array] = set()
    later = {op.target for op in program.ops}
    for op in program.ops:
        for array in dict.fromkeys(op.inputs):
            if array not in known:
                when = "before it is made" if array in later else "that nothing makes"
                yield f"{op.target.name} reads {array.name} {when}"
        if op.target in made:
            yield f"{op.target.name} is made twice"
        elif op.target in known:
            yield f"{op.target.name} is made, but it is there from the beginning"
        known.add(op.target)
        made.add(op.target)
    if len(program.named) < len(program.arrays):
        yield "two arrays have one name"


def _state(program: Program) -> Iterator[str]:
    """An array of the state for each that replaces it, of its shape."""
    made = {op.target for op in program.ops}
    for array, new in zip(program.state, program.updates, strict=False):
        if array.shape != new.shape:
            yield f"{new.name} {new.shape} replaces {array.name} {array.shape}"
        if new not in made:
            yield f"{new.name} is never made"
    if program.updates and len(program.updates) != len(program.state):
        yield f"{len(program.state)} arrays of the state have {len(program.updates)} that replace them"


def _op(program: Program, op: Op, elements: int) -> Iterator[str]:
    """Shapes, extents and indices."""
    target = op.target
    if target.batched != (op.extent is Extent.SAMPLE):
        yield f"{target.name} has the extent {op.extent.value}, but is {'' if target.batched else 'not '}batched"
        return
    if target.batched and target.shape[:1] != (program.batch,):
        yield f"{target.name} {target.shape} is not of {program.batch} samples"
    outside = [array.name for array in op.cut if array not in op.inputs]
    if outside:
        yield f"{target.name} cuts off {', '.join(outside)}, which it does not read"
    if isinstance(op, Gradient):
        if op.of.shape != target.shape or op.of.batched != target.batched:
            yield f"{target.name} {target.shape} is the gradient of {op.of.name} {op.of.shape}"
            return
        wrong = [found for part in op.parts for found in _part(part, target)]
        if wrong:
            yield from wrong
            return
    yield from _equation(program, op, elements)


def _part(part: Part, target: Array) -> Iterator[str]:
    """The region and the mask of a use lie in the array."""
    shape, region, mask, kind = target.element_shape, part.region, part.mask, type(part).__name__
    if region is not None:
        inside = len(region) == len(shape) and all(
            0 <= first < stop <= length for (first, stop), length in zip(region, shape, strict=True)
        )
        if not inside:
            yield f"{kind} uses the region {region} of {target.name} {target.shape}"
        if mask is not None:
            yield f"{kind} of {target.name} has a region and a mask"
    if mask is not None and mask.shape != shape:
        yield f"{kind} has a mask {mask.shape} of {target.name} {target.shape}"


def _equation(program: Program, op: Op, elements: int) -> Iterator[str]:
    """What the equation of some elements reads is an input, and inside it."""
    shape, inputs = op.target.element_shape, set(op.inputs)
    size = op.target.size // (program.batch if op.target.batched else 1)
    for number in dict.fromkeys(round(k * (size - 1) / max(1, elements - 1)) for k in range(elements if size else 0)):
        place = unravel(number, shape) if shape else ()
        index: tuple[Any, ...] = place if op.extent is Extent.ONCE else (program.batch - 1, *place)
        for ref in refs(op.equation(index)):
            if ref.array not in inputs:
                yield f"{op.target.name}{list(place)} reads {ref.array.name}, which is no input of its op"
            elif len(ref.index) != len(ref.array.shape) or not all(
                0 <= part < length for part, length in zip(ref.index, ref.array.shape, strict=True)
            ):
                yield f"{op.target.name}{list(place)} reads {ref.array.name}{list(ref.index)} of {ref.array.shape}"
