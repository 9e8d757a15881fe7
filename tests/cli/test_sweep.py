"""`retrograde sweep` as a program: what it prints, and what becomes of it when it, or a process of it, is killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from retrograde.engine import EngineError, Session, load_scenario, sweep
from retrograde.engine.sweeping.grid import grid_of
from retrograde.engine.sweeping.places import Lost, Pool
from retrograde.engine.sweeping.plan import plan_of
from retrograde.engine.sweeping.running import Chunk, work_off
from retrograde.engine.sweeping.sweeping import SweepProgress
from retrograde.tui.canvas.glyphs import UNICODE
from retrograde.tui.cli.main import main
from retrograde.tui.cli.support.progress import ProgressBar, duration
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.views.sweep import sweep_lines

SWEEP = [
    "sweep",
    "xor-2-2-1",
    "--seeds",
    "6",
    "--vary",
    "learning_rate=0.001,5,20",
    "--epochs",
    "400",
    "--workers",
    "1",
]
LONG = ["sweep", "xor-2-2-1", "--seeds", "40", "--epochs", "200", "--workers", "1", "--out"]

KILLED = """\
import os, signal, sys
from retrograde.tui.canvas.glyphs import UNICODE
from retrograde.tui.cli.main import main
from retrograde.tui.cli.support.progress import ProgressBar
ProgressBar.swept = lambda _bar, progress: progress.done >= 5 and os.kill(os.getpid(), signal.SIGKILL)
sys.exit(main(sys.argv[1:]))
"""


def test_a_table_a_picture_and_what_to_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SWEEP) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "xor-2-2-1   18 runs · 3 settings · 6 seeds · 400 epochs"
    assert lines[2].split()[:3] == ["learning_rate", "runs", "converged"]
    assert [line.split()[:2] for line in lines[3:6]] == [["0.001", "6"], ["5", "6"], ["20", "6"]]
    assert lines[3].endswith("░")
    assert "luck or setting: of the variance of who converges" in out
    assert "learning_rate=20   E: the median of the runs, and 10 % to 90 % of them" in out
    assert "⣿" in out
    assert "\x1b" not in out
    assert all(len(line) <= 100 for line in lines)
    # What it says opens a run is what opens it.
    command = next(line.split()[1] for line in lines if line.startswith("  retrograde "))
    session = load_session(command)
    assert session.position > 0 and session.scenario.network.seed == 0


def test_on_a_narrow_screen_no_line_is_left_empty_for_a_legend() -> None:
    found = sweep("xor-2-2-1", seeds=2, vary=["learning_rate=0.001,20", "optimizer=sgd,adam"], epochs=20, workers=1)
    lines = ["".join(span.text for span in line).strip() for line in sweep_lines(found, 50, UNICODE)]
    assert all(one or other for one, other in pairwise(lines))


def test_one_epoch_is_no_curve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "xor-2-2-1", "--seeds", "2", "--epochs", "1", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "xor-2-2-1   2 runs · 1 setting · 2 seeds · 1 epoch\n" in out
    assert "no loss is a number" not in out
    assert "E: the median" not in out


def test_plain_characters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SWEEP, "--ascii"]) == 0
    assert capsys.readouterr().out.isascii()


def test_json_has_the_same_in_full(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    assert main([*SWEEP, "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["runs"], found["total"], found["seeds"]) == (18, 18, 6)
    assert [one["setting"] for one in found["settings"]] == [{"learning_rate": rate} for rate in (0.001, 5, 20)]
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["learning_rate"] for row in rows] == ["0.001"] * 6 + ["5"] * 6 + ["20"] * 6
    for one in found["settings"]:
        fates = [row["fate"] for row in rows if float(row["learning_rate"]) == one["setting"]["learning_rate"]]
        assert {name: share["count"] for name, share in one["fates"].items() if share["count"]} == {
            fate: fates.count(fate) for fate in fates
        }
    row = rows[-1]
    session = Session(load_scenario(row["opens"].partition("@")[0]))
    assert repr(session.run(epochs=400).loss) == row["loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["xor-2-2-1"], "nothing varies; say over what"),
        (["xor-2-2-1", "--vary", "lr=3"], "did you mean learning_rate?"),
        (["xor-2-2-1", "--vary", "optimizer=adan"], "did you mean adam?"),
        (["no-such", "--seeds", "3"], "there is no such scenario"),
        (["xor-2-2-1", "--seeds", "3", "--out", "r.txt"], "end in .csv or .parquet"),
        (["xor-2-2-1", "--seeds", "3", "--workers", "0"], "is not a whole number from 1"),
        (["xor-2-2-1", "--seeds", "3", "--on", "ray:x"], "ray:x is no cluster; write dask:tcp://HOST:PORT"),
        (["x.rgrec", "--seeds", "3"], "rgrec"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", *arguments]) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert found.err.count("\n") == 1
    assert not found.out


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_killed_or_interrupted_it_goes_on_and_ends_as_if_nothing_had_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, asked = tmp_path / "killed.csv", tmp_path / "asked.csv"
    done = subprocess.run([sys.executable, "-c", KILLED, *LONG, str(killed)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not killed.exists()

    def press(_bar: ProgressBar, progress: SweepProgress) -> None:
        if progress.done >= 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ProgressBar, "swept", press)
        assert main([*LONG, str(asked)]) == 130
    said = capsys.readouterr().err
    assert said.startswith("retrograde: interrupted\n")
    assert "of 40 runs are kept; the same command goes on from there" in said
    assert 5 <= _lines(asked) - 1 < 40
    for out in (killed, asked):
        assert 5 <= _lines(out.with_name(out.name + ".sweep")) - 1 < 40
        assert main([*LONG, str(out)]) == 0
    assert killed.read_bytes() == asked.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_process_that_dies_is_replaced_and_its_runs_are_made_again() -> None:
    work = plan_of("xor-2-2-1", grid_of((), 6), epochs=200).work
    chunks = [Chunk(setting=0, seeds=(seed, seed + 1)) for seed in (0, 2, 4)]
    pool, made = Pool(work, 1), []
    try:
        pool.give(chunks[0])
        while not made:
            made += pool.collect()
        for chunk in chunks[1:]:
            pool.give(chunk)
        (process,) = pool._pool._processes
        os.kill(process, signal.SIGKILL)
        while pool.busy:
            made += pool.collect()
    finally:
        pool.close()
    results = {done.chunk: done.results for done in made}
    assert results == {chunk: work_off(work, chunk).results for chunk in chunks}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_is_not_for_a_process_that_is_only_starting(capfd: pytest.CaptureFixture[str]) -> None:
    work = plan_of("xor-2-2-1", grid_of((), 2), epochs=5).work
    pool, made = Pool(work, 1), []
    try:
        pool.give(Chunk(setting=0, seeds=(0, 1)))
        (process,) = pool._pool._processes
        while not made:
            os.kill(process, signal.SIGINT)
            made += pool.collect()
        assert list(pool._pool._processes) == [process]
    finally:
        pool.close()
    assert capfd.readouterr() == ("", "")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_run_that_always_loses_its_process_is_found_and_named() -> None:
    work = plan_of("xor-2-2-1", grid_of((), 3), epochs=5).work
    lost, chunk = Lost(work), Chunk(setting=0, seeds=(0, 1))
    assert [lost.again(chunk) for _time in range(2)] == [[chunk], [chunk]]
    alone = lost.again(chunk)
    assert alone == [Chunk(setting=0, seeds=(0,)), Chunk(setting=0, seeds=(1,))]
    assert [lost.again(alone[1]) for _time in range(2)] == [[alone[1]], [alone[1]]]
    with pytest.raises(EngineError, match="seed 1: the process that makes it was lost 3 times"):
        lost.again(alone[1])


def test_times_are_for_people() -> None:
    found = [duration(seconds) for seconds in (0.2, 99, 100, 3599, 7500, float("inf"))]
    assert found == ["1 s", "99 s", "1:40 min", "59:59 min", "2:05 h", "∞"]
