"""A source with a moment: `mazur@2:1:17`."""

from __future__ import annotations

import re
from pathlib import Path

_MOMENT = re.compile(r"(.+)@(\d+(?::\d+){1,2}|\d+%|start|end)")


def parted(source: str) -> tuple[str, str | None]:
    """The source and the moment, None for none; a file whose own name has an `@` is itself."""
    found = _MOMENT.fullmatch(source)
    if found is None or _exists(source):
        return source, None
    return found[1], found[2]


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False
