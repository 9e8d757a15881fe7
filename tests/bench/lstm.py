"""How long a training step of an LSTM takes, against PyTorch."""

from __future__ import annotations

import math
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.harness import Effort, Row, hastened, interleave, ratio, single_threaded, versus
from tests.bench.training import agree

STEPS, FEATURES, UNITS, CLASSES, BATCH = 20, 16, 32, 16, 16

TEXT = f"""
format = 1
title = {{ en = "an LSTM" }}
[network]
inputs = {STEPS * FEATURES}
input_shape = [{STEPS}, {FEATURES}]
arithmetic = "exact"
seed = 1
[[network.layers]]
name = "h"
kind = "lstm"
units = {UNITS}
bias = "both"
[[network.layers]]
name = "o"
units = {CLASSES}
activation = "softmax"
[data]
file = "sequences.npz"
classes = {CLASSES}
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
batch_size = {BATCH}
shuffle = "seeded"
seed = 1
[stop]
epochs = 1000
"""


def scenarios(folder: Path, samples: int = 10 * BATCH) -> dict[str, Scenario]:
    """An LSTM of 32 units over 20 steps of made-up numbers, with a class at each step: exact, and with BLAS."""
    random = np.random.default_rng(7)
    np.savez(
        folder / "sequences.npz",
        inputs=random.normal(size=(samples, STEPS * FEATURES)),
        targets=random.integers(CLASSES, size=(samples, STEPS)),
    )
    found = {}
    for arithmetic in ("exact", "blas"):
        path = folder / f"{arithmetic}.toml"
        path.write_text(TEXT.replace('"exact"', f'"{arithmetic}"'), encoding="utf-8")
        found[arithmetic] = load_scenario(path)
    return found


class Torch:
    """A session's LSTM as an ``nn.Module`` trained by ``torch.optim.SGD``, eager, in float64.

    Args:
        session: the training to copy, with its initial parameters and its order of samples.
        epochs: how many epochs of batches to lay ready.
    """

    def __init__(self, session: Session, epochs: int) -> None:
        torch: Any = import_module("torch")
        if single_threaded():
            torch.set_num_threads(1)

        class Layers(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.lstm = torch.nn.LSTM(FEATURES, UNITS, batch_first=True, dtype=torch.float64)
                self.dense = torch.nn.Linear(UNITS, CLASSES, dtype=torch.float64)

            def forward(self, x: Any) -> Any:
                return self.dense(self.lstm(x)[0])

        frame = session.timeline.frame(0)
        self.module = Layers()
        named = dict(self.module.named_parameters())
        ours = ("W_h", "U_h", "b_h", "bu_h", "W_o", "b_o")
        with torch.no_grad():
            for name, parameter in zip(ours, named.values(), strict=True):
                parameter.copy_(torch.tensor(np.array(frame.array(frame.program.named[name]))))
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=session.scenario.training.learning_rate)
        self.loss = torch.nn.functional.cross_entropy
        data = session.network.dataset
        self.inputs = torch.tensor(data.inputs).reshape(-1, STEPS, FEATURES)
        self.targets = torch.tensor(data.targets.reshape(-1, STEPS, CLASSES).argmax(axis=2))
        schedule = session.schedule
        self.rows = [torch.tensor(schedule.rows(k)) for k in range(epochs * schedule.per_epoch)]

    def step(self, rows: Any) -> float:
        """One iteration; its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.module(self.inputs[rows]).reshape(-1, CLASSES), self.targets[rows].reshape(-1))
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    def batches(self) -> float:
        """The shuffled batches, one after the other; the last loss. The parameters go on from where they are."""
        last = math.nan
        for rows in self.rows:
            last = self.step(rows)
        return last


def lstm(effort: Effort) -> list[Row]:
    """An iteration of an LSTM, 32 units and 20 steps, in batches of 16: exact and with BLAS, each side in turn."""
    if not rivals.installed("torch"):
        return []
    epochs, rounds = effort.count(8), effort.rounds
    with tempfile.TemporaryDirectory() as folder:
        first = {name: Session(scenario) for name, scenario in scenarios(Path(folder)).items()}
        iterations = epochs * first["exact"].schedule.per_epoch
        network = Torch(first["exact"], epochs)
        last = network.batches()
        for name, session in first.items():
            agree(session.measure("E", iterations - 1), last, f"the LSTM, {name}")
        fresh = {name: [hastened(Session(session.scenario)) for _ in range(rounds)] for name, session in first.items()}
        sides = {
            "exact": lambda: fresh["exact"].pop().run(epochs=epochs),
            "blas": lambda: fresh["blas"].pop().run(epochs=epochs),
            "PyTorch": network.batches,
        }
        seconds = interleave(sides, rounds)
    return [
        Row(
            what=f"an iteration of an LSTM, {UNITS} units, {STEPS} steps, batch {BATCH}, {name}: of PyTorch's time",
            figure=ratio(seconds[name], seconds["PyTorch"]),
            unit="x",
            bound=bound,
            detail=versus((name, "PyTorch"), seconds, per=iterations)
            + f" an iteration, in {rounds} turns of {iterations:,}",
        )
        for name, bound in (("exact", 1.2 if switch.used() else 3.0), ("blas", 0.8 if switch.used() else 1.5))
    ]
