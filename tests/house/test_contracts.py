"""Who may import whom, held by the contracts of pyproject.toml and by asking a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running the code."""
    ask = "\nimport sys; print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + ask], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_import_contracts() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_engine_loads_no_terminal() -> None:
    code = "import retrograde.engine as engine\nfor name in engine.__all__: getattr(engine, name)"
    assert not loaded_by(code) & {"textual", "rich"}


def test_a_whole_run_loads_no_terminal() -> None:
    code = "from retrograde.tui.cli.main import main; assert main(['run', 'mazur', '--epochs', '2']) == 0"
    loaded = loaded_by(code)
    assert "numpy" in loaded
    assert not loaded & {"textual", "rich"}


@pytest.mark.parametrize(
    "arguments", [["list"], ["--version"], ["--help"], ["new", "exists.toml"], ["run"], ["rnu", "x"]]
)
def test_light_commands_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "exists.toml").touch()
    code = f"import os; os.chdir({str(tmp_path)!r}); from retrograde.tui.cli.main import main; main({arguments!r})"
    assert not loaded_by(code) & {"textual", "rich", "numpy", "pydantic"}


def test_the_help_of_a_subcommand_loads_nothing_heavy() -> None:
    code = (
        "from retrograde.tui.cli.main import SUBCOMMANDS, main\n"
        "assert len(SUBCOMMANDS) > 9\n"
        "for name in SUBCOMMANDS: assert main([name, '--help']) == 0"
    )
    assert not loaded_by(code) & {"textual", "rich", "numpy", "pydantic"}


def test_the_linter_bans_a_second_copy_of_the_engine(tmp_path: Path) -> None:
    module = tmp_path / "wrong.py"
    module.write_text('"""Wrong."""\n\nimport engine.text\nfrom tui import cli\n\nprint(engine, cli)\n')
    command = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run([*command, str(module)], capture_output=True, text=True, check=False)
    assert done.stdout.count("TID251") == 2, done.stdout + done.stderr


def test_the_first_screen_waits_for_no_arithmetic() -> None:
    """The app paints first, and loads what computes after that."""
    assert not loaded_by("import retrograde.tui.app") & {"numpy", "pydantic"}
