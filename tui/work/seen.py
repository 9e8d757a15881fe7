"""What a person has seen already, kept in the state folder: the scenarios opened last, and whether the tour was shown.

A folder that can not be read or written is no error: then nothing was seen.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from retrograde.engine.atomic import read_regular, write_whole
from retrograde.engine.errors import EngineError
from retrograde.tui.work.unsaved import folder

MOST = 5
"""Scenarios that are remembered."""
MOST_BYTES = 1 << 16


def _path() -> Path:
    return folder() / "seen.json"


def _read() -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError, EngineError):
        found = json.loads(read_regular(_path(), MOST_BYTES))
        if isinstance(found, dict):
            return found
    return {}


def _write(seen: dict[str, Any]) -> None:
    with suppress(OSError, EngineError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_path(), json.dumps(seen, ensure_ascii=False) + "\n")


def opened() -> tuple[str, ...]:
    """The scenarios opened last, the last one first."""
    names = _read().get("opened")
    return tuple(name for name in names if isinstance(name, str))[:MOST] if isinstance(names, list) else ()


def remember_opened(name: str) -> None:
    """Remembers that a scenario was opened.

    Args:
        name: its name or file.
    """
    _write({**_read(), "opened": [name, *(one for one in opened() if one != name)][:MOST]})


def toured() -> bool:
    """Whether the tour was shown."""
    return _read().get("toured") is True


def remember_toured() -> None:
    """Remembers that the tour was shown."""
    _write({**_read(), "toured": True})
