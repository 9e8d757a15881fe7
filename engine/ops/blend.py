"""Resampling: each value is a mixture of the values near it, linear along each spatial axis, or the nearest alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Expr, Index, Product, Ref
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.link import added
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

Tap = tuple[int, Fraction]
"""A place that is read, and its weight."""

_WRITTEN = 64
"""The largest denominator of a weight that is written as a fraction."""


@dataclass(frozen=True, slots=True)
class Mix:
    """One axis: what each place of the result reads.

    Attributes:
        length: places that are read from.
        taps: for each place of the result, what it reads, in order.
    """

    length: int
    taps: tuple[tuple[Tap, ...], ...]

    @property
    def adjoint(self) -> Mix:
        """The same pairs from the other end: for each place that is read, who reads it."""
        return _adjoint(self)


@cache
def _adjoint(mix: Mix) -> Mix:
    found: list[list[Tap]] = [[] for _ in range(mix.length)]
    for place, taps in enumerate(mix.taps):
        for source, weight in taps:
            found[source].append((place, weight))
    return Mix(len(mix.taps), tuple(map(tuple, found)))


@cache
def linear(before: int, after: int, *, corners: bool) -> Mix:
    """Linear interpolation of ``before`` places at ``after`` places.

    Args:
        before: places before.
        after: places afterwards.
        corners: whether the first and the last places lie on each other, and the others evenly in between; else places
            are cells that cover the same stretch, and beyond the middles of the outer ones the value stays the same.

    Source: PyTorch, nn.functional.interpolate, align_corners.
    """
    found: list[tuple[Tap, ...]] = []
    for place in range(after):
        if corners:
            at = Fraction(place * (before - 1), after - 1) if after > 1 else Fraction()
        else:
            at = max(Fraction(), Fraction((2 * place + 1) * before, 2 * after) - Fraction(1, 2))
        first = min(at.numerator // at.denominator, before - 1)
        rest = at - first if first < before - 1 else Fraction()
        taps = ((first, 1 - rest), (first + 1, rest))
        found.append(tuple((source, weight) for source, weight in taps if weight))
    return Mix(before, tuple(found))


@cache
def nearest(before: int, after: int) -> Mix:
    """Of each place the one of ``before`` that it lies in: ⌊place · before / after⌋."""
    return Mix(before, tuple(((place * before // after, Fraction(1)),) for place in range(after)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blend(Op):
    """out[s, c, p] = Σ_q m(p, q) · x[s, c, q], with m the product of a weight for each axis.

    Attributes:
        x: the values, (batch, channels, *spatial).
        mixes: the weights along each spatial axis.
    """

    x: Array
    mixes: tuple[Mix, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("interpolation")

    meshable = False

    def equation(self, index: Index) -> Expr:
        return added(list(_terms(self.x, self.mixes, index)))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _readers(self.target.element_shape, self.mixes, ref)

    def kernel(self, space: Workspace) -> Kernel:
        return _mixed(space, self.mixes, space.view(self.x), space.view(self.target))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, BlendPart(g=g, mixes=tuple(mix.adjoint for mix in self.mixes)))

    def why(self, target: str) -> str:
        return _("A mixture of the values around it: the nearer one lies, the more it counts.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlendPart(Part):
    """The use of x in a resampling: Σ_p m(p, q) · ∂E/∂out[s, c, p] over the places that it is mixed into.

    Attributes:
        g: ∂E/∂out.
        mixes: the weights along each spatial axis, from the side of x.
    """

    g: Array
    mixes: tuple[Mix, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    meshable = False

    def why(self, target: str) -> str:
        return _("The gradients of the places that it is mixed into, by the weights that it has there.")

    def term(self, index: Index) -> Expr:
        return added(list(_terms(self.g, self.mixes, index)))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _readers((self.g.shape[1], *(len(mix.taps) for mix in self.mixes)), self.mixes, ref)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return _mixed(space, self.mixes, space.view(self.g), out)


def _terms(values: Array, mixes: Sequence[Mix], index: Index) -> Iterator[Expr]:
    """The terms of an element (s, c, *place), in the row order of what they read."""
    s, c, *place = index
    for taps in product(*(mix.taps[at] for mix, at in zip(mixes, place, strict=True))):
        ref = Ref(values, (s, c, *(source for source, _weight in taps)))
        weights = [_constant(weight) for _source, weight in taps if weight != 1]
        yield Product((*weights, ref)) if weights else ref


@cache
def _constant(weight: Fraction) -> Const:
    written = f"{weight.numerator}/{weight.denominator}" if weight.denominator <= _WRITTEN else ""
    return Const(float(weight), written)


def _readers(shape: tuple[int, ...], mixes: Sequence[Mix], ref: Ref) -> NDArray[np.bool_]:
    """The elements (c, *place) of a shape that read a slot (s, c, *source)."""
    found = np.zeros(shape, dtype=np.bool_)
    places = [[place for place, _weight in mix.adjoint.taps[at]] for mix, at in zip(mixes, ref.index[2:], strict=True)]
    found[np.ix_([ref.index[1]], *places)] = True
    return found


def _mixed(space: Workspace, mixes: Sequence[Mix], values: Floats, out: Floats) -> Kernel:
    """A kernel for the sums of ``_terms``: a row for each tap, −0 where a place has none, which changes no sum."""
    counts = [max(1, *map(len, mix.taps)) for mix in mixes]
    rows = space.scratch((prod(counts), *out.shape))
    parts: list[tuple[Floats, Any, Any]] = []
    for row, numbers in zip(rows, np.ndindex(*counts), strict=True):
        there = [[number < len(taps) for taps in mix.taps] for mix, number in zip(mixes, numbers, strict=True)]
        if not all(map(any, there)):
            parts.append((row, None, None))
            continue
        places, sources, weights = [], [], np.ones(())
        for mix, number, given in zip(mixes, numbers, there, strict=True):
            kept = [place for place, one in enumerate(given) if one]
            places.append(kept)
            sources.append([mix.taps[place][number][0] for place in kept])
            # Weights are multiplied before the value, axis after axis, as they stand.
            own = np.array([float(mix.taps[place][number][1]) for place in kept])
            weights = weights[..., None] * own
        parts.append((row, (np.ix_(*places), np.ix_(*sources)), weights))
    covered = np.zeros(out.shape[2:], dtype=np.bool_)
    covered[np.ix_(*([place for place, taps in enumerate(mix.taps) if taps] for mix in mixes))] = True

    def run() -> None:
        for row, mesh, weights in parts:
            row.fill(-0.0)
            if mesh is not None:
                place, source = mesh
                row[:, :, *place] = weights * values[:, :, *source]
        sum_rows(rows, out)
        if not covered.all():
            np.copyto(out, 0.0, where=~covered)

    return run
