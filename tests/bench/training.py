"""How long a training takes, against PyTorch, micrograd and NumPy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.harness import Effort, Row, hastened, interleave, ratio, versus


def agree(ours: float, theirs: float, what: str) -> None:
    """Stops a benchmark whose sides do not compute the same.

    Raises:
        AssertionError: the losses differ.
    """
    assert abs(ours - theirs) <= 1e-9 * abs(ours), f"{what}: losses {ours!r} and {theirs!r}"


def mazur(effort: Effort) -> list[Row]:
    """10,000 epochs of mazur."""
    scenario = load_scenario("mazur")
    epochs = effort.count(10_000, 40)
    few = max(10, epochs // 20)
    ours: list[float] = []

    def run() -> None:
        session = Session(scenario)
        ours.append(session.run(epochs=epochs).loss)

    sides = {"ours": run, "NumPy": lambda: rivals.Numpy(Session(scenario)).run(epochs)}
    theirs: dict[str, list[float]] = {"PyTorch": [], "micrograd": []}
    if rivals.installed("torch"):

        def torch_run() -> None:
            network = rivals.Torch(Session(scenario), ["sigmoid", "sigmoid"], rivals.half_squared_error, frozen=True)
            theirs["PyTorch"].append(network.whole(epochs))

        torch_run()
        sides["PyTorch"] = torch_run
    if rivals.installed("micrograd"):
        sides["micrograd"] = lambda: theirs["micrograd"].append(rivals.Micrograd(Session(scenario)).run(few))
    seconds = interleave(sides, effort.rounds)
    seconds["micrograd"] = [each * epochs / few for each in seconds.get("micrograd", ())]
    name = f"{epochs:,} epochs of mazur"
    rows = []
    for side, bound in (("PyTorch", 80.0), ("micrograd", 30.0)):
        if side not in sides:
            continue
        compared = Session(scenario).run(epochs=few).loss if side == "micrograd" else ours[-1]
        agree(compared, theirs[side][-1], side)
        detail = versus(("ours", side), seconds)
        if side == "micrograd":
            detail += f"; micrograd ran {few:,} epochs, scaled"
        rows.append(
            Row(
                what=f"{name}: faster than {side}",
                figure=ratio(seconds[side], seconds["ours"]),
                unit="x",
                bound=bound,
                least=True,
                detail=detail,
            )
        )
    rows.append(
        Row(
            what=f"{name}: faster than NumPy",
            figure=ratio(seconds["NumPy"], seconds["ours"]),
            unit="x",
            detail=versus(("ours", "NumPy"), seconds),
        )
    )
    return rows


def xor(effort: Effort) -> list[Row]:
    """Epochs of xor 2-4-1, one batch of 4 each."""
    if not rivals.installed("torch"):
        return []
    scenario = load_scenario("xor-2-4-1")
    scenario = scenario.model_copy(update={"stop": scenario.stop.model_copy(update={"loss_below": None})})
    epochs = effort.count(2_000, 40)
    ours: list[float] = []
    theirs: list[float] = []

    def run() -> None:
        ours.append(Session(scenario).run(epochs=epochs).loss)

    def torch_run() -> None:
        network = rivals.Torch(Session(scenario), ["tanh", "sigmoid"], rivals.binary_cross_entropy)
        theirs.append(network.whole(epochs))

    torch_run()
    seconds = interleave({"ours": run, "PyTorch": torch_run}, effort.rounds)
    agree(ours[-1], theirs[-1], "xor")
    return [
        Row(
            what=f"{epochs:,} epochs of xor 2-4-1, batch of 4: faster than PyTorch",
            figure=ratio(seconds["PyTorch"], seconds["ours"]),
            unit="x",
            bound=15.0,
            least=True,
            detail=versus(("ours", "PyTorch"), seconds),
        )
    ]


def digits(effort: Effort) -> list[Row]:
    """An iteration of digits 64-32-10 in batches of 32."""
    return _iterations(
        load_scenario("digits"),
        "digits 64-32-10, batch 32, exact",
        effort.count(20),
        0.6 if switch.used() else 1.2,
        effort.rounds,
    )


def adam(effort: Effort) -> list[Row]:
    """An iteration of digits 64-32-10 under Adam, exact and with BLAS."""
    digits = load_scenario("digits")
    table = digits.training.model_copy(update={"optimizer": "adam", "learning_rate": 0.001, "momentum": None})
    exact = digits.model_copy(update={"training": table.completed()})
    blas = exact.model_copy(update={"network": exact.network.model_copy(update={"arithmetic": "blas"})})
    rows: list[Row] = []
    for scenario, name in ((exact, "exact"), (blas, "blas")):
        what = f"digits 64-32-10 under Adam, {name}"
        rows += _iterations(scenario, what, effort.count(10), 1.2, effort.rounds)
    return rows


WIDE = """
format = 1
title = { en = "wide", zh = "wide" }
teaches = { en = "wide", zh = "wide" }
about = { en = "wide", zh = "wide" }
[network]
inputs = 784
arithmetic = "blas"
seed = 1
[[network.layers]]
name = "h"
units = 128
activation = "relu"
init = { kind = "he_normal" }
[[network.layers]]
name = "o"
units = 10
activation = "softmax"
init = { kind = "glorot_uniform" }
[data]
file = "wide.npz"
input_key = "x"
target_key = "t"
classes = 10
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.05
batch_size = 64
shuffle = "seeded"
seed = 1
[stop]
epochs = 1000
"""


def wide_scenario(folder: Path, samples: int = 1280) -> Scenario:
    """784-128-10 on made-up images, with products by BLAS."""
    random = np.random.default_rng(7)
    np.savez(
        folder / "wide.npz",
        x=random.random((samples, 784)) * (random.random((samples, 784)) < 0.2),
        t=random.integers(0, 10, samples),
    )
    path = folder / "wide.toml"
    path.write_text(WIDE, encoding="utf-8")
    return load_scenario(path)


def wide(effort: Effort) -> list[Row]:
    """An iteration of 784-128-10 in batches of 64, with BLAS."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = wide_scenario(Path(folder))
        return _iterations(
            scenario, "784-128-10, batch 64, blas", effort.count(40), 0.9 if switch.used() else 1.0, effort.rounds
        )


def _iterations(scenario: Scenario, name: str, epochs: int, bound: float, rounds: int) -> list[Row]:
    if not rivals.installed("torch"):
        return []
    rounds += 2
    sessions = [hastened(Session(scenario)) for _ in range(rounds + 1)]
    network = rivals.Torch(sessions[0], ["relu", None], rivals.cross_entropy, classes=True)
    network.shuffle(epochs)
    iterations = epochs * sessions[0].schedule.per_epoch
    last = network.batches()
    agree(sessions[0].measure("E", iterations - 1), last, name)
    sides = {"ours": lambda: sessions.pop().run(epochs=epochs), "PyTorch": network.batches}
    seconds = interleave(sides, rounds)
    return [
        Row(
            what=f"an iteration of {name}: of PyTorch's time",
            figure=ratio(seconds["ours"], seconds["PyTorch"]),
            unit="x",
            bound=bound,
            detail=versus(("ours", "PyTorch"), seconds, per=iterations)
            + f" an iteration, in {rounds} turns of {iterations:,}",
        )
    ]
