"""Reports of what went wrong in the program itself: a file each in the state folder, for those who mend it."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from retrograde.tui.work.unsaved import folder

PREFIX = "report-"
MOST_REPORTS = 20
"""Reports that are kept; the oldest ones give way."""
MOST_CHARACTERS = 200_000


def signature(error: BaseException) -> str:
    """What is the same for an error that comes again: its kind, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__qualname__} {place}"


def write_report(error: BaseException, pressed: Iterable[str], situation: Iterable[str]) -> Path | None:
    """Writes what happened into a new file; gives its path, None where nothing can be written.

    Args:
        error: what was raised.
        pressed: the keys, clicks and sizes before it, the last one last.
        situation: lines about what was on the screen.
    """
    try:
        home = folder()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = _text(error, pressed, situation)
        stem = f"{PREFIX}{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        for number in range(100):
            path = home / (f"{stem}-{number}.txt" if number else f"{stem}.txt")
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            _thin_out(home)
            return path
    except (OSError, MemoryError):
        pass
    return None


def _text(error: BaseException, pressed: Iterable[str], situation: Iterable[str]) -> str:
    from importlib.metadata import PackageNotFoundError, version

    versions = []
    for package in ("retrograde", "textual", "numpy", "pydantic"):
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    lines = [
        "An error in Retrograde. Please report it with this file; it tells what was typed before.",
        "",
        f"{', '.join(versions)}; Python {sys.version.split()[0]}; {platform.platform()}",
        f"terminal: {os.environ.get('TERM', '')}",
        *situation,
        f"pressed, the last one last: {' '.join(pressed)}",
        "",
    ]
    trace = "".join(traceback.TracebackException.from_exception(error, limit=-60).format())
    return "\n".join(lines) + "\n" + trace[-MOST_CHARACTERS:]


def _thin_out(home: Path) -> None:
    """Removes the oldest reports beyond the most that are kept; their names sort by their time."""
    reports = sorted(path for path in home.iterdir() if path.name.startswith(PREFIX) and path.suffix == ".txt")
    for path in reports[:-MOST_REPORTS]:
        with suppress(OSError):
            path.unlink()
