"""Selections: the panel with the focus, its rows, the search, the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from retrograde.tui.debugger.breakpoints import Breaking
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.moving import Moving


class Selecting:
    """The part that selects, and that goes to what is selected."""

    def __init__(self, desk: Desk, listing: Listing, moving: Moving, breaking: Breaking) -> None:
        self._desk = desk
        self._listing = listing
        self._moving = moving
        self._breaking = breaking

    # -- rows

    def move(self, by: int) -> None:
        """Moves the selection of the panel that has the focus.

        Args:
            by: how many rows.
        """
        desk = self._desk
        lens, reading = desk.lens, desk.reading
        match desk.focus:
            case PanelId.EQUATION:
                desk.lens = replace(lens, operand=_next(lens.operand, by, len(desk.operands)))
            case PanelId.WEIGHTS:
                desk.lens = replace(lens, weight=_next(lens.weight, by, len(desk.parameters)))
            case PanelId.NETWORK:
                from retrograde.tui.views.slots import node_count
                from retrograde.tui.views.topology import first_node

                here = first_node(reading) if lens.node < 0 else -1
                desk.lens = replace(lens, node=here if here >= 0 else _next(lens.node, by, node_count(reading)))
            case PanelId.LOSS:
                self._moving.motion("iteration", back=by < 0)
                return
            case PanelId.TIMELINE:
                self._moving.motion("phase", back=by < 0)
                return
            case PanelId.DEBUG:
                self._listing.select(by)
                return
        desk.paint()

    def enter(self) -> None:
        """Goes to what is selected in the panel that has the focus."""
        match self._desk.focus:
            case PanelId.WEIGHTS:
                self._moving.to_row()
            case PanelId.NETWORK:
                self._moving.to_node()
            case PanelId.EQUATION:
                self._moving.to_origin()
            case PanelId.DEBUG:
                self._breaking.enter()

    # -- the search

    def ask(self) -> None:
        """Asks for a text to find among the parameters."""
        from retrograde.tui.screens.command_line import LineScreen

        self._desk.host.ask(LineScreen("/", _("part of a name: w5, W_h[3, b_o")), self._search)

    def _search(self, text: str | None) -> None:
        desk = self._desk
        if text is None:
            return
        desk.lens = replace(desk.lens, search=text)
        if not text:
            desk.paint()
            return
        desk.focus_on(PanelId.WEIGHTS)
        self.match(1, include=True)

    @property
    def why_no_match(self) -> str:
        """Why there is nothing to find again; empty where there is."""
        return "" if self._desk.lens.search else _("/ searches the weights")

    def match(self, by: int, *, include: bool = False) -> None:
        """Selects the next match.

        Args:
            by: 1 forward, -1 backward.
            include: whether what is selected may be it.
        """
        lens, parameters = self._desk.lens, self._desk.parameters
        if not lens.search:
            self._desk.say(self.why_no_match)
            return
        found = parameters.matches(lens.search)
        if not found:
            self._desk.say(_("no parameter has {text} in its name").format(text=lens.search), bad=True)
            return
        here = lens.weight
        if by > 0:
            row = next((k for k in found if k > here or (include and k == here)), found[0])
        else:
            row = next((k for k in reversed(found) if k < here), found[-1])
        self._desk.lens = replace(lens, weight=row)
        text = _("match {number} of {count}").format(number=found.index(row) + 1, count=len(found))
        self._desk.say(text)

    # -- panels

    def next_panel(self, by: int) -> None:
        """Gives the panel after the one with the focus the focus.

        Args:
            by: how many panels further.
        """
        order = list(PanelId)
        self._desk.focus_on(order[(order.index(self._desk.focus) + by) % len(order)])

    # -- the mouse

    def press(self, panel: PanelId, item: int | None) -> None:
        """Gives a panel the focus, and selects what was pressed.

        Args:
            panel: the panel.
            item: what was pressed in it, None for nothing.
        """
        desk = self._desk
        if item is not None:
            if panel is PanelId.EQUATION:
                desk.lens = replace(desk.lens, operand=item)
            elif panel is PanelId.WEIGHTS:
                desk.lens = replace(desk.lens, weight=item)
            elif panel is PanelId.DEBUG:
                self._listing.point_at(item)
        desk.focus_on(panel)

    def wheel(self, panel: PanelId, by: int) -> None:
        """Scrolls by moving the selection.

        Args:
            panel: the panel.
            by: how many rows.
        """
        if panel in {PanelId.LOSS, PanelId.TIMELINE}:
            return
        if panel is not self._desk.focus:
            self._desk.focus_on(panel)
        self.move(by)


def _next(selected: int, by: int, count: int) -> int:
    if not count:
        return -1
    if selected < 0:
        return 0 if by > 0 else count - 1
    return min(max(selected + by, 0), count - 1)
