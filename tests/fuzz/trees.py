"""Where something stands in a tree of lists and tables, as JSON has them."""

from __future__ import annotations

from typing import Any


def places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a tree something stands."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    found = [at] if at else []
    for key, inner in items:
        found.extend(places(inner, (*at, key)))
    return found
