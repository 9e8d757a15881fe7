"""The chain rule, factor by factor: a gradient unfolded along the way on which it came."""

from __future__ import annotations

from typing import NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Ref
from retrograde.engine.explaining.step import Step
from retrograde.engine.network.program import Program
from retrograde.engine.ops.gradient import Gradient


class ChainFactor(NamedTuple):
    """One factor ∂above/∂below of a chain.

    Attributes:
        above: the symbol of what changes.
        below: the symbol of what it is changed by.
        value: the derivative.
        ref: the slot that holds the derivative; None for a constant.
    """

    above: str
    below: str
    value: float
    ref: Ref | None


def chain(step: Step) -> tuple[ChainFactor, ...]:
    """The factors of a gradient, the loss first: ∂E/∂w5 = ∂E/∂out_o1 · ∂out_o1/∂net_o1 · ∂net_o1/∂w5.

    Multiplied from left to right they give the step's contribution, bit for bit. A gradient that adds up several
    ways is a single factor, as is one that comes straight from the loss; other steps have none.
    """
    if not isinstance(step.op, Gradient):
        return ()
    symbol = step.notation.symbol
    factors: list[ChainFactor] = []
    index = step.program.index(step.place)
    ref, below = step.target, Ref(step.op.of, step.target.index)
    while True:
        found = _local(step.program, ref, index)
        if found is None:
            value = step.contribution if ref == step.target else step.frame.value(ref)
            factors.append(ChainFactor("E", symbol(below), value, ref))
            return tuple(reversed(factors))
        outer, derivative = found
        above = Ref(_of(outer), outer.index)
        slot = derivative if isinstance(derivative, Ref) else None
        factors.append(ChainFactor(symbol(above), symbol(below), step.evaluate(derivative), slot))
        ref, below, index = outer, above, outer.index


def _local(program: Program, ref: Ref, index: tuple[int, ...]) -> tuple[Ref, Expr] | None:
    op = program.maker(ref.array)
    if not isinstance(op, Gradient) or len(op.parts) != 1:
        return None
    return op.parts[0].local(index)


def _of(ref: Ref) -> Array:
    assert ref.array.of is not None
    return ref.array.of
