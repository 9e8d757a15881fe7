"""The table of commands holds bindings, screen, help and footer together."""

from __future__ import annotations

from collections import Counter

from textual.binding import Binding

from retrograde.tui.canvas.look import look
from retrograde.tui.commands.table import Group, commands, footer_keys, group_title, key_rows, key_table
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.help import HelpScreen

MOTIONS = {"step", "term", "layer", "phase", "sample", "iteration", "epoch"}


def test_ids_and_keys_are_used_once() -> None:
    table = commands()
    assert Counter(command.id for command in table).most_common(1)[0][1] == 1
    assert Counter(key for command in table for key in command.keys).most_common(1)[0][1] == 1


def test_every_command_is_bound_and_does_something() -> None:
    bound = {
        key: binding.action
        for binding in DebuggerScreen.BINDINGS
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }
    for command in commands():
        assert all(bound[key] == f"command('{command.id}')" for key in command.keys)
        known = command.id.removesuffix("_back") in MOTIONS or command.id.startswith("panel_")
        done = [getattr(DebuggerScreen, f"{how}_{command.id}", None) for how in ("do", "line")]
        assert known or any(callable(method) for method in done)


def test_every_command_is_in_the_key_table_and_in_the_help() -> None:
    text = HelpScreen(look()).text(86).plain
    titles = " ".join(row.title for row in key_rows())
    for command in commands():
        assert command.title in titles or command.row in titles
        assert command.help
    for row in key_rows():
        assert row.keys in text
        assert all(f"`{key}`" in key_table() for group in row.groups for key in group)
    assert all(group_title(group) in text for group in Group)


def test_opposites_are_capitals_or_mirrors() -> None:
    table = {command.id: command for command in commands()}
    for command in table.values():
        if command.back and command.group is Group.MOTION:
            letters = [key for key in command.keys if len(key) == 1]
            capitals = [key for key in table[command.back].keys if len(key) == 1]
            assert [letter.upper() for letter in letters] == capitals


def test_no_key_is_one_that_a_terminal_takes_for_another() -> None:
    # Ctrl-[ is Escape, Ctrl-I is Tab, Ctrl-M is Enter.
    assert not {key for command in commands() for key in command.keys} & {"ctrl+[", "ctrl+i", "ctrl+m", "esc"}


def test_the_footer_begins_with_the_steps() -> None:
    assert footer_keys()[0][0] == "→/←"
