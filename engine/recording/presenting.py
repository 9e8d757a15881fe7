"""Gradients and new values in the shape of their parameter, where the tensor that holds them has another one.

A parameter's gradient is often a view: of a row (1, 5) for a bias (5,), of a product (in, out) for a weight (out, in).
The views that ops take of it say which element belongs to which of the parameter: the array is shown in that shape,
so that ``grad(w)[2,1]`` is ∂E/∂w[2,1].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.recording.form import Call, Value, Window
from retrograde.engine.recording.window import packed


def presented(values: Sequence[Value], calls: Sequence[Call]) -> list[Value]:
    """The values, those of parameters in their parameter's shape; one that can not be is no longer of the parameter.

    Args:
        values: the values as they are in the file.
        calls: the ops, whose views tell.
    """
    shapes = {value.name: value.shape for value in values if value.kind in {"parameter", "buffer"}}
    wanted = {
        number: shapes[value.of]
        for number, value in enumerate(values)
        if value.of in shapes and value.name.startswith(("grad(", "new(")) and value.size == _size(shapes[value.of])
    }
    found: dict[int, tuple[int, ...]] = {}
    for call in reversed(calls):
        for window in windows_of(call):
            shape = wanted.get(window.value)
            if shape == window.shape and not window.offset and is_dense(window.shape, window.strides):
                found.setdefault(window.value, window.strides)
    made = list(values)
    for number, shape in wanted.items():
        value = values[number]
        strides = found.get(number)
        if strides is None and _squeezed(value.shape) == _squeezed(shape) and value.strides == packed(value.shape):
            strides = packed(shape)
        if strides is not None:
            made[number] = value.model_copy(update={"shape": shape, "strides": strides})
        elif value.shape != shape:
            made[number] = value.model_copy(update={"name": f"{value.name}~0", "of": None})
    return made


def in_shape(numbers: NDArray[Any], stored: Value, shown: Value) -> NDArray[Any]:
    """The numbers of a value in the shape in which it is shown.

    Args:
        numbers: the numbers in the shape of the file.
        stored: the value as it is in the file.
        shown: the value as it is shown: another view of the same memory.
    """
    if stored.shape == shown.shape and stored.strides == shown.strides:
        return numbers
    memory = np.ravel(numbers)
    if stored.strides != packed(stored.shape):
        memory = np.empty_like(memory)
        size = memory.itemsize
        view = np.lib.stride_tricks.as_strided(memory, stored.shape, [stride * size for stride in stored.strides])
        view[...] = numbers
    strides = [stride * memory.itemsize for stride in shown.strides]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(memory, shown.shape, strides))


def windows_of(call: Call) -> Iterator[Window]:
    """The tensors that an op takes and makes."""
    for one in call.arguments.values():
        parts = one if isinstance(one, list) else [one]
        yield from (part for part in parts if isinstance(part, Window))
    yield from (result.to for result in call.results)


def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether a view shows each element of a piece of memory once."""
    expected = 1
    for stride, length in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= length
    return True


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
