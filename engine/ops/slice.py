"""A part of an array: a range of places along one axis, or one place, whose axis is then left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Ref
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.rearrange import Copy
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Places along an axis.

    Attributes:
        axis: the axis, the sample being 0.
        places: the places, from 0.
        dropped: whether the axis is left out, of a single place.
    """

    axis: int
    places: range
    dropped: bool = False

    def source(self, index: Index) -> Index:
        """The place in the whole of an element of the part."""
        head, tail = index[: self.axis], index[self.axis :]
        if self.dropped:
            return (*head, self.places.start, *tail)
        return (*head, self._times(tail[0]), *tail[1:])

    def _times(self, part: Any) -> Any:
        first, step = self.places.start, self.places.step
        return part * step + first if step > 1 else part + first if first else part

    def within(self, index: Index) -> Index:
        """The element of the part of a place in the whole that it has."""
        head, part, tail = index[: self.axis], index[self.axis], index[self.axis + 1 :]
        if self.dropped:
            return (*head, *tail)
        first, step = self.places.start, self.places.step
        return (*head, (part - first) // step if step > 1 else part - first, *tail)

    @property
    def cut(self) -> tuple[Any, ...]:
        """What NumPy cuts it out of the whole by; the axis is kept."""
        return (*(slice(None),) * self.axis, slice(self.places.start, self.places.stop, self.places.step))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Op):
    """out[s, ..., j, ...] = x[s, ..., first + j · step, ...]: the values at some places along one axis.

    Attributes:
        x: x, (batch, ...).
        stretch: the places.
    """

    x: Array
    stretch: Stretch

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("slice")

    def equation(self, index: Index) -> Expr:
        return Ref(self.x, self.stretch.source(index))

    def kernel(self, space: Workspace) -> Kernel:
        cut, out = space.view(self.x)[self.stretch.cut], space.view(self.target)
        return Copy(out.reshape(cut.shape), cut)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, SlicePart(g=g, stretch=self.stretch, shape=self.x.element_shape))

    def why(self, target: str) -> str:
        return _("The same value: this layer takes a part of what comes before it.")


@lru_cache(maxsize=256)
def _taken(stretch: Stretch, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Where the places of a stretch are in an array, without the sample; None where it has all of them."""
    if len(stretch.places) == shape[stretch.axis - 1]:
        return None
    found = np.zeros(shape, dtype=np.bool_)
    found[stretch.cut[1:]] = True
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlicePart(Part):
    """The use of an array of which a part is taken: the gradient of the part; elsewhere there is none.

    Attributes:
        g: the gradient of the part.
        stretch: the places that the part has.
        shape: the shape of the array for one sample.
    """

    g: Array
    stretch: Stretch
    shape: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        return _taken(self.stretch, self.shape)

    def covers(self, element: Index) -> bool:
        return element[self.stretch.axis - 1] in self.stretch.places

    def term(self, index: Index) -> Expr:
        return Ref(self.g, self.stretch.within(index))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        found = np.zeros(self.shape, dtype=np.bool_)
        if ref.array is self.g:
            found[self.stretch.source(ref.index)[1:]] = True
        return found

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, self.stretch.within(index)), ONE

    def why(self, target: str) -> str:
        return _("The gradient of the part that was taken; what was not taken has none from there.")

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        place, g = out[self.stretch.cut], space.view(self.g)
        if self.mask is None:
            return Copy(out, g.reshape(out.shape))

        def run() -> None:
            out.fill(-0.0)
            np.copyto(place, g.reshape(place.shape))

        return run
