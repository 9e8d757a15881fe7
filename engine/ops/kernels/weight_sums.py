"""Kernels of the gradient of a convolution's weights: one sum over all positions for each weight and sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.kernels.correlation import ACCUMULATORS, chunks, windows
from retrograde.engine.ops.kernels.numpy_calls import Series, Shared, copy
from retrograde.engine.ops.kernels.products import CHUNK, worthwhile
from retrograde.engine.ops.window import Axis, WindowRun, inside, padded_lengths

COLUMNS = 1 << 17
"""Numbers that are laid out at a time for einsum: they stay in the second-level cache."""

NARROW = 16
"""Channels times taps below which the loops of einsum are too short."""


class _Products:
    """Adds up products piece by piece: the first row of a block holds the sum so far."""

    __slots__ = ("_pieces", "_rows", "_total")

    def __init__(self, rows: Floats, total: Floats, pieces: list[tuple[Floats, Floats]]) -> None:
        """Takes the memory of the products, that of the sum, and the factors.

        Args:
            rows: (most + 1, *shape).
            total: shape.
            pieces: factors, broadcastable to (*positions, *shape), the product of positions at most ``most``.
        """
        self._total, self._rows = total, rows
        self._pieces: list[tuple[Floats, Floats, Floats, Floats, Floats]] = []
        flat = rows.reshape(rows.shape[0], -1)
        for number, (left, right) in enumerate(pieces):
            positions = left.shape[: left.ndim - total.ndim]
            stop = 1 + prod(positions)
            products = rows[1:stop].reshape(*positions, *total.shape)
            self._pieces.append((left, right, products, flat[0 if number else 1 : stop], flat[0]))

    def __call__(self) -> None:
        total = self._total.reshape(-1)
        for number, (left, right, products, rows, first) in enumerate(self._pieces):
            np.multiply(left, right, out=products)
            if number:
                np.copyto(first, total)
            sum_rows(rows, total)


def weight_sums(
    space: Workspace, axes: Sequence[Axis], small: Floats, big: Floats, out: Floats, *, samples: bool = False
) -> Kernel:
    """A kernel for out[g, a, c, t] = Σ_s (Σ_p small[s, g, a, p] · big[s, g, c, source(p, t)]).

    Args:
        space: the workspace.
        axes: where the windows are; none has ``up``.
        small: (batch, groups, A, *counts), C-contiguous.
        big: (batch, groups, C, *lengths), C-contiguous.
        out: (groups, A, C, *taps), C-contiguous; with ``samples`` (batch, groups, A, C, *taps).
        samples: whether the sums of each sample are wanted instead of their sum.
    """
    written = _written(space, axes, small, big, out, samples=samples)
    if samples:
        return written
    fast = _Matrices.made(space, axes, small, big, out, written)
    return written if fast is None else fast


def _written(
    space: Workspace, axes: Sequence[Axis], small: Floats, big: Floats, out: Floats, *, samples: bool = False
) -> Kernel:
    """The kernel of ``weight_sums`` that writes every product out."""
    batch, groups, a = small.shape[:3]
    c, count = big.shape[2], len(axes)
    taps = tuple(axis.taps for axis in axes)
    last = batch >= max(a, c)
    size = min(batch, 64) if last else max(1, min(batch, ACCUMULATORS // (groups * a * c)))
    step = max(1, min(a, ACCUMULATORS // (groups * c * size)))
    most = max(1, CHUNK // (groups * step * c * size))
    shared = Shared(space)
    total = space.scratch((*taps, groups, a, c))
    calls: list[Kernel] = []
    spatial = tuple(range(3, 3 + count))
    for chunk in chunks(batch, size):
        number = chunk.stop - chunk.start
        shared.restart()
        if last:
            held = shared.scratch((*small.shape[3:], groups, a, 1, number))
            calls.append(copy(held[..., 0, :], small[chunk].transpose(*spatial, 1, 2, 0)))
            read = shared.scratch((*big.shape[3:], groups, 1, c, number))
            calls.append(copy(read[..., 0, :, :], big[chunk].transpose(*spatial, 1, 2, 0)))
        else:
            held = shared.scratch((*small.shape[3:], number, groups, a, 1))
            calls.append(copy(held[..., 0], small[chunk].transpose(*spatial, 0, 1, 2)))
            read = shared.scratch((*big.shape[3:], number, groups, 1, c))
            calls.append(copy(read[..., 0, :], big[chunk].transpose(*spatial, 0, 1, 2)))
        rows = shared.scratch((number + 1, *taps, groups, a, c))
        inner = Shared(shared)
        for tap in product(*(range(length) for length in taps)):
            reached = [axis.reached(part) for axis, part in zip(axes, tap, strict=True)]
            place: tuple[Any, ...] = (slice(1, None), *tap)
            sums = rows[place]
            if not all(length for _first, length, _source in reached):
                calls.append(copy(sums, 0.0))
                continue
            for some in chunks(a, step):
                inner.restart()
                calls.extend(_tap(inner, axes, reached, held, read, some, most, sums, last))
        if samples:
            wanted = out[chunk].transpose(0, *range(4, 4 + count), 1, 2, 3)
            calls.append(copy(wanted, rows[1:]))
        else:
            calls.append(_Samples(rows, total, carried=chunk.start > 0))
    if not samples:
        calls.append(copy(out, total.transpose(count, count + 1, count + 2, *range(count))))
    return Series(calls)


def _tap(
    space: Shared,
    axes: Sequence[Axis],
    reached: Sequence[tuple[int, int, int]],
    held: Floats,
    read: Floats,
    some: slice,
    most: int,
    sums: Floats,
    last: bool,
) -> Iterator[Kernel]:
    """The kernels for one tap and some of the small side's channels; ``last`` says that samples run innermost."""
    left = held[tuple(slice(first, first + length) for first, length, _source in reached)]
    places = tuple(
        slice(source, source + (length - 1) * axis.stride + 1, axis.stride)
        for (_first, length, source), axis in zip(reached, axes, strict=True)
    )
    right = read[places]
    left = left[..., some, :, :] if last else left[..., some, :]
    shape = np.broadcast_shapes(left.shape[len(axes) :], right.shape[len(axes) :])
    positions = tuple(length for _first, length, _source in reached)
    pieces = [(left[cut], right[cut]) for cut in _cuts(positions, most)]
    total = space.scratch(shape)
    largest = max(prod(piece.shape[: piece.ndim - len(shape)]) for piece, _right in pieces)
    yield _Products(space.scratch((largest + 1, *shape)), total, pieces)
    yield copy(sums[:, :, some], total.transpose(3, 0, 1, 2) if last else total)


