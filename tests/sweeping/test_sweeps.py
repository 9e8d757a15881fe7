"""Sweeps: the grid, what becomes of a run, what runs say together, the journal; each run has a session's bits."""

from __future__ import annotations

import csv
import json
import math
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, Session, load_scenario, sweep
from retrograde.engine.sweeping.fates import Fate
from retrograde.engine.sweeping.grid import Grid, grid_of, seeds_of, values_of
from retrograde.engine.sweeping.journal import Journal
from retrograde.engine.sweeping.plan import Plan, called, milestones, plan_of
from retrograde.engine.sweeping.running import Chunk, Course, Result, bits_of, from_record, to_record, work_off
from retrograde.engine.sweeping.stamp import stamp
from retrograde.engine.sweeping.summary import causes_of, curves_of, quantiles, share
from retrograde.engine.sweeping.sweeping import Sweeping
from tests.docs.commands import DOCS, blocks
from tests.support.effort import examples

FAST = ["learning_rate=5,20"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001..10:log:9", (0.001, 0.00316228, 0.01, 0.0316228, 0.1, 0.316228, 1, 3.16228, 10)),
        ("0..1:lin:5", (0, 0.25, 0.5, 0.75, 1)),
        ("1..4", (1, 2, 3, 4)),
        ("sgd,adam", ("sgd", "adam")),
        ("[1, 2],[3, 4]", ([1, 2], [3, 4])),
        ("-1..-100:log:3", (-1, -10, -100)),
        ("-1e308..1e308:lin:3", (-1e308, 0, 1e308)),
        ("1e-300..1e300:log:3", (1e-300, 1, 1e300)),
        ("-1e300..-1e-200:log:3", (-1e300, -1e50, -1e-200)),
        ("1e-200..1e-180:log:3", (1e-200, 1e-190, 1e-180)),
        ("true,false", (True, False)),
        ("0.5,1..2:lin:3", (0.5, 1, 1.5, 2)),
    ],
)
def test_values_are_read(text: str, values: tuple[Any, ...]) -> None:
    assert values_of("k", text) == values


