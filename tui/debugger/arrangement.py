"""Which panels are shown: the one with the focus, those that are in front of others, or one alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrograde.tui.debugger import rooms
from retrograde.tui.records.marks import PanelId


@dataclass(slots=True, kw_only=True, eq=False)
class Arrangement:
    """What decides where the panels lie.

    Attributes:
        focus: the panel in which the arrows move.
        tab: which of ``rooms.BELOW`` is in front, where they share a place.
        beside: which of ``rooms.BESIDE`` is in front, where they share a place.
        zoom: whether the front panel is shown alone.
    """

    focus: PanelId = PanelId.EQUATION
    tab: PanelId = PanelId.WEIGHTS
    beside: PanelId = PanelId.LOSS
    zoom: bool = False
    _known: tuple[object, rooms.Rooms] | None = field(default=None, init=False)

    def bring(self, panel: PanelId) -> None:
        """Brings a panel to the front where it is a tab; the focus stays."""
        if panel in rooms.BELOW:
            self.tab = panel
        if panel in rooms.BESIDE:
            self.beside = panel

    def divide(self, width: int, height: int) -> rooms.Rooms:
        """The rooms for a size.

        Args:
            width: columns.
            height: rows.
        """
        key = (width, height, self.tab, self.focus, self.zoom, self.beside)
        if self._known is None or self._known[0] != key:
            front = self.focus if self.focus is not PanelId.TIMELINE else self.tab
            made = rooms.arrange(width, height, tab=self.tab, front=front, zoom=self.zoom, beside=self.beside)
            self._known = (key, made)
        return self._known[1]
