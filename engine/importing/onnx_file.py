"""An ONNX file, read without the package onnx: the few messages of its format that a network needs.

The format is that of protocol buffers: each field is a number, a kind of wire, and a value. Lengths are checked against
what is there before anything is allocated; what is not known is passed over.

Source: https://github.com/onnx/onnx, onnx/onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.atomic import read_regular
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, visible

MAX_BYTES = 2**30
"""The largest file; protocol buffers end at twice that."""
_MAX_DEPTH = 8
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_STORED: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    4: np.dtype("<u2"),
    5: np.dtype("<i2"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
    9: np.dtype("u1"),
    10: np.dtype("<f2"),
    11: np.dtype("<f8"),
    12: np.dtype("<u4"),
    13: np.dtype("<u8"),
    16: np.dtype("<u2"),
}
"""The types of tensors, by their number; 16 is bfloat16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxNode:
    """An operator of a graph.

    Attributes:
        op: its kind: ``Gemm``.
        name: its name.
        inputs: the names of what it reads; an empty one is left out.
        outputs: the names of what it makes.
        attributes: its settings.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxInput:
    """What a graph is given.

    Attributes:
        name: its name.
        type: the number of its type.
        shape: its shape; None for a length that is not stated.
    """

    name: str
    type: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """A graph.

    Attributes:
        nodes: its operators, each after what it reads.
        weights: its tensors by name.
        inputs: what it is given.
        outputs: the names of what it gives.
    """

    nodes: tuple[OnnxNode, ...]
    weights: dict[str, NDArray[Any]]
    inputs: tuple[OnnxInput, ...]
    outputs: tuple[str, ...]


class _DamagedError(Exception):
    """It is no message of this format."""


def read_onnx(path: Path) -> OnnxGraph:
    """Reads a file.

    Raises:
        EngineError: it is no ONNX file, or it is damaged.
        OSError: it cannot be read.
    """
    content = read_regular(path, MAX_BYTES)
    try:
        fields = dict(_fields(memoryview(content), {7: _BYTES}))
        if 7 not in fields:
            raise _DamagedError(_("it has no graph"))
        return _graph(path, fields[7])
    except (_DamagedError, ValueError, OverflowError, struct.error) as error:
        message = _("{file} is no ONNX file, or it is damaged: {reason}")
        raise EngineError(message.format(file=visible(path.name), reason=visible(str(error)[:200]))) from None


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    found = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _DamagedError(_("it ends too early"))
        byte = data[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at


def _fields(data: memoryview, wanted: dict[int, int], lists: Container[int] = ()) -> Iterator[tuple[int, Any]]:
    """The fields of a message that are wanted, in their order; a field of another kind than it should be is none.

    Args:
        data: the message.
        wanted: the kind of each field that is wanted, by its number.
        lists: fields that are lists of numbers, of which several may be packed into one.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value: Any
            value, at = _varint(data, at)
        elif wire in {_FIXED64, _FIXED32, _BYTES}:
            length = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
            if wire == _BYTES:
                length, at = _varint(data, at)
            if length > len(data) - at:
                raise _DamagedError(_("it ends too early"))
            value, at = data[at : at + length], at + length
        else:
            raise _DamagedError(_("it is no message of protocol buffers"))
        if wire == wanted.get(number) or (wire == _BYTES and number in wanted and number in lists):
            yield number, value