@pytest.mark.parametrize(
    ("vary", "seeds", "message"),
    [
        (["learning_rate=0.1..1"], None, "learning_rate=0.1..1: say how many values: 0.1..1:lin:5"),
        (["learning_rate=0..1:log:3"], None, "learning_rate=0..1:log:3: a logarithmic range has both ends above 0"),
        (["learning_rate=1..2:cube:3"], None, "learning_rate=1..2:cube:3 makes no sense"),
        (["learning_rate=1..2:lin:1"], None, "makes no sense"),
        (["learning_rate=1..2:lin:9999999"], None, "makes no sense"),
        (["learning_rate=1,"], None, "makes no sense"),
        (["learning_rate=1,1"], None, "learning_rate has a value twice"),
        (["learning_rate=1,1.0"], None, "learning_rate has a value twice"),
        (["learning_rate"], None, "says not what varies"),
        (["l2=1", "l2=2"], None, "l2 is varied twice"),
        (["seed=1,2"], "5", "seed is varied twice"),
        ([], None, "nothing varies"),
        ([], "0", "0 seeds"),
        ([], "x", "x is not a seed"),
        ([], "1,1", "seed has a value twice"),
        ([], "-4", "-4 is not a seed"),
        (["l1=0..9999", "l2=0..999"], "5", "at most 1,000,000 are made"),
        ([], "1_", "1_ is not a seed"),
        ([], "1__0", "1__0 is not a seed"),
        ([], "1_..5", "makes no sense"),
        ([], "1..5_", "makes no sense"),
        ([], "٣", "٣ is not a seed"),
        ([], f"{'9' * 5000}..5", "makes no sense"),
        (["learning_rate=1_..5:lin:3"], None, "makes no sense"),
        (["learning_rate=1__0..5:lin:3"], None, "makes no sense"),
        (["learning_rate=0..5:lin:٣"], None, "makes no sense"),
        ([f"learning_rate=1..5:lin:{'9' * 5000}"], None, "makes no sense"),
        ([f"batch_size=0..{'9' * 5000}"], None, "makes no sense"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(vary: list[str], seeds: str | None, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        grid_of(vary, seeds)
    assert message in str(caught.value)


def test_a_grid_is_all_combinations_with_all_seeds() -> None:
    grid = grid_of({"learning_rate": [0.1, 1.0], "optimizer": "sgd,adam"}, 3)
    assert (grid.size, grid.runs, grid.seeds) == (4, 12, (0, 1, 2))
    assert [tuple(one.values()) for one in grid.settings] == [(0.1, "sgd"), (0.1, "adam"), (1.0, "sgd"), (1.0, "adam")]
    assert grid_of(["seed=4..6"], None).seeds == seeds_of("4..6") == (4, 5, 6)


@examples(60)
@given(st.integers(1, 10**7))
def test_milestones_go_from_the_first_epoch_to_the_last(epochs: int) -> None:
    found = milestones(epochs)
    assert found[0] == 1
    assert found[-1] == epochs
    assert list(found) == sorted(set(found))
    assert len(found) <= 40


def test_a_run_is_called_as_it_is_opened() -> None:
    assert called("mazur", "", None) == "mazur"
    assert called("mazur", "l2=1", 3) == "mazur:seed=3,l2=1"
    assert called("mazur:l1=1", "l2=1", None) == "mazur:l1=1,l2=1"
    assert called("race.toml:adam", "", 3) == "race.toml:adam:seed=3"


# -- runs


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("xor-2-2-1", {"seeds": 2, "vary": FAST, "epochs": 300}),
        ("xor-2-2-1", {"seeds": 2, "epochs": 40, "until": "E < 0.52"}),
        ("dropout", {"seeds": 2, "epochs": 3}),
        ("iris", {"seeds": 2, "vary": ["batch_size=7,50"], "epochs": 4}),
        ("diverging", {"vary": ["learning_rate=0.05,3,1e200"], "epochs": 60}),
    ],
)
def test_a_run_has_the_bits_and_the_end_of_a_session(source: str, options: dict[str, Any]) -> None:
    found = sweep(source, workers=1, **options)
    for one in found.results:
        session = Session(load_scenario(found.plan.called(one.setting, one.seed)))
        session.branch.history = course = Course()
        outcome = session.run(epochs=options["epochs"], until=options.get("until"))
        assert one.bits == bits_of(np.array(course.kept[: outcome.iterations]))
        assert (one.rule, one.iterations) == (outcome.rule.value, outcome.iterations)
        assert one.loss == outcome.loss or (math.isnan(one.loss) and math.isnan(outcome.loss))
        kept = dict(zip(found.plan.work.milestones, one.curve, strict=False))
        for epoch, loss in kept.items():
            seen = session.measure("E_epoch", epoch * session.schedule.per_epoch)
            assert loss == seen or (math.isnan(loss) and math.isnan(seen))
        if one.at:
            session.seek(one.at)


def test_what_becomes_of_a_run() -> None:
    fates = {
        ("diverging", "learning_rate=0.01"): Fate.SLOW,
        ("diverging", "learning_rate=0.5"): Fate.DIVERGED,
        ("diverging", "learning_rate=1e200"): Fate.NAN,
        ("xor-2-2-1", "learning_rate=0.001"): Fate.STUCK,
        ("single-layer-xor", "learning_rate=1"): Fate.STUCK,
    }
    for (source, vary), fate in fates.items():
        (one,) = sweep(source, vary=[vary], epochs=400, workers=1).results
        assert one.fate is fate, source
        # Where it is asked to look, something has happened.
        assert bool(one.at) == (fate is not Fate.SLOW)
    (one,) = sweep("xor-2-2-1", vary=["learning_rate=5"], workers=1).results
    assert (one.fate, one.epoch) == (Fate.CONVERGED, one.epochs)


def test_the_doctor_names_the_first_alarm() -> None:
    found = sweep("diverging", vary=["learning_rate=0.01,1"], epochs=60, doctor=True, workers=1)
    calm, wild = found.results
    assert not calm.alerts
    diagnosis = Session(load_scenario("diverging:learning_rate=1")).doctor(epochs=60)
    alarms = sorted((one for one in diagnosis.alerts if not one.note), key=lambda one: one.iteration)
    assert [rule for rule, _at in wild.alerts] == [one.rule for one in alarms]
    assert wild.at == wild.alerts[0][1]
    session = Session(load_scenario(found.opens(wild).partition("@")[0]))
    session.seek(wild.at)


def test_a_setting_that_can_not_be_is_refused_before_anything_runs() -> None:
    for vary, message in (
        (["learning_rate=1,x"], 'xor-2-2-1:seed=0,learning_rate=x: training.learning_rate: "x" is not a number'),
        (["optimizer=sgd,adan"], "did you mean adam?"),
        (["lr=1"], "did you mean learning_rate?"),
    ):
        with pytest.raises(EngineError) as caught:
            sweep("xor-2-2-1", seeds=2, vary=vary, workers=1)
        assert message.replace("seed=0,", "") in str(caught.value)
    with pytest.raises(EngineError, match="nothing is drawn or shuffled in cs231n-circuit"):
        sweep("cs231n-circuit", seeds=2, workers=1)
    with pytest.raises(EngineError, match="a run of 1,000,000,000 iterations"):
        sweep("xor-2-2-1", seeds=2, epochs=10**9, workers=1)
    with pytest.raises(EngineError, match="seeds of numpy-legacy go from 0 to 4294967295"):
        sweep("iamtrask", seeds=[1, 2**40], workers=1)
    with pytest.raises(EngineError, match="column"):
        sweep("xor-2-2-1", seeds=2, until="E <", workers=1)


# -- what they say together


def test_the_interval_of_a_share_is_wilson_s() -> None:
    # Figures of Brown, Cai and DasGupta 2001 (n = 10), as any calculator gives them.
    for count, low, high in ((0, 0.0, 0.2775), (5, 0.2366, 0.7634), (10, 0.7225, 1.0)):
        found = share(count, 10)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert math.isnan(share(0, 0).low)


@examples(60)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=40))
def test_quantiles_are_numbers_that_were_seen(values: list[float]) -> None:
    found = quantiles(values)
    assert set(found) <= set(values)
    assert list(found) == sorted(found)


