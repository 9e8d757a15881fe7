"""The messages of the protocol on a pair of streams: a header that says how long, and JSON."""

from __future__ import annotations

import json
import threading
from io import RawIOBase
from typing import Any, BinaryIO

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

MOST_BYTES = 16 << 20
"""Bytes of the longest message that is read."""
_MOST_HEADER, _PIECE = 1024, 1 << 16
_FIELDS = (b"content-length", b"content-type")

Message = dict[str, Any]
"""A request, a response or an event."""


class WireError(EngineError):
    """What came is not the protocol; nothing after it can be read."""


class Wire:
    """Reads and writes messages.

    Args:
        source: where they come from, without a buffer: one would be locked by the thread that waits for more.
        sink: where they go.
    """

    def __init__(self, source: RawIOBase, sink: BinaryIO) -> None:
        self._source = source
        self._came = bytearray()
        self._sink = sink
        self._sent = 0
        self._lock = threading.Lock()

    def read(self) -> Message | None:
        """The next message; None at the end of the stream.

        Raises:
            WireError: it is none. A page of a browser that asks a port for something else ends here, too.
        """
        length = self._header()
        if length is None:
            return None
        while len(self._came) < length:
            if not self._more():
                return None
        content = bytes(self._came[:length])
        del self._came[:length]
        try:
            message = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise WireError(_("this is no message: {reason}").format(reason=error)) from None
        if not isinstance(message, dict):
            raise WireError(_("this is no message: {reason}").format(reason=type(message).__name__))
        return message

    def _header(self) -> int | None:
        length = None
        while True:
            line = self._line()
            if line is None:
                return None
            if not line:
                if length is None:
                    continue
                return length
            name, colon, value = line.partition(b":")
            if not colon or name.strip().lower() not in _FIELDS:
                raise WireError(_("a message begins with Content-Length, not with {text!r}").format(text=_shown(line)))
            if name.strip().lower() == _FIELDS[0]:
                text = value.strip()
                if not (text.isdigit() and len(text) < 12 and int(text) <= MOST_BYTES):
                    raise WireError(_("{text!r} is no length of a message").format(text=_shown(text)))
                length = int(text)

    def _line(self) -> bytes | None:
        """The next line of a header, as far as it can be one; None at the end of the stream."""
        while (end := self._came.find(b"\n")) < 0 and len(self._came) < _MOST_HEADER:
            if not self._more():
                return None
        line = bytes(self._came[: _MOST_HEADER if end < 0 else end])
        del self._came[: len(line) + 1]
        return line.strip()

    def _more(self) -> bool:
        """Waits for more bytes; False at the end of the stream."""
        found = self._source.read(_PIECE)
        self._came += found or b""
        return bool(found)

    def write(self, message: Message) -> None:
        """Writes a message, and gives it its number."""
        with self._lock:
            self._sent += 1
            content = json.dumps({"seq": self._sent, **message}, ensure_ascii=False, allow_nan=False).encode()
            self._sink.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
            self._sink.flush()


def _shown(line: bytes) -> str:
    return line[:60].decode("latin-1")
