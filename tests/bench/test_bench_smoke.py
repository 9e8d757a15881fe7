"""Tiny versions of the benchmarks: they run, both sides compute the same, and the table says what was missed."""

from __future__ import annotations

import sys
from math import isfinite
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from retrograde.engine.executor.native import switch  # noqa: E402
from tests.bench import (  # noqa: E402
    attention,
    cursor,
    doctoring,
    history,
    keys,
    lenet,
    lstm,
    native,
    paint,
    pictures,
    reading,
    recording,
    rivals,
    training,
    travel,
    watching,
)
from tests.bench.harness import Effort, Row, interleave, ratio, table  # noqa: E402

pytestmark = pytest.mark.bench

TINY = Effort(rounds=1, scale=0.004)


@pytest.mark.parametrize(
    "benchmark",
    [
        training.mazur,
        training.xor,
        training.digits,
        training.wide,
        training.adam,
        native.mazur,
        native.xor,
        native.two_moons,
        native.billion,
        lenet.lenet,
        lstm.lstm,
        attention.transformer,
        cursor.moving,
        cursor.building,
        doctoring.watched,
        doctoring.biography,
        pictures.frames,
        history.memory,
        history.billion,
        travel.seeking,
        travel.conditions,
        travel.searching,
        reading.tables,
        recording.recording,
        keys.keys,
        keys.running,
        paint.first_paint,
        watching.watched,
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_benchmark_measures(benchmark: object) -> None:
    assert callable(benchmark)
    if benchmark in {
        training.xor,
        training.digits,
        training.wide,
        training.adam,
        lenet.lenet,
        lstm.lstm,
        attention.transformer,
        recording.recording,
        watching.watched,
    } and not rivals.installed("torch"):
        pytest.skip("torch is not installed")
    if getattr(benchmark, "__module__", "") == native.__name__ and not switch.used():
        pytest.skip("llvmlite is not installed")
    rows = benchmark(TINY)
    assert rows
    assert all(isinstance(row, Row) and isfinite(row.figure) and row.figure > 0 for row in rows)


def test_the_sides_take_turns() -> None:
    order: list[str] = []
    sides = {name: (lambda name=name: order.append(name)) for name in ("a", "b")}
    seconds = interleave(sides, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert {name: len(each) for name, each in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_the_median_of_rounds() -> None:
    assert ratio([2.0, 9.0, 40.0], [1.0, 3.0, 10.0]) == 3.0


def test_the_table_holds_figures_against_targets() -> None:
    rows = [
        Row(what="speed", figure=79.0, unit="x", bound=80.0, least=True),
        Row(what="time", figure=0.9, unit="ms", bound=1.0, detail="best 0.8 ms"),
        Row(what="size", figure=1234.0, unit="MB"),
    ]
    lines = table(rows, {"time": Row(what="time", figure=2.0, unit="ms")}).splitlines()
    assert lines[1].split() == ["speed", "79", "x", "≥", "80", "x", "MISSED"]
    assert lines[2].split() == ["time", "0.9", "ms", "2", "ms", "≤", "1", "ms", "met"]
    assert lines[3].strip() == "best 0.8 ms"
    assert lines[4].split() == ["size", "1,234", "MB"]


def test_sides_that_differ_are_no_benchmark() -> None:
    training.agree(1.0, 1.0 + 1e-12, "same")
    with pytest.raises(AssertionError, match="other"):
        training.agree(1.0, 1.01, "other")
