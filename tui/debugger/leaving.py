"""Leaving the session: for another scenario, or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.keeping import Keeping
    from retrograde.tui.debugger.working import Working


class Leaving:
    """The part that leaves."""

    def __init__(self, desk: Desk, working: Working, keeping: Keeping) -> None:
        self._desk = desk
        self._working = working
        self._keeping = keeping

    def open(self) -> None:
        """Chooses another scenario."""
        if not self._working.when_idle(self.open):
            return
        if self._keeping.sure("open", _("unsaved edits: :save keeps them, o again opens")):
            self._desk.host.choose()

    def recover(self) -> None:
        """Goes on with the unsaved work of a program that has ended."""
        if not self._working.when_idle(self.recover):
            return
        if self._keeping.sure("recover", _("unsaved edits: :save keeps them, :recover again lists what else there is")):
            self._desk.host.recover()

    def quit(self, *, forced: bool = False) -> None:
        """Leaves; a run is cancelled first.

        Args:
            forced: without asking.
        """
        self._keeping.leave(self._exit, forced=forced)

    def _exit(self) -> None:
        self._working.stop()
        self._desk.host.quit()

    def end(self) -> None:
        """Leaves nothing to be lost before an ending that nobody asked for with a key."""
        self._keeping.keep()
        self._working.stop()
