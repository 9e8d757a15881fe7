"""A race on the screen: after a run the curves of all variants, a table by epoch, and Enter opens one."""

from __future__ import annotations

from retrograde.engine import load_scenario
from retrograde.engine.session.race import compared, lap_of, milestones
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.race import RaceScreen

NAMES = ("momentum", "adagrad", "rmsprop", "adam", "rprop")


def test_a_lap_has_the_losses_of_some_epochs() -> None:
    lap = lap_of(load_scenario("optimiser-race:rprop"), None, 1000)
    assert (lap.name, lap.outcome.epoch, lap.per_epoch) == ("rprop", 19, 1)
    assert list(lap.losses) == [1, 2, 5, 10]
    points = lap.history.points()
    assert points[1][9] == lap.losses[10]
    assert compared((lap,), 1000) == [1, 2, 5, 10]
    assert len(compared((lap,), 10)) == 4 and milestones(1) == [1]


async def test_after_a_run_the_variants_are_drawn_beside_it_and_enter_opens_one(opened) -> None:
    async with opened("optimiser-race", size=(120, 40)) as driver:
        await driver.press("r")
        await driver.until(lambda: "fell below" in driver.text())
        await driver.until(lambda: all(name in driver.text() for name in NAMES))
        plot = driver.main.parts.panels["loss"]._view().plot
        assert plot is not None and len(plot.series) == 6
        assert len({one.dashes for one in plot.series}) == 6, "told apart without colour"
        await driver.press("R")
        await driver.until(lambda: isinstance(driver.app.screen, RaceScreen))
        await driver.settle()
        text = driver.text()
        assert "below 0.01 in epoch" in text and "728" in text and "epoch 1" in text
        for size in ((20, 6), (80, 24)):
            await driver.resize(*size)
        await driver.press("down", "enter")
        await driver.until(
            lambda: isinstance(driver.app.screen, DebuggerScreen) and driver.app.screen.shown is not None
        )
        await driver.until(lambda: driver.session.scenario.name == "optimiser-race:momentum")
        await driver.write("race")
        assert "no variants" in driver.text(), "a variant has none"
