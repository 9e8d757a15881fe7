"""The order of the table of weights: every parameter once, the largest first, and the same in pieces as in one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.weights import WEIGHT_ORDERS
from retrograde.tui.views import weight_order
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.views.weight_order import WeightOrder
from retrograde.tui.views.weights import weights_view
from tests.support.effort import examples


@given(
    keys=st.lists(st.sampled_from((np.nan, -np.inf, -2.0, -1.0, -0.5, 0.0)), min_size=1, max_size=12),
    whole=st.booleans(),
    data=st.data(),
)
@examples(200)
def test_pieces_are_those_of_the_whole_order(keys: list[float], whole: bool, data: st.DataObject) -> None:
    order = WeightOrder(numbers=None, count=len(keys), keys=np.array(keys))
    expected = np.argsort(np.array(keys), kind="stable").tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weight_order, "MOST_SORTED", 100 if whole else 0)
        first = data.draw(st.integers(0, len(keys) - 1))
        last = data.draw(st.integers(first, len(keys) + 2))
        assert order.window(first, last) == expected[first:last]
    for place, number in enumerate(expected):
        assert order.place(number) == place


@pytest.mark.parametrize("name", ["mazur", "elman", "lstm-two-steps"])
@pytest.mark.parametrize("position", ["start", "1:1:20", "3"])
def test_each_order_is_that_of_the_numbers_on_the_screen(name: str, position: str) -> None:
    session = Session(load_scenario(name))
    session.seek(position)
    reading = Reading.of(session)
    parameters = Parameters(reading)
    for order in WEIGHT_ORDERS:
        view = weights_view(reading, parameters, Lens(order=order), None, window=1000)
        assert view.count == len(parameters) and len({row.name for row in view.rows}) == len(view.rows)
        if order == "file":
            continue
        shown = [
            {
                "value": row.value if row.new is None else row.new,
                "gradient": None if row.partial else row.gradient,
                "update": None if row.new is None or row.value is None else row.new - row.value,
                "start": row.change,
            }[order]
            for row in view.rows
        ]
        known = [abs(value) for value in shown if value is not None]
        assert known == sorted(known, reverse=True)
        assert all(value is None for value in shown[len(known) :]), "what is not known comes last"


def test_the_weight_that_changed_most_in_an_epoch_is_the_first_row() -> None:
    session = Session(load_scenario("digits"))
    session.seek("1")
    reading = Reading.of(session)
    parameters = Parameters(reading)
    view = weights_view(
        reading, parameters, Lens(order="start", weight=parameters.find(reading.step.target) or 0), None
    )
    top = WeightOrder.of(reading, parameters, "start", "").window(0, 1)[0]
    ref = parameters.ref(top)
    state = session.timeline.state(57)
    program, moved = session.program, 0.0
    start = 0
    for array in program.state:
        now = state[start : start + array.size]
        moved = max(moved, float(np.abs(now - session.network.parameters[array].ravel()).max()))
        start += array.size
    assert abs(session.value(session.notation.name(ref)) - session.network.parameters[ref.array][ref.index]) == moved
    assert view.order == "start"


async def test_a_key_sorts_and_a_command_filters(opened) -> None:
    async with opened("mazur", size=(120, 36)) as driver:
        await driver.press("right_curly_bracket", "O", "O")
        assert "↓∂E/∂w" in driver.text()
        await driver.write("sort start")
        assert "Δ start" in driver.text()
        first = driver.main.parts.selecting._desk.selected
        await driver.press("down", "down", "up", "up")
        assert driver.main.parts.selecting._desk.selected == first
        await driver.write("filter w5")
        desk = driver.main.parts.selecting._desk
        assert driver.session.symbol(desk.selected) == "w5"
        await driver.write("sort wrong")
        assert "not sorted by wrong" in driver.text()
        await driver.press("escape")
        await driver.write("filter nothing")
        assert "no parameter has nothing in its name" in driver.text()
        await driver.press("escape")
        await driver.press("slash")
        driver.app.screen.query_one("Input").value = "w1"
        await driver.press("enter")
        assert desk.lens.kept == "", "a search looks at all"
        await driver.write("filter")
        for size in ((20, 6), (200, 60)):
            await driver.resize(*size)
