"""Jumping: to a panel or a row, by the letters that are shown over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.selecting import Selecting
    from retrograde.tui.screens.jump import Spot


class Jumping:
    """The part that shows the letters."""

    def __init__(self, desk: Desk, selecting: Selecting) -> None:
        self._desk = desk
        self._selecting = selecting

    def begin(self) -> None:
        """Shows a letter over every panel and row."""
        from retrograde.tui.screens.jump import JumpScreen

        def go(spot: Spot | None) -> None:
            if spot is not None:
                self._selecting.press(spot.panel, spot.item)

        self._desk.host.ask(JumpScreen(self._desk.host.spots()), go)
