"""What is said where a scenario can not be used: its fault, before anything that is wrong with the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrograde.tui.cli.main import SUBCOMMANDS, main

WRONG = {
    "biography": ("w99",),
    "check": (),
    "code": ("-o", "there.pqr"),
    "doctor": ("--epochs", "7"),
    "figures": (),
    "flow": ("--at", "nonsense"),
    "gradcheck": (),
    "query": ("nonsense",),
    "quiz": (),
    "race": ("nobody",),
    "run": ("--until", "nonsense", "--weights", "there.pqr"),
    "samples": (),
    "slip": ("nonsense", "x"),
    "step": ("--at", "nonsense"),
    "sweep": (),
    "trace": ("--from", "nonsense"),
    "why": (),
    "worksheet": ("-o", "there.pqr"),
}
"""What else is wrong, or missing, in the call of each subcommand that takes a scenario."""
NONE = {"dap", "data", "import", "keys", "list", "mcp", "new", "open", "schema", "serve", "compare"}
"""Those that take none, or say first what they lack themselves: a terminal, a package, a recording."""


def test_every_subcommand_is_tried() -> None:
    assert set(SUBCOMMANDS) == WRONG.keys() | NONE


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "broken.toml").write_text("format = 1\n[scenario\n", encoding="utf-8")
    (folder / "empty.toml").write_bytes(b"")
    (folder / "binary.toml").write_bytes(bytes(range(128, 200)))
    (folder / "folder.toml").mkdir()
    return folder


FAULTS = {
    "broken.toml": "broken.toml:2:10: ",
    "empty.toml": "empty.toml:1:1: format: ",
    "binary.toml": "binary.toml:1:1: ",
    "folder.toml": "folder.toml: ",
    "missing.toml": "missing.toml: ",
    "missing": "missing: there is no such scenario",
    "missing.rgrec": "retrograde: there is no file missing.rgrec",
}


@pytest.mark.parametrize("command", WRONG)
def test_the_fault_of_the_file_comes_first(
    command: str, faulty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(faulty)
    for name, said in FAULTS.items():
        assert main([command, name, *WRONG[command]]) == 2, name
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.startswith(said), (name, printed.err)


@pytest.mark.parametrize("arguments", [("missing.rgrec", "mazur"), ("missing.npz", "broken.toml")])
def test_a_recording_that_is_missing_is_said_to_be(
    arguments: tuple[str, str], faulty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(faulty)
    assert main(["compare", *arguments]) == 2
    assert f"there is no file {arguments[0]}" in capsys.readouterr().err
