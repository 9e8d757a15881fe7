"""Selections: the panel with the focus, its rows, the search, the mouse."""

from __future__ import annotations

from dataclasses import replace

from retrograde.engine.text import _
from retrograde.tui.debugger.listing import Debugging
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.panel import Panel


class Selecting(Debugging):
    """The part of the screen that selects."""

    # -- rows

    def do_down(self) -> None:
        """Selects the next row."""
        self._select(1)

    def do_up(self) -> None:
        """Selects the previous row."""
        self._select(-1)

    def do_page_down(self) -> None:
        """Selects ten rows further."""
        self._select(10)

    def do_page_up(self) -> None:
        """Selects ten rows back."""
        self._select(-10)

    def _select(self, by: int) -> None:
        lens, reading = self._lens, self.reading
        assert lens is not None
        assert reading is not None
        match self._focus:
            case PanelId.EQUATION:
                count = len(self._operands())
                self._lens = replace(lens, operand=_next(lens.operand, by, count))
            case PanelId.WEIGHTS:
                assert self._parameters is not None
                self._lens = replace(lens, weight=_next(lens.weight, by, len(self._parameters)))
            case PanelId.NETWORK:
                from retrograde.tui.views.slots import node_count
                from retrograde.tui.views.topology import first_node

                here = first_node(reading) if lens.node < 0 else -1
                self._lens = replace(lens, node=here if here >= 0 else _next(lens.node, by, node_count(reading)))
            case PanelId.LOSS:
                self._motion("iteration", back=by < 0)
                return
            case PanelId.TIMELINE:
                self._motion("phase", back=by < 0)
                return
            case PanelId.DEBUG:
                self._select_debug(by)
                return
        self._show()

    # -- the search

    def do_search(self) -> None:
        """Asks for a text to find among the parameters."""
        from retrograde.tui.screens.command_line import LineScreen

        self.app.push_screen(LineScreen("/", _("part of a name: w5, W_h[3, b_o")), self._search)

    def _search(self, text: str | None) -> None:
        if text is None or self._lens is None or self._parameters is None:
            return
        self._lens = replace(self._lens, search=text)
        if not text:
            self._show()
            return
        self._focus_on(PanelId.WEIGHTS)
        self._match(1, include=True)

    def do_match(self) -> None:
        """Selects the next match."""
        self._match(1)

    def do_match_back(self) -> None:
        """Selects the previous match."""
        self._match(-1)

    def _match(self, by: int, *, include: bool = False) -> None:
        lens, parameters = self._lens, self._parameters
        assert lens is not None
        assert parameters is not None
        if not lens.search:
            self._say(_("/ searches the weights"))
            return
        found = parameters.matches(lens.search)
        if not found:
            self._say(_("no parameter has {text} in its name").format(text=lens.search), bad=True)
            return
        here = lens.weight
        if by > 0:
            row = next((k for k in found if k > here or (include and k == here)), found[0])
        else:
            row = next((k for k in reversed(found) if k < here), found[-1])
        self._lens = replace(lens, weight=row)
        text = _("match {number} of {count}").format(number=found.index(row) + 1, count=len(found))
        self._say(text)

    # -- panels

    def _focus_on(self, panel: PanelId) -> None:
        self._focus = panel
        self._bring(panel)

    def do_panel_next(self) -> None:
        """Gives the next panel the focus."""
        self._cycle(1)

    def do_panel_back(self) -> None:
        """Gives the previous panel the focus."""
        self._cycle(-1)

    def _cycle(self, by: int) -> None:
        order = list(PanelId)
        self._focus_on(order[(order.index(self._focus) + by) % len(order)])

    # -- the mouse

    def on_panel_pressed(self, message: Panel.Pressed) -> None:
        """Gives a panel the focus, and selects what was pressed."""
        if self._lens is None:
            return
        if message.item is not None:
            if message.panel is PanelId.EQUATION:
                self._lens = replace(self._lens, operand=message.item)
            elif message.panel is PanelId.WEIGHTS:
                self._lens = replace(self._lens, weight=message.item)
            elif message.panel is PanelId.DEBUG:
                self._point_at(message.item)
        self._focus_on(message.panel)

    def on_panel_wheeled(self, message: Panel.Wheeled) -> None:
        """Scrolls by moving the selection."""
        if self._lens is None or message.panel in {PanelId.LOSS, PanelId.TIMELINE}:
            return
        if message.panel is not self._focus:
            self._focus_on(message.panel)
        self._select(message.by)


def _next(selected: int, by: int, count: int) -> int:
    if not count:
        return -1
    if selected < 0:
        return 0 if by > 0 else count - 1
    return min(max(selected + by, 0), count - 1)
