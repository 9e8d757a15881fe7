"""A variant computes what the bench has found, in whatever way it is run, and is never taken for its scenario."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given

from retrograde.engine import EngineError, Scenario, load_scenario
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
from retrograde.engine.session.figures import figures
from retrograde.engine.session.saving import to_json
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


@pytest.mark.parametrize("kind", ["E twice", "mean of samples", "no bias", "activation", "one sample"])
def test_what_is_evaluated_over_all_samples_deviates_too(kind: str) -> None:
    scenario = load_scenario("xor-2-2-1")
    bench = Bench(scenario)
    one = next(one for one in bench.deviations if one.kind == kind)
    session, plain = opened(scenario, [one]), Session(scenario)
    frame, state = session.timeline.frame(0), session.network.initial_state
    total = frame.value(session.resolve("E"))
    # All samples are one batch.
    assert session.timeline.data_loss(state) == pytest.approx(total, rel=1e-12)
    assert session.timeline.loss_as_iteration(state) == pytest.approx(total, rel=1e-12)
    stated = plain.timeline.frame(0).value(plain.resolve("E"))
    assert (stated == total) == (kind == "one sample")
    outputs = [one.array(one.program.named["out_o"]).item() for _rows, one in session.timeline.singly(state)]
    assert outputs == [frame.value(session.resolve(f"out_o1{{{sample}}}")) for sample in (1, 2, 3, 4)]


def test_a_trial_of_a_variant_trains_the_variant() -> None:
    scenario = load_scenario("mazur")
    one = next(one for one in Bench(scenario).deviations if one.kind == "no half")
    found = opened(scenario, [one]).explanations.trial("fit_one_batch", epochs=3)
    assert (
        found.numbers["start"] == 2 * Session(scenario).explanations.trial("fit_one_batch", epochs=3).numbers["start"]
    )


def test_a_variant_is_not_saved_as_its_scenario() -> None:
    scenario = load_scenario("mazur")
    one = next(one for one in Bench(scenario).deviations if one.kind == "no half")
    session = opened(scenario, [one])
    assert session.name == "mazur, without ½"
    with pytest.raises(EngineError, match="a variant is not saved: its equations are others than those of mazur"):
        to_json(session)


def test_published_figures_are_held_against_the_variant() -> None:
    scenario = load_scenario("mazur")
    one = next(one for one in Bench(scenario).deviations if one.kind == "in place")
    found = {
        (figure.finding.expect.value, figure.finding.expect.updates): figure.finding
        for figure in figures(opened(scenario, [one]))
    }
    assert found["E", 1].verdict == "agrees"
    assert not found["grad(w1)", 0].ok


def test_what_is_no_edit_of_equations_is_no_variant() -> None:
    scenario = load_scenario("mazur")
    shifted = [one for one in Bench(scenario).deviations if one.shift == -1]
    with pytest.raises(EngineError, match="trained figures are those of one update less: no equation is another one"):
        variant(scenario, shifted)
    half = next(one for one in Bench(scenario).deviations if one.kind == "no half")
    assert variant(scenario, [half, *shifted]).deviations == (half,)
