"""Steps of PyTorch in float64 become scenarios that compute the same, and train on as PyTorch does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")
import torch.nn.functional as F  # noqa: E402, N812 - as everyone calls it
from torch import nn  # noqa: E402

import retrograde.torch as rg  # noqa: E402
from retrograde.engine import Session, load_scenario  # noqa: E402
from retrograde.engine.equations.arithmetic import Floats  # noqa: E402
from retrograde.engine.importing.comparing import Row, compared  # noqa: E402
from retrograde.engine.importing.recorded import Mapped, RefusedError, map_recording  # noqa: E402
from retrograde.engine.importing.rounding import running_bounds  # noqa: E402
from retrograde.engine.recording.checking import FACTOR  # noqa: E402
from retrograde.engine.recording.form import DTYPES  # noqa: E402
from retrograde.engine.recording.recording import load_recording  # noqa: E402
from retrograde.engine.session.weights import weight_tensors  # noqa: E402
from tests.capture.models import CASES, Case  # noqa: E402

MAPPED = (
    "mlp", "mlp-adamw", "lenet", "resnet", "efficient", "rnn", "lstm", "gru", "transformer", "gpt", "autoencoder",
    "unet",
)  # fmt: skip
REFUSED = {
    "llama": "aten.pow.Tensor_Scalar",
    "experts": "aten.topk.default",
    "autocast": "it rounds to bfloat16",
    "siamese": "mat1 is a second input",
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
    lines = str(caught.value).split("\n")
    assert any(REFUSED[name] in line for line in lines)
    assert "models.py:" in str(caught.value)
    # An operator and the line of code below it, each pair once.
    pairs = list(zip(lines[1::2], lines[2::2], strict=True))
    assert len(set(pairs)) == len(pairs) == len(caught.value.refused)


class Reading(nn.Module):
    """A recurrent module, and a layer over its last state or over all of them."""

    def __init__(self, cell: nn.RNNBase, *, last: bool = False) -> None:
        super().__init__()
        width = cell.hidden_size * (2 if cell.bidirectional else 1)
        self.cell, self.head, self.last = cell, nn.Linear(width, 2), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cell(x)[0]
        return self.head(y[:, -1] if self.last else y)


def mapped(model: nn.Module, loss: Callable[[], torch.Tensor], path: Path) -> tuple[Mapped, list[Row]]:
    """The second step of a training as a scenario, and what differs in it."""
    optimizer = torch.optim.Adam(model.parameters(), 0.01)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    step()
    with rg.record(path, model, optimizer):
        step()
    recording = load_recording(path)
    found = map_recording(recording)
    found.write(path.with_suffix(".toml"))
    rows = compared(recording, Session(load_scenario(path.with_suffix(".toml"))))
    return found, [row for row in rows if not row.agrees]


SEQUENCES: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "relu, no bias": (lambda: Reading(nn.RNN(3, 5, nonlinearity="relu", bias=False, batch_first=True), last=True),
                      ["rnn", "dense"]),
    "all states": (lambda: Reading(nn.GRU(3, 5, batch_first=True)), ["gru", "linear"]),
    "two with dropout": (lambda: Reading(nn.GRU(3, 5, 2, dropout=0.3, batch_first=True), last=True),
                         ["gru", "dropout", "gru", "dense"]),
    "two LSTM": (lambda: Reading(nn.LSTM(3, 5, 2, batch_first=True)), ["lstm", "lstm", "linear"]),
    "both ways": (lambda: Reading(nn.GRU(3, 5, 2, batch_first=True, bidirectional=True)), ["gru", "gru", "linear"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_recurrent_modules_that_run_step_by_step(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    make, kinds = SEQUENCES[name]
    model, x, t = make(), torch.randn(3, 4, 3), torch.tensor([0, 1, 1])

    def loss() -> torch.Tensor:
        y = model(x)
        return F.cross_entropy(y if y.ndim == 2 else y.flatten(0, 1), t if y.ndim == 2 else t.repeat(4))

    found, wrong = mapped(model, loss, tmp_path / "step.rgrec")
    assert [node.kind for node in found.draft.nodes] == kinds
    assert wrong == []


X, T = (torch.arange(5.0 * n, dtype=torch.float64).reshape(5, n).sin() for n in (6, 3))
CLASSES = [0, 1, 2, 0, 1]
P = (T + 1.0) / 2.0
Q = P / P.sum(1, keepdim=True)
WRITTEN: dict[str, tuple[nn.Module | None, Callable[[Any], torch.Tensor], dict[str, Any]]] = {
    "mean of squares": (None, lambda y: ((y - T) ** 2).mean(), {"kind": "squared_error", "over_outputs": "mean"}),
    "half the sum": (None, lambda y: 0.5 * (T - y).pow(2).sum(), {"kind": "squared_error", "weight": 0.5}),
    "rows, then mean": (None, lambda y: torch.square(y - T).sum(1).mean(),
                        {"over_outputs": "sum", "over_batch": "mean"}),
    "mean, then rows": (None, lambda y: ((y - T) ** 2).mean(0).sum(), {"over_outputs": "sum", "over_batch": "mean"}),
    "absolute": (None, lambda y: (y - T).abs().mean() * 3, {"kind": "mean_absolute_error", "weight": 3.0}),
    "binary": (nn.Sigmoid(), lambda y: -(P * torch.log(y) + (1 - P) * torch.log(1 - y)).mean(),
               {"kind": "binary_cross_entropy"}),
    "binary with ε": (nn.Sigmoid(),
                      lambda y: (-P * torch.log(y + 1e-8) - (1 - P) * torch.log(1 - y + 1e-8)).sum(1).mean(),
                      {"kind": "binary_cross_entropy", "log_epsilon": 1e-8}),
    "by index": (nn.LogSoftmax(1), lambda y: -y[torch.arange(5), CLASSES].mean(), {"kind": "cross_entropy"}),
    "by gather": (nn.LogSoftmax(1), lambda y: -y.gather(1, torch.tensor(CLASSES)[:, None]).squeeze(1).sum(),
                  {"kind": "cross_entropy", "over_batch": "sum"}),
    "of distributions": (nn.LogSoftmax(1), lambda y: -(Q * y).sum(1).mean(), {"kind": "cross_entropy"}),
    "log of a softmax": (nn.Softmax(1), lambda y: -(Q * y.log()).sum(1).mean(), {"kind": "cross_entropy"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_losses_that_are_written_out(name: str, tmp_path: Path) -> None:
    torch.manual_seed(4)
    activation, loss, keys = WRITTEN[name]
    model = nn.Sequential(nn.Linear(6, 3), *([] if activation is None else [activation]))
    found, wrong = mapped(model, lambda: loss(model(X)), tmp_path / "step.rgrec")
    assert keys.items() <= found.tables["loss"].items()
    assert wrong == []


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (lambda y: ((y[:, 0] - T[:, 0]) ** 2).mean(), "it reads a part of what the layer hands on"),
        (lambda y: (P * (y - T) ** 2).mean(), "its terms have weights"),
        (lambda y: F.mse_loss(y, T) + (y - T).abs().mean(), "two losses are added"),
        (lambda y: -(P * torch.log(y.abs())).mean(), "no layer does this"),
        (lambda y: ((y - T) ** 2).sum(1).sum(0).sqrt(), "no layer does this"),
    ],
)
def test_what_is_no_loss_of_a_scenario_is_refused(
    loss: Callable[[torch.Tensor], torch.Tensor], reason: str, tmp_path: Path
) -> None:
    model = nn.Sequential(nn.Linear(6, 3))
    with pytest.raises(RefusedError, match=reason) as caught:
        mapped(model, lambda: loss(model(X)), tmp_path / "step.rgrec")
    assert len(caught.value.refused) == 1
