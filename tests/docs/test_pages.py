"""The pages of docs/: links lead somewhere, generated pages are up to date, the examples of docs/python.md run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import retrograde.engine
from retrograde.engine import load_scenario
from retrograde.engine.session.published import check
from retrograde.tui.cli.commandtable import command_page
from retrograde.tui.cli.keytable import key_page
from retrograde.tui.cli.main import SUBCOMMANDS
from retrograde.tui.cli.reference import glossary, reference, training, why
from retrograde.tui.cli.support.markdown import TEXTS, untold
from tests.docs.pairs import anchors

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
PYTHON = (DOCS / "python.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize(("index", "readme"), [("index.md", "README.md"), ("index.zh.md", "README.zh.md")])
def test_the_book_has_every_page_once_and_the_readme_leads_to_it(index: str, readme: str) -> None:
    assert f"(docs/{index})" in (ROOT / readme).read_text(encoding="utf-8")
    text = (DOCS / index).read_text(encoding="utf-8")
    listed = re.findall(r"^- \[[^\]]+\]\((\S+)\)", text, flags=re.MULTILINE)
    pages = {page.name for page in DOCS.glob("*.md") if not page.name.endswith(".zh.md")} - {"index.md"}
    ending = index.removeprefix("index")
    translated = {name.removesuffix(".md") + ending: name for name in pages}
    pages = {name if (DOCS / name).exists() else english for name, english in translated.items()}
    assert pages - set(listed) == set(), f"a page that docs/{index} does not list"
    assert sorted(listed) == sorted(pages)


def test_the_api_page_has_every_public_name() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^\.\. auto\w+:: retrograde\.engine\.(\w+)$", page, flags=re.MULTILINE)
    assert sorted(named) == sorted(retrograde.engine.__all__)


GENERATED: dict[str, Callable[[str], str]] = {"keys": key_page, "commands": command_page, "scenarios": reference}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(name: str, language: str) -> None:
    made = GENERATED[name](language)
    (command,) = re.findall(r"`(python -m retrograde\.[\w.]+) docs/", made) or [
        "python -m retrograde.tui.cli.reference"
    ]
    pages = f"{DOCS.name}/{name}.md {DOCS.name}/{name}.zh.md"
    file = DOCS / (f"{name}.md" if language == "en" else f"{name}.zh.md")
    assert made == file.read_text(encoding="utf-8"), f"run: {command} {pages}"


def test_the_chinese_glossary_is_that_of_the_english_one() -> None:
    file = DOCS / "glossary.zh.md"
    assert glossary("", "zh") == file.read_text(encoding="utf-8"), f"run: python -m retrograde.tui.cli.reference {file}"


def test_all_that_generated_pages_say_has_chinese() -> None:
    untold.clear()
    for page in GENERATED.values():
        page("zh")
    for renew in (glossary, why, training):
        renew("", "zh")
    assert list(untold) == [], f"write the Chinese into {TEXTS}"


def test_every_subcommand_has_a_section_and_no_other() -> None:
    titles = re.findall(r"^## retrograde (\w+)$", command_page(), flags=re.MULTILINE)
    assert titles == list(SUBCOMMANDS)


def block(language: str, title: str) -> str:
    part = PYTHON.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def ran(code: str, folder: Path) -> str:
    """What the code prints; a warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_page_names_what_is_public() -> None:
    table = PYTHON.partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(retrograde.engine.__all__)


def test_the_first_example_runs(tmp_path: Path) -> None:
    code = block("python", "Steps")
    assert 10 <= len(code.strip().splitlines()) <= 15
    assert "∂E/∂w5 = 0.08216704056423078" in ran(code, tmp_path)


def test_the_journey_runs(tmp_path: Path) -> None:
    found, signs, largest, different, drift = ran(block("python", "Travel in time"), tmp_path).splitlines()
    assert re.fullmatch(r"\d+ \d+", found)
    assert re.fullmatch(r"\[\d+(, \d+)*\]", signs)
    assert largest.startswith("Extreme(value=0.00120095")
    assert int(different) > 99 * 39
    assert drift == "None"
    assert (tmp_path / "mazur.session.json").exists()


def test_the_scenario_loads(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(block("toml", "A scenario"), encoding="utf-8")
    assert all(finding.ok for finding in check(load_scenario(file)))
