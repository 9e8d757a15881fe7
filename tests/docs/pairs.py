"""Has both languages lead to each other, and links of Chinese pages to Chinese ones: `python -m tests.docs.pairs`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.commands import DOCS, ROOT

PAIRS = sorted(DOCS.glob("*.zh.md"))
CHINESE = [ROOT / "README.zh.md", *PAIRS]
GENERATED = {"commands", "keys", "scenarios"}
"""English pages that are written from tables."""


def written(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them, in order."""
    text = re.sub(r"^```.*?^```$", "", written(page), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def linked(text: str) -> str:
    """A Chinese page with its links to pages and headings in Chinese where there are such."""
    chinese = {page.name.removesuffix(".zh.md"): page for page in PAIRS}

    def lead(found: re.Match[str]) -> str:
        folder, name, anchor = found.groups()
        if name not in chinese:
            return found[0]
        theirs = anchors(DOCS / f"{name}.md")
        if anchor in theirs:
            # The headings of both are the same, in order.
            anchor = anchors(chinese[name])[theirs.index(anchor)]
        return f"]({folder}{name}.zh.md" + (f"#{anchor}" if anchor else "")

    return re.sub(r"(?<!\[English)\]\(((?:docs/)?)([\w-]+)(?:\.zh)?\.md(?:#([^)]*))?(?=\))", lead, text)


def english(page: Path) -> Path:
    """The English page of a Chinese one."""
    return page.with_name(page.name.replace(".zh.md", ".md"))


def headed(page: Path) -> str:
    """A page of a pair with the line below its title that leads to the other."""
    text = written(page)
    if page.stem.removesuffix(".zh") in GENERATED:
        return text
    chinese = page.name.endswith(".zh.md")
    name = page.name.removesuffix(".md")
    line = f"[English]({english(page).name}) · 简体中文" if chinese else f"English · [简体中文]({name}.zh.md)"
    title, _newline, rest = text.partition("\n")
    return text if rest.startswith(f"\n{line}\n") else f"{title}\n\n{line}\n{rest}"


if __name__ == "__main__":
    for page in PAIRS:
        for one in (page, english(page)):
            one.write_text(headed(one), encoding="utf-8")
    for page in CHINESE:
        page.write_text(linked(written(page)), encoding="utf-8")
