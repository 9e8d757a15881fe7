"""Every command that a page tells people to type is run by a test, or says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrograde.tui.commands.keys import key_rows
from retrograde.tui.debugger.table import commands
from tests.docs.commands import NEEDS, PAGES, blocks, need, tables

LANGUAGES = {"sh", "python", "toml", "text", "mermaid", "json", "c", "jsonc", "lua", "elisp", "{eval-rst}"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_say_what_they_are(page: Path) -> None:
    assert [f"line {block.line}" for block in blocks(page) if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_is_of_retrograde_or_needs_something(page: Path) -> None:
    for block in blocks(page):
        for command in block.commands if block.language == "sh" else ():
            assert command.startswith(("retrograde ", "printf ")) or need(command), f"line {block.line}: {command}"


def test_what_is_needed_is_needed_by_a_page() -> None:
    every = [line for page in PAGES for block in blocks(page) if block.language == "sh" for line in block.commands]
    used = {need(command) for command in every}
    assert set(NEEDS.values()) <= used


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_keys_of_tables_are_keys(page: Path) -> None:
    keys = {key.replace(" ", "") for row in key_rows(commands()) for group in row.groups for key in group}
    for table in tables(page):
        for row in table:
            assert row.press.startswith(":") or row.press in keys, row.press
            assert row.shown, row.press
