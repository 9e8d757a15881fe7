"""Every optimiser makes the updates of PyTorch, and of the other textbooks that its options stand for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.array import Extent, Phase, Role
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.scenario.file import parse_scenario
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.effort import examples
from tests.support.networks import bits, executed_by
from tests.support.updates import EXECUTORS, Given, linear, memory, network

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "cases" / "data" / "optimisers.json").read_text(encoding="utf-8")
)["runs"]
TORCH = sorted(name for name in CASES if name.startswith("torch "))
RELATIVE = 1e-9
NOT_OPTIONS = {"optimizer", "lr", "start", "gradients", "quadratic"}

SETTINGS: tuple[Mapping[str, Any], ...] = (
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "momentum": 0.9},
    {"optimizer": "sgd", "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "weight_decay": 0.05, "decoupled": True},
    {"optimizer": "sgd", "momentum": 0.9, "momentum_form": "averaged"},
    {"optimizer": "sgd", "momentum": 0.9, "momentum_form": "averaged", "nesterov": True},
    {"optimizer": "sgd", "momentum": 0.9, "momentum_form": "step"},
    {"optimizer": "sgd", "momentum": 0.9, "momentum_form": "step", "nesterov": True},
    {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "look_ahead": True, "weight_decay": 0.05},
    {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "look_ahead": True, "momentum_form": "step"},
    {"optimizer": "adagrad", "lr_decay": 0.1, "initial_accumulator": 0.5},
    {"optimizer": "adagrad", "eps_inside": True, "eps": 1e-3, "weight_decay": 0.1},
    {"optimizer": "rmsprop"},
    {"optimizer": "rmsprop", "alpha": 0.9, "centered": True, "momentum": 0.5, "weight_decay": 0.01},
    {"optimizer": "rmsprop", "eps_inside": True, "eps": 1e-3, "momentum": 0.3},
    {"optimizer": "rmsprop", "eps_inside": True, "eps": 1e-3},
    {"optimizer": "adadelta", "rho": 0.8, "eps": 1e-4},
    {"optimizer": "adam"},
    {"optimizer": "adam", "betas": [0.5, 0.9], "amsgrad": True, "weight_decay": 0.1},
    {"optimizer": "amsgrad", "betas": [0.5, 0.7]},
    {"optimizer": "adamw"},
    {"optimizer": "adamw", "weight_decay": 0.2, "decay_biases": False, "amsgrad": True},
    {"optimizer": "adamax", "eps": 1e-3},
    {"optimizer": "nadam", "momentum_decay": 0.05, "weight_decay": 0.1},
    {"optimizer": "radam", "betas": [0.9, 0.99]},
    {"optimizer": "radam", "weight_decay": 0.1, "decoupled": True},
    {"optimizer": "rprop", "etas": [0.4, 1.3], "step_sizes": [1e-3, 2.0]},
    {"optimizer": "rprop", "rprop_form": "rprop_minus"},
    {"optimizer": "rprop", "rprop_form": "irprop_plus"},
    {"optimizer": "radam", "eps_inside": True, "eps": 1e-3},
    {"optimizer": "lion", "weight_decay": 0.1},
)
"""Every optimiser, and every option of each."""


def ways(setting: Mapping[str, Any]) -> tuple[str, ...]:
    """When the parameters may be updated: what looks ahead or compares E needs all of an iteration first."""
    late = setting.get("look_ahead") or setting.get("rprop_form") == "irprop_plus"
    return ("simultaneous",) if late else ("simultaneous", "in_place")


def named(setting: Mapping[str, Any]) -> str:
    return " ".join(str(value) if key == "optimizer" else f"{key}={value}" for key, value in setting.items())


every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=map(named, SETTINGS))
both_executors = pytest.mark.parametrize("executor", sorted(EXECUTORS))


def test_every_optimiser_and_every_option_is_among_the_settings() -> None:
    assert {setting["optimizer"] for setting in SETTINGS} == set(OPTIMISERS)
    assert {key for setting in SETTINGS for key in setting} == {"optimizer", *OPTIONS}


# ----------------------------------------------------------------------------------------------- oracles


def training_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    options = {key: value for key, value in spec.items() if key not in NOT_OPTIONS}
    return {"optimizer": spec["optimizer"], "learning_rate": spec["lr"], **options}


@both_executors
@pytest.mark.parametrize("name", TORCH)
def test_prescribed_gradients_give_the_updates_of_pytorch(name: str, executor: str) -> None:
    spec, oracle = CASES[name]["spec"], CASES[name]["oracle"]
    neuron = Given(spec["start"], training_of(spec), executor)
    for gradient, wanted in zip(spec["gradients"], oracle["after_each_gradient"], strict=True):
        neuron.step(gradient)
        np.testing.assert_allclose(neuron.weights, wanted, rtol=RELATIVE, atol=0)


@both_executors
@pytest.mark.parametrize("name", TORCH)
def test_a_quadratic_bowl_is_descended_as_by_pytorch(name: str, executor: str) -> None:
    spec, oracle = CASES[name]["spec"], CASES[name]["oracle"]
    curvature = np.array(spec["quadratic"])
    neuron = Given([1.0, 1.0, 1.0] if "quadratic_start" in spec else spec["start"], training_of(spec), executor)
    for _step in range(20):
        neuron.step(curvature * neuron.weights)
    # Where a coordinate is at its minimum, what is left is rounding.
    np.testing.assert_allclose(neuron.weights, oracle["quadratic_after_20_steps"], rtol=RELATIVE, atol=1e-15)


def test_all_seventeen_settings_are_there() -> None:
    assert len(TORCH) == 17


CS231N: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "momentum": ({"optimizer": "sgd", "momentum": 0.9, "momentum_form": "step"}, {"v": "v"}),
    "rmsprop": ({"optimizer": "rmsprop", "alpha": 0.99, "eps": 1e-8}, {"cache": "s"}),
    "adam": ({"optimizer": "adam"}, {"m": "m", "v": "v"}),
}


@both_executors
@pytest.mark.parametrize("name", CS231N)
def test_the_checks_of_cs231n_hold_to_the_printed_digit(name: str, executor: str) -> None:
    content = CASES[f"cs231n {name}"]
    spec, (options, stems) = content["spec"], CS231N[name]
    neuron = Given(np.linspace(-0.4, 0.6, 20).tolist(), {"learning_rate": spec["lr"], **options}, executor)
    starts = {"v": (0.6, 0.9), "cache": (0.6, 0.9), "m": (0.6, 0.9)}
    if name == "adam":
        starts["v"] = (0.7, 0.5)
        neuron["beta1_power"], neuron["beta2_power"] = 0.9**5, 0.999**5
    for key, stem in stems.items():
        neuron[f"{stem}(W_o)"] = np.linspace(*starts[key], 20).tolist()
    neuron.step(np.linspace(-0.6, 0.4, 20).tolist())
    found = {"w": neuron["W_o"], **{key: neuron[f"{stem}(W_o)"] for key, stem in stems.items()}}
    for key, values in found.items():
        np.testing.assert_allclose(values, np.ravel(content["oracle"][key]), rtol=RELATIVE)
        for value, printed in zip(values, content["published"][key], strict=True):
            assert abs(value - float(printed)) <= 0.5000001 * 10.0 ** -len(printed.partition(".")[2])


KERAS = {"gradients": ((0.3, -0.2), (0.1, 0.4), (-0.5, 0.2)), "weights": (1.0, -1.0)}


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_form_step_is_that_of_other_textbooks(nesterov: bool) -> None:
    """v = μ·v − η·g; w = w + v, with Nesterov −μ·v_before + (1 + μ)·v, as CS231n writes it."""
    training = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "momentum_form": "step"}
    neuron = Given(KERAS["weights"], {**training, "nesterov": nesterov})
    w, v = np.array(KERAS["weights"]), np.zeros(2)
    for gradient in KERAS["gradients"]:
        before, v = v, 0.9 * v - 0.1 * np.array(gradient)
        w = w + (-0.9 * before + 1.9 * v if nesterov else v)
        neuron.step(gradient)
        np.testing.assert_allclose(neuron.weights, w, rtol=1e-14)


def test_the_averaged_form_is_a_running_average() -> None:
    training = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "momentum_form": "averaged"}
    neuron = Given(KERAS["weights"], training)
    w, v = np.array(KERAS["weights"]), np.zeros(2)
    for gradient in KERAS["gradients"]:
        v = 0.9 * v + 0.1 * np.array(gradient)
        w = w - 0.1 * v
        neuron.step(gradient)
        np.testing.assert_allclose(neuron.weights, w, rtol=1e-14)


def test_epsilon_inside_of_the_root() -> None:
    training = {"optimizer": "rmsprop", "learning_rate": 0.1, "alpha": 0.5, "eps": 0.25, "eps_inside": True}
    neuron = Given([1.0], training)
    neuron.step([2.0])
    assert neuron.weights == [1.0 - 0.1 * 2.0 / math.sqrt(0.5 * 4.0 + 0.25)]
    outside = Given([1.0], {**training, "eps_inside": False})
    outside.step([2.0])
    assert outside.weights == [1.0 - 0.1 * 2.0 / (math.sqrt(0.5 * 4.0) + 0.25)]


def test_lion_against_its_algorithm() -> None:
    neuron = Given([1.0, -1.0, 0.5], {"optimizer": "lion", "learning_rate": 0.1, "weight_decay": 0.5})
    w, m = np.array([1.0, -1.0, 0.5]), np.zeros(3)
    for gradient in ((0.3, -0.2, 0.0), (-0.1, 0.4, 0.2), (-0.5, 0.2, 0.0)):
        g = np.array(gradient)
        w = w - 0.1 * (np.sign(0.9 * m + (1 - 0.9) * g) + 0.5 * w)
        m = 0.99 * m + (1 - 0.99) * g
        neuron.step(gradient)
        np.testing.assert_allclose(neuron.weights, w, rtol=1e-14)
        np.testing.assert_allclose(neuron["m(W_o)"], m, rtol=1e-13)


# ------------------------------------------------------------------------------------- the engine's laws


def session_of(setting: Mapping[str, Any], **more: Any) -> Session:
    return Session(parse_scenario(network(setting, **more)))


@every_setting
@both_executors
def test_every_slot_is_what_its_equation_says(setting: Mapping[str, Any], executor: str) -> None:
    with executed_by(executor):
        for update in ways(setting):
            session = session_of(setting, update=update)
            for iteration in (0, 1, 7):
                assert_frame_is_its_equations(session.timeline.frame(iteration))


@every_setting
def test_both_executors_agree(setting: Mapping[str, Any]) -> None:
    found = []
    for executor in EXECUTORS:
        with executed_by(executor):
            found.append(session_of(setting).timeline.state(15))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


@every_setting
@both_executors
def test_running_is_stepping_bit_for_bit(setting: Mapping[str, Any], executor: str) -> None:
    with executed_by(executor):
        session, losses = session_of(setting, extra="batch_size = 2"), list[float]()
        timeline, start = session.timeline, session.network.initial_state
        run = timeline.advance(start, 0, 30, losses)
        state = start
        for iteration in range(30):
            frame = timeline.frame(iteration)
            assert same_bits(frame.flat[: len(state)], state)
            assert bits(losses[iteration]) == bits(session.measure("E", iteration))
            state = np.array(frame.next_state)
        assert same_bits(state, run)
        for iteration in (29, 3, 17, 0, 22):
            assert same_bits(timeline.state(iteration), timeline.frame(iteration).flat[: len(state)])
        assert same_bits(session_of(setting, extra="batch_size = 2").timeline.state(30), run), "a new replay"


@every_setting
def test_a_step_back_undoes_a_step_through_an_update(setting: Mapping[str, Any]) -> None:
    session = session_of(setting)
    session.seek(session.schedule.start(2))
    seen = []
    for _step in range(session.schedule.full.steps + 3):
        seen.append((session.position, None if session.current is None else session.current.text(digits=17)))
        session.step()
    for position, text in reversed(seen):
        session.back()
        found = None if session.current is None else session.current.text(digits=17)
        assert (session.position, found) == (position, text)


@every_setting
def test_what_is_shared_is_computed_once(setting: Mapping[str, Any]) -> None:
    for update in ways(setting):
        program = session_of(setting, update=update).schedule.full
        made = [op.target.name for op in program.ops]
        assert len(made) == len(set(made))
        steps = [op for op in program.ops if op.phase is Phase.UPDATE]
        assert all(op.extent is Extent.ONCE for op in steps)
        assert {op.target.name for op in steps} >= {f"new({name})" for name in ("W_h", "b_h", "W_o", "b_o")}
        for array, new in zip(program.state, program.updates, strict=True):
            assert new.name == f"new({array.name})"
            assert new.of is array


@every_setting
def test_the_table_knows_what_is_kept_for_a_parameter(setting: Mapping[str, Any]) -> None:
    """The estimate of memory is made from it."""
    row = OPTIMISERS[setting["optimizer"]]
    program = session_of(setting).schedule.full
    kept = [array for array in program.state if array.role is Role.MEMORY and array.name.endswith("(W_h)")]
    made = [array for array in program.arrays if array.role is Role.VALUE and array.name.endswith("(W_h)")]
    assert len(kept) <= row.state
    assert len(made) <= row.made


@every_setting
def test_the_state_has_names_that_are_understood(setting: Mapping[str, Any]) -> None:
    session = session_of(setting)
    program, notation = session.schedule.full, session.network.notation
    for array in program.arrays:
        if array.role in {Role.MEMORY, Role.HYPER, Role.VALUE, Role.UPDATED}:
            slot = session.network.notation.resolve(array.name, program) if not array.shape else None
            for index in np.ndindex(array.shape):
                ref = notation.resolve(notation.name(_ref(array, index)), program)
                assert ref == _ref(array, index)
                assert notation.resolve(notation.symbol(ref), program) == ref
            assert slot is None or slot.array is array


def _ref(array: Any, index: tuple[int, ...]) -> Any:
    from retrograde.engine.equations.expression import Ref

    return Ref(array, index)


# ------------------------------------------------------------------------------------------------- edits


@pytest.mark.parametrize("executor", sorted(EXECUTORS))
def test_the_state_of_an_optimiser_can_be_edited(executor: str) -> None:
    with executed_by(executor):
        session = session_of({"optimizer": "adam"})
        session.seek(session.schedule.start(5))
        before = np.array(session.timeline.state(6))
        session.set_value("m(w5)", 2.0)
        frame = session.timeline.frame(5)
        assert frame.value(session.network.notation.resolve("m(w5)", frame.program)) == 2.0
        assert_frame_is_its_equations(frame)
        assert not same_bits(session.timeline.state(6), before)
        state = session.timeline.state(9)
        replayed = session.timeline.advance(session.timeline.state(6), 6, 3, [])
        assert same_bits(state, replayed)
        assert same_bits(session.branches[0].timeline.state(6), before), "the old branch stays"


@pytest.mark.parametrize("name", ["beta1", "β1", "beta2", "eps", "lr"])
def test_a_hyperparameter_can_be_edited_like_the_learning_rate(name: str) -> None:
    session = session_of({"optimizer": "adam"})
    session.seek(session.schedule.start(4))
    before = np.array(session.timeline.state(8))
    session.set_value(name, 0.5)
    assert same_bits(session.timeline.state(4), session.branches[0].timeline.state(4))
    assert not same_bits(session.timeline.state(8), before)
    for iteration in (3, 4, 7):
        assert_frame_is_its_equations(session.timeline.frame(iteration))
    if name == "beta1":
        found = session.timeline.frame(4).value(session.network.notation.resolve("beta1", session.schedule.full))
        assert found == 0.5


def test_a_formula_reads_the_state_as_it_is_after_the_update() -> None:
    session = session_of({"optimizer": "adam"})
    session.run(epochs=10)
    step = session.first("abs(m(w5)) > 0")
    assert step is not None
    session.seek(step)
    assert session.current is not None
    assert session.current.name == "new(m(w5))"
    assert session.count("v(w5) >= prev(v(w5))") + session.count("v(w5) < prev(v(w5))") == 10


def test_an_iteration_starts_from_what_the_one_before_left() -> None:
    session = session_of({"optimizer": "adam"})
    assert memory(session.network) == {
        "beta1_power",
        "beta2_power",
        *(f"{stem}({name})" for stem in "mv" for name in ("W_h", "b_h", "W_o", "b_o")),
    }
    frame = session.timeline.frame(3)
    assert frame.array(frame.program.named["beta1_power"]) == pytest.approx(0.9**3)
    assert frame.array(frame.program.named["new(beta1_power)"]) == pytest.approx(0.9**4)


# ---------------------------------------------------------------------------------------------- formulas


def shown(setting: Mapping[str, Any], name: str) -> str:
    session = session_of(setting)
    program, notation = session.schedule.full, session.network.notation
    ref = notation.resolve(name, program)
    op = program.maker(ref.array)
    assert op is not None
    return f"{notation.symbol(ref)} = {render(op.equation(ref.index), notation.symbol)}"


@pytest.mark.parametrize(
    ("setting", "name", "formula"),
    [
        ({}, "new(w5)", "w5⁺ = w5 − η · ∂E/∂w5"),
        ({"weight_decay": 0.1}, "g(w5)", "g(w5) = ∂E/∂w5 + λ · w5"),
        ({"weight_decay": 0.1, "decoupled": True}, "decayed(w5)", "decayed(w5) = w5 · (1 − η · λ)"),
        ({"momentum": 0.9}, "new(v(w5))", "v(w5)⁺ = μ · v(w5) + ∂E/∂w5"),
        ({"momentum": 0.9}, "new(w5)", "w5⁺ = w5 − η · v(w5)⁺"),
        ({"momentum": 0.9, "nesterov": True}, "new(w5)", "w5⁺ = w5 − η · (∂E/∂w5 + μ · v(w5)⁺)"),
        ({"optimizer": "adagrad"}, "new(w5)", "w5⁺ = w5 − η · ∂E/∂w5 / (√(s(w5)⁺) + ε)"),
        ({"optimizer": "adam"}, "new(m(w5))", "m(w5)⁺ = β1 · m(w5) + (1 − β1) · ∂E/∂w5"),
        ({"optimizer": "adam"}, "new(v(w5))", "v(w5)⁺ = β2 · v(w5) + (1 − β2) · ∂E/∂w5 · ∂E/∂w5"),
        ({"optimizer": "adam"}, "new(beta1_power)", "β1ᵗ⁺ = β1ᵗ · β1"),
        ({"optimizer": "adam"}, "mhat(w5)", "m̂(w5) = m(w5)⁺ / (1 − β1ᵗ⁺)"),
        ({"optimizer": "adam"}, "new(w5)", "w5⁺ = w5 − η · m̂(w5) / (√(v̂(w5)) + ε)"),
        ({"optimizer": "adadelta"}, "d(w5)", "d(w5) = (√(u(w5) + ε) / √(s(w5)⁺ + ε)) · ∂E/∂w5"),
    ],
)
def test_a_step_shows_the_formula_of_the_textbook(setting: Mapping[str, Any], name: str, formula: str) -> None:
    assert shown(setting, name) == formula


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("setting", "key", "message"),
    [
        ({"optimizer": "adamm"}, "optimizer", '"adamm" is not known; did you mean adam?'),
        (
            {"optimizer": "adam", "momentum": 0.9},
            "momentum",
            "adam has no momentum; it has betas, eps, eps_inside, amsgrad",
        ),
        (
            {"optimizer": "rprop", "weight_decay": 0.1},
            "weight_decay",
            "rprop has no weight_decay; it has etas, step_si",
        ),
        ({"optimizer": "adam", "betas": [0.9, 1.0]}, "betas", "1 is not in the range [0, 1)"),
        ({"optimizer": "adam", "betas": [0.9]}, "betas", "1 entries, at least 2 are needed"),
        ({"optimizer": "adam", "betas": [-0.1, 0.9]}, "betas", "-0.1 is not in the range [0, 1)"),
        ({"optimizer": "adam", "eps": -1.0}, "eps", "-1.0 is too small; the smallest is 0"),
        ({"momentum": 1.5}, "momentum", "1.5 is too large; the largest is 1"),
        ({"nesterov": True}, "nesterov", "nesterov needs momentum, such as momentum = 0.9"),
        ({"dampening": 0.5}, "dampening", "dampening needs momentum"),
        ({"momentum": 0.9, "nesterov": True, "dampening": 0.1}, "dampening", "Nesterov's momentum takes no dampening"),
        ({"momentum": 0.9, "momentum_form": "step", "dampening": 0.1}, "dampening", "belongs to the form accumulated"),
        ({"optimizer": "rprop", "etas": [1.2, 0.5]}, "etas", "the first factor is between 0 and 1, the second above 1"),
        ({"optimizer": "rprop", "step_sizes": [2.0, 1.0]}, "step_sizes", "the smallest step size comes first"),
        ({"optimizer": "rprop", "step_sizes": [0.0, 1.0]}, "step_sizes", "0 is not in the range (0, ∞)"),
        ({"weight_decay": -0.1}, "weight_decay", "-0.1 is too small; the smallest is 0"),
    ],
    ids=lambda value: named(value) if isinstance(value, dict) else "",
)
def test_what_an_optimiser_does_not_have_is_refused(setting: Mapping[str, Any], key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(linear([1.0], {"learning_rate": 0.1, **setting}))
    (problem,) = caught.value.problems
    assert problem.key == f"training.{key}"
    assert problem.line is not None
    assert message in problem.message


def test_defaults_are_stated_once_a_scenario_is_read() -> None:
    training = parse_scenario(linear([1.0], {"learning_rate": 0.1, "optimizer": "adamw"})).training
    assert (training.betas, training.eps, training.weight_decay) == ((0.9, 0.999), 1e-8, 0.01)
    assert training.decoupled is True
    assert training.momentum is None, "an option of others"


def test_a_value_between_gradient_and_update_can_be_replaced() -> None:
    session = session_of({"optimizer": "adam"})
    session.step("iteration")
    session.set_value("mhat(w5)", 0.0)
    frame = session.timeline.frame(0)
    named_slots = [session.network.notation.resolve(name, frame.program) for name in ("w5", "new(w5)")]
    assert frame.value(named_slots[0]) == frame.value(named_slots[1])
    with pytest.raises(EngineError, match="called q"):
        session.set_value("q(w5)", 0.0)


@examples(40)
@given(
    setting=st.sampled_from(SETTINGS),
    values=st.lists(st.sampled_from((0.0, -0.0, 1.0, -1e308, 1e308, math.inf, -math.inf, math.nan)), min_size=6),
    executor=st.sampled_from(sorted(EXECUTORS)),
)
def test_no_number_is_too_large_for_an_update(setting: Mapping[str, Any], values: list[float], executor: str) -> None:
    neuron = Given([1.0, -1.0, 0.5], {"learning_rate": 0.1, **setting}, executor)
    for start in (0, 3):
        frame = neuron.step(values[start : start + 3])
        slope = frame.program.named["grad(W_o)"]
        skipped = frozenset(_ref(slope, index) for index in np.ndindex(slope.shape))
        assert_frame_is_its_equations(frame, skipped)
