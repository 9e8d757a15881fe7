"""How long a key takes until the screen shows what it did, beside an app whose panels paint fixed rows."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

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
BESIDE: Mapping[str, float] = {"mazur": 1.5, "digits": 2.0, "lenet-digits": 2.0}
"""How much of the yardstick's processor time a key may take, by scenario."""
SPEAK = "A"
"""The key that changes the language."""
LANGUAGE_KEYS = 2.0
"""Keys in whose time the language is changed."""


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


def _terminal(paints: Paints) -> type[_Terminal]:
    """A terminal that notes the paints of one app, since two run side by side."""
    return type("_Noted", (_Terminal,), {"paints": paints})


class _FixedPanel(Widget):
    """A panel on the Line API that paints the same rows at every paint."""

    def __init__(self, place: Region, rows: Sequence[Strip]) -> None:
        super().__init__()
        self.place = place
        self.rows = rows

    def render_line(self, y: int) -> Strip:
        return self.rows[y] if y < len(self.rows) else Strip.blank(self.size.width)


class _Places(Layout):
    """Puts the fixed panels where the panels of the app lie."""

    name = "places"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        panels = cast("list[_FixedPanel]", children)
        return [WidgetPlacement(panel.place, NULL_OFFSET, NULL_SPACING, panel) for panel in panels]


_PLACES = _Places()


class _FixedScreen(Screen[None]):
    """The yardstick's screen: every key has all panels painted again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, f"command('{key}')") for key in sorted({*STEPPING, SPEAK})]

    def __init__(self, panels: Sequence[_FixedPanel]) -> None:
        super().__init__()
        self._panels = panels

    def compose(self) -> ComposeResult:
        yield from self._panels

    @property
    def layout(self) -> Layout:
        return _PLACES

    def action_command(self, name: str) -> None:
        for panel in self._panels:
            panel.refresh()


class _FixedApp(App[None]):
    """The yardstick: as many panels as the app has, with the rows that the app showed."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, screen: DebuggerScreen) -> None:
        super().__init__()
        shown = [screen.pieces[name] for name in screen.placed]
        self._panels = [
            _FixedPanel(widget.region, [widget.render_line(y) for y in range(widget.size.height)])
            for widget in shown
            if widget.region.area
        ]

    def on_mount(self) -> None:
        self.push_screen(_FixedScreen(self._panels))


@dataclass
class Typist:
    """Presses keys in an app and waits for the paint.

    Attributes:
        app: the app, which runs.
        screen: the screen that has the keys.
        paints: what the terminal saw.
        work: processor seconds from each key to its paint.
        clock: seconds from each key to its paint, with the wait for the next frame.
    """

    app: App[Any]
    screen: Screen[Any]
    paints: Paints
    work: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Learns when a key's command has been done: a paint from before it does not count."""
        screen: Any = self.screen
        action: Any = screen.action_command
        paints = self.paints

        async def done(name: str) -> None:
            outcome = action(name)
            if inspect.isawaitable(outcome):
                await outcome
            paints.happened.clear()

        screen.action_command = done

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


@contextlib.asynccontextmanager
async def _debugging(scenario: Scenario, size: tuple[int, int] = SIZE) -> AsyncIterator[Typist]:
    """The app with a scenario, at rest."""
    app = RetrogradeApp(scenario)
    paints = Paints()
    app.driver_class = _terminal(paints)
    task = asyncio.create_task(app.run_async(size=size))
    while not (
        isinstance(app._running and app.screen_stack and app.screen, DebuggerScreen) and app.session is not None
    ):
        await asyncio.sleep(0.01)
        assert not task.done(), "the app ended"
    await asyncio.sleep(0.3)
    yield Typist(app, app.screen, paints)
    app.exit()
    await task


@contextlib.asynccontextmanager
async def _yardstick(screen: DebuggerScreen, size: tuple[int, int] = SIZE) -> AsyncIterator[Typist]:
    """The app of fixed rows that looks as a screen does now."""
    app = _FixedApp(screen)
    paints = Paints()
    app.driver_class = _terminal(paints)
    task = asyncio.create_task(app.run_async(size=size))
    while not isinstance(app._running and app.screen_stack and app.screen, _FixedScreen):
        await asyncio.sleep(0.01)
        assert not task.done(), "the app ended"
    await asyncio.sleep(0.3)
    yield Typist(app, app.screen, paints)
    app.exit()
    await task


