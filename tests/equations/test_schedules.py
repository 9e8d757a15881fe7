"""Learning-rate schedules: a step that shows the rate, exact at any iteration, from the time or from the state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import ScenarioError
from retrograde.engine.ops.update.learning_rate import RateFactor
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.schedule_table import RateSchedule
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.effort import examples
from tests.support.networks import bits, executed_by
from tests.support.updates import EXECUTORS, linear, network

TABLES: tuple[Mapping[str, Any], ...] = (
    {"kind": "step", "every": 2, "gamma": 0.5},
    {"kind": "step", "milestones": [1, 4], "unit": "iteration"},
    {"kind": "exponential", "gamma": 0.9, "warm_up": 2},
    {"kind": "inverse_time", "decay": 0.5},
    {"kind": "inverse_time", "decay": 0.25, "unit": "iteration", "every": 2, "warm_up": 1},
    {"kind": "cosine", "end_factor": 0.1},
    {"kind": "warm_up", "warm_up": 3, "unit": "iteration"},
    {"kind": "one_cycle"},
    {"kind": "plateau", "patience": 0, "threshold": 0.5, "factor": 0.5},
    {"kind": "plateau", "patience": 0, "threshold": 0.5, "factor": 0.5, "cooldown": 1},
)
every_table = pytest.mark.parametrize("table", TABLES, ids=str)
both_executors = pytest.mark.parametrize("executor", sorted(EXECUTORS))


def session_of(table: Mapping[str, Any], **more: Any) -> Session:
    return Session(parse_scenario(network({"schedule": table, **more}, extra="batch_size = 2")))


def at(t: int, length: int = 10, **fields: Any) -> float:
    row = SCHEDULES[fields["kind"]]
    return row.at({**row.keys, "start_factor": 1.0, **fields}, t, length)


def test_the_formulas() -> None:
    assert [at(t, kind="step", every=2, gamma=0.5) for t in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert [at(t, kind="step", milestones=(1, 3), gamma=0.5) for t in range(4)] == [1.0, 0.5, 0.5, 0.25]
    assert [at(t, kind="inverse_time", decay=1.0) for t in range(4)] == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert [at(t, kind="inverse_time", decay=0.5, every=2) for t in range(5)] == [1.0, 1.0, 1 / 1.5, 1 / 1.5, 1 / 2]
    assert [at(t, kind="exponential", gamma=0.5) for t in range(3)] == [1.0, 0.5, 0.25]
    assert [at(t, kind="cosine", length=4) for t in (0, 2, 4)] == pytest.approx([1.0, 0.5, 0.0])
    assert [at(t, kind="warm_up", warm_up=4, start_factor=0.2) for t in (0, 2, 4, 9)] == pytest.approx(
        [0.2, 0.6, 1.0, 1.0]
    )
    cycle = [at(t, length=20, kind="one_cycle", peak=0.25) for t in range(25)]
    assert cycle[0] == pytest.approx(1 / 25)
    assert max(cycle) == cycle[4] == 1.0
    assert cycle[19:] == [cycle[19]] * 6, "what comes after the cycle stays at its end"
    assert cycle[19] == pytest.approx(1 / 25 / 1e4)


@examples(60)
@given(
    kind=st.sampled_from(sorted(set(SCHEDULES) - {"plateau"})),
    warm_up=st.integers(1, 20),
    t=st.integers(0, 10**12),
    length=st.integers(2, 50),
)
def test_a_factor_is_a_finite_share_at_any_time(kind: str, warm_up: int, t: int, length: int) -> None:
    found = at(t, length, kind=kind, warm_up=0 if kind == "one_cycle" else warm_up, gamma=0.5, every=1, decay=0.5)
    assert 0.0 <= found <= 1.0
    assert math.isfinite(found)


def test_a_length_that_is_not_stated_is_that_of_the_training() -> None:
    for unit, count in (("epoch", 12), ("iteration", 36)):
        table = RateSchedule(kind="cosine", unit=unit, warm_up=2).completed().model_dump()
        factor = RateFactor(keys=table, epochs=12)
        last = [float(factor.values(iteration, 3)) for iteration in range(36 if unit == "iteration" else 37)]
        assert last[0] == pytest.approx(1 / 3)
        assert max(last) == 1.0
        ends = math.cos(math.pi * (count - 3) / (count - 2)) if unit == "iteration" else -1.0
        assert last[-1] == pytest.approx(0.5 * (1 + ends), abs=1e-15)


def test_the_step_shows_the_rate() -> None:
    session = session_of(TABLES[0])
    program, notation = session.schedule.full, session.network.notation
    for name, formula in (("lr_now", "η_t = η · f"), ("new(w5)", "w5⁺ = w5 − η_t · ∂E/∂w5")):
        ref = notation.resolve(name, program)
        op = program.maker(ref.array)
        assert op is not None
        assert f"{notation.symbol(ref)} = {render(op.equation(ref.index), notation.symbol)}" == formula
        assert notation.resolve(notation.symbol(ref), program) == ref


@every_table
@both_executors
def test_running_is_stepping_and_any_iteration_can_be_sought(table: Mapping[str, Any], executor: str) -> None:
    with executed_by(executor):
        session, losses = session_of(table, optimizer="adam"), list[float]()
        timeline = session.timeline
        run = timeline.advance(session.network.initial_state, 0, 24, losses)
        for iteration in (23, 5, 14, 0, 11):
            frame = session_of(table, optimizer="adam").timeline.frame(iteration)
            assert_frame_is_its_equations(frame)
            assert bits(float(frame.array(frame.program.named["E"]))) == bits(losses[iteration])
        assert same_bits(timeline.frame(23).next_state, run)


@every_table
def test_both_executors_agree(table: Mapping[str, Any]) -> None:
    found = []
    for executor in EXECUTORS:
        with executed_by(executor):
            found.append(session_of(table, momentum=0.9).timeline.state(20))
    np.testing.assert_allclose(*found, rtol=1e-9)


@every_table
def test_in_place_updates_take_the_rate_of_the_iteration_too(table: Mapping[str, Any]) -> None:
    text = network({"schedule": table}, update="in_place", extra="batch_size = 2")
    session = Session(parse_scenario(text))
    rates = [session.measure("lr_now", iteration) for iteration in range(12)]
    assert len(set(rates)) > 1
    for iteration in (0, 7, 11):
        assert_frame_is_its_equations(session.timeline.frame(iteration))


def test_the_learning_rate_can_be_edited_under_a_schedule() -> None:
    session = session_of(TABLES[0])
    session.seek(session.schedule.start(8) + 1)
    session.set_value("lr", 0.5)
    assert [session.measure("lr_now", iteration) for iteration in (5, 6, 8)] == [0.05, 0.025, 0.25]
    session.set_value("lr_now", 0.125)
    assert session.measure("lr_now", 8) == 0.125
    assert session.measure("lr_now", 9) == 0.25, "an override of one iteration"


def test_the_state_of_a_plateau_can_be_edited() -> None:
    session = session_of(TABLES[-1])
    session.seek(session.schedule.start(4))
    session.set_value("plateau", 0.01)
    assert session.measure("lr_now", 4) == pytest.approx(0.0005)
    assert session.measure("lr_now", 3) == 0.05


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ({"kind": "step", "every": 2, "period": 3}, "period", "step has no period; it has unit, every, milestones"),
        ({"kind": "step"}, "kind", "step needs every or milestones"),
        ({"kind": "step", "every": 1, "milestones": [2]}, "milestones", "every and milestones exclude each other"),
        ({"kind": "step", "milestones": [3, 2]}, "milestones", "each is later than the one before"),
        ({"kind": "exponential"}, "kind", "exponential needs gamma"),
        ({"kind": "warm_up"}, "kind", "warm_up needs warm_up"),
        ({"kind": "plateau", "unit": "epoch"}, "unit", "plateau has no unit; it has factor, patience"),
        ({"kind": "cosine", "start_factor": 0.1}, "start_factor", "start_factor belongs to warm_up"),
        ({"kind": "one_cycle", "peak": 1.0}, "peak", "1.0 is too large; less than 1 is needed"),
        ({"kind": "cosinus"}, "kind", '"cosinus" is not known; did you mean cosine?'),
        ({"kind": "cosine", "perod": 3}, "perod", "there is no such key; did you mean period?"),
        ({"every": 3}, "kind", "missing: step: f = "),
    ],
)
def test_what_a_schedule_does_not_have_is_refused(table: Mapping[str, Any], key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(linear([1.0], {"learning_rate": 0.1, "schedule": table}))
    (problem,) = caught.value.problems
    assert problem.key == f"training.schedule.{key}"
    assert message in problem.message


def test_a_schedule_of_rprop_is_refused() -> None:
    with pytest.raises(ScenarioError, match="a schedule would change nothing"):
        parse_scenario(linear([1.0], {"optimizer": "rprop", "learning_rate": 0.1, "schedule": TABLES[0]}))
