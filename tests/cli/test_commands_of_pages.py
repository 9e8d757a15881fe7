"""The commands of the pages of docs/, as they stand there: each runs, and prints what the page says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from retrograde.engine.text import use
from retrograde.tui.cli.main import main
from tests.docs.commands import PAGES, blocks, need, words

WITH_COMMANDS = [
    page
    for page in PAGES
    if any(not need(one) for block in blocks(page) if block.language == "sh" for one in block.commands)
]
FINDS = {"doctor": {0, 1}, "check": {0, 1}}
"""Commands whose exit code is what they found."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder of its own, and an app that reads what it would show, which tests/tui/test_first_hour.py does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    # Nobody answers what is asked.
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr("retrograde.tui.cli.open._require_terminal", lambda: None)
    monkeypatch.setattr("retrograde.tui.app.run_app", opened)
    yield
    use("en")


def opened(source: Any = None, **_options: Any) -> int:
    from retrograde.engine import Session, load_scenario

    assert Session(load_scenario(source)).step is not None
    return 0


def ran(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs one command of a page in this process."""
    if command.startswith("printf "):
        text, _bar, command = command.partition(" | ")
        monkeypatch.setattr("sys.stdin", io.StringIO(text.split("'")[1].replace("\\n", "\n")))
    # What another program makes of the output is its own affair.
    given = words(command.partition(" | jq ")[0])
    name = next((word for word in given if word in FINDS), "")
    assert main(given) in FINDS.get(name, {0}), command


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_run_and_print_what_the_page_says(
    page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = ""
    for block in blocks(page):
        if block.language == "sh":
            printed = ""
            for command in block.commands:
                if need(command) is None:
                    ran(command, monkeypatch)
                    printed += capsys.readouterr().out
        elif block.language == "text" and printed:
            lines = [" ".join(line.split()) for line in printed.splitlines()]
            for line in block.text.splitlines():
                assert any(" ".join(line.split()) in one for one in lines), f"line {block.line}: {line}"
            printed = ""
