"""Forensics names what textbooks do otherwise in the update: figures come from a program that knows no engine."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine.forensics.figures import Printed
from retrograde.engine.forensics.forensics import investigate
from retrograde.engine.scenario.file import parse_scenario

X, T = np.array([[1.2, 0.4], [-0.3, 0.9], [0.5, -0.6]]), np.array([[1.0], [0.0], [1.0]])
HIDDEN, ABOVE = np.array([[0.4, -0.7], [0.9, 0.3]]), np.array([[0.8, -1.1]])
HIDDEN_BIASES, BIAS = np.array([0.1, -0.3]), np.array([0.2])
DIGITS = 7

TEXT = """
format = 1
title = {{ en = "Two layers" }}

[network]
inputs = 2

[[network.layers]]
name = "h"
units = 2
activation = "tanh"
weights = [[0.4, -0.7], [0.9, 0.3]]
biases = [0.1, -0.3]

[[network.layers]]
name = "o"
units = 1
activation = "sigmoid"
weights = [[0.8, -1.1]]
biases = 0.2

[data]
inputs = [[1.2, 0.4], [-0.3, 0.9], [0.5, -0.6]]
targets = [[1], [0], [1]]

[loss]
kind = "binary_cross_entropy"

[training]
learning_rate = 0.25
{training}

[stop]
epochs = 5
"""
PLAIN, MOMENTUM, DECAY = "", "momentum = 0.8", "weight_decay = 0.05"
NESTEROV = "momentum = 0.8\nnesterov = true"
ADAM = 'optimizer = "adam"\neps = 0.01'


def step(training: str, slip: str, g: np.ndarray, w: np.ndarray, memory: list[np.ndarray], t: int) -> np.ndarray:
    """What a parameter moves by, with the slip."""
    bias = w.ndim == 1
    if training == DECAY:
        decay = {"no decay": 0.0, "decay turned": -0.05, "no decay of biases": 0.0 if bias else 0.05}.get(slip, 0.05)
        g = g + decay * w
    if training == ADAM:
        beta, gamma = (0.999, 0.9) if slip == "betas swapped" else (0.9, 0.999)
        memory[0] = beta * memory[0] + (1 - beta) * g
        memory[1] = gamma * memory[1] + (1 - gamma) * g * g
        one, two = (1.0, 1.0) if slip == "no correction" else (1 - beta**t, 1 - gamma**t)
        m, v = memory[0] / one, memory[1] / two
        return m / {"ε in the root": np.sqrt(v + 0.01), "no root": v + 0.01}.get(slip, np.sqrt(v) + 0.01)
    if training in {MOMENTUM, NESTEROV} and slip != "no momentum":
        memory[0] = 0.8 * memory[0] + (0.2 if slip == "averaged" else 1.0) * g
        ahead = (training == NESTEROV) != (slip in {"look ahead", "no look ahead"})
        g = g + 0.8 * memory[0] if ahead else memory[0]
    if bias:
        return g / 0.25 if slip == "no rate of biases" else -g if slip == "ascent of biases" else g
    return g


def figures(training: str, slip: str) -> list[Printed]:
    """What a program with a slip prints of its first two updates."""
    parameters = {"W_h": HIDDEN, "b_h": HIDDEN_BIASES, "W_o": ABOVE, "b_o": BIAS}
    memory = {name: [np.zeros(values.shape), np.zeros(values.shape)] for name, values in parameters.items()}
    found = []
    for t in (1, 2):
        hidden = np.tanh(X @ parameters["W_h"].T + parameters["b_h"])
        out = 1 / (1 + np.exp(-(hidden @ parameters["W_o"].T + parameters["b_o"])))
        e = -(T * np.log(out) + (1 - T) * np.log(1 - out)).mean()
        found.append(("E", t - 1, e / np.log(10) if slip == "base" else e))
        delta = (out - T) / 3
        below = delta @ parameters["W_o"] * (1 - (hidden if slip == "factor once" else hidden**2))
        gradients = {"W_h": below.T @ X, "b_h": below.sum(0), "W_o": delta.T @ hidden, "b_o": delta.sum(0)}
        if slip == "mean of shares":
            gradients = {name: g / 3 for name, g in gradients.items()}
        if slip == "mean of shares of biases":
            gradients = {name: g / 3 if name[0] == "b" else g for name, g in gradients.items()}
        rate = 0.5 if slip == "other rate" else 0.25
        for name, g in gradients.items():
            parameters[name] = parameters[name] - rate * step(training, slip, g, parameters[name], memory[name], t)
        found += [(f"grad({name})", t - 1, g) for name, g in gradients.items()]
        found += [(name, t, values) for name, values in parameters.items()]
    return [one for name, updates, values in found for one in printed(name, updates, np.asarray(values))]


def printed(name: str, updates: int, values: np.ndarray) -> list[Printed]:
    """A figure for each element."""
    made = []
    for index, value in np.ndenumerate(values):
        place = f"[{','.join(str(axis + 1) for axis in index)}]" if index else ""
        called = f"{name[:-1]}{place})" if name.endswith(")") else f"{name}{place}"
        made.append(Printed(name=called, updates=updates, printed=f"{value:.{DIGITS}f}"))
    return made


@pytest.mark.parametrize(
    ("training", "slip"),
    [
        (PLAIN, ""),
        (PLAIN, "base"),
        (PLAIN, "factor once"),
        (PLAIN, "other rate"),
        (PLAIN, "ascent of biases"),
        (PLAIN, "mean of shares"),
        (PLAIN, "mean of shares of biases"),
        (MOMENTUM, "averaged"),
        (MOMENTUM, "no momentum"),
        (MOMENTUM, "look ahead"),
        (MOMENTUM, "ascent of biases"),
        (NESTEROV, "no look ahead"),
        (DECAY, "no decay"),
        (DECAY, "no decay of biases"),
        (ADAM, "betas swapped"),
        (ADAM, "no correction"),
        (ADAM, "ε in the root"),
    ],
)
def test_a_convention_of_the_update_is_named(training: str, slip: str) -> None:
    report = investigate(parse_scenario(TEXT.format(training=training)), figures(training, slip))
    assert report.acquitted == (not slip)
    assert report.explained
    assert [one.kind for one in report.best.deviations] == ([slip] if slip else [])


SEQUENCE = np.array([[0.5, -0.3], [0.8, 0.1], [-0.4, 0.9]])
INTO, AROUND, FROM = np.array([[0.4, -0.2], [0.1, 0.6]]), np.array([[0.3, -0.5], [0.2, 0.7]]), np.array([0.9, -0.8])
RECURRENT = """
format = 1
title = { en = "Three time steps" }

