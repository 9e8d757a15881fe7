"""Training steps of the kinds that people run: each gives its modules, its optimiser and one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn


class Case(NamedTuple):
    """A model, its optimiser, and one training step of it."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: Callable[[], Any]


def _case(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[], torch.Tensor],
    *,
    clip: float | None = None,
) -> Case:
    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    return Case(model, optimizer, step)


def mlp() -> Case:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x, t = torch.randn(5, 6), torch.randn(5, 3)
    return _case(model, torch.optim.SGD(model.parameters(), 0.1), lambda: F.mse_loss(model(x), t))


def mlp_adamw() -> Case:
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.3), nn.Linear(8, 3), nn.SiLU())
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, foreach=True)
    return _case(model, optimizer, lambda: F.cross_entropy(model(x), t), clip=0.5)


def lenet() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip
    x, t = torch.randn(3, 1, 12, 12), torch.tensor([1, 0, 4])
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return _case(model, optimizer, lambda: F.cross_entropy(model(x), t))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.c2, self.b2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


def resnet() -> Case:
    model = nn.Sequential(_Residual(3), _Residual(3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    x, t = torch.randn(2, 3, 6, 6), torch.tensor([1, 3])
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    return _case(model, optimizer, lambda: F.cross_entropy(model(x), t, label_smoothing=0.1))


class _Squeeze(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depth, self.norm = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.GroupNorm(2, 4)
        self.down, self.up, self.inst = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1), nn.InstanceNorm2d(4, affine=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.silu(self.norm(self.depth(x)))
        scale = torch.sigmoid(self.up(F.silu(self.down(y.mean((2, 3), keepdim=True)))))
        return self.inst(y * scale) + x


def efficient() -> Case:
    model = nn.Sequential(_Squeeze(), nn.Conv2d(4, 3, 3, stride=2), nn.Hardswish(), nn.Flatten(), nn.Linear(12, 2))
    x, t = torch.randn(2, 4, 6, 6), torch.tensor([1, 0])
    optimizer = torch.optim.RMSprop(model.parameters(), 0.01)
    return _case(model, optimizer, lambda: F.cross_entropy(model(x), t))


class _Text(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.embedding, self.cell, self.head = nn.Embedding(11, 4), kind(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(self.embedding(x))[0][:, -1])


def _text(kind: type[nn.RNNBase]) -> Case:
    model = _Text(kind)
    x, t = torch.randint(0, 11, (3, 4)), torch.tensor([0, 1, 1])
    return _case(model, torch.optim.Adam(model.parameters(), 0.01), lambda: F.cross_entropy(model(x), t))


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
        self.blocks, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(x).mean(1))


def transformer() -> Case:
    model = _Encoder()
    x, t = torch.randn(2, 5, 8), torch.tensor([1, 2])
    return _case(model, torch.optim.AdamW(model.parameters(), 0.01), lambda: F.cross_entropy(model(x), t), clip=1.0)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(approximate="tanh"), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.n1(x)).split(width, 2)
        q, k, v = (one.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for one in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.n2(x))


class _GPT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(13, 8), nn.Embedding(6, 8)
        self.blocks, self.norm = nn.ModuleList([_Block(8, 2), _Block(8, 2)]), nn.LayerNorm(8)
        self.head = nn.Linear(8, 13, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            y = block(y)
        return self.head(self.norm(y))


def gpt() -> Case:
    model = _GPT()
    x = torch.randint(0, 13, (2, 7))
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, foreach=True)
    return _case(
        model, optimizer, lambda: F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()), clip=1.0
    )


class _Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(8, 8, bias=False) for _ in range(4))
        self.gate, self.up, self.down = nn.Linear(8, 16, bias=False), nn.Linear(8, 16, bias=False), nn.Linear(16, 8)
        self.g1, self.g2 = nn.Parameter(torch.ones(8)), nn.Parameter(torch.ones(8))

    @staticmethod
    def rms(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain

    @staticmethod
    def rope(x: torch.Tensor) -> torch.Tensor:
        angle = torch.arange(x.shape[-2])[:, None] / 100 ** (torch.arange(0, 4, 2) / 4)
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), -1).flatten(-2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.rms(x, self.g1)
        q, k, v = (one(y).view(2, 4, 2, 4).transpose(1, 2) for one in (self.q, self.k, self.v))
        scores = self.rope(q) @ self.rope(k).transpose(-1, -2) / 2
        mask = torch.ones(4, 4).triu(1).bool()
        weights = scores.masked_fill(mask, float("-inf")).softmax(-1)
        x = x + self.o((weights @ v).transpose(1, 2).reshape(2, 4, 8))
        y = self.rms(x, self.g2)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def llama() -> Case:
    model = _Llama()
    x, t = torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    return _case(model, torch.optim.AdamW(model.parameters(), 0.01), lambda: (model(x) - t).abs().mean())


def autoencoder() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.LeakyReLU(), nn.ConvTranspose2d(3, 1, 4, stride=2, padding=1),
        nn.Sigmoid(),
    )  # fmt: skip
    x = torch.rand(2, 1, 6, 6)
    return _case(model, torch.optim.Adam(model.parameters(), 0.01), lambda: F.binary_cross_entropy(model(x), x))


