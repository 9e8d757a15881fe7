"""Reading and writing the file of a recording: a ZIP of two stored entries, never pickled, mapped into memory."""

from __future__ import annotations

import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.form import (
    ALIGNMENT,
    DTYPES,
    MAX_STEP,
    STEP,
    VALUES,
    StepFile,
    Value,
    Window,
    as_float64,
    product,
)
from retrograde.engine.text import _, visible

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
        try:
            with path.open("rb") as file:
                self.step, start, self._size = _read(file, path)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except _DAMAGED as error:
            raise _wrong(path, str(error) or type(error).__name__) from None
        self._start = start
        for number, value in enumerate(self.step.values):
            _check_value(path, number, value, self._size)
        _check_calls(path, self.step)

    def raw(self, number: int) -> NDArray[Any]:
        """The numbers of a value as they were recorded, a read-only view of the file.

        Raises:
            EngineError: they are not in the file, or it is damaged there.
        """
        value = self.step.values[number]
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
    if value.offset + value.size * DTYPES[value.dtype].stored.itemsize > size:
        raise _wrong(path, _("{where}: it reaches past the end of {values}").format(where=where, values=VALUES))
    if not _is_dense(value.shape, value.strides):
        raise _wrong(path, _("{where}: its strides do not fit its shape").format(where=where))


def _is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements fill a piece of memory without gaps, whatever the order of the axes."""
    if 0 in shape:
        return True
    expected = 1
    for stride, length in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= length
    return True


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


def write_recording(path: Path, step: StepFile, numbers: IO[bytes], pieces: Sequence[tuple[int, int]]) -> None:
    """Writes a recording whole: beside the target, then renamed.

    Args:
        path: where to.
        step: the records; the offsets of their values are those that the pieces get, one after the other, aligned.
        numbers: where the numbers are.
        pieces: where each array begins in ``numbers``, and how many bytes.

    Raises:
        EngineError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                _write_entries(file, archive, step, numbers, pieces)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        message = _("cannot be written: {reason}: {path}")
        raise EngineError(message.format(path=path, reason=error.strerror or error)) from None


def _write_entries(
    file: IO[bytes],
    archive: zipfile.ZipFile,
    step: StepFile,
    numbers: IO[bytes],
    pieces: Sequence[tuple[int, int]],
) -> None:
    entry = zipfile.ZipInfo(VALUES)
    # The numbers begin at an aligned place: the extra field of the header fills up, beside the 20 bytes of ZIP64.
    before = file.tell() + _HEADER.size + len(VALUES) + 20
    fill = -(before + 4) % ALIGNMENT
    entry.extra = struct.pack("<HH", 0x5247, fill) + bytes(fill)
    with archive.open(entry, "w", force_zip64=True) as target:
        done = 0
        for begin, length in pieces:
            gap = -done % ALIGNMENT
            target.write(bytes(gap))
            numbers.seek(begin)
            left = length
            while left:
                block = numbers.read(min(left, 2**22))
                target.write(block)
                left -= len(block)
            done += gap + length
    archive.writestr(zipfile.ZipInfo(STEP), step.model_dump_json(exclude_defaults=True))


def laid_out(lengths: Sequence[int]) -> list[int]:
    """Where arrays of so many bytes begin when they are written one after the other, aligned."""
    found, done = [], 0
    for length in lengths:
        done += -done % ALIGNMENT
        found.append(done)
        done += length
    return found
