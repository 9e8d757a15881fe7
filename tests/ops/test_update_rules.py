"""The rules of other textbooks: look-ahead, ε inside of Adam's root, the forms of Rprop, rates of layers, memory.

The oracles are the algorithms as their papers print them, and figures of the textbook that a case names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.errors import ScenarioError
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.file import parse_scenario
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.graphs import scenario_of
from tests.support.networks import executed_by
from tests.support.updates import EXECUTORS, Given, linear, network

both_executors = pytest.mark.parametrize("executor", sorted(EXECUTORS))
GRADIENTS = ((0.3, -0.2), (0.1, 0.4), (-0.5, 0.2), (0.2, 0.1), (0.4, -0.3))
WEIGHTS = (1.0, -1.0)

PARABOLA = """format = 1
title = {{ en = "p²/2 from 1" }}
[network]
[[network.layers]]
name = "g"
kind = "graph"
values = {{ p = 1.0 }}
assign = ["f = p*p/2"]
[loss]
kind = "value"
[training]
learning_rate = 0.01
{training}
[stop]
epochs = 20
"""


def parabola(training: str) -> Session:
    return Session(parse_scenario(PARABOLA.format(training=training)))


def after(training: Mapping[str, Any], executor: str = "kernels") -> list[list[float]]:
    """The weights after each of some gradients."""
    neuron, found = Given(WEIGHTS, {"learning_rate": 0.1, **training}, executor), []
    for gradient in GRADIENTS:
        neuron.step(gradient)
        found.append(neuron.weights)
    return found


# --------------------------------------------------------------------------------------------- look ahead

LOOK_AHEAD = "momentum = 0.9\nnesterov = true\nlook_ahead = true"


@both_executors
@pytest.mark.parametrize("form", ["accumulated", "step"])
def test_look_ahead_is_the_rule_of_the_textbook(executor: str, form: str) -> None:
    """Take v = μ·v + η·g(p − μ·v), p = p − v; of p²/2 from 1 the first figures are 0.99 and 0.97119."""
    with executed_by(executor):
        session = parabola(f'{LOOK_AHEAD}\nmomentum_form = "{form}"')
        p, v = 1.0, 0.0
        for update in range(1, 15):
            v = 0.9 * v + 0.01 * (p - 0.9 * v)
            p = p - v
            assert session.measure("p", update) == pytest.approx(p, rel=1e-14)
        assert f"{session.measure('p', 1):.5g} {session.measure('p', 2):.5g}" == "0.99 0.97119"
        for iteration in (0, 1, 5):
            assert_frame_is_its_equations(session.timeline.frame(iteration))


@both_executors
@pytest.mark.parametrize("form", ["accumulated", "averaged", "step"])
def test_looking_ahead_and_standing_there_are_one_rule(executor: str, form: str) -> None:
    """ŵ of the one is w of the other, in a network with hidden layers, as far as rounding lets it be."""
    training = {"momentum": 0.8, "nesterov": True, "momentum_form": form, "learning_rate": 0.05}
    with executed_by(executor):
        texts = [network({**training, **more}).replace("learning_rate = 0.05\n", "", 1) for more in ({}, AHEAD)]
        there, looking = (Session(parse_scenario(text)) for text in texts)
        for update in range(8):
            for name in ("w5", "w20", "b_h2", "b_o1"):
                seen = looking.measure(f"ahead({name})", update)
                assert seen == pytest.approx(there.measure(name, update), rel=1e-11)


AHEAD = {"look_ahead": True}


def test_the_gradient_by_what_looks_ahead_is_called_that_of_the_parameter() -> None:
    session = parabola(LOOK_AHEAD + "\nl2 = 0.1\npenalise_biases = true")
    program = session.schedule.full
    session.seek(1)
    assert session.current is not None
    assert session.notation.symbol(session.resolve("ahead(p)")) == "ŵ(p)"
    p, v = (session.measure(name, 3) for name in ("p", "v(p)"))
    ahead = p - 0.01 * 0.9 * v
    assert session.measure("grad(p)", 3) == pytest.approx(ahead + 0.1 * ahead, rel=1e-14)
    assert "grad(ahead(p))" not in program.named


def test_without_the_velocity_data_are_measured_where_the_parameters_are() -> None:
    session = parabola(LOOK_AHEAD)
    p = session.measure("p", 3)
    assert session.measure("E_data", 3) == pytest.approx(p * p / 2, rel=1e-15)


# ------------------------------------------------------------------------------------ ε inside of the root


@both_executors
@pytest.mark.parametrize("optimizer", ["adam", "amsgrad", "adamw"])
def test_epsilon_inside_of_adams_root(executor: str, optimizer: str) -> None:
    """As optax.adam(eps=0, eps_root=ε) has it: m̂ / √(v̂ + ε)."""
    eps, decay = 0.01, 0.01 if optimizer == "adamw" else 0.0
    found = after({"optimizer": optimizer, "eps": eps, "eps_inside": True}, executor)
    w, m, v, most = np.array(WEIGHTS), np.zeros(2), np.zeros(2), np.zeros(2)
    for t, gradient in enumerate(GRADIENTS, 1):
        g = np.array(gradient)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        most = np.maximum(most, v)
        second = (most if optimizer == "amsgrad" else v) / (1 - 0.999**t)
        w = w * (1 - 0.1 * decay) - 0.1 * (m / (1 - 0.9**t)) / np.sqrt(second + eps)
        np.testing.assert_allclose(found[t - 1], w, rtol=1e-11)


# -------------------------------------------------------------------------------------------------- Rprop


def igel(form: str, losses: Sequence[float]) -> list[list[float]]:
    """Algorithms 1 to 4 of Igel, Hüsken 2000, as they are printed, for one weight after the other."""
    columns = []
    for column, start in enumerate(WEIGHTS):
        w, size, last, step, before, found = start, 0.1, 0.0, 0.0, 0.0, []
        for gradient, loss in zip(GRADIENTS, losses, strict=True):
            g = gradient[column]
            if g * last > 0:
                size = min(size * 1.2, 50.0)
                step = -math.copysign(1, g) * size
                w += step
            elif g * last < 0:
                size = max(size * 0.5, 1e-6)
                if form == "rprop_minus":
                    w -= math.copysign(1, g) * size
                elif form == "rprop_plus" or (form == "irprop_plus" and loss > before):
                    w -= step
                if form != "rprop_minus":
                    g = 0.0
            else:
                step = -math.copysign(1, g) * size if g else 0.0
                w += step
            last, before = g, loss
            found.append(w)
        columns.append(found)
    return [list(row) for row in zip(*columns, strict=True)]


@both_executors
@pytest.mark.parametrize("form", ["irprop_minus", "irprop_plus", "rprop_minus", "rprop_plus"])
def test_the_forms_of_rprop(executor: str, form: str) -> None:
    losses = (1.0, 2.0, 1.5, 1.75, 1.0)
    neuron = Given(WEIGHTS, {"learning_rate": 0.1, "optimizer": "rprop", "rprop_form": form}, executor)
    for gradient, loss, wanted in zip(GRADIENTS, losses, igel(form, losses), strict=True):
        neuron.step(gradient, loss)
        np.testing.assert_allclose(neuron.weights, wanted, rtol=1e-14)


def test_the_forms_differ_where_a_gradient_changes_its_sign() -> None:
    found = {
        form: str(igel(form, (1.0, 2.0, 1.5, 1.75, 1.0)))
        for form in ("irprop_minus", "irprop_plus", "rprop_minus", "rprop_plus")
    }
    assert len(set(found.values())) == 4


# -------------------------------------------------------------------------------------- rates of layers


def with_rates(training: Mapping[str, Any], hidden: str, update: str = "simultaneous") -> Session:
    text = network(training, update=update, extra="batch_size = 2")
    return Session(parse_scenario(text.replace("[[network.layers]]", f"[[network.layers]]\n{hidden}", 1)))


@both_executors
@pytest.mark.parametrize(("key", "value", "rate"), [("learning_rate", 0.2, 0.2), ("rate_factor", 4.0, 0.2)])
@pytest.mark.parametrize("update", ["simultaneous", "in_place"])
def test_a_layer_learns_with_a_rate_of_its_own(executor: str, key: str, value: float, rate: float, update: str) -> None:
    """Groups of parameters, as PyTorch calls them: w⁺ = w − η_h·g there, and η elsewhere."""
    with executed_by(executor):
        session = with_rates({}, f"{key} = {value}", update)
        for name, eta in (("w5", rate), ("b_h1", rate), ("w20", 0.05), ("b_o1", 0.05)):
            w, g = session.measure(name, 0), session.measure(f"grad({name})", 0)
            assert session.measure(name, 1) == pytest.approx(w - eta * g, rel=1e-14)
        for iteration in (0, 4):
            assert_frame_is_its_equations(session.timeline.frame(iteration))


@pytest.mark.parametrize(("key", "value"), [("learning_rate", 0.1), ("rate_factor", 2.0)])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_a_rate_of_a_layer_follows_the_schedule(key: str, value: float, optimizer: str) -> None:
    """All of a network with twice the rate is one with twice η."""
    training = {"optimizer": optimizer, "schedule": {"kind": "inverse_time", "decay": 0.5}}
    if optimizer == "adagrad":
        training["lr_decay"] = 0.1
    text = network(training, extra="batch_size = 2")
    own = Session(parse_scenario(text.replace("[[network.layers]]", f"[[network.layers]]\n{key} = {value}")))
    twice = Session(parse_scenario(text.replace("learning_rate = 0.05", "learning_rate = 0.1")))
    np.testing.assert_allclose(own.measure("w5", 7), twice.measure("w5", 7), rtol=1e-12)
    assert own.measure("w5", 7) != Session(parse_scenario(text)).measure("w5", 7)


def test_the_rate_of_a_layer_is_edited_like_any_other() -> None:
    session = with_rates({"schedule": {"kind": "exponential", "gamma": 0.5}}, "learning_rate = 0.2")
    assert [session.measure("rate_now_h", iteration) for iteration in (0, 3, 6)] == [0.2, 0.1, 0.05]
    assert session.notation.symbol(session.resolve("rate_h")) == "η_h"
    session.seek(session.schedule.start(3) + 1)
    session.set_value("rate_h", 0.8)
    assert [session.measure("rate_now_h", iteration) for iteration in (0, 3, 6)] == [0.2, 0.4, 0.2]


def test_the_first_step_of_rprop_is_the_rate_of_the_layer() -> None:
    session = with_rates({"optimizer": "rprop"}, "rate_factor = 3.0")
    assert session.measure("size(w5)", 0) == pytest.approx(0.15)
    assert session.measure("size(w20)", 0) == 0.05


# ------------------------------------------------------------------------------------------------- memory


@both_executors
def test_a_velocity_before_the_first_update(executor: str) -> None:
    with executed_by(executor):
        text = linear([2.0], {"learning_rate": 0.1, "momentum": 0.9, "memory": {"v": 0.5}})
        session = Session(parse_scenario(text))
        assert session.measure("v(w1)", 0) == 0.5
        slope = session.measure("grad(w1)", 0)
        assert session.measure("w1", 1) == 2.0 - 0.1 * (0.9 * 0.5 + slope)
        session.seek(session.schedule.full.steps)
        session.seek(0)
        assert session.measure("v(w1)", 0) == 0.5
        assert same_bits(session.timeline.state(0), session.network.initial_state)


@both_executors
@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamax"},
        {"optimizer": "nadam"},
        {"optimizer": "radam"},
        {"optimizer": "adam", "amsgrad": True},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True, "look_ahead": True},
        {"optimizer": "adagrad", "lr_decay": 0.1},
        {"optimizer": "rmsprop", "centered": True, "momentum": 0.5},
        {"optimizer": "rprop", "rprop_form": "irprop_plus"},
    ],
    ids=str,
)
def test_a_training_goes_on_from_what_another_one_remembered(training: Mapping[str, Any], executor: str) -> None:
    """The state of a run, written into a file as its first state, gives the bits of the run."""
    from retrograde.engine.equations.array import Role

    with executed_by(executor):
        text = network(training)
        first = Session(parse_scenario(text))
        frame = first.timeline.frame(6)
        memory: dict[str, Any] = {}
        for array in frame.program.state:
            values = frame.array(array)
            if array.role is Role.MEMORY and array.shape:
                memory[array.name] = values.tolist()
            elif array.name == "loss_before":
                memory[array.name] = float(values)
        if any(array.name in {"updates", "beta2_power", "beta1_power"} for array in frame.program.state):
            memory["t"] = 6
        for name in ("W_h", "b_h", "W_o", "b_o"):
            key = "weights" if name[0] == "W" else "biases"
            old = first.timeline.frame(0).array(frame.program.named[name]).tolist()
            text = text.replace(f"{key} = {old}", f"{key} = {frame.array(frame.program.named[name]).tolist()}")
        second = Session(parse_scenario(text.replace("[stop]", f"memory = {_inline(memory)}\n[stop]")))
        assert same_bits(second.timeline.state(0), first.timeline.state(6))
        assert same_bits(second.timeline.state(5), first.timeline.state(11))


def _inline(memory: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f'"{key}" = {value}' for key, value in memory.items()) + " }"


def test_all_parameters_one_array_or_one_of_them() -> None:
    memory = '{ v = 0.5, "v(W_o)" = [[1, 2, 3, 4], [5, 6, 7, 8]], "v(w2)" = 0.25, "v(b_o1)" = 3, "v(W_h[4,3])" = 9.0 }'
    session = Session(parse_scenario(network({"momentum": 0.9}, extra=f"memory = {memory}")))
    wanted = {"w1": 0.5, "w2": 0.25, "w12": 9.0, "w13": 1.0, "w20": 8.0, "b_h1": 0.5, "b_o1": 3.0, "b_o2": 0.5}
    assert {name: session.measure(f"v({name})", 0) for name in wanted} == wanted


def test_a_variant_with_another_optimiser_does_not_take_the_memory_over() -> None:
    text = network({"momentum": 0.9, "memory": {"v": 0.5}})
    text += '\n[[variants]]\nname = "adam"\ntraining = { optimizer = "adam" }'
    text += '\n[[variants]]\nname = "slow"\ntraining = { learning_rate = 0.01 }'
    adam, slow = (Session(parse_scenario(text, variant=name)) for name in ("adam", "slow"))
    assert (adam.measure("m(w5)", 0), slow.measure("v(w5)", 0)) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("training", "memory", "place", "message"),
    [
        ({}, "{ v = 0.5 }", "v", "sgd remembers v only with momentum"),
        (
            {"momentum": 0.9},
            "{ velocity = 0.5 }",
            "velocity",
            "sgd does not remember velocity; it remembers v (the vel",
        ),
        ({"optimizer": "adam"}, "{ vmax = 0.5 }", "vmax", "adam remembers vmax only with amsgrad"),
        ({"optimizer": "rprop"}, "{ step = 0.5 }", "step", 'rprop remembers step only with rprop_form = "rprop_plus"'),
        ({"optimizer": "adam"}, "{ t = 2.5 }", "t", "2.5 is no number of updates: a whole number from 0 to 1,000,000"),
        ({"optimizer": "adam"}, "{ t = -1 }", "t", "-1 is no number of updates"),
        ({"optimizer": "adam"}, '{ "t(W_o)" = 1 }', "t(W_o)", "t belongs to no parameter: t = 1"),
        ({"optimizer": "adam"}, '{ m = "x" }', "m", "this is one number"),
        ({"optimizer": "adam"}, "{ m = [1.0] }", "m", "this is one number"),
        ({"optimizer": "adam"}, "{ m = inf }", "m", "this is one number"),
        ({"optimizer": "adam"}, f"{{ m = 1{'0' * 330} }}", "m", "this is one number"),
        ({"optimizer": "adam"}, '{ "m(W_o[1,,2])" = 1 }', "m(W_o[1,,2])", "adam does not remember m(W_o[1,,2])"),
        ({"optimizer": "adam"}, '{ "m(W_o)" = [1.0] }', "m(W_o)", "1 values where the parameter has 2×4"),
        ({"optimizer": "adam"}, '{ "m(W_o)" = [["x"]] }', "m(W_o)", "these are not numbers only"),
        ({"optimizer": "adam"}, '{ "m(W_o[3,1])" = 1 }', "m(W_o[3,1])", "W_o has the shape 2×4, counted from 1"),
        (
            {"optimizer": "adam"},
            '{ "m(w21)" = 1 }',
            "m(w21)",
            "there is no parameter w21; the arrays are W_h, b_h, W_o",
        ),
        ({"momentum": 0.9, "dampening": 0.1}, "{ v = 1.0 }", "", "the first update takes the gradient in full"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("{") else "",
)
def test_what_is_not_remembered_is_refused(training: Mapping[str, Any], memory: str, place: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(network(training, extra=f"memory = {memory}"))
    (problem,) = caught.value.problems
    assert problem.key.replace('"', "") == (f"training.memory.{place}" if place else "training.memory")
    assert message in problem.message
    assert problem.line is not None


def test_memory_beside_a_layer_that_is_wrong_adds_nothing_to_what_is_told() -> None:
    text = network({"momentum": 0.9}, extra='memory = { "v(W_h)" = [[1]], "v(w1)" = 2, "v(W_o)" = 1 }')
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text.replace("[[network.layers]]", "[[network.layers]]\nfrozen = 1", 1))
    (problem,) = caught.value.problems
    assert problem.key == "network.layers[1].frozen"


@pytest.mark.parametrize(
    ("setting", "key", "message"),
    [
        ({"momentum": 0.9, "look_ahead": True}, "look_ahead", "which needs nesterov = true"),
        ({"momentum": 0.9, "nesterov": True, "look_ahead": True, "update": "in_place"}, "look_ahead", "simultaneous"),
        (
            {"optimizer": "rprop", "rprop_form": "irprop_plus", "update": "in_place"},
            "update",
            "irprop_plus asks whether E has",
        ),
        ({"optimizer": "rprop", "rprop_form": "irprop"}, "rprop_form", "did you mean"),
        ({"velocity": 0.5}, "velocity", "is in the table memory: memory = { v = 0.5 }"),
        ({"schedule": {"kind": "inverse_time"}}, "schedule.kind", "inverse_time needs decay"),
        ({"schedule": {"kind": "step", "every": 2, "decay": 0.1}}, "schedule.decay", "step has no decay"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
def test_what_does_not_go_together_is_refused(setting: Mapping[str, Any], key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(linear([1.0], {"learning_rate": 0.1, **setting}))
    (problem,) = caught.value.problems
    assert problem.key == f"training.{key}"
    assert message in problem.message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("learning_rate = 0.1\nrate_factor = 2.0", "learning_rate and rate_factor exclude each other"),
        ('[[network.layers]]\nname = "a"\nkind = "flatten"\nrate_factor = 2.0', "has no parameters here"),
    ],
)
def test_rates_of_layers_that_make_no_sense_are_refused(keys: str, message: str) -> None:
    text = linear([1.0], {"learning_rate": 0.1})
    own = text.replace("[data]", f"{keys}\n[data]")
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(own)
    assert message in caught.value.problems[0].message


@pytest.mark.parametrize("frozen", ['["weights"]', '["W"]', '["weights", "bias"]', '["W", "b"]', '["biases"]'])
@pytest.mark.parametrize(
    "layer",
    [
        'units = 2\nactivation = "identity"',
        'kind = "linear"\nunits = 2',
        'kind = "conv"\nchannels = 2\nkernel = [2]',
        'kind = "rnn"\nunits = 2',
        'kind = "lstm"\nunits = 2',
    ],
    ids=lambda layer: layer.split()[2],
)
def test_frozen_has_the_same_words_for_every_kind(layer: str, frozen: str) -> None:
    text = f"""format = 1
