"""The gradient of one array: a single op that adds up all uses of the array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.expression import ZERO, Expr, Index, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, add, add_rows, copy
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradient(Op):
    """∂E/∂x = Σ over the uses of x, the latest use first.

    Each use is its own subtotal; of a parameter, each sample's contribution is its own subtotal too.

    Attributes:
        parts: the uses.
    """

    parts: tuple[Part, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return tuple(array for part in self.parts for array in part.inputs)

    @property
    def title(self) -> str:
        return _("delta") if self.of.role is Role.NET else _("gradient")

    @property
    def of(self) -> Array:
        """The array whose gradient this is."""
        assert self.target.of is not None
        return self.target.of

    @property
    def meshable(self) -> bool:
        return all(part.meshable and part.region is None and part.mask is None for part in self.parts)

    @property
    def choosy(self) -> bool:
        return any(part.choosy for part in self.parts)

    def equation(self, index: Index) -> Expr:
        # The sample comes first in every index of a gradient, whether its array has one or not.
        element = index[1:]
        found = tuple(part.term(index) for part in self.parts if part.covers(element))
        if not found:
            return ZERO
        return found[0] if len(found) == 1 else Sum(found)

    def kernel(self, space: Workspace) -> Kernel | None:
        target, summed = space.view(self.target), self.extent is Extent.SUM
        if len(self.parts) == 1 and self.parts[0].region is None and self.parts[0].mask is None:
            return self.parts[0].kernel(space, target, summed)
        if not summed:
            return self._added(space, target)
        if len({type(part) for part in self.parts}) == 1:
            whole = self.parts[0].total(space, self.parts, target)
            if whole is not None:
                return whole
        total = space.scratch((space.batch, *target.shape))
        return Series((self._added(space, total), add_rows(total, target)))

    def _added(self, space: Workspace, out: Floats) -> Kernel:
        """A kernel that adds up the parts of each sample into ``out`` (batch, ...).

        Adding to −0 changes no value, so an element that the first parts do not cover starts from there; one that no
        part covers is 0.
        """
        covered = np.zeros(out.shape[1:], dtype=np.bool_)
        calls: list[Kernel] = []
        done = 0
        for number, part in enumerate(self.parts):
            place = () if part.region is None else tuple(slice(*bounds) for bounds in part.region)
            covered[place] |= True if part.mask is None else part.mask
            if number < done:
                continue
            into = out[:, *place]
            fresh = number == 0 and part.region is None
            alike = self._alike(number)
            several = part.several(space, alike) if len(alike) > 1 and self.extent is not Extent.SUM else None
            if several is not None:
                done = number + len(alike)
                calls += [several[1], _Gather(into, several[0], fresh=fresh)]
                continue
            buffer = out if fresh else space.scratch(into.shape)
            calls.append(self._each(space, part, buffer))
            if not fresh:
                calls.append(add(into, buffer, into))
        if self.parts[0].region is not None:
            calls.insert(0, copy(out, np.where(covered, -0.0, 0.0)))
        elif not covered.all():
            calls.append(partial(np.copyto, out, 0.0, where=~covered))
        return Series(calls)

    def _each(self, space: Workspace, part: Part, out: Floats) -> Kernel:
        """A kernel for what a part contributes to each sample, (batch, ...)."""
        if self.extent is Extent.SUM:
            kernel = part.contributions(space, out)
            if kernel is None and not part.meshable:
                raise NotImplementedError(f"{type(part).__name__} has no kernel for contributions")
        else:
            kernel = part.kernel(space, out, False)
        return kernel or space.compile(part.term(mesh := _mesh(out.shape, part.region)), mesh, out)

    def _alike(self, number: int) -> tuple[Part, ...]:
        """The use with a number, and those behind it that are of its class and region."""
        part = self.parts[number]
        stop = number + 1
        while stop < len(self.parts):
            other = self.parts[stop]
            if type(other) is not type(part) or other.region != part.region:
                break
            stop += 1
        return self.parts[number:stop]

    def why(self, target: str) -> str:
        own = self.parts[0].why(target) if len(self.parts) == 1 else None
        if own is not None:
            return own
        match self.of.role:
            case Role.NET:
                return _("How much does E change with the net input: the delta {target}?").format(target=target)
            case Role.OUT:
                return _("How much does E change with this output, over every way it takes?")
            case Role.WEIGHT | Role.BIAS if self.target.role is not Role.GRADIENT:
                return _("How much does the loss of the samples change with this parameter? The penalty comes later.")
            case Role.WEIGHT | Role.BIAS:
                return _("How much does E change with this parameter?")
            case _:
                return _("How much does E change with this value, over every way it takes?")


def _mesh(shape: tuple[int, ...], region: tuple[tuple[int, int], ...] | None) -> Index:
    """An open mesh over the region of an array with a sample axis; ``shape`` is that of the region."""
    firsts = (0,) * len(shape) if region is None else (0, *(first for first, _stop in region))
    axes = (np.arange(first, first + length) for first, length in zip(firsts, shape, strict=True))
    return tuple(np.ix_(*axes))


class _Gather:
    """Adds several arrays to another in place; a fresh one begins with the first of them."""

    def __init__(self, to: Floats, what: Sequence[Floats], *, fresh: bool) -> None:
        self._to, self._fresh = to, fresh
        self._first, self._rest = what[0], tuple(what[1:])

    def __call__(self) -> None:
        to, rest = self._to, self._rest
        if not self._fresh:
            np.add(to, self._first, out=to)
        elif rest:
            np.add(self._first, rest[0], out=to)
            rest = rest[1:]
        else:
            np.copyto(to, self._first)
        for what in rest:
            np.add(to, what, out=to)
