"""Reading the file of a recording: a ZIP of two stored entries, never pickled, mapped into memory."""

from __future__ import annotations

import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.again import (
    MAX_DEPTH,
    MAX_GROWTH,
    Makers,
    Numbers,
    UnfitError,
    covers,
    makers_of,
    nudges_length,
    numbers_of,
    operands_of,
    variants,
)
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.form import (
    DTYPES,
    MAX_STEP,
    STEP,
    VALUES,
    Call,
    Result,
    StepFile,
    Value,
    Window,
    as_float64,
    product,
)
from retrograde.engine.recording.window import is_dense
from retrograde.engine.text import _, visible
from retrograde.engine.within import require_readable

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
    ValueError,
    OverflowError,
    IndexError,
)
"""What the ZIP reader of the standard library raises for a file that is not as it should be."""
_HEADER = struct.Struct("<4s5H3L2H")


class RecordingFile:
    """An open recording: its records, and its arrays as they are asked for.

    Attributes:
        path: where it is.
        step: the records.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checked: set[int] = set()
        require_readable(path)
        try:
            with path.open("rb") as file:
                self.step, start, self._size = _read(file, path)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except _DAMAGED as error:
            raise _wrong(path, str(error) or type(error).__name__) from None
        self._start = start
        for number, value in enumerate(self.step.values):
            _check_value(path, number, value, self._size)
        _check_overlap(path, self.step.values)
        _check_calls(path, self.step)
        makers = makers_of(self.step.calls)
        _check_again(path, self.step, makers, self._size)
        self._numbers = Numbers(self.step.values, makers, self.raw, self._nudges)

    def raw(self, number: int) -> NDArray[Any]:
        """The numbers of a value as they were recorded, a read-only view of the file.

        Raises:
            EngineError: they are not in the file, or it is damaged there.
        """
        value = self.step.values[number]
        if value.again is not None:
            try:
                return self._numbers.of(number)
            except UnfitError:
                raise _wrong(self.path, _("the numbers of {name} have changed").format(name=value.name)) from None
        if value.offset is None:
            message = _("the numbers of {name} are not in {path}: {reason}")
            reason = value.reason or _("they were left out")
            raise EngineError(message.format(name=value.name, path=visible(str(self.path)), reason=reason))
        kind = DTYPES[value.dtype]
        begin = self._start + value.offset
        if number not in self._checked:
            length = value.size * kind.stored.itemsize
            if zlib.crc32(memoryview(self._map)[begin : begin + length]) != value.crc:
                raise _wrong(self.path, _("the numbers of {name} have changed").format(name=value.name))
            self._checked.add(number)
        found = np.frombuffer(self._map, dtype=kind.stored, count=value.size, offset=begin)
        return found.reshape(value.shape)

    def _nudges(self, number: int) -> NDArray[Any] | None:
        """The nudges of a value that is made again."""
        value = self.step.values[number]
        if value.offset is None:
            return None
        return np.frombuffer(self._map, np.uint8, nudges_length(value.size), self._start + value.offset)

    def floats(self, number: int) -> NDArray[np.float64]:
        """The numbers of a value as float64."""
        return as_float64(self.raw(number), self.step.values[number].dtype)


def _wrong(path: Path, reason: str) -> EngineError:
    message = _("{path}: this is not a recording, or it is damaged: {reason}")
    return EngineError(message.format(path=visible(str(path)), reason=visible(reason.splitlines()[0])[:300]))


def _read(file: IO[bytes], path: Path) -> tuple[StepFile, int, int]:
    """The records, and where the numbers are in the file: their start and how many bytes.

    Raises:
        EngineError: it is no recording.
    """
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sorted(entries) != sorted((STEP, VALUES)) or len(archive.infolist()) != 2:
            raise _wrong(path, _("it should hold {step} and {values}").format(step=STEP, values=VALUES))
        length = os.fstat(file.fileno()).st_size
        for entry in entries.values():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise _wrong(path, _("{name} is compressed").format(name=entry.filename))
            if entry.file_size > length or entry.header_offset > length:
                raise _wrong(path, _("it ends too early"))
        if entries[STEP].file_size > MAX_STEP:
            raise _wrong(path, _("{name} is too large").format(name=STEP))
        text = archive.read(STEP)
        numbers = entries[VALUES]
        file.seek(numbers.header_offset)
        header = file.read(_HEADER.size)
        magic, *_rest, name, extra = _HEADER.unpack(header)
        if magic != b"PK\x03\x04" or file.read(name) != VALUES.encode():
            raise _wrong(path, _("{name} is not where it should be").format(name=VALUES))
        start = numbers.header_offset + _HEADER.size + name + extra
        if start + numbers.file_size > length:
            raise _wrong(path, _("it ends too early"))
    try:
        step = StepFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or STEP
        raise _wrong(path, f"{STEP}: {place}: {first['msg']}") from None
    return step, start, numbers.file_size


def _check_value(path: Path, number: int, value: Value, size: int) -> None:
    """Refuses a value that does not fit: before anything is allocated for it."""
    where = f"{STEP}: values.{number}"
    if len(value.strides) != len(value.shape):
        raise _wrong(path, _("{where}: as many strides as axes are needed").format(where=where))
    if value.offset is None:
        return
    if value.dtype not in DTYPES:
        raise _wrong(path, _("{where}: there is no type {dtype}").format(where=where, dtype=value.dtype))
    if value.offset + _length(value) > size:
        raise _wrong(path, _("{where}: it reaches past the end of {values}").format(where=where, values=VALUES))
    if not is_dense(value.shape, value.strides):
        raise _wrong(path, _("{where}: its strides do not fit its shape").format(where=where))


def _length(value: Value) -> int:
    """How many bytes of a value are in the file."""
    return value.size * DTYPES[value.dtype].stored.itemsize if value.again is None else nudges_length(value.size)


def _check_overlap(path: Path, values: Sequence[Value]) -> None:
    """Refuses values that lie on one another."""
    ranges = sorted((value.offset, value.offset + _length(value)) for value in values if value.offset is not None)
    for (_start, stop), (start, end) in pairwise(one for one in ranges if one[1] > one[0]):
        if start < stop and end > start:
            raise _wrong(path, _("two values lie on one another"))


def _check_calls(path: Path, step: StepFile) -> None:
    """Refuses records that refer to what is not there, or to more than is there."""
    names = [value.name for value in step.values]
    if len(set(names)) != len(names):
        raise _wrong(path, _("two values have one name"))
    made: set[int] = set()
    for number, call in enumerate(step.calls):
        where = f"{STEP}: calls.{number}"
        if call.source is not None and call.source >= len(step.sources):
            raise _wrong(path, _("{where}: there is no such line of code").format(where=where))
        if call.forward is not None and call.forward >= len(step.calls):
            raise _wrong(path, _("{where}: there is no such op").format(where=where))
        for window in _windows(list(call.arguments.values())):
            _check_window(path, where, window, step.values)
        for result in call.results:
            _check_window(path, where, result.to, step.values)
            if result.to.value in made or (result.old is not None and result.old >= len(step.values)):
                raise _wrong(path, _("{where}: its results do not fit").format(where=where))
            if result.old is not None and step.values[result.old].shape != step.values[result.to.value].shape:
                raise _wrong(path, _("{where}: its results do not fit").format(where=where))
            made.add(result.to.value)


def _check_again(path: Path, step: StepFile, makers: Makers, size: int) -> None:
    """Refuses values that nothing makes again, that would need themselves, or that are far too large."""
    depths: list[int] = []
    for number, value in enumerate(step.values):
        depth, found = 0, makers.get(number)
        if value.again is not None:
            fits = found is not None and _makes_again(step, number, *found)
            if not fits or found is None:
                raise _wrong(path, _("{where}: no op makes it again").format(where=f"{STEP}: values.{number}"))
            read = numbers_of(list(operands_of(*found).values()))
            depth = 1 + max((depths[one] for one in read if one < number), default=0)
            if depth > MAX_DEPTH or value.size * DTYPES[value.dtype].stored.itemsize > MAX_GROWTH * size:
                raise _wrong(path, _("{where}: it is too large").format(where=f"{STEP}: values.{number}"))
        depths.append(depth)


def _makes_again(step: StepFile, number: int, call: Call, result: Result) -> bool:
    """Whether an op can make a value again: of values that are stored, or were there before it."""
    value = step.values[number]
    ways = variants(base_name(call.op), value.dtype)
    if value.again not in ways or result.position or result.old is not None or not covers(value, result.to):
        return False
    read = {one: step.values[one] for one in numbers_of(list(operands_of(call, result).values()))}
    return all(one.held and (place < number or one.again is None) for place, one in read.items())


def _windows(arguments: Sequence[Any]) -> list[Window]:
    found: list[Window] = []
    for one in arguments:
        if isinstance(one, Window):
            found.append(one)
        elif isinstance(one, list):
            found += _windows(one)
    return found


def _check_window(path: Path, where: str, window: Window, values: Sequence[Value]) -> None:
    fits = window.value < len(values) and len(window.shape) == len(window.strides)
    if fits and product(window.shape):
        last = window.offset + sum((n - 1) * s for n, s in zip(window.shape, window.strides, strict=True))
        fits = last < values[window.value].size
    if not fits:
        raise _wrong(path, _("{where}: a tensor reaches past its memory").format(where=where))
