"""The book is built without a warning, in both languages, and asks nothing of another host; needs the extra docs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.commands import DOCS, ROOT, blocks

pytest.importorskip("sphinx", reason="the book needs the extra docs")
pytest.importorskip("furo", reason="the book needs the extra docs")
pytest.importorskip("jupytext", reason="the book needs the extra docs")


class Asked(HTMLParser):
    """Collects what a page has a browser load, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        else:
            self.loaded += [
                given[name] for name in ("href", "src", "srcset", "data", "poster", "action") if name in given
            ]
        self.anchors.add(given.get("id", ""))


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "book"
    # A process of its own: here a warning of a library is an error.
    made = [sys.executable, "-m", "tests.book", str(out)]
    done = subprocess.run(made, capture_output=True, text=True, encoding="utf-8", check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return out


@pytest.fixture(scope="module")
def pages(book: Path) -> dict[Path, Asked]:
    found = {}
    for page in book.rglob("*.html"):
        found[page] = Asked()
        found[page].feed(page.read_text(encoding="utf-8"))
    return found


def test_every_page_is_there_in_both_languages(book: Path) -> None:
    names = {page.stem for page in DOCS.glob("*.md") if not page.stem.endswith(".zh")}
    for folder in (book, book / "zh"):
        assert {name for name in names if not (folder / f"{name}.html").exists()} == set()


def test_nothing_is_asked_of_another_host(book: Path, pages: dict[Path, Asked]) -> None:
    for page, asked in pages.items():
        assert [one for one in asked.loaded if re.match(r"(\w+:)?//", one)] == [], page.name
    for sheet in book.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_links_and_files_are_in_the_book(pages: dict[Path, Asked]) -> None:
    for page, asked in pages.items():
        for link in [*asked.links, *asked.loaded]:
            name, _hash, anchor = link.partition("#")
            name = name.partition("?")[0]
            if re.match(r"\w+:", link):
                continue
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or target not in pages or anchor in pages[target].anchors, f"{page.name}: {link}"


def test_each_language_is_its_own(book: Path) -> None:
    told = {folder: (folder / "first-hour.html").read_text(encoding="utf-8") for folder in (book, book / "zh")}
    assert "四个一刻钟" not in told[book]
    assert "四个一刻钟" in told[book / "zh"]
    assert 'href="zh/first-hour.html"' in told[book]
    assert 'href="../first-hour.html"' in told[book / "zh"]
    assert "文档字符串只有英文" in (book / "zh" / "api.html").read_text(encoding="utf-8")
    assert "下一页" in told[book / "zh"]
    for name, words in (("keys", "前进"), ("commands", "参数"), ("index", "怎样做")):
        assert words in (book / "zh" / f"{name}.html").read_text(encoding="utf-8"), name


def test_chinese_is_found_by_pairs_of_characters(book: Path) -> None:
    """Sphinx finds no Chinese without a dictionary, and 9.0.4 nothing at all in a Chinese book."""
    index = (book / "zh" / "searchindex.js").read_text(encoding="utf-8")
    terms = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["terms"]
    assert {"梯度", "学习", "习率", "pytorch"} <= terms.keys()
    code = (book / "zh" / "_static" / "language_data.js").read_text(encoding="utf-8")
    assert "ChineseStemmer" not in code
    assert "var Stemmer" in code
    assert "var splitQuery" in code


def test_ends_of_lines_are_no_blanks_between_characters(book: Path) -> None:
    page = re.sub(r"<pre>.*?</pre>", "", (book / "zh" / "training.html").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"[\u4e00-\u9fff，。；：]\n[\u4e00-\u9fff，。；：]", page) == []


@pytest.mark.parametrize(("folder", "page"), [("", "notebook.md"), ("zh", "notebook.zh.md")])
def test_the_page_about_notebooks_is_one(book: Path, folder: str, page: str) -> None:
    """Its cells are the blocks of the page, which tests/writing/test_notebook.py runs."""
    made = json.loads((book / folder / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]
    assert cells == [block.text.rstrip("\n") for block in blocks(DOCS / page) if block.language == "python"]


def test_no_page_of_the_chinese_book_is_left_in_english(book: Path) -> None:
    left = [page.stem for page in (book / "zh").glob("*.html") if "还没有中文译文" in page.read_text(encoding="utf-8")]
    assert left == []


def test_the_api_is_written_from_docstrings(book: Path) -> None:
    page = (book / "api.html").read_text(encoding="utf-8")
    for name in ("Session.add_breakpoint", "Session.seek", "load_scenario", "sweep", "Step.operands"):
        assert f'.{name}"' in page, name
    assert "A cursor over the steps of a training" in page
