"""Layers with several inputs over sequences: each time step of one goes with that of the others."""

from __future__ import annotations

import pytest

from retrograde.engine import ScenarioError, Session, trace
from retrograde.engine.equations.array import Role
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.gradient_report import check_gradients
from tests.executor.test_kernels import alike, assert_frame_is_its_equations, executors
from tests.support.networks import all_slots

TEXT = """format = 1
title = { en = "t" }
[network]
inputs = 6
input_shape = [3, 2]
seed = 4
[network.init]
kind = "normal"
std = 0.7
draw_bias = true
[[network.layers]]
name = "r"
kind = "rnn"
inputs = ["i"]
units = 2
[[network.layers]]
name = "s"
kind = "rnn"
units = 2
[[network.layers]]
name = "a"
kind = "add"
inputs = ["r", "s", "r"]
activation = "tanh"
[[network.layers]]
name = "m"
kind = "multiply"
inputs = ["a", "r"]
[[network.layers]]
name = "c"
kind = "concatenate"
inputs = ["m", "s"]
[[network.layers]]
name = "k"
kind = "activation"
activation = "sigmoid"
[[network.layers]]
name = "p"
kind = "reshape"
shape = [2, 2]
[[network.layers]]
name = "q"
kind = "transpose"
[[network.layers]]
name = "d"
inputs = ["q", "s"]
units = 2
edges = [[1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 1, 0]]
activation = "tanh"
[[network.layers]]
name = "f"
kind = "flatten"
[[network.layers]]
name = "o"
inputs = ["f"]
units = 1
activation = "identity"
[data]
inputs = [[0.5, -1, 0.25, 0.75, 1, -0.5], [0, 1, -0.25, 0.5, 0.1, 0.9]]
targets = [[1], [-1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def test_frames_are_their_equations_and_names_are_read() -> None:
    made = Network(parse_scenario(TEXT))
    program = made.program(2)
    frames = []
    for executor in executors(made, program):
        frame = executor.frame(made.initial_state, executor.leaves(made.columns, range(2)))
        assert_frame_is_its_equations(frame)
        frames.append(frame)
    alike(*frames)
    for ref in all_slots(program):
        for name in {made.notation.name(ref, sample=-1), made.notation.symbol(ref, sample=-1)}:
            assert made.notation.resolve(name, program) == ref, name


def test_steps_name_their_time() -> None:
    texts = {step.symbol: step.text()[0] for step in trace(parse_scenario(TEXT)) if step.moment.epoch == 0}
    assert texts["net_a1@2"] == "out_r1@2 + out_s1@2 + out_r1@2"
    assert texts["out_m2@3"] == "out_a2@3 · out_r2@3"
    assert texts["out_c3@1"] == "out_s1@1"
    assert texts["out_k4@2"] == "σ(out_c4@2)"
    assert texts["out_p[2,1]@1"] == "out_k3@1"
    assert texts["out_q[1,2]@1"] == "out_p[2,1]@1"
    assert texts["net_d2@3"] == "w5 · out_q[1,2]@3 + w6 · out_q[2,1]@3 + w7 · out_s1@3 + b_d2"
    assert texts["out_f5"] == "out_d1@3"


def test_gradients_agree_with_differences() -> None:
    session = Session(parse_scenario(TEXT))
    session.step("iteration")
    report = check_gradients(session, count=None)
    assert report.ok
    assert report.total == sum(array.size for array in session.network.trainable)
    uses = session.schedule.full.maker(session.schedule.full.named["grad(out_r@2)"])
    assert uses is not None
    assert len(uses.inputs) >= 4, "two additions, a product, the next layer and the next time step"
    assert session.schedule.full.named["grad(out_r@2)"].role is Role.GRADIENT


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('inputs = ["m", "s"]', 'inputs = ["m", "i"]', "network.layers[5].inputs: the layers before it have different"),
        ('inputs = ["q", "s"]', 'inputs = ["q", "i"]', "network.layers[9].inputs: the layers before it have different"),
        ('inputs = ["a", "r"]', 'inputs = ["a", "f"]', "network.layers[4].inputs[2]: f comes later"),
        ("shape = [2, 2]", "shape = [3, -1]", "network.layers[7].shape: 3×-1 does not hold the 4 values of 4"),
    ],
)
def test_what_does_not_fit_is_said(old: str, new: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(old, new))
    assert said in str(caught.value)
