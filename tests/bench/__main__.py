"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import sys

from tests.bench import (
    attention,
    cursor,
    doctoring,
    history,
    keys,
    lenet,
    lstm,
    native,
    opening,
    paint,
    pictures,
    reading,
    recording,
    sweeps,
    training,
    travel,
    watching,
)
from tests.bench.harness import Benchmark, Effort, Row, dump, machine, measure_apart, table

BENCHMARKS: dict[str, Benchmark] = {
    "mazur": training.mazur,
    "xor": training.xor,
    "digits": training.digits,
    "wide": training.wide,
    "adam": training.adam,
    "native-mazur": native.mazur,
    "native-xor": native.xor,
    "native-moons": native.two_moons,
    "native-billion": native.billion,
    "native-compiling": native.compiling,
    "transformer": attention.transformer,
    "lenet": lenet.lenet,
    "lstm": lstm.lstm,
    "moving": cursor.moving,
    "building": cursor.building,
    "doctor": doctoring.watched,
    "biography": doctoring.biography,
    "memory": history.memory,
    "billion": history.billion,
    "keys": keys.keys,
    "running": keys.running,
    "paint": paint.first_paint,
    "pictures": pictures.frames,
    "seeking": travel.seeking,
    "conditions": travel.conditions,
    "searching": travel.searching,
    "reading": reading.tables,
    "recording": recording.recording,
    "opening": opening.opening,
    "sweeps": sweeps.sweeps,
    "watching": watching.watched,
}
THREADED = {"mazur", "xor", "digits", "wide", "lenet"}
"""Measured with one thread and with as many as there are."""
WITH_TORCH = {"xor", "digits", "wide", "adam", "lenet", "lstm", "transformer", "recording", "opening", "watching"}
"""What PyTorch takes part in."""


def main() -> int:
    """Measures, prints the table, and returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="10^8 steps instead of 10^9")
    parser.add_argument("--rounds", type=int, default=9, help="how often each side is timed (default: 9)")
    parser.add_argument("--rows", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"unknown: {', '.join(unknown)}")
    names = options.names or list(BENCHMARKS)
    if options.rows:
        effort = Effort(**json.loads(options.rows))
        print(dump([row for name in names for row in BENCHMARKS[name](effort)]))
        return 0
    effort = Effort(rounds=max(5, options.rounds), quick=options.quick)
    print(machine(), flush=True)
    rows: list[Row] = []
    threaded: dict[str, Row] = {}
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += measure_apart(name, effort, one_thread=True)
        if name in THREADED:
            threaded |= {row.what: row for row in measure_apart(name, effort, one_thread=False)}
    print(table(rows, threaded))
    return int(any(row.met is False for row in (*rows, *threaded.values())))


if __name__ == "__main__":
    sys.exit(main())
