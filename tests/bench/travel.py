"""Travelling: any moment of a long run, what conditions cost, and searches in both directions."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench.harness import Effort, Row, duration, interleave, percentile, ratio, versus

MEGABYTE = 1e6

STROKES = """
format = 1
title = { en = "strokes", zh = "strokes" }
teaches = { en = "strokes", zh = "strokes" }
about = { en = "strokes", zh = "strokes" }
[network]
inputs = 144
input_shape = [12, 12]
seed = 1
[network.init]
kind = "he_normal"
[[network.layers]]
units = 64
activation = "relu"
[[network.layers]]
units = 10
activation = "softmax"
[data]
file = "strokes.npz"
input_key = "x"
target_key = "t"
classes = 10
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.01
batch_size = 32
shuffle = "seeded"
[stop]
epochs = 1
"""


def strokes(folder: Path, side: int = 12, units: int = 64, samples: int = 1280) -> Scenario:
    """A dense network on random images: of the size of a small convolution, 144-64-10, on 1,280 of them."""
    random = np.random.default_rng(4)
    np.savez(folder / "strokes.npz", x=random.random((samples, side * side)), t=random.integers(0, 10, samples))
    text = STROKES.replace("144", f"{side * side}").replace("12, 12", f"{side}, {side}").replace("64", f"{units}")
    path = folder / "strokes.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


def endless(scenario: Scenario, epochs: int) -> Scenario:
    """The scenario without any rule that stops it early."""
    rules = ("loss_below", "loss_change_below", "gradient_norm_below")
    stop = scenario.stop.model_copy(update={"epochs": epochs, **dict.fromkeys(rules)})
    return scenario.model_copy(update={"stop": stop})


def _prepared(scenario: Scenario, steps: int) -> Session:
    epochs = max(2, -(-steps // Session(scenario).schedule.steps_per_epoch))
    return Session(endless(scenario, epochs))


def seeking(effort: Effort) -> list[Row]:
    """Any moment of 10^9 steps of four networks, within 64 MB."""
    steps = effort.count(10**8 if effort.quick else 10**9, 40_000)
    with tempfile.TemporaryDirectory() as folder:
        scenarios = [load_scenario(name) for name in ("mazur", "xor-2-4-1", "digits")] + [strokes(Path(folder))]
        return [row for scenario in scenarios for row in _seeks(scenario, steps, effort)]


def _seeks(scenario: Scenario, steps: int, effort: Effort) -> list[Row]:
    session = _prepared(scenario, steps)
    start = time.perf_counter()
    session.run()
    ran = time.perf_counter() - start
    random = np.random.default_rng(11)
    seconds, held = [], 0
    for number in random.integers(1, session.length, effort.count(300, 20)).tolist():
        start = time.perf_counter()
        session.seek(number)
        step = session.current
        assert step is not None
        assert step.result == step.result
        seconds.append(time.perf_counter() - start)
        held = max(held, session.timeline.nbytes + session.losses.nbytes + session.branch.search.nbytes)
    name = f"{session.length:,} steps of {scenario.name}"
    return [
        Row(
            what=f"{name}: any moment, 99th percentile",
            figure=percentile(seconds, 0.99) * 1e3,
            unit="ms",
            bound=50.0,
            detail=(
                f"median {duration(statistics.median(seconds))}, longest {duration(max(seconds))} of {len(seconds)}; "
                f"the run of {session.schedule.locate(session.length)[0] + 1:,} iterations took {duration(ran)}"
            ),
        ),
        Row(what=f"{name}: history", figure=held / MEGABYTE, unit="MB", bound=64.0),
    ]


WIDE = "784-128-10"
"""A network whose first layer has 100,352 weights, on batches of 32."""

CONDITIONS = (
    (
        "mazur",
        40_000,
        ("E < 1e-30", "abs(grad(w5)) > 1e9", "max(abs(grad(W_h))) > 1e9", "sign(w1) != sign(prev(w1))"),
    ),
    ("xor-2-4-1", 10_000, ("E < 1e-30", "out_o1 > 2", "max(abs(grad(W_h))) > 1e9")),
    ("digits", 4, ("E < 1e-30", "any(isnan(W_h))", "max(abs(grad(W_h))) > 1e9", "norm(grad(W_o)) > 1e9")),
    (WIDE, 4, ("max(abs(grad(W_h))) > 1e9", "any(isnan(W_h))", "norm(grad(W_h)) > 1e9", "any(W_h > prev(W_h) + 1e9)")),
)


def conditions(effort: Effort) -> list[Row]:
    """What it costs a run to look for a condition that is never true."""
    with tempfile.TemporaryDirectory() as folder:
        wide = strokes(Path(folder), side=28, units=128, samples=320)
        return [
            row
            for name, full, texts in CONDITIONS
            for row in _costs(
                name, wide if name == WIDE else load_scenario(name), effort.count(_long(full), 2), texts, effort
            )
        ]


def _long(epochs: int) -> int:
    """Epochs that take tens of milliseconds: what is done once for a run is no cost of an epoch."""
    return 10 * epochs if switch.used() and epochs > 1000 else epochs


def _costs(name: str, trained: Scenario, epochs: int, texts: tuple[str, ...], effort: Effort) -> list[Row]:
    """The rows of one network."""
    plain = Session(endless(trained, epochs))

    def run(*texts: str) -> Callable[[], object]:
        # A session of one's own each time would compile again, which a run of any length does once.
        session = Session(plain.scenario)
        breaks = tuple(map(session.condition, texts))

        def again() -> None:
            session.seek(0)
            session.run(breaks=breaks)

        again()
        return again

    sides = {"plain": run()} | {text: run(text) for text in texts}
    seconds = interleave(sides, effort.rounds)
    return [
        Row(
            what=f"{name}: a run that looks for {text}",
            figure=ratio(seconds[text], seconds["plain"]),
            unit="x",
            bound=1.1,
            detail=f"times a run that does not; {versus(('plain', text), seconds, epochs)} an epoch",
        )
        for text in texts
    ]


def searching(effort: Effort) -> list[Row]:
    """Queries and going back over 10^8 steps of mazur."""
    steps = effort.count(10**8, 40_000)
    session = _prepared(load_scenario("mazur"), steps)
    name = f"{session.length:,} steps of mazur"
    rounds = max(1, min(3, effort.rounds))
    plain = Session(session.scenario)

    def run() -> None:
        fresh = Session(plain.scenario)
        fresh.run()

    session.run()
    never = session.add_breakpoint("out_h1 > 2")

    def back() -> None:
        session.seek("end")
        assert session.reverse().breakpoint is None

    seconds = interleave({"running": run, "going back": back}, rounds)
    session.remove_breakpoint(never.number)
    rows = [
        Row(
            what=f"{name}: back to the start, nothing can be skipped",
            figure=ratio(seconds["going back"], seconds["running"]),
            unit="x",
            bound=1.5,
            detail=f"times running them; {versus(('running', 'going back'), seconds)}",
        )
    ]
    beginning = session.step_at(11).result
    session.add_breakpoint(f"E >= {beginning!r}")

    def back_skipping() -> None:
        session.seek("end")
        assert session.reverse().breakpoint is not None

    low = min(session.losses.points()[1].tolist())
    queries: list[tuple[str, float, Callable[[], object]]] = [
        ("back to a breakpoint at the start, the rest is skipped", 50.0, back_skipping),
        ("first E < 1e-9", 5.0, lambda: session.first("E < 1e-9")),
        (f"first E < {low:.3g}, which is nowhere", 5.0, lambda: session.first(f"E < {low!r}")),
        ("last E > 0.1", 5.0, lambda: session.last("E > 0.1")),
    ]
    for what, bound, ask in queries:
        took = []
        for _round in range(effort.count(30, 3)):
            start = time.perf_counter()
            ask()
            took.append(time.perf_counter() - start)
        rows.append(
            Row(
                what=f"{name}: {what}",
                figure=statistics.median(took) * 1e3,
                unit="ms",
                bound=bound,
                detail=f"the first time, with compiling, {duration(took[0])}; longest {duration(max(took))}",
            )
        )
    return rows
