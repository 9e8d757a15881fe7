"""ONNX's recurrent operators as the engine's recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.layers.gru import GruLayer
from retrograde.engine.layers.lstm import LstmLayer
from retrograde.engine.layers.recurrent import REVERSE, RecurrentLayer
from retrograde.engine.layers.rnn import RnnLayer
from tests.oracles.onnx_bench import Bench, BeyondError
from tests.oracles.onnx_cases import Case

Outputs = dict[int, Floats]

FOREIGN = ("activations", "activation_alpha", "activation_beta", "clip", "input_forget")
"""Attributes that the engine's layers have no key for."""


def rnn(case: Case) -> Outputs:
    """The simple recurrent layer."""
    return run(case, RnnLayer(kind="rnn", name="r", **keys(case)), [0])


def gru(case: Case) -> Outputs:
    """The gated recurrent unit; ONNX has the gates in the order z, r, h."""
    reset: Literal["after", "before"] = "after" if case.attributes.get("linear_before_reset") else "before"
    return run(case, GruLayer(kind="gru", name="r", reset=reset, **keys(case)), [1, 0, 2])


def lstm(case: Case) -> Outputs:
    """The LSTM; ONNX has the gates in the order i, o, f, c, and peepholes in that of i, o, f."""
    peepholes = len(case.inputs) > 7 and case.inputs[7] is not None
    return run(case, LstmLayer(kind="lstm", name="r", peepholes=peepholes, **keys(case)), [0, 2, 3, 1])


def keys(case: Case) -> dict[str, Any]:
    """The keys that all recurrent layers have."""
    for name in FOREIGN:
        if name in case.attributes:
            raise BeyondError(f"the attribute {name}")
    directions = {"forward": "forward", "reverse": "backward", "bidirectional": "both"}
    biased = len(case.inputs) > 3 and case.inputs[3] is not None
    return {
        "units": case.attributes["hidden_size"],
        "direction": directions[case.attributes.get("direction", "forward")],
        "bias": "both" if biased else "none",
    }


def run(case: Case, layer: RecurrentLayer, gates: Sequence[int]) -> Outputs:
    """The outputs of a layer with the weights of a case.

    Args:
        case: the case.
        layer: the layer, with a direction.
        gates: which of ONNX's gates each of the engine's is.
    """
    inputs = [*case.inputs, *(None,) * (8 - len(case.inputs))]
    x, batchwise = inputs[0], bool(case.attributes.get("layout"))
    assert x is not None
    x = x if batchwise else x.transpose(1, 0, 2)
    batch, steps, _features = x.shape
    if inputs[4] is not None and np.any(inputs[4] != steps):
        raise BeyondError("sequences of several lengths end in zeros; the engine holds their last state")
    bench = Bench(batch)
    bench.parameters[layer.name] = parameters(bench, layer, inputs, gates, batchwise=batchwise)
    bench.graph.layer = layer
    bench.graph.values["i"] = source = bench.leaf(x)
    states = layer.build(bench.graph, [source])
    assert not isinstance(states, Array)
    cells = [op.target for op in bench.builder.ops if op.target.stem.removesuffix(REVERSE) == "c"]
    found = bench.run(*states, *cells)
    count, width = len(layer.directions), layer.units
    # (time, batch, directions, units), as the state of both directions stand side by side.
    every = np.stack(found[:steps]).reshape(steps, batch, count, width).transpose(0, 2, 1, 3)
    ends = [every[0 if layer.direction == "backward" or number else -1, number] for number in range(count)]
    outputs = {0: every, 1: np.stack(ends)}
    if cells:
        by_name = dict(zip((cell.name for cell in cells), found[steps:], strict=True))
        outputs[2] = np.stack(
            [by_name[f"c{name}_r@{1 if name or layer.direction == 'backward' else steps}"] for name in layer.directions]
        )
    if batchwise:
        outputs = {
            k: values.transpose(2, 0, 1, 3) if k == 0 else values.swapaxes(0, 1) for k, values in outputs.items()
        }
    return outputs


def parameters(
    bench: Bench, layer: RecurrentLayer, inputs: Sequence[Any], gates: Sequence[int], *, batchwise: bool
) -> dict[str, Array]:
    """The weights of each direction in the engine's layout."""
    found: dict[str, Array] = {}
    units = layer.units

    def ordered(values: Floats) -> Floats:
        return np.concatenate([values[gate * units : (gate + 1) * units] for gate in gates])

    for number, name in enumerate(layer.directions):
        tables = {"W": inputs[1][number], "U": inputs[2][number]}
        if layer.bias == "both":
            tables |= {"b": inputs[3][number][: len(gates) * units], "bu": inputs[3][number][len(gates) * units :]}
        for stem, values in tables.items():
            found[stem + name] = bench.leaf(ordered(values), batched=False, name=f"{stem}{name}_r")
        for stem, given in (("h0", inputs[5]), ("c0", inputs[6])):
            if stem not in layer.states:
                continue
            start = np.zeros(units) if given is None else (given[:, number] if batchwise else given[number])
            found[stem + name] = bench.leaf(start, batched=given is not None, name=f"{stem}{name}_r")
        if getattr(layer, "peepholes", False):
            i, o, f = np.split(inputs[7][number], 3)
            found["P" + name] = bench.leaf(np.concatenate((i, f, o)), batched=False, name=f"P{name}_r")
    return found
