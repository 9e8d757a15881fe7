"""The doctor: what is wrong with the run, its alerts on the timeline, and its screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, whole_number
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.editing import Editing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.screens.goals import Mend
    from retrograde.tui.work.jobs import Job

REST_SECONDS = 0.2
"""How long the cursor rests after a run before the doctor looks at it."""

QUIET_SECONDS = 3.0
"""A run that took longer is not judged unless that is asked for."""


MOMENTS, LOOK_ITERATIONS = 46, 10
"""Moments at which the doctor looks, and how many iterations of all samples a look takes."""


class Judged(NamedTuple):
    """What of a session was judged."""

    branch: str
    iterations: int


class Doctoring:
    """The part that keeps what the doctor says."""

    def __init__(self, desk: Desk, working: Working, moving: Moving, editing: Editing) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._editing = editing
        self._known: dict[Judged, Diagnosis] = {}
        self._timer: Timer | None = None
        self._runs = 0
        self._shown: tuple[str, Diagnosis] | None = None
        desk.resters.append(self._schedule)
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        self._known.clear()
        self._shown = None

    @property
    def here(self) -> Judged:
        """What would be judged now: the complete iterations of the branch on the screen."""
        reading = self._desk.reading
        done = reading.frontier // reading.program.steps if reading.schedule.uniform else 0
        if not reading.schedule.uniform:
            iteration, step = reading.schedule.locate(reading.frontier)
            done = iteration + (reading.frontier > 0 and step == reading.schedule.program(iteration).steps)
        return Judged(self._desk.session.branch.name, done)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts of the branch on the screen; of a run that is not judged yet, those that were seen live."""
        name = self._desk.session.branch.name
        if self._shown is None or self._shown[0] != name:
            branch, seen = self._working.seen
            return seen if branch == name else ()
        return self._shown[1].alerts

    @property
    def epochs(self) -> int | None:
        """The epochs that would be judged; None for those of the scenario, where nothing has run."""
        done, per_epoch = self.here.iterations, self._desk.reading.schedule.per_epoch
        return -(-done // per_epoch) or None

    def _judge(self, job: Job, epochs: int | None, on_share: Callable[[float], None] | None = None) -> Diagnosis:
        """Judges the run, in the worker.

        Args:
            job: the work, which may be asked to end.
            epochs: the epochs.
            on_share: told how much of it is done.

        Raises:
            InterruptedError: it was asked to end.
        """

        def step(low: float, high: float) -> Callable[[int, int], None]:
            def on(done: int, total: int) -> None:
                if job.asked():
                    raise InterruptedError
                if on_share is not None:
                    # Whole numbers of any size have a quotient; as one of two floats it would overflow.
                    on_share(low + (high - low) * (done / max(total, 1)))

            return on

        return self._desk.session.doctor(epochs=epochs, on_run=step(0.0, 0.5), on_look=step(0.5, 1.0))

    def _take(self, key: Judged, found: Diagnosis, *, keep: bool = True) -> None:
        """Takes what was found, and shows it on the timeline."""
        if keep:
            self._known[key] = found
        self._shown = (key.branch, found)

    @property
    def known(self) -> Diagnosis | None:
        """What was found of the run as it is now."""
        return self._known.get(self.here)

    # -- after a run, without being asked

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._runs == self._working.runs or self._working.work is not None:
            return
        if self.known is not None or not self.here.iterations or self._seconds > QUIET_SECONDS:
            # Of a run that has made no iteration, the doctor would make the whole.
            self._runs = self._working.runs
        else:
            self._timer = self._desk.host.after(REST_SECONDS, self._rest)

    @property
    def _seconds(self) -> float:
        """About how long it takes to judge the run."""
        session = self._desk.session
        samples = session.schedule.samples / max(session.schedule.full.batch, 1)
        looks = MOMENTS * LOOK_ITERATIONS * samples
        return (self.here.iterations + looks) * session.timeline.iteration_seconds

    def _rest(self) -> None:
        if not self._working.turns.allows(Event.REST):
            return
        key, epochs = self.here, self.epochs

        def done(found: Diagnosis) -> None:
            self._runs = self._working.runs
            before = self._shown
            self._take(key, found)
            self._desk.paint()
            headline = found.headline
            if headline is not None and (before is None or before[1].headline != headline):
                from retrograde.tui.views.doctor import title, where

                text = _("the doctor: {what}, {place}; D says more")
                text = text.format(what=title(headline), place=where(headline))
                self._desk.add(text)

        self._working.rest(lambda job: self._judge(job, epochs), done, self._schedule)

    # -- the screen

    def show(self, text: str = "") -> None:
        """Shows what the doctor says of the run.

        Args:
            text: the epochs that are judged; by default those that have run, or all where none have.
        """
        desk, working = self._desk, self._working
        if not working.when_idle(lambda: self.show(text)):
            return
        count = whole_number(text, grouped=True)
        if text and not count:
            desk.say(_("doctor takes a number of epochs, such as doctor 100"), bad=True)
            return
        if not working.lend():
            return
        from retrograde.tui.screens.doctor import DoctorScreen

        epochs, key = (count, None) if text else (self.epochs, self.here)

        def took(found: Diagnosis) -> None:
            self._take(self.here if key is None else key, found, keep=key is not None)

        screen = DoctorScreen(
            desk.session,
            desk.host.glyphs,
            None if key is None else self.known,
            lambda job, on_share: self._judge(job, epochs, on_share),
            took,
            working.search,
            working.stop,
        )
        desk.host.ask(screen, lambda choice: self._moving.returned(choice, self._try))

    def _try(self, choice: Mend) -> None:
        """Goes to the moment and edits it, in another branch."""
        try:
            self._moving.seek(choice.number)
            self._editing.set("; ".join(f"{name} = {value!r}" for name, value in choice.values))
        except EngineError as error:
            self._desk.say(str(error), bad=True)
