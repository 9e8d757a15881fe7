"""A person's own keys: a file that gives commands, by their ids, other keys than those of the table."""

from __future__ import annotations

import os
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, suggest, visible
from retrograde.tui.commands.command import NAMES, Command, key_name

C = TypeVar("C", bound=Command)

MOST_BYTES = 1 << 16
"""Bytes of the file at most."""

_WRITTEN = {
    "→": "right",
    "←": "left",
    "↑": "up",
    "↓": "down",
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "pgup": "pageup",
    "pgdn": "pagedown",
    " ": "space",
}
"""Other ways to write a key."""
_NAMED = frozenset(
    {
        *("right", "left", "up", "down", "enter", "escape", "tab", "space", "backspace", "delete", "insert"),
        *("home", "end", "pageup", "pagedown"),
        *(f"f{number}" for number in range(1, 25)),
    }
)
"""Keys that have no character."""
_MODIFIERS = ("ctrl+", "shift+", "alt+")


def keymap_file() -> Path:
    """The file: $XDG_CONFIG_HOME/retrograde/keys.toml, by default ~/.config/retrograde/keys.toml."""
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    folder = given if given.is_absolute() else Path.home() / ".config"
    return folder / "retrograde" / "keys.toml"


def read_keymap(path: Path, table: Sequence[C]) -> tuple[C, ...]:
    """The table with the keys of a file; as it is where there is no such file.

    Args:
        path: the file: a line a command, `step = ["l", "right"]` or `why = "w"`.
        table: the commands.

    Raises:
        EngineError: the file is wrong: it names the file, the line and the id.
    """
    try:
        text = path.read_bytes()[: MOST_BYTES + 1].decode()
    except (FileNotFoundError, NotADirectoryError):
        return tuple(table)
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(_("{path}: {reason}").format(path=visible(str(path)), reason=error)) from None
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise EngineError(_("{path}: {reason}").format(path=visible(str(path)), reason=error)) from None
    try:
        return rebound(table, given)
    except _WrongError as wrong:
        where = f"{visible(str(path))}:{_line(text, wrong.command)}"
        raise EngineError(_("{path}: {reason}").format(path=where, reason=wrong)) from None


class _WrongError(EngineError):
    """What is wrong with the keys of a command."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(message)
        self.command = command


def rebound(table: Sequence[C], given: Mapping[str, Any]) -> tuple[C, ...]:
    """The table with other keys.

    Args:
        table: the commands.
        given: a key or keys by the id of the command; no keys leave it to the command palette.

    Raises:
        EngineError: an id or a key is not known, or two commands have the same key.
    """
    known = {row.id: row for row in table}
    keys: dict[str, tuple[str, ...]] = {}
    for name, asked in given.items():
        if name not in known:
            message = _("{id} is no command{hint}; `retrograde keys` lists them")
            raise _WrongError(name, message.format(id=visible(name), hint=suggest(name, known)))
        listed = asked if isinstance(asked, list) else [asked]
        if not all(isinstance(one, str) for one in listed):
            raise _WrongError(name, _('{id} takes a key, or a list: "w", ["l", "right"]').format(id=name))
        found = tuple(dict.fromkeys(_key(name, one) for one in listed))
        if not found and not known[name].word and not known[name].palette:
            raise _WrongError(name, _("{id} can only be reached by a key").format(id=name))
        keys[name] = found
    _hold_apart(known.values(), keys)
    return tuple(replace(row, keys=keys.get(row.id, row.keys)) for row in table)


def _hold_apart(table: Iterable[Command], keys: Mapping[str, tuple[str, ...]]) -> None:
    """Refuses a key that two commands have."""
    owners: dict[str, str] = {}
    for row in table:
        for key in keys.get(row.id, row.keys):
            if key in owners:
                mine, other = (row.id, owners[key]) if row.id in keys else (owners[key], row.id)
                message = _("{key} is the key of {other} too: give that another one")
                raise _WrongError(mine, message.format(key=key_name(key), other=other))
            owners[key] = row.id


def _key(command: str, written: str) -> str:
    """Textual's name of a key."""
    text = _WRITTEN.get(written.lower(), written)
    before = ""
    while any(text.lower().startswith(one) for one in _MODIFIERS) and len(text) > len("ctrl+"):
        at = text.index("+") + 1
        before, text = before + text[:at].lower(), text[at:]
    text = _WRITTEN.get(text.lower(), text)
    if len(text) == 1 and text.isprintable():
        from textual.keys import _character_to_key

        text = _character_to_key(text.lower() if before else text)
    elif text.lower() in _NAMED or _is_character(text):
        text = text.lower()
    else:
        raise _WrongError(command, _("{key} is no key").format(key=visible(repr(written))))
    return before + text


def _is_character(text: str) -> bool:
    """Whether a key is called as Textual calls its character, mostly as Unicode does: ``question_mark``."""
    if text in NAMES:
        return True
    try:
        return len(text) > 1 and bool(unicodedata.lookup(text.replace("_", " ")))
    except KeyError:
        return False


def _line(text: str, command: str) -> int:
    """The line on which the keys of a command stand."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("=")[0].strip().strip("\"'") == command:
            return number
    return 1


def template(table: Sequence[Command]) -> str:
    """A file with the keys as they are, each in a comment."""
    lines = [_("# Keys of Retrograde. Take the # away from a line, and write other keys.")]
    for row in table:
        keys = ", ".join(f'"{_readable(key)}"' for key in row.keys)
        lines.append(f"# {row.id} = [{keys}]  # {_(row.title)}")
    return "\n".join(lines) + "\n"


def _readable(key: str) -> str:
    """A key as a person writes it."""
    name = key_name(key)
    if len(name) > 1 or not name.isascii():
        return key
    return name.replace("\\", "\\\\").replace('"', '\\"')
