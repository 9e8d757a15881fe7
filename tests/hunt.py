"""The hunt for the first bad step: ten seeded faults in long trainings, each to be found at its step and its op.

`python -m tests.hunt` runs 10,000 steps of each, `--steps N` another number.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

import retrograde.torch as rg  # noqa: E402
from tests.capture.faults import FAULTS, HEALTHY, Training  # noqa: E402


class Hunt(NamedTuple):
    """What came of one training: whether step and op are right, the verdict, and the watch."""

    step: bool
    op: bool
    text: str
    watch: Any


def hunt(make: Callable[[], Training], at: int | None, folder: Path, **settings: Any) -> Hunt:
    """Runs a training to its end or to its report; right of a healthy one is that nothing is found."""
    torch.manual_seed(0)
    training = make()
    watch = rg.watch(
        training.loader, *training.parts, out=folder / "bad.rgrec", then="stop", **{**training.settings, **settings}
    )
    with contextlib.redirect_stderr(io.StringIO()) as said:
        for batch in watch:
            training.body(batch)
    report = watch.report
    if report is None or at is None:
        return Hunt(report is None and at is None, report is None and at is None, said.getvalue(), watch)
    right = report.op == training.op and report.node == training.node and training.says in str(report)
    return Hunt(report.step == at and report.reproducible, right, str(report), watch)


def main() -> int:
    """Hunts for each fault, and returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.hunt", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="of each training (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="chooses the steps of the faults (default: 0)")
    parser.add_argument("--verbose", action="store_true", help="prints every verdict")
    options = parser.parse_args()
    # What is this small is slower on several threads, by far where others use them too.
    torch.set_num_threads(1)
    draw, steps, ops, alarms = random.Random(options.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, fault in FAULTS.items():
            at = draw.randrange(options.steps // 2, options.steps)
            start = time.perf_counter()
            found = hunt(lambda fault=fault, at=at: fault(options.steps, at), at, Path(folder))
            steps, ops = steps + found.step, ops + found.op
            marks = f"step {at:6,} {'right' if found.step else 'WRONG'}, op {'right' if found.op else 'WRONG'}"
            print(f"{name:22} {marks}, {time.perf_counter() - start:.1f} s", flush=True)
            if options.verbose or not (found.step and found.op):
                print("  " + found.text.replace("\n", "\n  "))
        for name, healthy in HEALTHY.items():
            found = hunt(lambda healthy=healthy: healthy(options.steps), None, Path(folder))
            alarms += not found.step
            print(f"{name:22} {'silent' if found.step else 'ALARMED'}, {found.watch.skipped} steps skipped", flush=True)
    print(f"{steps} of {len(FAULTS)} steps, {ops} of {len(FAULTS)} ops, {alarms} false alarms")
    return int(steps < len(FAULTS) or ops < len(FAULTS) - 1 or alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
