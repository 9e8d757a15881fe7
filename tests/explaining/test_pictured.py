"""What pictures of a run are made of: each number is one that the network itself gives."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.courses import epoch_course, moments_of
from retrograde.engine.explaining.landscape import Landscape, movers, ref_at, way
from retrograde.engine.explaining.regions import CHUNK, Plane, Regions, why_no_regions
from retrograde.engine.explaining.spreads import (
    Spread,
    arrays_of,
    counted,
    edges_of,
    numbers,
    spread_course,
)
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.engine.travel.epochs import rightly


@cache
def run_of(name: str, epochs: int) -> Session:
    session = Session(load_scenario(name))
    session.run(epochs)
    return session


@pytest.mark.parametrize("name", ["two-moons", "xor-2-2-1", "iris"])
def test_regions_have_the_answers_of_the_network(name: str) -> None:
    session = run_of(name, 3)
    timeline = session.timeline
    state = timeline.state(session.iteration)
    inputs = session.network.dataset.inputs
    regions = Regions(timeline)
    last = session.network.layers[-1].name
    assert np.array_equal(regions.at(state, last, inputs), timeline.predictions(state))
    first = session.network.layers[0].name
    whole = timeline.evaluated(state)
    assert np.array_equal(regions.at(state, first, inputs), whole.array(whole.program.named[f"out_{first}"]))
    plane = Plane(across=1, up=0, through=tuple(inputs[0].tolist()))
    xs, ys = np.linspace(-1, 1, 40), np.linspace(2, -2, CHUNK // 40 + 5)
    found = regions.over(state, last, plane, xs, ys)
    assert found.shape == (len(ys), len(xs), timeline.predictions(state).shape[1])
    for row, column in ((0, 0), (len(ys) - 1, 3), (7, len(xs) - 1)):
        point = np.array(inputs[:1])
        point[0, 1], point[0, 0] = xs[column], ys[row]
        assert np.array_equal(found[row, column], regions.at(state, last, point)[0])


def test_a_text_an_image_and_one_input_have_no_plane() -> None:
    for name in ("tiny-transformer", "digits", "linear-regression", "lstm-two-steps"):
        session = Session(load_scenario(name))
        assert why_no_regions(session.network)
        with pytest.raises(EngineError):
            Regions(session.timeline)


@pytest.mark.parametrize("name", ["two-moons", "xor-2-2-1"])
def test_a_landscape_has_the_loss_of_the_data(name: str) -> None:
    session = run_of(name, 3)
    timeline = session.timeline
    updates = session.iteration + 1
    state = timeline.state(updates)
    land = Landscape(timeline)
    assert land.loss(state) == timeline.data_loss(state)
    across, up = movers(timeline, updates)
    here = state[[land.place(across), land.place(up)]]
    found = land.over(state, across, up, np.array([0.5, here[0]]), np.array([here[1], 2.0, -1.0]))
    assert found[0, 1] == timeline.data_loss(state)
    changed = np.array(state)
    changed[land.place(across)], changed[land.place(up)] = 0.5, -1.0
    assert found[2, 0] == timeline.data_loss(changed)


@pytest.mark.parametrize(
    "name", ["two-moons", "lstm-two-steps", "gru", "elman", "tiny-transformer", "weight-decay", "batch-norm"]
)
def test_a_landscape_is_the_same_bits_whatever_of_it_was_computed_before(name: str) -> None:
    session = Session(load_scenario(name))
    timeline = session.timeline
    state = timeline.state(0)
    land = Landscape(timeline)
    arrays = session.network.trainable
    for across, up in pairwise([*arrays, arrays[0]]):
        first, second = Ref(across, (0,) * len(across.shape)), Ref(up, tuple(size - 1 for size in up.shape))
        if first == second:
            continue
        xs, ys = np.array([0.3, -1.7]), np.array([2.5, 0.1])
        found = land.over(state, first, second, xs, ys)
        for row, column in np.ndindex(2, 2):
            moved = np.array(state)
            moved[land.place(first)], moved[land.place(second)] = xs[column], ys[row]
            assert found[row, column] == timeline.data_loss(moved)


def test_what_moved_furthest_and_its_way() -> None:
    session = run_of("xor-2-2-1", 40)
    timeline = session.timeline
    moved = np.abs(timeline.state(40) - timeline.state(0))
    first, second = movers(timeline, 40)
    program = session.schedule.full
    places = [program.offset(first), program.offset(second)]
    assert ref_at(program, places[0]) == first
    assert sorted(moved)[-2:] == [moved[places[1]], moved[places[0]]]
    moments, values = way(timeline, first, second, 40)
    assert moments.tolist() == list(range(41))
    for moment, pair in zip(moments.astype(int).tolist(), values, strict=True):
        assert np.array_equal(pair, timeline.state(moment)[places])
    with pytest.raises(InterruptedError):
        way(timeline, first, second, 40, lambda _done, _count: True)


def test_moments_are_ends_of_epochs_and_the_last_one() -> None:
    assert moments_of(6, 6, 30) == [6, 12, 18, 24, 30]
    assert moments_of(6, 6, 5) == []
    found = moments_of(3, 3, 3001, most=10)
    assert found[-1] == 3000
    assert len(found) <= 10
    assert all(one % 3 == 0 for one in found)


HELD = """
format = 1
[title]
en = "held out"
[network]
inputs = 1
[[network.layers]]
name = "o"
units = 1
activation = "sigmoid"
weights = [[0.5]]
biases = [0.1]
[data]
inputs = [[0], [1], [2], [3]]
targets = [[0], [0], [1], [1]]
[held_out]
inputs = [[1.4], [1.6], [5]]
targets = [[0], [1], [1]]
[loss]
kind = "half_squared_error"
over_batch = "REDUCTION"
[training]
learning_rate = 0.5
batch_size = 2
[stop]
epochs = 8
"""


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_course_has_the_losses_of_what_is_held_out(reduction: str, tmp_path: Path) -> None:
    file = tmp_path / "held.toml"
    file.write_text(HELD.replace("REDUCTION", reduction))
    session = Session(load_scenario(str(file)))
    session.run(8)
    timeline = session.timeline
    course = epoch_course(timeline, [2, 16])
    assert course.held_out is not None
    assert course.held_right is not None
    for at, updates in enumerate((2, 16)):
        state = timeline.state(updates)
        raw = timeline.held_out_loss(state)
        # A sum over three samples, as one over the two of an iteration.
        wanted = raw if reduction == "mean" else raw / 3 * 2
        assert course.held_out[at] == pytest.approx(wanted, rel=1e-14)
        found = rightly(timeline, state, held_out=True)
        assert found is not None
        assert course.held_right[at] == found.right / 3


def test_a_course_without_samples_that_are_held_out() -> None:
    session = run_of("two-moons", 3)
    course = epoch_course(session.timeline, [6, 18])
    assert course.held_out is None
    assert course.held_right is None
    assert course.right is not None
    for updates, share in zip((6, 18), course.right, strict=True):
        found = rightly(session.timeline, session.timeline.state(updates))
        assert found is not None
        assert share == found.right / found.samples


def test_revealed_numbers_are_counted_and_no_others() -> None:
    session = Session(load_scenario("two-moons"))
    program = session.program
    outputs = arrays_of(session.network, program, "h", Spread.OUTPUTS)
    gradients = arrays_of(session.network, program, "h", Spread.GRADIENTS)
    weights = arrays_of(session.network, program, "h", Spread.WEIGHTS)
    frame = session.frame
    assert len(numbers(frame, weights, 0)) == 24
    assert len(numbers(frame, outputs, 0)) == len(numbers(frame, gradients, 0)) == 0
    assert len(numbers(frame, outputs, program.steps)) == 20 * 8
    assert len(numbers(frame, gradients, program.steps)) == 24
    seen = 0
    for step in range(1, program.steps + 1):
        target = program.target(program.place(step - 1))
        seen += target.array in outputs
        if step % 37 == 0:
            assert len(numbers(frame, outputs, step)) == seen


def test_every_number_is_in_one_bin() -> None:
    values = np.random.default_rng(1).standard_normal(1000)
    values[::100] = np.nan
    finite = values[np.isfinite(values)]
    found = counted(values, edges_of(finite.min(), finite.max(), 17))
    assert found.counts.sum() == 990
    assert (found.total, found.odd) == (1000, 10)
    assert counted(np.zeros(3), edges_of(0.0, 0.0, 5)).counts.sum() == 3


def test_a_course_of_spreads_has_the_frames_of_the_run() -> None:
    session = run_of("two-moons", 3)
    course = spread_course(session.timeline, "o", Spread.OUTPUTS, [5, 17])
    for iteration, values in zip(course.iterations, course.values, strict=True):
        frame = session.timeline.frame(iteration)
        assert np.array_equal(values, frame.array(frame.program.named["out_o"]).ravel())
    low, high = course.range or (0.0, 0.0)
    assert low == min(values.min() for values in course.values)
    assert high == max(values.max() for values in course.values)
