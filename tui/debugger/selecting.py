"""Selections: the panel with the focus, its rows, the search, the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, suggest
from retrograde.tui.records.marks import PanelId
from retrograde.tui.records.weights import WEIGHT_ORDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.panels.panel import PanelPart
    from retrograde.tui.views.lens import Lens

_ORDER_WORDS = {
    "file": N_("weights in the order of the file"),
    "value": N_("weights by |value|, the largest first"),
    "gradient": N_("weights by |∂E/∂w|, the largest first"),
    "update": N_("weights by |Δw| of this iteration, the largest first"),
    "start": N_("weights by how far they have come since the start, the furthest first"),
}


class Selecting:
    """The part that selects, and that goes to what is selected."""

    def __init__(self, desk: Desk, panels: Mapping[str, PanelPart]) -> None:
        self._desk = desk
        self._panels = panels
        desk.slot = lambda: self._focused.slot

    @property
    def _focused(self) -> PanelPart:
        """The panel that has the focus."""
        return self._panels[self._desk.focus]

    # -- rows

    def move(self, by: int) -> None:
        """Moves the selection of the panel that has the focus.

        Args:
            by: how many rows.
        """
        self._focused.select(by)

    def enter(self) -> None:
        """Goes to what is selected in the panel that has the focus."""
        self._focused.enter()

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
        kept = lens.kept if row in set(parameters.matches(lens.kept)) else ""
        self._desk.lens = replace(lens, weight=row, kept=kept)
        text = _("match {number} of {count}").format(number=found.index(row) + 1, count=len(found))
        self._desk.say(text)

    # -- the order of the weights

    def sort(self, name: str = "") -> None:
        """Sorts the table of weights, and selects its first row.

        Args:
            name: one of ``WEIGHT_ORDERS``; by default the one after that which it is sorted by.

        Raises:
            EngineError: there is no such order.
        """
        desk, name = self._desk, name.strip().lower()
        # Of a step that ran elsewhere nobody knows the start.
        orders = [one for one in WEIGHT_ORDERS if one != "start" or desk.session.recording is None]
        if not name:
            name = orders[(orders.index(desk.lens.order) + 1) % len(orders)]
        # The help says what it is sorted by: the change since the start.
        name = "start" if name == "change" and "start" in orders else name
        if name not in orders:
            message = _("weights are not sorted by {name}; there are: {known}").format(
                name=name, known=", ".join(orders)
            )
            raise EngineError(message + suggest(name, orders))
        self._arrange(replace(desk.lens, order=name))
        desk.say(_(_ORDER_WORDS[name]))

    def keep(self, text: str) -> None:
        """Shows the weights alone that have a text in their names; without a text all again.

        Args:
            text: the text: ``W_h``, ``W_h[3``, ``b_o``.

        Raises:
            EngineError: no weight has.
        """
        desk, text = self._desk, text.strip()
        if text and not desk.parameters.matches(text):
            raise EngineError(_("no parameter has {text} in its name").format(text=text))
        self._arrange(replace(desk.lens, kept=text))

    def _arrange(self, lens: Lens) -> None:
        """Shows the table of weights in another order, from its first row on."""
        from retrograde.tui.views.weight_order import WeightOrder

        desk = self._desk
        top = WeightOrder.of(desk.reading, desk.parameters, lens.order, lens.kept).window(0, 1)
        desk.lens = replace(lens, weight=top[0] if top else 0)
        desk.focus_on(PanelId.WEIGHTS)

    # -- panels

    def next_panel(self, by: int) -> None:
        """Gives the panel after the one with the focus the focus.

        Args:
            by: how many panels further.
        """
        self._desk.focus_on(self._desk.arrangement.after(by))

    # -- the mouse

    def press(self, panel: str, item: int | None) -> None:
        """Gives a panel the focus, and selects what was pressed.

        Args:
            panel: the panel.
            item: what was pressed in it, None for nothing.
        """
        if item is not None:
            self._panels[panel].point(item)
        self._desk.focus_on(panel)

    def wheel(self, panel: str, by: int) -> None:
        """Scrolls by moving the selection.

        Args:
            panel: the panel.
            by: how many rows.
        """
        if not self._panels[panel].wheeled:
            return
        if panel != self._desk.focus:
            self._desk.focus_on(panel)
        self.move(by)
