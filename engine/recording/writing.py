"""Writing the file of a recording: its numbers as they come, its records at the end, renamed when it is whole."""

from __future__ import annotations

import functools
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.form import ALIGNMENT, STEP, VALUES, StepFile
from retrograde.engine.text import _

_HEADER = 30
"""Bytes of the header of an entry of a ZIP, before its name."""
_ZIP64 = 20
"""Bytes of its ZIP64 field."""
_POLYNOMIAL = 0xEDB88320
_SMALL = 4096
"""Bytes up to which numbers are copied, to be written with others, and a checksum is taken twice."""
_WAITING = 2**20
"""So many bytes of such numbers wait at most."""
_GAPS = [bytes(length) for length in range(ALIGNMENT)]


class Piece(NamedTuple):
    """Where an array lies.

    Attributes:
        offset: where it begins in the numbers.
        length: how many bytes.
        crc: their CRC-32.
    """

    offset: int
    length: int
    crc: int


class RecordingWriter:
    """A recording in the making: beside the target, until it is whole."""

    def __init__(self, path: Path) -> None:
        """Begins it.

        Raises:
            OSError: it cannot be written.
        """
        self._path = path
        self._temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.{id(self):x}.tmp")
        self._file = self._temporary.open("w+b", buffering=0)
        self._entry = zipfile.ZipInfo(VALUES)
        # The numbers begin at an aligned place: the extra field of the header fills up.
        fill = -(_HEADER + len(VALUES) + _ZIP64 + 4) % ALIGNMENT
        self._entry.extra = struct.pack("<HH", 0x5247, fill) + bytes(fill)
        self._entry.CRC = self._entry.header_offset = 0
        self._waiting = bytearray()
        self._crc = 0
        self.length = 0
        header = self._entry.FileHeader(zip64=True)
        self._start = len(header)
        self._put(memoryview(header))

    def add(self, data: Any) -> Piece:
        """Appends the numbers of an array, aligned.

        Raises:
            OSError: they cannot be written.
        """
        view = memoryview(data)
        length, crc, waiting = view.nbytes, zlib.crc32(view), self._waiting
        gap = -self.length % ALIGNMENT
        if gap:
            waiting += _GAPS[gap]
        offset = self.length + gap
        self.length = offset + length
        if length < _SMALL:
            if length:
                waiting += view.cast("B")
            if len(waiting) > _WAITING:
                self._write()
        else:
            self._write()
            self._crc = _joined(self._crc, crc, length)
            self._put(view.cast("B"))
        return Piece(offset, length, crc)

    def _write(self) -> None:
        """Writes what waits."""
        self._crc = zlib.crc32(self._waiting, self._crc)
        self._put(memoryview(self._waiting))
        self._waiting = bytearray()

    def _put(self, block: memoryview) -> None:
        done = 0
        while done < len(block):
            # The system may take less than all of it.
            done += self._file.write(block[done:] if done else block) or 0

    def read(self, piece: Piece) -> bytes:
        """The numbers of an array again."""
        self._write()
        self._file.seek(self._start + piece.offset)
        found = b""
        while len(found) < piece.length and (more := self._file.read(piece.length - len(found))):
            found += more
        self._file.seek(0, os.SEEK_END)
        return found

    def finish(self, step: StepFile | bytes) -> None:
        """Writes the records, as they are or as the text of `step.json`, and puts the file in its place.

        Raises:
            EngineError: it cannot be written.
        """
        text = step if isinstance(step, bytes) else step.model_dump_json(exclude_defaults=True)
        try:
            try:
                self._write()
                self._entry.CRC, self._entry.file_size = self._crc, self.length
                self._entry.compress_size = self.length
                with io.BufferedRandom(self._file) as file:
                    file.seek(0)
                    file.write(self._entry.FileHeader(zip64=True))
                    file.seek(0, os.SEEK_END)
                    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                        archive.filelist.append(self._entry)
                        archive.NameToInfo[VALUES] = self._entry
                        archive.writestr(zipfile.ZipInfo(STEP), text)
                self._temporary.replace(self._path)
            finally:
                self.abandon()
        except OSError as error:
            message = _("cannot be written: {reason}: {path}")
            raise EngineError(message.format(path=self._path, reason=error.strerror or error)) from None

    def abandon(self) -> None:
        """Takes away what was not finished."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def laid_out(lengths: Sequence[int]) -> list[int]:
    """Where arrays of so many bytes begin when they are written one after the other, aligned."""
    found, done = [], 0
    for length in lengths:
        done += -done % ALIGNMENT
        found.append(done)
        done += length
    return found


def _joined(first: int, second: int, length: int) -> int:
    """The CRC-32 of two pieces, from those of each and the length of the second.

    The first is carried over the second: multiplied by x^(8·length), modulo the polynomial.
    """
    for products in _products(length):
        second ^= products[first & 15]
        first >>= 4
    return second


@functools.lru_cache(maxsize=1024)
def _products(length: int) -> list[list[int]]:
    """The products of x^(8·length) with each value of each four bits, the lowest first."""
    bits = [_power(length)]
    for _bit in range(31):
        bits.append(_shifted(bits[-1]))
    found = []
    for least in range(31, 0, -4):
        products = [0]
        for bit in range(4):
            products += [one ^ bits[least - bit] for one in products]
        found.append(products)
    return found


def _shifted(one: int) -> int:
    """A polynomial over GF(2) times x, bits reflected, modulo that of the CRC-32."""
    return (one >> 1) ^ _POLYNOMIAL if one & 1 else one >> 1


def _times(left: int, right: int) -> int:
    """A product of such polynomials."""
    found, bit = 0, 1 << 31
    while left:
        if left & bit:
            found ^= right
            left ^= bit
        bit >>= 1
        right = _shifted(right)
    return found


def _power(length: int) -> int:
    """x^(8·length)."""
    found, square, left = 1 << 31, 1 << 30, 8 * length
    while left:
        if left & 1:
            found = _times(square, found)
        square = _times(square, square)
        left >>= 1
    return found
