"""Steps of PyTorch in float64 become scenarios that compute the same, and train on as PyTorch does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")

import retrograde.torch as rg  # noqa: E402
from retrograde.engine import Session, load_scenario  # noqa: E402
from retrograde.engine.equations.arithmetic import Floats  # noqa: E402
from retrograde.engine.importing.comparing import compared  # noqa: E402
from retrograde.engine.importing.recorded import RefusedError, map_recording  # noqa: E402
from retrograde.engine.importing.rounding import running_bounds  # noqa: E402
from retrograde.engine.recording.checking import FACTOR  # noqa: E402
from retrograde.engine.recording.form import DTYPES  # noqa: E402
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
    assert [row for row in rows if not row.agrees] == []


def again(name: str, folder: Path) -> tuple[Session, Callable[[str], Floats], Callable[[str], Floats]]:
    """A step and its scenario, with what reads an array of the one and of the other by its name."""
    recorded(name, folder / "step.rgrec")
    recording = load_recording(folder / "step.rgrec")
    map_recording(recording).write(folder / "again.toml")
    session = Session(load_scenario(folder / "again.toml"))
    frame, numbers = session.timeline.frame(0), {one.name: n for n, one in enumerate(recording.records.values)}
    return (
        session,
        lambda one: recording.file.floats(numbers[one]),
        lambda one: frame.array(frame.program.named[one]),
    )


def bounds(session: Session) -> Callable[[str], Floats]:
    """How far each value can be from that of exact arithmetic: the running bound from the leaves on."""
    frame = session.timeline.frame(0)
    found = running_bounds(frame, DTYPES["float64"], {})
    assert found is not None
    return lambda name: FACTOR * found[frame.program.named[name]]


def test_the_gradient_of_a_scale_before_a_norm_is_what_epsilon_leaves_of_it(tmp_path: Path) -> None:
    """x̂ = (s·y − μ)/√(σ² + ε) does not change with s but for ε: s·∂x̂/∂s = x̂·ε/(σ² + ε).

    So ∂E/∂s = Σ ∂E/∂x̂ · x̂ · ε/(σ² + ε)/s, whose terms do not cancel, as those of Σ ∂E/∂x · y do: this is the value that
    both sides are held to, within what rounding can do in their sum.
    """
    session, theirs, ours = again("efficient", tmp_path)
    can, scale = bounds(session), ours("out_l0_up")
    each = ours("grad(xhat_l0_inst)") * ours("xhat_l0_inst") * 1e-5 * ours("rstd_l0_inst").reshape(2, 4, 1, 1) ** 2
    exact = each.sum(axis=(2, 3)).reshape(scale.shape) / scale
    sums = np.abs(ours("grad(out_l0_multiply)") * ours("out_l0_silu")).sum(axis=(2, 3))
    # A thousandth of its terms and less: it has lost three digits and more.
    assert (np.abs(exact).reshape(sums.shape) < 1e-3 * sums).all()
    assert (np.abs(ours("grad(out_l0_up)") - exact) <= can("grad(out_l0_up)")).all()
    bias = (exact * ours("slope_l0_up")).reshape(2, 4).sum(axis=0)
    for found in (theirs("grad(0.up.bias)"), ours("grad(b_l0_up)")):
        assert (np.abs(found - bias) <= can("grad(b_l0_up)").reshape(-1)).all()
    assert (can("grad(b_l0_up)") < 1e-3 * np.abs(bias).max()).all()


def test_what_adam_makes_of_a_gradient_that_is_zero(tmp_path: Path) -> None:
    """A key's bias adds the same to all scores of a query, which its softmax does not see: ∂E/∂b_k = 0.

    What is there is rounding, g, on both sides. Of exact zeros Adam makes u(0) = η·m̂₀/(√v̂₀ + ε), with
    m̂₀ = β₁m/(1 − β₁ᵗ) and v̂₀ = β₂v/(1 − β₂ᵗ). |√(a² + b²) − a| ≤ |b|, so u(g) is no further from it than
    η/ε · |g| · ((1 − β₁)/(1 − β₁ᵗ) + √((1 − β₂)/(1 − β₂ᵗ)) · |m̂₀|/ε).
    """
    session, theirs, ours = again("transformer", tmp_path)
    can, rate, epsilon = bounds(session), 0.01, 1e-8
    for number in (0, 1):
        name, layer = f"blocks.layers.{number}.self_attn.in_proj_bias", f"layers_{number}_self_attn"
        keys = slice(8, 16)
        found = theirs(f"grad({name})").reshape(-1)[keys], ours(f"grad(bk_{layer})").reshape(-1)
        for gradient in found:
            assert (np.abs(gradient) <= can(f"grad(bk_{layer})").reshape(-1)).all()
        # The others are none.
        assert (np.abs(theirs(f"grad({name})").reshape(-1)[:8]) > 2.0 * can(f"grad(bq_{layer})").reshape(-1)).any()
        before = theirs(name)[keys]
        m, v = (theirs(f"{one}({name})")[keys] for one in ("exp_avg", "exp_avg_sq"))
        m, v = 0.9 * m / (1 - 0.9**2), 0.999 * v / (1 - 0.999**2)
        exact = before * (1 - rate * 0.01) - rate * m / (np.sqrt(v) + epsilon)
        for gradient, new in zip(found, (theirs(f"new({name})")[keys], ours(f"new(bk_{layer})")), strict=True):
            share = (1 - 0.9) / (1 - 0.9**2) + np.sqrt((1 - 0.999) / (1 - 0.999**2)) * np.abs(m) / epsilon
            rounding = 16 * 2.0**-53 * (np.abs(before) + rate * np.abs(m) / epsilon)
            assert (np.abs(new.reshape(-1) - exact) <= rate / epsilon * np.abs(gradient) * share + rounding).all()


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