def _cuts(shape: tuple[int, ...], most: int) -> Iterator[tuple[Any, ...]]:
    """A rectangle in pieces of at most ``most`` positions (or of one), which follow one another in row order."""
    rest = prod(shape[1:])
    if rest <= most or len(shape) == 1:
        for cut in chunks(shape[0], max(1, most // rest)):
            yield (cut,)
        return
    for position in range(shape[0]):
        for rest_cut in _cuts(shape[1:], most):
            yield (position, *rest_cut)


class _Samples:
    """Adds the rows of a chunk of samples to the sum so far."""

    __slots__ = ("_carried", "_rows", "_total")

    def __init__(self, rows: Floats, total: Floats, *, carried: bool) -> None:
        self._rows, self._total, self._carried = rows, total, carried

    def __call__(self) -> None:
        if self._carried:
            np.copyto(self._rows[0], self._total)
        sum_rows(self._rows if self._carried else self._rows[1:], self._total)


class _Matrices:
    """The sums by ``einsum``, over what each window reads, laid out as a matrix with 0 for the padding.

    The extra products are ±0 where everything is finite, and change no sum but one of products that are all −0. Those
    sums are found at the end, by their zeros; where something is not finite, the products are written out.
    """

    @classmethod
    def made(
        cls, space: Workspace, axes: Sequence[Axis], small: Floats, big: Floats, out: Floats, written: Kernel
    ) -> _Matrices | None:
        """The kernel, or None where einsum has not the right bits or is not worth it."""
        batch, groups, a = small.shape[:3]
        width = big.shape[2] * prod(axis.taps for axis in axes)
        terms = prod(small.shape[3:])
        size = max(1, min(batch, COLUMNS // max(1, groups * terms * width)))
        sizes = {min(size, batch), batch % size or size}
        if width < max(a, NARROW) or not all(worthwhile((one, groups), a, width, terms) for one in sizes):
            return None
        return cls(space, axes, small, big, out, written, size)

    def __init__(
        self,
        space: Workspace,
        axes: Sequence[Axis],
        small: Floats,
        big: Floats,
        out: Floats,
        written: Kernel,
        size: int,
    ) -> None:
        batch, groups, a = small.shape[:3]
        c, count = big.shape[2], len(axes)
        taps, counts = tuple(axis.taps for axis in axes), tuple(axis.count for axis in axes)
        width, terms = c * prod(taps), prod(counts)
        self._axes, self._small, self._big, self._out, self._written = axes, small, big, out, written
        self._finite = np.empty(small.shape, dtype=np.bool_)
        shared = Shared(space)
        total = space.scratch((groups, a, width))
        spatial = tuple(range(3, 3 + count))
        whole = [
            WindowRun(
                positions=range(axis.count), taps=range(axis.taps), base=0, across=axis.stride, along=axis.dilation
            )
            for axis in axes
        ]
        calls: list[Kernel] = []
        for chunk in chunks(batch, size):
            shared.restart()
            number = chunk.stop - chunk.start
            padded = shared.scratch((number, groups, *padded_lengths(axes), c))
            if padded.shape[2:-1] != big.shape[3:]:
                calls.append(copy(padded, 0.0))
            calls.append(copy(padded[:, :, *inside(axes)], big[chunk].transpose(0, 1, *spatial, 2)))
            columns = shared.scratch((number, groups, *counts, *taps, c))
            view = windows(padded, 2, whole)
            order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count), 2 + 2 * count)
            calls.append(copy(columns, view.transpose(order)))
            rows = shared.scratch((number + 1, groups, a, width))
            left = small[chunk].reshape(number, groups, a, terms)
            # A sum of −0 alone may come out as +0.
            right = columns.reshape(number, groups, terms, width)
            calls.append(partial(np.einsum, "abrk,abkc->abrc", left, right, out=rows[1:]))
            calls.append(_Samples(rows, total, carried=chunk.start > 0))
        ordered = total.reshape(groups, a, *taps, c)
        calls.append(copy(out, np.moveaxis(ordered, -1, 2)))
        self._fast = Series(calls)
        self._padded = any(
            axis.before or (axis.count - 1) * axis.stride + (axis.taps - 1) * axis.dilation >= axis.length
            for axis in axes
        )

    def __call__(self) -> None:
        if self._padded:
            np.isfinite(self._small, out=self._finite)
            if not self._finite.all():
                self._written()
                return
        self._fast()
        zeros = self._out == 0.0
        if zeros.any():
            self._restore_signs(zeros)

    def _restore_signs(self, zeros: NDArray[np.bool_]) -> None:
        """Puts −0 where every product is −0, and there is one; a few products at a time, as most have a + soon."""
        shape = (self._small.shape[0], *self._small.shape[3:])
        places = np.nonzero(zeros)
        counted = np.zeros(places[0].shape, dtype=np.bool_)
        start, size = 0, 8
        while counted.size and start < prod(shape):
            stop = min(start + size, prod(shape))
            sample, *position = np.unravel_index(np.arange(start, stop), shape)
            g, a, c, *taps = (axis[:, None] for axis in places)
            inner = np.ones((1, 1), dtype=np.bool_)
            at = []
            for p, tap, axis in zip(position, taps, self._axes, strict=True):
                source = tap * axis.dilation + (p * axis.stride - axis.before)
                found = (source >= 0) & (source < axis.length)
                inner = inner & found
                at.append(np.where(found, source, 0))
            negative = np.signbit(self._small[(sample, g, a, *position)]) ^ np.signbit(self._big[(sample, g, c, *at)])
            keep = (negative | ~inner).all(axis=1)
            counted = (counted | inner.any(axis=1))[keep]
            places = tuple(axis[keep] for axis in places)
            start, size = stop, max(8, min(2 * size, CHUNK // max(1, counted.size)))
        self._out[tuple(axis[counted] for axis in places)] = -0.0
