"""The panel of breakpoints, watches, marks, log lines and what a query found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.debugger.panels.panel import PanelPart, PanelRow
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.debug import DebugPanel

if TYPE_CHECKING:
    from retrograde.tui.records.debug import DebugView


class DebugPart(PanelPart):
    """The list; Enter switches a breakpoint, or goes to a mark or a moment."""

    def depends(self, height: int) -> tuple[object, ...]:
        """What the list depends on."""
        return self.colleagues.listing.key

    def view(self, height: int) -> DebugView:
        """The rows around the selected one."""
        return self.colleagues.listing.view()

    def select(self, by: int) -> None:
        """Selects a row."""
        self.colleagues.listing.select(by)

    def enter(self) -> None:
        """Switches a breakpoint, or goes to a mark or a moment."""
        self.colleagues.breaking.enter()

    def point(self, item: int) -> None:
        """Selects the row that was pressed."""
        self.colleagues.listing.point_at(item)


DEBUG = PanelRow(
    id=PanelId.DEBUG,
    key="6",
    title=N_("debug"),
    command=N_("debug panel"),
    seat=Seat.BESIDE,
    widget=DebugPanel,
    part=DebugPart,
)
