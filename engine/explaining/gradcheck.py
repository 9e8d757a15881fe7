"""Gradients against differences of E, for any slot of any program, at any moment.

The numeric derivative is that of Ridders: central differences D(h) = (E(x + h) − E(x − h)) / 2h over steps h that halve
each time, extrapolated to h = 0 with the expansion in h² that truncation has. Its error is estimated by how far the
extrapolations differ, plus what the rounding of E does over the step. So the step is chosen anew for each slot, and
a gradient is only said to be wrong by what the difference can tell.

A step over a kink says nothing: h is first made so small that no choice of the forward pass (see ``kinks``) comes out
otherwise at x − h or x + h than at x. Where this takes a step of less than ``LEAST``, x lies on the kink.

Source: Ridders 1982, Accurate computation of F′(x) and F′(x)F″(x); Press et al., Numerical Recipes, 5.7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.explaining.kinks import Branches, Branchings, alike
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op

FIRST = 2.0**-5
"""The first step, times max(1, |x|)."""

LEAST = 2.0**-23
"""The smallest step, times max(1, |x|)."""

LEVELS = 18
"""Steps at most, each half of the one before."""

CLOSE = 1e-8
"""The relative error at which the numeric derivative is good enough."""

TOLERANCE = 1e-6
"""What two derivatives may differ by, relative to the larger one, besides the error of the numeric one."""

ROUNDING = 2.0**-50
"""What E is rounded by, relative to max(1, |E|).

