"""Selections: the panel with the focus, its rows, the search, the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.panels.panel import PanelPart


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
        self._desk.lens = replace(lens, weight=row)
        text = _("match {number} of {count}").format(number=found.index(row) + 1, count=len(found))
        self._desk.say(text)

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