def _results(grid: np.ndarray) -> tuple[Plan, list[Result]]:
    """A plan of two keys and some seeds, with runs that converge where the grid says so."""
    shape = grid.shape
    seeds = tuple(range(shape[2]))
    vary = {"l1": [k / 10 for k in range(shape[0])], "l2": [k / 10 for k in range(shape[1])]}
    base = plan_of("xor-2-2-1", grid_of({"l1": [0.0]}, 1), epochs=5)
    wanted: Grid = grid_of(vary, seeds)
    plan = replace(base, grid=wanted, settings=tuple(map(str, wanted.settings)))
    (done,) = work_off(base.work, Chunk(setting=0, seeds=(0,))).results
    found = [
        replace(done, setting=number, seed=seed, fate=Fate.CONVERGED if good else Fate.STUCK)
        for number, row in enumerate(grid.reshape(-1, shape[2]))
        for seed, good in enumerate(row.tolist())
    ]
    return plan, found


@examples(12)
@given(st.data())
def test_the_parts_of_the_variance_add_up(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), data.draw(st.integers(2, 4)))
    cells = data.draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
    grid = np.array(cells).reshape(shape)
    found = causes_of(*_results(grid))
    if grid.all() or not grid.any():
        assert found is None
        return
    assert found is not None
    parts = (found.setting, found.seed, found.both)
    assert sum(parts) == pytest.approx(1.0)
    assert all(part > -1e-12 for part in (*parts, *found.keys.values()))
    assert sum(found.keys.values()) <= found.setting + 1e-12