Where E is a difference of larger numbers, as ln S − (net − m) is, a small E is no more exact than one of size 1.
"""


class Verdict(StrEnum):
    """What a difference says of a gradient."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    KINK = "kink"
    """The slopes on the two sides differ, or x is on a kink by itself: there is no derivative to compare with."""
    NOT_FINITE = "not finite"
    UNCLEAR = "unclear"
    """The difference cannot tell: E bends within the smallest step, or its rounding is larger than the gradient."""
    EDITED = "edited"
    """It differs because an edit has replaced a value that the gradient is computed from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientCheck:
    """A gradient against the difference of E.

    Attributes:
        ref: the slot of the gradient.
        analytic: the gradient that was computed.
        numeric: the extrapolated central difference.
        error: the estimated error of the numeric one.
        verdict: what follows.
    """

    ref: Ref
    analytic: float
    numeric: float
    error: float
    verdict: Verdict

    @property
    def agrees(self) -> bool:
        """Whether they agree within what rounding and truncation explain."""
        return self.verdict in {Verdict.AGREES, Verdict.UNCLEAR}

    @property
    def kink(self) -> bool:
        """Whether the slopes on the two sides differ, so that there is no derivative to compare with."""
        return self.verdict is Verdict.KINK


class Differences:
    """E of one program as a function of single slots: its forward pass alone, over and over.

    Args:
        program: the program.
        blas: whether products of matrices may go to BLAS.
    """

    def __init__(self, program: Program, *, blas: bool = False) -> None:
        self.program = program
        self.total = next(array for array in program.arrays if array.role is Role.TOTAL)
        ops = _needed(program, self.total)
        dated = {leaf.array for leaf in program.dated}
        constants = [array for array in program.leaves if array not in {*program.data, *dated}]
        self.forward = Program(
            ops,
            batch=program.batch,
            state=program.state,
            updates=(),
            data=program.data,
            constants=constants,
            dated=program.dated,
        )
        self._constants = constants
        self._executor = KernelExecutor(self.forward, {}, blas=blas)
        self._choices = Branchings(self.forward, ops)
        self._made = {op.target for op in ops}
        self._late = after_updates(program) | before_cuts(program)
        self._around: _Moment | None = None

    def gradients(self) -> tuple[list[Array], list[Array]]:
        """The gradients of the program: those that can be checked, and those that are no derivatives of E.

        With updates in place, what is computed from an updated parameter is no derivative of this iteration's E; nor
        is the gradient of what stands before the cut of a truncated backpropagation.
        """
        every = [array for array in self.program.arrays if array.role is Role.GRADIENT and self._has(array.of)]
        return [a for a in every if a not in self._late], [a for a in every if a in self._late]

    def _has(self, array: Array | None) -> bool:
        return array is not None and array in self.forward.offsets

    def check(self, frame: Frame, ref: Ref, overrides: Mapping[Ref, float] | None = None) -> GradientCheck | None:
        """A gradient of a frame against the difference; None for other slots, and for what is no derivative of E.

        The score of a position that attention leaves out is −∞ whatever happens: nothing can be moved there.

        Args:
            frame: the frame, of this program.
            ref: the slot of the gradient: of ``grad(w)``.
            overrides: the assignments of the frame that an edit has replaced.
        """
        of = ref.array.of
        if ref.array.role is not Role.GRADIENT or of is None or not self._has(of) or ref.array in self._late:
            return None
        if frame.value(Ref(of, ref.index)) == -math.inf and frame.value(ref) == 0.0:
            return None
        around = self._around
        if around is None or around.frame is not frame:
            around = self._around = self._moment(frame, overrides or {})
        line = _Line(around, Ref(of, ref.index))
        analytic, slope = frame.value(ref), line.slope()
        verdict = _verdict(line, analytic, slope)
        if verdict is Verdict.DISAGREES and ref.array in around.edited:
            verdict = Verdict.EDITED
        return GradientCheck(ref=ref, analytic=analytic, numeric=slope.value, error=slope.error, verdict=verdict)

    def _moment(self, frame: Frame, overrides: Mapping[Ref, float]) -> _Moment:
        """What the forward pass of a frame starts from; edits of leaves are already in the frame."""
        program, executor = self.forward, self._executor
        for array in self._constants:
            executor.view(array)[...] = frame.array(array)
        return _Moment(
            frame=frame,
            total=self.total,
            executor=executor,
            leaves=executor.leaves(
                [frame.array(array).reshape(program.batch, -1) for array in program.data],
                range(program.batch),
                [frame.array(leaf.array) for leaf in program.dated],
            ),
            overrides={ref: value for ref, value in overrides.items() if ref.array in self._made},
            choices=self._choices,
            edited=_computed_from({ref.array for ref in overrides}, self.program.ops),
        )


@dataclass(kw_only=True, eq=False)
class _Moment:
    """The forward pass of one frame, to be done again with one slot replaced."""

    frame: Frame
    total: Array
    executor: KernelExecutor
    leaves: Any
    overrides: Mapping[Ref, float]
    choices: Branchings
    edited: frozenset[Array]

    def forward(self, replaced: Mapping[Ref, float]) -> Frame:
        """The forward pass with some slots replaced."""
        state: Floats = self.frame.flat[: self.frame.program.state_size]
        return self.executor.frame(state, self.leaves, {**self.overrides, **replaced})

    def loss(self, frame: Frame) -> float:
        """E of a forward pass."""
        return float(frame.array(self.total))

    @cached_property
    def middle(self) -> tuple[float, Branches]:
        """E and its branches with nothing replaced."""
        frame = self.forward({})
        return self.loss(frame), self.choices.taken(frame)


class _Slope(NamedTuple):
    """A numeric derivative; whether it is taken over a kink, and whether the differences have not come to a limit."""

    value: float
    error: float
    kink: bool = False
    rough: bool = False


class _Line:
    """E along one slot."""

    def __init__(self, moment: _Moment, slot: Ref) -> None:
        self._moment = moment
        self._slot = slot
        self.x = moment.frame.value(slot)
        self.here, self._branches = moment.middle
        # A power of two, so that x ± h is exact where x has a few bits to spare.
        self.scale = 2.0 ** max(0, math.frexp(self.x)[1]) if math.isfinite(self.x) else 1.0

    def slope(self) -> _Slope:
        """The derivative at the slot's value by Ridders' method, from the largest step that crosses no kink."""
        if not (math.isfinite(self.x) and math.isfinite(self.here)):
            return _Slope(math.nan, math.inf)
        h = self.scale * FIRST
        difference, crossed = self._difference(h, watched=True)
        wider = difference
        while crossed and h > self.scale * LEAST:
            h /= 8.0
            wider, (difference, crossed) = difference, self._difference(h, watched=True)
        if crossed:
            # On a kink D(h) tends to the mean of the two slopes, and its error is of the order of h itself.
            mean = (8.0 * difference - wider) / 7.0
            return _Slope(mean, abs(mean - difference) + 2.0 * self.noise(h), kink=True)
        row, best, since = [difference], _Slope(difference, math.inf), 0
        for _level in range(1, LEVELS):
            h /= 2.0
            before, row = row, [self._difference(h)[0]]
            noise, factor, since = 2.0 * self.noise(h), 4.0, since + 1
            for number, wider in enumerate(before):
                row.append((factor * row[number] - wider) / (factor - 1.0))
                error = max(abs(row[-1] - row[number]), abs(row[-1] - wider)) + noise
                factor *= 4.0
                if error < best.error:
                    best, since = _Slope(row[-1], error), 0
            if best.error <= max(2.0 * noise, CLOSE * abs(best.value)):
                break
            if since >= 3 and best.error < 1e-2 * abs(best.value):
                break
        return best._replace(rough=best.error > max(0.05 * abs(best.value), 100.0 * self.noise(h)))

    def bent(self) -> bool:
        """Whether the slopes on the two sides differ."""
        h = self.scale * LEAST
        right, left = (self._loss(self.x + h) - self.here) / h, (self.here - self._loss(self.x - h)) / h
        return abs(right - left) > 1e-3 * max(abs(right), abs(left)) + 4.0 * self.noise(h)

    def noise(self, h: float) -> float:
        """What the rounding of E may change a difference by."""
        return ROUNDING * max(1.0, abs(self.here)) / h

    def _loss(self, x: float) -> float:
        return self._moment.loss(self._moment.forward({self._slot: x}))

    def _difference(self, h: float, *, watched: bool = False) -> tuple[float, bool]:
        """D(h), and whether something is in the way: a kink, or numbers that are not finite."""
        found: list[float] = []
        crossed = False
        moment = self._moment
        for x in (self.x + h, self.x - h):
            frame = moment.forward({self._slot: x})
            found.append(moment.loss(frame))
            if watched and not crossed:
                crossed = not math.isfinite(found[-1]) or not alike(moment.choices.taken(frame), self._branches)
        return (found[0] - found[1]) / ((self.x + h) - (self.x - h)), crossed


def _verdict(line: _Line, analytic: float, slope: _Slope) -> Verdict:
    if not (math.isfinite(slope.value) and math.isfinite(analytic)):
        return Verdict.NOT_FINITE
    size = max(abs(analytic), abs(slope.value))
    if abs(analytic - slope.value) > TOLERANCE * size + 4.0 * slope.error:
        if slope.rough:
            return Verdict.UNCLEAR
        return Verdict.KINK if slope.kink or line.bent() else Verdict.DISAGREES
    hidden = slope.error > max(1e-2 * size, 1e-6 * max(1.0, abs(line.here)))
    # A gradient of 0 would have passed in its place: what is that small can not be told from none.
    unresolved = 0.0 < abs(analytic) <= 4.0 * slope.error
    return Verdict.UNCLEAR if hidden or unresolved else Verdict.AGREES


def after_updates(program: Program) -> frozenset[Array]:
    """The arrays that are computed from a parameter that was updated in the same iteration."""
    updated = {array for array in program.arrays if array.role is Role.UPDATED}
    return _computed_from(updated, program.ops) - updated


def before_cuts(program: Program) -> frozenset[Array]:
    """The gradients of what reaches E through an input that no gradient goes back to."""
    found = {array for op in program.ops for array in op.cut}
    for op in reversed(program.ops) if found else ():
        if op.target in found:
            found.update(op.inputs)
    return frozenset(
        array for array in program.arrays if array.role is Role.GRADIENT and array.of is not None and array.of in found
    )


def _computed_from(arrays: Iterable[Array], ops: Sequence[Op]) -> frozenset[Array]:
    """Some arrays, and all that read them."""
    found = set(arrays)
    for op in ops:
        if not found.isdisjoint(op.inputs):
            found.add(op.target)
    return frozenset(found)


def _needed(program: Program, total: Array) -> list[Op]:
    """The ops that an array is computed from, and the one that makes it, in their order."""
    wanted, found = {total}, []
    for op in reversed(program.ops):
        if op.target in wanted:
            wanted.update(op.inputs)
            found.append(op)
    return found[::-1]
