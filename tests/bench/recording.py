"""What it costs to record a training step of PyTorch, how large the file is, and how long it takes to check."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.harness import Effort, Row, interleave, ratio, versus

Step = tuple[Any, Any, Callable[[], None]]


def gpt(width: int = 128, blocks: int = 4, length: int = 64, batch: int = 8) -> Step:
    """A GPT; by default 4 blocks of width 128 over 64 tokens, 8 samples: 0.82 million parameters."""
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn

    heads, words = width // 32, 128

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            parts = self.qkv(self.n1(x)).split(width, 2)
            q, k, v = (one.view(*x.shape[:2], heads, width // heads).transpose(1, 2) for one in parts)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(x.shape))
            return x + self.mlp(self.n2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
            self.blocks, self.norm = nn.Sequential(*(Block() for _ in range(blocks))), nn.LayerNorm(width)
            self.head = nn.Linear(width, words, bias=False)
            self.head.weight = self.tokens.weight

        def forward(self, x: Any) -> Any:
            return self.head(self.norm(self.blocks(self.tokens(x) + self.places(torch.arange(x.shape[1])))))

    model, x = GPT(), torch.randint(0, words, (batch, length + 1))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return model, optimizer, step


def _lenet() -> Step:
    """The network of 1998 over 64 digits."""
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    x, t = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    return _classified(
        model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), lambda: F.cross_entropy(model(x), t)
    )


def _mlp() -> Step:
    """Two layers of 512 over 256 samples."""
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn

    model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    x, t = torch.randn(256, 256), torch.randint(0, 10, (256,))
    return _classified(model, torch.optim.Adam(model.parameters(), 1e-3), lambda: F.cross_entropy(model(x), t))


def _classified(model: Any, optimizer: Any, loss: Callable[[], Any]) -> Step:
    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return model, optimizer, step


MODELS: dict[str, tuple[Callable[[], Step], float | None]] = {
    "GPT, 0.82 M": (gpt, 4.0),
    "MLP, 0.40 M": (_mlp, None),
    "LeNet": (_lenet, None),
}


def recording(effort: Effort) -> list[Row]:
    """A recorded step beside the same step alone: the whole call, with the file."""
    if importlib.util.find_spec("torch") is None:
        return [Row(what="recording: PyTorch is not installed", figure=0.0, unit="")]
    import torch

    import retrograde.torch as rg
    from retrograde.engine.recording.recording import load_recording

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.rgrec"
        for name, (make, bound) in MODELS.items():
            torch.manual_seed(0)
            model, optimizer, step = make()
            step()

            def recorded(model: Any = model, optimizer: Any = optimizer, step: Callable[[], None] = step) -> None:
                path.unlink(missing_ok=True)
                with rg.record(path, model, optimizer):
                    step()

            recorded()
            seconds = interleave({"recorded": recorded, "plain": step}, effort.rounds)
            slower = ratio(seconds["recorded"], seconds["plain"])
            detail = versus(["recorded", "plain"], seconds)
            rows.append(Row(what=f"recording a step: {name}", figure=slower, unit="×", bound=bound, detail=detail))
            if bound is None:
                continue
            size = path.stat().st_size / 1e6
            rows.append(Row(what=f"recording a step: {name}, file", figure=size, unit="MB", bound=45.0))
            start = time.perf_counter()
            checks = list(load_recording(path).check())
            taken = time.perf_counter() - start
            detail = f"{sum(check.checked for check in checks):,} values"
            rows.append(Row(what=f"check: {name}", figure=taken, unit="s", bound=10.0, detail=detail))
    return rows
