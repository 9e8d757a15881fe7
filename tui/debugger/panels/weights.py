"""The panel of the parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.debugger.panels.panel import Colleagues, PanelPart, PanelRow, next_row
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.weights import WeightsPanel

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.records.weights import WeightsView
    from retrograde.tui.views.weight_order import WeightOrder


class WeightsPart(PanelPart):
    """The table of parameters; Enter goes to the step that makes the gradient or the new value of the selected one.

    It marks what the last motion changed, and is made ready while it is not shown, to have something to compare with.
    """

    always = True

    def __init__(self, desk: Desk, colleagues: Colleagues) -> None:
        super().__init__(desk, colleagues)
        self._forget()
        desk.readers.append(self._keep)
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        self._now: WeightsView | None = None
        self._before: WeightsView | None = None

    def _keep(self) -> None:
        """What the table shows now is what it marks changes against after a motion."""
        self._before = self._now

    def depends(self, height: int) -> tuple[object, ...]:
        """Also what it was before the motion, the selection, the search, digits, order and rows in sight."""
        lens = self.desk.lens
        chosen = (lens.weight, lens.search, lens.digits, lens.order, lens.kept)
        return (self.desk.reading, self._before, *chosen, _window(height))

    def view(self, height: int) -> WeightsView:
        """The rows around the selected one."""
        from retrograde.tui.views.weights import weights_view

        desk = self.desk
        self._now = weights_view(desk.reading, desk.parameters, desk.lens, self._before, window=_window(height))
        return self._now

    def select(self, by: int) -> None:
        """Selects a parameter."""
        desk, order = self.desk, self._order
        if order.count:
            place = next_row(order.place(desk.lens.weight), by, order.count)
            desk.lens = replace(desk.lens, weight=order.window(place, place + 1)[0])
        desk.paint()

    def enter(self) -> None:
        """Goes to the step that makes the gradient or the new value of the selected parameter."""
        self.colleagues.moving.to_row()

    def point(self, item: int) -> None:
        """Selects the parameter that was pressed."""
        self.desk.lens = replace(self.desk.lens, weight=self._order.window(item, item + 1)[0])

    @property
    def _order(self) -> WeightOrder:
        """The rows in their order."""
        from retrograde.tui.views.weight_order import WeightOrder

        desk = self.desk
        return WeightOrder.of(desk.reading, desk.parameters, desk.lens.order, desk.lens.kept)

    @property
    def slot(self) -> Ref | None:
        """The selected parameter."""
        desk = self.desk
        return desk.parameters.ref(desk.lens.weight) if desk.parameters else None


def _window(height: int) -> int:
    """As many rows on either side of the selected one as the panel may show."""
    return max(height - 2, 1)


WEIGHTS = PanelRow(
    id=PanelId.WEIGHTS,
    key="3",
    title=N_("weights"),
    command=N_("weights panel"),
    seat=Seat.BELOW,
    widget=WeightsPanel,
    part=WeightsPart,
)
