"""The panel of the iteration as a bar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.debugger.panels.panel import PanelPart, PanelRow
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.timeline import TimelinePanel

if TYPE_CHECKING:
    from retrograde.tui.records.status import TimelineView


class TimelinePart(PanelPart):
    """The phases of the iteration, marks and breakpoints; the arrows move by a phase."""

    wheeled = False

    def depends(self, height: int) -> tuple[object, ...]:
        """Also the marks, breakpoints, alerts and chapters."""
        colleagues = self.colleagues
        return (self.desk.reading, colleagues.listing.pins, colleagues.doctoring.alerts, colleagues.chaptering.pins)

    def view(self, height: int) -> TimelineView:
        """The phases around the cursor."""
        from retrograde.tui.views.status import timeline_view

        reading, alerts = self.desk.reading, self.colleagues.doctoring.alerts
        pins = replace(self.colleagues.listing.pins, chapters=self.colleagues.chaptering.pins)
        if alerts:
            from retrograde.tui.views.doctor import alert_pins

            iterations = self.colleagues.doctoring.here.iterations
            pins = replace(pins, alerts=alert_pins(alerts, iterations, reading.iteration))
        return timeline_view(reading, pins)

    def select(self, by: int) -> None:
        """Moves by a phase."""
        self.colleagues.moving.motion("phase", back=by < 0)


TIMELINE = PanelRow(
    id=PanelId.TIMELINE,
    key="5",
    title=N_("timeline"),
    command=N_("timeline panel"),
    seat=Seat.STRIP,
    widget=TimelinePanel,
    part=TimelinePart,
)
