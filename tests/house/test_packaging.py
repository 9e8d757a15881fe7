"""What is listed, what is on the disk and what is in the wheel are the same; and the wheel works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = {"capture": "torch", "engine": "engine", "scenarios": "scenarios", "tui": "tui"}
"""By folder: the package under `retrograde` that it is."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages_on_disk() -> set[str]:
    found = set()
    for folder, package in FOLDERS.items():
        for module in (ROOT / folder).rglob("*.py"):
            inner = module.parent.relative_to(ROOT / folder).parts
            found.add(".".join(["retrograde", package, *inner]))
    return found


def files_on_disk() -> set[str]:
    """What a wheel has: all but the sources of the catalogues, which are read compiled."""
    wanted = set()
    for folder, package in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in name and path.suffix != ".po":
                wanted.add(f"retrograde/{package}{name.removeprefix(folder)}")
    return wanted


def test_every_package_is_listed() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages_on_disk()


def test_every_package_has_an_init() -> None:
    for package in packages_on_disk():
        _retrograde, first, *inner = package.split(".")
        folder = ROOT.joinpath(next(name for name, one in FOLDERS.items() if one == first), *inner)
        assert (folder / "__init__.py").is_file(), package


def test_no_registry_or_machine_is_named() -> None:
    """Which index pip uses is the business of whoever installs."""
    hosts = ("pypi" + ".org", "python" + "hosted", "index" + "-url", "find" + "-links")
    for name in ("pyproject.toml", ".ci/run", "README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not [host for host in hosts if host in text], name


def test_every_folder_of_tests_is_run_in_one_stage() -> None:
    """By default, or named by `.ci/run`: a folder that neither knows is green whatever it holds."""
    unit = set(PROJECT["tool"]["pytest"]["ini_options"]["testpaths"])
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    named = set(re.findall(r"tests/\w+", " ".join(line for line in lines if "/pytest" in line)))
    held = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")}
    assert unit | named == held


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy, so that nothing stale in build/ can get into it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    copy.mkdir()
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.wheel
def test_the_wheel_has_every_file_and_no_other(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files_on_disk()


@pytest.mark.wheel
def test_the_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "fresh")], check=True)
    programs = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "-q", str(wheel)],
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    done = subprocess.run(
        [programs / "retrograde", "check", "mazur"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**environment, "PYTHONUTF8": "1", "LANGUAGE": "en"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mazur" in done.stdout
    shown = subprocess.run(
        [programs / "retrograde", "--version"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert shown.stdout == f"retrograde {PROJECT['project']['version']}\n"
