"""The chain of the gradient on the screen down to the loss, beside the step, while the cursor rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import language
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.records.equation import ChainParts, FlowPart

REST_SECONDS = 0.12
"""How long the cursor rests before the chain of its gradient is made."""
MOST_STEPS = 100_000
"""Steps of an iteration above which its chains take longer than a key may wait."""
MOST_KEPT = 200
"""Steps whose chains are kept."""


class Unfolding:
    """The part that unfolds the gradient of the step on the screen, where the panel of the step has room for it.

    Attributes:
        wanted: whether there is room.
    """

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working
        self.wanted = False
        self._known: dict[tuple[int, str], ChainParts | None] = {}
        self._flows: dict[tuple[int, str], tuple[FlowPart, ...]] = {}
        self._timer: Timer | None = None
        desk.resters.append(self._schedule)
        desk.forgetters += [self._known.clear, self._flows.clear]

    @property
    def here(self) -> ChainParts | None:
        """The chain of the step on the screen; None before it is made, and where there is none."""
        return self._known.get(self._key)

    @property
    def flow(self) -> tuple[FlowPart, ...]:
        """The flow of the gradient from there to the loss; empty before it is made, and where there is no chain."""
        return self._flows.get(self._key, ())

    @property
    def _key(self) -> tuple[int, str]:
        return (self._desk.reading.position, language())

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        reading = self._desk.reading
        small = reading.recording is None and reading.program.steps <= MOST_STEPS
        if self.wanted and small and reading.step is not None and self._key not in self._known:
            self._timer = self._desk.host.after(REST_SECONDS, self._unfold)

    def _unfold(self) -> None:
        """Makes the chain, where its gradient is computed already."""
        step = self._desk.reading.step
        if step is None:
            return
        if not self._working.turns.allows(Event.USE):
            # What rests as well may have the session; it is not for long.
            self._timer = self._desk.host.after(REST_SECONDS, self._unfold)
            return
        from retrograde.tui.reading.chain import ChainReading
        from retrograde.tui.views.flow import flow_beside
        from retrograde.tui.views.unfolding import chain_parts

        session = self._desk.session
        chain: ChainParts | None = None
        try:
            gradient = session.explanations.gradient(step.target)
            reading = ChainReading.of(session, gradient)
            made = reading.moment.made_by(gradient) or 0
            if made <= self._desk.reading.position:
                chain = chain_parts(reading)
                self._flows[self._key] = flow_beside(session.flow(), self._desk.reading)
        except EngineError:
            # A step of the forward pass that no gradient goes through.
            pass
        if len(self._known) > MOST_KEPT:
            self._known.clear()
            self._flows.clear()
        self._known[self._key] = chain
        if chain is not None:
            self._desk.paint()
