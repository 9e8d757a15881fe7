"""Running to the end, pausing, and beginning again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _, whole_number

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.keeping import Keeping
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.working import Working


class Running:
    """The part that trains."""

    def __init__(self, desk: Desk, working: Working, listing: Listing, keeping: Keeping) -> None:
        self._desk = desk
        self._working = working
        self._listing = listing
        self._keeping = keeping

    def epochs(self, text: str) -> None:
        """Runs a number of epochs, or until a stop rule ends it.

        Args:
            text: the number, empty for none.
        """
        words = text.split()
        if len(words) == 2 and words[1] in {"epoch", "epochs"}:
            del words[1]
        if not words:
            self.run()
        elif len(words) == 1 and (count := whole_number(words[0], grouped=True)):
            reading = self._desk.reading
            done = reading.schedule.start(0) + reading.position // reading.schedule.steps_per_epoch
            self._run_to(done + count)
        else:
            self._desk.say(_("run takes a number of epochs, such as run 100"), bad=True)

    def run(self) -> None:
        """Runs until a stop rule ends it."""
        self._working.stop_quiet()
        if self._working.work is None:
            self._run_to(None)

    def _run_to(self, epochs: int | None) -> None:
        if self._working.when_idle(lambda: self._run_to(epochs)):
            self._working.run(epochs)

    @property
    def why_not_pause(self) -> str:
        """Why there is nothing to pause; empty where there is."""
        if self._working.work is not None:
            return ""
        if original := self._desk.session.original:
            return _("nothing is running; r runs, q goes back to {name}").format(name=original)
        return _("nothing is running; r runs, q quits")

    def pause(self) -> None:
        """Pauses a run, or cancels a search."""
        if self._working.work is None:
            self._desk.say(self.why_not_pause)
        else:
            self._working.stop()

    @property
    def _lost(self) -> str:
        """What is asked before a restart."""
        if self._desk.session.original:
            return _("unsaved edits: 0 again restarts without")
        return _("unsaved edits: :save keeps them, 0 again restarts without")

    def restart(self) -> None:
        """Starts again with the same seed and as much room for history."""
        if not self._working.when_idle(self.restart):
            return
        if not self._keeping.sure("restart", self._lost):
            return
        old = self._desk.session
        fresh = old.afresh()
        self._listing.carry_over(old, fresh)
        self._desk.begin(fresh)
        self._desk.say(_("restarted with the same seed"))
