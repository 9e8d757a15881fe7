"""Layouts of weights in files: x @ W, kernels of TensorFlow, orders of gates, U and W side by side, nested rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.errors import ScenarioError
from retrograde.engine.layers.layouts import Arrangement
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import parse_scenario
from tests.support.effort import examples

HEAD = """format = 1
title = {{ en = "a layout" }}
[network]
inputs = {inputs}
input_shape = {shape}
{network}
[[network.layers]]
name = "h"
{layer}
[data]
inputs = {data}
[loss]
kind = "value"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""


def text(layer: str, shape: Sequence[int], *, network: str = "", data: Any = None) -> str:
    inputs = int(np.prod(shape))
    rows = np.linspace(-0.5, 0.75, inputs).reshape(1, -1).tolist() if data is None else data
    return HEAD.format(inputs=inputs, shape=list(shape), network=network, layer=layer, data=rows)


def parameters(layer: str, shape: Sequence[int], network: str = "") -> dict[str, list[Any]]:
    found = Network(parse_scenario(text(layer, shape, network=network))).parameters
    return {array.name: values.tolist() for array, values in found.items()}


def numbers(*shape: int) -> Floats:
    return np.round(np.random.Generator(np.random.Philox(5)).normal(size=shape), 4)


LAYERS: Mapping[str, tuple[str, tuple[int, ...], Mapping[str, Floats]]] = {
    "dense": ("units = 2", (3,), {"weights": numbers(2, 3), "biases": numbers(2)}),
    "linear": ('kind = "linear"\nunits = 2', (2, 3), {"weights": numbers(2, 3), "biases": numbers(2)}),
    "conv over one axis": ('kind = "conv"\nchannels = 2\nkernel = [2]', (3, 4), {"weights": numbers(2, 3, 2)}),
    "conv": ('kind = "conv"\nchannels = 2\nkernel = [2, 1]', (3, 4, 2), {"weights": numbers(2, 3, 2, 1)}),
    "transposed": (
        'kind = "conv_transpose"\nchannels = 2\nkernel = [2, 1]',
        (3, 4, 2),
        {"weights": numbers(3, 2, 2, 1)},
    ),
    "attention": ('kind = "attention"', (2, 3), {name: numbers(3, 3) for name in ("Wq", "Wk", "Wv", "Wo")}),
    "rnn": ('kind = "rnn"\nunits = 2', (2, 3), {"weights": numbers(2, 3), "recurrent_weights": numbers(2, 2)}),
    "lstm": (
        'kind = "lstm"\nunits = 2\npeepholes = true',
        (2, 3),
        {
            "weights": numbers(8, 3),
            "recurrent_weights": numbers(8, 2),
            "biases": numbers(8),
            "peephole_weights": numbers(6),
        },
    ),
    "gru": (
        'kind = "gru"\nunits = 2\nbias = "both"',
        (2, 3),
        {
            "weights": numbers(6, 3),
            "recurrent_weights": numbers(6, 2),
            "biases": numbers(6),
            "recurrent_biases": numbers(6),
        },
    ),
}


def written(layer: str, tables: Mapping[str, Any]) -> str:
    lines = (f"{key} = {np.asarray(values).tolist()}" for key, values in tables.items())
    return "\n".join([layer, *lines])


def turned(values: Floats) -> Floats:
    """(outputs, inputs, ...) as programs with x @ W and TensorFlow have it: (..., inputs, outputs)."""
    return values if values.ndim < 2 else np.moveaxis(values, (0, 1), (-1, -2))


@pytest.mark.parametrize("kind", LAYERS)
def test_inputs_first_is_the_same_network(kind: str) -> None:
    layer, shape, tables = LAYERS[kind]
    plain = parameters(written(layer, tables), shape)
    other = {key: turned(values) for key, values in tables.items()}
    assert parameters(written(layer, other) + '\nlayout = "inputs_first"', shape) == plain
    assert parameters(written(layer, other), shape, 'layout = "inputs_first"') == plain
    assert parameters(written(layer, tables) + '\nlayout = "outputs_first"', shape, 'layout = "inputs_first"') == plain


