"""Checking what is on the screen while the cursor rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import language
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.records.equation import Badge

CHECK_SECONDS = 0.12
"""How long the cursor rests before the checks of its step are computed."""
MOST_STEPS = 1000
"""Steps whose badges are kept."""


class Badges:
    """The part that checks what is on the screen while the cursor rests."""

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working
        self._known: dict[tuple[int, str], tuple[Badge, ...]] = {}
        self._accuracy: tuple[int, tuple[int, int] | None] = (-1, None)
        self._timer: Timer | None = None
        desk.resters.append(self._schedule)
        desk.forgetters.append(self._forget)

    @property
    def here(self) -> tuple[Badge, ...]:
        """The badges of the step on the screen; none before they are computed."""
        return self._known.get(self._key, ())

    @property
    def accuracy(self) -> tuple[int, int] | None:
        """How many samples are classified rightly at the cursor, of how many; None before it is known."""
        return self._accuracy[1] if self._accuracy[0] == self._updates else None

    def _forget(self) -> None:
        self._known.clear()
        self._accuracy = (-1, None)

    @property
    def _key(self) -> tuple[int, str]:
        """The step on the screen, -1 within its terms; badges are words, so that a language has its own."""
        reading = self._desk.reading
        return (reading.position if not reading.term else -1, language())

    @property
    def _updates(self) -> int:
        """How many iterations are complete at the cursor."""
        reading = self._desk.reading
        return reading.iteration + (reading.revealed == reading.program.steps)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        classified = self._desk.reading.recording is None and self._accuracy[0] != self._updates
        if self._key not in self._known or classified:
            self._timer = self._desk.host.after(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """Holds the number on the screen against a finite difference and against published figures."""
        if not self._working.turns.allows(Event.USE):
            return
        from retrograde.engine.travel.epochs import rightly
        from retrograde.tui.views.badges import badges

        desk, key, updates, news = self._desk, self._key, self._updates, False
        if key[0] >= 0 and key not in self._known:
            if len(self._known) > MOST_STEPS:
                self._known.clear()
            self._known[key] = badges(desk.session, desk.reading)
            news = bool(self._known[key])
        if self._accuracy[0] != updates and desk.session.recording is None:
            timeline = desk.session.timeline
            self._accuracy = (updates, rightly(timeline, timeline.state(updates)))
            news = news or self._accuracy[1] is not None
        if news:
            desk.paint()