[network]
inputs = 6
input_shape = [3, 2]

[[network.layers]]
name = "r"
kind = "rnn"
units = 2
outputs = "last"
weights = [[0.4, -0.2], [0.1, 0.6]]
recurrent_weights = [[0.3, -0.5], [0.2, 0.7]]
biases = [0.1, -0.1]

[[network.layers]]
name = "o"
units = 1
activation = "identity"
weights = [[0.9, -0.8]]
biases = 0.05

[data]
inputs = [[[0.5, -0.3], [0.8, 0.1], [-0.4, 0.9]]]
targets = [[0.3]]

[loss]
kind = "half_squared_error"

[training]
learning_rate = 0.2

[stop]
epochs = 3
"""


def through_time(slip: str) -> list[Printed]:
    """The gradients of a recurrent layer over three steps."""
    states = [np.zeros(2)]
    for x in SEQUENCE:
        states.append(np.tanh(INTO @ x + AROUND @ states[-1] + [0.1, -0.1]))
    into, around, bias = np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2)
    g = FROM * (FROM @ states[-1] + 0.05 - 0.3)
    for t in (2, 1, 0):
        h = states[t + 1]
        delta = g * (1 - (h if slip == "factor once" else h**2))
        into, bias = into + np.outer(delta, SEQUENCE[t]), bias + delta
        around = around + np.outer(delta, h if slip == "state of the step" else states[t])
        g = 0 * g if slip == "not through time" else delta @ AROUND
    found = (("grad(W_r)", into), ("grad(U_r)", around), ("grad(b_r)", bias))
    return [one for name, values in found for one in printed(name, 0, values)]


@pytest.mark.parametrize("slip", ["factor once", "not through time", "state of the step"])
def test_a_slip_that_is_made_at_every_time_step_is_one(slip: str) -> None:
    report = investigate(parse_scenario(RECURRENT), through_time(slip))
    assert report.explained
    assert [one.kind for one in report.best.deviations] == [slip]
