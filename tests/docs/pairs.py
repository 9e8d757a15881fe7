"""Has the links of Chinese pages lead to Chinese pages, where there are such: `python -m tests.docs.pairs`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.commands import DOCS

PAIRS = sorted(DOCS.glob("*.zh.md"))


def linked(text: str) -> str:
    """A Chinese page with its links to pages in Chinese where there are such."""
    chinese = {page.name.removesuffix(".zh.md") for page in PAIRS}

    def lead(found: re.Match[str]) -> str:
        return f"]({found[1]}.zh.md" if found[1] in chinese else found[0]

    return re.sub(r"(?<!\[English)\]\(([\w-]+)\.md(?=[)#])", lead, text)


def written(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


if __name__ == "__main__":
    for page in PAIRS:
        page.write_text(linked(written(page)), encoding="utf-8")
