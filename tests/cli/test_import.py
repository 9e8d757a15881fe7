"""`retrograde import`, `compare` and `run --weights`, as a shell calls them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from retrograde.engine.scenario.weights.files import open_tensors, write_tensors
from retrograde.tui.cli.main import main

DATA = Path(__file__).parent.parent / "importing" / "data"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_weights_go_out_and_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "iris", "--epochs", "2", "--weights", "trained.safetensors"]) == 0
    assert "wrote 67 numbers of weights to trained.safetensors" in capsys.readouterr().out
    assert main(["import", "trained.safetensors", "--like", "iris", "-o", "mine.toml"]) == 0
    assert "by name" in capsys.readouterr().out
    assert main(["run", "mine.toml", "--epochs", "1", "--weights", "again.npz"]) == 0
    assert main(["run", "iris", "--epochs", "3", "--weights", "three.npz"]) == 0
    # Batches are shuffled by epoch, so that only what does not depend on the epoch is equal: names and shapes.
    again, three = (open_tensors(Path(name)).tensors for name in ("again.npz", "three.npz"))
    assert {name: one.shape for name, one in again.items()} == {name: one.shape for name, one in three.items()}


def test_a_recorded_step_becomes_a_scenario_that_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    Path("step.rgrec").write_bytes(gzip.decompress((DATA / "resnet.rgrec.gz").read_bytes()))
    assert main(["import", "step.rgrec", "--as", "scenario"]) == 0
    assert "wrote step.toml, step.safetensors, step.npz" in capsys.readouterr().out
    assert main(["compare", "step.rgrec", "step.toml"]) == 0
    assert "agree within rounding" in capsys.readouterr().out
    assert main(["compare", "step.rgrec", "step.toml", "--json"]) == 0
    assert all(row["agrees"] for row in json.loads(capsys.readouterr().out))
    tensors = {name: one.read() for name, one in open_tensors(Path("step.safetensors")).tensors.items()}
    tensors["1.c1.weight"][0, 1, 2, 0] += 1e-3
    write_tensors(Path("step.safetensors"), tensors)
    assert main(["compare", "step.rgrec", "step.toml"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("before the step: 1.c1.weight[1,2,3,1] is ")
    assert "first op that differs: aten.convolution.default in 1.c1" in said
    assert main(["import", "step.rgrec"]) == 2
    assert "step.toml exists; nothing was written" in capsys.readouterr().err


def test_a_network_of_onnx_becomes_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(DATA / "deep.onnx"), "-o", "net.toml"]) == 0
    assert "write yours into net.toml" in capsys.readouterr().out
    assert main(["run", "net.toml", "--epochs", "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "x.pt"], "save safetensors in PyTorch"),
        (["import", "x.safetensors", "--like", "iris"], "there is no file x.safetensors"),
        (["import", "a.safetensors"], "say which with --like"),
        (["import", "a.safetensors", "--like", "iris", "-o", "x.txt"], "ends in .toml"),
        (["import", "a.safetensors", "--like", "iris", "-o", "no/x.toml"], "no is not a folder"),
        (["import", "a.safetensors", "--like", "iris", "--map", "h"], "PREFIX=LAYER"),
        (["import", "a.safetensors", "--like", "iris", "--map", "a=q"], "there is no layer q with weights"),
        (["import", "a.safetensors", "--like", "iris"], "nothing in the file fits"),
        (["run", "iris", "--weights", "x.bin"], "end in .safetensors or .npz"),
        (["compare", "iris", "iris"], "there is no file iris"),
        (["compare", "a.safetensors", "a.safetensors"], "is no recording"),
    ],
)
def test_what_can_not_be_done_is_one_message(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tensors(Path("a.safetensors"), {})
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(Path().glob("*.toml"))
