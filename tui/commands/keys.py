"""What is listed of the commands: rows of the help screen, keys of the footer, the key table of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TypeVar

from retrograde.engine.text import _, joined
from retrograde.tui.commands.command import Command, Group, Situation, key_name

C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A row of the help screen and of the README: the keys of a command and of its opposite, in groups.

    Attributes:
        groups: the keys.
        title: what they do, in a few words.
        help: one sentence.
        group: its heading.
        first: what the first page of the help says of it; empty where it is not there.
    """

    groups: tuple[tuple[str, ...], ...]
    title: str
    help: str
    group: Group
    first: str = ""

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
        rows.append(
            KeyRow(
                groups=groups,
                title=title,
                help=_(command.help),
                group=command.group,
                first=_(command.title) if command.first else "",
            )
        )
    return rows


def footer_keys(table: Sequence[C], at: Situation = Situation.READING) -> tuple[C, ...]:
    """The commands of the footer, those first that matter most in a situation.

    Args:
        table: the commands.
        at: the situation.
    """
    listed = [command for command in table if (command.footer or at in command.near) and (command.keys or command.line)]
    near = max((rank for command in listed for rank in command.near.values()), default=0)
    return tuple(sorted(listed, key=lambda command: command.near.get(at, near + command.footer)))


def footer_key(command: Command, table: Mapping[str, Command]) -> tuple[str, str]:
    """The keys of a command in the footer, with those of its opposite; and the first of them, for little room.

    Args:
        command: the command.
        table: all commands by their ids.
    """
    key = command.shown
    back = table[command.back].keys if command.back else ()
    return (f"{key}/{key_name(back[0])}" if back and command.keys else key), key


def key_table(table: Sequence[Command], head: tuple[str, str] = ("keys", "what they do")) -> str:
    """The table of keys of the docs, in Markdown.

    Args:
        table: the commands.
        head: what stands over the columns.
    """
    lines = [f"| {' | '.join(head)} |", "| --- | --- |"]
    for row in key_rows(table):
        keys = " ".join(f"`{key}`" for group in row.groups for key in group)
        lines.append(f"| {keys} | {joined((row.title, row.help[0].lower() + row.help[1:]), ': ')} |")
    return "\n".join(lines) + "\n"
