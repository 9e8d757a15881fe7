"""How long a training step of a small convolutional network takes, against PyTorch."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.harness import Effort, Row, hastened, interleave, ratio, single_threaded, versus
from tests.bench.training import agree


class Torch:
    """A session of lenet-digits as an ``nn.Module`` trained by ``torch.optim.Adam``, eager, in float64.

    Args:
        session: the training to copy, with its initial parameters and its order of samples.
        epochs: how many epochs of batches to lay ready.
    """

    def __init__(self, session: Session, epochs: int) -> None:
        torch: Any = import_module("torch")
        if single_threaded():
            torch.set_num_threads(1)
        scenario, frame = session.scenario, session.timeline.frame(0)
        layers: list[Any] = []
        each: tuple[Any, ...] = scenario.network.layers
        for layer in each:
            own: Any = None
            match layer.kind:
                case "conv":
                    channels = frame.array(frame.program.named[f"W_{layer.name}"]).shape[1]
                    kernel, padding = layer.kernel, layer.padding
                    own = torch.nn.Conv2d(channels, layer.channels, kernel, padding=padding, dtype=torch.float64)
                case "max_pool":
                    layers.append(torch.nn.MaxPool2d(layer.kernel))
                    continue
                case _:
                    layers.append(torch.nn.Flatten())
                    units, width = frame.array(frame.program.named[f"W_{layer.name}"]).shape
                    own = torch.nn.Linear(width, units, dtype=torch.float64)
            for name, stem in (("weight", "W"), ("bias", "b")):
                values = frame.array(frame.program.named[f"{stem}_{layer.name}"])
                setattr(own, name, torch.nn.Parameter(torch.tensor(np.array(values))))
            layers.append(own)
            if layer.activation == "relu":
                layers.append(torch.nn.ReLU())
        self.module = torch.nn.Sequential(*layers)
        training = scenario.training
        self.optimizer = torch.optim.Adam(
            self.module.parameters(), lr=training.learning_rate, betas=training.betas, eps=training.eps
        )
        self.loss = torch.nn.functional.cross_entropy
        data = session.network.dataset
        self.inputs = torch.tensor(data.inputs).reshape(-1, *scenario.network.input_shape or ())
        self.targets = torch.tensor(data.targets.argmax(axis=1))
        schedule = session.schedule
        self.rows = [torch.tensor(schedule.rows(k)) for k in range(epochs * schedule.per_epoch)]

    def step(self, rows: Any) -> float:
        """One iteration; its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.module(self.inputs[rows]), self.targets[rows])
        loss.backward()
        self.optimizer.step()
        return float(loss.item())

    def batches(self) -> float:
        """The shuffled batches, one after the other; the last loss. The parameters go on from where they are."""
        last = math.nan
        for rows in self.rows:
            last = self.step(rows)
        return last


def lenet(effort: Effort) -> list[Row]:
    """An iteration of lenet-digits in batches of 32: exact and with BLAS, each side in turn."""
    if not rivals.installed("torch"):
        return []
    exact = load_scenario("lenet-digits")
    blas = _with_blas(exact)
    epochs, rounds = effort.count(4), effort.rounds
    first = {name: Session(scenario) for name, scenario in (("exact", exact), ("blas", blas))}
    iterations = epochs * first["exact"].schedule.per_epoch
    network = Torch(first["exact"], epochs)
    last = network.batches()
    for name, session in first.items():
        agree(session.measure("E", iterations - 1), last, f"lenet-digits, {name}")
    fresh = {name: [hastened(Session(session.scenario)) for _ in range(rounds)] for name, session in first.items()}
    sides = {
        "exact": lambda: fresh["exact"].pop().run(epochs=epochs),
        "blas": lambda: fresh["blas"].pop().run(epochs=epochs),
        "PyTorch": network.batches,
    }
    seconds = interleave(sides, rounds)
    return [
        Row(
            what=f"an iteration of lenet-digits, batch 32, {name}: of PyTorch's time",
            figure=ratio(seconds[name], seconds["PyTorch"]),
            unit="x",
            bound=bound,
            detail=versus((name, "PyTorch"), seconds, per=iterations)
            + f" an iteration, in {rounds} turns of {iterations:,}",
        )
        for name, bound in (("exact", 1.2 if switch.used() else 3.0), ("blas", 0.8 if switch.used() else 1.5))
    ]


def _with_blas(scenario: Scenario) -> Scenario:
    network = scenario.network.model_copy(update={"arithmetic": "blas"})
    return scenario.model_copy(update={"network": network})
