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
from tests.bench import rivals, training  # noqa: E402
from tests.bench.__main__ import BENCHMARKS, WITH_TORCH  # noqa: E402
from tests.bench.harness import Effort, Row, interleave, ratio, table  # noqa: E402

pytestmark = pytest.mark.bench

TINY = Effort(rounds=1, scale=0.004)


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_benchmark_measures(name: str) -> None:
    if name in WITH_TORCH and not rivals.installed("torch"):
        pytest.skip("torch is not installed")
    if name.startswith("native-") and not switch.used():
        pytest.skip("llvmlite is not installed")
    rows = BENCHMARKS[name](TINY)
    assert rows
    # What counts mistakes is 0 where all is well.
    assert all(isinstance(row, Row) and isfinite(row.figure) and (row.figure > 0 or row.bound == 0) for row in rows)


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
