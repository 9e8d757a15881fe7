"""An app that outlives what its parts raise: it says so, writes a report, and goes on.

Textual ends an app at the first exception that a handler, a callback, a timer or a worker lets through, and with it
all that was not saved. Here each message of each widget is dispatched under a guard, so that the loop which dispatches
goes on with the next one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual._context import active_message_pump
from textual.app import App
from textual.screen import Screen
from textual.worker import WorkerFailed

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.message import Message
    from textual.message_pump import MessagePump
    from textual.widget import Widget

MOST_PRESSED = 100
"""Keys, clicks and sizes that a report tells."""
MOST_PASTED = 200
"""Characters of a paste that a report tells."""
AGAIN_SECONDS = 10.0
"""How long nothing is said of an error that comes again."""
NOTICE_SECONDS = 20.0


class GuardedApp(App[int]):
    """An app that goes on.

    Attributes:
        failure: why the app ended, where that is an error.
        reported: what was raised, with the file of its report; each kind and place once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failure: EngineError | None = None
        self.reported: dict[str, tuple[BaseException, Path | None]] = {}
        self._pressed: deque[str] = deque(maxlen=MOST_PRESSED)
        self._said: dict[str, float] = {}
        self._reporting = False

    # -- the guard

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - reported
            self.report(error)
            if isinstance(message, events.Load | events.Compose | events.Mount):
                # There is nothing yet that could go on.
                self._give_up(error)

    def _register_child(self, parent: DOMNode, child: Widget, before: int | None, after: int | None) -> None:
        self._guard(child)
        super()._register_child(parent, child, before, after)

    def _start_widget(self, parent: Widget, widget: Widget) -> None:
        self._guard(widget)
        super()._start_widget(parent, widget)

    def _guard(self, widget: Widget) -> None:
        """Guards what is dispatched to a widget that begins."""
        dispatch = widget._dispatch_message

        async def guarded(message: Message) -> None:
            try:
                await dispatch(message)
            except Exception as error:  # noqa: BLE001 - reported
                self.report(error)
                if isinstance(message, events.Compose | events.Mount):
                    self._drop(widget)
                elif isinstance(message, events.Key) and message.key == "escape":
                    # A screen that raises at every key is left by this one all the same.
                    self._drop(next(reversed(self.screen_stack), None))

        # Of the one, not of its class: Textual's own widgets are guarded as well.
        widget._dispatch_message = guarded  # type: ignore[method-assign]

    def _drop(self, pump: MessagePump | None) -> None:
        """Leaves a screen that could not begin, where another one is below it."""
        if isinstance(pump, Screen):
            self.call_later(self._leave, pump)

    def _leave(self, screen: Screen[object]) -> None:
        if self.screen_stack[-1:] == [screen] and len(self.screen_stack) > 2:
            screen.dismiss(None)

    def _handle_exception(self, error: Exception) -> None:
        """Takes what Textual would end the app for: of callbacks, timers, workers, and of its own end."""
        self.report(error)
        pump = active_message_pump.get(None)
        if not self._running:
            self._give_up(error)
        elif pump is not None and not pump._is_mounted:
            # Its parts could not be made.
            self._drop(pump)

    def _give_up(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = EngineError(self.words(error))
        self.exit(2, return_code=2)

    # -- the report

    def situation(self) -> Iterable[str]:
        """Lines about what is on the screen, for a report."""
        yield f"size: {self.size.width} x {self.size.height}"
        yield f"screens: {', '.join(type(screen).__name__ for screen in self.screen_stack)}"

    def report(self, error: BaseException) -> None:
        """Writes a report of an error that nobody expected, and says so; on the screen's thread.

        Args:
            error: the error.
        """
        if isinstance(error, WorkerFailed):
            error = error.error
        if self._reporting:
            return
        self._reporting = True
        try:
            self._report(error)
        finally:
            self._reporting = False

    def _report(self, error: BaseException) -> None:
        from retrograde.tui.work.reports import signature, write_report

        known = signature(error)
        if known not in self.reported:
            lines: list[str] = []
            with suppress(Exception):
                lines.extend(self.situation())
            self.reported[known] = error, write_report(error, list(self._pressed), lines)
        now = time.monotonic()
        if self._running and now - self._said.get(known, -AGAIN_SECONDS) >= AGAIN_SECONDS:
            self._said[known] = now
            with suppress(Exception):
                self.notify(
                    self.words(error),
                    title=_("an error in Retrograde"),
                    severity="error",
                    timeout=NOTICE_SECONDS,
                    markup=False,
                )

    def words(self, error: BaseException) -> str:
        """What is said of an error."""
        from retrograde.tui.work.reports import signature

        _error, path = self.reported.get(signature(error), (error, None))
        what = type(error).__name__
        if path is None:
            return _("{error}; the report of it could not be written").format(error=what)
        return _("{error}; the session is kept; please report it with {path}").format(error=what, path=path)

    # -- what was pressed

    async def on_event(self, event: events.Event) -> None:
        """Remembers what was pressed."""
        if not event.is_forwarded:
            said = _pressed(event)
            if said:
                self._pressed.append(said)
        await super().on_event(event)


def _pressed(event: events.Event) -> str:
    """What a report says of an event; empty for nothing."""
    match event:
        case events.Key():
            return event.key
        case events.Paste():
            return f"paste:{event.text[:MOST_PASTED]!r}"
        case events.MouseDown():
            return f"click:{event.x},{event.y}"
        case events.Resize():
            return f"size:{event.size.width}x{event.size.height}"
    return ""
