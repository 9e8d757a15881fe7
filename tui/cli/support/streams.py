"""The process's streams: messages on stderr, and what becomes of output that no one reads."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def settle_streams() -> None:
    """Give a closed stream somewhere to go, and let a terminal that knows no ∂ show a replacement."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        nowhere = Path(os.devnull).open("r+", encoding="utf-8")  # noqa: SIM115 - until the process ends
        sys.stdin, sys.stdout, sys.stderr = (stream or nowhere for stream in (sys.stdin, sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")


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
