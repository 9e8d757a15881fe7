"""How Sphinx makes the book of docs/, in one language at a time: `python -m tests.book` (docs/development.md).

English pages are ``name.md``, their Chinese ``name.zh.md``; where there is none the Chinese book has the English page,
and says so. Which pages there are, in which part and order, is the lists of ``index.md``.
"""

from __future__ import annotations

import re
from gettext import NullTranslations
from pathlib import Path

import jupytext
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

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
html_static_path = ["book.css"]
html_css_files = ["book.css"]
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

_GITHUB = re.compile(r"^(?:English · \[简体中文\]|\[English\]).*$\n\n?|^```mermaid\n(?:.*\n)*?```$\n\n?", re.MULTILINE)
_NOTEBOOK = {"en": "This page as a notebook", "zh_CN": "本页作为笔记本"}
_WIDE, _MARK = "\u2e80-\u9fff\uf900-\uffef“”", "，。；：、！？（）“”"
_BREAK = re.compile(rf"(?<=[{_WIDE}])\n *(?=[{_WIDE}])|(?<=[{_MARK}])\n *(?=[A-Za-z`\[(])|(?<=[^\n|])\n *(?=[{_MARK}])")
"""The end of a line where Chinese has no blank: between two characters, and beside a mark."""
_FURO = {
    "Next": "下一页",
    "Previous": "上一页",
    "Home": "首页",
    "On this page": "本页内容",
    "Back to top": "回到顶部",
    "Made with ": "制作：",
}
_FALLBACK = "\n> 本页还没有中文译文，下面是英文。\n"
_LINK = re.compile(r"^- \[([^\]]*)\]\(([\w-]+)(?:\.zh)?\.md\)", re.MULTILINE)


def _chinese(name: str, text: str) -> str:
    """The Chinese of a page, with its links to Chinese pages, which the book has under their English names."""
    page = DOCS / f"{name}.zh.md"
    if not page.exists():
        return re.sub(r"\A(#[^\n]*\n)", rf"\1{_FALLBACK}", text)
    return _unbroken(re.sub(r"\]\(([\w-]+)\.zh\.md(?=[)#])", r"](\1.md", page.read_text(encoding="utf-8")))


def _unbroken(text: str) -> str:
    """A Chinese text without the ends of its lines, each of which would be a blank between two characters."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _BREAK.sub("", part) for part in parts)


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


def _text(app: Sphinx, name: str, text: str) -> str:
    """A page in the language of the book, without what is for GitHub: drawings, and the link to the other language."""
    return _GITHUB.sub("", _chinese(name, text) if app.config.language == "zh_CN" else text)


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = _text(app, name, source[0])
    if name == "index":
        source[0] = _contents(source[0])
    elif name == "notebook":
        link = f'<a href="notebook.ipynb" download>{_NOTEBOOK[app.config.language]}</a>'
        source[0] = source[0].replace("\n", f"\n\n{link}\n", 1)


def _notebook(app: Sphinx, error: Exception | None) -> None:
    """Writes the page about notebooks as one."""
    if error is None:
        text = _text(app, "notebook", (DOCS / "notebook.md").read_text(encoding="utf-8"))
        made = jupytext.reads(text, fmt="md")
        made.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        for number, cell in enumerate(made.cells):
            # Else drawn anew each time.
            cell["id"] = f"cell-{number}"
        jupytext.write(made, Path(app.outdir) / "notebook.ipynb")


class _Search(SearchLanguage):
    """Finds Chinese by pairs of characters, in the index as in what is asked for; Sphinx needs a dictionary for that.

    Its own search of Chinese ends in an error besides (9.0.4: sphinx-doc/sphinx#14229).
    """

    lang = "zh"
    language_name = "Chinese"
    js_splitter_code = """
var splitQuery = (query) =>
  (query.match(/[\\u4e00-\\u9fff]+|(?:(?![\\u4e00-\\u9fff])[\\p{L}\\p{N}_])+/gu) || []).flatMap((run) =>
    /[\\u4e00-\\u9fff]{2}/.test(run) ? Array.from(run.slice(1), (one, at) => run[at] + one) : [run]);
"""

    def split(self, text: str) -> list[str]:
        found = []
        for run in re.findall(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+", text):
            wide = len(run) > 1 and "\u4e00" <= run[0] <= "\u9fff"
            found += [run[at : at + 2] for at in range(len(run) - 1)] if wide else [run]
        return found


class _Chinese(NullTranslations):
    """What the theme says, of which Sphinx has no Chinese."""

    def gettext(self, message: str) -> str:
        return _FURO.get(message, message)


def setup(app: Sphinx) -> None:
    """Registers what changes pages while they are read, and what is written beside them."""
    app.connect("source-read", _read)
    app.connect("build-finished", _notebook)
    app.add_search_language(_Search)
    if app.config.language == "zh_CN":
        app.translator.add_fallback(_Chinese())