@dataclass
class Beside:
    """Processor seconds of the same keys in the app and in the yardstick, and of the change of language.

    Attributes:
        ours: of the keys in the app.
        fixed: of the keys in the yardstick.
        speaking: of the change of language.
        clock: seconds by the clock of the keys in the app.
    """

    ours: list[float]
    fixed: list[float]
    speaking: list[float]
    clock: list[float]


async def beside(scenario: Scenario, rounds: int, size: tuple[int, int] = SIZE) -> Beside:
    """Presses the same keys in the app and in the yardstick, in turns, so that both meet the same machine.

    Args:
        scenario: the scenario.
        rounds: how often all keys are pressed.
        size: columns and rows of the terminal.
    """
    speaking: list[float] = []
    async with _debugging(scenario, size) as ours:
        assert isinstance(ours.screen, DebuggerScreen)
        for key in ("right", "right"):
            await ours.press(key, settle=True)
        async with _yardstick(ours.screen, size) as fixed:
            await fixed.press("right", settle=True)
            for typist in (ours, fixed):
                typist.work.clear()
                typist.clock.clear()
            for _ in range(rounds):
                for key in STEPPING:
                    await fixed.press(key, settle=True)
                    await ours.press(key, settle=True)
                work, clock = len(ours.work), len(ours.clock)
                # Every language is come to once, and the first one is shown again.
                for _language in range(2):
                    await ours.press(SPEAK, settle=True)
                speaking += ours.work[work:]
                del ours.work[work:], ours.clock[clock:]
    return Beside(ours=ours.work, fixed=fixed.work, speaking=speaking, clock=ours.clock)


async def _during_run(scenario: Scenario, keys: Sequence[str]) -> Typist:
    async with _debugging(scenario) as typist:
        assert isinstance(typist.screen, DebuggerScreen)
        working = typist.screen.parts.working
        await typist.press("r", settle=False)
        await asyncio.sleep(0.3)
        typist.work.clear()
        typist.clock.clear()
        for number, key in enumerate(keys):
            await typist.press(key, settle=False)
            # Not in step with the progress that is painted ten times a second.
            await asyncio.sleep(0.005 + 0.013 * (number % 7))
            assert working.work is not None, "the run ended before the keys"
        while working.work is not None:
            working.work.cancel()
            await asyncio.sleep(0.01)
    return typist


def _endless(scenario: Scenario) -> Scenario:
    """A training that goes on for as long as it is watched."""
    stop = scenario.stop.model_copy(update={"epochs": 10**9})
    return scenario.model_copy(update={"stop": stop})


def keys(effort: Effort) -> list[Row]:
    """From a key to the painted screen, beside fixed rows, and the change of language beside a key."""
    rows = []
    for name, bound in BESIDE.items():
        found = asyncio.run(beside(load_scenario(name), effort.count(6)))
        detail = (
            f"ours median {duration(statistics.median(found.ours))}, 95th percentile "
            f"{duration(percentile(found.ours, 0.95))}, longest {duration(max(found.ours))} of {len(found.ours)} keys; "
            f"fixed rows median {duration(statistics.median(found.fixed))}, 95th percentile "
            f"{duration(percentile(found.fixed, 0.95))}; ours by the clock, with the wait for the next frame, "
            f"95th percentile {duration(percentile(found.clock, 0.95))}"
        )
        for what, share in (("median", 0.5), ("95th percentile", 0.95)):
            figure = percentile(found.ours, share) / percentile(found.fixed, share)
            title = f"key press to painted, beside fixed rows, {name}: {what}"
            rows.append(Row(what=title, figure=figure, unit="x", bound=bound, detail=detail if share == 0.5 else ""))
        rows.append(
            Row(
                what=f"another language, beside a key, {name}",
                figure=statistics.median(found.speaking) / statistics.median(found.ours),
                unit="x",
                bound=LANGUAGE_KEYS,
                detail=f"median {duration(statistics.median(found.speaking))}",
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
        typist = asyncio.run(_during_run(scenario, WATCHING * effort.count(12)))
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
