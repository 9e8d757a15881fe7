"""Files that are written whole."""

from __future__ import annotations

import os
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole: beside the target, flushed to the disk, then renamed.

    Raises:
        EngineError: it cannot be written; what was there before is untouched.
    """
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        if os.name == "posix":
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise EngineError(
            _("cannot be written: {reason}: {path}").format(path=path, reason=error.strerror or error)
        ) from None
