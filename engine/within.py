"""Where files may be read from: anywhere, or for as long as a caller says so from a few folders only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, visible

_FOLDERS: ContextVar[tuple[Path, ...]] = ContextVar("_FOLDERS", default=())


class OutsideError(EngineError):
    """A file lies outside of the folders that are read from."""


@contextmanager
def only_within(*folders: Path) -> Iterator[None]:
    """Has the engine refuse files outside of some folders, in this thread, while it lasts.

    A file is where its links lead, and so is a folder.

    Args:
        folders: the folders.
    """
    token = _FOLDERS.set(tuple(folder.resolve() for folder in folders))
    try:
        yield
    finally:
        _FOLDERS.reset(token)


def require_readable(path: Path) -> None:
    """Raises OutsideError for a file that may not be read; says nothing about whether there is one.

    Args:
        path: the file, or a folder.
    """
    folders = _FOLDERS.get()
    if not folders:
        return
    try:
        real = path.resolve()
    except (OSError, ValueError, RuntimeError):
        # A loop of links, or a name that no file has.
        real = None
    if real is None or not any(real.is_relative_to(folder) for folder in folders):
        message = _("{file} is outside of {folder}, and files are read from there only")
        raise OutsideError(message.format(file=visible(str(path)), folder=visible(str(folders[0]))))
