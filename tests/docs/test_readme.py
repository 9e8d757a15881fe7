"""The README is true and short: its commands make their own environment, what its tour presses is there."""

from __future__ import annotations

import re
from pathlib import Path

from retrograde.tui.cli.main import SUBCOMMANDS
from retrograde.tui.commands.keys import key_rows
from retrograde.tui.debugger.table import commands

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## A tour in ten lines\n")[2].partition("\n## ")[0]


def test_it_fits_on_two_screens() -> None:
    assert len(README.splitlines()) <= 70


def test_the_two_commands_make_their_own_environment() -> None:
    found = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    assert len(found) == 2
    assert all(command.startswith("python3 -m venv .venv && ") for command in found)
    assert all(command.count("\n") == 1 for command in found)


def test_one_line_is_the_command_that_ci_runs() -> None:
    assert len(re.findall(r"^python3 -m venv .*pytest", README, flags=re.MULTILINE)) == 1


def test_the_tour_has_ten_lines_whose_keys_and_commands_are_there() -> None:
    lines = [line for line in TOUR.splitlines() if re.match(r"\d+\. ", line)]
    assert len(lines) == 10
    keys = {key.replace(" ", "") for row in key_rows(commands()) for group in row.groups for key in group}
    words = {command.word for command in commands()} - {""}
    spans = [span for line in lines for span in re.findall(r"`([^`]+)`", line)]
    assert len(spans) > 20
    for span in spans:
        first = span.split()[0]
        if first == "retrograde":
            assert span.split()[1] in SUBCOMMANDS, span
        elif first.startswith(":") and not first[1].isdigit():
            assert first[1:] in words, span
        elif not first.startswith(":"):
            assert span in {*keys, "mazur"}, span
