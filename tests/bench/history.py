"""The memory that a history takes, and how soon any moment of it is there."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from tests.bench.harness import Effort, Row, duration, percentile

MEGABYTE = 1e6


def _resident() -> float:
    """Bytes of this process in memory; NaN where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmRSS:"))
    return float(line.split()[1]) * 1024


def memory(effort: Effort) -> list[Row]:
    """The history of a million steps of mazur."""
    steps = effort.count(1_000_000, 4000)
    session = Session(load_scenario("mazur"))
    epochs = -(-steps // session.schedule.steps_per_epoch)
    session.step()
    session.timeline.frame(0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    session.run(epochs=epochs)
    session.seek("50%")
    assert session.current is not None
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    held = session.timeline.nbytes + session.losses.nbytes
    return [
        Row(
            what=f"history of {steps:,} steps of mazur",
            figure=held / MEGABYTE,
            unit="MB",
            bound=1.0,
            detail=f"grown by {(after - before) / MEGABYTE:.3g} MB on Python's heap during the run and a seek",
        )
    ]


def billion(effort: Effort) -> list[Row]:
    """Any moment of a run of 10^9 steps of mazur."""
    steps = effort.count(10**8 if effort.quick else 10**9, 40_000)
    session = Session(load_scenario("mazur"))
    epochs = -(-steps // session.schedule.steps_per_epoch)
    resident = _resident()
    start = time.perf_counter()
    session.run(epochs=epochs)
    ran = time.perf_counter() - start
    held = session.timeline.nbytes + session.losses.nbytes
    random = np.random.default_rng(11)
    seconds = []
    for number in random.integers(1, session.length, effort.count(300, 20)).tolist():
        start = time.perf_counter()
        session.seek(number)
        step = session.current
        assert step is not None
        assert step.result == step.result
        seconds.append(time.perf_counter() - start)
        held = max(held, session.timeline.nbytes + session.losses.nbytes)
    grown = _resident() - resident
    return [
        Row(
            what=f"any moment of {steps:,} steps of mazur: 99th percentile",
            figure=percentile(seconds, 0.99) * 1e3,
            unit="ms",
            bound=50.0,
            detail=(
                f"median {duration(statistics.median(seconds))}, longest {duration(max(seconds))} "
                f"of {len(seconds)} seeks; the run took {duration(ran)}"
            ),
        ),
        Row(
            what=f"history of {steps:,} steps of mazur",
            figure=held / MEGABYTE,
            unit="MB",
            bound=64.0,
            detail=f"the process grew by {grown / MEGABYTE:.3g} MB",
        ),
    ]
