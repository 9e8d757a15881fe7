"""Trainings that go wrong at a step that is known, each as people meet it; and healthy ones that look like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass(slots=True)
class Training:
    """A training: what gives its batches, what it changes, and the body of its loop.

    Attributes:
        op: the op that does it; empty of a healthy one.
        node: its node of the backward pass.
        says: what the verdict has to say.
        settings: what the watch is told besides.
    """

    loader: Any
    parts: tuple[Any, ...]
    body: Callable[[Any], None]
    op: str = ""
    node: str = ""
    says: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


class Batches:
    """So many batches, of which one is another."""

    def __init__(self, steps: int, at: int, make: Callable[[bool], Any]) -> None:
        self.steps, self.at, self.make = steps, at, make

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Any:
        generator = torch.Generator().manual_seed(1)
        for step in range(1, self.steps + 1):
            yield self.make(step == self.at, generator)  # type: ignore[call-arg]


def _x(generator: Any) -> Any:
    return torch.randn(4, 3, generator=generator)


def _model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3))


def _trained(
    model: nn.Module,
    loss: Callable[[Any], Any],
    batches: Batches,
    optimizer: torch.optim.Optimizer | None = None,
    *more: Any,
    **expected: Any,
) -> Training:
    chosen = torch.optim.Adam(model.parameters(), 1e-3) if optimizer is None else optimizer

    def body(batch: Any) -> None:
        chosen.zero_grad()
        loss(batch).backward()
        chosen.step()
        for one in more:
            one.step()

    return Training(batches, (model, chosen, *more), body, **expected)


def root_of_zero(steps: int, at: int) -> Training:
    model, drop = _model(), nn.Dropout(0.2)

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator)
        return x[:1].repeat(4, 1) if bad else x

    def loss(x: Any) -> Any:
        y = model(x)
        return drop(y).pow(2).mean() + (y[0] - y[1]).pow(2).sum().sqrt()

    return _trained(
        model, loss, Batches(steps, at, make), op="aten.div.Tensor", node="SqrtBackward0", says="SqrtBackward0"
    )  # fmt: skip


def log_of_zero(steps: int, at: int) -> Training:
    model = _model()

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator).abs() + 0.01
        return x * torch.tensor([1.0, 0.0, 1.0]) if bad else x

    return _trained(
        model, lambda x: (model(x).exp() * x).log().pow(2).mean(), Batches(steps, at, make),
        op="aten.log.default", says="ln 0",
    )  # fmt: skip


def zero_by_zero(steps: int, at: int) -> Training:
    model = _model()

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator).abs()
        return x * torch.tensor([[1.0], [1.0], [0.0], [1.0]]) if bad else x

    return _trained(
        model, lambda x: model(x / x.sum(1, keepdim=True)).pow(2).mean(), Batches(steps, at, make),
        op="aten.div.Tensor", says="0 / 0",
    )  # fmt: skip


def overflow_of_exp(steps: int, at: int) -> Training:
    model = _model()

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator)
        return (x, 95.0) if bad else (x, 1.0)

    def loss(batch: Any) -> Any:
        x, factor = batch
        return (model(x) * 0.01 + factor).exp().log().pow(2).mean()

    return _trained(model, loss, Batches(steps, at, make), op="aten.exp.default", says="overflow")


def adam_without_epsilon(steps: int, at: int) -> Training:
    model, late = _model(), nn.Linear(2, 1)
    optimizer = torch.optim.Adam([*model.parameters(), *late.parameters()], 1e-3, eps=0.0)

    def make(bad: bool, generator: Any) -> Any:
        return _x(generator), bad

    def loss(batch: Any) -> Any:
        x, bad = batch
        found = model(x).pow(2).mean()
        return found + late(torch.zeros(1, 2)).sum() * 0 if bad else found

    both = nn.ModuleList([model, late])
    return _trained(both, loss, Batches(steps, at, make), optimizer, op="aten.addcdiv_.default", says="0 / 0")


def overflow_of_half(steps: int, at: int) -> Training:
    model = _model()

    def make(bad: bool, generator: Any) -> Any:
        return _x(generator), torch.tensor(7e4 if bad else 1.0)

    def loss(batch: Any) -> Any:
        x, factor = batch
        return (model(x).half().abs().clamp_min(1.0) * factor.clamp_max(6e4).half() * 2).float().mean()

    return _trained(model, loss, Batches(steps, at, make), op="aten.mul.Tensor", says="inf")


def softmax_of_nothing(steps: int, at: int) -> Training:
    model = _model()
    causal = torch.ones(4, 4).triu(1).bool()

    def make(bad: bool, generator: Any) -> Any:
        hidden = causal.clone()
        if bad:
            hidden[2] = True
        return _x(generator), hidden

    def loss(batch: Any) -> Any:
        x, hidden = batch
        y = model(x)
        weights = (y @ y.t()).masked_fill(hidden, float("-inf")).softmax(-1)
        return (weights @ x).pow(2).mean()

    return _trained(model, loss, Batches(steps, at, make), op="aten._softmax.default", says="nan")


def bad_batch(steps: int, at: int) -> Training:
    model = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 3))

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator)
        return x * 1e6 if bad else x

    return _trained(
        model, lambda x: (model(x) - 1).pow(2).mean(), Batches(steps, at, make),
        op="aten.addmm.default", says="was given to aten.addmm",
    )  # fmt: skip


def spike_of_the_rate(steps: int, at: int) -> Training:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1e6 if step == at - 1 else 1.0)
    batches = Batches(steps, at, lambda _bad, generator: _x(generator))  # type: ignore[call-arg,misc,arg-type]
    return _trained(
        model, lambda x: (model(x) - x).pow(2).mean(), batches, optimizer, schedule,
        op="aten.add_.Tensor", says="alpha",
    )  # fmt: skip


def overflow_of_an_index(steps: int, at: int) -> Training:
    model = _model()
    table = torch.full((256, 3), float("nan"))
    table[:128] = torch.linspace(0, 1, 128)[:, None]
    model.register_buffer("table", table)

    def make(bad: bool, generator: Any) -> Any:
        x = _x(generator)
        return x, torch.tensor([1, 2, 100 if bad else 3, 4], dtype=torch.int8)

    def loss(batch: Any) -> Any:
        x, places = batch
        return model(x + model.table[(places + 50).long()]).pow(2).mean()  # type: ignore[index]

    return _trained(
        model, loss, Batches(steps, at, make), op="aten.index.Tensor", says="whole numbers did not fit into their type"
    )


FAULTS: Mapping[str, Callable[[int, int], Training]] = {
    "root of zero": root_of_zero,
    "log of zero": log_of_zero,
    "zero by zero": zero_by_zero,
    "overflow of exp": overflow_of_exp,
    "Adam without epsilon": adam_without_epsilon,
    "overflow of float16": overflow_of_half,
    "softmax of nothing": softmax_of_nothing,
    "bad batch": bad_batch,
    "spike of the rate": spike_of_the_rate,
    "overflow of an index": overflow_of_an_index,
}


def causal(steps: int) -> Training:
    """Attention with a mask of −∞, and such a mask as a buffer."""
    found = softmax_of_nothing(steps, steps + 1)
    found.parts[0].register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))
    found.op = ""
    return found


def scaled(steps: int) -> Training:
    """A scaler of gradients that begins far too high, and skips steps until it does not."""
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=20)

    def body(x: Any) -> None:
        optimizer.zero_grad()
        scaler.scale((model(x) - x).pow(2).sum()).backward()
        scaler.step(optimizer)
        scaler.update()

    batches = Batches(steps, steps + 1, lambda _bad, generator: _x(generator) * 100)  # type: ignore[call-arg,misc,arg-type]
    return Training(batches, (model, optimizer, scaler), body)


HEALTHY: Mapping[str, Callable[[int], Training]] = {"causal": causal, "scaled": scaled}
