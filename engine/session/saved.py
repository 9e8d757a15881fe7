"""What a saved session holds, and how it is read: every key has its kind, and what is wrong is named by its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrograde.engine.atomic import read_regular
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.engine.within import require_readable

FORMAT = 1

MAX_FILE_BYTES = 64 << 20
"""Bytes of the largest file that is read."""

Count = Annotated[int, Field(ge=0)]
# JSON has lists for tuples, and texts for the keys of a table; what is inside stays strict.
Iteration = Annotated[int, Field(ge=0, strict=False)]
SlotValue = Annotated[tuple[str, float], Field(strict=False)]
Mark = Annotated[tuple[str, Count], Field(strict=False)]
Note = Annotated[tuple[str, Count, str], Field(strict=False)]


class _Table(BaseModel):
    """A table of a saved session: strict, frozen, and without unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class SavedScenario(_Table):
    """Which scenario it was, and what its content was."""

    name: str
    path: str | None
    digest: str


class SavedCursor(_Table):
    """Where the cursor was."""

    branch: str
    position: Count
    term: Count


class SavedEdit(_Table):
    """How a branch departs from its parent."""

    position: Count
    values: list[SlotValue]
    dropped: int | None
    inside: bool = False


class SavedBranch(_Table):
    """One line of time, with fingerprints of some of its iterations; only the first one has no parent."""

    name: str
    parent: str | None
    edit: SavedEdit | None
    position: Count
    frontier: Count
    fingerprints: dict[Iteration, str]


class SavedBreakpoint(_Table):
    """One breakpoint or logpoint."""

    number: int
    text: str
    enabled: bool
    once: bool
    from_hit: int
    after: int | None
    log: list[str]
    count: Count


class SavedSession(_Table):
    """The whole file."""

    format: int
    scenario: SavedScenario
    arithmetic: str
    cursor: SavedCursor
    length: Count
    branches: Annotated[list[SavedBranch], Field(min_length=1)]
    breakpoints: list[SavedBreakpoint]
    watches: list[str]
    marks: dict[str, Mark]
    notes: list[Note]


def contents(path: Path) -> bytes:
    """What a file holds that may be a saved session.

    Raises:
        EngineError: the file cannot be read, is none, or is too large.
    """
    require_readable(path)
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise EngineError(error.strerror or str(error)) from None
    except ValueError as error:
        raise EngineError(str(error)) from None


def read_saved(content: bytes) -> SavedSession:
    """Reads a saved session.

    Args:
        content: what its file holds.

    Raises:
        EngineError: it is no saved session; with the key that is wrong.
    """
    table = _json(_text(content))
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise EngineError(_("not a saved session of format {format}").format(format=FORMAT))
    try:
        return SavedSession.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        reason = f"{key_text(first['loc'])}: {first['msg']}"
        raise EngineError(_("not a saved session, or a damaged one ({reason})").format(reason=reason)) from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise EngineError(_("not a text file in UTF-8")) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise EngineError(f"{error.lineno}:{error.colno}: {error.msg}") from None
    except RecursionError:
        raise EngineError(_("nested too deeply")) from None
    except ValueError as error:
        # A number of thousands of digits.
        raise EngineError(str(error)) from None


def key_text(path: tuple[str | int, ...]) -> str:
    """The keys that lead to a value, as one text: ``branches[1].edit.position``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key[:100]}" if text else key[:100]
    return text
