"""Interleaved timing, and the rows of the table."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from retrograde.engine.session.session import Session

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        figure: the figure that is held against the target.
        unit: its unit.
        bound: the target, or None for a line that only informs.
        least: whether the target is a least value; else it is the most that is allowed.
        detail: the absolute figures behind it.
    """

    what: str
    figure: float
    unit: str
    bound: float | None = None
    least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.bound is None:
            return None
        return self.figure >= self.bound if self.least else self.figure <= self.bound


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure.

    Attributes:
        rounds: how often each side is timed.
        scale: share of the work of a full benchmark; below 1 the figures mean little.
        quick: whether the longest run is cut to a tenth.
    """

    rounds: int = 9
    scale: float = 1.0
    quick: bool = False

    def count(self, full: int, least: int = 1) -> int:
        """A number of repetitions."""
        return max(least, round(full * self.scale))


def hastened(session: Session) -> Session:
    """The session, with its machine code where there is any, so that a turn is all of one kind."""
    for program in {session.schedule.full, session.schedule.last}:
        executor: Any = session.timeline.executor(program)
        if hasattr(executor, "hasten"):
            executor.hasten()
    return session


def single_threaded() -> bool:
    """Whether this process was started with one thread for BLAS and PyTorch."""
    return os.environ.get("OMP_NUM_THREADS") == "1"


def interleave(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round; the sides take turns, and begin in turn.

    Whatever else the machine does then falls on all of them alike. With one thread it is the processor's time
    that counts, from which waiting for other programs is left out; with several, the clock's.
    """
    clock = time.process_time if single_threaded() else time.perf_counter
    names = list(sides)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            gc.collect()
            start = clock()
            sides[name]()
            seconds[name].append(clock() - start)
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of rounds that ran side by side."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def duration(seconds: float) -> str:
    """Seconds as text, in a unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def versus(names: Sequence[str], seconds: Mapping[str, Sequence[float]], per: float = 1.0) -> str:
    """The medians of some sides, and the fastest rounds."""
    parts = (
        f"{name} {duration(statistics.median(seconds[name]) / per)} (best {duration(min(seconds[name]) / per)})"
        for name in names
    )
    return ", ".join(parts)


def machine() -> str:
    """What this was measured on, in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(
        f"{name} {_version(name)}" for name in ("numpy", "torch", "jax", "llvmlite", "micrograd", "textual")
    )
    return (
        f"{cpu}, {os.cpu_count()} cores{load}; {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {versions}"
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def measure_apart(name: str, effort: Effort, *, one_thread: bool) -> list[Row]:
    """The rows of a benchmark, from a process of its own.

    The number of threads of a BLAS is settled when it is loaded, so it is settled by the environment.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ONE_THREAD}
    if one_thread:
        environment |= ONE_THREAD
    command = [sys.executable, "-m", "tests.bench", "--rows", json.dumps(asdict(effort)), name]
    # What someone else left unsaved would be offered in front of the screen that is measured.
    with tempfile.TemporaryDirectory() as folder:
        environment["XDG_STATE_HOME"] = folder
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return [Row(what=f"{name}: failed with code {done.returncode}", figure=float("nan"), unit="", bound=0.0)]
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def dump(rows: Sequence[Row]) -> str:
    """The rows as one line, for the parent process."""
    return json.dumps([asdict(row) for row in rows])


def shown(figure: float, unit: str) -> str:
    """A figure with its unit."""
    return f"{figure:,.0f} {unit}" if abs(figure) >= 1000 else f"{figure:.3g} {unit}"


def table(rows: Sequence[Row], threaded: Mapping[str, Row]) -> str:
    """The table, and the absolute figures below each line.

    Args:
        rows: the measurements, with one thread.
        threaded: those with the default number of threads, by what they measured.
    """
    wide = max((len(row.what) for row in rows), default=0)
    lines = [f"{'':{wide}}  {'1 thread':>12}  {'default':>12}  {'target':>12}"]
    for row in rows:
        other = threaded.get(row.what)
        second = shown(other.figure, other.unit) if other else ""
        target = "" if row.bound is None else f"{'≥' if row.least else '≤'} {shown(row.bound, row.unit)}"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        if row.met and other and other.met is False:
            verdict = "MISSED with default threads"
        lines.append(f"{row.what:{wide}}  {shown(row.figure, row.unit):>12}  {second:>12}  {target:>12}  {verdict}")
        if row.detail:
            lines.append(f"    {row.detail}")
        if other and other.detail:
            lines.append(f"    default threads: {other.detail}")
    return "\n".join(line.rstrip() for line in lines)


Benchmark = Callable[[Effort], list[Row]]
