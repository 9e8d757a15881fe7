"""Sweeps on a cluster of Dask: the same bits, also where a worker is killed. Skips without the extra `cluster`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from retrograde.engine import EngineError, sweep
from retrograde.engine.sweeping.cluster import Cluster
from retrograde.engine.sweeping.grid import grid_of
from retrograde.engine.sweeping.plan import plan_of
from retrograde.engine.sweeping.sweeping import Sweeping, SweepProgress
from retrograde.tui.cli.main import main

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")

# Of Dask and what it stands on: sockets and loops that are closed late.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler with three workers on this machine."""
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None) as found:
        yield found


def test_runs_have_the_same_bits_wherever_they_are_made_and_a_lost_worker_costs_nothing(cluster: Any) -> None:
    killed: list[int] = []

    def kill(progress: SweepProgress) -> None:
        if progress.done >= 3 and not killed:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    wanted: dict[str, Any] = {"seeds": 40, "vary": ["learning_rate=1,10"], "epochs": 1500}
    found = sweep("xor-2-2-1", on=f"dask:{cluster.scheduler_address}", on_progress=kill, **wanted)
    assert killed
    assert len(found.results) == 80
    assert found.results == sweep("xor-2-2-1", workers=1, **wanted).results


def test_samples_that_lie_in_a_file_are_sent(cluster: Any) -> None:
    wanted: dict[str, Any] = {"seeds": 4, "epochs": 2, "doctor": True}
    found = sweep("iris", on=f"dask:{cluster.scheduler_address}", **wanted)
    assert found.results == sweep("iris", workers=1, **wanted).results


def test_a_worker_with_another_program_is_refused(cluster: Any) -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 4), epochs=5)
    other = replace(plan, work=replace(plan.work, stamp=replace(plan.stamp, retrograde="9.9", code="other")))
    with (
        pytest.raises(EngineError, match=r"tcp://.* has another program, which may compute other bits: retrograde"),
        Sweeping(other, on=f"dask:{cluster.scheduler_address}") as going,
    ):
        going.run()


def test_a_worker_that_comes_later_is_asked_with_each_run(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 4), epochs=5)
    other = replace(plan, work=replace(plan.work, stamp=replace(plan.stamp, numpy="0.1")))
    monkeypatch.setattr(Cluster, "_require_alike", lambda *_arguments: None)
    with (
        pytest.raises(EngineError, match="has another program, which may compute other bits: numpy"),
        Sweeping(other, on=f"dask:{cluster.scheduler_address}") as going,
    ):
        going.run()


def test_a_scheduler_without_workers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrograde.engine.sweeping.cluster.DESERTED", 0.3)
    plan = plan_of("xor-2-2-1", grid_of((), 4), epochs=5)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as empty,
        pytest.raises(EngineError, match=r"has no workers; start some: dask worker"),
        Sweeping(plan, on=f"dask:{empty.scheduler_address}") as going,
    ):
        going.run()


def test_nobody_there_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrograde.engine.sweeping.cluster.TIMEOUT", 1)
    assert main(["sweep", "xor-2-2-1", "--seeds", "3", "--on", "dask:tcp://127.0.0.1:9"]) == 2
    assert capsys.readouterr().err == "retrograde: no Dask scheduler answers at tcp://127.0.0.1:9\n"
