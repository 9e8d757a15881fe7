"""Batch norm and dropout: what holds of every program holds where samples wait for each other."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.explaining.gradcheck import Verdict
from retrograde.engine.network.network import Network
from tests.executor.test_kernels import assert_frame_is_its_equations, executors
from tests.explaining.test_gradcheck import drawn, told
from tests.session import test_walking
from tests.support.effort import examples
from tests.support.networks import EXECUTORS, randoms
from tests.support.normed import Normed, normed
from tests.travel import test_runs

# -- what holds of every program -----------------------------------------------------------------------------------


def inner(test: Any) -> Any:
    """The body of a property test, for other networks."""
    return test.hypothesis.inner_test


@examples(80)
@given(recipe=normed(), iteration=st.integers(0, 2))
def test_every_slot_is_what_its_equation_says(recipe: Normed, iteration: int) -> None:
    network = Network(recipe.scenario)
    program = network.program(network.batch)
    dated = [leaf.source.values(iteration, 1) for leaf in program.dated]
    for executor in executors(network, program):
        leaves = executor.leaves(network.columns, range(program.batch), dated)
        frame = executor.frame(network.initial_state, leaves)
        assert_frame_is_its_equations(frame)


@pytest.mark.parametrize("executor", EXECUTORS)
@examples(15)
@given(recipe=normed(), data=st.data())
def test_tracing_stepping_and_running_give_the_same_bits(executor: str, recipe: Normed, data: st.DataObject) -> None:
    inner(test_walking.test_tracing_stepping_and_running_give_the_same_bits)(executor, recipe, data)


@examples(40)
@given(recipe=normed(), data=st.data())
def test_stops_are_the_ends_of_runs_of_equal_moments_both_ways(recipe: Normed, data: st.DataObject) -> None:
    inner(test_walking.test_stops_are_the_ends_of_runs_of_equal_moments_both_ways)(recipe, data)


@examples(15)
@given(recipe=normed(depth=2, epochs=1))
def test_terms_go_both_ways_and_add_up_in_written_order(recipe: Normed) -> None:
    inner(test_walking.test_terms_go_both_ways_and_add_up_in_written_order)(recipe)


@examples(15)
@given(recipe=normed(depth=2), data=st.data())
def test_a_step_back_undoes_a_step_from_everywhere(recipe: Normed, data: st.DataObject) -> None:
    inner(test_walking.test_a_step_back_undoes_a_step_from_everywhere)(recipe, data)


@examples(30)
@given(recipe=normed(), random=randoms())
def test_what_is_visible_is_what_was_revealed(recipe: Normed, random: Random) -> None:
    inner(test_walking.test_what_is_visible_is_what_was_revealed)(recipe, random)


@examples(15)
@given(recipe=normed(depth=2, epochs=1), data=st.data())
def test_provenance_is_what_a_scan_of_all_equations_finds(recipe: Normed, data: st.DataObject) -> None:
    inner(test_walking.test_provenance_is_what_a_scan_of_all_equations_finds)(recipe, data)


@pytest.mark.parametrize(
    "test",
    [
        test_walking.test_every_operand_comes_from_the_step_that_made_it,
        test_walking.test_every_step_has_one_place_and_every_slot_one_name,
        test_walking.test_sums_over_samples_add_their_contributions_in_order,
        test_walking.test_the_factors_of_a_chain_multiply_to_the_contribution,
    ],
)
@examples(20)
@given(recipe=normed(epochs=1))
def test_steps_say_where_they_are_and_what_they_read(test: Any, recipe: Normed) -> None:
    inner(test)(recipe)


@examples(25)
@given(recipe=normed(depth=2, epochs=6), random=randoms())
def test_stepping_around_before_a_run_changes_nothing(recipe: Normed, random: Random) -> None:
    inner(test_runs.test_stepping_around_before_a_run_changes_nothing)(recipe, random)


@examples(60)
@given(recipe=normed(updates=("simultaneous",)), random=randoms())
def test_no_gradient_is_said_to_be_wrong(recipe: Normed, random: Random) -> None:
    session = Session(recipe.scenario)
    session.seek(random.randint(1, session.length))
    checks = drawn(session, 8, seed=random.randrange(100))
    assert not told(session, [check for check in checks if check.verdict is Verdict.DISAGREES])
