"""The table of samples: each row is what stepping to that sample shows, bit for bit."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.samples import answers, sample_losses, samples_of, step_of_sample
from retrograde.engine.network.classifying import NO_CLASS, classes_of
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.travel.epochs import rightly
from tests.support import dags
from tests.support.effort import examples
from tests.support.networks import bits, executed_by, randoms, recipes
from tests.support.sequences import sequential


def _agrees(scenario: Scenario, epoch: int) -> None:
    """Holds every row of the table to the frame of the iteration that takes the sample, at the step that is named."""
    session = Session(scenario)
    timeline, schedule = session.timeline, session.schedule
    singles = len(session.network.losses) == 1
    loss = session.network.losses[0]
    for iteration in range(epoch * schedule.per_epoch, (epoch + 1) * schedule.per_epoch):
        table = samples_of(timeline, timeline.state(iteration))
        frame = timeline.frame(iteration)
        each = sample_losses(frame)
        for place, row in enumerate(schedule.rows(iteration)):
            number = step_of_sample(timeline, table.layer, int(row), epoch)
            session.seek(number)
            assert session.iteration == iteration
            assert session.sample == place or frame.program.batch == 1
            arrays = answers(frame.program, table.layer)
            found = [value for array in arrays for value in frame.array(array)[place].ravel().tolist()]
            assert list(map(bits, table.outputs[row].ravel().tolist())) == list(map(bits, found))
            if loss.over_batch == "sum" and singles:
                assert bits(float(table.losses[row])) == bits(float(each[place]))
            elif singles:
                assert float(table.losses[row]) == pytest.approx(float(each[place]) * len(each), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@given(recipe=recipes(samples=5), epoch=st.integers(0, 1))
@examples(40)
def test_each_row_is_what_stepping_to_the_sample_shows(executor: str, recipe: object, epoch: int) -> None:
    with executed_by(executor):
        _agrees(recipe.scenario, epoch)  # type: ignore[attr-defined]


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@given(random=randoms())
@examples(20)
def test_so_it_is_of_sequences_and_of_graphs(executor: str, random: Random) -> None:
    with executed_by(executor):
        _agrees(sequential(random).scenario, 1)
        _agrees(parse_scenario(dags.network(random)), 0)


def test_digits_are_counted_as_the_accuracy_counts_them() -> None:
    session = Session(load_scenario("digits"))
    state = session.timeline.state(57)
    table = samples_of(session.timeline, state)
    found = rightly(session.timeline, state)
    assert table.right is not None and found is not None
    assert (int(table.right.sum()), len(table)) == found
    confusion = table.confusion()
    assert confusion.sum() == len(table)
    assert np.trace(confusion) == found.right
    assert [table.dataset.label(k) for k in range(10)] == list("0123456789")
    # Kernels add in written order whatever the size of a batch: pieces of the data have the bits of the whole.
    frame = session.timeline.evaluated(state)
    assert (table.outputs[:, 0] == frame.array(session.network.output(frame.program))).all()


def test_an_output_that_is_no_number_names_no_class() -> None:
    hot = np.eye(2)[[0, 1]]
    found = classes_of(hot, np.array([[np.nan, np.nan], [0.1, 0.9]]))
    assert found is not None
    assert found.named.tolist() == [NO_CLASS, 1]
    single = classes_of(np.array([[0.0], [1.0]]), np.array([[np.nan], [0.7]]))
    assert single is not None
    assert single.named.tolist() == [NO_CLASS, 1]


def test_numbers_are_no_classes_and_positions_are_each_one() -> None:
    session = Session(load_scenario("linear-regression"))
    table = samples_of(session.timeline, session.timeline.state(0))
    assert table.right is None and table.confidence is None and table.confusion().shape == (0, 1)
    session = Session(load_scenario("tiny-transformer"))
    table = samples_of(session.timeline, session.timeline.state(0))
    assert table.confusion().sum() == 96 * 5
    assert table.dataset.label(2) == "C"


def test_what_is_held_out_has_a_table_of_its_own() -> None:
    with pytest.raises(EngineError, match="held out"):
        samples_of(Session(load_scenario("digits")).timeline, np.empty(0), held_out=True)
    recipe = """
format = 1
title = { en = "held out" }
[network]
inputs = 1
[[network.layers]]
units = 2
activation = "softmax"
[data]
inputs = [[1], [2], [3], [4], [5], [6]]
targets = [0, 1, 0, 1, 0, 1]
classes = ["even", "odd"]
[held_out]
share = 0.5
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""
    session = Session(parse_scenario(recipe))
    trained = samples_of(session.timeline, session.timeline.state(1))
    table = samples_of(session.timeline, session.timeline.state(1), held_out=True)
    again = samples_of(session.timeline, session.timeline.state(1))
    assert (trained.outputs == again.outputs).all()
    assert (len(table), table.dataset.label(1)) == (3, "odd")
    assert float(table.losses.mean()) == pytest.approx(session.timeline.held_out_loss(session.timeline.state(1)))
