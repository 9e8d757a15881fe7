"""Long sums of products by blocks: written out, added row by row, in the order of their terms."""

from __future__ import annotations

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.ops.base import Kernel, Workspace
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
    packs: list[tuple[Floats, Floats]] = []
    left, right = _packed(space, left, packs), _packed(space, right, packs)
    pieces: list[tuple[Floats, Floats, Floats, Floats, Floats | None]] = []
    for start in range(0, count, block):
        stop = min(count, start + block)
        last = tail if stop == count else None
        end = 1 + stop - start
        first = 1 if start == 0 else 0
        pieces.append(
            (
                left[start:stop],
                right[start:stop],
                rows[1:end],
                rows[first : end + (last is not None)],
                last,
            )
        )
    multiply, reduce, copy = np.multiply, np.add.reduce, np.copyto
    single = out.size == 1

    def run() -> None:
        for packed, operand in packs:
            copy(packed, operand)
        carried = False
        for a, b, made, block_rows, last in pieces:
            multiply(a, b, out=made)
            if last is not None:
                block_rows[-1] = last
            if carried:
                block_rows[0] = total
            if single:
                sum_rows(block_rows, total)
            else:
                reduce(block_rows, axis=0, out=total, initial=-0.0)
            carried = True
        if flip:
            copy(out, total.T)

    return run


def _packed(space: Workspace, operand: Floats, packs: list[tuple[Floats, Floats]]) -> Floats:
    """The operand, or memory for a copy that ``packs`` asks for, contiguous along the inner loops."""
    if operand.shape[-1] == 1 or operand.strides[-1] == operand.itemsize or 1 not in operand.shape:
        return operand
    packed = space.scratch(operand.shape)
    packs.append((packed, operand))
    return packed
