"""A progress bar of one line on stderr."""

from __future__ import annotations

import math
import shutil
import sys
import time
from typing import TYPE_CHECKING, Self, TextIO

from retrograde.engine.text import _
from retrograde.tui.cli.support.columns import cut
from retrograde.tui.cli.support.streams import bare

if TYPE_CHECKING:
    from retrograde.engine.sweeping.sweeping import SweepProgress
    from retrograde.engine.travel.running import Progress

_CELLS = 24
_PERIOD = 0.1
_CLEAR = "\r\x1b[K"


class ProgressBar:
    """Shows how far a run or a search is, about ten times a second; shows nothing where stderr is no terminal.

    A context manager: the line is wiped when it ends, so that only results stay on the screen.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = bare(sys.stderr) if stream is None else stream
        self._shown = self._stream.isatty()
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.wipe()

    def update(self, progress: Progress) -> None:
        """Show how far the run is."""
        now = time.monotonic()
        if not self._due(now):
            return
        rate = progress.epoch / (now - self._start)
        left = (progress.epochs - progress.epoch) / rate if rate > 0 else math.inf
        text = _("epoch {epoch} of {total}  E {loss:.6g}  {rate:.4g} epochs/s  {left:.0f} s left").format(
            epoch=progress.epoch, total=progress.epochs, loss=progress.loss, rate=rate, left=left
        )
        self._write(progress.epoch / max(progress.epochs, 1), text)

    def searched(self, done: int, total: int) -> bool:
        """Show how far a search is; never cancels it."""
        if self._due(time.monotonic()):
            self._write(
                done / max(total, 1), _("searching: {done} of {total} iterations").format(done=done, total=total)
            )
        return False

    def checked(self, done: int, total: int) -> None:
        """Show how many gradients are checked."""
        if self._due(time.monotonic()):
            self._write(done / max(total, 1), _("checking: {done} of {total} gradients").format(done=done, total=total))

    def counted(self, done: int, total: int) -> None:
        """Show how many iterations are run or looked at."""
        if self._due(time.monotonic()):
            self._write(done / max(total, 1), _("{done} of {total}").format(done=done, total=total))

    def swept(self, progress: SweepProgress) -> None:
        """Show how many runs of a sweep are made."""
        if not self._due(time.monotonic()):
            return
        text = _("run {done} of {total}").format(done=f"{progress.done:,}", total=f"{progress.total:,}")
        if math.isfinite(progress.left):
            text += "  " + _("{time} left").format(time=duration(progress.left))
        self._write(progress.done / max(progress.total, 1), text)

    def wipe(self) -> None:
        """Remove the line, before something is printed."""
        if self._shown:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def _due(self, now: float) -> bool:
        if not self._shown or now - self._last < _PERIOD:
            return False
        self._last = now
        return True

    def _write(self, share: float, text: str) -> None:
        full = int(_CELLS * share)
        room = shutil.get_terminal_size().columns - 1
        line = cut(f"[{'#' * full}{'.' * (_CELLS - full)}] {text}", room)
        self._stream.write(_CLEAR + line)
        self._stream.flush()


def duration(seconds: float) -> str:
    """A time for people: `45 s`, `3:05 min`, `2:07 h`."""
    if not math.isfinite(seconds):
        return "∞"
    whole = math.ceil(seconds)
    if whole < 100:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return _("{minutes} min").format(minutes=f"{whole // 60}:{whole % 60:02}")
    return _("{hours} h").format(hours=f"{whole // 3600}:{whole % 3600 // 60:02}")
