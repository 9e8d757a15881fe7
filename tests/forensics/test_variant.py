"""A variant computes what the bench has found, in whatever way it is run, and is never taken for its scenario."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given

from retrograde.engine import Scenario, load_scenario
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.executor.native import switch
from retrograde.engine.executor.native.executor import NativeExecutor
from retrograde.engine.forensics.bench import Bench
from retrograde.engine.forensics.deviations import Deviation
from retrograde.engine.forensics.figures import Printed
from retrograde.engine.forensics.variant import variant
from retrograde.engine.network.check_program import check_program
from retrograde.engine.network.network import Network
from retrograde.engine.session.session import Session
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.effort import examples
from tests.support.networks import Recipe, randoms, recipes

NAMES = ("mazur", "mazur-in-place", "optimiser-race", "lstm-two-steps", "batch-norm", "weight-decay", "micrograd")


def drawn(bench: Bench, random: Random, most: int = 2) -> list[Deviation]:
    """Some deviations that join, each an edit of equations."""
    found: list[Deviation] = []
    for one in random.sample([one for one in bench.deviations if one.switches], most):
        if all(one.joins(other) for other in found):
            found.append(one)
    return found


def opened(scenario: Scenario, deviations: list[Deviation]) -> Session:
    made = variant(scenario, deviations)
    return Session(made.scenario, network=made)


def assert_as_on_the_bench(bench: Bench, session: Session, deviations: list[Deviation]) -> None:
    """The first iterations have the bench's bits, in all that both have."""
    plan = bench.plan([bench.sought(Printed(name="E", printed="1"))])
    for iteration in range(2):
        frame, right = session.timeline.frame(iteration), bench.frame(deviations, iteration, plan)
        for name, array in frame.program.named.items():
            other = right.program.named.get(name)
            assert other is None or np.array_equal(frame.array(array), right.array(other), equal_nan=True), name


def assert_running_is_stepping(session: Session, iterations: int) -> None:
    """A run has the states that the iterations one by one have, forward and back, and they are what is stated."""
    states = [frame.next_state for frame in session.timeline.frames(0, iterations)]
    fresh = session.afresh()
    end = fresh.timeline.advance(fresh.network.initial_state, 0, iterations, [])
    assert same_bits(end, states[-1])
    fresh.branch.extend(iterations)
    for iteration in (iterations, 1, iterations - 1, 0, iterations):
        right = session.network.initial_state if iteration == 0 else states[iteration - 1]
        assert same_bits(fresh.timeline.state(iteration), right), iteration
    assert_frame_is_its_equations(fresh.timeline.frame(0))
    step = fresh.step_at(min(fresh.program.steps, 7))
    assert step.result == step.frame.value(step.target) or not step.final or step.result != step.result


def assert_executors_agree_with_their_equations(network: Network) -> None:
    program = network.program(network.batch)
    assert not check_program(program)
    columns, rows = network.columns, range(program.batch)
    dated = [leaf.source.values(0, 1) for leaf in program.dated]
    frames = []
    for kind in (GeneratedExecutor, KernelExecutor, *((NativeExecutor,) if switch.installed() else ())):
        executor = kind(program, network.constants)
        if isinstance(executor, NativeExecutor):
            assert executor.hasten()
        with np.errstate(all="ignore"):
            frames.append(executor.frame(network.initial_state, executor.leaves(columns, rows, dated)))
            assert_frame_is_its_equations(frames[-1])
    for other in frames[2:]:
        assert same_bits(other.flat, frames[0].flat)


@examples(48, least=8)
@given(recipe=recipes(samples=4), random=randoms())
def test_a_variant_of_any_network_runs_as_it_steps(recipe: Recipe, random: Random) -> None:
    scenario = recipe.scenario
    bench = Bench(scenario)
    deviations = drawn(bench, random)
    session = opened(scenario, deviations)
    assert_as_on_the_bench(bench, session, deviations)
    assert_running_is_stepping(session, min(4, session.schedule.per_epoch * scenario.stop.epochs))
    assert_executors_agree_with_their_equations(session.network)


@pytest.mark.parametrize("name", NAMES)
def test_a_variant_of_each_kind_of_scenario(name: str) -> None:
    scenario = load_scenario(name)
    bench, random = Bench(scenario), Random(name)
    for _ in range(4):
        deviations = drawn(bench, random, 1)
        session = opened(scenario, deviations)
        assert_as_on_the_bench(bench, session, deviations)
        assert_running_is_stepping(session, 3)


def test_every_single_deviation_of_mazur_can_be_opened() -> None:
    scenario = load_scenario("mazur")
    bench = Bench(scenario)
    for one in bench.deviations:
        if one.switches:
            assert_as_on_the_bench(bench, opened(scenario, [one]), [one])
