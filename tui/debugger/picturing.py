"""Pictures of the run, over the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.doctoring import Doctoring
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working


class Picturing:
    """The part that shows pictures."""

    def __init__(self, desk: Desk, working: Working, moving: Moving, doctoring: Doctoring) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._doctoring = doctoring
        self._last = ""

    def show_key(self, name: str = "") -> None:
        """Shows a picture.

        Args:
            name: its name; empty for the one that was shown last.
        """
        try:
            self.show(name or self._last)
        except EngineError as error:
            self._desk.say(str(error), bad=True)

    def show(self, text: str = "") -> None:
        """Shows a picture.

        Args:
            text: its name, and what it is of; by default the loss.

        Raises:
            EngineError: there is no such picture.
        """
        desk, working = self._desk, self._working
        if not working.when_idle(lambda: self.show_key(text or "loss")):
            return
        from retrograde.tui.screens.pictures import PicturesScreen, picture_named
        from retrograde.tui.screens.picturing import Surroundings

        name, *words = text.split() or ["loss"]
        first = picture_named(desk.session, name)
        around = Surroundings(alerts=self._doctoring.alerts, selected=self._selected)
        screen = PicturesScreen(desk.session, desk.host.glyphs, working.search, around, first, words)
        if working.lend():
            self._last = first.name
            desk.host.ask(screen, self._moving.returned)

    @property
    def _selected(self) -> Ref | None:
        """The trained parameter that is selected."""
        from retrograde.engine.equations.expression import Ref

        selected = self._desk.selected
        if selected is None:
            return None
        array = selected.array if selected.array.of is None else selected.array.of
        if array not in self._desk.session.network.trainable or len(selected.index) != len(array.shape):
            return None
        return Ref(array, selected.index)
