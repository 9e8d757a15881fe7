"""What people do around a step: scaling, clipping, fused optimisers, hooks, checkpoints, ops of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")

import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

import retrograde.torch as rg  # noqa: E402
from retrograde.engine.recording.recording import load_recording  # noqa: E402

STEPS = 3


def _net() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def _batch() -> tuple[Any, Any]:
    return torch.randn(5, 6), torch.tensor([0, 2, 1, 0, 1])


Step = Callable[[], None]
Setting = Callable[[], tuple[nn.Module, torch.optim.Optimizer, Step]]


def _trained(
    optimizer: Callable[[Any], torch.optim.Optimizer],
    *,
    clip: Callable[[Any], Any] | None = None,
    make: Callable[[], nn.Module] = _net,
    loss: Callable[[nn.Module, Any, Any], Any] = lambda model, x, t: F.cross_entropy(model(x), t),
) -> Setting:
    def setting() -> tuple[nn.Module, torch.optim.Optimizer, Step]:
        model, (x, t) = make(), _batch()
        optim = optimizer(model.parameters())

        def step() -> None:
            optim.zero_grad()
            loss(model, x, t).backward()
            if clip is not None:
                clip(model.parameters())
            optim.step()

        return model, optim, step

    return setting


def _scaled(scale: float, optimizer: Callable[[Any], torch.optim.Optimizer], *, unscale: bool = True) -> Setting:
    """With a GradScaler, whose first scale makes the gradients overflow or not."""

    def setting() -> tuple[nn.Module, torch.optim.Optimizer, Step]:
        model, (x, t) = _net(), _batch()
        optim = optimizer(model.parameters())
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=2)

        def step() -> None:
            optim.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(model(x), t)
            scaler.scale(loss).backward()
            if unscale:
                scaler.unscale_(optim)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optim)
            scaler.update()

        return model, optim, step

    return setting


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * 3 * x**2


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 6, bias=False), nn.Linear(6, 6)
        self.down.weight = self.up.weight

    def forward(self, x: Any) -> Any:
        return self.down(torch.relu(self.up(x)))[:, :3]


def _hooked() -> nn.Module:
    model = _net()
    model[0].register_forward_hook(lambda _module, _given, made: made * 1.5)
    model[2].weight.register_hook(lambda grad: grad * 0.5)
    model[2].register_full_backward_hook(lambda _module, given, _made: tuple(g * 2 for g in given))
    return model


class _Again(nn.Module):
    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.body, self.head, self.reentrant = nn.Sequential(nn.Linear(6, 8), nn.Tanh()), nn.Linear(8, 3), reentrant

    def forward(self, x: Any) -> Any:
        from torch.utils.checkpoint import checkpoint

        return self.head(checkpoint(self.body, x.requires_grad_(), use_reentrant=self.reentrant))


def _accumulated() -> tuple[nn.Module, torch.optim.Optimizer, Step]:
    model, (x, t) = _net(), _batch()
    optim = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)

    def step() -> None:
        optim.zero_grad()
        for part in range(2):
            (F.cross_entropy(model(x[part::2]), t[part::2]) / 2).backward()
        optim.step()

    return model, optim, step


def _sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, 0.1, momentum=0.9)


optim = torch.optim
SETTINGS: dict[str, Setting] = {
    "fused adamw": _trained(lambda p: optim.AdamW(p, 0.01, fused=True)),
    "fused adam": _trained(lambda p: optim.Adam(p, 0.01, fused=True, weight_decay=0.01)),
    "fused adam amsgrad": _trained(lambda p: optim.Adam(p, 0.01, fused=True, amsgrad=True)),
    "fused sgd": _trained(lambda p: optim.SGD(p, 0.01, fused=True, momentum=0.9, nesterov=True)),
    "foreach adamw": _trained(lambda p: optim.AdamW(p, 0.01, foreach=True)),
    "adam amsgrad": _trained(lambda p: optim.Adam(p, 0.01, amsgrad=True)),
    "clip by norm": _trained(_sgd, clip=lambda p: nn.utils.clip_grad_norm_(p, 0.1)),
    "clip by value": _trained(_sgd, clip=lambda p: nn.utils.clip_grad_value_(p, 0.02)),
    "clip by value, one by one": _trained(_sgd, clip=lambda p: nn.utils.clip_grad_value_(p, 0.02, foreach=False)),
    "scaler": _scaled(2.0**10, _sgd),
    "scaler that skips": _scaled(2.0**127, _sgd),
    "scaler, fused": _scaled(2.0**10, lambda p: optim.AdamW(p, 0.01, fused=True)),
    "scaler, fused, unscaled there": _scaled(2.0**10, lambda p: optim.AdamW(p, 0.01, fused=True), unscale=False),
    "scaler, fused, skips there": _scaled(2.0**127, lambda p: optim.Adam(p, 0.01, fused=True), unscale=False),
    "scaler, fused sgd": _scaled(2.0**10, lambda p: optim.SGD(p, 0.01, fused=True, momentum=0.9), unscale=False),
    "fused, rate in a tensor": _trained(lambda p: optim.AdamW(p, torch.tensor(0.01), fused=True)),
    "function of one's own": _trained(_sgd, loss=lambda m, x, t: F.cross_entropy(_Cube.apply(m(x)), t)),
    "tied": _trained(_sgd, make=_Tied),
    "hooks": _trained(_sgd, make=_hooked),
    "checkpoint": _trained(_sgd, make=lambda: _Again(reentrant=False)),
    "checkpoint, reentrant": _trained(_sgd, make=lambda: _Again(reentrant=True)),
    "accumulated": _accumulated,
    "compiled": _trained(_sgd, make=lambda: torch.compile(_net(), backend="aot_eager")),
}


def _state(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Any]:
    found = [*model.parameters(), *model.buffers()]
    for one in optimizer.state.values():
        found += [part for part in one.values() if isinstance(part, torch.Tensor)]
    return [one.detach().clone() for one in found]


def _run(setting: Setting, path: Path | None) -> list[Any]:
    torch.manual_seed(5)
    model, optimizer, step = setting()
    for _ in range(STEPS):
        if path is None:
            step()
        else:
            with rg.record(path, model, optimizer):
                step()
    return _state(model, optimizer)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_people_do_is_recorded_whole_and_changes_no_bit(name: str, tmp_path: Path) -> None:
    plain, recorded = _run(SETTINGS[name], None), _run(SETTINGS[name], tmp_path / "step.rgrec")
    assert len(plain) == len(recorded)
    assert all(torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in zip(plain, recorded, strict=True))
    recording = load_recording(tmp_path / "step.rgrec")
    for check in recording.check(every=True):
        op = recording.op(check.op)
        assert not check.disagreeing, (op.call.op, op.result, op.call.arguments, check.worst)
        assert not check.missing, (op.call.op, op.result.position)
    assert {op.phase for op in recording.program.ops} >= {"forward", "loss", "backward"}
