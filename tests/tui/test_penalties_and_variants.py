"""The screen with penalties, where L comes before E, and the variants of a scenario in the list."""

from __future__ import annotations

from typing import Any

from retrograde.engine.equations.expression import Ref
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.reading.reading import Reading
from retrograde.tui.screens.picker import PickerScreen
from retrograde.tui.views.chain import chain
from retrograde.tui.views.loss import loss_label, loss_so_far


def at(session: Session, name: str) -> Reading:
    step = session.schedule.full.produced(session.resolve(name))
    assert step is not None
    session.seek(step + 1)
    return Reading.of(session)


def test_the_loss_of_the_samples_stands_where_e_is_not_known_yet() -> None:
    session = Session(load_scenario("weight-decay"))
    session.seek(1)
    assert loss_so_far(Reading.of(session)) is None
    first = session.schedule.full.number_of_first(5)
    session.seek(first + 3)
    found = loss_so_far(Reading.of(session))
    assert found is not None
    assert (found[0], found[2]) == ("L", 1)
    assert "".join(span.text for span in loss_label(Reading.of(session), 5)).endswith("(1 of 4 samples)")
    reading = at(session, "E")
    assert loss_so_far(reading) == ("E", session.measure("E", 0), 4)


def test_the_gradient_of_the_samples_loss_unfolds_as_that() -> None:
    session = Session(load_scenario("weight-decay"))
    reading = at(session, "grad_loss(w7)")
    assert reading.step is not None
    left, factors = chain(reading, reading.step)
    assert left == "="
    assert [(factor.above, factor.below) for factor in factors] == [
        ("∂L{4}", "∂w7"),
        ("∂L", "∂out_o1"),
        ("∂out_o1", "∂net_o1"),
        ("∂net_o1", "∂w7"),
    ]
    assert reading.symbol(Ref(reading.program.named["grad_loss(W_o)"], (0, 0))) == "∂L/∂w7"
    whole = at(session, "grad(w7)")
    assert whole.step is not None
    assert chain(whole, whole.step) == ("", ())


async def test_the_list_has_the_variants_of_a_scenario(opened: Any) -> None:
    async with opened(None) as driver:
        assert isinstance(driver.app.screen, PickerScreen)
        await driver.press(*"race:ad")
        await driver.until(lambda: "optimiser-race:adam" in driver.text())
        assert "optimiser-race:adagrad" in driver.text()
        assert "optimiser-race:rprop" not in driver.text()
        await driver.press(*"am", "enter")
        await driver.until(lambda: driver.app.session is not None)
        assert driver.session.scenario.name == "optimiser-race:adam"
        assert driver.session.scenario.training.optimizer == "adam"
