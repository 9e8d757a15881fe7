"""Arrays of numbers: their bits, and sums in written order.

NumPy adds pairwise or in blocks where it can. Retrograde shows every partial sum, so each one has to have existed:
sums run from left to right, starting from the first term.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def same_bits(left: Floats, right: Floats) -> bool:
    """Whether two arrays hold the same bits; all NaNs count as equal."""
    if left.shape != right.shape:
        return False
    equal = np.ascontiguousarray(left).view(np.uint64) == np.ascontiguousarray(right).view(np.uint64)
    return bool(np.all(equal | (np.isnan(left) & np.isnan(right))))


def sum_rows(rows: Floats, out: Floats) -> None:
    """Adds the rows of a C-contiguous array from the first to the last.

    NumPy's reduction over the first axis is sequential only where the rest of the shape holds more than one
    element; a single column is reduced pairwise, so it goes through a running sum instead. It starts from 0, which
    would turn a sum of −0 into +0; starting from −0 changes no value.

    Args:
        rows: shape (terms, ...), C-contiguous.
        out: shape (...), C-contiguous, gets the sum.
    """
    if out.size == 1:
        out[...] = np.add.accumulate(rows.reshape(-1))[-1]
    else:
        np.add.reduce(rows, axis=0, out=out, initial=-0.0)


def picked(table: Floats, numbers: Any, rest: tuple[Any, ...]) -> Floats:
    """The entries of the rows of a table that have some numbers, from 0; NaN where there is no such row.

    Args:
        table: (rows, ...).
        numbers: the numbers of the rows.
        rest: the index along the other axes, broadcastable with the numbers.
    """
    whole = (numbers >= 0) & (numbers < len(table)) & (numbers == np.floor(numbers))
    rows = np.where(whole, numbers, 0.0).astype(np.intp)
    return np.where(whole, table[(rows, *rest)], np.nan)