@pytest.mark.parametrize(
    ("kind", "order", "ours"),
    [
        ("lstm", "ifog", "ifog"),
        ("lstm", "ifco", "ifgo"),
        ("lstm", "iofc", "iofg"),
        ("lstm", "ijfo", "igfo"),
        ("gru", "zrh", "zrn"),
        ("gru", "zrn", "zrn"),
    ],
)
@pytest.mark.parametrize("where", ["layer", "network"])
def test_another_order_of_gates_is_the_same_network(kind: str, order: str, ours: str, where: str) -> None:
    layer, shape, tables = LAYERS[kind]
    gates = {"lstm": "ifgo", "gru": "rzn"}[kind]

    def reordered(key: str, values: Floats) -> Floats:
        names = "ifo" if key == "peephole_weights" else gates
        blocks = dict(zip(names, np.split(values, len(names)), strict=True))
        return np.concatenate([blocks[gate] for gate in ours if gate in blocks])

    other = written(layer, {key: reordered(key, values) for key, values in tables.items()})
    key = f"{kind}_gates" if where == "network" else "gate_order"
    stated = f'{key} = "{order}"'
    found = parameters(other, shape, stated) if where == "network" else parameters(f"{other}\n{stated}", shape)
    assert found == parameters(written(layer, tables), shape)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("concatenation", ["hx", "xh"])
@pytest.mark.parametrize("layout", ["outputs_first", "inputs_first"])
def test_weights_of_state_and_inputs_side_by_side(kind: str, concatenation: str, layout: str) -> None:
    layer, shape, tables = LAYERS[kind]
    pair = [tables["recurrent_weights"], tables["weights"]]
    whole = np.concatenate(pair if concatenation == "hx" else pair[::-1], axis=1)
    rest = {key: values for key, values in tables.items() if key not in {"weights", "recurrent_weights"}}
    rest["concatenated_weights"] = whole.T if layout == "inputs_first" else whole
    found = parameters(written(layer, rest) + f'\nconcatenation = "{concatenation}"\nlayout = "{layout}"', shape)
    assert found == parameters(written(layer, tables), shape)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("layout", ["outputs_first", "inputs_first"])
def test_a_table_for_each_gate(kind: str, layout: str) -> None:
    layer, shape, tables = LAYERS[kind]
    count = {"lstm": 4, "gru": 3}[kind]

    def nested(key: str, values: Floats) -> Any:
        if key == "peephole_weights":
            return values
        gates = np.split(values, count)
        return [gate.T if layout == "inputs_first" else gate for gate in gates]

    other = written(layer, {key: nested(key, values) for key, values in tables.items()})
    assert parameters(f'{other}\nlayout = "{layout}"', shape) == parameters(written(layer, tables), shape)


@pytest.mark.parametrize("layout", ["outputs_first", "inputs_first"])
def test_weights_of_a_dense_layer_nested_as_the_image_that_it_reads(layout: str) -> None:
    values = numbers(2, 3, 2, 2)
    table = np.moveaxis(values, 0, -1) if layout == "inputs_first" else values
    layer = f'units = 2\nlayout = "{layout}"\nweights = {table.tolist()}'
    assert parameters(layer, (12,))["W_h"] == values.reshape(2, 12).tolist()


def test_edges_and_names_stay_where_they_are() -> None:
    """Only weights are turned: edges and names have a row per unit."""
    layer = 'units = 2\nedges = [[1, 0, 1], [0, 1, 0]]\nnumbering = [["a", "", "c"], ["", "e", ""]]\nbias = "none"'
    rows = [[0.5, 0, 0.25], [0, 2.0, 0]]
    plain = Session(parse_scenario(text(f"{layer}\nweights = {rows}", (3,))))
    other = Session(
        parse_scenario(text(f'{layer}\nweights = {np.transpose(rows).tolist()}\nlayout = "inputs_first"', (3,)))
    )
    assert [one.measure("c", 0) for one in (plain, other)] == [0.25, 0.25]
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text(f'{layer}\nweights = [[0.5, 0], [1.0, 2.0], [0.25, 0]]\nlayout = "inputs_first"', (3,)))
    assert caught.value.problems[0].key == "network.layers[1].weights[2][1]"


@examples(60)
@given(
    data=st.data(),
    blocks=st.integers(1, 4),
    units=st.integers(1, 3),
    width=st.integers(1, 4),
    turned=st.booleans(),
    nested=st.booleans(),
)
def test_an_arrangement_reads_what_it_says_that_fits(
    data: st.DataObject, blocks: int, units: int, width: int, turned: bool, nested: bool
) -> None:
    """Whatever the layout, element [gate, unit, input] of the file is that of the parameter."""
    order = tuple(data.draw(st.permutations(range(blocks))))
    shape = (blocks * units, width)
    ours = np.arange(blocks * units * width, dtype=np.float64).reshape(blocks, units, width)
    file = np.empty_like(ours)
    for block, place in enumerate(order):
        file[place] = ours[block]
    if nested and blocks > 1:
        table = file.transpose(0, 2, 1) if turned else file
    else:
        table = file.reshape(shape).T if turned else file.reshape(shape)
    arrangement = Arrangement(turned=turned, order=order)
    assert arrangement.fits(table.shape, shape)
    assert arrangement.values(table.tolist(), shape).tolist() == ours.reshape(shape).tolist()
    assert not arrangement.fits((*table.shape[:-1], table.shape[-1] + 1), shape)


