"""How long a key takes until the screen shows what it did."""

from __future__ import annotations

import asyncio
import inspect
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.tui.app import RetrogradeApp
from retrograde.tui.debugger.screen import DebuggerScreen
from tests.bench.harness import Effort, Row, duration, percentile

SIZE = (120, 36)
STEPPING = (
    *("right",) * 12, "left", "right", "n", "n", "N", "f", "f", "F", "v", "right_square_bracket", *("right",) * 4,
    *("left",) * 6, "left_square_bracket", "right_curly_bracket", "left_curly_bracket", "down", "up", "w", "backspace",
)  # fmt: skip
WATCHING = ("tab", "2", "p", "4", "shift+tab", "1", "3", "p", "p")
PATIENCE = 2.0
"""Seconds after which a key has painted nothing."""
SETTLED = 0.03
"""Seconds without a paint after which a key's work is done."""


@dataclass
class Paints:
    """When the terminal was written to, by the clock and by the processor time used so far."""

    clock: float = 0.0
    used: float = 0.0
    happened: asyncio.Event = field(default_factory=asyncio.Event)


class _Terminal(HeadlessDriver):
    """A terminal that takes everything an app writes, and knows when."""

    paints: Paints

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        paints = self.paints
        paints.clock, paints.used = time.perf_counter(), time.process_time()
        paints.happened.set()


@dataclass
class Typist:
    """Presses keys in an app and waits for the paint.

    Attributes:
        app: the app, which runs.
        screen: the debugger's screen.
        paints: what the terminal saw.
        work: processor seconds from each key to its paint.
        clock: seconds from each key to its paint, with the wait for the next frame.
    """

    app: RetrogradeApp
    screen: DebuggerScreen
    paints: Paints
    work: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Learns when a key's command has been done: a paint from before it does not count."""
        action: Any = self.screen.action_command
        paints = self.paints

        async def done(name: str) -> None:
            outcome = action(name)
            if inspect.isawaitable(outcome):
                await outcome
            paints.happened.clear()

        self.screen.action_command = done  # type: ignore[method-assign, assignment]

    async def press(self, key: str, *, settle: bool) -> None:
        """Presses a key and notes how long its paint takes; notes nothing where nothing is painted."""
        paints = self.paints
        driver = self.app._driver
        assert driver is not None
        paints.happened.clear()
        start, used = time.perf_counter(), time.process_time()
        driver.process_message(Key(key, key if len(key) == 1 else None))
        try:
            await asyncio.wait_for(paints.happened.wait(), PATIENCE)
            while settle:
                paints.happened.clear()
                await asyncio.wait_for(paints.happened.wait(), SETTLED)
        except TimeoutError:
            if paints.clock <= start:
                return
        self.work.append(paints.used - used)
        self.clock.append(paints.clock - start)


async def _type(scenario: Scenario, keys: Sequence[str], *, during_run: bool) -> Typist:
    app = RetrogradeApp(scenario)
    paints = Paints()
    _Terminal.paints = paints
    app.driver_class = _Terminal
    task = asyncio.create_task(app.run_async(size=SIZE))
    while not (
        isinstance(app._running and app.screen_stack and app.screen, DebuggerScreen) and app.session is not None
    ):
        await asyncio.sleep(0.01)
        assert not task.done(), "the app ended"
    await asyncio.sleep(0.3)
    assert isinstance(app.screen, DebuggerScreen)
    typist = Typist(app, app.screen, paints)
    if during_run:
        await typist.press("r", settle=False)
        await asyncio.sleep(0.3)
        typist.work.clear()
        typist.clock.clear()
    for number, key in enumerate(keys):
        await typist.press(key, settle=not during_run)
        if during_run:
            # Not in step with the progress that is painted ten times a second.
            await asyncio.sleep(0.005 + 0.013 * (number % 7))
            assert typist.screen.parts.working.work is not None, "the run ended before the keys"
    if during_run:
        while typist.screen.parts.working.work is not None:
            typist.screen.parts.working.work.cancel()
            await asyncio.sleep(0.01)
    app.exit()
    await task
    return typist


def _endless(scenario: Scenario) -> Scenario:
    """A training that goes on for as long as it is watched."""
    stop = scenario.stop.model_copy(update={"epochs": 10**9})
    return scenario.model_copy(update={"stop": stop})


def keys(effort: Effort) -> list[Row]:
    """From a key to the painted screen: the processor time that it takes."""
    rows = []
    for name in ("mazur", "digits"):
        typist = asyncio.run(_type(load_scenario(name), STEPPING * effort.count(6), during_run=False))
        rows.append(
            Row(
                what=f"key press to painted, our own work, {name}: 95th percentile",
                figure=percentile(typist.work, 0.95) * 1e3,
                unit="ms",
                bound=16.0,
                detail=(
                    f"median {duration(statistics.median(typist.work))}, longest {duration(max(typist.work))} "
                    f"of {len(typist.work)} keys; by the clock, with the wait for the next frame, 95th percentile "
                    f"{duration(percentile(typist.clock, 0.95))}"
                ),
            )
        )
    return rows


def running(effort: Effort) -> list[Row]:
    """From a key to the painted screen while a run goes on: the processor time of the screen and of the run.

    The run never rests, so on a machine with nothing else to do this is the time by the clock.
    """
    rows = []
    for name in ("mazur", "digits"):
        scenario = _endless(load_scenario(name))
        typist = asyncio.run(_type(scenario, WATCHING * effort.count(12), during_run=True))
        rows.append(
            Row(
                what=f"key press to painted during a run, our own work, {name}: 95th percentile",
                figure=percentile(typist.work, 0.95) * 1e3,
                unit="ms",
                bound=50.0,
                detail=(
                    f"the run's work and the wait for the next frame in it: median "
                    f"{duration(statistics.median(typist.work))}, longest {duration(max(typist.work))} "
                    f"of {len(typist.work)} keys; by the clock, whatever else this machine does, median "
                    f"{duration(statistics.median(typist.clock))}, 95th percentile "
                    f"{duration(percentile(typist.clock, 0.95))}"
                ),
            )
        )
    return rows
