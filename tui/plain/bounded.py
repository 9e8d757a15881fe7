"""Plain values of a bounded size: what a program reads costs it, and a network may be large."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

ITEMS, CHARACTERS, MOST = 40, 1500, 24_000
"""Entries of a list, characters of a text, and characters of a whole answer."""


def bounded(value: Any, *, items: int = ITEMS, characters: int = CHARACTERS) -> Any:
    """A plain value with its lists and texts cut; a cut one says how much is missing.

    Args:
        value: the value.
        items: entries of a list, or of a table, that are kept.
        characters: characters of a text that are kept.
    """
    if isinstance(value, str):
        more = len(value) - characters
        return value if more <= 0 else f"{value[:characters]}… +{more}"
    if isinstance(value, Mapping):
        kept = {key: bounded(one, items=items, characters=characters) for key, one in [*value.items()][:items]}
        return kept if len(value) <= items else kept | {"…": f"+{len(value) - items}"}
    if isinstance(value, Sequence):
        kept_items = [bounded(one, items=items, characters=characters) for one in value[:items]]
        return kept_items if len(value) <= items else [*kept_items, f"… +{len(value) - items}"]
    return value


def written(record: Mapping[str, Any], *, most: int = MOST) -> tuple[dict[str, Any], str]:
    """A record, and its JSON, of which there are at most so many characters.

    Args:
        record: plain values.
        most: characters of the JSON.
    """
    found: dict[str, Any] = bounded(record)
    text = _json(found)
    items, characters = ITEMS, CHARACTERS
    while len(text) > most and items > 1:
        items, characters = items // 2, characters // 2
        found = bounded(record, items=max(items, len(record)), characters=characters)
        found = {key: bounded(one, items=items, characters=characters) for key, one in found.items()}
        text = _json(found)
    if len(text) > most:
        # It nests so far that nothing of it is left.
        found = {"…": f"+{len(record)}"}
        text = _json(found)
    return found, text


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
