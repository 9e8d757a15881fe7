"""What the pages tell people to type: their blocks of commands, and what some of these need."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

NEEDS = {
    r"python3 -m venv \.venv && ": "an environment of its own: .ci/run, tests/docs/test_readme.py",
    r"\.venv/bin/": "the environment of a developer: .ci/run, or hours",
    r"python -m pip install ": "a registry of packages: .ci/run installs every extra",
    r"retrograde (serve|mcp)\b": "a browser or an agent, and an extra: tests/web, tests/programs",
    r"dask |.* --on dask:": "a cluster: tests/cluster",
    r"retrograde worksheet .*\.pdf": "LaTeX: tests/typeset",
    r"python train\.py": "PyTorch: tests/capture/test_first_hour.py",
    r"retrograde (--language zh )?(import|compare|step)\S* ?step\.(rgrec|toml)|retrograde (--language zh )?step\.": (
        "a step that PyTorch recorded: tests/capture/test_first_hour.py, tests/cli/test_import.py"
    ),
    r"retrograde import model\.safetensors": "a model of one's own: tests/cli/test_import.py",
}
"""By pattern: why a command is not run where the pages are tested, and where it is instead."""

FEWER = {"--seeds 1000": "--seeds 4", "--seeds 100 ": "--seeds 1 ", "--seeds 20": "--seeds 4"}
"""What is only long: fewer runs of the same kind."""


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its commands without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        plain = [line for line in (re.sub(r"\s+# .*$", "", line) for line in lines) if line and line[0] != "#"]
        return [one for line in plain for one in _unrolled(line)]


def _unrolled(line: str) -> list[str]:
    """A loop of the shell as the commands that it runs."""
    loop = re.fullmatch(r"for (\w+) in (.*); do (.*); done", line)
    return [line] if loop is None else [loop[3].replace(f"${loop[1]}", value) for value in loop[2].split()]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```([\w{}-]*)[^\n]*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [Block(text.count("\n", 0, one.start()) + 1, one[1], one[2]) for one in found]


def need(command: str) -> str | None:
    """Why a command is not run with the others; None where it is."""
    return next((why for pattern, why in NEEDS.items() if re.match(pattern, command)), None)


def words(command: str) -> list[str]:
    """The arguments of a command of retrograde, with fewer runs where there are very many."""
    for many, few in FEWER.items():
        command = command.replace(many, few)
    first, *rest = shlex.split(command)
    assert first == "retrograde", command
    return rest


class Row(NamedTuple):
    """A row of a table of keys: what is pressed or written, and what stands on the screen then."""

    press: str
    shown: list[str]


def tables(page: Path) -> list[list[Row]]:
    """The tables of a page whose first column is what to press."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^\| (?:press|按键) \|[^\n]*\n\| --- \|[^\n]*\n((?:\|[^\n]*\n)+)", text, flags=re.MULTILINE)
    return [[Row(*_row(line)) for line in table.splitlines()] for table in found]


def _row(line: str) -> tuple[str, list[str]]:
    press, shown = line.strip("| ").split(" | ", 1)
    return press.strip("`"), re.findall(r"`([^`]+)`", shown)
