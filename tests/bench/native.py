"""Machine code against C, PyTorch, torch.compile, JAX, NumPy and micrograd, side by side; and a run of 10^9 steps."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import attention, lstm, rivals
from tests.bench.compiled import C, compiler
from tests.bench.harness import ROOT, Effort, Row, duration, hastened, interleave, percentile, ratio, versus
from tests.bench.training import agree
from tests.bench.travel import endless


def ready(scenario: Scenario) -> Session:
    """A session whose program is machine code already."""
    return ready_session(Session(scenario))


def ready_session(session: Session) -> Session:
    """The session, with its program as machine code."""
    hastened(session)
    assert session.timeline.native, "with the extra `native`"
    return session


class Sides:
    """Who runs the same training, and how many iterations in a turn."""

    def __init__(self, scenario: Scenario, iterations: int) -> None:
        self.scenario = scenario
        self.iterations = iterations
        self.turns: dict[str, Callable[[], object]] = {}
        self.counts: dict[str, int] = {}
        per_epoch = Session(scenario).schedule.per_epoch
        self.epochs = max(1, iterations // per_epoch)
        self.sessions: list[Session] = []
        self.add("ours", lambda: self.sessions.pop().run(epochs=self.epochs), self.epochs * per_epoch)

    def add(self, name: str, turn: Callable[[], object], iterations: int) -> None:
        """Another side."""
        self.turns[name] = turn
        self.counts[name] = iterations

    def rows(self, what: str, rounds: int, bounds: dict[str, tuple[float, bool]]) -> list[Row]:
        """A row for each other side; a bound is a figure, and whether it is how much faster ours is."""
        self.sessions += [ready(self.scenario) for _ in range(rounds)]
        seconds = interleave(self.turns, rounds)
        each = {name: [one / self.counts[name] for one in seconds[name]] for name in seconds}
        found = []
        for name, theirs in each.items():
            if name == "ours":
                continue
            bound, faster = bounds.get(name, (None, name != "C -O2"))
            figure = ratio(theirs, each["ours"]) if faster else ratio(each["ours"], theirs)
            found.append(
                Row(
                    what=f"{what}: {f'faster than {name}' if faster else f'of the time of {name}'}",
                    figure=figure,
                    unit="x",
                    bound=bound,
                    least=faster,
                    detail=versus(("ours", name), each),
                )
            )
        return found


def _scenario(name: str, *, endless: bool = True) -> Scenario:
    scenario = load_scenario(name)
    return (
        scenario.model_copy(update={"stop": scenario.stop.model_copy(update={"loss_below": None})})
        if endless
        else scenario
    )


def _sides(name: str, flags: Sequence[str], iterations: int, few: int) -> Sides:
    """Ours and C, of which it is held that they compute the same."""
    scenario = _scenario(name)
    sides = Sides(scenario, iterations)
    if compiler() is None:
        rivals.left_out("there is no C compiler")
    else:
        rival = C(Session(scenario), flags, iterations)
        once = Session(scenario)
        agree(once.measure("E", few - 1), C(once, flags, few).run(few), f"{name} in C")
        sides.add("C -O2", lambda: rival.run(iterations), iterations)
    return sides


def _compiled(sides: Sides, effort: Effort, network: rivals.Torch, few: int) -> None:
    """PyTorch with ``torch.compile``, of which it is held that it computes the same; it needs a C++ compiler."""
    if effort.scale < 1:
        return
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        rivals.left_out("there is no C++ compiler for torch.compile")
        return
    agree(Session(sides.scenario).measure("E", few - 1), network.whole(few), "torch.compile")
    sides.add("torch.compile", lambda: network.whole(few), few)


def mazur(effort: Effort) -> list[Row]:
    """Iterations of mazur."""
    if not switch.used():
        return []
    iterations, few = effort.count(400_000, 400), effort.count(1000, 20)
    sides = _sides("mazur", ["FROZEN"], iterations, 50)
    scenario = sides.scenario
    sides.add("NumPy", lambda: rivals.Numpy(Session(scenario)).run(few), few)
    if rivals.installed("micrograd"):
        sides.add("micrograd", lambda: rivals.Micrograd(Session(scenario)).run(few), few)
    if rivals.installed("torch"):
        given = (["sigmoid", "sigmoid"], rivals.half_squared_error)
        network = rivals.Torch(Session(scenario), *given, frozen=True)
        sides.add("PyTorch", lambda: network.whole(few), few)
        _compiled(sides, effort, rivals.Torch(Session(scenario), *given, frozen=True, compiled=True), few)
    if rivals.installed("jax"):
        whole = rivals.Jax(Session(scenario), ["sigmoid", "sigmoid"], "half_squared_error", frozen=True)
        agree(Session(scenario).measure("E", few - 1), whole.run(few), "mazur in JAX")
        sides.add("JAX (jit, scan)", lambda: whole.run(few), few)
    return sides.rows(
        "an iteration of mazur, native", effort.rounds, {"C -O2": (1.5, False), "PyTorch": (1000.0, True)}
    )


def xor(effort: Effort) -> list[Row]:
    """Iterations of xor 2-4-1."""
    if not switch.used():
        return []
    iterations, few = effort.count(60_000, 400), effort.count(1000, 20)
    sides = _sides("xor-2-4-1", ["TANH", "CROSS"], iterations, 50)
    scenario = sides.scenario
    if rivals.installed("torch"):
        given = (["tanh", "sigmoid"], rivals.binary_cross_entropy)
        network = rivals.Torch(Session(scenario), *given)
        sides.add("PyTorch", lambda: network.whole(few), few)
        _compiled(sides, effort, rivals.Torch(Session(scenario), *given, compiled=True), few)
    if rivals.installed("jax"):
        whole = rivals.Jax(Session(scenario), ["tanh", "sigmoid"], "binary_cross_entropy")
        agree(Session(scenario).measure("E", few - 1), whole.run(few), "xor in JAX")
        sides.add("JAX (jit, scan)", lambda: whole.run(few), few)
    return sides.rows("an iteration of xor 2-4-1, native", effort.rounds, {"C -O2": (2.0, False)})


def two_moons(effort: Effort) -> list[Row]:
    """Iterations of two-moons, shuffled, in batches of 20."""
    if not switch.used():
        return []
    sides = _sides("two-moons", ["TANH", "CROSS"], effort.count(6000, 60), 12)
    return sides.rows("an iteration of two-moons, native", effort.rounds, {})


def billion(effort: Effort) -> list[Row]:
    """10^9 steps of mazur: running them, any moment of them, and going back over all of them.

    The run begins with a session that nothing has been compiled for.
    """
    if not switch.used():
        return []
    steps = effort.count(10**8 if effort.quick else 10**9, 40_000)
    scenario = load_scenario("mazur")
    session = Session(endless(scenario, -(-steps // Session(scenario).schedule.steps_per_epoch)))
    iterations = steps / session.schedule.full.steps
    ran = _took(session.run)
    random = np.random.default_rng(11)
    seeks = [
        _took(partial(_seen, session, number))
        for number in random.integers(1, session.length, effort.count(300, 20)).tolist()
    ]
    session.add_breakpoint("out_h1 > 2")
    session.seek("end")
    back = _took(session.reverse)
    assert session.position == 0
    name = f"{steps:,} steps of mazur, native"
    return [
        Row(
            what=name,
            figure=ran,
            unit="s",
            bound=5.0,
            detail=f"{duration(ran / iterations)} an iteration, compilation and all",
        ),
        Row(
            what=f"{name}: any moment, 99th percentile",
            figure=percentile(seeks, 0.99) * 1e3,
            unit="ms",
            bound=10.0,
            detail=f"median {duration(statistics.median(seeks))}, longest {duration(max(seeks))} of {len(seeks)}",
        ),
        Row(
            what=f"{name}: back to the start, nothing can be skipped",
            figure=back / ran,
            unit="x",
            bound=1.0,
            detail=f"times the run; {duration(back)} for a condition that is never true and that no zone map knows",
        ),
    ]


def _seen(session: Session, number: int) -> None:
    """Goes to a step and reads its value."""
    session.seek(number)
    step = session.current
    assert step is not None
    assert step.result == step.result


def _took(work: Callable[[], object]) -> float:
    """Seconds of the processor."""
    start = time.process_time()
    work()
    return time.process_time() - start


COMPILED = ("mazur", "digits", "lenet-digits", "lstm", "transformer")
"""What is compiled: scenarios, and two networks of other benchmarks."""


def compiling(effort: Effort) -> list[Row]:
    """How long it takes to compile, and how long a key may wait for it: each in processes of their own."""
    if not switch.used():
        return []
    rows: list[Row] = []
    names = COMPILED if effort.scale >= 1 else COMPILED[:1]
    for name in names:
        found = []
        for _round in range(3 if effort.scale >= 1 else 1):
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.native", name], cwd=ROOT, stdout=subprocess.PIPE, check=True
            )
            found.append([float(number) for number in done.stdout.split()])
        worked, waited, own = (statistics.median(each) for each in zip(*found, strict=True))
        bests = [min(each) for each in zip(*found, strict=True)]
        rows += [
            Row(
                what=f"{name} compiles",
                figure=worked,
                unit="s",
                bound=5.0,
                detail=f"of the processor; best {duration(bests[0])}",
            ),
            Row(
                what=f"{name}: the longest that a thread waits while it compiles",
                figure=waited * 1e3,
                unit="ms",
                bound=30.0,
                detail=f"by the clock; best {duration(bests[1])}; of it this process worked {duration(own)}",
            ),
        ]
    return rows


def _compile(name: str) -> tuple[float, float, float]:
    """Compiles the program of a network; the processor's time, and the longest wait of a thread that only sleeps.

    That is by the clock, as a key waits, with what a library that is loaded waits for the disk and what the machine
    gives to others; and of any wait, the most that this process has worked in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        match name:
            case "lstm":
                scenario = lstm.scenarios(Path(folder))["exact"]
            case "transformer":
                scenario = attention.scenario("exact", "gelu", "adam")
            case _:
                scenario = load_scenario(name)
        session = Session(scenario)
    session.timeline.frame(0)
    longest, own, over = 0.0, 0.0, threading.Event()

    def key() -> None:
        nonlocal longest, own
        while not over.is_set():
            start, worked = time.perf_counter(), time.process_time()
            time.sleep(0.001)
            waited = time.perf_counter() - start
            longest, own = max(longest, waited), max(own, min(waited, time.process_time() - worked))

    waiting = threading.Thread(target=key)
    waiting.start()
    took = _took(lambda: ready_session(session))
    over.set()
    waiting.join()
    return took, longest, own


if __name__ == "__main__":
    print(*_compile(sys.argv[1]))
