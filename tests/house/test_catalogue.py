"""The catalogues of messages: complete, current, and written as one would write them by hand."""

from __future__ import annotations

import ast
import gettext
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from retrograde.engine import text
from tests import catalogue

SAY = "; run python -m tests.catalogue, and write what it lists into the .po file"


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    text.use("en")


@pytest.fixture(scope="module")
def read() -> list[tuple[str, ast.Module]]:
    return list(catalogue.sources())


@pytest.fixture(scope="module")
def messages(read: list[tuple[str, ast.Module]]) -> Catalog:
    return catalogue.template(read)


@pytest.mark.parametrize("language", catalogue.TRANSLATED)
def test_every_message_is_translated_and_none_is_left_over(language: str, messages: Catalog) -> None:
    """A message is a text of the code: new ones are translated, old ones go, fields are the same."""
    known = {message.id for message in catalogue.committed(language) if message.id}
    wanted = {message.id for message in messages if message.id}
    missing, stale = sorted(map(str, wanted - known)), sorted(map(str, known - wanted))
    assert not missing and not stale, f"missing {missing}, stale {stale}{SAY}"
    wrong = list(catalogue.problems(catalogue.updated(language, messages)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", catalogue.TRANSLATED)
def test_what_is_shipped_is_what_was_written(language: str) -> None:
    """The compiled file has the texts of the other; bytes differ with the version of the compiler."""

    def texts(compiled: bytes) -> dict[object, str]:
        found = gettext.GNUTranslations(io.BytesIO(compiled))
        return {key: value for key, value in vars(found)["_catalog"].items() if key}

    shipped = catalogue.path(language, "mo").read_bytes()
    assert texts(shipped) == texts(catalogue.compiled(catalogue.committed(language))), SAY


def test_the_checks_find_what_they_are_for() -> None:
    made = Catalog(locale="zh")
    for english, chinese in (
        ("{n} steps", "步"),
        ("as it is", "按原样w5"),
        ("a, b", "甲,乙"),
        ("a (b)", "甲 （乙）"),
        ("two words", "两个 词"),
        ("bare", ""),
        ("a  b", "甲 b"),
        ("good {n}: `x,y`", "好 {n}：`x,y`"),
    ):
        made.add(english, chinese, [("here", 1)])
    found = list(catalogue.problems(made))
    assert [problem.split("'")[1] for problem in found] == [
        "{n} steps", "as it is", "a, b", "a (b)", "two words", "bare", "a  b",
    ]  # fmt: skip


def _early(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that are made when a module is imported."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def test_nothing_is_translated_before_there_is_a_language(read: list[tuple[str, ast.Module]]) -> None:
    """A text that a module makes when it is imported would stay in the language of that moment."""
    found = [
        f"{file}:{call.lineno}"
        for file, tree in read
        for call in _early(tree)
        if isinstance(call.func, ast.Name) and call.func.id in {"_", "ngettext", "joined"}
    ]
    assert found == []


def test_what_tables_hold_is_extracted(messages: Catalog) -> None:
    """A text that `_` gets from a table is a message only where the table has it in `N_`."""
    from retrograde.engine.equations.array import Phase
    from retrograde.engine.equations.losses import LOSSES
    from retrograde.engine.equations.optimisers import OPTIMISERS
    from retrograde.engine.explaining.deficits import Cause
    from retrograde.engine.explaining.factors import FactorKind
    from retrograde.engine.explaining.nonfinite import Breakdown
    from retrograde.engine.formulas.tree import Kind
    from retrograde.engine.synonyms import SYNONYMS
    from retrograde.tui.cli.main import OPTIONS, SUBCOMMANDS, subcommand
    from retrograde.tui.cli.support.subcommand import Argument
    from retrograde.tui.debugger.panels.table import PANELS
    from retrograde.tui.debugger.table import COMMANDS

    known = {form for message in messages for form in catalogue.forms(message.id)}
    texts = [text for row in COMMANDS for text in (row.title, row.help, row.short, row.row, *row.names)]
    texts += [text for row in PANELS for text in (row.title, row.command)]
    subcommands = [subcommand(name) for name in SUBCOMMANDS]
    arguments = [*OPTIONS, *(one for row in subcommands for one in row.arguments)]
    texts += [row.help for row in (*subcommands, *arguments) if not hasattr(row, "options")]
    texts += [one.help for row in arguments for one in getattr(row, "options", ()) if isinstance(one, Argument)]
    texts += [row.title for row in LOSSES.values()]
    texts += [one.text for row in OPTIMISERS.values() for one in row.remembers.values()]
    texts += [row.note for row in SYNONYMS]
    texts += [str(member.value) for table in (Cause, FactorKind, Breakdown, Kind, Phase) for member in table]
    assert sorted({text for text in texts if text and text not in known}) == []


def test_argparse_speaks_it_too() -> None:
    """Help and errors have no English but names, in any order of languages."""
    for code, usage, missing in (("zh", "用法：", "缺少必需的参数"), ("en", "usage: ", "arguments are required")):
        run = subprocess.run(
            [sys.executable, "-m", "retrograde.tui", "run", "--language", code],
            capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert run.returncode == 2 and missing in run.stderr
        help_ = subprocess.run(
            [sys.executable, "-m", "retrograde.tui", "--help", "--language", code],
            capture_output=True, text=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert help_.stdout.startswith(usage)


def test_english_reads_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(gettext, "translation", read)
    monkeypatch.setattr(Path, "is_dir", read)
    assert text.use("en_GB.UTF-8") == "en"


def test_the_empty_text_is_no_message() -> None:
    """The empty message of a catalogue is its header."""
    text.use("zh")
    assert text._("") == ""
    assert text.joined(("甲", "", "乙"), "; ") == "甲；乙"
    assert text.lead("甲") == "甲：", "a wide mark brings its own room"
    text.use("en")
    assert text.joined(("a", "", "b"), "; ") == "a; b"
    assert text.lead("a") == "a: "


def test_the_terms_of_the_glossary_are_used() -> None:
    """Where the English has a term, the Chinese has its own, or the same word where it is a key or written so."""
    page = (catalogue.ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| ([a-z][\w -]*) \| (\S+) \|", page, re.MULTILINE)
    assert len(terms) > 50
    wrong = []
    for message in catalogue.committed("zh"):
        english, chinese = catalogue.forms(message.id)[0], catalogue.forms(message.string)[0]
        plain = re.sub(r"`[^`]*`|\{[^}]*\}|'[^']*'|\"[^\"]*\"", "", english)
        for term, meant in terms if message.id else ():
            found = re.search(rf"(?<![\w.:]){term}(?:e?s|'s)?(?![\w.=])", plain, re.IGNORECASE)
            if found and not any(word in chinese for word in (*meant.split("、"), found[0])):
                wrong.append(f"{english!r} has {term}, {chinese!r} has not {meant}")
    assert wrong == []
