"""Steps of PyTorch in float64 become scenarios that compute the same, and train on as PyTorch does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")

import retrograde.torch as rg  # noqa: E402
from retrograde.engine import Session, load_scenario  # noqa: E402
from retrograde.engine.importing.comparing import compared  # noqa: E402
from retrograde.engine.importing.recorded import RefusedError, map_recording  # noqa: E402
from retrograde.engine.recording.recording import load_recording  # noqa: E402
from retrograde.engine.session.weights import weight_tensors  # noqa: E402
from tests.capture.models import CASES, Case  # noqa: E402

MAPPED = ("mlp", "mlp-adamw", "lenet", "resnet", "efficient", "transformer", "autoencoder", "unet")
REFUSED = {
    "llama": "aten.pow.Tensor_Scalar",
    "experts": "aten.topk.default",
    "autocast": "it rounds to bfloat16",
}


@pytest.fixture(autouse=True)
def _in_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def recorded(name: str, path: Path) -> Case:
    """The second step of a training."""
    torch.manual_seed(5)
    case = CASES[name]()
    case.step()
    with rg.record(path, case.model, case.optimizer):
        case.step()
    return case


@pytest.mark.parametrize("name", MAPPED)
def test_a_step_of_pytorch_is_computed_again(name: str, tmp_path: Path) -> None:
    recorded(name, tmp_path / "step.rgrec")
    recording = load_recording(tmp_path / "step.rgrec")
    map_recording(recording).write(tmp_path / "again.toml")
    rows = compared(recording, Session(load_scenario(tmp_path / "again.toml")))
    wide = [row for row in rows if not row.agrees]
    # Gradients of a millionth of what they are the sum of have lost as many digits, in PyTorch as here.
    assert all(row.kind in {"gradient", "update"} and row.relative < 1e-10 for row in wide), wide[:1]
    assert len(wide) <= len(rows) // 4 if name == "efficient" else not wide


def test_an_lstm_that_runs_as_one_operator(tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float32)
    recorded("lstm", tmp_path / "step.rgrec")
    recording = load_recording(tmp_path / "step.rgrec")
    mapped = map_recording(recording)
    mapped.write(tmp_path / "again.toml")
    assert [node.kind for node in mapped.draft.nodes] == ["embedding", "lstm", "dense"]
    rows = compared(recording, Session(load_scenario(tmp_path / "again.toml")))
    assert [row for row in rows if not row.agrees and row.kind != "update"] == []
    assert any(row.computed == "out_cell" for row in rows)


@pytest.mark.parametrize("name", ["mlp", "lenet", "resnet", "autoencoder"])
def test_it_trains_on_as_pytorch_does(name: str, tmp_path: Path) -> None:
    case = recorded(name, tmp_path / "step.rgrec")
    map_recording(load_recording(tmp_path / "step.rgrec")).write(tmp_path / "again.toml")
    session = Session(load_scenario(tmp_path / "again.toml"))
    for updates in (1, 2, 3):
        found = weight_tensors(session, updates)
        for key, value in case.model.state_dict().items():
            if "num_batches" not in key:
                assert np.allclose(found[key], value.numpy(), rtol=1e-9, atol=1e-11), (updates, key)
        case.step()


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_layer_is_refused_by_name(name: str, tmp_path: Path) -> None:
    # Autocast leaves float64 as it is.
    torch.set_default_dtype(torch.float32)
    recorded(name, tmp_path / "step.rgrec")
    with pytest.raises(RefusedError) as caught:
        map_recording(load_recording(tmp_path / "step.rgrec"))
    assert REFUSED[name] in str(caught.value)
    assert "models.py:" in str(caught.value)
