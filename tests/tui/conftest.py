"""Drives the app in a terminal that exists only in memory, with real key events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.events import Key, Resize
from textual.geometry import Size
from textual.pilot import Pilot

from retrograde.engine.session.session import Session
from retrograde.tui.app import RetrogradeApp
from retrograde.tui.debugger.screen import DebuggerScreen


class Driver:
    """Presses keys and looks at the session and the screen."""

    def __init__(self, app: RetrogradeApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def session(self) -> Session:
        session = self.app.session
        assert session is not None
        return session

    @property
    def main(self) -> DebuggerScreen:
        screen = self.app.screen
        assert isinstance(screen, DebuggerScreen)
        return screen

    async def press(self, *keys: str) -> None:
        """Posts keys; far faster than the pilot's own way, which waits for idleness after each."""
        for key in keys:
            character = key if len(key) == 1 else {"space": " "}.get(key)
            self.app.post_message(Key(key, character))
            await self.pilot._wait_for_screen()
        await self.settle()

    async def settle(self) -> None:
        """Waits for the paint; the pilot would wait for an idle processor, which a run never leaves."""
        screen = self.app.screen_stack[1] if len(self.app.screen_stack) > 1 else None
        if isinstance(screen, DebuggerScreen) and screen.parts.working.work is not None:
            await self.pilot.pause(0.05)
        else:
            await self.pilot.pause()
        self.text()

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            await self.pilot.pause(0.01)

    async def idle(self) -> None:
        await self.until(lambda: isinstance(self.app.screen, DebuggerScreen) and self.main.parts.working.work is None)
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        size = Size(width, height)
        driver: Any = self.app._driver
        driver._size = (width, height)
        self.app.post_message(Resize(size, size))
        await self.pilot._wait_for_screen()
        # On a loaded machine the screen in front is laid out later than its queue is empty.
        await self.until(lambda: self.app.screen._compositor.size == size)
        await self.settle()

    def text(self) -> str:
        """The screen as plain text."""
        size = self.app.screen.size
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips(size))

    async def write(self, line: str) -> None:
        """Writes a line on the command line."""
        self.app.post_message(Key("colon", None))
        await self.pilot._wait_for_screen()
        await self.pilot.pause()
        self.app.screen.query_one("Input").value = line  # type: ignore[attr-defined]
        await self.press("enter")
        await self.until(
            lambda: not isinstance(self.app.screen, DebuggerScreen) or self.main.parts.working.work is None
        )
        await self.settle()


Open = Callable[..., AbstractAsyncContextManager[Driver]]


@pytest.fixture(autouse=True)
def painted_when_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws no screen between two looks: there is no terminal, and the driver draws whatever has settled."""
    render_update = Compositor.render_update

    def painted(compositor: Compositor, full: bool = False, **options: Any) -> Any:
        if full:
            return render_update(compositor, full, **options)
        compositor._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", painted)


@pytest.fixture
def opened() -> Open:
    """Opens the app: ``async with opened("mazur", size=(120, 36)) as driver``.

    Of a test that makes a part of the app fail, ``failing`` is true.
    """

    @asynccontextmanager
    async def open_app(
        source: Any = None, *, size: tuple[int, int] = (120, 36), failing: bool = False, **options: Any
    ) -> AsyncIterator[Driver]:
        app = RetrogradeApp(source, **options)
        async with app.run_test(size=size, notifications=failing) as pilot:
            driver = Driver(app, pilot)
            if source is not None:
                await driver.until(lambda: app.session is not None)
                await driver.settle()
            yield driver
        # What a part raises does not end the app; it is to end the test.
        for error, _report in () if failing else app.reported.values():
            raise error

    return open_app
