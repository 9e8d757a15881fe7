"""Pages of the documentation that are written from tables, in both languages: `docs/name.md` and `docs/name.zh.md`.

What only pages say, as the meaning of a key of a scenario file, is in `docs/book/texts.zh.json`, by its English; the
rest of such a page is messages of the program, which the catalogue has.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from retrograde.engine.text import _, language, use

DOCS = Path(__file__).parents[3] / "docs"
TEXTS = DOCS / "book" / "texts.zh.json"

_ABOUT = re.compile(r"of ([a-z_]\w*(?:, [a-z_]\w*)*): (.+)", re.DOTALL)
"""A text about some names alone, which has the Chinese of the rest."""


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, and an empty one after it."""
    yield "| " + " | ".join(map(told, head)) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


@cache
def texts() -> dict[str, str]:
    """The Chinese of what only pages say, by its English."""
    return dict(json.loads(TEXTS.read_text(encoding="utf-8")))


class Untold(dict[str, str]):
    """What a page says that has no Chinese yet, each once and in the order of the page."""


untold = Untold()


def told(text: str, *, same: bool = False) -> str:
    """A text of a page in the language in use.

    Args:
        text: it in English.
        same: whether it may be the same in Chinese: a formula, a citation.
    """
    if language() == "en" or not text:
        return text
    if (found := texts().get(text)) is not None:
        return found
    if (message := _(text)) != text:
        return message
    if (about := _ABOUT.fullmatch(text)) is not None:
        return f"{about[1].replace(', ', '、')}：{told(about[2])}"
    if not same:
        untold[text] = ""
    return text


def page_of(lines: Callable[[], Iterable[str]], language: str = "en") -> str:
    """A page of some lines, in a language whatever the language in use.

    Args:
        lines: makes them.
        language: the language.
    """
    use(language)
    try:
        return "\n".join(lines()).rstrip() + "\n"
    finally:
        use("en")


def linked(page: str) -> str:
    """The name of a page for a link, in Chinese where that is in use and the page has it."""
    chinese = page.removesuffix(".md") + ".zh.md"
    return chinese if language() == "zh" and (DOCS / chinese).exists() else page


def language_of(page: Path) -> str:
    """The language of a page, which its name says."""
    return "zh" if page.name.endswith(".zh.md") else "en"


def write_page(page: Callable[[str], str]) -> None:
    """Write a page to the files that the command line names, and say what has no Chinese yet.

    Args:
        page: makes it in a language.
    """
    for file in map(Path, sys.argv[1:]):
        file.write_text(page(language_of(file)), encoding="utf-8")
    say_what_is_untold()


def say_what_is_untold() -> None:
    """Print what has no Chinese yet, as lines for the file of texts."""
    for text in untold:
        print(f"no Chinese in {TEXTS.relative_to(DOCS.parent)}: {json.dumps(text, ensure_ascii=False)}")
