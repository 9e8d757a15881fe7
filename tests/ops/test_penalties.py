"""Penalties and clipping: what E and the gradients have besides the loss of the samples, as steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.array import Extent, Role
from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import ScenarioError
from retrograde.engine.network.frame import gradient_norm
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.gradient_report import check_gradients
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.networks import bits, executed_by
from tests.support.updates import EXECUTORS, Given, network

PENALTIES: tuple[Mapping[str, Any], ...] = (
    {"l2": 0.1},
    {"l2": 0.1, "l2_half": False},
    {"l1": 0.05},
    {"l1": 0.05, "l2": 0.1, "penalise_biases": True},
    {"l1": 0.05, "l2": 0.1, "l2_half": False},
)
CLIPS: tuple[Mapping[str, Any], ...] = (
    {"clip_value": 0.2},
    {"clip_norm": 0.5},
    {"clip_norm": 1e6, "optimizer": "adam"},
    {"clip_norm": 0.5, "l2": 0.3, "optimizer": "adamw"},
)
every = pytest.mark.parametrize("setting", [*PENALTIES, *CLIPS], ids=str)
penalties = pytest.mark.parametrize("setting", PENALTIES, ids=str)
both_executors = pytest.mark.parametrize("executor", sorted(EXECUTORS))


def session_of(setting: Mapping[str, Any], **more: Any) -> Session:
    return Session(parse_scenario(network(setting, **more)))


@every
@both_executors
def test_every_slot_is_what_its_equation_says(setting: Mapping[str, Any], executor: str) -> None:
    with executed_by(executor):
        for update in ("simultaneous", "in_place"):
            if update == "simultaneous" or "clip_norm" not in setting:
                session = session_of(setting, update=update)
                for iteration in (0, 6):
                    assert_frame_is_its_equations(session.timeline.frame(iteration))


@every
@both_executors
def test_running_is_stepping(setting: Mapping[str, Any], executor: str) -> None:
    with executed_by(executor):
        session, losses = session_of(setting, extra="batch_size = 2"), list[float]()
        run = session.timeline.advance(session.network.initial_state, 0, 12, losses)
        assert same_bits(session.timeline.frame(11).next_state, run)
        assert [bits(loss) for loss in losses] == [bits(session.measure("E", number)) for number in range(12)]


@penalties
def test_e_is_the_loss_and_what_the_parameters_cost(setting: Mapping[str, Any]) -> None:
    session = session_of(setting)
    frame = session.timeline.frame(2)
    value = {array.name: frame.array(array) for array in frame.program.arrays}
    names = ["W_h", "W_o", *(("b_h", "b_o") if setting.get("penalise_biases") else ())]
    half = 0.5 if setting.get("l2_half", True) else 1.0
    wanted = float(value["loss"])
    for name in names:
        w = value[name]
        cost = setting.get("l1", 0.0) * np.abs(w).sum() + half * setting.get("l2", 0.0) * (w * w).sum()
        assert float(value[f"penalty_{name}"]) == pytest.approx(cost, rel=1e-14)
        wanted += cost
        pull = setting.get("l1", 0.0) * np.sign(w) + 2 * half * setting.get("l2", 0.0) * w
        np.testing.assert_allclose(value[f"grad({name})"], value[f"grad_loss({name})"] + pull, rtol=1e-14)
    assert float(value["E"]) == pytest.approx(wanted, rel=1e-14)
    assert sum(name.startswith("penalty_") for name in value) == len(names)


@penalties
def test_the_loss_over_all_data_has_the_penalties_too(setting: Mapping[str, Any]) -> None:
    session = session_of(setting)
    assert session.measure("E_data", 3) == pytest.approx(session.measure("E", 3), rel=1e-14)


@penalties
def test_the_gradients_are_those_of_e(setting: Mapping[str, Any]) -> None:
    session = session_of(setting)
    session.seek(session.schedule.start(1) + 1)
    report = check_gradients(session, count=None)
    assert report.total == 26
    assert report.ok
    assert {check.verdict.value for check in report.checks} == {"agrees"}


@penalties
def test_the_stop_rule_looks_at_the_gradient_of_e(setting: Mapping[str, Any]) -> None:
    frame = session_of(setting).timeline.frame(0)
    slopes = [frame.array(frame.program.named[f"grad({name})"]) for name in ("W_h", "b_h", "W_o", "b_o")]
    assert gradient_norm(frame) == pytest.approx(math.sqrt(sum(float((slope**2).sum()) for slope in slopes)))


def test_penalties_come_once_after_the_samples() -> None:
    program = session_of({"l2": 0.1}).schedule.full
    made = {op.target.name: op for op in program.ops}
    assert made["E"].extent is Extent.ONCE
    assert made["loss"].extent is Extent.SUM
    assert made["grad(W_h)"].extent is Extent.ONCE
    assert made["grad(b_h)"].extent is Extent.SUM, "biases are not penalised"
    assert len(program.segments) == 2, "the samples are not cut in two"
    assert [array.name for array in program.arrays if array.role is Role.TOTAL] == ["E"]


FORMULAS: tuple[tuple[Mapping[str, Any], str, str], ...] = (
    ({"l2": 0.1}, "E", "E = L + Ω(W_h) + Ω(W_o)"),
    ({"l2": 0.1}, "penalty_W_o", "Ω(W_o) = ½ · λ2 · ‖W_o‖²"),
    ({"l2": 0.1, "l2_half": False}, "penalty_W_o", "Ω(W_o) = λ2 · ‖W_o‖²"),
    ({"l1": 0.1, "l2": 0.1}, "penalty_W_o", "Ω(W_o) = ½ · λ2 · ‖W_o‖² + λ1 · ‖W_o‖₁"),
    ({"l2": 0.1}, "grad(w5)", "∂E/∂w5 = ∂L/∂w5 + λ2 · w5"),
    ({"l2": 0.1, "l2_half": False}, "grad(w5)", "∂E/∂w5 = ∂L/∂w5 + 2 · λ2 · w5"),
    ({"clip_norm": 1.0}, "clipped(w5)", "clipped(w5) = ∂E/∂w5 · f_c"),
    (
        {"clip_norm": 1.0},
        "norm_of_gradient",
        "‖∂E/∂w‖ = √(‖∂E/∂W_h‖² + ‖∂E/∂b_h‖² + ‖∂E/∂W_o‖² + ‖∂E/∂b_o‖²)",
    ),
    ({"clip_norm": 1.0, "weight_decay": 0.1}, "g(w5)", "g(w5) = clipped(w5) + λ · w5"),
)


@pytest.mark.parametrize(("setting", "name", "formula"), FORMULAS)
def test_a_step_shows_the_formula(setting: Mapping[str, Any], name: str, formula: str) -> None:
    session = session_of(setting)
    program, notation = session.schedule.full, session.network.notation
    ref = notation.resolve(name, program)
    op = program.maker(ref.array)
    assert op is not None
    assert f"{notation.symbol(ref)} = {render(op.equation(ref.index), notation.symbol)}" == formula
    for operand in op.inputs:
        if not operand.shape:
            symbol = notation.symbol(notation.resolve(operand.name, program))
            assert notation.resolve(symbol, program).array is operand


@both_executors
def test_clipping_by_value(executor: str) -> None:
    neuron = Given([0.0, 0.0, 0.0, 0.0], {"learning_rate": 1.0, "clip_value": 0.5}, executor)
    neuron.step([0.25, -3.0, 2.0, math.nan])
    assert neuron.weights[:3] == [-0.25, 0.5, -0.5]
    assert math.isnan(neuron.weights[3]), "NaN is not hidden"


@both_executors
def test_clipping_by_the_norm_is_that_of_pytorch(executor: str) -> None:
    neuron = Given([0.0, 0.0], {"learning_rate": 1.0, "clip_norm": 1.0}, executor)
    frame = neuron.step([3.0, -4.0])
    assert float(frame.array(frame.program.named["norm_of_gradient"])) == 5.0
    factor = 1.0 / (5.0 + 1e-6)
    assert neuron.weights == [-3.0 * factor, 4.0 * factor]
    small = Given([0.0, 0.0], {"learning_rate": 1.0, "clip_norm": 10.0}, executor)
    small.step([3.0, -4.0])
    assert small.weights == [-3.0, 4.0]


def test_clipping_leaves_the_gradient_of_the_stop_rule() -> None:
    frames = [session_of(setting).timeline.frame(0) for setting in ({}, {"clip_norm": 0.01}, {"clip_value": 0.01})]
    assert len({gradient_norm(frame) for frame in frames}) == 1


@pytest.mark.parametrize(
    ("setting", "update", "message"),
    [
        ({"clip_norm": 1.0}, "in_place", "training.clip_norm: clip_norm needs the gradients of all parameters before"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "simultaneous", "by value or by their norm, not both"),
        ({"clip_norm": 0.0}, "simultaneous", "training.clip_norm: 0.0 is too small; more than 0 is needed"),
        ({"l2_half": False}, "simultaneous", "training.l2_half: l2_half belongs to l2, which is not there"),
        ({"penalise_biases": True}, "simultaneous", "penalise_biases belongs to l1 or l2, which is not there"),
        ({"l1": -0.5}, "simultaneous", "training.l1: -0.5 is too small; the smallest is 0"),
    ],
)
def test_what_does_not_fit_is_refused(setting: Mapping[str, Any], update: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(network(setting, update=update))
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1
