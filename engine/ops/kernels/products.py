"""Sums of products in written order, fast: the kernel of every weighted sum in exact arithmetic.

NumPy's ``einsum`` multiplies, rounds and adds one term after the other where the axis that runs innermost is not
summed, and takes a third of the time of writing the products out. Nothing promises that: on some processors it fuses
product and sum, and along other axes it adds in blocks. So it is used for a shape only after it has given, on random
numbers of that shape, the bits of the products that are written out and added row by row; else these are what runs.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, same_bits, sum_rows
from retrograde.engine.ops.base import Kernel, Workspace

FAST = True
"""Whether einsum may be used where it has the right bits; tests take it away."""

CHUNK = 1 << 16
"""Products that are written out at a time: they stay in the second-level cache."""

_FEW = 4096
"""Products that are written out faster than einsum begins."""

_TRIED = 4096
"""Sums that are compared before einsum is trusted."""


def worthwhile(axes: tuple[int, ...], rows: int, columns: int, terms: int) -> bool:
    """Whether sums of this shape go to einsum."""
    large = prod(axes) * rows * columns * terms >= _FEW
    return large and FAST and _trusted(axes, min(rows, columns), terms, max(rows, columns))


def products(space: Workspace, left: Floats, right: Floats, out: Floats, tail: Floats | None = None) -> Kernel:
    """A kernel for out[..., r, c] = Σ_k left[..., r, k] · right[..., k, c] (+ tail), added in the order of k.

    Args:
        space: the workspace.
        left: (..., rows, terms), any strides.
        right: (..., terms, columns), any strides; the axes before are those of ``left``.
        out: (..., rows, columns), any strides.
        tail: a last term, broadcastable to ``out``.
    """
    rows, terms = left.shape[-2:]
    columns = right.shape[-1]
    # The longer axis runs innermost.
    if rows > columns:
        left, right, out = right.swapaxes(-1, -2), left.swapaxes(-1, -2), out.swapaxes(-1, -2)
        tail = None if tail is None else np.broadcast_to(tail, (*out.shape[:-2], rows, columns)).swapaxes(-1, -2)
        rows, columns = columns, rows
    packs: list[tuple[Floats, Floats]] = []
    left, right = _contiguous(space, left, packs), _contiguous(space, right, packs)
    sums = out if out.flags.c_contiguous else space.scratch(out.shape)
    if worthwhile(out.shape[:-2], rows, columns, terms):
        add = _summed(left, right, sums)
    else:
        add = _written(space, left, right, sums)
    copy, plus = np.copyto, np.add

    def run() -> None:
        for packed, operand in packs:
            copy(packed, operand)
        add()
        if tail is not None:
            plus(sums, tail, out=sums)
        if sums is not out:
            copy(out, sums)

    return run


def _contiguous(space: Workspace, operand: Floats, packs: list[tuple[Floats, Floats]]) -> Floats:
    """The operand, or memory for a copy that ``packs`` asks for."""
    if operand.flags.c_contiguous:
        return operand
    packed = space.scratch(operand.shape)
    packs.append((packed, operand))
    return packed


def _summed(left: Floats, right: Floats, out: Floats) -> Kernel:
    """The sums by einsum; all operands C-contiguous."""
    axes = "abdefghij"[: left.ndim - 2]
    formula = f"{axes}rk,{axes}kc->{axes}rc"
    einsum, equal = np.einsum, np.equal
    zeros: NDArray[np.bool_] = np.empty(out.shape, dtype=np.bool_)

    def run() -> None:
        einsum(formula, left, right, out=out)
        # It starts from +0, so a sum of products that are all −0 has lost its sign.
        equal(out, 0.0, out=zeros)
        if zeros.any():
            _restore_signs(left, right, out, zeros)

    return run


def _restore_signs(left: Floats, right: Floats, out: Floats, zeros: NDArray[np.bool_]) -> None:
    """Puts −0 where every product is −0."""
    *axes, rows, columns = np.nonzero(zeros)
    turned = right.swapaxes(-1, -2)
    terms, start, size = left.shape[-1], 0, 2
    while rows.size and start < terms:
        piece = np.arange(start, min(terms, start + size))
        lead = [axis[:, None] for axis in axes]
        factors = left[(*lead, rows[:, None], piece)], turned[(*lead, columns[:, None], piece)]
        found = np.signbit(factors[0] * factors[1]).all(axis=1)
        axes, rows, columns = [axis[found] for axis in axes], rows[found], columns[found]
        start, size = start + size, 2 * size
    out[(*axes, rows, columns)] = -0.0


def _written(space: Workspace, left: Floats, right: Floats, out: Floats) -> Kernel:
    """The sums of products that are written out; all operands C-contiguous.

    A block of terms starts with the sum so far, so that the order is that of one long sum.
    """
    count = left.shape[-1]
    block = max(1, min(count, CHUNK // max(1, out.size)))
    table = space.scratch((block + 1, *out.shape))
    factors = np.moveaxis(left, -1, 0)[..., None], np.moveaxis(right, -2, 0)[..., None, :]
    pieces = []
    for start in range(0, count, block):
        stop = min(count, start + block)
        end = 1 + stop - start
        pieces.append((factors[0][start:stop], factors[1][start:stop], table[1:end], table[int(start == 0) : end]))
    multiply = np.multiply

    def run() -> None:
        carried = False
        for a, b, made, rows in pieces:
            multiply(a, b, out=made)
            if carried:
                rows[0] = out
            sum_rows(rows, out)
            carried = True

    return run


class _Memory:
    """A workspace of its own."""

    blas = False
    batch = 0

    def scratch(self, shape: tuple[int, ...]) -> Floats:
        return np.empty(shape)


@lru_cache(maxsize=4096)
def _trusted(axes: tuple[int, ...], rows: int, terms: int, columns: int) -> bool:
    """Whether einsum adds sums of this shape in the order of their terms, each product rounded by itself."""
    size = prod(axes) * rows * columns
    if not size or not terms:
        return False
    random = np.random.Generator(np.random.Philox(0))
    space: Workspace = _Memory()  # type: ignore[assignment]
    found, wanted = np.empty((*axes, rows, columns)), np.empty((*axes, rows, columns))
    with np.errstate(all="ignore"):
        for _ in range(max(1, _TRIED // size)):
            left, right = random.standard_normal((*axes, rows, terms)), random.standard_normal((*axes, terms, columns))
            _summed(left, right, found)()
            _written(space, left, right, wanted)()
            if not same_bits(found, wanted):
                return False
    return True
