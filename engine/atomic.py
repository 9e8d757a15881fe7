"""Files that are written whole."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole: beside the target, flushed to the disk, then renamed.

    Raises:
        EngineError: it cannot be written; what was there before is untouched.
    """
    # A link stays one: what it leads to is replaced.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}.tmp")
    try:
        try:
            # Half of a surrogate pair, from a file name or a damaged file, becomes its escape in JSON.
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            _("cannot be written: {reason}: {path}").format(path=path, reason=error.strerror or error)
        ) from None
    if os.name != "posix":
        return
    # The file is whole by now; not every file system can flush a folder.
    with suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
