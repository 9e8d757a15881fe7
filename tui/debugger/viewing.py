"""How the panels and the numbers are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk


class Viewing:
    """The part that changes what is shown of the same moment."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def zoom(self) -> None:
        """Enlarges the panel with the focus, or shows all again."""
        self._desk.arrangement.zoom = not self._desk.arrangement.zoom
        self._desk.rearrange()

    def digits(self) -> None:
        """Changes how many digits are shown."""
        desk = self._desk
        digits = {9: 17, 17: 5, 5: 9}[desk.lens.digits]
        desk.lens = replace(desk.lens, digits=digits)
        desk.say(
            {
                9: _("nine digits"),
                17: _("all digits: exactly the float64 that was computed"),
                5: _("five digits"),
            }[digits]
        )
