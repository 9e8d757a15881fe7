"""A person's own keys: a file that gives commands, by their ids, other keys than those of the table."""

from __future__ import annotations

import os
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        path: the file: a line a command, `step = ["ctrl+f", "right"]` or `why = "Y"`.
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
    except _WrongKeysError as wrong:
        lines = [(_line(text, one.command), one) for one in wrong.all]
        # Sorted by line alone: of one line the first that was found comes first.
        said = [
            _("{path}: {reason}").format(path=f"{visible(str(path))}:{line}", reason=one)
            for line, one in sorted(lines, key=lambda pair: pair[0])
        ]
        raise EngineError("\n".join(said)) from None


class _WrongError(EngineError):
    """What is wrong with the keys of a command."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(message)
        self.command = command


class _WrongKeysError(EngineError):
    """All that is wrong with a file of keys."""

    def __init__(self, wrong: Sequence[_WrongError]) -> None:
        super().__init__("\n".join(map(str, wrong)))
        self.all = tuple(wrong)


def rebound(table: Sequence[C], given: Mapping[str, Any]) -> tuple[C, ...]:
    """The table with other keys.

    Args:
        table: the commands.
        given: a key or keys by the id of the command; no keys leave it to the command palette.

    Raises:
        EngineError: ids or keys are not known, or two commands have the same key; all of it is said.
    """
    known = {row.id: row for row in table}
    keys: dict[str, tuple[str, ...]] = {}
    wrong: list[_WrongError] = []
    for name, asked in given.items():
        try:
            keys[name] = _keys_of(known, name, asked)
        except _WrongError as error:
            wrong.append(error)
    wrong += _shared(known.values(), keys)
    if wrong:
        raise _WrongKeysError(wrong)
    return tuple(replace(row, keys=keys.get(row.id, row.keys)) for row in table)


def _keys_of(known: Mapping[str, Command], name: str, asked: Any) -> tuple[str, ...]:
    """The keys that a command is given.

    Raises:
        _WrongError: there is no such command, or no such key.
    """
    if name not in known:
        message = _("{id} is no command{hint}; `retrograde keys` lists them")
        raise _WrongError(name, message.format(id=visible(name), hint=suggest(name, known)))
    listed = asked if isinstance(asked, list) else [asked]
    if not all(isinstance(one, str) for one in listed):
        raise _WrongError(name, _('{id} takes a key, or a list: "w", ["l", "right"]').format(id=name))
    found = tuple(dict.fromkeys(_key(name, one) for one in listed))
    if not found and not known[name].word and not known[name].palette:
        raise _WrongError(name, _("{id} can only be reached by a key").format(id=name))
    return found


def _shared(table: Iterable[Command], keys: Mapping[str, tuple[str, ...]]) -> Iterator[_WrongError]:
    """The keys that two commands have."""
    owners: dict[str, str] = {}
    for row in table:
        for key in keys.get(row.id, row.keys):
            if key in owners:
                mine, other = (row.id, owners[key]) if row.id in keys else (owners[key], row.id)
                message = _("{key} is the key of {other} too: give that another one")
                yield _WrongError(mine, message.format(key=key_name(key), other=other))
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
