"""Machine code against C, PyTorch, JAX, NumPy and micrograd, side by side; and a run of 10^9 steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from retrograde.engine.executor.native import switch
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.session.session import Session
from tests.bench import rivals
from tests.bench.compiled import C, compiler
from tests.bench.harness import Effort, Row, duration, hastened, interleave, ratio, versus
from tests.bench.training import agree


def ready(scenario: Scenario) -> Session:
    """A session whose program is machine code already."""
    session = hastened(Session(scenario))
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
    if compiler() is not None:
        rival = C(Session(scenario), flags, iterations)
        once = Session(scenario)
        agree(once.measure("E", few - 1), C(once, flags, few).run(few), f"{name} in C")
        sides.add("C -O2", lambda: rival.run(iterations), iterations)
    return sides


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
        network = rivals.Torch(Session(scenario), ["sigmoid", "sigmoid"], rivals.half_squared_error, frozen=True)
        sides.add("PyTorch", lambda: network.whole(few), few)
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
        network = rivals.Torch(Session(scenario), ["tanh", "sigmoid"], rivals.binary_cross_entropy)
        sides.add("PyTorch", lambda: network.whole(few), few)
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
    """How long 10^9 steps of mazur take, from a session that nothing has been compiled for."""
    if not switch.used():
        return []
    steps = effort.count(10**8 if effort.quick else 10**9, 40_000)
    session = Session(load_scenario("mazur"))
    start = time.process_time()
    session.run(epochs=-(-steps // session.schedule.steps_per_epoch))
    ran = time.process_time() - start
    return [
        Row(
            what=f"{steps:,} steps of mazur, native",
            figure=ran,
            unit="s",
            bound=5.0,
            detail=f"{duration(ran / (steps / session.schedule.full.steps))} an iteration, compilation and all",
        )
    ]