class _VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mean, log_variance = self.encode(x).chunk(2, 1)
        return self.decode(mean + torch.randn_like(mean) * (0.5 * log_variance).exp()), mean, log_variance


def vae() -> Case:
    model = _VAE()
    x = torch.rand(4, 6)

    def loss() -> torch.Tensor:
        y, mean, log_variance = model(x)
        divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum()
        return F.binary_cross_entropy_with_logits(y, x, reduction="sum") + divergence

    return _case(model, torch.optim.Adam(model.parameters(), 0.01), loss)


class _UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(5, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = F.elu(self.a(x))
        b = F.softplus(self.b(F.max_pool2d(a, 2)))
        return self.c(torch.cat((a, F.interpolate(b, scale_factor=2, mode="nearest")), 1))


def unet() -> Case:
    model = _UNet()
    x, t = torch.randn(2, 1, 6, 6), torch.randn(2, 1, 6, 6)
    return _case(model, torch.optim.Adam(model.parameters(), 0.01), lambda: F.smooth_l1_loss(model(x), t))


def siamese() -> Case:
    model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3))
    a, b, c = torch.randn(3, 4, 5)

    def loss() -> torch.Tensor:
        x, y, z = (F.normalize(model(one), dim=1) for one in (a, b, c))
        return F.relu((x - y).norm(dim=1) - (x - z).norm(dim=1) + 0.5).mean()

    return _case(model, torch.optim.Adagrad(model.parameters(), 0.05), loss)


class _Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.router, self.experts = nn.Linear(5, 3), nn.ModuleList([nn.Linear(5, 5) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights, chosen = self.router(x).softmax(-1).topk(2)
        y = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == number)
            y = y.index_add(0, rows, expert(x[rows]) * weights[rows, place, None])
        return y


def experts() -> Case:
    model = _Experts()
    x, t = torch.randn(6, 5), torch.randn(6, 5)
    return _case(model, torch.optim.AdamW(model.parameters(), 0.01), lambda: F.huber_loss(model(x), t))


def policy() -> Case:
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    x, action, old, gain = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0]), torch.full((5,), -1.1), torch.randn(5)

    def loss() -> torch.Tensor:
        logs = model(x).log_softmax(-1)
        ratio = (logs.gather(1, action[:, None])[:, 0] - old).exp()
        clipped = torch.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain)
        return -clipped.mean() + 0.01 * (logs.exp() * logs).sum(-1).mean()

    return _case(model, torch.optim.Adam(model.parameters(), 0.01), loss)


def autocast() -> Case:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4), nn.GELU(), nn.Linear(4, 2))
    x, t = torch.randn(3, 1, 6, 6), torch.tensor([0, 1, 1])

    def loss() -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return F.cross_entropy(model(x), t)

    return _case(model, torch.optim.SGD(model.parameters(), 0.1), loss)


CASES: Mapping[str, Callable[[], Case]] = {
    "mlp": mlp,
    "mlp-adamw": mlp_adamw,
    "lenet": lenet,
    "resnet": resnet,
    "efficient": efficient,
    "rnn": lambda: _text(nn.RNN),
    "lstm": lambda: _text(nn.LSTM),
    "gru": lambda: _text(nn.GRU),
    "transformer": transformer,
    "gpt": gpt,
    "llama": llama,
    "autoencoder": autoencoder,
    "vae": vae,
    "unet": unet,
    "siamese": siamese,
    "experts": experts,
    "policy": policy,
    "autocast": autocast,
}
"""The kinds of the study that this is held to, written anew and small."""