def test_luck_alone_and_the_setting_alone() -> None:
    by_seed = np.broadcast_to([True, False, True], (2, 2, 3))
    found = causes_of(*_results(by_seed))
    assert found is not None and (found.setting, found.seed) == pytest.approx((0.0, 1.0))
    by_key = np.broadcast_to(np.array([True, False])[:, None, None], (2, 2, 3))
    found = causes_of(*_results(by_key))
    assert found is not None and found.keys == pytest.approx({"l1": 1.0, "l2": 0.0})


def test_a_run_that_ended_keeps_its_loss_and_what_is_no_number_is_above_all() -> None:
    _plan, (one, *_others) = _results(np.array([[[True, True]]]))
    early = replace(one, curve=array("d", [4.0, 1.0]), loss=1.0)
    late = replace(one, curve=array("d", [2.0, 2.0, 2.0]), loss=2.0)
    gone = replace(one, curve=array("d", [8.0]), loss=math.nan, fate=Fate.NAN)
    found = curves_of([early, late, gone], 3)
    assert found[2].tolist() == [4.0, 2.0, 2.0]
    assert found[0].tolist() == [2.0, 1.0, 1.0]
    assert found[4].tolist() == [8.0, math.inf, math.inf]


# -- the journal


def _swept(out: Path, seeds: int | str, **options: Any) -> list[dict[str, str]]:
    sweep("xor-2-2-1", seeds=seeds, vary=FAST, epochs=options.pop("epochs", 40), workers=1, out=out, **options)
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_result_is_the_same_after_it_was_written_down() -> None:
    for one in sweep("diverging", vary=["learning_rate=0.01,1e200"], epochs=5, doctor=True, workers=1).results:
        again = from_record(one.setting, one.seed, json.loads(json.dumps(to_record(one))))
        assert repr(again) == repr(one)
        assert np.array_equal(again.curve, one.curve, equal_nan=True)


def test_a_sweep_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    rows = _swept(whole, 6)
    assert len(rows) == 12
    journal = tmp_path / "part.csv.sweep"
    lines = (tmp_path / "whole.csv.sweep").read_bytes().splitlines(keepends=True)
    for torn in (b"".join(lines[:5]) + lines[5][:40], lines[0], lines[0][:30], b"".join(lines[:3]) + b"\0\0\n", b""):
        journal.write_bytes(torn)
        made: list[int] = []
        _swept(part, 6, on_progress=lambda progress, made=made: made.append(progress.known))
        assert part.read_bytes() == whole.read_bytes()
        assert made[0] == max(0, torn.count(b"\n") - 1 - torn.count(b"\0\0\n"))
        part.unlink()
    # More seeds, fewer seeds: what is there counts.
    known: list[int] = []
    assert len(_swept(part, 8, on_progress=lambda progress: known.append(progress.known))) == 16
    assert known[0] == 12
    assert _swept(part, 6) == rows


def test_another_sweep_is_refused_in_one_line(tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    _swept(out, 2)
    journal = tmp_path / "r.csv.sweep"
    before = journal.read_bytes(), out.read_bytes()
    for attempt, message in (
        (lambda: sweep("xor-2-4-1", seeds=2, epochs=40, workers=1, out=out), "is of another scenario"),
        (lambda: _swept(out, 2, epochs=41), "with other options"),
        (lambda: _swept(out, 2, doctor=True), "with other options"),
        (lambda: _swept(out, 2, until="E < 0.1"), "with other options"),
    ):
        with pytest.raises(EngineError, match=message) as caught:
            attempt()
        assert "\n" not in str(caught.value)
    head, _newline, rest = before[0].partition(b"\n")
    older = json.loads(head)
    older["program"]["numpy"] = "1.0"
    journal.write_bytes(json.dumps(older).encode() + b"\n" + rest)
    with pytest.raises(EngineError, match=r"made by another program \(numpy"):
        _swept(out, 2)
    journal.write_bytes(b"what is this\n")
    with pytest.raises(EngineError, match="is no journal of a sweep"):
        _swept(out, 2)
    journal.unlink()
    with pytest.raises(EngineError, match="exists, and no sweep has written it"):
        _swept(out, 2)
    assert out.read_bytes() == before[1]
    assert not journal.exists()


def test_two_sweeps_do_not_write_to_one_file(tmp_path: Path) -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 2), epochs=5)
    with Journal(tmp_path / "r.csv", plan) as first, Journal(tmp_path / "r.csv", plan) as second:
        assert not list(first.open())
        with pytest.raises(EngineError, match="another sweep writes to it"):
            list(second.open())


