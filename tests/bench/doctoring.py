"""What it costs to have the doctor look at a run while it goes on, and how soon a long biography is there."""

from __future__ import annotations

import time

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from tests.bench.harness import Effort, Row, interleave, ratio, versus

EPOCHS = {"mazur": 1_000_000, "two-moons": 5_000, "digits": 60}


def _ran(name: str, epochs: int, *, watched: bool) -> Session:
    """A run as the app drives it, by pieces."""
    session = Session(load_scenario(name))
    run = session.start_run(epochs=epochs)
    watch = session.explanations.live_watch() if watched else None
    while not run.over:
        run.advance()
        if watch is not None and not run.over:
            watch.after(run.done, run.state)
    session.finish_run(run)
    return session


def watched(effort: Effort) -> list[Row]:
    """A run that the doctor looks at, next to the same run alone."""
    rows = []
    for name, most in EPOCHS.items():
        epochs = effort.count(most, 20)
        sides = {
            "watched": lambda name=name, epochs=epochs: _ran(name, epochs, watched=True),
            "alone": lambda name=name, epochs=epochs: _ran(name, epochs, watched=False),
        }
        seconds = interleave(sides, effort.rounds)
        # As a ratio, which is never below 0 however short the run is.
        slower = ratio(seconds["watched"], seconds["alone"])
        detail = versus(list(sides), seconds)
        rows.append(Row(what=f"the doctor during a run of {name}", figure=slower, unit="×", bound=1.03, detail=detail))
    return rows


def biography(effort: Effort) -> list[Row]:
    """The biography of a weight over 10^6 iterations of mazur."""
    session = _ran("mazur", effort.count(1_000_000, 500), watched=False)
    session.seek("end")
    story = session.biography("w5")
    start = time.perf_counter()
    buckets = story.buckets()
    first = time.perf_counter() - start
    start = time.perf_counter()
    opened = story.buckets(buckets[5].start, buckets[5].stop)
    second = time.perf_counter() - start
    start = time.perf_counter()
    ledger = story.ledger(opened[3].start, opened[3].stop)
    third = time.perf_counter() - start
    assert ledger.bucket == opened[3]
    held = (session.timeline.nbytes + session.losses.nbytes) / 1e6
    iterations = opened[3].stop - opened[3].start
    what = f"biography of {story.stop:,} iterations"
    return [
        Row(what=f"{what}: 64 pieces", figure=first, unit="s", bound=1.0, detail=""),
        Row(what=f"{what}: a piece in 64 more", figure=second, unit="s", bound=0.2, detail=""),
        Row(what=f"{what}: split by sample", figure=third, unit="s", bound=0.5, detail=f"{iterations:,} iterations"),
        Row(what=f"{what}: history", figure=held, unit="MB", bound=1.0, detail=""),
    ]
