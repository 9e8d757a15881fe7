"""A long walk: random motions, seeks, searches and edits, with the same bits and no more memory at the end.

python -m tests.support.soak [motions] [scenario] [seed]     by default 1,000,000 motions in mazur, some minutes
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.travel.timeline import Timeline

GRANULARITIES = ("term", "step", "layer", "phase", "sample", "iteration", "epoch")
CONDITIONS = ("E < 0.1", "sign(w5) != sign(prev(w5))", "out_o1 < 0.2", "abs(grad(w5)) < 1e-3", "isnan(E)")
TURNS = 20
"""How often bits are compared and memory is measured."""

SLACK = 4 << 20
"""Bytes that memory may grow by after the first turn: what allocators and caches of bounded size may still take."""


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def move(session: Session, random: Random) -> None:
    """One motion; now and then a jump, a search, a run, or a branch that is made and undone."""
    dice = random.random()
    if dice < 0.45:
        session.step(random.choice(GRANULARITIES))
    elif dice < 0.9:
        session.back(random.choice(GRANULARITIES))
    elif dice < 0.98:
        session.seek(min(session.length, max(0, session.position + random.randint(-2000, 2000))))
    elif dice < 0.995:
        session.seek(random.randint(0, session.length))
        assert session.current is None or session.current.result == session.current.result
    else:
        _rarely(session, random)


def _rarely(session: Session, random: Random) -> None:
    match random.randrange(6):
        case 0:
            # Bounded: each of these may replay a good part of the run.
            session.seek(random.randint(0, min(session.length, 100_000)))
            session.reverse() if random.random() < 0.5 else session.proceed()
        case 1:
            session.first(random.choice(CONDITIONS))
        case 2 if len(session.branches) < 4:
            session.set_value(random.choice(("w5", "lr", "out_h1", "i1", "E")), random.uniform(-1.0, 1.0))
        case 3 if session.branch.parent is not None and session.branches[-1] is session.branch:
            session.undo()
        case 4:
            session.switch(random.choice(session.branches).name)
        case _:
            session.visit()
            session.revisit()


def soak(motions: int, scenario: str = "mazur", seed: int = 0) -> Iterator[tuple[int, float, int]]:
    """Walks; yields after each turn the motions done, the seconds taken and the bytes in memory.

    Raises:
        AssertionError: a value has other bits than a recomputation from the start gives.
    """
    random = Random(seed)
    # What was there before is no concern of the collections below: a run of tests has many times what a session has.
    gc.freeze()
    session = Session(load_scenario(scenario))
    session.add_breakpoint("E crosses 0.01")
    session.add_breakpoint("at backward", from_hit=3)
    session.run()
    begin, done = time.perf_counter(), 0
    while done < motions:
        count = min(motions - done, max(1, motions // TURNS))
        for _ in range(count):
            move(session, random)
        done += count
        session.switch("main")
        fresh = Timeline(session.network)
        assert same_bits(session.frame.flat, fresh.frame(session.iteration).flat)
        yield done, time.perf_counter() - begin, resident()
    gc.unfreeze()


def main() -> int:
    """Walks, and says whether memory stayed flat."""
    arguments = sys.argv[1:]
    motions = int(arguments[0]) if arguments else 1_000_000
    scenario = arguments[1] if len(arguments) > 1 else "mazur"
    seed = int(arguments[2]) if len(arguments) > 2 else 0
    sizes: list[int] = []
    for done, seconds, size in soak(motions, scenario, seed):
        sizes.append(size)
        print(f"{done:>9,} motions  {seconds:7.1f} s  {size / 2**20:7.1f} MB", flush=True)
    grown = max(sizes[1:], default=sizes[0]) - sizes[0]
    print(f"memory grew by {grown / 2**20:.1f} MB after the first turn ({SLACK / 2**20:.0f} MB allowed)")
    return int(grown > SLACK)


if __name__ == "__main__":
    sys.exit(main())
