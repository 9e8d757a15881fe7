"""A Chinese page has the headings, the code and the tables of the English one: a page that is behind is red."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.commands import Block, blocks
from tests.docs.pairs import PAIRS, english, headed, linked, written

ONLY_CHINESE = re.compile(r'--language zh |^(?:from retrograde\.engine\.text import use|use\("zh"\))\n', re.MULTILINE)
"""What chooses the language, which the English page needs not."""


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", written(page), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[int]:
    """The levels of the headings, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(page), flags=re.MULTILINE)]


def tables(page: Path) -> list[list[tuple[int, list[str]]]]:
    """Of each row of each table how many cells it has, and the code in the first."""
    found = re.findall(r"(?:^\|.*\n)+", ONLY_CHINESE.sub("", prose(page)), flags=re.MULTILINE)
    return [[row(line) for line in table.splitlines()] for table in found]


def row(line: str) -> tuple[int, list[str]]:
    cells = re.split(r"(?<!\\)\|", line)
    return len(cells), re.findall(r"`([^`]+)`", cells[1])


def code(block: Block) -> tuple[str, list[str]]:
    """What of a block is the same in both languages: its language, commands, and lines without comments."""
    plain = block._replace(text=ONLY_CHINESE.sub("", block.text))
    if block.language in {"text", "mermaid"}:
        return block.language, []
    if block.language == "sh":
        return block.language, plain.commands
    lines = (re.sub(r"\s*(?<!\")# .*$", "", line) for line in plain.text.splitlines())
    return block.language, [line for line in lines if line.strip()]


def written_out(page: Path) -> list[str]:
    """The indented blocks, which show something as it is, a mark each."""
    return re.findall(r"(?:(?<=\n\n)|\A)(?: {4}\S.*\n)", prose(page))


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_a_chinese_page_is_built_as_the_english_one(page: Path) -> None:
    other = english(page)
    assert headings(page) == headings(other)
    assert [code(block) for block in blocks(page)] == [code(block) for block in blocks(other)]
    assert tables(page) == tables(other)
    assert len(written_out(page)) == len(written_out(other))


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_a_link_of_a_chinese_page_stays_in_chinese(page: Path) -> None:
    assert linked(written(page)) == written(page), "run: python -m tests.docs.pairs"


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_both_languages_lead_to_each_other(page: Path) -> None:
    for one in (page, english(page)):
        assert headed(one) == written(one), "run: python -m tests.docs.pairs"
