"""How far apart two computations of one iteration can be: the running bound, handed on from op to op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.frame import Frame
from retrograde.engine.ops.base import Op
from retrograde.engine.recording.bounded import Bounded, Rounding
from retrograde.engine.recording.bounding import Bounding
from retrograde.engine.recording.form import Kind

MOST = 2**15
"""Elements whose equations are read one by one, at most."""


def running_bounds(frame: Frame, kind: Kind, seen: Mapping[Array, Floats]) -> Mapping[Array, Floats] | None:
    """Returns for each array how far its values can be from those that another computation of the iteration made.

    To first order, and where comparisons of what was rounded come out alike: an op makes of the differences δ of its
    operands Σ |∂f/∂x|·δ, and rounds each operation in it once more, in whatever order. δ is what was seen of an operand
    that the other computation shows, but no more than its own bound, else that bound; leaves are the same.

    Args:
        frame: the values of one.
        kind: the type that the other one computes in.
        seen: how far apart the two are, infinite where the other does not show it.

    Returns:
        The bounds; None where too many elements would have to be read one by one.
    """
    ops = frame.program.ops
    if sum(op.target.size for op in ops if not op.meshable) > MOST:
        return None
    running, bounds = _Running(frame, Rounding(kind), {}), {}
    with np.errstate(all="ignore"):
        for op in ops:
            bounds[op.target] = bound = running.of(op)
            running.errors[op.target] = np.fmin(bound, seen.get(op.target, np.inf))
    return bounds


class _Running(NamedTuple):
    frame: Frame
    rounding: Rounding
    errors: dict[Array, Floats]

    def of(self, op: Op) -> Floats:
        """The errors of what an op makes."""
        bounding, rows = Bounding(self.read, self.rounding), op.extent is Extent.SUM
        shape = (self.frame.program.batch, *op.target.shape) if rows else op.target.shape
        if op.meshable:
            mesh = tuple(np.ix_(*(np.arange(length) for length in shape))) if shape else ()
            found = bounding.of(op.equation(mesh))
        else:
            each = [bounding.of(op.equation(index)) for index in np.ndindex(*shape)]
            found = Bounded(*(np.array(part, dtype=float).reshape(shape) for part in zip(*each, strict=True)))
        value, error = (np.broadcast_to(part, shape) for part in found)
        if not rows:
            return np.array(error)
        return np.array(self.rounding.summed(self.rounding.over(Bounded(value, error), (0,))).error[0])

    def read(self, ref: Ref) -> Bounded:
        """Slots, with their errors."""
        errors = self.errors.get(ref.array)
        return Bounded(self.frame.array(ref.array)[ref.index], 0.0 if errors is None else errors[ref.index])
