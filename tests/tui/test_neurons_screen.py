"""The neurons of a layer: shares and means are those of the samples one by one, and dead is what never answers."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.explaining.neurons import images_of, neurons_of, weights_into, weights_out_of
from retrograde.engine.explaining.samples import answers
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.reading.neurons import NeuronReading
from retrograde.tui.screens.neurons import NeuronScreen
from retrograde.tui.views.neurons import neurons_table, percent

SIZES = ((20, 6), (80, 24))


def _session(name: str, where: str) -> Session:
    session = Session(load_scenario(name))
    session.seek(where)
    return session


def test_the_numbers_are_those_of_the_samples_one_by_one() -> None:
    session = _session("iris", "5")
    table = neurons_of(session.timeline, session.reached, "h")
    program = session.network.evaluation(1)
    out = answers(program, "h")[0]
    rows = []
    for _rows, frame in session.timeline.singly(session.reached):
        named = frame.program.named[out.name]
        rows.append(frame.array(named)[0])
    outs = np.array(rows)
    assert table.count == 150
    np.testing.assert_allclose(table.mean, outs.mean(axis=0))
    np.testing.assert_allclose(table.high, outs.max(axis=0))
    assert table.by_class is not None
    np.testing.assert_allclose(table.by_class[1], outs[50:100].mean(axis=0))


def test_a_neuron_that_never_answers_is_dead() -> None:
    session = _session("deep-relu-zeros", "start")
    table = neurons_of(session.timeline, session.reached, "h1")
    assert table.dead == tuple(range(len(table)))
    assert (table.zeros == 1.0).all()
    session = Session(load_scenario("digits"))
    session.set_value("b_h3", -1000.0)
    session.seek("1:2")
    assert 2 in neurons_of(session.timeline, session.reached, "h").dead


def test_weights_and_images_are_those_of_the_network() -> None:
    session = _session("digits", "1")
    table = neurons_of(session.timeline, session.reached, "h")
    weights = session.reached[: 32 * 64].reshape(32, 64)
    image = images_of(table, 4, (8, 8))
    assert image is not None
    assert (image[0] == weights[4].reshape(8, 8)).all()
    into = weights_into(table, 4)
    assert abs(into[0].value) == np.abs(weights[4]).max()
    assert [one.weights.name for one in weights_out_of(table, 4)] == ["W_o"] * 5
    assert all(one.index[1] == 4 for one in weights_out_of(table, 4))


@pytest.mark.parametrize(
    "name", ["mazur", "elman", "gru", "cs231n-conv", "tiny-transformer", "cs231n-circuit", "dropout"]
)
def test_every_kind_of_layer_has_a_table(name: str) -> None:
    session = Session(load_scenario(name))
    for info in session.network.layers:
        reading = NeuronReading.of(session, info.name)
        count = len(reading.table)
        for glyphs in (ASCII, UNICODE):
            view = neurons_table(reading, range(count), max(count - 1, 0), glyphs, by_zeros=False)
            assert view.count == count
            assert all(len(row) == len(view.columns) for row in view.rows)


def test_only_all_is_a_hundred_percent() -> None:
    assert [percent(share) for share in (0.0, 1e-6, 0.5, 1 - 1e-6, 1.0)] == [
        "0 %",
        "0.1 %",
        "50.0 %",
        "99.9 %",
        "100 %",
    ]


async def test_a_key_shows_the_neurons_and_enter_goes_to_the_step(opened) -> None:
    async with opened("xor-2-2-1", size=(120, 36)) as driver:
        await driver.write("neuron h2")
        await driver.until(lambda: isinstance(driver.app.screen, NeuronScreen))
        await driver.settle()
        assert "neurons of h" in driver.text() and "largest weights out" in driver.text()
        for size in SIZES:
            await driver.resize(*size)
        await driver.press("s", "s", "right")
        await driver.until(lambda: "neurons of o" in driver.text())
        await driver.press("left")
        await driver.until(lambda: "neurons of h" in driver.text())
        await driver.press("down", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        step = driver.session.current
        assert step is not None and driver.session.symbol(step.target) == "out_h2"
        await driver.press("U")
        await driver.until(lambda: isinstance(driver.app.screen, NeuronScreen))
        await driver.press("escape")
        await driver.write("neuron nothing")
        assert "is no neuron" in driver.text()
