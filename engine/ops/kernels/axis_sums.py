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


def elements(shape: tuple[int, ...], kept: tuple[int, ...], index: Index) -> Iterator[Index]:
    """The indices of a shape that are at an index of some of its axes, in row order.

    Args:
        shape: the shape.
        kept: the axes, which need not be in order.
        index: the index along each of them.
    """
    at: list[Any] = [None] * len(shape)
    for axis, part in zip(kept, index, strict=True):
        at[axis] = part
    free = [axis for axis in range(len(shape)) if axis not in kept]
    for choice in product(*(range(shape[axis]) for axis in free)):
        for axis, part in zip(free, choice, strict=True):
            at[axis] = part
        yield tuple(at)


def axis_sums(
    space: Workspace, shape: tuple[int, ...], kept: tuple[int, ...], each: Callable[[Index], Expr], out: Floats
) -> Kernel:
    """A kernel that adds up what the elements of a shape contribute, over the axes that are not kept.

    Args:
        space: the workspace.
        shape: the shape.
        kept: the axes that ``out`` has, in order.
        each: the contribution at an index, which may be an open mesh.
        out: gets the sums, C-contiguous.
    """
    mesh: Index = tuple(np.ix_(*map(np.arange, shape)))
    summed = [axis for axis in range(len(shape)) if axis not in kept]
    count = prod(shape[axis] for axis in summed)
    if count == 1:
        return space.compile(each(mesh), mesh, out.reshape(shape))
    order = (*summed, *kept)
    rows = space.scratch(tuple(shape[axis] for axis in order))
    place, expr = rows.transpose(np.argsort(order)), each(mesh)
    add = add_rows(rows.reshape(count, -1), out.reshape(-1))
    if isinstance(expr, Ref):
        return Series((space.compile(expr, mesh, place), add))
    # Computing where the elements lie and turning them then takes a quarter of the time of computing them turned.
    values = space.scratch(shape)
    return Series((space.compile(expr, mesh, values), copy(place, values), add))
