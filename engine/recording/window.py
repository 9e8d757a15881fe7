"""From an element of a tensor to the slot that holds it: views are no steps, they are read straight through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Index, Ref
from retrograde.engine.recording.form import Window


def packed(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array that is laid out row by row."""
    found: list[int] = []
    step = 1
    for length in reversed(shape):
        found.append(step)
        step *= max(length, 1)
    return tuple(reversed(found))


class Tensor:
    """A tensor: a window on the memory of an array.

    Attributes:
        array: the array.
        shape: the tensor's shape.
        dtype: its type.
        window: where it lies.
    """

    __slots__ = ("_memory", "_same", "array", "dtype", "shape", "window")

    def __init__(self, array: Array, memory: tuple[int, ...], window: Window, dtype: str) -> None:
        self.array = array
        self.shape = window.shape
        self.dtype = dtype
        self._memory = memory
        self.window = window
        self._same = is_whole(array.shape, memory, window)

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        found = 1
        for length in self.shape:
            found *= length
        return found

    def at(self, *index: Any) -> Ref:
        """The slot of an element; of many with arrays of integers."""
        if self._same:
            return Ref(self.array, index)
        return Ref(self.array, self._of_position(self._position(index)))

    def row(self, *index: int) -> list[Ref]:
        """The slots along the last axis."""
        count = self.shape[-1]
        if self._same:
            return [Ref(self.array, (*index, place)) for place in range(count)]
        positions = self._position((*index, 0)) + np.arange(count) * self.window.strides[-1]
        axes = [np.broadcast_to(axis, count).tolist() for axis in self._of_position(positions)]
        return [Ref(self.array, found) for found in zip(*axes, strict=True)]

    def spread(self, index: Index) -> Ref:
        """The slot that an element of a larger shape reads: axes of length 1 and those that are missing repeat."""
        own = index[len(index) - self.rank :]
        return self.at(*(i * 0 if n == 1 else i for i, n in zip(own, self.shape, strict=True)))

    def flat(self, number: Any) -> Ref:
        """The slot of an element that is counted row by row."""
        return self.at(*unflattened(number, self.shape))

    def position(self, index: Index) -> Any:
        """Where an element of the array is in its memory."""
        return sum((i * s for i, s in zip(index, self._memory, strict=True)), 0)

    def element(self, index: Index) -> Index:
        """The element of the tensor that is at an element of the array, of a tensor that shows all of the array."""
        return index if self._same else self._divided(self.position(index) - self.window.offset)[0]

    def inverse(self, index: Index) -> Index | None:
        """The same of any tensor; None where it does not show that element. For single elements only."""
        if self._same:
            return index
        position = self.position(index) - self.window.offset
        found, rest = self._divided(position)
        inside = all(0 <= i < n for i, n in zip(found, self.shape, strict=True))
        return found if inside and rest == 0 and position >= 0 else None

    def _divided(self, position: Any) -> tuple[Index, Any]:
        """The index that a position in the window's memory means, and what is left over."""
        found = [position * 0] * self.rank
        axes = [axis for axis in range(self.rank) if self.shape[axis] != 1 and self.window.strides[axis]]
        for axis in sorted(axes, key=lambda axis: -self.window.strides[axis]):
            found[axis], position = divmod(position, self.window.strides[axis])
        return tuple(found), position

    def _position(self, index: Sequence[Any]) -> Any:
        return sum((i * s for i, s in zip(index, self.window.strides, strict=True)), self.window.offset)

    def _of_position(self, position: Any) -> Index:
        return tuple(
            (position // stride) % length if length > 1 else position * 0
            for length, stride in zip(self.array.shape, self._memory, strict=True)
        )

    @property
    def whole(self) -> bool:
        """Whether the tensor is the array as it stands."""
        return self._same


def is_whole(shape: tuple[int, ...], memory: tuple[int, ...], window: Window) -> bool:
    """Whether a window shows all of an array, as it stands."""
    if window.shape != shape or window.offset:
        return False
    return all(n == 1 or s == m for n, s, m in zip(shape, window.strides, memory, strict=True))


def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements fill a piece of memory without gaps, whatever the order of the axes."""
    if 0 in shape:
        return True
    expected = 1
    for stride, length in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= length
    return True


def unflattened(number: Any, shape: Sequence[int]) -> tuple[Any, ...]:
    """The index at a position counted row by row; of many with an array of positions."""
    found = [
        (number // stride) % length if length > 1 else number * 0
        for length, stride in zip(shape, packed(shape), strict=True)
    ]
    return tuple(found)


def flattened(index: Sequence[Any], shape: Sequence[int]) -> Any:
    """The position, counted row by row, of an index."""
    return sum((i * s for i, s in zip(index, packed(shape), strict=True)), 0)
