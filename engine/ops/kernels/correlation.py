"""Kernels of convolution: sums of products over sliding windows, in written order.

Three sums pair the same positions: what a convolution makes (``correlation``), the gradient of what it reads, which is
a correlation over the adjoint axes with the kernel turned round, and the gradient of its weights (in ``weight_sums``).
The taps that fall into the padding are left out, as in the equations: the positions are parted into rectangles in which
the same taps count. Samples run innermost, so that the loops of NumPy are long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.long_sums import long_sum
from retrograde.engine.ops.kernels.numpy_calls import Series, Shared, copy
from retrograde.engine.ops.kernels.products import CHUNK
from retrograde.engine.ops.window import Axis, WindowRun, blocks

ACCUMULATORS = CHUNK // 4
"""Sums that are added up side by side; more would leave few products of each for a block."""

SHORT = 128
"""Columns below which a sum is not cut further."""


def windows(x: Floats, first: int, block: Sequence[WindowRun]) -> Floats:
    """A view of what the windows of a block read.

    Args:
        x: any axes, then the axes of the windows from number ``first``, then any.
        first: the number of the first axis of the windows.
        block: the segments.

    Returns:
        shape (..., *taps, *positions, ...).
    """
    start = tuple(slice(segment.base, None) for segment in block)
    view = x[(slice(None),) * first + start]
    strides = view.strides[first : first + len(block)]
    shape = [len(segment.taps) for segment in block] + [len(segment.positions) for segment in block]
    steps = [step * segment.along for step, segment in zip(strides, block, strict=True)]
    steps += [step * segment.across for step, segment in zip(strides, block, strict=True)]
    last = first + len(block)
    found: Floats = as_strided(
        view,
        shape=(*view.shape[:first], *shape, *view.shape[last:]),
        strides=(*view.strides[:first], *steps, *view.strides[last:]),
    )
    return found


def taken(numbers: range) -> slice:
    """Evenly spaced, increasing numbers as a slice."""
    return slice(numbers.start, numbers.stop, numbers.step)


def chunks(count: int, size: int) -> Iterator[slice]:
    """The numbers from 0 to ``count`` in slices of at most ``size``."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


def correlation(
    space: Workspace, axes: Sequence[Axis], x: Floats, weights: Floats, out: Floats, bias: Floats | None = None
) -> Kernel:
    """A kernel for out[s, g, r, p] = Σ_c Σ_t weights[g, r, c, t] · x[s, g, c, source(p, t)] (+ bias[g, r]).

    Taps that read nothing are left out; where none is left and there is no bias, the sum is 0.

    Args:
        space: the workspace.
        axes: where the windows are, one for each of the axes p.
        x: (batch, groups, channels, *lengths), any strides.
        weights: (groups, rows, channels, *taps), in the order in which the axes run through their taps; any strides.
        out: (batch, groups, rows, *counts), any strides.
        bias: (groups, rows).
    """
    batch, groups, channels = x.shape[:3]
    rows, lengths = weights.shape[1], x.shape[3:]
    count = len(axes)
    shared = Shared(space)
    turned = space.scratch((channels, *weights.shape[3:], groups, rows))
    calls: list[Kernel] = [copy(turned, weights.transpose(2, *range(3, 3 + count), 0, 1))]
    side = min(groups, rows) if groups > 1 else 1
    most = max(SHORT, ACCUMULATORS // (groups * rows // side))
    parts = blocks(axes)
    area = max(prod(len(segment.positions) for segment in block) for block in parts)
    size = max(1, min(batch, most // area))
    for samples in chunks(batch, size):
        number = samples.stop - samples.start
        shared.restart()
        held = shared.scratch((channels, groups, *lengths, number))
        calls.append(copy(held, x[samples].transpose(2, 1, *range(3, 3 + count), 0)))
        # What the samples of a chunk share stays where it is, while the blocks take turns with the rest.
        inner = Shared(shared)
        for block in parts:
            wanted = out[samples]
            for piece in _pieces(block, max(1, most // number)):
                inner.restart()
                place = wanted[:, :, :, *(taken(segment.positions) for segment in piece)]
                if not all(segment.taps for segment in piece):
                    calls.append(copy(place, 0.0 if bias is None else bias.reshape(1, groups, rows, *(1,) * count)))
                    continue
                calls.extend(_block(inner, piece, held, turned, place, bias))
    return Series(calls)


def _pieces(block: tuple[WindowRun, ...], most: int) -> Iterator[tuple[WindowRun, ...]]:
    """A block cut along its first axis, so that a piece has about ``most`` positions."""
    rest = prod(len(segment.positions) for segment in block[1:])
    for first in block[0].cut(max(1, most // rest)):
        yield first, *block[1:]


def _block(
    space: Shared, block: Sequence[WindowRun], held: Floats, turned: Floats, place: Floats, bias: Floats | None
) -> Iterator[Kernel]:
    """The kernels for a rectangle of positions.

    Args:
        space: where the columns and the products go.
        block: the rectangle.
        held: x as (channels, groups, *lengths, samples).
        turned: the weights as (channels, *taps, groups, rows).
        place: gets the sums: (samples, groups, rows, *positions).
        bias: (groups, rows).
    """
    count = len(block)
    channels, groups = held.shape[:2]
    rows, samples = turned.shape[-1], held.shape[-1]
    taps = tuple(len(segment.taps) for segment in block)
    positions = tuple(len(segment.positions) for segment in block)
    terms, width = channels * prod(taps), prod(positions) * samples
    columns = space.scratch((channels, *taps, groups, *positions, samples))
    view = windows(held, 2, block)
    yield copy(columns, np.moveaxis(view, 1, 1 + count))
    if taps == turned.shape[1:-2]:
        kernel = turned.reshape(terms, groups, rows)
    else:
        chosen = space.scratch((channels, *taps, groups, rows))
        yield copy(chosen, turned[:, *(taken(segment.taps) for segment in block)])
        kernel = chosen.reshape(terms, groups, rows)
    right = columns.reshape(terms, groups, width)
    if groups > rows:
        total = space.scratch((rows, groups, width))
        for r in range(rows):
            tail = None if bias is None else bias[:, r, None]
            yield long_sum(space, kernel[:, :, r, None], right, total[r], tail)
        found = np.moveaxis(total.reshape(rows, groups, *positions, samples), (0, -1), (2, 0))
    else:
        total = space.scratch((groups, rows, width))
        for g in range(groups):
            tail = None if bias is None else bias[g, :, None]
            yield long_sum(space, kernel[:, g, :, None], right[:, g, None], total[g], tail)
        found = np.moveaxis(total.reshape(groups, rows, *positions, samples), -1, 0)
    yield copy(place, found)
