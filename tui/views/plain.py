"""Views in plain characters."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import plain

T = TypeVar("T")


def in_ascii(view: T) -> T:
    """The same view with every text in plain characters, so that widths are measured on what is drawn."""
    return _plain(view)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Span):
        return value if value.text.isascii() else Span(plain(value.text), value.ink)
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: _plain(getattr(value, field.name)) for field in fields(value)})
    return value
