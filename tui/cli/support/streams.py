"""The process's streams: messages on stderr, and what becomes of output that no one reads."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from retrograde.engine.text import visible


class _Shown:
    """A stream of text that shows what a terminal would obey; see ``visible``.

    Attributes:
        bare: the stream itself.
    """

    def __init__(self, bare: TextIO) -> None:
        self.bare = bare

    def write(self, text: str) -> int:
        """Write a text, with its line ends and tabs as they are."""
        self.bare.write(visible(text, lines=True))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)


def bare(stream: TextIO) -> TextIO:
    """The stream behind one that shows everything, for what moves the cursor of a terminal on purpose."""
    found: TextIO = getattr(stream, "bare", stream)
    return found


@contextlib.contextmanager
def settled_streams() -> Iterator[None]:
    """Give a closed stream somewhere to go, and let a terminal show what it does not know, or would obey."""
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        nowhere = Path(os.devnull).open("r+", encoding="utf-8")  # noqa: SIM115 - until the process ends
        sys.stdin, sys.stdout, sys.stderr = (stream or nowhere for stream in (sys.stdin, sys.stdout, sys.stderr))
        before = sys.stdin, sys.stdout, sys.stderr
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    sys.stdout, sys.stderr = cast(TextIO, _Shown(sys.stdout)), cast(TextIO, _Shown(sys.stderr))
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def complain(message: str, *, name: bool = True) -> None:
    """Print a message on stderr, which may itself be closed; by default after the program's name."""
    with contextlib.suppress(OSError):
        print(f"retrograde: {message}" if name else message, file=sys.stderr)


def abandon_stdout() -> None:
    """Point stdout to nowhere, so that the interpreter's last flush finds nothing to complain about."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
