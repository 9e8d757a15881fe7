"""The cost of the cursor, and of the step that it shows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from retrograde.engine.equations.array import Extent
from retrograde.engine.network.program import Place
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from tests.bench.harness import Effort, Row, duration, percentile


def moving(effort: Effort) -> list[Row]:
    """Moving the cursor by a step, without building a step object."""
    rows = []
    for name in ("mazur", "digits"):
        session = Session(load_scenario(name))
        count = effort.count(100_000, 100)
        forward, backward = [], []
        for _ in range(effort.rounds):
            start = time.perf_counter()
            for _ in range(count):
                session.step("step")
            forward.append((time.perf_counter() - start) / count)
            start = time.perf_counter()
            for _ in range(count):
                session.back("step")
            backward.append((time.perf_counter() - start) / count)
            assert session.position == 0
        slower = max(statistics.median(forward), statistics.median(backward))
        detail = f"forward {duration(statistics.median(forward))}, back {duration(statistics.median(backward))}"
        rows.append(
            Row(what=f"moving the cursor a step, {name}", figure=slower * 1e6, unit="µs", bound=1.0, detail=detail)
        )
    return rows


def build(session: Session) -> object:
    """Everything of a step that is shown: its name, equation, operands with their makers, terms and result."""
    step = session.current
    assert step is not None
    return step.symbol, step.equation, tuple(step.operands), step.result, step.moment


def read(session: Session) -> object:
    """The same, and each operand asked for all that it says."""
    step = session.current
    assert step is not None
    operands = [(one.symbol, one.value, one.made_by) for one in step.operands]
    return step.symbol, step.equation, operands, step.result, step.moment


def building(effort: Effort) -> list[Row]:
    """Building the step that is shown, at moments spread over an iteration."""
    rows = []
    for name in ("mazur", "digits"):
        session = Session(load_scenario(name))
        random = np.random.default_rng(3)
        medians, highs = [], []
        for _ in range(effort.rounds):
            places = random.integers(1, session.schedule.full.steps + 1, effort.count(1000, 20))
            seconds = [_time(session, number) for number in places.tolist()]
            medians.append(statistics.median(seconds))
            highs.append(percentile(seconds, 0.95))
        program = session.schedule.full
        kinds = []
        for op in range(len(program.ops)):
            sample = None if program.ops[op].extent is Extent.ONCE else 0
            number = program.number(Place(op, sample, 0)) + 1
            spent = statistics.median(_time(session, number) for _ in range(effort.rounds))
            assert session.current is not None
            kinds.append((spent, session.current.symbol, number))
        worst = max(kinds)
        asked = min(_time(session, worst[2], read) for _ in range(effort.count(300, 3)))
        rows.append(
            Row(
                what=f"building the step that is shown, {name}: median over all steps",
                figure=statistics.median(medians) * 1e6,
                unit="µs",
                bound=50.0,
                detail=f"95th percentile {duration(statistics.median(highs))}",
            )
        )
        rows.append(
            Row(
                what=f"building the step that is shown, {name}: the kind that takes longest",
                figure=worst[0] * 1e6,
                unit="µs",
                bound=50.0,
                detail=f"{worst[1]}; each operand asked for its symbol, value and maker, best {duration(asked)}",
            )
        )
    return rows


def _time(session: Session, number: int, make: Callable[[Session], object] = build) -> float:
    session.seek(number)
    # Process time: the machine may have other work, and half of what is measured would be that.
    start = time.process_time()
    make(session)
    return time.process_time() - start
