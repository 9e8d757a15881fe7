"""A run of a sweep against the same run that shares nothing with the other seeds."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.engine.sweeping.grid import grid_of
from retrograde.engine.sweeping.plan import plan_of
from retrograde.engine.sweeping.running import Trainer
from tests.bench.harness import Effort, Row, interleave, ratio

EPOCHS = 5000


def sweeps(effort: Effort) -> list[Row]:
    """Runs of xor-2-2-1 over seeds: with what they share, and each loaded and built for itself."""
    epochs, runs = effort.count(EPOCHS, 20), effort.count(5, 1)
    trainer = Trainer(plan_of("xor-2-2-1", grid_of((), 2), epochs=epochs).work, 0)
    trainer.run(0)
    seeds = _numbers()

    def shared() -> None:
        for _run in range(runs):
            trainer.run(next(seeds))

    def alone() -> None:
        for _run in range(runs):
            Session(load_scenario(f"xor-2-2-1:seed={next(seeds)}")).run(epochs=epochs)

    seconds = interleave({"shared": shared, "alone": alone}, effort.rounds)
    each = min(seconds["shared"]) / runs
    return [
        Row(
            what=f"a run of {epochs:,} epochs of xor-2-2-1 in a sweep / by itself",
            figure=ratio(seconds["shared"], seconds["alone"]),
            unit="x",
            detail=f"{each * 1e3:.3g} ms a run, {each * 1000:.3g} s for 1,000 seeds on one core",
        )
    ]


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number
