"""Travel through networks with batch norm and dropout: edits, breakpoints, searches and saved sessions."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from tests.session import test_breakpoints, test_saving
from tests.support.effort import examples
from tests.support.networks import executed_by, randoms
from tests.support.normed import Normed, normed
from tests.support.runs import BUDGETS, EXECUTORS, SECONDS
from tests.travel import test_branches, test_runs, test_search


def inner(test: Any) -> Any:
    """The body of a property test, for other networks."""
    return test.hypothesis.inner_test


@pytest.mark.parametrize("executor", EXECUTORS)
@examples(10)
@given(
    recipe=normed(depth=2, epochs=1),
    budget=BUDGETS,
    seconds=st.sampled_from((0.0, 1e-6, 1e-4, 5e-3)),
    random=randoms(),
)
def test_a_replay_has_the_bits_of_the_run(
    executor: str, recipe: Normed, budget: int, seconds: float, random: Random
) -> None:
    test = test_runs.test_checkpoints_decide_how_long_a_visit_takes_and_never_its_bits
    inner(test)(executor, recipe, budget, seconds, random)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@examples(15)
@given(recipe=normed(depth=2, epochs=3), random=randoms(), seconds=SECONDS, budget=BUDGETS)
def test_a_branch_is_what_a_recomputation_gives(
    executor: str, recipe: Normed, random: Random, seconds: float, budget: int
) -> None:
    inner(test_branches.test_a_branch_is_what_a_recomputation_gives)(executor, recipe, random, seconds, budget)


@examples(12)
@given(recipe=normed(depth=2, epochs=3), random=randoms(), seconds=SECONDS, budget=BUDGETS, data=st.data())
def test_going_on_and_going_back_visit_the_same_steps(
    recipe: Normed, random: Random, seconds: float, budget: int, data: st.DataObject
) -> None:
    inner(test_breakpoints.test_going_on_and_going_back_visit_the_same_steps)(recipe, random, seconds, budget, data)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@examples(5)
@given(recipe=normed(depth=2, epochs=4), random=randoms(), seconds=SECONDS, budget=BUDGETS)
def test_queries_find_what_a_scan_finds(
    executor: str, recipe: Normed, random: Random, seconds: float, budget: int
) -> None:
    inner(test_search.test_queries_find_what_a_scan_finds)(executor, True, recipe, random, seconds, budget)


@examples(10)
@given(recipe=normed(depth=2, epochs=3), random=randoms())
def test_a_session_is_opened_as_it_was_saved(
    recipe: Normed, random: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inner(test_saving.test_a_session_is_opened_as_it_was_saved)(recipe, random, tmp_path_factory)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@examples(15)
@given(recipe=normed(depth=2, epochs=3), random=randoms())
def test_masks_and_running_averages_can_be_edited(executor: str, recipe: Normed, random: Random) -> None:
    with executed_by(executor):
        session = Session(recipe.scenario)
        arrays = [array for array in session.program.arrays if array.role in {Role.MASK, Role.MEMORY}]
        for array in arrays:
            session.seek(random.randint(1, session.length - 1))
            index = tuple(random.randrange(length) for length in array.shape)
            ref = Ref(array, index)
            value = 1.0 - session.frame.value(ref) if array.role is Role.MASK else 0.75
            session.edit({test_branches.name_of(session, ref): value})
            # Where an iteration is complete, what it has remembered changes from the next one on.
            assert session.timeline.frame(session.timeline.change.first).value(ref) == value
            executed = session.timeline.executor(session.program).program
            assert executed is session.program


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@examples(15)
@given(recipe=normed(depth=2, epochs=3), random=randoms())
def test_at_the_end_of_an_iteration_a_running_average_changes_from_the_next_one_on(
    executor: str, recipe: Normed, random: Random
) -> None:
    with executed_by(executor):
        session = Session(recipe.scenario)
        last = session.schedule.locate(session.length)[0]
        for array in [array for array in session.program.arrays if array.role is Role.MEMORY]:
            iteration = random.randint(0, last - 1)
            session.seek(session.schedule.start(iteration + 1))
            assert session.iteration == iteration
            before = session.frame
            ref = Ref(array, tuple(random.randrange(length) for length in array.shape))
            session.edit({session.notation.name(ref): 0.75})
            assert session.timeline.change.first == iteration + 1
            assert same_bits(session.timeline.frame(iteration).flat, before.flat)
            assert session.timeline.frame(iteration + 1).value(ref) == 0.75
