"""Pages of the documentation that are written from a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from retrograde.engine.text import use


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, and an empty one after it."""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def in_english(lines: Callable[[], Iterable[str]]) -> str:
    """A page of some lines, in English whatever the language in use."""
    use("en")
    return "\n".join(lines()).rstrip() + "\n"


def write_page(page: Callable[[], str]) -> None:
    """Write a page to the file that the command line names."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
