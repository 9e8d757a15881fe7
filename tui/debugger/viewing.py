"""How the panels and the numbers are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import LANGUAGES, _, joined

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk

MARGIN = 12
"""Columns around a line of a list: its frame, its gaps, and the screen on either side."""


class Viewing:
    """The part that changes what is shown of the same moment."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def zoom(self) -> None:
        """Enlarges the panel with the focus, or shows all again."""
        self._desk.arrangement.zoom = not self._desk.arrangement.zoom
        self._desk.rearrange()

    def warnings(self) -> None:
        """Lists what is odd in the scenario."""
        from retrograde.tui.canvas.canvas import wrap
        from retrograde.tui.screens.choosing import ChoiceScreen

        desk = self._desk
        found = desk.session.warnings
        if not found:
            desk.say(_("nothing is odd in this scenario"))
            return
        rows: list[tuple[str, ...]] = []
        for warning in found:
            place = ":".join(str(part) for part in (PurePath(warning.path).name, warning.line) if part is not None)
            text = joined((warning.key, warning.message), ": ")
            for number, line in enumerate(wrap(text, max(desk.host.cells[0] - len(place) - MARGIN, 20))):
                rows.append(("" if number else place, line))
        desk.host.ask(ChoiceScreen(_("warnings"), tuple(rows), desk.host.glyphs))

    def language(self, wanted: str = "") -> None:
        """Changes the language of every text.

        Args:
            wanted: the language; empty for the next one.

        Raises:
            EngineError: There are no texts in it.
        """
        if wanted and wanted not in LANGUAGES:
            message = _("{text} is no language that there are texts in; there are {known}")
            raise EngineError(message.format(text=wanted, known=joined(LANGUAGES, ", ")))
        self._desk.host.speak(wanted)

    def code(self) -> None:
        """Changes which library's line of code stands beside the equation."""
        from retrograde.engine.writing.dialects import DIALECTS
        from retrograde.tui.debugger.copying import called

        desk = self._desk
        if desk.session.recording is not None:
            desk.say(_("beside a recorded step stands your own line of code"))
            return
        libraries = ("", *DIALECTS)
        library = libraries[(libraries.index(desk.lens.library) + 1) % len(libraries)]
        desk.lens = replace(desk.lens, library=library)
        if library:
            message = _("{library}; the whole program: retrograde code {name} --for {option}")
            name = called(desk.session.scenario)
            desk.say(message.format(library=DIALECTS[library].title, name=name, option=library))
        else:
            desk.say(_("no line of code"))

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
