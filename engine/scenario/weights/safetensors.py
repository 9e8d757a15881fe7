"""The safetensors format: the length of a header, the header in JSON, and the numbers one after the other.

Source: https://github.com/huggingface/safetensors, "Format". A reader is as strict as that asks for: numbers neither
overlap nor leave gaps, and every length is checked before anything of it is allocated.
"""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.weights.tensors import Tensor, damaged
from retrograde.engine.text import _

MAX_HEADER = 100_000_000
"""The longest header, as in the reference reader."""
MAX_AXES = 32
_METADATA = "__metadata__"
_LENGTH = struct.Struct("<Q")

DTYPES: Mapping[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("u1"),
}
"""The types whose numbers can be read; a file may hold others besides."""
_SIZES: Mapping[str, int] = {"F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8}


def safe_tensors(path: Path) -> dict[str, Tensor]:
    """What is in a safetensors file.

    Raises:
        EngineError: it is none, or damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path, _("this is not a file"))
        size = status.st_size
        begin = file.read(_LENGTH.size)
        if len(begin) < _LENGTH.size:
            raise damaged(path, _("it ends too early"))
        (length,) = _LENGTH.unpack(begin)
        if length > MAX_HEADER or _LENGTH.size + length > size:
            raise damaged(path, _("its header would have {length} bytes").format(length=f"{length:,}"))
        header = _header(path, file.read(length))
    start = _LENGTH.size + length
    found: dict[str, Tensor] = {}
    places: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        if name == _METADATA:
            continue
        dtype, shape, first, last = _entry(path, name, entry)
        places.append((first, last, name))
        found[name] = Tensor(dtype=dtype, shape=shape, read=partial(_read, path, name, dtype, shape, start + first))
    end = 0
    for first, last, name in sorted(places):
        if first != end:
            raise damaged(path, _("{name}: its numbers overlap with others, or leave a gap").format(name=name))
        end = last
    if start + end != size:
        message = _("it has {found} bytes of numbers; its header says {wanted}")
        raise damaged(path, message.format(found=f"{size - start:,}", wanted=f"{end:,}"))
    return found


def _header(path: Path, text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError(_("a name stands twice in its header"))
        return found

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(header, dict):
        raise damaged(path, _("its header is no table"))
    return header


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """The type, the shape and the place of an array, as its header states them."""
    problem = damaged(path, _("the header of {name} is not as it should be").format(name=name[:100]))
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise problem
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise problem
    if len(offsets) != 2 or len(shape) > MAX_AXES or not all(map(_whole, [*shape, *offsets])):
        raise problem
    first, last = offsets
    width = DTYPES[dtype].itemsize if dtype in DTYPES else _SIZES.get(dtype)
    if first > last or (width is not None and last - first != prod(shape) * width):
        message = _("{name}: {bytes} bytes do not hold {dtype} numbers of the shape {shape}")
        text = message.format(name=name[:100], bytes=f"{last - first:,}", dtype=dtype[:20], shape=shape)
        raise damaged(path, text)
    return dtype, tuple(shape), first, last


def _read(path: Path, name: str, dtype: str, shape: tuple[int, ...], start: int) -> NDArray[np.float64]:
    """The numbers of an array as float64, which holds each exactly (whole numbers up to 2⁵³)."""
    kind = DTYPES.get(dtype)
    if kind is None:
        message = _("{file}: {name} holds numbers of the type {dtype}, which are not read; there are: {known}")
        raise EngineError(message.format(file=path.name, name=name, dtype=dtype, known=", ".join(DTYPES)))
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(prod(shape) * kind.itemsize)
    if len(content) < prod(shape) * kind.itemsize:
        raise damaged(path, _("it ends too early"))
    raw = np.frombuffer(content, dtype=kind).reshape(shape)
    if dtype == "BF16":
        return (raw.astype("<u4") << 16).view("<f4").astype(np.float64)
    return raw.astype(np.float64)


def safe_bytes(tensors: Mapping[str, NDArray[np.float64]]) -> bytes:
    """A safetensors file of arrays in float64."""
    header: dict[str, Any] = {_METADATA: {"format": "pt"}}
    done = 0
    for name, values in tensors.items():
        last = done + 8 * values.size
        header[name] = {"dtype": "F64", "shape": list(values.shape), "data_offsets": [done, last]}
        done = last
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pieces = [np.ascontiguousarray(values, dtype="<f8").tobytes() for values in tensors.values()]
    return b"".join([_LENGTH.pack(len(text)), text, *pieces])
