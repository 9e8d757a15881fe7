"""The README is true: its example runs, its scenario loads, its key table is the app's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from retrograde.engine import load_scenario

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, title: str) -> str:
    part = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_two_commands_make_their_own_environment() -> None:
    commands = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    assert all(command.startswith("python3 -m venv .venv && ") for command in commands)
    assert all(command.count("\n") == 1 for command in commands)


def test_the_python_example_runs() -> None:
    code = block("python", "From Python")
    assert 10 <= len(code.strip().splitlines()) <= 15
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "∂E/∂w5 = 0.08216704056423078" in done.stdout


def test_the_journey_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block("python", "Travel in time")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found, signs, largest, different, drift = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ \d+", found)
    assert re.fullmatch(r"\[\d+(, \d+)*\]", signs)
    assert largest.startswith("Extreme(value=0.00120095")
    assert int(different) > 99 * 39
    assert drift == "None"
    assert (tmp_path / "mazur.session.json").exists()


def test_the_scenario_loads(tmp_path: Path) -> None:
    from retrograde.engine.session.published import check

    file = tmp_path / "example.toml"
    file.write_text(block("toml", "A scenario"), encoding="utf-8")
    assert all(finding.ok for finding in check(load_scenario(file)))


def test_every_command_is_described() -> None:
    from retrograde.tui.cli.main import SUBCOMMANDS

    for command in SUBCOMMANDS:
        if command != "open":
            assert f"`retrograde {command}" in README


def test_every_relative_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_key_table_is_the_app_s() -> None:
    keytable = pytest.importorskip("retrograde.tui.cli.keytable")
    assert keytable.inserted(README) == README, "run: python -m retrograde.tui.cli.keytable README.md"


def test_the_reference_of_scenario_files_is_that_of_the_models() -> None:
    reference = pytest.importorskip("retrograde.tui.cli.reference")
    written = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert reference.reference() == written, "run: python -m retrograde.tui.cli.reference docs/scenarios.md"
