"""What it costs to watch a training of PyTorch for its first NaN, and to keep a checkpoint of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench.harness import Effort, Row, interleave, ratio, versus

STEPS = {"MLP of 235 k": (500, 1.08), "transformer of 110 k": (100, 1.05)}
"""How many steps a round has, and what a watched step may cost at most, in plain steps."""


def _mlp() -> tuple[Any, Callable[[Any], Any], list[Any]]:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    data = [torch.randn(32, 784) for _batch in range(16)]
    target = torch.randint(0, 10, (32,))
    return model, lambda x: nn.functional.cross_entropy(model(x), target), data


def _transformer() -> tuple[Any, Callable[[Any], Any], list[Any]]:
    import torch
    from torch import nn

    layer = nn.TransformerEncoderLayer(64, 4, 160, dropout=0.1, batch_first=True)
    model = nn.Sequential(nn.Embedding(200, 64), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
                          nn.Linear(64, 200))  # fmt: skip
    data = [torch.randint(0, 200, (8, 24)) for _batch in range(16)]
    return model, lambda x: nn.functional.cross_entropy(model(x).flatten(0, 1), x.flatten()), data


_MODELS = {"MLP of 235 k": _mlp, "transformer of 110 k": _transformer}


def watched(effort: Effort) -> list[Row]:
    """A training that is watched, next to the same training that is not."""
    import torch

    import retrograde.torch as rg

    rows = []
    for name, (most, bound) in STEPS.items():
        torch.manual_seed(0)
        model, loss, data = _MODELS[name]()
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        steps = effort.count(most, 3)
        batches = [data[step % len(data)] for step in range(steps)]

        def train(batches: Any, loss: Any = loss, optimizer: Any = optimizer) -> None:
            for x in batches:
                optimizer.zero_grad()
                loss(x).backward()
                optimizer.step()

        watch = rg.watch(batches, model, optimizer)
        train(watch)
        sides = {
            "watched": lambda watch=watch, train=train: train(watch),
            "plain": lambda batches=batches: train(batches),
        }
        seconds = interleave(sides, effort.rounds)
        detail = versus(list(sides), seconds, steps)
        figure = ratio(seconds["watched"], seconds["plain"])
        rows.append(Row(what=f"{name}: a watched step", figure=figure, unit="×", bound=bound, detail=detail))
        rows.append(_checkpoint(name, model, optimizer, effort))
    return rows


def _checkpoint(name: str, model: Any, optimizer: Any, effort: Effort) -> Row:
    """A checkpoint, next to a bare copy of the same tensors."""
    import torch

    from retrograde.torch.checkpoints import Checkpoint, Parts

    live = [one.detach() for one in model.parameters()]
    live += [one.grad for one in model.parameters()]
    live += [one for state in optimizer.state.values() for one in state.values()]
    kept = [one.clone() for one in live]
    checkpoint = Checkpoint(Parts((model, optimizer)))
    checkpoint.begin()
    checkpoint.save()
    times = effort.count(100, 2)
    sides = {
        "checkpoint": lambda: [checkpoint.save() for _time in range(times)],
        "copy": lambda: [torch._foreach_copy_(kept, live) for _time in range(times)],
    }
    seconds = interleave(sides, effort.rounds)
    detail = versus(list(sides), seconds, times)
    figure = ratio(seconds["checkpoint"], seconds["copy"])
    return Row(what=f"{name}: a checkpoint, in copies", figure=figure, unit="×", bound=2.0, detail=detail)
