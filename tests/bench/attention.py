"""A training step of a transformer block, against PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.harness import Effort, Row, hastened, interleave, ratio, single_threaded, versus
from tests.bench.training import agree

TOKENS, WIDTH, HEADS, HIDDEN, CLASSES, BATCH, SAMPLES = 16, 32, 4, 128, 10, 8, 32
BOUNDS = {"exact": 1.2 if switch.used() else 3.0, "blas": 0.8 if switch.used() else 1.5}

TEXT = """
format = 1
title = {{ en = "block", zh = "block" }}
[network]
inputs = {inputs}
input_shape = [{tokens}, {width}]
arithmetic = "{arithmetic}"
seed = 1
[[network.layers]]
name = "att"
kind = "attention"
heads = {heads}
[[network.layers]]
name = "add1"
kind = "add"
inputs = ["i", "att"]
[[network.layers]]
name = "norm1"
kind = "layer_norm"
[[network.layers]]
name = "wide"
kind = "linear"
units = {hidden}
activation = "{activation}"
[[network.layers]]
name = "back"
kind = "linear"
units = {width}
[[network.layers]]
name = "add2"
kind = "add"
inputs = ["norm1", "back"]
[[network.layers]]
name = "norm2"
kind = "layer_norm"
[[network.layers]]
name = "o"
kind = "linear"
units = {classes}
activation = "softmax"
[data]
inputs = {values}
targets = {targets}
classes = {classes}
[loss]
kind = "cross_entropy"
[training]
{training}
learning_rate = 0.01
batch_size = {batch}
[stop]
epochs = 100000
"""


def scenario(arithmetic: str, activation: str, optimizer: str) -> Scenario:
    """An encoder block (layer norms after the additions) and a softmax over classes at each token."""
    random = np.random.default_rng(7)
    return parse_scenario(
        TEXT.format(
            inputs=TOKENS * WIDTH,
            tokens=TOKENS,
            width=WIDTH,
            heads=HEADS,
            hidden=HIDDEN,
            classes=CLASSES,
            batch=BATCH,
            arithmetic=arithmetic,
            activation=activation,
            training=f'optimizer = "{optimizer}"',
            values=random.standard_normal((SAMPLES, TOKENS * WIDTH)).round(3).tolist(),
            targets=random.integers(CLASSES, size=(SAMPLES, TOKENS)).tolist(),
        ),
        name="block",
    )


class Block:
    """The same network as an ``nn.Module``, eager, in float64, with the parameters of a session."""

    def __init__(self, session: Session, activation: str, optimizer: str) -> None:
        torch: Any = import_module("torch")
        if single_threaded():
            torch.set_num_threads(1)
        given = {array.name: torch.tensor(values) for array, values in session.network.parameters.items()}

        class Module(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                kind = {"dtype": torch.float64}
                self.attention = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **kind)
                self.norm1, self.norm2 = (torch.nn.LayerNorm(WIDTH, **kind) for _ in range(2))
                self.wide = torch.nn.Linear(WIDTH, HIDDEN, **kind)
                self.back = torch.nn.Linear(HIDDEN, WIDTH, **kind)
                self.out = torch.nn.Linear(WIDTH, CLASSES, **kind)
                self.function = {"gelu": torch.nn.functional.gelu, "relu": torch.relu}[activation]

            def forward(self, x: Any) -> Any:
                mixed, _ = self.attention(x, x, x, need_weights=False)
                x = self.norm1(x + mixed)
                return self.out(self.norm2(x + self.back(self.function(self.wide(x)))))

        self.module = Module()
        with torch.no_grad():
            attention = self.module.attention
            attention.in_proj_weight.copy_(torch.cat([given[f"W{name}_att"] for name in "qkv"]))
            attention.in_proj_bias.copy_(torch.cat([given[f"b{name}_att"] for name in "qkv"]))
            attention.out_proj.weight.copy_(given["Wo_att"])
            attention.out_proj.bias.copy_(given["bo_att"])
            for name in ("wide", "back", "o"):
                linear = self.module.out if name == "o" else getattr(self.module, name)
                linear.weight.copy_(given[f"W_{name}"])
                linear.bias.copy_(given[f"b_{name}"])
        rate = session.scenario.training.learning_rate
        self.optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](
            self.module.parameters(), lr=rate
        )
        self.loss = torch.nn.functional.cross_entropy
        data = session.network.dataset
        self.inputs = torch.tensor(data.inputs).reshape(-1, TOKENS, WIDTH)
        targets: Floats = data.targets.reshape(-1, TOKENS, CLASSES)
        self.targets = torch.tensor(targets.argmax(axis=2))

    def run(self, iterations: int) -> float:
        """Iterations on the batches in turn; the last loss."""
        last = float("nan")
        for number in range(iterations):
            first = number * BATCH % len(self.inputs)
            x, t = self.inputs[first : first + BATCH], self.targets[first : first + BATCH]
            self.optimizer.zero_grad()
            loss = self.loss(self.module(x).reshape(-1, CLASSES), t.reshape(-1))
            loss.backward()
            self.optimizer.step()
            last = float(loss.item())
        return last


def transformer(effort: Effort) -> list[Row]:
    """An iteration of a transformer block, in both arithmetics."""
    if not rivals.installed("torch"):
        return []
    return [
        _row(arithmetic, activation, optimizer, effort)
        for arithmetic in ("exact", "blas")
        for activation, optimizer in (("gelu", "sgd"), ("gelu", "adam"), ("relu", "sgd"))
    ]


def _row(arithmetic: str, activation: str, optimizer: str, effort: Effort) -> Row:
    rounds, made = effort.rounds + 2, scenario(arithmetic, activation, optimizer)
    per_epoch = SAMPLES // BATCH
    epochs = effort.count(12)
    sessions = [hastened(Session(made)) for _ in range(rounds + 1)]
    block = Block(sessions[0], activation, optimizer)
    iterations = epochs * per_epoch
    name = f"a transformer block, {activation}, {optimizer}, {arithmetic}"
    agree(sessions[0].measure("E", iterations - 1), block.run(iterations), name)
    sides = {"ours": lambda: sessions.pop().run(epochs=epochs), "PyTorch": lambda: block.run(iterations)}
    seconds = interleave(sides, rounds)
    return Row(
        what=f"an iteration of {name}: of PyTorch's time",
        figure=ratio(seconds["ours"], seconds["PyTorch"]),
        unit="x",
        bound=BOUNDS[arithmetic],
        detail=versus(("ours", "PyTorch"), seconds, per=iterations)
        + f" an iteration, in {rounds} turns of {iterations:,}",
    )
