"""Batch norm, dropout and label smoothing by themselves: what they remember, draw, refuse, and say."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import ScenarioError
from retrograde.engine.ops.dropout import Coins
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from tests.support.networks import EXECUTORS, executed_by

TEXT = """
format = 1
title = { en = "Layers" }
[network]
inputs = 4
seed = 5
INPUTS
LAYERS
[[network.layers]]
name = "o"
units = 3
activation = "softmax"
[data]
inputs = [[1, 2, 0.5, 1], [0.5, -1, 2, 3], [2, 0, 1, -1], [-1, 1.5, 0, 0.5], [3, 1, -2, 0]]
targets = [0, 1, 2, 1, 0]
classes = 3
[loss]
kind = "cross_entropy"
LOSS
[training]
learning_rate = 0.1
TRAINING
[stop]
epochs = 6
"""


def session(layers: str = "", *, inputs: str = "", loss: str = "", training: str = "") -> Session:
    """A session with some layers before the output."""
    tables = "".join(f"[[network.layers]]\n{table}\n" for table in layers.split(";") if table)
    text = TEXT.replace("LAYERS", tables).replace("INPUTS", inputs).replace("LOSS", loss)
    return Session(parse_scenario(text.replace("TRAINING", training)))


NORM = 'name = "n"\nkind = "batch_norm"'
DROP = 'name = "d"\nkind = "dropout"\nrate = 0.4'


# -- batch norm


def test_the_running_averages_are_those_of_the_batches() -> None:
    made = session(NORM + "\nmomentum = 0.25")
    x = made.network.dataset.inputs
    mean, variance = np.zeros(4), np.ones(4)
    for iteration in range(4):
        state, program = made.timeline.state(iteration), made.program
        for name, wanted in (("running_mean_n", mean), ("running_var_n", variance)):
            start = program.offsets[program.named[name]]
            np.testing.assert_allclose(state[start : start + 4], wanted, rtol=1e-13)
        mean, variance = 0.75 * mean + 0.25 * x.mean(axis=0), 0.75 * variance + 0.25 * x.var(axis=0, ddof=1)


def test_an_evaluation_takes_the_running_averages_and_trains_nothing() -> None:
    made = session(NORM + "\naffine = false\nepsilon = 0.5")
    x = made.network.dataset.inputs
    program = made.network.evaluation(5)
    assert {"mu_n", "var_n", "new(running_mean_n)"}.isdisjoint(program.named)
    frame = made.timeline.evaluated(made.network.initial_state)
    np.testing.assert_allclose(frame.array(frame.program.named["net_n"]), x / sqrt(1.5), rtol=1e-15)


def test_channels_are_normalised_over_their_positions() -> None:
    made = session(NORM, inputs="input_shape = [2, 2]", training="batch_size = 1")
    frame = made.timeline.frame(0)
    x = made.network.dataset.inputs[0].reshape(2, 2)
    np.testing.assert_allclose(frame.array(made.program.named["mu_n"]), x.mean(axis=1))
    np.testing.assert_allclose(frame.array(made.program.named["var_n"]), x.var(axis=1))
    normal = frame.array(made.program.named["xhat_n"])[0]
    np.testing.assert_allclose(normal.mean(axis=1), 0, atol=1e-12)
    # One sample waits for no other.
    assert sum(segment.sampled for segment in made.program.segments) == 1


def test_the_samples_wait_where_a_sum_is_read_and_only_there() -> None:
    dense = 'name = "h"\nunits = 2'
    made = session(f"{dense};{NORM}")
    names = [
        [made.program.ops[segment.first + k].target.name for k in range(len(segment.offsets) - 1)]
        for segment in made.program.segments
    ]
    starts = [group[0] for group in names]
    assert starts == ["net_h", "var_n", "xhat_n", "grad(mu_n)", "grad(out_h)", "new(W_h)"]
    assert names[-1][-2:] == ["new(running_mean_n)", "new(running_var_n)"], "they come with the updates"


def test_steps_are_written_as_in_the_paper() -> None:
    made = session(f'name = "h"\nunits = 1\nactivation = "identity";{NORM}')
    texts: dict[str, str] = {}
    while made.step() and made.iteration == 0 and made.current is not None:
        texts.setdefault(made.current.symbol, made.current.text(digits=3)[0])
    assert texts["μ_n1"] == "out_h1 / 5"
    assert texts["σ²_n1"] == "(out_h1 − μ_n1)² / 5"
    assert texts["x̂_n1"] == "(out_h1 − μ_n1) / √(σ²_n1 + 1e-05)"
    assert texts["net_n1"] == "γ_n1 · x̂_n1 + β_n1"
    assert texts["∂E/∂x̂_n1"] == "δ_n1 · γ_n1"
    below = "(2 · (σ²_n1 + 1e-05) · √(σ²_n1 + 1e-05))"
    assert texts["∂E/∂σ²_n1"] == f"−∂E/∂x̂_n1 · (out_h1 − μ_n1) / {below}"
    assert texts["∂E/∂μ_n1"] == "−∂E/∂x̂_n1 / √(σ²_n1 + 1e-05) − ∂E/∂σ²_n1 · 2/5 · (out_h1 − μ_n1)"
    three = "∂E/∂x̂_n1 · (1 / √(σ²_n1 + 1e-05)) + ∂E/∂σ²_n1 · 2/5 · (out_h1 − μ_n1) + ∂E/∂μ_n1 / 5"
    assert texts["∂E/∂out_h1"] == three
    assert texts["running_var_n1⁺"] == "0.9 · running_var_n1 + 0.1 · 5/4 · σ²_n1"


def test_a_value_of_all_samples_is_explained_by_the_samples_that_read_it() -> None:
    made = session(NORM)
    found = made.uses(Ref(made.program.named["mu_n"], (2,)))
    names = {made.program.ops[place.op].target.name for place in found}
    assert names == {"var_n", "xhat_n", "new(running_mean_n)"}


# -- dropout


def test_a_mask_is_of_its_iteration_its_layer_and_its_seed_alone() -> None:
    coins = Coins(shape=(50, 40), rate=0.3, seed=7, layer=2)
    mask = coins.values(3, 10)
    assert np.array_equal(mask, coins.values(3, 1))
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert abs(np.mean(mask == 0.0) - 0.3) < 0.03
    others = [
        coins.values(4, 10),
        Coins(shape=(50, 40), rate=0.3, seed=8, layer=2).values(3, 10),
        Coins(shape=(50, 40), rate=0.3, seed=7, layer=3).values(3, 10),
        Coins(shape=(50, 40), rate=0.3, seed=7, layer=2, time=1).values(3, 10),
    ]
    for other in others:
        # Independent masks agree in 0.58 of their places.
        assert abs(np.mean(other == mask) - 0.58) < 0.05


@pytest.mark.parametrize("executor", EXECUTORS)
def test_masks_come_back_and_are_others_in_each_iteration(executor: str) -> None:
    with executed_by(executor):
        made = session(DROP, training="batch_size = 2")
        mask = [np.array(made.timeline.frame(k).array(masks_of(made, k)[0])) for k in range(9)]
        assert [values.shape for values in mask[:3]] == [(2, 4), (2, 4), (1, 4)]
        assert len({values.tobytes() for values in mask if len(values) == 2}) > 4
        made.run()
        again = session(DROP, training="batch_size = 2")
        for k in (8, 0, 5):
            assert np.array_equal(again.timeline.frame(k).array(masks_of(again, k)[0]), mask[k])


def masks_of(made: Session, iteration: int) -> list[Array]:
    program = made.schedule.program(iteration)
    return [array for array in program.leaves if array.role is Role.MASK]


def test_what_is_left_out_learns_nothing_and_the_rest_is_scaled() -> None:
    made = session(f'name = "h"\nunits = 4;{DROP}')
    frame = made.timeline.frame(1)
    named = frame.program.named
    mask, before, after = (frame.array(named[name]) for name in ("mask_d", "out_h", "out_d"))
    np.testing.assert_allclose(after, np.where(mask == 1, before / 0.6, 0.0), rtol=1e-15)
    assert np.all(frame.array(named["grad(net_h)"])[mask == 0] == 0)
    assert np.all(frame.array(named["grad(net_h)"])[mask == 1] != 0)


def test_an_evaluation_leaves_nothing_out() -> None:
    made = session(DROP)
    plain = session()
    state = plain.network.initial_state
    assert np.array_equal(made.timeline.predictions(state), plain.timeline.predictions(state))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_mask_can_be_edited_and_counts_in_its_iteration_alone(executor: str) -> None:
    with executed_by(executor):
        made = session(DROP)
        made.seek(10)
        mask = made.program.named["mask_d"]
        before = np.array(made.frame.array(mask))
        value = 1.0 - before[0, 1]
        branch = made.edit({"mask_d2": value})
        assert made.frame.array(mask)[0, 1] == value
        made.run()
        assert branch.name == made.branch.name
        after = np.array(made.timeline.frame(0).array(mask))
        assert np.count_nonzero(after != before) == 1
        made.undo()
        assert np.array_equal(made.timeline.frame(0).array(mask), before)


def test_whole_channels_are_left_out_together() -> None:
    made = session(DROP + "\nwhole_channels = true", inputs="input_shape = [2, 2]")
    frame = made.timeline.frame(0)
    assert frame.array(frame.program.named["mask_d"]).shape == (5, 2)
    after = frame.array(frame.program.named["out_d"])
    inputs = made.network.dataset.inputs.reshape(5, 2, 2)
    gone = np.all(after == 0, axis=2)
    assert np.array_equal(gone, frame.array(frame.program.named["mask_d"]) == 0)
    np.testing.assert_allclose(after[~gone], inputs[~gone] / 0.6)


# -- label smoothing


def test_targets_are_smoothed_by_the_textbook() -> None:
    made = session(loss="label_smoothing = 0.3")
    frame = made.timeline.frame(0)
    smooth = frame.array(frame.program.named["smooth_o"])
    np.testing.assert_allclose(smooth, 0.7 * made.network.dataset.targets + 0.1, rtol=1e-15)
    step = made.explain(Ref(frame.program.named["smooth_o"], (0, 1)))
    assert step is not None
    assert step.symbol == "t′_o2"
    assert step.text(digits=3)[0] == "(1 − 0.3) · t_o2 + 0.3 / 3"
    assert made.notation.resolve("t′_o2", made.program) == made.notation.resolve("smooth_o2", made.program)


# -- what is refused


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        (NORM, {"training": "batch_size = 1"}, "batch_norm needs 2 samples in every iteration"),
        (NORM, {"training": "batch_size = 2"}, "one has 1 (of 5, 2 each)"),
        (NORM + "\ngamma = [1, 2]", {}, "2 values where the layer needs 4"),
        (NORM + "\naffine = false\nbeta = [1, 2, 3, 4]", {}, "beta is given, but affine = false leaves it out"),
        (NORM + '\naffine = false\nfrozen = ["gamma"]', {}, "this layer has no parameter gamma"),
        (NORM + "\nepsilon = 0.0", {}, "0.0 is too small; more than 0 is needed"),
        (DROP.replace("0.4", "1.0"), {}, "1.0 is too large"),
        (DROP + "\nwhole_channels = true", {}, "have no axis besides that of the channels"),
        ("", {"loss": "label_smoothing = 2.0"}, "2.0 is too large"),
    ],
)
def test_what_makes_no_sense_is_refused(layers: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        session(layers, **options)
    assert message in str(caught.value)


def test_smoothing_belongs_to_classes() -> None:
    text = TEXT.replace("LAYERS", "").replace("INPUTS", "").replace("TRAINING", "")
    with pytest.raises(ScenarioError, match="label_smoothing belongs to cross_entropy; this loss is squared_error"):
        parse_scenario(text.replace("cross_entropy", "squared_error").replace("LOSS", "label_smoothing = 0.1"))


# -- masks that are given


ROWS = "[[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 0], [1, 0, 0, 1], [0, 1, 1, 1]]"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_mask_that_is_given_is_that_of_each_sample_in_every_iteration(executor: str) -> None:
    with executed_by(executor):
        made = session(f"{DROP}\nmask = {ROWS}", training="batch_size = 2\nshuffle = 'seeded'")
    x, mask = made.network.dataset.inputs, np.array(given_rows())
    for iteration in range(6):
        frame = made.timeline.frame(iteration)
        named = frame.program.named
        rows = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in frame.array(named["i"])]
        assert frame.array(named["mask_d"]).tolist() == mask[rows].tolist()
        np.testing.assert_array_equal(frame.array(named["out_d"]), x[rows] * (mask[rows] / (1 - 0.4)))
    evaluated = made.timeline.evaluated(made.network.initial_state)
    np.testing.assert_array_equal(evaluated.array(evaluated.program.named["out_d"]), x)


def given_rows() -> list[list[int]]:
    rows: list[list[int]] = json.loads(ROWS)
    return rows


def test_a_mask_comes_from_an_array_of_the_file_of_samples(tmp_path: Path) -> None:
    text = TEXT.replace("LAYERS", f'[[network.layers]]\n{DROP}\nmask = "noise"').replace("LOSS", "")
    text = text.replace("INPUTS", "").replace("TRAINING", "")
    kept = [line for line in text.splitlines() if not line.startswith(("inputs = [[", "targets = "))]
    file = tmp_path / "one.toml"
    file.write_text("\n".join(kept).replace("[data]", '[data]\nfile = "data.npz"\nrows = "2-4"'))
    given = {"inputs": np.arange(20.0).reshape(5, 4), "targets": np.array([0, 1, 2, 1, 0])}
    np.savez(tmp_path / "data.npz", **given, noise=np.array(given_rows(), dtype=np.float64))
    frame = Session(load_scenario(file)).timeline.frame(0)
    assert frame.array(frame.program.named["mask_d"]).tolist() == given_rows()[1:4]
    np.savez(tmp_path / "data.npz", **given, noise=np.full((5, 4), 0.5))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    (problem,) = caught.value.problems
    assert problem.key == "network.layers[1].mask"
    assert "1 for what stays; this is 0.5" in problem.message


@pytest.mark.parametrize(
    ("mask", "key", "message"),
    [
        ("[[1, 0, 1, 1]]", "mask", "1 rows of masks for 5 samples"),
        (ROWS.replace("[1, 1, 1, 0]", "[1, 1, 0]"), "mask[3]", "a row of the mask has 3 numbers, and 4 values"),
        (ROWS.replace("[1, 1, 1, 0]", "[1, 1, 2, 0]"), "mask[3][3]", "1 for what stays; this is 2"),
        ('"noise"', "mask", "noise names an array or columns, and there is no NPZ file"),
    ],
)
def test_wrong_masks_are_refused_at_their_place(mask: str, key: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        session(f"{DROP}\nmask = {mask}")
    (problem,) = caught.value.problems
    assert problem.key == f"network.layers[1].{key}"
    assert message in problem.message