def test_a_journal_that_is_no_file_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "r.csv.sweep"
    journal.symlink_to("/dev/zero")
    with pytest.raises(EngineError, match="is no journal of a sweep"):
        _swept(tmp_path / "r.csv", 2)


@pytest.mark.parametrize(
    "damage",
    ['"epochs": Infinity', '"curve": ' + "[" * 20_000, '"fate": {}', '"alerts": 3'],
    ids=["infinite", "deep", "no fate", "no list"],
)
def test_a_damaged_line_of_a_journal_is_made_again(tmp_path: Path, damage: str) -> None:
    out, journal = tmp_path / "r.csv", tmp_path / "r.csv.sweep"
    _swept(out, 1, epochs=3)
    whole = journal.read_bytes(), out.read_bytes()
    head, first, *_others = whole[0].decode().splitlines()
    journal.write_text(f"{head}\n{first[:-1]}, {damage}}}\n", encoding="ascii")
    _swept(out, 1, epochs=3)
    assert (journal.read_bytes(), out.read_bytes()) == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_named_by_its_file(tmp_path: Path) -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 1), epochs=3)
    results = work_off(plan.work, Chunk(setting=0, seeds=(0,))).results

    def write() -> None:
        with Journal(tmp_path / "r.csv", plan) as journal:
            assert not list(journal.open())
            assert journal._file is not None
            journal._file.close()
            journal._file = Path("/dev/full").open("r+b")  # noqa: SIM115 - the journal closes it
            journal.add(results)

    with pytest.raises(EngineError, match=r"cannot be written: No space left on device: .*r\.csv\.sweep"):
        write()


def test_another_program_is_refused_where_the_run_is_made() -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 2), epochs=5)
    work = replace(plan.work, stamp=replace(stamp(), code="other", mathematics="other"))
    with pytest.raises(EngineError, match=r"has another program, which may compute other bits: code .*mathematics"):
        work_off(work, Chunk(setting=0, seeds=(0,)))


def test_parquet_has_the_same_numbers(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    rows = _swept(tmp_path / "r.csv", 2)
    sweep("xor-2-2-1", seeds=2, vary=FAST, epochs=40, workers=1, out=tmp_path / "r.parquet")
    table = parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in table] == [
        {
            key: str(float(value)) if key.startswith(("E_", "loss", "best")) and "epoch" not in key and value else value
            for key, value in row.items()
        }
        for row in rows
    ]


def test_what_can_not_be_written_is_refused_first(tmp_path: Path) -> None:
    for name, message in (("r.txt", "end in .csv or .parquet"), ("no/r.csv", "is not a folder")):
        with pytest.raises(EngineError, match=message):
            sweep("xor-2-2-1", seeds=2, workers=1, out=tmp_path / name)


def test_a_sweep_that_is_broken_off_knows_what_it_has() -> None:
    plan = plan_of("xor-2-2-1", grid_of((), 9), epochs=5)

    def stop(progress: Any) -> None:
        if progress.done >= 3:
            raise KeyboardInterrupt

    with Sweeping(plan, workers=1) as going, pytest.raises(KeyboardInterrupt):
        going.run(stop)
    assert 3 <= len(going.finish().results) < 9
    assert going.finish().causes is None


@pytest.mark.parametrize("page", ["sweeps.md", "sweeps.zh.md"])
def test_the_example_of_the_page_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = (block.text for block in blocks(DOCS / page) if block.language == "python")
    exec(code.replace("seeds=20", "seeds=2").replace("epochs=500", "epochs=20"), {"__name__": "__main__"})
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in printed[:2]] == ["learning_rate=1.0", "learning_rate=10.0"]
