"""The doctor: each rule on a network that has its ailment and is silent on its cure, first moments, limits, trials."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.explaining.curvature import curvature, growth_after
from retrograde.engine.explaining.detectors.judging import JUDGES
from retrograde.engine.explaining.detectors.limits import limits_of
from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
from retrograde.engine.explaining.detectors.watch import moments
from retrograde.engine.scenario.models import Scenario
from tests.support.effort import examples

Table = dict[str, Any]


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
    if value == math.inf:
        return "inf"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("doctor")


class Made:
    """Scenarios of a few lines."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder

    def scenario(self, layers: list[Table], **tables: Table) -> Scenario:
        given: dict[str, Table] = {
            "network": {"inputs": 2, "seed": 3},
            "data": XOR,
            "loss": {"kind": "mean_squared_error"},
            "training": {"learning_rate": 0.1},
            "stop": {"epochs": 30},
        }
        for name, table in tables.items():
            given[name] = {**given.get(name, {}), **table}
        lines = ["format = 1", "[title]", 'en = "made"']
        for name, table in given.items():
            lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())]
            if name == "network":
                for layer in layers:
                    lines += ["[[network.layers]]", *(f"{key} = {toml(value)}" for key, value in layer.items())]
        path = self.folder / "made.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return load_scenario(path)

    def doctor(self, layers: list[Table], **tables: Table) -> Diagnosis:
        return Session(self.scenario(layers, **tables)).doctor()


@pytest.fixture(scope="module")
def made(folder: Any) -> Made:
    return Made(folder)


