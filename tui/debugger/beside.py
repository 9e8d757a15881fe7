"""The branch that is shown beside the cursor's: which one it is, and running it up to the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.session.beside import TICK_SECONDS, catch_up, waits
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.engine.travel.branch import Branch
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working

REST_SECONDS = 0.15
"""How long the cursor rests before the parent branch is run up to it."""


class Beside:
    """The part that looks after the other branch.

    Attributes:
        compared: the name of the branch that was compared last; empty for none.
    """

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working
        self.compared = ""
        self._timer: Timer | None = None
        desk.resters.append(self._schedule)

    @property
    def branch(self) -> Branch | None:
        """The branch whose loss is drawn beside this one's: the one that was compared last, else the parent."""
        session = self._desk.session
        for branch in session.branches:
            if branch.name == self.compared and branch is not session.branch:
                return branch
        return session.branch.parent

    def _schedule(self) -> None:
        """Runs the parent branch up to the cursor while it rests, so that what differs can be marked."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if waits(self._desk.session):
            self._timer = self._desk.host.after(REST_SECONDS, self._run_parent)

    def _run_parent(self) -> None:
        session = self._desk.session
        parent = session.branch.parent
        if parent is None:
            return
        if not self._working.turns.allows(Event.USE):
            # What rests as well, a check of a gradient, may have the session; it is not for long.
            self._timer = self._desk.host.after(REST_SECONDS, self._run_parent)
            return
        if waits(session) and not catch_up(parent, session.iteration):
            self._timer = self._desk.host.after(TICK_SECONDS, self._run_parent)
        elif not waits(session):
            self._desk.reread()
