"""Files that are written whole, and files that are read to their end because they have one."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

_PIECE = 2**20
"""Bytes of a file that are read at once."""


def read_regular(path: Path, most: int) -> bytes:
    """Reads a file; a pipe, which may have no end or no writer, and a device are not opened for long.

    Args:
        path: the file.
        most: bytes of the largest file that is read.

    Raises:
        EngineError: it is no file, or a larger one.
        OSError: it cannot be read.
    """
    # Without waiting for a writer; what was opened is asked, since the name may lead elsewhere by then.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise EngineError(os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise EngineError(_("this is not a file"))
        # Piece by piece: as much memory as is asked for is taken at once, however small the file is.
        pieces, left = [], most + 1
        while left and (piece := file.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
    if not left:
        raise EngineError(_("this file is too large"))
    return b"".join(pieces)


def held(descriptor: int) -> bool:
    """Whether this process holds a file from here on; False where another one does.

    Args:
        descriptor: of the file; closing it lets it go.
    """
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return True
    except OSError:
        return False
    return True


def lives(process: int) -> bool:
    """Whether there is a process of that number here, or it cannot be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def remove_abandoned(folder: Path, name: str) -> None:
    """Removes temporary files that a program left behind which was killed while it wrote.

    Only what is certainly that: a file of ours, named as one for this name, by a process that does not live, and held
    by none, which a program on another machine that writes to the same folder would.

    Args:
        folder: where to look.
        name: the pattern of the name that was to be written.
    """
    pattern = re.compile(rf"\.{name}\.(\d{{1,10}})\.tmp", re.DOTALL)
    if os.name != "posix":
        return
    with suppress(OSError):
        for entry in os.scandir(folder):
            found = pattern.fullmatch(entry.name)
            if found is not None and not lives(int(found[1])):
                with suppress(OSError):
                    _remove_unheld(Path(entry.path))


def _remove_unheld(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
        return
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if held(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def write_whole(path: Path, text: str) -> None:
    """Writes a text to a file whole: beside the target, flushed to the disk, then renamed.

    Raises:
        EngineError: it cannot be written; what was there before is untouched.
    """
    # Half of a surrogate pair, from a file name or a damaged file, becomes its escape in JSON.
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole; see ``write_whole``.

    Raises:
        EngineError: it cannot be written; what was there before is untouched.
    """
    # A link stays one: what it leads to is replaced.
    target = Path(os.path.realpath(path))
    stem = target.name[:100]
    temporary = target.with_name(f".{stem}.{os.getpid()}.tmp")
    remove_abandoned(target.parent, re.escape(stem))
    try:
        _refuse_special(target)
        try:
            with temporary.open("wb") as file:
                held(file.fileno())
                file.write(content)
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


def _refuse_special(target: Path) -> None:
    """Refuses to put a file in the place of a device or a pipe.

    Raises:
        OSError: there is one.
    """
    with suppress(FileNotFoundError):
        mode = target.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, _("this is not a file"))
