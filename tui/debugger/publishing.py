"""What was published of the scenario, over the panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _, joined, language

if TYPE_CHECKING:
    from retrograde.engine.session.figures import Figure
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.screens.goals import Try, Vary
    from retrograde.tui.work.jobs import Job


class Publishing:
    """The part that shows the published figures."""

    def __init__(self, desk: Desk, working: Working, moving: Moving) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._known: dict[str, tuple[Figure, ...]] = {}
        desk.beginners.append(self._known.clear)

    @property
    def why_not(self) -> str:
        """Why there is nothing to show; empty where there is."""
        return "" if self._desk.session.scenario.expect else _("nothing was published of this scenario")

    def show(self) -> None:
        """Shows the figures, once they are verified."""
        from retrograde.engine.session.figures import figures

        session = self._desk.session
        if self.why_not:
            self._desk.say(self.why_not)
            return
        # Verdicts are words, so that a language has its own.
        spoken = language()
        known = self._known.get(spoken)

        def verified(found: tuple[Figure, ...]) -> None:
            self._known[spoken] = found
            self._open(found)

        if known is None:
            title = _("verifying the published figures")
            self._working.search(title, lambda job: figures(session, asked=job.asked), verified)
        elif self._working.when_idle(lambda: self._open(known)):
            self._open(known)

    def _open(self, found: tuple[Figure, ...]) -> None:
        from retrograde.tui.screens.published import PublishedScreen

        desk, working = self._desk, self._working
        if working.lend():
            screen = PublishedScreen(desk.session, desk.host.glyphs, working.search, found)
            desk.host.ask(screen, lambda choice: self._moving.returned(choice, self._chosen))

    def _chosen(self, choice: Try | Vary) -> None:
        """Opens what was chosen."""
        from retrograde.tui.screens.goals import Vary

        if isinstance(choice, Vary):
            self.vary(choice)

    def vary(self, wanted: Vary) -> None:
        """Opens a variant over this session, which stays as it is.

        Args:
            wanted: the variant, and where it begins.
        """
        desk = self._desk

        def made(_job: Job) -> Session | str:
            from retrograde.engine.errors import EngineError
            from retrograde.engine.forensics.variant import varied

            try:
                return varied(desk.session.scenario, wanted.deviations, at=wanted.name, budget=desk.session.budget)
            except EngineError as error:
                return str(error)

        besides = joined([one.text for one in wanted.deviations if not one.switches], ", ")
        said = _("not in it, since no equation is another one: {what}").format(what=besides) if besides else ""

        def begin(found: Session | str) -> None:
            if isinstance(found, str):
                desk.say(found, bad=True)
            elif self._working.lend():
                desk.host.debug(found, said, self._moving.returned)

        self._working.search(_("making the variant"), made, begin)
