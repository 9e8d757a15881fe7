"""NaN and infinity: the slot where they began, and the operation that made them.

A slot that is not finite though all that it reads are is where it began. Not every such slot is a fault: a masked
score of attention is −∞ on purpose, and is 0 again behind the exponential. So the search goes back from what may never
be infinite, E, a gradient or a parameter, through slots that are not finite alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.evaluation import Mathematics, evaluate, taken
from retrograde.engine.equations.expression import Call, Div, Expr, Product, Ref, Sub, Sum, children, refs
from retrograde.engine.equations.functions import LOG, LOG1P, SQRT
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Place, Program, ravel, unravel
from retrograde.engine.ops.base import Op
from retrograde.engine.text import N_

_PARAMETERS = {Role.UPDATED}


class Breakdown(StrEnum):
    """The operation that made a value that is not finite of values that are."""

    ZERO_BY_ZERO = N_("0 / 0")
    BY_ZERO = N_("x / 0")
    LOG_OF_ZERO = N_("ln 0")
    LOG_OF_NEGATIVE = N_("ln of a negative number")
    ROOT_OF_NEGATIVE = N_("√ of a negative number")
    OVERFLOW = N_("overflow")
    GIVEN = N_("given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value that is not finite began.

    Attributes:
        ref: the slot.
        place: the step that makes it; None of a leaf or a parameter at the start of the iteration.
        value: what it is.
        breakdown: what made it so.
        node: the operation, as it stands in the slot's equation; None of a leaf.
        operands: what the operation read, in written order.
    """

    ref: Ref
    place: Place | None
    value: float
    breakdown: Breakdown
    node: Expr | None = None
    operands: tuple[Ref, ...] = ()


def wanted(program: Program) -> Iterator[Array]:
    """The arrays that may never be infinite, in the order of revealing: E and its terms, gradients, new parameters."""
    for op in program.ops:
        backward = op.phase is Phase.BACKWARD and op.target.role is not Role.SLOPE
        if op.phase is Phase.LOSS or backward or op.target.role in _PARAMETERS:
            yield op.target


def is_sound(frame: Frame) -> bool:
    """Whether all of those are finite in an iteration."""
    return all(bool(np.isfinite(frame.array(array)).all()) for array in wanted(frame.program))


def origin(frame: Frame, of: Ref | None = None) -> Origin | None:
    """Where the values that are not finite began in an iteration.

    Args:
        frame: the iteration's values.
        of: the slot whose origin is wanted; without it, of all that may never be infinite.

    Returns:
        The first in the order of revealing; None where all are finite.
    """
    starts = [of] if of is not None else [ref for array in wanted(frame.program) for ref in _broken(frame, array)]
    starts = [ref for ref in starts if not math.isfinite(frame.value(ref))]
    if not starts:
        return None
    program = frame.program
    seen, ready, ends = set(starts), list(starts), []
    while ready:
        ref = ready.pop()
        broken = [read for read in _read(frame, ref) if not math.isfinite(frame.value(read))]
        if not broken:
            ends.append(ref)
        for read in broken:
            if read not in seen:
                seen.add(read)
                ready.append(read)
    first = min(ends, key=lambda ref: -1 if (step := program.produced(ref)) is None else step)
    return explained(frame, first)


def _broken(frame: Frame, array: Array) -> Iterator[Ref]:
    for flat in np.flatnonzero(~np.isfinite(frame.array(array).reshape(-1)))[:1]:
        yield Ref(array, unravel(int(flat), array.shape))


def _places(program: Program, ref: Ref) -> Iterator[Place]:
    """The steps that a slot is made by: of a sum over the samples one a sample."""
    op = program.maker(ref.array)
    if op is None:
        return
    number = program.ops.index(op)
    if ref.array.batched:
        yield Place(number, ref.index[0], ravel(ref.index[1:], ref.array.element_shape))
        return
    flat = ravel(ref.index, ref.array.shape)
    samples: Iterator[int | None] = iter(range(program.batch)) if _summed(op) else iter((None,))
    for sample in samples:
        yield Place(number, sample, flat)


def _summed(op: Op) -> bool:
    return op.extent.value == "sum"


def _read(frame: Frame, ref: Ref) -> Iterator[Ref]:
    for place in _places(frame.program, ref):
        stated = frame.program.ops[place.op].equation(frame.program.index(place))
        yield from refs(taken(stated, frame.value, frame.mathematics))


def explained(frame: Frame, ref: Ref) -> Origin:
    """What made a slot not finite, all that it reads being finite."""
    value = frame.value(ref)
    for place in _places(frame.program, ref):
        equation = taken(
            frame.program.ops[place.op].equation(frame.program.index(place)), frame.value, frame.mathematics
        )
        found = _breaking(equation, frame.value, frame.mathematics)
        if found is not None:
            node, breakdown = found
            return Origin(
                ref=ref,
                place=place,
                value=value,
                breakdown=breakdown,
                node=node,
                operands=tuple(dict.fromkeys(refs(node))),
            )
    breakdown = Breakdown.GIVEN if frame.program.maker(ref.array) is None else Breakdown.OVERFLOW
    return Origin(ref=ref, place=next(_places(frame.program, ref), None), value=value, breakdown=breakdown)


def _breaking(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> tuple[Expr, Breakdown] | None:
    """The innermost operation that is not finite though its parts are, and what it did."""
    if math.isfinite(evaluate(expr, read, mathematics)):
        return None
    for part in children(expr):
        found = _breaking(part, read, mathematics)
        if found is not None:
            return found
    if any(not math.isfinite(evaluate(part, read, mathematics)) for part in children(expr)):
        return None
    return expr, _kind(expr, read, mathematics)


def _kind(expr: Expr, read: Callable[[Ref], float], mathematics: Mathematics) -> Breakdown:
    match expr:
        case Div(numerator, denominator) if evaluate(denominator, read, mathematics) == 0:
            above = evaluate(numerator, read, mathematics)
            return Breakdown.ZERO_BY_ZERO if above == 0 else Breakdown.BY_ZERO
        case Call(function, argument) if function in {LOG, LOG1P}:
            x = evaluate(argument, read, mathematics) + (1.0 if function is LOG1P else 0.0)
            return Breakdown.LOG_OF_ZERO if x == 0 else Breakdown.LOG_OF_NEGATIVE if x < 0 else Breakdown.OVERFLOW
        case Call(function, argument) if function is SQRT and evaluate(argument, read, mathematics) < 0:
            return Breakdown.ROOT_OF_NEGATIVE
        case Sum() | Sub() | Product() | Call() | Div():
            return Breakdown.OVERFLOW
        case _:
            return Breakdown.GIVEN
