"""Kernels of convolution through BLAS: what every window reads is laid out as a matrix, and multiplied at once.

Here a tap in the padding reads 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.correlation import chunks, windows
from retrograde.engine.ops.kernels.numpy_calls import Series, Shared, add, copy, matmul
from retrograde.engine.ops.window import Axis, WindowRun, inside, padded_lengths

COLUMNS = 1 << 21
"""Numbers that are laid out for one product of matrices."""


def _unfold(space: Shared, axes: Sequence[Axis], x: Floats, calls: list[Kernel]) -> Floats:
    """Asks for the matrix of what every window reads, 0 where that is padding: (groups, channels · taps, p · s)."""
    batch, groups, channels = x.shape[:3]
    spatial = tuple(range(3, 3 + len(axes)))
    padded = space.scratch((groups, channels, *padded_lengths(axes), batch))
    if padded.shape[2:-1] != x.shape[3:]:
        calls.append(copy(padded, 0.0))
    calls.append(copy(padded[:, :, *inside(axes)], x.transpose(1, 2, *spatial, 0)))
    whole = [
        WindowRun(positions=range(axis.count), taps=range(axis.taps), base=0, across=axis.stride, along=axis.dilation)
        for axis in axes
    ]
    columns = space.scratch((groups, channels, *(axis.taps for axis in axes), *(axis.count for axis in axes), batch))
    calls.append(copy(columns, windows(padded, 2, whole)))
    return columns.reshape(groups, channels * prod(axis.taps for axis in axes), -1)


def _samples_at_once(batch: int, numbers: int) -> int:
    return max(1, min(batch, COLUMNS // max(1, numbers)))


def gather_blas(
    space: Workspace, axes: Sequence[Axis], x: Floats, weights: Floats, out: Floats, bias: Floats | None
) -> Kernel:
    """The sums of ``correlation`` over axes without ``up``, as products of matrices: one a group and chunk of samples.

    Args:
        space: the workspace.
        axes: where the windows are.
        x: (batch, groups, channels, *lengths).
        weights: (groups, rows, channels, *taps), C-contiguous.
        out: (batch, groups, rows, *counts).
        bias: (groups, rows).
    """
    groups, rows = weights.shape[:2]
    counts = tuple(axis.count for axis in axes)
    kernel = weights.reshape(groups, rows, -1)
    shared = Shared(space)
    calls: list[Kernel] = []
    for chunk in chunks(x.shape[0], _samples_at_once(x.shape[0], groups * kernel.shape[2] * prod(counts))):
        shared.restart()
        columns = _unfold(shared, axes, x[chunk], calls)
        total = shared.scratch((groups, rows, columns.shape[2]))
        calls.append(matmul(kernel, columns, total))
        if bias is not None:
            calls.append(add(total, bias[:, :, None], total))
        calls.append(copy(out[chunk], np.moveaxis(total.reshape(groups, rows, *counts, -1), -1, 0)))
    return Series(calls)


def scatter_blas(
    space: Workspace, axes: Sequence[Axis], x: Floats, weights: Floats, out: Floats, bias: Floats | None
) -> Kernel:
    """The sums of ``correlation`` over the adjoints of axes, as products of matrices whose entries are then added up.

    Args:
        space: the workspace.
        axes: where the windows over ``out`` are, that each position of x stands for; none has ``up``.
        x: (batch, groups, A, *counts).
        weights: (groups, A, C, *taps), C-contiguous.
        out: (batch, groups, C, *lengths).
        bias: (groups, C).
    """
    batch, groups, a = x.shape[:3]
    c, count = weights.shape[2], len(axes)
    taps = tuple(axis.taps for axis in axes)
    counts = tuple(axis.count for axis in axes)
    kernel = weights.reshape(groups, a, -1).transpose(0, 2, 1)
    shared = Shared(space)
    calls: list[Kernel] = []
    for chunk in chunks(batch, _samples_at_once(batch, groups * kernel.shape[1] * prod(counts))):
        shared.restart()
        number = chunk.stop - chunk.start
        held = shared.scratch((groups, a, *counts, number))
        calls.append(copy(held, x[chunk].transpose(1, 2, *range(3, 3 + count), 0)))
        sums = shared.scratch((groups, c, *taps, *counts, number))
        width = prod(counts) * number
        calls.append(matmul(kernel, held.reshape(groups, a, width), sums.reshape(groups, -1, width)))
        padded = shared.scratch((groups, c, *padded_lengths(axes), number))
        calls.append(copy(padded, 0.0))
        for tap in product(*(range(length) for length in taps)):
            places = tuple(
                slice(part * axis.dilation, part * axis.dilation + (axis.count - 1) * axis.stride + 1, axis.stride)
                for part, axis in zip(tap, axes, strict=True)
            )
            term: tuple[Any, ...] = (slice(None), slice(None), *tap)
            calls.append(add(padded[:, :, *places], sums[term], padded[:, :, *places]))
        if bias is not None:
            calls.append(add(padded, bias.reshape(groups, c, *(1,) * (count + 1)), padded))
        calls.append(copy(out[chunk], np.moveaxis(padded[:, :, *inside(axes)], -1, 0)))
    return Series(calls)


def weight_blas(space: Workspace, axes: Sequence[Axis], small: Floats, big: Floats, out: Floats) -> Kernel:
    """The sums of ``weight_sums`` as products of matrices; see there."""
    batch, groups, a = small.shape[:3]
    counts = tuple(axis.count for axis in axes)
    wide = big.shape[2] * prod(axis.taps for axis in axes)
    total = out.reshape(groups, a, wide)
    shared = Shared(space)
    part = space.scratch(total.shape)
    calls: list[Kernel] = []
    for chunk in chunks(batch, _samples_at_once(batch, groups * wide * prod(counts))):
        shared.restart()
        columns = _unfold(shared, axes, big[chunk], calls)
        held = shared.scratch((groups, a, *counts, chunk.stop - chunk.start))
        calls.append(copy(held, small[chunk].transpose(1, 2, *range(3, small.ndim), 0)))
        left = held.reshape(groups, a, -1)
        calls.append(matmul(left, columns.transpose(0, 2, 1), part if chunk.start else total))
        if chunk.start:
            calls.append(add(total, part, total))
    return Series(calls)