# -------------------------------------------------------------------------- published figures: CS231n, assignment 3


def cs231n(kind: str, n: int, t: int, d: int, h: int, ends: Mapping[str, tuple[float, float]]) -> Session:
    """The checks of the notebook: everything is a linspace, laid out as x @ Wx + h @ Wh + b, gates i, f, o, g."""
    gates = 4 if kind == "lstm" else 1

    def space(name: str, *shape: int) -> list[Any]:
        return np.linspace(*ends[name], int(np.prod(shape))).reshape(shape).tolist()

    layer = f"""kind = "{kind}"
units = {h}
layout = "inputs_first"
{'gate_order = "ifog"' if kind == "lstm" else ""}
weights = {space("Wx", d, gates * h)}
recurrent_weights = {space("Wh", h, gates * h)}
biases = {space("b", gates * h)}
h0 = {space("h0", n, h)}
{f"c0 = {space('c0', n, h)}" if "c0" in ends else ""}
"""
    return Session(parse_scenario(text(layer, (t, d), data=space("x", n, t * d))))


RNN_ENDS = {"x": (-0.1, 0.3), "h0": (-0.3, 0.1), "Wx": (-0.2, 0.4), "Wh": (-0.4, 0.1), "b": (-0.7, 0.1)}
RNN_PRINTED = """
-0.42070749 -0.27279261 -0.11074945 0.05740409 0.22236251
-0.39525808 -0.22554661 -0.0409454 0.14649412 0.32397316
-0.42305111 -0.24223728 -0.04287027 0.15997045 0.35014525
-0.55857474 -0.39065825 -0.19198182 0.02378408 0.23735671
-0.27150199 -0.07088804 0.13562939 0.33099728 0.50158768
-0.51014825 -0.30524429 -0.06755202 0.17806392 0.40333043
"""
LSTM_ENDS = {"x": (-0.4, 0.6), "h0": (-0.4, 0.8), "Wx": (-0.2, 0.9), "Wh": (-0.3, 0.6), "b": (0.2, 0.7)}
LSTM_PRINTED = """
0.01764008 0.01823233 0.01882671 0.0194232
0.11287491 0.12146228 0.13018446 0.13902939
0.31358768 0.33338627 0.35304453 0.37250975
0.45767879 0.4761092 0.4936887 0.51041945
0.6704845 0.69350089 0.71486014 0.7346449
0.81733511 0.83677871 0.85403753 0.86935314
"""


@pytest.mark.parametrize(
    ("kind", "sizes", "ends", "printed"),
    [("rnn", (2, 3, 4, 5), RNN_ENDS, RNN_PRINTED), ("lstm", (2, 3, 5, 4), LSTM_ENDS, LSTM_PRINTED)],
    ids=["rnn", "lstm"],
)
def test_the_checks_of_cs231n_hold_to_the_printed_digit(
    kind: str, sizes: tuple[int, int, int, int], ends: Mapping[str, tuple[float, float]], printed: str
) -> None:
    session = cs231n(kind, *sizes, ends)
    rows = [line.split() for line in printed.strip().splitlines()]
    for number, row in enumerate(rows):
        sample, time = divmod(number, sizes[1])
        for unit, figure in enumerate(row, 1):
            value = session.measure(f"out_h{unit}@{time + 1}{{{sample + 1}}}", 0)
            assert abs(value - float(figure)) <= 0.5000001 * 10.0 ** -len(figure.partition(".")[2])


# ------------------------------------------------------------------------------------------ formulas of other programs


def sigma(x: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-x))
    return found


def keras_lstm(x: Floats, kernel: Floats, recurrent: Floats, bias: Floats) -> Floats:
    """As Keras' LSTMCell computes it: one product, split into i, f, c and o."""
    h = c = np.zeros(recurrent.shape[0])
    for row in x:
        i, f, new, o = np.split(row @ kernel + h @ recurrent + bias, 4)
        c = sigma(f) * c + sigma(i) * np.tanh(new)
        h = sigma(o) * np.tanh(c)
    return h


