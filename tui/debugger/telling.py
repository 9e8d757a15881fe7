"""Why: the screens that explain the run, over the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working


class Telling:
    """The part that shows the biography of a weight."""

    def __init__(self, desk: Desk, working: Working, moving: Moving) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving

    def biography(self, name: str = "") -> None:
        """Tells what moved a weight.

        Args:
            name: the weight; by default the selected one.
        """
        desk, working = self._desk, self._working
        if not working.when_idle(lambda: self.biography(name)):
            return
        try:
            story = desk.session.biography(name or self._weight())
        except EngineError as error:
            desk.say(str(error), bad=True)
            return
        if not story.stop:
            if desk.reading.frontier:
                desk.say(_("nothing has moved at the start; G goes to the end of the run"))
            else:
                desk.say(_("no iteration has begun: r runs, ] goes one iteration on"))
            return
        if not working.lend():
            return
        from retrograde.tui.screens.biography import BiographyScreen

        screen = BiographyScreen(desk.session, story, desk.host.glyphs, working.search, working.stop)
        desk.host.ask(screen, self._moving.returned)

    def _weight(self) -> Ref:
        """The parameter that is selected, or that of the selected row of the table of weights."""
        from retrograde.engine.equations.expression import Ref

        desk = self._desk
        selected = desk.selected
        if selected is None and desk.reading.step is not None and desk.reading.step.target.array.of is not None:
            selected = desk.reading.step.target
        if selected is not None:
            array = selected.array if selected.array.of is None else selected.array.of
            if array in desk.session.network.trainable:
                return Ref(array, selected.index)
        if not desk.parameters:
            raise EngineError(_("nothing is trained here"))
        return desk.parameters.ref(desk.lens.weight)
