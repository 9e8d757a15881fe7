"""A progress bar of one line on stderr."""

from __future__ import annotations

import sys
import time
from typing import Self, TextIO

from retrograde.engine.text import _

_CELLS = 24
_PERIOD = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """Shows how far a run is, about ten times a second; shows nothing where stderr is no terminal.

    A context manager: the line is wiped when it ends, so that only results stay on the screen.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total = max(total, 1)
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._shown:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def update(self, epoch: int, loss: float) -> None:
        """Show that this many epochs are done, with the loss of the last one."""
        now = time.monotonic()
        if not self._shown or now - self._last < _PERIOD:
            return
        self._last = now
        rate = epoch / max(now - self._start, 1e-9)
        left = (self._total - epoch) / rate if rate > 0 else float("inf")
        full = _CELLS * epoch // self._total
        bar = "#" * full + "." * (_CELLS - full)
        text = _("epoch {epoch} of {total} · E {loss:.6g} · {rate:.0f} epochs/s · {left:.0f} s left")
        line = text.format(epoch=epoch, total=self._total, loss=loss, rate=rate, left=left)
        self._stream.write(f"{_CLEAR}[{bar}] {line}")
        self._stream.flush()
