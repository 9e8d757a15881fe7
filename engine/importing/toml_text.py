"""A scenario's tables as the text of a TOML file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(content: Mapping[str, Any]) -> str:
    """The text of tables, in their order; what is None is left out."""
    return "\n".join(_table(content, ())).strip() + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The plain keys of a table first, since a table that is begun ends the one before it."""
    later = {key: one for key, one in content.items() if _is_apart(one)}
    for key, one in content.items():
        if key not in later and one is not None:
            yield f"{_key(key)} = {_value(one)}"
    for key, one in later.items():
        below = (*path, key)
        name = ".".join(map(_key, below))
        for part in one if isinstance(one, list | tuple) else [one]:
            yield from ("", f"[[{name}]]" if part is not one else f"[{name}]")
            yield from _table(part, below)


def _is_apart(one: Any) -> bool:
    """Whether a value is a table of its own, or a list of tables."""
    if isinstance(one, Mapping):
        return len(one) > 2 or any(isinstance(part, Mapping | list | tuple) for part in one.values())
    return isinstance(one, list | tuple) and bool(one) and all(isinstance(part, Mapping) for part in one)


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _text(text)


def _text(text: str) -> str:
    # JSON escapes as TOML does, but for DEL and for half pairs, which no text of TOML has.
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(one: Any) -> str:
    match one:
        case bool():
            return "true" if one else "false"
        case str():
            return _text(one)
        case float():
            return _number(one)
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in one.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, one)) + "]"
    return str(one)


def _number(one: float) -> str:
    if math.isnan(one):
        return "nan"
    if math.isinf(one):
        return "inf" if one > 0 else "-inf"
    text = repr(one)
    return text if any(letter in text for letter in ".e") else text + ".0"
