"""Sums along the last axis, in the order of its elements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.ops.base import Kernel, Workspace

Bools = NDArray[np.bool_]


def row_sums(
    space: Workspace, values: Floats, out: Floats, *, by: Floats | None = None, skipped: Bools | None = None
) -> Kernel:
    """A kernel that adds each row of (..., columns), or its products, from left to right into ``out`` (...).

    Args:
        space: the workspace.
        values: what is added, C-contiguous.
        out: gets the sums, C-contiguous.
        by: what each value is multiplied by first, C-contiguous.
        skipped: what is left out of the sums, shaped as ``values``.
    """
    columns = values.shape[-1]
    # Adding −0 changes no value.
    left_out = None if skipped is None else np.ascontiguousarray(skipped.reshape(-1, columns).T)
    turned = space.scratch((columns, values.size // columns))
    made = values if by is None else space.scratch(values.shape)
    table, sums = made.reshape(-1, columns).T, out.reshape(-1)

    def run() -> None:
        if by is not None:
            np.multiply(values, by, out=made)
        np.copyto(turned, table)
        if left_out is not None:
            np.putmask(turned, left_out, -0.0)
        sum_rows(turned, sums)

    return run
