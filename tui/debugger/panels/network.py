"""The panel of the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.debugger.panels.panel import PanelPart, PanelRow, next_row
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.network import NetworkPanel

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.records.network import NetworkView


class NetworkPart(PanelPart):
    """The network; the arrows select a neuron, and Enter goes to the step that made its value."""

    def depends(self, height: int) -> tuple[object, ...]:
        """Also the parameter that is selected while the arrows move in their table."""
        desk, lens = self.desk, self.desk.lens
        return (desk.reading, lens.weight if desk.focus == PanelId.WEIGHTS else -1, lens.node, lens.digits)

    def view(self, height: int) -> NetworkView:
        """The layers, and what takes part in the step."""
        from retrograde.tui.views.network import network_view

        desk = self.desk
        return network_view(desk.reading, desk.parameters, replace(desk.lens, focus=desk.focus))

    def select(self, by: int) -> None:
        """Selects a neuron: the first time one of the step."""
        from retrograde.tui.views.slots import node_count
        from retrograde.tui.views.topology import first_node

        desk, reading = self.desk, self.desk.reading
        if reading.recording is not None:
            from retrograde.tui.views.modules import rows_of

            rows = len(rows_of(reading.recording))
            desk.lens = replace(desk.lens, node=next_row(desk.lens.node, by, rows))
            desk.paint()
            return
        here = first_node(reading) if desk.lens.node < 0 else -1
        node = here if here >= 0 else next_row(desk.lens.node, by, node_count(reading))
        desk.lens = replace(desk.lens, node=node)
        desk.paint()

    def enter(self) -> None:
        """Goes to the step that made the value of the selected neuron."""
        self.colleagues.moving.to_node()

    @property
    def slot(self) -> Ref | None:
        """The value of the selected neuron."""
        from retrograde.tui.views.slots import node_ref

        node = self.desk.lens.node
        if self.desk.reading.recording is not None:
            return None
        return node_ref(self.desk.reading, node) if node >= 0 else None


NETWORK = PanelRow(
    id=PanelId.NETWORK,
    key="1",
    title=N_("network"),
    command=N_("network panel"),
    seat=Seat.LEFT,
    widget=NetworkPanel,
    part=NetworkPart,
)
