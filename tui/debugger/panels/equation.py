"""The panel of the step's equation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.debugger.panels.panel import PanelPart, PanelRow, next_row
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.equation import EquationPanel

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.records.equation import EquationView


TALL = 28
"""Rows from which on the steps around the one on the screen are shown too."""
ROOMY = 30
"""Rows from which on the chain of the step's gradient is shown too."""


class EquationPart(PanelPart):
    """The equation; the arrows select an operand, and Enter goes to the step that made it."""

    def depends(self, height: int) -> tuple[object, ...]:
        """Also the checks, the chapter, the selected operand and the digits."""
        lens = self.desk.lens
        chapter, badges = self.colleagues.chaptering.here, self.colleagues.badges.here
        unfolding = self.colleagues.unfolding
        unfolding.wanted = height >= ROOMY
        chain = unfolding.here if unfolding.wanted else None
        return (self.desk.reading, badges, chapter, chain, lens.operand, lens.digits, lens.library, height)

    def view(self, height: int) -> EquationView:
        """The equation with everything that explains it."""
        from retrograde.tui.views.equation import equation_view

        colleagues = self.colleagues
        badges, tall = colleagues.badges.here, height >= TALL
        view = equation_view(self.desk.reading, self.desk.lens, badges, tall=tall, height=height)
        if height >= ROOMY:
            view = replace(view, chain=colleagues.unfolding.here, flow=colleagues.unfolding.flow)
        told = colleagues.chaptering.told
        return view if told is None else replace(view, told=told)

    def select(self, by: int) -> None:
        """Selects an operand."""
        desk = self.desk
        desk.lens = replace(desk.lens, operand=next_row(desk.lens.operand, by, len(desk.operands)))
        desk.paint()

    def enter(self) -> None:
        """Goes to the step that made the selected operand."""
        self.colleagues.moving.to_origin()

    def point(self, item: int) -> None:
        """Selects the operand that was pressed."""
        self.desk.lens = replace(self.desk.lens, operand=item)

    @property
    def slot(self) -> Ref | None:
        """The selected operand."""
        return None if self.desk.operand is None else self.desk.operand.ref


EQUATION = PanelRow(
    id=PanelId.EQUATION,
    key="2",
    title=N_("equation"),
    command=N_("equation panel"),
    seat=Seat.RIGHT,
    widget=EquationPanel,
    part=EquationPart,
)