XOR: Table = {
    "inputs": [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
    "targets": [[0.0], [1.0], [1.0], [0.0]],
}
LINE: Table = {"inputs": [[-1.0], [-0.4], [0.3], [0.9]], "targets": [[-0.8], [-0.5], [0.2], [1.1]]}
IDENTITY: Table = {"units": 1, "activation": "identity"}


def relu(units: int, **more: Any) -> Table:
    return {"units": units, "activation": "relu", **more}


def rules(found: Diagnosis) -> set[str]:
    return {alert.rule for alert in found.alerts}


def alert(found: Diagnosis, rule: str) -> Alert:
    return next(alert for alert in found.alerts if alert.rule == rule)


def test_every_rule_has_a_judge_and_every_judge_a_rule() -> None:
    assert set(AILMENTS) == set(JUDGES)
    assert len(AILMENTS) >= 22


def test_the_observed_moments_are_the_first_six_forty_spread_and_the_last() -> None:
    assert moments(20) == [*range(20)]
    found = moments(10_000)
    assert found[:6] == [0, 1, 2, 3, 4, 5]
    assert found[-1] == 9_999
    assert len(found) <= 47
    assert found == sorted(set(found))


ILL: dict[str, tuple[list[Table], dict[str, Table]]] = {
    "constant_output": ([{"units": 1, "activation": "softmax"}], {}),
    "target_range": (
        [{"units": 3, "activation": "tanh"}, {"units": 1, "activation": "tanh"}],
        {"data": {"targets": [[0.0], [4.0], [1.0], [0.0]]}},
    ),
    "inputs_unscaled": (
        [{"units": 3}, {"units": 1}],
        {"data": {"inputs": [[0.0, 255.0], [13.0, 0.0], [250.0, 3.0], [99.0, 99.0]]}},
    ),
    "one_class": ([{"units": 3}, {"units": 1}], {"data": {"targets": [[1.0]] * 4}}),
    "imbalance": (
        [{"units": 3}, {"units": 1}],
        {
            "data": {"inputs": [[i / 30, 1.0] for i in range(30)], "targets": [[float(i == 7)] for i in range(30)]},
            "loss": {"kind": "binary_cross_entropy"},
        },
    ),
    "twins": ([relu(3, weights=[[0.5, 0.5]] * 3), {"units": 1, "weights": [[0.3] * 3]}], {}),
    "init_large": ([{"units": 3, "weights": [[40.0, -33.0]] * 2 + [[9.0, 30.0]]}, {"units": 1}], {}),
    "init_small": (
        [{"units": 4, "activation": "tanh", "init": {"kind": "normal", "std": 1e-3}}] * 3 + [{"units": 1}],
        {},
    ),
    "pair": ([{"units": 3}, relu(1, biases=[0.5])], {}),
    "lr_curvature": ([IDENTITY], {"network": {"inputs": 1}, "data": LINE, "training": {"learning_rate": 2.6}}),
    "lr_large": ([relu(5), IDENTITY], {"training": {"learning_rate": 40.0}}),
    "lr_sign": ([IDENTITY], {"network": {"inputs": 1}, "data": LINE, "training": {"learning_rate": -0.1}}),
    "exploding": ([relu(6), relu(6), IDENTITY], {"training": {"learning_rate": 8.0}}),
    "nonfinite": ([relu(6), relu(6), IDENTITY], {"training": {"learning_rate": 1e155}}),
    "loss_nonfinite": (
        [{**IDENTITY, "weights": [[1e160]]}],
        {"network": {"inputs": 1}, "data": LINE, "training": {"learning_rate": 1e-3}},
    ),
    "diverging": ([IDENTITY], {"network": {"inputs": 1}, "data": LINE, "training": {"learning_rate": 2.6}}),
    "cancelling": (
        [{"units": 4, "init": {"kind": "uniform", "low": -0.2, "high": 0.2}}, {"units": 1}],
        {"loss": {"kind": "mean_absolute_error"}, "training": {"learning_rate": 0.01}},
    ),
    "dead_relu": ([relu(4, biases=[-9.0, -9.0, -9.0, 0.2]), {"units": 1}], {}),
    "dead_output": (
        [{"units": 3}, relu(1, weights=[[-1.0, -1.0, -1.0]], biases=[-1.0])],
        {},
    ),
    "saturated": ([{"units": 3, "activation": "tanh", "biases": [6.0, 7.0, -6.0]}, {"units": 1}], {}),
    "vanishing": ([{"units": 3}] * 7 + [{"units": 1}], {}),
    "no_gradient": ([relu(3, biases=[-9.0, -9.0, -9.0]), {"units": 1, "bias": "none"}], {}),
    "unchanged": ([relu(3, biases=[-9.0, -9.0, -9.0]), {"units": 1, "bias": "none"}], {}),
    "lr_small": ([{"units": 3}, {"units": 1}], {"training": {"learning_rate": 1e-9}}),
    "overfitting": (
        [{"units": 12, "activation": "tanh"}, {"units": 1}],
        {
            "network": {"inputs": 1},
            "data": {"inputs": [[-1.0], [-0.3], [0.4], [1.0]], "targets": [[0.1], [0.9], [0.2], [0.8]]},
            "held_out": {"inputs": [[-0.9], [0.1], [0.3]], "targets": [[0.6], [0.1], [0.7]]},
            "training": {"optimizer": "adam", "learning_rate": 0.1},
            "stop": {"epochs": 400},
        },
    ),
    "oscillating": (
        [IDENTITY],
        {
            "network": {"inputs": 1},
            "data": {"inputs": [[1.0], [1.0]], "targets": [[0.0], [0.0]]},
            "loss": {"kind": "mean_absolute_error"},
            "training": {"learning_rate": 7.0, "batch_size": 2},
        },
    ),
    "stuck": ([{"units": 3, "weights": [[0.0, 0.0]] * 3}, {"units": 1, "weights": [[0.0] * 3]}], {}),
    "same_output": ([relu(3, biases=[-9.0, -9.0, -9.0]), {"units": 1}], {}),
    "class_ignored": (
        [{"units": 3, "weights": [[0.0, 0.0]] * 3}, {"units": 1, "biases": [1.0], "weights": [[0.0] * 3]}],
        {"loss": {"kind": "binary_cross_entropy"}, "training": {"learning_rate": 1e-3}},
    ),
    "start_loss": ([{**IDENTITY, "biases": [40.0]}], {"network": {"inputs": 1}, "data": LINE}),
}
"""A network for each rule that has its ailment."""

THROUGH_TIME = {"through_time_explodes": 3.0, "through_time_forgets": 0.05}
"""What the recurrent weights of a network are that has each of them."""


@pytest.mark.parametrize("rule", ILL)
def test_a_rule_finds_its_ailment(rule: str, made: Made) -> None:
    layers, tables = ILL[rule]
    found = alert(made.doctor(layers, **tables), rule)
    assert found.cause
    assert found.advice
    assert found.note or not AILMENTS[rule].note
    assert not math.isnan(found.threshold)


@pytest.mark.parametrize("rule", THROUGH_TIME)
def test_a_rule_finds_its_ailment_through_time(rule: str, made: Made) -> None:
    size = THROUGH_TIME[rule]
    rng = np.random.default_rng(4)
    layers = [
        {
            "name": "h",
            "kind": "rnn",
            "units": 2,
            "outputs": "last",
            "activation": "identity",
            "recurrent_weights": [[size, 0.0], [0.0, size]],
        },
        {"units": 1, "activation": "identity"},
    ]
    data = {"inputs": rng.normal(size=(4, 7)).round(3).tolist(), "targets": [[0.3], [-0.2], [0.5], [0.1]]}
    found = made.doctor(
        layers,
        network={"inputs": 7, "input_shape": [7, 1]},
        data=data,
        training={"learning_rate": 1e-9},
        stop={"epochs": 4},
    )
    assert math.isclose(alert(found, rule).value, size, rel_tol=1e-6)


def test_the_cases_above_are_all_rules() -> None:
    assert {*ILL, *THROUGH_TIME} == set(AILMENTS)


@cache
def shipped_diagnosis(name: str, epochs: int | None) -> Diagnosis:
    return Session(load_scenario(name)).doctor(epochs=epochs)


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("mazur", 300),
        ("xor-2-4-1", 400),
        ("iris", 12),
        ("digits", 1),
        ("victorzhou", None),
        ("attention-by-hand", None),
        ("char-rnn", 5),
        ("cs231n-neuron", None),
        ("linear-regression", None),
        ("lstm-two-steps", 60),
    ],
)
def test_shipped_networks_that_are_not_meant_ill_raise_no_alarm(name: str, epochs: int | None) -> None:
    found = shipped_diagnosis(name, epochs)
    assert found.headline is None
    assert all(alert.note for alert in found.alerts)


