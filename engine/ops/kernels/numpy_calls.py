"""How kernels are put together: single calls of NumPy, calls in a row, and scratch memory that they take turns with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Index
from retrograde.engine.ops.base import Kernel, Workspace


def copy(to: Floats, what: Any) -> Kernel:
    """A kernel that copies values, or one number, into memory; values may be the same for all samples."""
    return partial(np.copyto, to, what)


def add(left: Floats, right: Floats, out: Floats) -> Kernel:
    """A kernel for out = left + right, element by element.

    Args:
        left: a term.
        right: the other one.
        out: gets the sum; may be one of them.
    """
    return partial(np.add, left, right, out=out)


def multiply(left: Floats, right: Floats, out: Floats) -> Kernel:
    """A kernel for out = left · right, element by element.

    Args:
        left: a factor.
        right: the other one.
        out: gets the product.
    """
    return partial(np.multiply, left, right, out=out)


def divide(what: Floats, by: Floats | float, out: Floats) -> Kernel:
    """A kernel for out = what / by, element by element.

    Args:
        what: the numerator.
        by: the denominator, which may be the same for all samples.
        out: gets the quotient; may be the numerator.
    """
    return partial(np.divide, what, by, out=out)


def matmul(left: Floats, right: Floats, out: Floats) -> Kernel:
    """A kernel for the product of matrices, or of stacks of them, by BLAS.

    Args:
        left: (..., rows, terms).
        right: (..., terms, columns).
        out: (..., rows, columns), gets the product.
    """
    return partial(np.matmul, left, right, out=out)


def add_rows(rows: Floats, out: Floats) -> Kernel:
    """A kernel that adds rows from the first to the last; see ``sum_rows``, whose way is chosen here once."""
    return (
        partial(sum_rows, rows, out) if out.size == 1 else partial(np.add.reduce, rows, axis=0, out=out, initial=-0.0)
    )


class Series:
    """Kernels that run one after the other; a series among them is taken apart, so that its calls are direct."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Iterable[Kernel]) -> None:
        self._calls: tuple[Kernel, ...] = tuple(
            single for call in calls for single in (call._calls if isinstance(call, Series) else (call,))
        )

    def __call__(self) -> None:
        for call in self._calls:
            call()


class Shared:
    """A workspace whose scratch memory is given out again after ``restart``: for parts of an op that run in turn."""

    def __init__(self, space: Workspace) -> None:
        self.batch = space.batch
        self._space = space
        self._blocks: list[Floats] = []
        self._taken = 0

    @property
    def blas(self) -> bool:
        """Whether products of matrices may go to BLAS; asked for by those alone that make one."""
        return self._space.blas

    def restart(self) -> None:
        """Ends the use of all scratch memory so far."""
        self._taken = 0

    def view(self, array: Array) -> Floats:
        """The memory of an array."""
        return self._space.view(array)

    def scratch(self, shape: tuple[int, ...]) -> Floats:
        """Memory that is valid until the next ``restart``; C-contiguous."""
        size = prod(shape)
        while self._taken < len(self._blocks):
            block = self._blocks[self._taken]
            self._taken += 1
            if block.size >= size:
                return block[:size].reshape(shape)
        block = self._space.scratch((size,))
        self._blocks.append(block)
        self._taken += 1
        return block.reshape(shape)

    def kept(self, key: Hashable, shape: tuple[int, ...]) -> tuple[Floats, bool]:
        """Memory that stays valid through the iteration."""
        return self._space.kept(key, shape)

    def compile(self, expr: Expr, mesh: Index, out: Floats) -> Callable[[], None]:
        """A kernel made from an equation."""
        return self._space.compile(expr, mesh, out)
