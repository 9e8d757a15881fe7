"""The tour: a handful of stops, each left by the key that it names. Every other key does what it always does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.text import N_, _
from retrograde.tui.records.status import TourView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retrograde.tui.commands.command import Command
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working


class Stop(NamedTuple):
    """A stop of the tour.

    Attributes:
        command: the id of the command whose key goes on.
        text: what is said, a message.
    """

    command: str
    text: str


STOPS = (
    Stop(
        "step", N_("Training is arithmetic, one number after the other, and this program stops at each. Make a step.")
    ),
    Stop(
        "layer",
        N_("A number was made; panel 2 has its equation and the numbers that it reads. Go on to the end of the layer."),
    ),
    Stop("row", N_("Forward is the easy half. Jump to the gradient of the weight that is selected in panel 3.")),
    Stop("origin", N_("A gradient is a product along the way back. Ask where its first factor comes from.")),
    Stop("return", N_("That step made it, and it has factors of its own. Return to the gradient.")),
    Stop("why", N_("Why is it as large as it is? Look at it layer by layer; Esc comes back here.")),
    Stop("run", N_("Each step can be undone, and all of them can be run. Train until it converges.")),
    Stop("help", N_("That was the tour; :tour shows it again. The help has everything else.")),
)
"""The stops, in order."""


class Touring:
    """The part that leads a newcomer.

    Args:
        desk: the desk.
        working: who has the session.
        moving: goes to the start.
        table: gives the table of commands.
    """

    def __init__(self, desk: Desk, working: Working, moving: Moving, table: Callable[[], Sequence[Command]]) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._table = table
        self._at = -1

    @property
    def on(self) -> bool:
        """Whether the tour is on."""
        return self._at >= 0

    def begin(self) -> None:
        """Begins at the first stop, in the initial state."""
        if self._working.when_idle(self.begin):
            self._moving.to_start()
            self._at = 0
            self.show()

    def did(self, name: str) -> None:
        """Goes on where the command of this stop was done.

        Args:
            name: the id of the command.
        """
        if self.on and STOPS[self._at].command == name:
            self._at = self._at + 1 if self._at + 1 < len(STOPS) else -1
            self.show()

    def leave(self) -> bool:
        """Ends the tour; False where it is not on, or there is work that the key is meant for."""
        if not self.on or self._working.busy:
            return False
        self._at = -1
        self.show()
        return True

    def show(self) -> None:
        """Shows the stop, or that there is none any more."""
        if not self.on:
            self._desk.host.show_tour(None)
            return
        stop = STOPS[self._at]
        keys = {row.id: row.shown for row in self._table()}
        title = _("tour {number} of {count}").format(number=self._at + 1, count=len(STOPS))
        view = TourView(title=title, key=keys[stop.command], text=_(stop.text), leave=_("Esc ends it"))
        self._desk.host.show_tour(view)
