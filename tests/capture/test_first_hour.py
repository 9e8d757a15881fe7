"""The last quarter of the first hour: what PyTorch records opens, becomes a scenario, and agrees with it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from retrograde.tui.cli.main import main
from tests.docs.commands import DOCS, blocks, words

pytest.importorskip("torch")


@pytest.mark.parametrize("name", ["first-hour", "first-hour.zh"])
def test_the_program_of_the_page_records_what_its_commands_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from retrograde.engine import Session, load_scenario

    monkeypatch.chdir(tmp_path)
    found = blocks(DOCS / f"{name}.md")
    (program,) = [block.text for block in found if block.language == "python"]
    Path("train.py").write_text(program, encoding="utf-8")
    runpy.run_path("train.py")
    assert Session.of_recording("step.rgrec").step is not None
    for command in [one for block in found if block.language == "sh" for one in block.commands if ".rgrec " in one]:
        assert main([word for word in words(command) if word not in {"--language", "zh"}]) == 0
    printed = capsys.readouterr().out
    assert "wrote step.toml, step.safetensors, step.npz" in printed
    assert "17 arrays agree within rounding" in printed
    assert Session(load_scenario(Path("step.toml"))).step is not None