@pytest.mark.parametrize(
    ("name", "epochs", "rule"),
    [
        ("vanishing", None, "vanishing"),
        ("saturated", None, "saturated"),
        ("symmetric-init", 200, "twins"),
        ("deep-relu-zeros", 1, "twins"),
        ("diverging", None, "diverging"),
    ],
)
def test_shipped_networks_that_are_meant_ill_raise_their_own_rule(name: str, epochs: int | None, rule: str) -> None:
    found = shipped_diagnosis(name, epochs)
    assert not alert(found, rule).note
    assert found.headline is not None


def test_moments_are_those_of_watching_every_iteration(made: Made) -> None:
    """D4: for every rule that holds for two observed moments, sparse watching and replay of the gap are exact."""
    layers, tables = [relu(8), IDENTITY], {"training": {"learning_rate": 0.9}, "stop": {"epochs": 100}}
    compared = 0
    for seed in range(3):
        scenario = made.scenario(layers, network={"seed": seed}, **tables)
        sparse, dense = (Session(scenario).doctor(every=every) for every in (False, True))
        lasting = {found.rule: found for found in dense.alerts}
        for found in sparse.alerts:
            if JUDGES[found.rule].sees == "sight":
                compared += 1
                assert (found.rule, found.iteration) == (found.rule, lasting[found.rule].iteration)
                assert found.value == lasting[found.rule].value
    assert compared > 4


def test_limits_come_from_the_row_the_scenario_and_what_is_given(made: Made) -> None:
    plain = made.scenario([IDENTITY])
    own = made.scenario([IDENTITY], doctor={"lr_large": {"once": 7.0}})
    assert limits_of(plain)["lr_large"]["once"] == 10.0
    assert limits_of(own)["lr_large"]["once"] == 7.0
    assert limits_of(own)["lr_large"]["again"] == 1.0
    assert limits_of(own, {"lr_large.once": 5.0})["lr_large"]["once"] == 5.0


def test_a_limit_decides(made: Made) -> None:
    layers, tables = [{"units": 3}, {"units": 1}], {"training": {"learning_rate": 1e-9}}
    assert "lr_small" in rules(made.doctor(layers, **tables))
    assert "lr_small" not in rules(made.doctor(layers, doctor={"lr_small": {"update": 1e-30}}, **tables))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("lr_larg.once", 1.0, "did you mean lr_large"),
        ("lr_large.one", 1.0, "there are lr_large.again, lr_large.first, lr_large.once"),
        ("lr_large", 1.0, "there are lr_large.again"),
        ("target_range.share", 1.0, "exact and has no limit"),
        ("imbalance.share", 3.0, "it goes over [0, 1]"),
    ],
)
def test_a_wrong_limit_is_said(path: str, value: float, words: str, made: Made) -> None:
    with pytest.raises(EngineError) as caught:
        Session(made.scenario([IDENTITY])).doctor(limits={path: value})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"lr_larg": {"once": 1.0}}, "lr_large"),
        ({"lr_large": {"one": 1.0}}, "once"),
        ({"imbalance": {"share": 3.0}}, "doctor.imbalance.share"),
    ],
)
def test_a_wrong_table_is_said_with_its_key(table: Table, words: str, made: Made) -> None:
    with pytest.raises(ScenarioError) as caught:
        made.scenario([IDENTITY], doctor=table)
    assert words in str(caught.value)
    assert "made.toml:" in str(caught.value)