title = {{ en = "frozen" }}
[network]
inputs = 3
input_shape = {"[1, 3]" if "conv" in layer else "[3, 1]"}
[[network.layers]]
name = "c"
{layer}
frozen = {frozen}
[data]
inputs = [[1.0, 2.0, 3.0]]
[loss]
kind = "value"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""
    if "units = 2\nact" in layer:
        text = text.replace("input_shape = [3, 1]\n", "")
    trained = {array.name for array in Session(parse_scenario(text)).network.trainable}
    assert ("W_c" in trained) is ("eights" not in frozen and '"W"' not in frozen)
    assert ("b_c" in trained) is ("bias" not in frozen and '"b"' not in frozen)


# ------------------------------------------------------------------------------------- every kind of layer


READERS = sorted(kind for kind, model in KINDS.items() if model.parameters is not Layer.parameters)


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_of_layer_looks_ahead(kind: str) -> None:
    """E of the parameters that look ahead is E of those that stand there, update after update."""
    momentum = "learning_rate = 0.05\nmomentum = 0.8\nnesterov = true"
    there, looking = (
        Session(scenario_of(kind, training=training)) for training in (momentum, f"{momentum}\nlook_ahead = true")
    )
    for update in (1, 2):
        assert looking.measure("E", update) == pytest.approx(there.measure("E", update), rel=1e-9)
