"""What is listed of the commands: rows of the help screen, keys of the footer, the key table of the README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TypeVar

from retrograde.engine.text import _, joined
from retrograde.tui.commands.command import Command, Group, key_name

C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A row of the help screen and of the README: the keys of a command and of its opposite, in groups."""

    groups: tuple[tuple[str, ...], ...]
    title: str
    help: str
    group: Group

    @property
    def keys(self) -> str:
        """The keys in one line."""
        return "  ".join(" ".join(group) for group in self.groups)


def key_rows(table: Sequence[Command]) -> list[KeyRow]:
    """The rows of the key table: a command and its opposite in one, and commands that share a row."""
    by_id = {command.id: command for command in table}
    opposite = {command.back for command in table if command.back}
    rows: list[KeyRow] = []
    shared: dict[str, int] = {}
    for command in table:
        if command.id in opposite:
            continue
        if command.row in shared:
            at = shared[command.row]
            first = rows[at].groups[0]
            more = (command.named(key) for key in command.keys[:1])
            rows[at] = replace(rows[at], groups=((*first, *more),))
            continue
        title = command.listed
        if command.row:
            shared[command.row] = len(rows)
        groups: tuple[tuple[str, ...], ...] = tuple((command.named(key),) for key in command.keys)
        if command.line:
            groups = (*groups, (f":{command.line}",))
        if command.back:
            back = by_id[command.back]
            groups = tuple(
                tuple(key_name(key) for key in pair if key and not (pair[0] and key.startswith("shift+f")))
                for pair in zip_longest(command.keys, back.keys)
            )
            title = joined((_(command.title), _(back.title)), ", ")
        rows.append(KeyRow(groups=groups, title=title, help=_(command.help), group=command.group))
    return rows


def footer_keys(table: Sequence[C]) -> tuple[tuple[C, str, str], ...]:
    """Commands, keys and words of the footer, the most important first; the words are messages."""
    by_id = {command.id: command for command in table}
    found = []
    for command in sorted((c for c in table if c.footer and c.keys), key=lambda c: c.footer):
        keys = command.named(command.keys[0])
        if command.back and by_id[command.back].keys:
            keys += "/" + key_name(by_id[command.back].keys[0])
        found.append((command, keys, command.short))
    return tuple(found)


def key_table(table: Sequence[Command]) -> str:
    """The key table of the README, in Markdown."""
    lines = ["| keys | what they do |", "| --- | --- |"]
    for row in key_rows(table):
        keys = " ".join(f"`{key}`" for group in row.groups for key in group)
        lines.append(f"| {keys} | {row.title}: {row.help[0].lower() + row.help[1:]} |")
    return "\n".join(lines) + "\n"