def keras_gru(x: Floats, kernel: Floats, recurrent: Floats, bias: Floats) -> Floats:
    """As Keras' GRUCell computes it with reset_after: biases (2, 3·units), split into z, r and h."""
    h = np.zeros(recurrent.shape[0])
    for row in x:
        xz, xr, xh = np.split(row @ kernel + bias[0], 3)
        hz, hr, hh = np.split(h @ recurrent + bias[1], 3)
        z, r = sigma(xz + hz), sigma(xr + hr)
        h = z * h + (1 - z) * np.tanh(xh + r * hh)
    return h


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_keras_tables_as_they_are(kind: str) -> None:
    gates, x = {"lstm": 4, "gru": 3}[kind], numbers(3, 2)
    kernel, recurrent, bias = numbers(2, gates * 2), numbers(2, gates * 2) * 0.5, numbers(2, gates * 2)
    tables = {"weights": kernel, "recurrent_weights": recurrent, "biases": bias[0]}
    if kind == "gru":
        tables["recurrent_biases"] = bias[1]
    layer = written(f'kind = "{kind}"\nunits = 2' + ('\nbias = "both"' if kind == "gru" else ""), tables)
    network = 'layout = "inputs_first"\nlstm_gates = "ifco"\ngru_gates = "zrh"'
    session = Session(parse_scenario(text(layer, (3, 2), network=network, data=[x.ravel().tolist()])))
    wanted = keras_lstm(x, kernel, recurrent, bias[0]) if kind == "lstm" else keras_gru(x, kernel, recurrent, bias)
    np.testing.assert_allclose([session.measure(f"out_h{unit}@3", 0) for unit in (1, 2)], wanted, rtol=1e-12)


def test_a_matrix_for_each_gate_of_state_and_inputs_as_courses_write_it() -> None:
    """Γ_f = σ(Wf·[a, x] + bf) and so on, in the order f, i, c, o; a matrix (units, units + features) for each."""
    x, tables, biases = numbers(3, 2), numbers(4, 2, 4), numbers(4, 2)
    layer = written('kind = "lstm"\nunits = 2\ngate_order = "fico"', {"concatenated_weights": tables, "biases": biases})
    session = Session(parse_scenario(text(layer, (3, 2), data=[x.ravel().tolist()])))
    a = c = np.zeros(2)
    for row in x:
        f, i, new, o = (table @ np.concatenate([a, row]) + bias for table, bias in zip(tables, biases, strict=True))
        c = sigma(f) * c + sigma(i) * np.tanh(new)
        a = sigma(o) * np.tanh(c)
    np.testing.assert_allclose([session.measure(f"out_h{unit}@3", 0) for unit in (1, 2)], a, rtol=1e-12)


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("layer", "shape", "key", "message"),
    [
        ("units = 2\nweights = [[1, 2], [3, 4], [5, 6]]", (3,), "weights", 'the table, or say layout = "inputs_first"'),
        (
            'units = 2\nweights = [[1, 2, 3], [4, 5, 6]]\nlayout = "inputs_first"',
            (3,),
            "weights",
            "3×2 (inputs of the layer × units); a column belongs to a unit of this layer: layout",
        ),
        ("units = 2\nweights = [[[1, 2]], [[3, 4]]]", (3,), "weights", "2×1×2 values where the layer needs 2×3"),
        ("units = 2\nweights = [[[1], [2, 3], [1]], [[1], [2], [3]]]", (3,), "weights", "lists of different lengths"),
        (
            "units = 2\nedges = [[1, 1, 1], [1, 1, 1]]\nweights = [[[1], [2], [1]], [[1], [2], [3]]]",
            (3,),
            "weights",
            "with edges the weights are rows of numbers",
        ),
        (
            'kind = "linear"\nunits = 2\nweights = [[1, 2], [3, 4], [5, 6]]',
            (2, 3),
            "weights",
            '3×2 values where the layer needs 2×3; layout = "inputs_first" reads this',
        ),
        (
            'kind = "lstm"\nunits = 2\ngate_order = "ifo"',
            (2, 3),
            "gate_order",
            "ifo is no order of the gates i, f, g, o",
        ),
        ('kind = "gru"\nunits = 2\ngate_order = "ifgo"', (2, 3), "gate_order", "ifgo is no order of the gates r, z, n"),
        ('kind = "rnn"\nunits = 2\ngate_order = "n"', (2, 3), "gate_order", "there are no gates"),
        (
            'kind = "rnn"\nunits = 1\nconcatenated_weights = [[1, 2, 3]]',
            (2, 3),
            "concatenated_weights",
            "1×3 values where the layer needs 1×4",
        ),
        (
            'kind = "rnn"\nunits = 1\nconcatenated_weights = [[1, 2, 3, 4]]\nweights = [[1, 2, 3]]',
            (2, 3),
            "concatenated_weights",
            "U and W are given twice",
        ),
        ('units = 2\nlayout = "HWIO"', (3,), "layout", "allowed: outputs_first, inputs_first"),
    ],
    ids=lambda value: "",
)
def test_what_does_not_fit_is_refused(layer: str, shape: tuple[int, ...], key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text(layer, shape))
    problem = caught.value.problems[0]
    assert problem.key == f"network.layers[1].{key}"
    assert message in problem.message
    assert problem.line is not None
