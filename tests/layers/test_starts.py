"""States before the first step for each sample, with their gradients, and the cell of an LSTM as an output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from tests.executor.test_kernels import assert_frame_is_its_equations
from tests.support.networks import executed_by
from tests.support.updates import EXECUTORS

both_executors = pytest.mark.parametrize("executor", sorted(EXECUTORS))

RANDOM = np.random.Generator(np.random.Philox(11))
X = np.round(RANDOM.normal(size=(3, 4)), 3)
STATES = {name: np.round(RANDOM.normal(size=(3, 2)), 3) for name in ("h0", "c0", "h0r", "c0r")}
SCENARIO = """format = 1
title = {{ en = "states" }}
[network]
inputs = 4
input_shape = [2, 2]
seed = 3
[network.init]
kind = "normal"
std = 0.7
draw_bias = true
[[network.layers]]
name = "h"
kind = "{kind}"
units = 2
{keys}
{more}
[data]
inputs = {inputs}
[loss]
kind = "value"
layer = "{of}"
[training]
learning_rate = 0.1
{training}
[stop]
epochs = 3
"""


def text(kind: str, keys: str, *, more: str = "", of: str = "h", training: str = "", inputs: Floats = X) -> str:
    fields = {"kind": kind, "keys": keys, "more": more, "of": of, "training": training}
    return SCENARIO.format(inputs=inputs.tolist(), **fields)


def given(kind: str, samples: Any = slice(None), *, both: bool = False) -> str:
    names = ("h0", "c0") if kind == "lstm" else ("h0",)
    lines = [f"{name} = {STATES[name][samples].tolist()}" for name in names]
    if both:
        reverse = ", ".join(f"{name} = {STATES[name + 'r'][samples].tolist()}" for name in names)
        lines.append(f'direction = "both"\nreverse = {{ {reverse} }}')
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("kind", "both", "executor"),
    [("rnn", False, "generated"), ("gru", True, "kernels"), ("lstm", True, "generated"), ("lstm", False, "kernels")],
)
def test_each_sample_begins_with_its_own_state(kind: str, both: bool, executor: str) -> None:
    """A sample of the matrix has the values and the gradients of a network that begins with its row alone."""
    with executed_by(executor):
        together = Session(parse_scenario(text(kind, given(kind, both=both))))
        names = [name for name in STATES if (kind == "lstm" or name[0] == "h") and (both or name[-1] != "r")]
        for sample in range(3):
            one = text(kind, given(kind, sample, both=both) + '\ninitial = "trained"', inputs=X[sample : sample + 1])
            alone = Session(parse_scenario(one))
            mark = f"{{{sample + 1}}}"
            for value in ("out_h1@1", "out_h2@2", *(f"{name}_h2" for name in names)):
                stem, _, time = value.partition("@")
                assert together.measure(f"{value}{mark}", 0) == alone.measure(value, 0), (stem, time)
            for name in names:
                found, wanted = (one.measure(f"grad({name}_h1){at}", 0) for one, at in ((together, mark), (alone, "")))
                assert found == pytest.approx(wanted, rel=1e-12)
        for iteration in (0, 2):
            assert_frame_is_its_equations(together.timeline.frame(iteration))


@both_executors
def test_a_batch_takes_the_rows_of_its_samples_and_running_is_stepping(executor: str) -> None:
    with executed_by(executor):
        scenario = parse_scenario(text("lstm", given("lstm"), training='batch_size = 2\nshuffle = "seeded"'))
        session, losses = Session(scenario), list[float]()
        session.timeline.advance(session.network.initial_state, 0, 6, losses)
        for iteration in range(6):
            frame = session.timeline.frame(iteration)
            assert losses[iteration] == float(frame.array(frame.program.named["E"]))
            rows = session.schedule.rows(iteration)
            assert frame.array(frame.program.named["h0_h"]).tolist() == STATES["h0"][list(rows)].tolist()
            assert frame.array(frame.program.named["i"]).ravel().tolist() == X[list(rows)].ravel().tolist()


def test_a_state_of_a_sample_is_a_step_back_and_forth() -> None:
    session = Session(parse_scenario(text("lstm", given("lstm"))))
    session.step()
    assert session.current is not None
    assert f"{STATES['h0'][0, 0]:g}".lstrip("-") in session.current.text(digits=12)[1]
    session.back()
    assert session.position == 0
    assert session.notation.symbol(session.resolve("grad(h0_h1){2}"), sample=1) == "∂E/∂h0_h1"


@pytest.mark.parametrize(
    ("direction", "outputs", "executor"),
    [
        ("forward", "all", "kernels"),
        ("backward", "last", "generated"),
        ("both", "all", "generated"),
        ("both", "last", "kernels"),
    ],
)
def test_the_cell_is_an_output(direction: str, outputs: str, executor: str) -> None:
    """A loss of the cell: its gradient comes back to the cell of the LSTM, and the cell is what the LSTM shows."""
    keys = f'direction = "{direction}"\noutputs = "{outputs}"'
    cell = '[[network.layers]]\nname = "c"\nkind = "cell"'
    with executed_by(executor):
        session = Session(parse_scenario(text("lstm", keys, more=cell, of="c")))
        for time in (1, 2) if outputs == "all" else (None,):
            last = {"forward": 2, "backward": 1, "both": 2}[direction]
            at = "" if time is None else f"@{time}"
            assert session.measure(f"out_c1{at}", 0) == session.measure(f"c_h1@{time or last}", 0)
            if direction == "both":
                # The second direction ends at the first step.
                assert session.measure(f"out_c3{at}", 0) == session.measure(f"cr_h1@{time or 1}", 0)
        assert_frame_is_its_equations(session.timeline.frame(1))
        step, values = 1e-6, []
        slope, weight = session.measure("grad(W_h[i1,2])", 0), session.measure("W_h[i1,2]", 0)
        for sign in (1, -1):
            session.set_value("W_h[i1,2]", weight + sign * step)
            values.append(session.measure("E", 0))
        assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_states_of_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=X, start=STATES["h0"], cells=STATES["c0"])
    (tmp_path / "one.toml").write_text(
        text("lstm", 'h0 = "start"\nc0 = "cells"').replace(f"inputs = {X.tolist()}", 'file = "data.npz"\nrows = "2-3"')
    )
    session = Session(load_scenario(tmp_path / "one.toml"))
    assert session.measure("h0_h2{1}", 0) == STATES["h0"][1, 1]
    assert session.measure("c0_h1{2}", 0) == STATES["c0"][2, 0]


@pytest.mark.parametrize(("h0", "c0"), [("s1,s2", "cells-cells2"), ("5-6", "8-9")])
def test_states_of_a_table(tmp_path: Path, h0: str, c0: str) -> None:
    lines = ["x1,x2,x3,x4,s1,s2,note,cells,cells2"]
    for x, h, c in zip(X.tolist(), STATES["h0"], STATES["c0"], strict=True):
        lines.append(",".join(map(str, [*np.ravel(x), *h, "a b", *c])))
    (tmp_path / "data.csv").write_text("\n".join(lines))
    data = 'file = "data.csv"\ninput_columns = "1-4"\nrows = "2-3"'
    (tmp_path / "one.toml").write_text(
        text("lstm", f'h0 = "{h0}"\nc0 = "{c0}"').replace(f"inputs = {X.tolist()}", data)
    )
    session = Session(load_scenario(tmp_path / "one.toml"))
    assert session.measure("h0_h2{1}", 0) == STATES["h0"][1, 1]
    assert session.measure("c0_h1{2}", 0) == STATES["c0"][2, 0]
    assert session.measure("i2@1{1}", 0) == np.ravel(X[1])[1]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ("nothing", "there is no array nothing in the file; it has: "),
        ("inputs", "3 rows of 4 numbers; 3 rows of 2 are needed"),
    ],
)
def test_a_wrong_array_of_a_file_is_refused_at_its_key(tmp_path: Path, array: str, message: str) -> None:
    np.savez(tmp_path / "data.npz", inputs=X)
    file = tmp_path / "one.toml"
    file.write_text(text("rnn", f'h0 = "{array}"').replace(f"inputs = {X.tolist()}", 'file = "data.npz"'))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("network.layers[1].h0", 15)
    assert message in problem.message


@pytest.mark.parametrize(
    ("kind", "keys", "more", "key", "message"),
    [
        ("rnn", "h0 = [[0.1, 0.2], [0.3, 0.4]]", "", "layers[1].h0", "2 rows of initial states for 3 samples"),
        ("rnn", "h0 = [[0.1], [0.3], [0.4]]", "", "layers[1].h0", "has 2 numbers, one per unit"),
        ("rnn", "h0 = [[0.1, 0.2], [0.3], [0.4]]", "", "layers[1].h0", "has 2 numbers, one per unit"),
        ("rnn", "h0 = 'start'", "", "layers[1].h0", "start names an array or columns, and there is no NPZ"),
        (
            "lstm",
            "c0 = [[0.1, 0.2], [0.3, 0.4], [1.0, 1.0]]\ninitial = 'trained'",
            "",
            "layers[1].c0",
            "states that are trained are the same for all samples",
        ),
        (
            "rnn",
            "direction = 'both'\nreverse = { h0 = [[1.0, 2.0]] }",
            "",
            "layers[1].reverse.h0",
            "1 rows of initial states for 3 samples",
        ),
        (
            "gru",
            "",
            "[[network.layers]]\nkind = 'cell'",
            "layers[2]",
            "kind cell reads a layer of the kind lstm; h is none",
        ),
        ("rnn", "h0 = [0.1]", "", "layers[1].h0", "1 values where the layer needs 2"),
    ],
    ids=lambda value: "",
)
def test_what_makes_no_sense_is_refused(kind: str, keys: str, more: str, key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text(kind, keys, more=more))
    problem = caught.value.problems[0]
    assert problem.key == f"network.{key}"
    assert message in problem.message