def _text(data: memoryview) -> str:
    return bytes(data[:10_000]).decode("utf-8", "replace")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _packed(value: Any) -> list[int]:
    """Whole numbers: one, or several in one field."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(_signed(one))
    return found


def _floats(value: Any, code: str) -> list[float]:
    return [one[0] for one in struct.iter_unpack(code, value)]


def _graph(path: Path, data: memoryview) -> OnnxGraph:
    nodes: list[OnnxNode] = []
    weights: dict[str, NDArray[Any]] = {}
    inputs: list[OnnxInput] = []
    outputs: list[str] = []
    for number, value in _fields(data, {1: _BYTES, 5: _BYTES, 11: _BYTES, 12: _BYTES}):
        if number == 1:
            nodes.append(_node(path, value))
        elif number == 5:
            name, tensor = _tensor(path, value)
            weights[name] = tensor
        elif number == 11:
            inputs.append(_input(value))
        else:
            outputs.append(_input(value).name)
    left = tuple(one for one in inputs if one.name not in weights)
    return OnnxGraph(nodes=tuple(nodes), weights=weights, inputs=left, outputs=tuple(outputs))


def _node(path: Path, data: memoryview) -> OnnxNode:
    inputs: list[str] = []
    outputs: list[str] = []
    name = op = ""
    attributes: dict[str, Any] = {}
    for number, value in _fields(data, dict.fromkeys((1, 2, 3, 4, 5), _BYTES)):
        if number == 5:
            key, one = _attribute(path, value)
            if one is not None:
                attributes[key] = one
        elif number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 3:
            name = _text(value)
        else:
            op = _text(value)
    return OnnxNode(op=op, name=name, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes)


def _attribute(path: Path, data: memoryview) -> tuple[str, Any]:
    wires = {1: _BYTES, 2: _FIXED32, 3: _VARINT, 4: _BYTES, 5: _BYTES, 7: _FIXED32, 8: _VARINT, 9: _BYTES}
    name = ""
    found: Any = None
    lists: dict[int, list[Any]] = {}
    for number, value in _fields(data, wires, lists={7, 8}):
        if number == 1:
            name = _text(value)
        elif number == 2:
            found = _shortest(_floats(value, "<f")[0])
        elif number == 3:
            found = _signed(value)
        elif number == 4:
            found = _text(value)
        elif number == 5:
            found = _tensor(path, value)[1]
        elif number == 7:
            lists.setdefault(7, []).extend(map(_shortest, _floats(value, "<f")))
        elif number == 8:
            lists.setdefault(8, []).extend(_packed(value))
        elif number == 9:
            lists.setdefault(9, []).append(_text(value))
    return name, found if found is not None else next(iter(lists.values()), None)


def _shortest(value: float) -> float:
    """A setting as it was written: 1e-05 is kept as the float32 next to it."""
    return float(str(np.float32(value)))


def _tensor(path: Path, data: memoryview) -> tuple[str, NDArray[Any]]:
    """A tensor: its name and its numbers."""
    wires = {1: _VARINT, 2: _VARINT, 4: _FIXED32, 5: _VARINT, 7: _VARINT, 8: _BYTES, 9: _BYTES, 10: _FIXED64}
    dims: list[int] = []
    kind, name, raw = 0, "", None
    listed: list[Any] = []
    for number, value in _fields(data, {**wires, 13: _BYTES, 14: _VARINT}, lists={1, 4, 5, 7, 10}):
        if number == 1:
            dims += _packed(value)
        elif number == 2:
            kind = value
        elif number in {4, 10}:
            listed += _floats(value, "<f" if number == 4 else "<d")
        elif number in {5, 7}:
            listed += _packed(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = value
        elif number == 13 or value == 1:
            message = _("{file}: the numbers of its tensors are in other files; save it in one")
            raise EngineError(message.format(file=visible(path.name)))
    stored = _STORED.get(kind)
    if stored is None or len(dims) > _MAX_DEPTH or any(one < 0 for one in dims):
        raise _DamagedError(_("tensor {name} is of a type that is not read").format(name=name))
    size = prod(dims)
    if raw is None:
        if len(listed) != size:
            raise _DamagedError(_("tensor {name} is cut off").format(name=name))
        return name, np.array(listed, dtype=np.float64 if kind in {1, 11} else np.int64).reshape(dims)
    if len(raw) != size * stored.itemsize:
        raise _DamagedError(_("tensor {name} is cut off").format(name=name))
    numbers = np.frombuffer(raw, dtype=stored).reshape(dims)
    if kind == 16:
        numbers = (numbers.astype("<u4") << 16).view("<f4")
    return name, numbers.astype(np.float64) if kind in {1, 10, 11, 16} else numbers.astype(np.int64)


def _input(data: memoryview) -> OnnxInput:
    """The name, the type and the shape of an input."""
    name, kind = "", 0
    shape: list[int | None] = []
    for number, value in _fields(data, {1: _BYTES, 2: _BYTES}):
        if number == 1:
            name = _text(value)
            continue
        for _number, tensor in _fields(value, {1: _BYTES}):
            for part, one in _fields(tensor, {1: _VARINT, 2: _BYTES}):
                if part == 1:
                    kind = one
                    continue
                for _dim, dim in _fields(one, {1: _BYTES}):
                    lengths = [length for _key, length in _fields(dim, {1: _VARINT})]
                    shape.append(lengths[0] if lengths else None)
    return OnnxInput(name=name, type=kind, shape=tuple(shape))
