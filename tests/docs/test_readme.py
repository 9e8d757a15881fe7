"""The READMEs are true and short: their commands make their own environment, what their tours press is there."""

from __future__ import annotations

import re

import pytest

from retrograde.tui.cli.main import SUBCOMMANDS
from retrograde.tui.commands.keys import key_rows
from retrograde.tui.debugger.table import commands
from tests.docs.commands import ROOT

ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
both = pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=["en", "zh"])


def section(readme: str, title: str) -> str:
    """The section whose title has these words."""
    (found,) = (part for part in re.split(r"^## ", readme, flags=re.MULTILINE) if title in part.partition("\n")[0])
    return found


def tour(readme: str) -> list[str]:
    """The points of the tour, each as one line."""
    title = "A tour in ten lines" if readme is ENGLISH else "十行导览"
    return re.findall(r"^\d+\. .*(?:\n {3,}.*)*", section(readme, title), flags=re.MULTILINE)


@both
def test_it_fits_on_two_screens(readme: str) -> None:
    assert len(readme.splitlines()) <= 70


@both
def test_the_two_commands_make_their_own_environment(readme: str) -> None:
    found = re.findall(r"^```sh\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    assert len(found) == 2
    assert all(command.startswith("python3 -m venv .venv && ") for command in found)
    assert all(command.count("\n") == 1 for command in found)


@both
def test_one_line_is_the_command_that_ci_runs(readme: str) -> None:
    assert len(re.findall(r"^python3 -m venv .*pytest", readme, flags=re.MULTILINE)) == 1


@both
def test_the_tour_has_ten_lines_whose_keys_and_commands_are_there(readme: str) -> None:
    lines = tour(readme)
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


def test_both_have_the_same_tour_and_the_same_table_of_pages() -> None:
    spans = [[sorted(re.findall(r"`([^`]+)`", line)) for line in tour(readme)] for readme in (ENGLISH, CHINESE)]
    assert spans[0] == spans[1]
    rows = [
        [re.findall(r"\]\((.*?)\)", line.replace(".zh.md", ".md")) for line in readme.splitlines() if line[:3] == "| ["]
        for readme in (ENGLISH, CHINESE)
    ]
    assert rows[0] == rows[1]
