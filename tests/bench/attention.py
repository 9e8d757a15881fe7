"""A training step of a transformer block, against PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.harness import Effort, Row, hastened, interleave, ratio, single_threaded, versus
from tests.bench.training import agree
from tests.bench.travel import endless

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
    """A session's block as an ``nn.Module``, eager, in float64, with its parameters and its order of samples.

    Args:
        session: the training to copy: the block above, behind an embedding and positions where it has them.
        epochs: how many epochs of batches to lay ready.
    """

    def __init__(self, session: Session, epochs: int) -> None:
        torch: Any = import_module("torch")
        if single_threaded():
            torch.set_num_threads(1)
        given = {array.name: torch.tensor(values) for array, values in session.network.parameters.items()}
        layers: dict[str, Any] = {layer.name: layer for layer in session.scenario.network.layers}
        (width, _), (hidden, _), (classes, _) = (given[name].shape for name in ("Wo_att", "W_wide", "W_o"))
        data = session.network.dataset
        tokens = data.targets.shape[1] // classes
        embedded = "W_emb" in given
        causal = torch.full((tokens, tokens), -torch.inf, dtype=torch.float64).triu(1) if layers["att"].causal else None

        class Module(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                kind = {"dtype": torch.float64}
                if embedded:
                    self.embedding = torch.nn.Embedding(*given["W_emb"].shape, **kind)
                    learned = given.get("P_pos")
                    self.places = _waves(torch, tokens, width) if learned is None else torch.nn.Parameter(learned)
                heads = layers["att"].heads or 1
                self.attention = torch.nn.MultiheadAttention(width, heads, batch_first=True, **kind)
                self.norm1, self.norm2 = (torch.nn.LayerNorm(width, **kind) for _ in range(2))
                self.wide = torch.nn.Linear(width, hidden, **kind)
                self.back = torch.nn.Linear(hidden, width, **kind)
                self.out = torch.nn.Linear(width, classes, **kind)
                self.function = {"gelu": torch.nn.functional.gelu, "relu": torch.relu}[layers["wide"].activation]

            def forward(self, x: Any) -> Any:
                if embedded:
                    x = self.embedding(x) + self.places
                mixed, _ = self.attention(x, x, x, need_weights=False, attn_mask=causal)
                x = self.norm1(x + mixed)
                return self.out(self.norm2(x + self.back(self.function(self.wide(x)))))

        self.module = Module()
        with torch.no_grad():
            if embedded:
                self.module.embedding.weight.copy_(given["W_emb"])
            attention = self.module.attention
            attention.in_proj_weight.copy_(torch.cat([given[f"W{name}_att"] for name in "qkv"]))
            attention.in_proj_bias.copy_(torch.cat([given[f"b{name}_att"] for name in "qkv"]))
            attention.out_proj.weight.copy_(given["Wo_att"])
            attention.out_proj.bias.copy_(given["bo_att"])
            for name in ("wide", "back", "o"):
                linear = self.module.out if name == "o" else getattr(self.module, name)
                linear.weight.copy_(given[f"W_{name}"])
                linear.bias.copy_(given[f"b_{name}"])
        training = session.scenario.training
        self.optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[training.optimizer](
            self.module.parameters(), lr=training.learning_rate
        )
        self.loss = torch.nn.functional.cross_entropy
        self.classes = classes
        inputs = torch.tensor(data.inputs)
        self.inputs = inputs.long() if embedded else inputs.reshape(-1, tokens, width)
        self.targets = torch.tensor(data.targets.reshape(-1, tokens, classes).argmax(axis=2))
        schedule = session.schedule
        self.rows = [torch.tensor(schedule.rows(k)) for k in range(epochs * schedule.per_epoch)]

    def run(self) -> float:
        """The batches, one after the other; the last loss. The parameters go on from where they are."""
        last = float("nan")
        for rows in self.rows:
            self.optimizer.zero_grad()
            loss = self.loss(self.module(self.inputs[rows]).reshape(-1, self.classes), self.targets[rows].reshape(-1))
            loss.backward()
            self.optimizer.step()
            last = float(loss.item())
        return last


def _waves(torch: Any, tokens: int, width: int) -> Any:
    """Sines and cosines of a position, as Vaswani et al. 2017 have them."""
    angles = torch.arange(tokens, dtype=torch.float64)[:, None] / 10_000.0 ** (
        torch.arange(0, width, 2, dtype=torch.float64) / width
    )
    return torch.stack((angles.sin(), angles.cos()), dim=2).reshape(tokens, width)


def transformer(effort: Effort) -> list[Row]:
    """An iteration of a transformer block, and of the two that are shipped, in both arithmetics."""
    if not rivals.installed("torch"):
        return []
    rows: list[Row] = []
    for arithmetic in ("exact", "blas"):
        for activation, optimizer in (("gelu", "sgd"), ("gelu", "adam"), ("relu", "sgd")):
            name = f"a transformer block, {activation}, {optimizer}"
            rows.append(_row(name, arithmetic, scenario(arithmetic, activation, optimizer), effort.count(12), effort))
        for name, epochs in (("tiny-transformer", 40), ("char-transformer", 200)):
            shipped = load_scenario(name)
            network = shipped.network.model_copy(update={"arithmetic": arithmetic})
            made = endless(shipped.model_copy(update={"network": network}), 10**6)
            rows.append(_row(name, arithmetic, made, effort.count(epochs), effort))
    return rows


def _row(name: str, arithmetic: str, made: Scenario, epochs: int, effort: Effort) -> Row:
    rounds = effort.rounds + 2
    sessions = [hastened(Session(made)) for _ in range(rounds + 1)]
    block = Block(sessions[0], epochs)
    iterations = len(block.rows)
    name = f"{name}, {arithmetic}"
    agree(sessions[0].measure("E", iterations - 1), block.run(), name)
    sides = {"ours": lambda: sessions.pop().run(epochs=epochs), "PyTorch": block.run}
    seconds = interleave(sides, rounds)
    return Row(
        what=f"an iteration of {name}: of PyTorch's time",
        figure=ratio(seconds["ours"], seconds["PyTorch"]),
        unit="x",
        bound=BOUNDS[arithmetic],
        detail=versus(("ours", "PyTorch"), seconds, per=iterations)
        + f" an iteration, in {rounds} turns of {iterations:,}",
    )
