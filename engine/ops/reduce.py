"""Sums and means over some axes: ops that state what one element contributes, and derive their gradient from it."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import Const, Div, Expr, Index, Ref, Sum
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.axis_sums import axis_sums, elements
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows, divide
from retrograde.engine.ops.pointwise import Pointwise, along


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduce(Pointwise):
    """target[kept] = (Σ rule(operands)) / count, over the axes of a shape that the target has not, in row order.

    The slopes and uses of the rule are those of the whole, the quotient included.

    Attributes:
        shape: the shape that is added up over, the sample first.
        along: for each axis of the target the axis of that shape, None for one of the length 1 that is left of an axis
            that is added up; of a sum over the samples, without the sample's.
        count: what the sum is divided by; 1 leaves it as it is.
        group: how many neighbours along the last of these axes are added up too.
    """

    shape: tuple[int, ...]
    along: tuple[int | None, ...]
    count: int = 1
    group: int = 1

    @property
    def domain(self) -> tuple[int, ...]:
        return self.shape

    @property
    def sampled(self) -> bool:
        return True

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes of the shape that an index of the equation has: the sample always."""
        found = tuple(axis for axis in self.along if axis is not None)
        return (0, *found) if self.extent is Extent.SUM else found

    def slot(self, array: Array, at: Index) -> Ref:
        return Ref(array, along(at, self.along, self.group))

    def equation(self, index: Index) -> Expr:
        if None in self.along:
            lead = len(index) - len(self.along)
            own = zip(index[lead:], self.along, strict=True)
            index = (*index[:lead], *(part for part, axis in own if axis is not None))
        found = tuple(map(self.stated, elements(self.shape, self.kept, index, self.group)))
        total = found[0] if len(found) == 1 else Sum(found)
        return total if self.count == 1 else Div(total, Const(float(self.count)))

    def kernel(self, space: Workspace) -> Kernel:
        target = space.view(self.target)
        summed = self.extent is Extent.SUM
        out = space.scratch((space.batch, *target.shape)) if summed else target
        calls = [axis_sums(space, self.shape, self.kept, self.stated, out, self.group)]
        if self.count != 1:
            calls.append(divide(out, float(self.count), out))
        if summed:
            calls.append(add_rows(out, target))
        return Series(calls)
