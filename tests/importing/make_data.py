"""Makes the files of `data`: small steps that PyTorch ran in float64, and networks of ONNX with what PyTorch computes.

Run by hand where PyTorch and onnx are installed: `python -m tests.importing.make_data`.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import retrograde.torch as rg

DATA = Path(__file__).parent / "data"


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.c2, self.b2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 4, dropout=0.0, batch_first=True)
        self.blocks, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(x).mean(1))


def mlp_sgd() -> Any:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    x, t = torch.randn(4, 4), torch.randn(4, 3)
    return model, torch.optim.SGD(model.parameters(), 0.1), lambda: F.mse_loss(model(x), t), None


def mlp_adamw() -> Any:
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.Dropout(0.3), nn.Linear(6, 3), nn.SiLU())
    x, t = torch.randn(4, 4), torch.tensor([0, 1, 2, 0])
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, foreach=True)
    return model, optimizer, lambda: F.cross_entropy(model(x), t), 0.5


def lenet() -> Any:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3, 4),
    )  # fmt: skip
    x, t = torch.randn(2, 1, 8, 8), torch.tensor([1, 3])
    return model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), lambda: F.cross_entropy(model(x), t), None


def resnet() -> Any:
    model = nn.Sequential(Residual(2), Residual(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
    x, t = torch.randn(2, 2, 3, 3), torch.tensor([1, 2])
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3, foreach=True)
    return model, optimizer, lambda: F.cross_entropy(model(x), t, label_smoothing=0.1), None


def encoder() -> Any:
    model = Encoder()
    x, t = torch.randn(2, 2, 4), torch.tensor([1, 2])
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, foreach=True)
    return model, optimizer, lambda: F.cross_entropy(model(x), t), 1.0


class Tied(nn.Module):
    """Scores of the next word by the table of the words, over two recurrent layers with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.cell = nn.Embedding(5, 3), nn.GRU(3, 3, 2, dropout=0.3, batch_first=True)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(self.table(x))[0])


def tied() -> Any:
    model, x = Tied(), torch.randint(0, 5, (2, 4))

    def loss() -> torch.Tensor:
        logs = model(x[:, :-1]).flatten(0, 1).log_softmax(1)
        return -logs[torch.arange(6), x[:, 1:].flatten()].mean()

    return model, torch.optim.Adam(model.parameters(), 0.01), loss, None


RECORDED: dict[str, Callable[[], Any]] = {
    "mlp-sgd": mlp_sgd,
    "mlp-adamw": mlp_adamw,
    "lenet": lenet,
    "resnet": resnet,
    "encoder": encoder,
    "tied": tied,
}
"""The five models of CAPTURE's check 11, as small as they can be, and one that runs step by step."""


def record(name: str) -> None:
    torch.manual_seed(7)
    model, optimizer, loss, clip = RECORDED[name]()

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    step()
    path = DATA / f"{name}.rgrec"
    with rg.record(path, model, optimizer):
        step()
    (DATA / f"{name}.rgrec.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()


class Causal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(7, 4), nn.Parameter(torch.randn(3, 4))
        self.norm, self.qkv, self.out, self.head = nn.LayerNorm(4), nn.Linear(4, 12), nn.Linear(4, 4), nn.Linear(4, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.tokens(x) + self.places
        q, k, v = (one.unflatten(2, (2, 2)).transpose(1, 2) for one in self.qkv(self.norm(y)).split(4, 2))
        scores = q @ k.transpose(-1, -2) / 2**0.5 + torch.full((3, 3), float("-inf")).triu(1)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        return self.head(y + self.out(mixed)).softmax(-1)


class Words(nn.Module):
    def __init__(self, kind: Any, more: dict[str, Any]) -> None:
        super().__init__()
        self.words, self.cell = nn.Embedding(5, 3), kind(3, 4, batch_first=True, **more)
        self.head = nn.Linear(8 if more else 4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, state = self.cell(self.words(x))
        if isinstance(self.cell, nn.GRU):
            return self.head(state.transpose(0, 1).flatten(1))
        return self.head(y[:, -1] if isinstance(self.cell, nn.LSTM) else y)


def onnx_networks() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    cnn = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3),
        nn.Softmax(1),
    )  # fmt: skip
    for one in cnn.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.running_mean.normal_()
            one.running_var.uniform_(0.5, 2.0)
            one.weight.data.normal_()
            one.bias.data.normal_()
    deep = nn.Sequential(
        nn.Linear(4, 5), nn.LeakyReLU(0.1), nn.Linear(5, 5), nn.Sigmoid(), nn.Linear(5, 5), nn.ELU(), nn.LayerNorm(5),
        nn.GELU(), nn.Linear(5, 2), nn.Hardtanh(),
    )  # fmt: skip
    words = [Words(kind, more) for kind, more in ((nn.LSTM, {}), (nn.GRU, {"bidirectional": True}), (nn.RNN, {}))]
    return {
        **{f"words-{name}": (one, torch.randint(0, 5, (3, 4))) for name, one in zip("lgr", words, strict=True)},
        "cnn": (cnn, torch.randn(3, 1, 4, 4)),
        "deep": (deep, torch.randn(3, 4)),
        "residual": (nn.Sequential(Residual(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()), torch.randn(2, 2, 4, 4)),
        "causal": (Causal(), torch.randint(0, 7, (4, 3))),
    }


def export(name: str, model: nn.Module, x: torch.Tensor) -> None:
    model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (x,), str(DATA / f"{name}.onnx"), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}},
            do_constant_folding=name.startswith("words"), training=torch.onnx.TrainingMode.PRESERVE,
        )  # fmt: skip
    np.savez(DATA / f"{name}-onnx.npz", inputs=x.numpy().astype(float), targets=model(x).detach().flatten(1).numpy())


def main() -> None:
    torch.set_default_dtype(torch.float64)
    DATA.mkdir(exist_ok=True)
    for name in RECORDED:
        record(name)
    torch.manual_seed(7)
    for name, (model, x) in onnx_networks().items():
        export(name, model, x)


if __name__ == "__main__":
    main()
