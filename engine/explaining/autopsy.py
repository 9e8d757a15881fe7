"""The autopsy of a gradient: why it is tiny, huge, zero or not a number, or that nothing is the matter with it.

In this order: not finite, exactly 0, a rounding residue, and only then the account, whose lines below the ordinary say
why it is small, above it why it is large. A gradient none of whose factors is small is acquitted: where the step is
small all the same, it is the learning rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.account import Account, parameter_of
from retrograde.engine.explaining.deficits import Deficits, deficits
from retrograde.engine.explaining.gradient_graph import GradientGraph, require_backward
from retrograde.engine.explaining.nonfinite import Origin, origin
from retrograde.engine.explaining.zeros import ZeroReport, is_residue, zero_report
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import unravel
from retrograde.engine.rich import Rich

TINY = 1e-3
"""A gradient is tiny below this share of the largest of a later layer's weights (root mean square)."""

STILL = 1e-6
"""An update is tiny below this share of its parameter."""

HUGE = 1e3
"""A gradient is huge above so many times its first value."""

GROWTH = 3.0
"""A layer makes a gradient grow from this factor on; three in a row make it huge."""

IN_A_ROW = 3


class Finding(StrEnum):
    """What is the matter with a gradient."""

    NOT_FINITE = "not finite"
    ZERO = "zero"
    RESIDUE = "residue"
    TINY = "tiny"
    HUGE = "huge"
    ORDINARY = "ordinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The largest gradient of a weight that is nearer to the loss.

    Attributes:
        ref: the slot of the gradient.
        value: the gradient.
        rms: the root mean square of its layer's.
    """

    ref: Ref
    value: float
    rms: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Autopsy(Rich):
    """What is the matter with one gradient of one iteration.

    Attributes:
        ref: the slot.
        value: the gradient.
        finding: what is the matter.
        graph: what it is made of; None where it is not finite.
        account: its account; None where it is not finite, 0 or a residue.
        deficits: what it lost, line by line; with the account.
        zeros: why it is exactly 0.
        origin: where it stopped being finite.
        beside: the largest gradient nearer to the loss, where there is one.
        parameter: its parameter's value; None of a gradient of something else.
        step: how much the update changes the parameter, signed; None where it has none.
        network: whose gradient it is.
        frame: the iteration's values.
    """

    ref: Ref
    value: float
    finding: Finding
    graph: GradientGraph | None = None
    account: Account | None = None
    deficits: Deficits | None = None
    zeros: ZeroReport | None = None
    origin: Origin | None = None
    beside: Comparison | None = None
    parameter: float | None = None
    step: float | None = None
    network: Network | None = field(default=None, repr=False)
    frame: Frame | None = field(default=None, repr=False)

    @property
    def times_less(self) -> float | None:
        """How many times the largest gradient nearer to the loss is larger; None where there is none."""
        return abs(self.beside.value / self.value) if self.beside is not None and self.value else None

    @property
    def relative_step(self) -> float | None:
        """The update, as a share of the parameter."""
        if self.step is None or not self.parameter:
            return None
        return abs(self.step / self.parameter)


def autopsy(
    frame: Frame, network: Network, ref: Ref, *, first: float | None = None, began: Origin | None = None
) -> Autopsy:
    """The autopsy of a gradient.

    Args:
        frame: the iteration's values.
        network: the network.
        ref: the slot of the gradient.
        first: what it was in the first iteration, if that is known: a huge one is judged by it.
        began: where the iteration stopped being finite, if that is known.

    Raises:
        EngineError: the slot is no gradient.
    """
    require_backward(frame.program, ref.array)
    value = frame.value(ref)
    parameter, step = _update(frame, ref)
    beside = _beside(frame, ref.array)
    if not math.isfinite(value):
        return Autopsy(
            ref=ref,
            value=value,
            finding=Finding.NOT_FINITE,
            origin=began or origin(frame, ref),
            parameter=parameter,
            step=step,
            network=network,
            frame=frame,
        )
    graph = GradientGraph(frame, ref)
    if value == 0.0:
        return Autopsy(
            ref=ref,
            value=value,
            finding=Finding.ZERO,
            graph=graph,
            zeros=zero_report(graph),
            beside=beside,
            parameter=parameter,
            step=step,
            network=network,
            frame=frame,
        )
    if is_residue(graph):
        return Autopsy(
            ref=ref,
            value=value,
            finding=Finding.RESIDUE,
            graph=graph,
            beside=beside,
            parameter=parameter,
            step=step,
            network=network,
            frame=frame,
        )
    account = Account(graph)
    found = deficits(account, network)
    return Autopsy(
        ref=ref,
        value=value,
        finding=_finding(value, account, found, beside, first),
        graph=graph,
        account=account,
        deficits=found,
        beside=beside,
        parameter=parameter,
        step=step,
        network=network,
        frame=frame,
    )


def _finding(
    value: float, account: Account, found: Deficits, beside: Comparison | None, first: float | None
) -> Finding:
    growing = 0
    for layer in account.layers:
        growing = growing + 1 if layer.total > math.log(GROWTH) else 0
        if growing == IN_A_ROW:
            return Finding.HUGE
    if first and math.isfinite(first) and abs(value) > HUGE * abs(first):
        return Finding.HUGE
    less = beside is not None and abs(value) < TINY * beside.rms
    if less or not found.ordinary:
        return Finding.TINY
    return Finding.ORDINARY


def _update(frame: Frame, ref: Ref) -> tuple[float | None, float | None]:
    """The parameter whose gradient a slot is, and how much the update changes it."""
    parameter = parameter_of(ref.array)
    if parameter is None or parameter not in frame.program.offsets:
        return None, None
    before = frame.value(Ref(parameter, ref.index))
    updated = frame.program.named.get(f"new({parameter.name})")
    return before, None if updated is None else frame.value(Ref(updated, ref.index)) - before


def _beside(frame: Frame, array: Array) -> Comparison | None:
    """The layer of weights nearer to the loss whose gradient is the largest."""
    best: Comparison | None = None
    for op in frame.program.ops:
        if op.target is array:
            break
        of = parameter_of(op.target)
        if of is None or of.role is not Role.WEIGHT or op.target.role is not Role.GRADIENT:
            continue
        values = frame.array(op.target)
        with np.errstate(all="ignore"):
            rms = float(np.sqrt(np.square(values).mean()))
        if math.isfinite(rms) and rms > 0 and (best is None or rms > best.rms):
            flat = int(np.abs(values).argmax())
            ref = Ref(op.target, unravel(flat, values.shape))
            best = Comparison(ref=ref, value=frame.value(ref), rms=rms)
    return best
