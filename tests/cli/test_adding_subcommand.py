"""A subcommand that is one file and one row is in the help, in the docs, parsed, run, and suggested."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from retrograde.tui import cli
from retrograde.tui.cli import main as shell
from retrograde.tui.cli.commandtable import command_page
from retrograde.tui.cli.main import main

SHOUT = '''"""`retrograde shout`: made up by a test."""

from retrograde.tui.cli.support.subcommand import Subcommand, argument, count


def shout(word: str, times: int) -> int:
    print(" ".join([word.upper()] * times))
    return 0 if times > 1 else 1


COMMAND = Subcommand(
    name="shout",
    help="say a word louder",
    arguments=(
        argument("word", metavar="WORD"),
        argument("--times", type=count, default=2, metavar="N", help="say it 100%% as often (default: 2)"),
    ),
    run=lambda given: shout(given.word, given.times),
)
'''


@pytest.fixture
def shout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shout.py").write_text(SHOUT, encoding="utf-8")
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    monkeypatch.setattr(shell, "SUBCOMMANDS", (*shell.SUBCOMMANDS, "shout"))
    monkeypatch.setattr("retrograde.tui.cli.commandtable.SUBCOMMANDS", shell.SUBCOMMANDS)


@pytest.mark.usefixtures("shout")
class TestAMadeUpSubcommand:
    def test_it_is_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["shout", "help", "--times", "3"]) == 0
        assert capsys.readouterr().out == "HELP HELP HELP\n"
        assert main(["--language", "en", "shout", "--times", "1", "help"]) == 1

    def test_its_arguments_are_checked(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments, part in ((["shout"], "required: WORD"), (["shout", "x", "--times", "0"], "whole number from 1")):
            assert main(arguments) == 2
            assert part in capsys.readouterr().err

    def test_help_lists_and_explains_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--help"]) == 0
        assert "    shout               say a word louder\n" in capsys.readouterr().out
        assert main(["shout", "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("usage: retrograde shout ")
        assert "say it 100% as often" in out

    def test_the_docs_describe_it(self) -> None:
        page = command_page()
        assert "| [`retrograde shout`](#retrograde-shout) | say a word louder |" in page
        assert "```text\nretrograde shout WORD [--times N]\n```" in page
        assert "| `--times N` | say it 100% as often (default: 2) |" in page

    def test_what_is_nearly_its_name_is_told_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["shuot", "help"]) == 2
        assert capsys.readouterr().err == (
            "retrograde: unrecognized arguments: help; did you mean shout? (see retrograde --help)\n"
        )


def test_a_scenario_is_not_taken_for_a_subcommand_that_is_nearly_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "SUBCOMMANDS", (*shell.SUBCOMMANDS, "mazurka"))
    assert main(["mazur", "more"]) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_every_file_that_states_a_subcommand_is_a_row() -> None:
    modules = {info.name: import_module(f"{cli.__name__}.{info.name}") for info in iter_modules(cli.__path__)}
    stated = {name for name, module in modules.items() if hasattr(module, "COMMAND")}
    assert stated == set(shell.SUBCOMMANDS)
    assert [name for name in shell.SUBCOMMANDS if shell.subcommand(name).name != name] == []
