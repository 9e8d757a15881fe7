"""Files of text: opened in their encoding, decompressed, with line ends of one kind, and no further than a limit."""

from __future__ import annotations

import codecs
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.picking import too_large
from retrograde.engine.text import N_, _

_HEAD = 2**16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Bounded(io.RawIOBase):
    """The bytes of a file; more than the limit, or nothing but blanks for long, is an error."""

    def __init__(self, stream: IO[bytes], shown: str) -> None:
        self._stream = stream
        self._shown = shown
        self._read = self._blank = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        content = self._stream.read(min(len(view), limits.MAX_DATA_BYTES + 1))
        self._read += len(content)
        if self._read > limits.MAX_DATA_BYTES:
            raise ScenarioError([too_large(self._shown)])
        self._blank = 0 if content.strip(b" \t\r\n\0") else self._blank + len(content)
        if self._blank >= limits.MAX_BLANK:
            message = _("more than {limit} KiB of nothing but blanks and line ends")
            text = message.format(limit=limits.MAX_BLANK // 2**10)
            raise ScenarioError([Problem(path=self._shown, key="data.file", message=text)])
        view[: len(content)] = content
        return len(content)


_STRANGERS = {
    b"(?:PK\x03\x04|\xd0\xcf\x11\xe0)": N_("it is a workbook or an archive; save the sheet as CSV"),
    rb"\s*<(?:!doctype|html|\?xml|table)": N_("it is a web page or XML, no table"),
    rb"""\s*[\[{]\s*["'\[{]""": N_("it is JSON, no table; write a line for each sample"),
    b"%PDF-": N_("it is a PDF, no table"),
}
_HANZI = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")
_CHINESE = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xa3\xb0-\xf7][\xa1-\xfe])*")


def stranger(path: Path) -> str:
    """Return what a file is instead of a table, from its first bytes; empty where it may be one.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as stream:
        head = stream.read(_HEAD)
    return next((_(reason) for start, reason in _STRANGERS.items() if re.match(start, head, re.IGNORECASE)), "")


def older_encoding(path: Path) -> str:
    """Return the encoding of a text that is no Unicode: what Windows wrote, in China or elsewhere.

    In gb18030 a sign of Chinese has two bytes above 160, and most are of the commoner half of its table; of the letters
    of a European text few stand in such pairs.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as stream:
        head = stream.read(_HEAD)
    high = sum(byte > 127 for byte in head)
    pairs = _CHINESE.match(head)
    whole = pairs is not None and len(head) - pairs.end() < (2 if len(head) == _HEAD else 1)
    return "gb18030" if whole and high and 4 * len(_HANZI.findall(head)) >= high else "cp1252"


def encoding_of(path: Path) -> str:
    """Return the encoding of a file of text, from the first bytes of it.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as stream:
        head = stream.read(_HEAD)
    found = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if found is not None:
        return found
    # Latin letters in two bytes each have a zero in every second one.
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros and zeros.count(0) > 0.9 * len(zeros) and head.count(0) < 0.6 * len(head):
            return name
    return "utf-8"


def _opened(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


@contextmanager
def text_of(path: Path, encoding: str, shown: str) -> Iterator[io.TextIOWrapper]:
    """Yield the text of a file, every line of which ends in a line feed.

    Args:
        path: the file; one that ends in `.gz` is decompressed.
        encoding: see ``encoding_of``.
        shown: how problems name the file.

    Raises:
        ScenarioError: it is larger than the limit.
    """
    plain = not path.name.lower().endswith(".gz")
    if plain and path.stat().st_size > limits.MAX_DATA_BYTES:
        raise ScenarioError([too_large(shown)])
    with _opened(path) as stream:
        buffered = io.BufferedReader(_Bounded(stream, shown), buffer_size=limits.MAX_BLANK)
        yield io.TextIOWrapper(buffered, encoding=encoding, newline=None)
