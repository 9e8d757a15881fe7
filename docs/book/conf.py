"""How Sphinx makes the book of docs/, in one language at a time: `python -m tests.book` (docs/development.md).

English pages are ``name.md``, their Chinese ``name.zh.md``; where there is none the Chinese book has the English page,
and says so. Which pages there are, in which part and order, is the lists of ``index.md``.
"""

from __future__ import annotations

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

DOCS = Path(__file__).parent.parent

project = "Retrograde"
author = "The Retrograde authors"
# No day stands in the book: the same pages are the same book.
html_last_updated_fmt = None
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["*.zh.md", "book"]
myst_heading_anchors = 4
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
templates_path = ["."]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

_FALLBACK = "\n> 本页还没有中文译文，下面是英文。\n"
_LINK = re.compile(r"^- \[([^\]]*)\]\(([\w-]+)(?:\.zh)?\.md\)", re.MULTILINE)


def _chinese(name: str, text: str) -> str:
    """The Chinese of a page, with its links to Chinese pages, which the book has under their English names."""
    page = DOCS / f"{name}.zh.md"
    if not page.exists():
        return re.sub(r"\A(#[^\n]*\n)", rf"\1{_FALLBACK}", text)
    return re.sub(r"\]\(([\w-]+)\.zh\.md(?=[)#])", r"](\1.md", page.read_text(encoding="utf-8"))


def _contents(text: str) -> str:
    """The front page with the parts of the book, which are its lists."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    trees = []
    for part in parts[1:]:
        title, pages = part.partition("\n")[0], _LINK.findall(part)
        if pages:
            names = "\n".join(f"{called} <{page}>" for called, page in pages)
            trees.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{names}\n```\n")
    return text + "\n" + "\n".join(trees)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if app.config.language == "zh_CN":
        source[0] = _chinese(name, source[0])
    if name == "index":
        source[0] = _contents(source[0])
    # The line that leads to the other language on GitHub; in the book each page has that link.
    source[0] = re.sub(r"^(English · \[简体中文\]|\[English\]).*$\n", "", source[0], flags=re.MULTILINE)


def setup(app: Sphinx) -> None:
    """Registers what changes pages while they are read."""
    app.connect("source-read", _read)
    # A drawing for GitHub; in the book it is its text.
    app.add_lexer("mermaid", TextLexer)
