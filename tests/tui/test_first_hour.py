"""The first hour, key by key: what the page says that one sees stands on the screen, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrograde.engine.text import use
from tests.docs.commands import DOCS, Row, blocks, tables

NAMED = {"→": "right", "←": "left", "Backspace": "backspace", "Esc": "escape", "]": "right_square_bracket"}
PAGES = {"en": DOCS / "first-hour.md", "zh": DOCS / "first-hour.zh.md"}


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use("en")


def opened_by(page: Path) -> list[str]:
    """What the page opens before each of its tables, as the last word of the block of commands before it."""
    text = page.read_text(encoding="utf-8").splitlines()
    heads = [number for number, line in enumerate(text, 1) if line.startswith(("| press |", "| 按键 |"))]
    before = [[block for block in blocks(page) if block.language == "sh" and block.line < head][-1] for head in heads]
    return [block.commands[-1].split()[-1] for block in before]


def test_both_languages_press_the_same() -> None:
    assert tables(PAGES["en"]) == tables(PAGES["zh"])
    assert opened_by(PAGES["en"]) == opened_by(PAGES["zh"]) == ["mazur", "xor-2-2-1"]


async def gone_through(opened: Any, scenario: str, table: list[Row]) -> None:
    async with opened(scenario, size=(120, 40)) as driver:
        for row in table:
            if row.press.startswith(":"):
                await driver.write(row.press[1:])
            else:
                await driver.press(NAMED.get(row.press, row.press))

            def busy() -> bool:
                parts = getattr(driver.app.screen, "parts", None)
                return parts is not None and parts.working.work is not None

            await driver.until(lambda: not busy())
            await driver.settle()
            for text in row.shown:
                # A screen over the panels reads what it shows in a thread.
                await driver.until(lambda text=text: text in driver.text(), seconds=10)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("number", [0, 1], ids=["mazur", "xor"])
async def test_what_the_page_says_is_on_the_screen(opened: Any, language: str, number: int) -> None:
    page = PAGES[language]
    use(language)
    await gone_through(opened, opened_by(page)[number], tables(page)[number])
