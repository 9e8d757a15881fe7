"""The variants of a scenario: trained beside it, their curves in the panel of the loss, and a table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.race import Lap
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.keeping import Keeping
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.work.jobs import Job

REST_SECONDS = 0.25
"""How long the cursor rests after a run before the variants are trained."""
QUIET_SECONDS = 20.0
"""Variants that take longer by estimate are not trained unless that is asked for."""


class Racing:
    """The part that trains the variants of the scenario on the screen."""

    def __init__(self, desk: Desk, working: Working, keeping: Keeping) -> None:
        self._desk = desk
        self._working = working
        self._keeping = keeping
        self._laps: list[Lap] = []
        self._timer: Timer | None = None
        self._from = working.runs
        desk.resters.append(self._schedule)
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        self._laps = []
        self._from = self._working.runs

    @property
    def _names(self) -> tuple[str, ...]:
        """The variants; that without a name is the scenario as it stands."""
        scenario = self._desk.session.scenario
        found = () if scenario.path is None else tuple(one.name for one in scenario.variants)
        return ("", *found) if found else ()

    @property
    def variants(self) -> tuple[Lap, ...]:
        """The variants that were trained, to be drawn beside the branch that no edit has made."""
        return tuple(self._laps[1:]) if self._desk.session.branch.parent is None else ()

    @property
    def why_not(self) -> str:
        """Why there is no race; empty where there is."""
        return "" if self._names else _("this scenario has no variants; a file lists them as [[variants]]")

    # -- after a run, without being asked

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._working.runs > self._from and len(self._laps) < len(self._names) and self._soon:
            self._timer = self._desk.host.after(REST_SECONDS, self._rest)

    @property
    def _soon(self) -> bool:
        """Whether the variants do not take long."""
        session = self._desk.session
        iterations = session.scenario.stop.epochs * session.schedule.per_epoch * len(self._names)
        return iterations * session.timeline.iteration_seconds <= QUIET_SECONDS

    def _rest(self) -> None:
        if not self._working.turns.allows(Event.REST):
            self._schedule()
            return

        def done(_laps: None) -> None:
            self._desk.paint()

        self._working.rest(self._train, done, self._schedule)

    def _train(self, job: Job) -> None:
        """Trains what was not trained yet, in the worker.

        Raises:
            InterruptedError: it was asked to end; what is done by then stays.
        """
        from retrograde.engine.scenario.file import load_scenario
        from retrograde.engine.session.race import lap_of

        scenario, laps = self._desk.session.scenario, self._laps
        for name in self._names[len(laps) :]:
            entrant = load_scenario(_source(scenario, name), data=scenario.data_path)
            lap = lap_of(entrant, None, entrant.stop.epochs, cancelled=job.asked)
            if job.asked():
                raise InterruptedError
            laps.append(lap)

    # -- the screen

    def show(self) -> None:
        """Shows the race, once all have been trained."""
        desk, working = self._desk, self._working
        if self.why_not:
            desk.say(self.why_not)
            return

        def shown(_laps: None) -> None:
            from retrograde.tui.screens.race import RaceScreen

            desk.paint()
            if working.lend():
                desk.host.ask(RaceScreen(tuple(self._laps), desk.host.glyphs), self._answered)

        working.search(_("race"), self._train, shown)

    def _answered(self, name: str | None) -> None:
        """Opens the training that was chosen."""
        if not self._working.when_idle(lambda: self._answered(name)):
            return
        self._working.take_back()
        scenario = self._desk.session.scenario
        if name is None or name == scenario.name:
            self._desk.moved(follow=False)
        elif self._keeping.sure("race", _("unsaved edits: :save keeps them, :race again opens")):
            self._desk.host.open_source(_source(scenario, name))


def _source(scenario: Scenario, name: str) -> str:
    """How a variant of a scenario is called; without a name the scenario itself."""
    source = scenario.name if scenario.path is None or _ships(scenario) else str(scenario.path)
    return f"{source}:{name}" if name else source


def _ships(scenario: Scenario) -> bool:
    from retrograde.engine.scenario.catalogue import folder

    return scenario.path is not None and scenario.path.parent == folder()
