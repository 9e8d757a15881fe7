"""`retrograde sweep`: train over many seeds and settings, and say what becomes of each run."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_, _, visible
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.streams import bare, complain
from retrograde.tui.cli.support.subcommand import (
    DATA,
    EPOCHS,
    JSON,
    Subcommand,
    argument,
    count,
    plain_characters,
)
from retrograde.tui.cli.support.terminal import only_ascii
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.sweeping.summary import Group, Share
    from retrograde.engine.sweeping.sweeping import Sweep

INTERRUPTED = 130
WIDEST = 120
"""Cells of a line at most; where the output is no terminal, 100."""

_ASCII = str.maketrans({"·": ".", "–": "-"})
_COLOURS = {"GOOD": "32", "ACCENT": "36", "CHANGED": "33", "NEGATIVE": "35", "BAD": "31", "DIM": "2", "FAINT": "2"}
_COLOURS |= {"FRAME": "2", "STRONG": "1", "POSITIVE": "36"}


def sweep(
    scenario: str,
    *,
    seeds: str | None,
    vary: Sequence[str],
    epochs: int | None,
    until: str | None,
    doctor: bool,
    data: str | None,
    out: str | None,
    workers: int | None,
    on: str | None,
    as_json: bool,
    ascii_only: bool = False,
) -> int:
    """Make the runs, print what became of them, and return the exit code.

    Returns:
        0; 130 where it was interrupted, after what there is so far.

    Raises:
        EngineError: A setting, the condition, the file or the cluster can not be used.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.sweeping.grid import grid_of
    from retrograde.engine.sweeping.plan import plan_of
    from retrograde.engine.sweeping.sweeping import Sweeping
    from retrograde.engine.sweeping.tables import require_writable
    from retrograde.tui.cli.support.loading import load

    # What is wrong with the scenario is said before what is wrong with the question.
    samples = None if data is None else Path(data)
    load(scenario, data=samples)
    grid = grid_of(vary, seeds)
    target = None if out is None else Path(out)
    if target is not None:
        require_writable(target)
    code = 0
    with ProgressBar() as bar:
        plan = plan_of(scenario, grid, epochs=epochs, until=until, doctor=doctor, data=samples, on_loaded=bar.counted)
        with Sweeping(plan, out=target, workers=workers, on=on) as going:
            try:
                found = going.run(bar.swept)
            except KeyboardInterrupt:
                found, code = going.finish(), INTERRUPTED
    if found.results:
        if as_json:
            print(json.dumps(record(found), indent=2, ensure_ascii=False, allow_nan=False))
        else:
            _print(found, ascii_only=ascii_only or only_ascii())
    if code:
        complain(_("interrupted"))
        if target is not None:
            message = _("{done} of {total} runs are kept; the same command goes on from there")
            complain(message.format(done=f"{len(found.results):,}", total=f"{grid.runs:,}"), name=False)
    elif target is not None and not as_json:
        print(_("wrote {count} runs to {file}").format(count=f"{len(found.results):,}", file=visible(str(target))))
    return code


def _print(found: Sweep, *, ascii_only: bool) -> None:
    """Print what came out, in colours where a terminal shows them."""
    from retrograde.tui.canvas.glyphs import ASCII, UNICODE
    from retrograde.tui.canvas.inks import Ink
    from retrograde.tui.views.sweep import sweep_lines

    stream = bare(sys.stdout)
    coloured = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    columns = min(shutil.get_terminal_size((100, 24)).columns - 1, WIDEST) if stream.isatty() else 100
    codes = {int(Ink[name]): code for name, code in _COLOURS.items()}
    for line in sweep_lines(found, columns, ASCII if ascii_only else UNICODE):
        text = "".join(
            f"\x1b[{codes[span.ink]}m{span.text}\x1b[0m" if coloured and span.ink in codes else span.text
            for span in line
        )
        stream.write((text.translate(_ASCII) if ascii_only else text).rstrip() + "\n")


def record(found: Sweep) -> dict[str, Any]:
    """What came out, for programs."""
    plan, causes = found.plan, found.causes
    return {
        "scenario": plan.source,
        "runs": len(found.results),
        "total": plan.grid.runs,
        "seeds": None if plan.grid.seeds is None else len(plan.grid.seeds),
        "vary": {axis.key: list(axis.values) for axis in plan.grid.axes},
        "epochs": plan.epochs,
        "until": plan.work.until,
        "fingerprint": plan.fingerprint,
        "milestones": list(plan.work.milestones),
        "settings": [_group(found, group) for group in found.groups],
        "variance": None
        if causes is None
        else {"setting": causes.setting, "seed": causes.seed, "both": causes.both, "keys": dict(causes.keys)}
        | {"together": causes.together},
    }


def _group(found: Sweep, group: Group) -> dict[str, Any]:
    from retrograde.engine.sweeping.summary import QUANTILES

    return {
        "setting": dict(group.values),
        "runs": group.runs,
        "fates": {fate.value: _share(share) for fate, share in group.fates.items()},
        "converged_in_epoch": _quantiles(QUANTILES, group.converged),
        "diverges_in_epoch": _quantiles(QUANTILES, group.ended),
        "alerts": dict(group.alerts),
        "loss": {
            f"{quantile:g}": [encoded(float(value)) for value in row]
            for quantile, row in zip(QUANTILES, group.curves, strict=True)
        },
        "opens": {fate.value: found.plan.called(group.number, seed, at) for fate, (seed, at) in group.examples.items()},
    }


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "share": encoded(share.value), "low": encoded(share.low), "high": encoded(share.high)}


def _quantiles(wanted: Sequence[float], values: Sequence[float]) -> dict[str, float] | None:
    return {f"{one:g}": value for one, value in zip(wanted, values, strict=True)} if values else None


def _run(given: argparse.Namespace) -> int:
    return sweep(
        given.scenario,
        seeds=given.seeds,
        vary=given.vary,
        epochs=given.epochs,
        until=given.until,
        doctor=given.doctor,
        data=given.data,
        out=given.out,
        workers=given.workers,
        on=given.on,
        as_json=given.json,
        ascii_only=getattr(given, "ascii", False),
    )


COMMAND = Subcommand(
    name="sweep",
    help=N_("train over many seeds and settings, and say what becomes of each run"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        argument("--seeds", metavar="N|A..B", help=N_("draw and shuffle by so many seeds, from 0 on, or by these")),
        argument(
            "--vary",
            action="append",
            default=[],
            metavar="KEY=VALUES",
            help=N_("optimizer=sgd,adam or learning_rate=0.001..10:log:9; all combinations of several"),
        ),
        EPOCHS,
        argument(
            "--until", metavar="CONDITION", help=N_("a run has converged where it holds, such as 'E_epoch < 0.01'")
        ),
        argument("--doctor", action="store_true", help=N_("have the doctor look at each run, for its first alarm")),
        argument("--out", metavar="FILE", help=N_("write the runs to FILE.csv or FILE.parquet, and go on from there")),
        argument("--workers", type=count, metavar="N", help=N_("processes (default: one a processor)")),
        argument("--on", metavar="dask:ADDRESS", help=N_("run on a Dask cluster, as dask:tcp://10.0.0.1:8786")),
        DATA,
        JSON,
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=_run,
    page="sweeps.md",
)
