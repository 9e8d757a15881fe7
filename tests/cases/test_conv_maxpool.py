"""The checks of CS231n's convolution and max pooling: printed figures, and gradients by an independent oracle.

In the spec two numbers stand for evenly spaced values from the one to the other; the gradients are those of the sum of
all outputs, or of half the sum of their squares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.session import Session
from tests.support.networks import executed_by

RUNS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "cs231n-conv-maxpool.json").read_text(encoding="utf-8")
)["runs"]
EXECUTORS = pytest.mark.parametrize("executor", ["generated", "kernels"])
EXACT = pytest.mark.parametrize("arithmetic", ["exact", "blas"])


def spaced(ends: list[float], shape: list[int]) -> Floats:
    first, last = ends
    values: Floats = np.linspace(first, last, num=int(np.prod(shape)))
    return values.reshape(shape)


def session(x: Floats, targets: Floats, layers: list[dict[str, Any]], arithmetic: str) -> Session:
    """A network that first multiplies its inputs by 1, so that they have a gradient: that of ``out_front``."""
    front = {
        "name": "front",
        "kind": "conv",
        "channels": x.shape[1],
        "kernel": [1, 1],
        "groups": x.shape[1],
        "bias": "none",
        "weights": np.ones((x.shape[1], 1, 1, 1)).tolist(),
    }
    lines = ["format = 1", '[title]\nen = "case"\nzh = "算例"', "[network]"]
    lines += [f"inputs = {x[0].size}", f"input_shape = {list(x.shape[1:])}", f'arithmetic = "{arithmetic}"']
    for layer in [front, *layers]:
        lines += ["[[network.layers]]", *(f"{key} = {json.dumps(value)}" for key, value in layer.items())]
    lines += ["[data]", f"inputs = {x.reshape(len(x), -1).tolist()}"]
    lines += [f"targets = {targets.reshape(len(x), -1).tolist()}"]
    lines += ['[loss]\nkind = "half_squared_error"\nover_outputs = "sum"\nover_batch = "sum"']
    lines += ["[training]\nlearning_rate = 0.1\nbatch_size = 0", "[stop]\nepochs = 1"]
    return Session(parse_scenario("\n".join(lines)))


def array(found: Session, name: str) -> Floats:
    frame = found.timeline.frame(0)
    return np.array(frame.array(frame.program.named[name]))


def near(actual: Floats, wanted: Any) -> None:
    np.testing.assert_allclose(actual, np.asarray(wanted, dtype=float), rtol=1e-9, atol=1e-15)


def summed(x: Floats, layer: dict[str, Any], outputs: tuple[int, ...], arithmetic: str) -> Session:
    """The network with targets of 1 below its outputs: then E has the gradient of their sum."""
    out = array(session(x, np.zeros(outputs), [layer], arithmetic), "out_o")
    return session(x, out - 1.0, [layer], arithmetic)


def printed(values: Floats, published: list[str]) -> None:
    for value, text in zip(values.ravel(), published, strict=True):
        digits = len(text.partition(".")[2])
        assert float(text) == pytest.approx(round(value, digits), abs=0.6 * 10.0**-digits)


@EXECUTORS
@EXACT
def test_convolution(executor: str, arithmetic: str) -> None:
    run = RUNS["convolution"]
    spec = run["spec"]
    x, weights = spaced(spec["x"], spec["x_shape"]), spaced(spec["w"], spec["w_shape"])
    layer = {
        "name": "o",
        "kind": "conv",
        "channels": 3,
        "kernel": [4, 4],
        "stride": spec["stride"],
        "padding": spec["padding"],
        "weights": weights.tolist(),
        "biases": spaced(spec["b"], [3]).tolist(),
    }
    with executed_by(executor):
        found = summed(x, layer, (2, 3, 2, 2), arithmetic)
        printed(array(found, "out_o"), run["published"])
        gradients = run["oracle"]["grads_of_sum"]
        for key, name in (("x", "grad(out_front)"), ("w", "grad(W_o)"), ("b", "grad(b_o)")):
            near(array(found, name), gradients[key])


@EXECUTORS
def test_max_pooling(executor: str) -> None:
    run = RUNS["max pooling"]
    spec = run["spec"]
    layer = {"name": "o", "kind": "max_pool", "kernel": [spec["kernel"]] * 2, "stride": spec["stride"]}
    with executed_by(executor):
        found = summed(spaced(spec["x"], spec["x_shape"]), layer, (2, 3, 2, 2), "exact")
        printed(array(found, "out_o"), run["published"])
        near(array(found, "grad(out_front)"), run["oracle"]["grads_of_sum"]["x"])
        assert set(array(found, "winner_o").ravel()) == {4.0}


@EXECUTORS
@EXACT
def test_convolution_relu_and_max_pooling(executor: str, arithmetic: str) -> None:
    run = RUNS["convolution, ReLU, max pooling"]
    spec, oracle = run["spec"], run["oracle"]
    layers = [
        {
            "name": "c",
            "kind": "conv",
            "channels": 2,
            "kernel": [3, 3],
            "padding": spec["pad"],
            "activation": "relu",
            "weights": spec["w"],
            "biases": spec["b"],
        },
        {"name": "o", "kind": "max_pool", "kernel": [2, 2]},
    ]
    with executed_by(executor):
        found = session(np.array(spec["x"]), np.zeros((1, 2, 2, 2)), layers, arithmetic)
        for key, name in (("z", "net_c"), ("relu", "out_c"), ("pool", "out_o"), ("loss", "E")):
            near(array(found, name), oracle[key])
        for key, name in (("x", "grad(out_front)"), ("w", "grad(W_c)"), ("b", "grad(b_c)"), ("z", "grad(net_c)")):
            near(array(found, name), oracle["grads"][key])
