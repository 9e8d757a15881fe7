"""The same values at other places: side by side, in another shape, or with their axes in another order.

Every element of the target is a copy of one element of a source, and every element of a source is copied once; so a
gradient goes back as it is, to the place that it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Ref
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.dense import position_of, spread
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Join(Op):
    """out[s, ..., first_k + j, ...] = x_k[s, ..., j, ...]: arrays side by side along one axis.

    Attributes:
        sources: x_k, (batch, ...), which differ in the length of that axis alone; one may be there more than once.
        axis: the axis, the sample being 0.
    """

    sources: tuple[Array, ...]
    axis: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self.sources

    @property
    def title(self) -> str:
        return _("concatenation")

    meshable = False

    @property
    def firsts(self) -> tuple[int, ...]:
        """Where each source begins along the axis."""
        found = [0]
        for source in self.sources[:-1]:
            found.append(found[-1] + source.shape[self.axis])
        return tuple(found)

    def equation(self, index: Index) -> Expr:
        place = index[self.axis]
        number = max(k for k, first in enumerate(self.firsts) if first <= place)
        at = (*index[: self.axis], place - self.firsts[number], *index[self.axis + 1 :])
        return Ref(self.sources[number], at)

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        found = np.zeros(self.target.element_shape, dtype=np.bool_)
        for source, first in zip(self.sources, self.firsts, strict=True):
            if source is ref.array:
                at = ref.index
                found[(*at[1 : self.axis], at[self.axis] + first, *at[self.axis + 1 :])] = True
        return found

    def kernel(self, space: Workspace) -> Kernel:
        out = space.view(self.target)
        pieces = [
            Copy(out[_slab(self.axis, first, source.shape[self.axis])], space.view(source))
            for source, first in zip(self.sources, self.firsts, strict=True)
        ]

        def run() -> None:
            for piece in pieces:
                piece()

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for source, first in zip(reversed(self.sources), reversed(self.firsts), strict=True):
            builder.contribute(source, JoinPart(g=g, axis=self.axis, first=first))

    def why(self, target: str) -> str:
        return _("The values of several layers side by side; each keeps its value.")


def _slab(axis: int, first: int, length: int) -> tuple[Any, ...]:
    """A range along one axis."""
    return (*(slice(None),) * axis, slice(first, first + length))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinPart(Part):
    """The use of an array in a concatenation: the gradient of its own stretch."""

    g: Array
    axis: int
    first: int

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, (*index[: self.axis], index[self.axis] + self.first, *index[self.axis + 1 :]))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        g = self.term(index)
        assert isinstance(g, Ref)
        return g, ONE

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        return Copy(out, space.view(self.g)[_slab(self.axis, self.first, out.shape[self.axis])])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recast(Op):
    """out[s, j] = x[s, k], with j and k at the same position when both are laid out row by row.

    Attributes:
        x: x, (batch, ...).
    """

    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("reshape")

    def equation(self, index: Index) -> Expr:
        return Ref(self.x, recast(index, self.target.element_shape, self.x.element_shape))

    def kernel(self, space: Workspace) -> Kernel:
        out = space.view(self.target)
        return Copy(out, space.view(self.x).reshape(out.shape))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, RecastPart(g=g, shape=self.x.element_shape))

    def why(self, target: str) -> str:
        return _("The same value in an array of another shape.")


def recast(index: Index, shape: tuple[int, ...], other: tuple[int, ...]) -> Index:
    """The index at the same position of an array of another shape, both laid out row by row; the sample comes first."""
    return (index[0], *spread(position_of(index[1:], shape), other))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecastPart(Part):
    """The use of an array in another shape: the gradient at the same position.

    Attributes:
        g: the gradient in the other shape.
        shape: the shape of the array for one sample.
    """

    g: Array
    shape: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, recast(index, self.shape, self.g.element_shape))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, recast(index, self.shape, self.g.element_shape)), ONE

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        return Copy(out, space.view(self.g).reshape(out.shape))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Permute(Op):
    """out[s, j_1, ..., j_n] = x[s, k_1, ..., k_n] with k_(axes m) = j_m: the axes in another order.

    Attributes:
        x: x, (batch, ...).
        axes: for each axis of the target the axis of x, the sample being 0.
    """

    x: Array
    axes: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("transposition")

    def equation(self, index: Index) -> Expr:
        return Ref(self.x, _ordered(index, np.argsort(self.axes).tolist()))

    def kernel(self, space: Workspace) -> Kernel:
        return Copy(space.view(self.target), space.view(self.x).transpose(self.axes))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, PermutePart(g=g, axes=self.axes))

    def why(self, target: str) -> str:
        return _("The same value with the axes of the array in another order.")


def _ordered(index: Index, axes: list[int]) -> Index:
    return tuple(index[axis] for axis in axes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PermutePart(Part):
    """The use of an array with its axes in another order."""

    g: Array
    axes: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def term(self, index: Index) -> Expr:
        return Ref(self.g, _ordered(index, list(self.axes)))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, _ordered(index, list(self.axes))), ONE

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        return Copy(out, space.view(self.g).transpose(np.argsort(self.axes)))


class Copy:
    """Copies an array, or a view of one, into another."""

    def __init__(self, to: Floats, what: Floats) -> None:
        self._to, self._what = to, what

    def __call__(self) -> None:
        np.copyto(self._to, self._what)
