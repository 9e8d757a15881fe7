"""Which panels are shown: the one with the focus, those that are in front of others, or one alone."""

from __future__ import annotations

from collections.abc import Sequence

from retrograde.engine.text import language
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.debugger import rooms
from retrograde.tui.records.marks import PanelEdge, PanelId

SHARED = frozenset({rooms.Seat.BELOW, rooms.Seat.BESIDE})
"""The seats that share a box in a layout of several."""


class Arrangement:
    """What decides where the panels lie.

    Args:
        panels: the panels, in the order of the Tab key.

    Attributes:
        panels: the panels, in the order of the Tab key.
        focus: the panel in which the arrows move.
        zoom: whether the panel with the focus is shown alone.
        needed: rows that show all parameters; None before there are any.
        footer: rows of the footer: more than one while something long is said there.
    """

    def __init__(self, panels: Sequence[rooms.Seated]) -> None:
        self.panels = tuple(panels)
        self.focus: str = PanelId.EQUATION
        self.zoom = False
        self.needed: int | None = None
        self.footer = 1
        # The panel that was brought last is the first of them.
        self._brought = sorted((one for one in panels if one.seat in SHARED), key=lambda one: one.seat.value)
        self._known: tuple[object, rooms.Rooms] | None = None
        self._framed: tuple[rooms.Rooms | None, object, dict[str, PanelEdge]] = (None, None, {})

    def bring(self, panel: str) -> None:
        """Brings a panel to the front where it is a tab; the focus stays."""
        self._brought.sort(key=lambda one: one.id != panel)

    def after(self, by: int) -> str:
        """The panel so many places after the one with the focus."""
        order = [panel.id for panel in self.panels]
        return order[(order.index(self.focus) + by) % len(order)]

    def divide(self, width: int, height: int) -> rooms.Rooms:
        """The rooms for a size.

        Args:
            width: columns.
            height: rows.
        """
        brought = tuple(one.id for one in self._brought)
        key = (width, height, self.focus, self.zoom, brought, self.needed, self.footer)
        if self._known is None or self._known[0] != key:
            made = rooms.arrange(
                width,
                height,
                self.panels,
                focus=self.focus,
                brought=brought,
                zoom=self.zoom,
                needed=self.needed,
                footer=self.footer,
            )
            self._known = (key, made)
        return self._known[1]

    def frame(self, divided: rooms.Rooms, panel: str, glyphs: Glyphs) -> PanelEdge:
        """The edge of a panel.

        Args:
            divided: the rooms.
            panel: the panel.
            glyphs: the characters.
        """
        key = (self.focus, glyphs, language())
        if self._framed[0] is not divided or self._framed[1] != key:
            self._framed = (divided, key, {})
        known = self._framed[2]
        if panel not in known:
            known[panel] = rooms.frame(divided, panel, self.focus, glyphs)
        return known[panel]