def test_what_can_not_be_judged_is_said(made: Made) -> None:
    found = made.doctor([{"units": 3}, {"units": 1}])
    assert found.not_judged["overfitting"] == "no samples are held out ([held_out])"
    assert found.not_judged["dead_relu"] == "no hidden ReLU"
    assert set(found.not_judged).isdisjoint(rules(found))


def test_data_that_are_not_finite_are_not_blamed_on_the_weights(made: Made) -> None:
    text = [[0.0, 0.0], [0.0, 1.0], [1.0, math.inf], [1.0, 1.0]]
    found = made.doctor([{"units": 3}, {"units": 1}], data={"inputs": text, "missing": "keep"})
    assert found.headline is not None
    assert (found.headline.rule, found.headline.address) == ("nonfinite", "1:1")


def test_a_plateau_of_an_absolute_error_that_ends_is_no_fault(made: Made) -> None:
    found = made.doctor(
        [{"units": 8, "activation": "tanh"}, {"units": 1}],
        loss={"kind": "mean_absolute_error"},
        training={"learning_rate": 2.0},
        stop={"epochs": 400},
    )
    assert found.headline is None


def test_a_fit_that_has_come_to_its_minimum_is_not_dead(made: Made) -> None:
    found = made.doctor(
        [IDENTITY], network={"inputs": 1}, data=LINE, training={"learning_rate": 0.5}, stop={"epochs": 200}
    )
    assert found.headline is None


def test_the_doctor_leaves_the_session_as_it_is(made: Made) -> None:
    session = Session(made.scenario([{"units": 3}, {"units": 1}]))
    session.run(epochs=3)
    before = (session.position, session.frontier, session.branch, len(session.branches), session.length)
    session.doctor()
    assert (session.position, session.frontier, session.branch, len(session.branches), session.length) == before


def test_an_edit_that_is_offered_mends_it(made: Made) -> None:
    session = Session(made.scenario([IDENTITY], network={"inputs": 1}, data=LINE, training={"learning_rate": 2.6}))
    headline = session.doctor().headline
    assert headline is not None
    assert headline.edit
    session.edit(dict(headline.edit), name="mended")
    assert session.doctor().headline is None


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 4),
    samples=st.integers(3, 8),
    summed=st.booleans(),
)
def test_the_curvature_of_a_line_is_that_of_its_normal_matrix(
    seed: int, width: int, samples: int, summed: bool, folder: Any
) -> None:
    """E is a parabola: λmax and its growth are exact, whatever the rate."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.normal(size=(samples, width)), rng.normal(size=(samples, 1))
    scenario = Made(folder).scenario(
        [IDENTITY],
        network={"inputs": width, "seed": seed % 1000},
        data={"inputs": inputs.tolist(), "targets": targets.tolist()},
        loss={"kind": "squared_error" if summed else "mean_squared_error"},
        training={"learning_rate": float(rng.uniform(0.01, 1.0))},
    )
    session = Session(scenario)
    extended = np.hstack([inputs, np.ones((samples, 1))])
    hessian = 2.0 * extended.T @ extended / (1 if summed else samples)
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    found = curvature(session.timeline, 0)
    assert found is not None
    assert abs(found.largest - largest) <= found.error + 1e-9 * largest
    growth = growth_after(session.timeline, 0, found)
    assert math.isclose(growth, found.growth(scenario.training.learning_rate), rel_tol=0.05, abs_tol=1e-2)


def test_trials_say_whether_the_data_matter(made: Made) -> None:
    learns = Session(
        made.scenario(
            [{"units": 6, "activation": "tanh"}, {"units": 1}],
            loss={"kind": "binary_cross_entropy"},
            training={"learning_rate": 1.0},
            stop={"epochs": 300},
        )
    )
    dead = Session(made.scenario([relu(3, biases=[-9.0, -9.0, -9.0]), {"units": 1}], stop={"epochs": 100}))
    for name in ("fit_one_batch", "zero_inputs"):
        good, bad = (session.explanations.trial(name) for session in (learns, dead))
        assert (good.passed, bad.passed) == (True, False), name
        assert all(math.isfinite(number) for number in good.numbers.values())
    slow = learns.explanations.trial("half_rate")
    assert slow.numbers["end_half_rate"] > slow.numbers["end"]
    assert learns.position == 0
    with pytest.raises(EngineError, match="no experiment"):
        learns.explanations.trial("pray")
