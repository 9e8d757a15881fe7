"""Sums over some axes of what a formula states at every element, in row order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Expr, Index, Ref
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows, copy


def elements(shape: tuple[int, ...], kept: tuple[int, ...], index: Index, group: int = 1) -> Iterator[Index]:
    """The indices of a shape that are at an index of some of its axes, in row order.

    Args:
        shape: the shape.
        kept: the axes, which need not be in order.
        index: the index along each of them.
        group: how many neighbours along the last of the axes belong to one index.
    """
    at: list[Any] = [None] * len(shape)
    for axis, part in zip(kept, index, strict=True):
        at[axis] = part
    free = {axis: range(shape[axis]) for axis in range(len(shape)) if axis not in kept}
    first: Any = 0
    if group > 1:
        free[kept[-1]], first = range(group), index[-1] * group
    for choice in product(*(free[axis] for axis in sorted(free))):
        for axis, part in zip(sorted(free), choice, strict=True):
            at[axis] = first + part if group > 1 and axis == kept[-1] else part
        yield tuple(at)


def axis_sums(
    space: Workspace,
    shape: tuple[int, ...],
    kept: tuple[int, ...],
    each: Callable[[Index], Expr],
    out: Floats,
    group: int = 1,
) -> Kernel:
    """A kernel that adds up what the elements of a shape contribute, over the axes that are not kept.

    Args:
        space: the workspace.
        shape: the shape.
        kept: the axes that ``out`` has, in order.
        each: the contribution at an index, which may be an open mesh.
        out: gets the sums, C-contiguous.
        group: how many neighbours along the last of the kept axes are added up too.
    """
    mesh: Index = tuple(np.ix_(*map(np.arange, shape)))
    parted = shape
    if group > 1:
        # The axis as two, of which the second is added up.
        last = kept[-1]
        parted = (*shape[:last], shape[last] // group, group, *shape[last + 1 :])
    summed = [axis for axis in range(len(parted)) if axis not in kept]
    count = prod(parted[axis] for axis in summed)
    if count == 1:
        return space.compile(each(mesh), mesh, out.reshape(shape))
    order = (*summed, *kept)
    rows = space.scratch(tuple(parted[axis] for axis in order))
    place, expr = rows.transpose(np.argsort(order)), each(mesh)
    add = add_rows(rows.reshape(count, -1), out.reshape(-1))
    if isinstance(expr, Ref) and group == 1:
        return Series((space.compile(expr, mesh, place), add))
    # Computing where the elements lie and turning them then takes a quarter of the time of computing them turned.
    values = space.scratch(shape)
    return Series((space.compile(expr, mesh, values), copy(place, values.reshape(parted)), add))
