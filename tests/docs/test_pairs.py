"""A Chinese page has the headings, paragraphs, code and tables of the English one: a page that is behind is red."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.commands import Block, blocks
from tests.docs.pairs import CHINESE, PAIRS, english, headed, linked, written

ONLY_CHINESE = re.compile(r'--language zh |^(?:from retrograde\.engine\.text import use|use\("zh"\))\n', re.MULTILINE)
"""What chooses the language, which the English page needs not."""
KINDS = {"#": "heading", "```": "code", "|": "table", "<!--": "comment", "    ": "shown"}


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


def parts(page: Path) -> list[str]:
    """What stands between empty lines: headings, tables, code, what is shown as it is, paragraphs, and lists."""
    text = re.sub(r"^```.*?^```$", "```", written(page), flags=re.MULTILINE | re.DOTALL)
    return [kind(part) for part in re.split(r"\n{2,}", text.strip())]


def kind(part: str) -> str:
    first = next((name for mark, name in KINDS.items() if part.startswith(mark)), "paragraph")
    items = re.findall(r"^(?:- |\d+\. )", part, flags=re.MULTILINE)
    return f"list of {len(items)}" if items and first == "paragraph" else first


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_a_chinese_page_is_built_as_the_english_one(page: Path) -> None:
    other = english(page)
    assert headings(page) == headings(other)
    assert [code(block) for block in blocks(page)] == [code(block) for block in blocks(other)]
    assert tables(page) == tables(other)
    assert parts(page) == parts(other)


def named(page: Path) -> set[str]:
    """What the text of a page has as code."""
    pieces = re.split(r"\n{2,}|\n(?=\|)", ONLY_CHINESE.sub("", prose(page)))
    return {" ".join(code.split()) for piece in pieces for code in re.findall(r"`+([^`]+)`+", piece)}


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_a_chinese_page_names_what_the_english_one_names(page: Path) -> None:
    """Keys, options, commands and names are the same; what is said in Chinese stands for what is said in English."""
    ours, theirs = named(page), named(english(page))
    in_chinese = {code for code in ours - theirs if re.search(r"[\u4e00-\u9fff]|\bzh\b", code)}
    assert ours - theirs - in_chinese == set()
    assert len(theirs - ours) <= len(in_chinese), theirs - ours


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.stem)
def test_a_link_of_a_chinese_page_stays_in_chinese(page: Path) -> None:
    assert linked(written(page)) == written(page), "run: python -m tests.docs.pairs"


@pytest.mark.parametrize("page", PAIRS, ids=lambda page: page.stem)
def test_both_languages_lead_to_each_other(page: Path) -> None:
    for one in (page, english(page)):
        assert headed(one) == written(one), "run: python -m tests.docs.pairs"
