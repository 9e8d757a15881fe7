"""Long sums of products by blocks: written out, added row by row, in the order of their terms."""

from __future__ import annotations

from functools import partial

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows, copy
from retrograde.engine.ops.kernels.products import CHUNK, products, worthwhile


def long_sum(space: Workspace, left: Floats, right: Floats, out: Floats, tail: Floats | None = None) -> Kernel:
    """A kernel for out = Σ_k left[k] · right[k] (+ tail), added in the order of k.

    The products of a block of k are written out and added row by row; a block starts with the sum so far, so the
    order is that of one long sum. Whichever axis of ``out`` is longer runs innermost.

    Args:
        space: the workspace, for the products.
        left: shape (terms, rows, 1) or (terms, rows, columns), any strides.
        right: shape (terms, 1, columns) or (terms, rows, columns), any strides.
        out: shape (rows, columns), C-contiguous.
        tail: a last term, broadcastable to ``out``.
    """
    count = left.shape[0]
    if left.shape[2] == right.shape[1] == 1 and worthwhile((), out.shape[0], out.shape[1], count):
        return products(space, left[:, :, 0].T, right[:, 0], out, tail)
    flip = out.shape[0] > 2 * out.shape[1]
    if flip:
        left, right = left.transpose(0, 2, 1), right.transpose(0, 2, 1)
        tail = None if tail is None else tail.T
    shape = (out.shape[1], out.shape[0]) if flip else out.shape
    block = max(1, min(count, CHUNK // max(1, out.size)))
    rows = space.scratch((block + 2, *shape))
    total = space.scratch(shape) if flip else out
    calls: list[Kernel] = []
    left, right = _packed(space, left, calls), _packed(space, right, calls)
    for start in range(0, count, block):
        stop = min(count, start + block)
        end = 1 + stop - start
        calls.append(partial(np.multiply, left[start:stop], right[start:stop], out=rows[1:end]))
        last = tail is not None and stop == count
        if last:
            calls.append(copy(rows[end], tail))
        if start:
            calls.append(copy(rows[0], total))
        calls.append(add_rows(rows[int(start == 0) : end + last], total))
    if flip:
        calls.append(copy(out, total.T))
    return Series(calls)


def _packed(space: Workspace, operand: Floats, calls: list[Kernel]) -> Floats:
    """The operand, or a copy that ``calls`` makes of it, contiguous along the inner loops."""
    if operand.shape[-1] == 1 or operand.strides[-1] == operand.itemsize or 1 not in operand.shape:
        return operand
    packed = space.scratch(operand.shape)
    calls.append(copy(packed, operand))
    return packed
