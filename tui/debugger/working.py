"""Work on the session off the screen's thread: who has the session, and what waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from retrograde.engine.text import _
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.debugger.desk import NOTHING_SAID, Action, Desk, Said
from retrograde.tui.work.turns import Event, Turns

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.session.session import Here
    from retrograde.engine.travel.stopping import Outcome
    from retrograde.tui.records.loss import RunView
    from retrograde.tui.work.jobs import Job, JobProgress
    from retrograde.tui.work.runner import RunEnded, TrainingWork

T = TypeVar("T")


class Working:
    """The part that hands the session to a worker and takes it back.

    Attributes:
        turns: who has the session.
        work: the work that has it, None while there is none.
        progress: how far a run is, None before it has said so.
        ended: how many pieces of work are over.
        runs: how many runs are over.
        seen: the branch of the last run, and what the doctor saw while it went on.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.turns = Turns()
        self.work: TrainingWork | None = None
        self.progress: RunView | None = None
        self.ended = 0
        self.runs = 0
        self.seen: tuple[str, tuple[Alert, ...]] = ("", ())
        self._waiting: list[Action] = []
        self._origin: Here | None = None

    # -- a look, a small change, a motion

    @contextmanager
    def held(self) -> Iterator[bool]:
        """The session for a look or a small change, if it can be had: a run lets it go between two of its pieces."""
        if not self.turns.allows(Event.LOOK):
            yield False
            return
        with self._desk.session.lock:
            yield True

    def with_session(self, action: Action) -> None:
        """Looks at the session or changes something small of it; a search is cancelled for it, a run goes on."""
        self.stop_quiet()
        with self.held() as free:
            if free:
                action()
                return
        if self.when_idle(lambda: self.with_session(action)):
            action()

    def when_idle(self, action: Action) -> bool:
        """Whether the session is free; otherwise the work is ended, and the action follows."""
        self.stop_quiet()
        if self.turns.allows(Event.USE):
            return True
        self._waiting.append(action)
        self.stop()
        return False

    def walk(self, move: Callable[[], object]) -> bool:
        """Moves over the past of a run that goes on; False where there is none, or it has to be paused."""
        work, session = self.work, self._desk.session
        if work is None or not self.turns.allows(Event.WALK):
            return False
        with session.lock:
            place = (session.position, session.term)
            move()
            if session.position + bool(session.term) > session.branch.frontier:
                session.position, session.term = place
                self._desk.say(_("the run is not further yet; Space pauses it"))
                return True
            self.turns.take(Event.WALK)
            work.follow = False
            self._desk.moved()
        return True

    def stand_back(self) -> None:
        """Leaves the processor to the screen for a moment, which has a key to answer."""
        if self.work is not None:
            self.work.hold()

    def stop(self) -> None:
        """Asks the work to end, if there is some."""
        if self.work is not None:
            self.turns.take(Event.STOP)
            self.work.cancel()

    # -- another screen

    def lend(self) -> bool:
        """Lets the screen of branches have the session; says whether it may."""
        if not self.turns.allows(Event.LEND):
            return False
        self.turns.take(Event.LEND)
        return True

    def take_back(self) -> None:
        """The screen of branches has been left."""
        self.turns.take(Event.RETURN)

    # -- a run, or a seek that has to compute its way

    def run(self, epochs: int | None) -> None:
        """Runs until a stop rule or a number of epochs ends it."""
        self._begin(Event.RUN, epochs=epochs)

    def seek(self, where: int) -> None:
        """Goes to a position that was not computed yet, and remembers where from."""
        self._origin = self._desk.session.here
        self._begin(Event.SEEK, where=where)

    def _begin(self, event: Event, *, epochs: int | None = None, where: int | None = None) -> None:
        from retrograde.tui.work.runner import TrainingWork

        desk = self._desk
        if not self.turns.allows(event):
            return
        self.turns.take(event)
        desk.outcome = ""
        self.work = TrainingWork(desk.session, desk.host.post_message, epochs=epochs, where=where)
        desk.host.in_thread(self.work.work)
        if event is Event.RUN:
            desk.say(_("running; Space pauses"))

    def end_run(self, message: RunEnded) -> None:
        """Takes the session back from a run or a seek and shows where it arrived."""
        if message.run is not self.work:
            return
        desk, outcome = self._desk, message.outcome
        if message.run.where is None:
            self.runs += 1
            self.seen = (desk.session.branch.name, message.run.alerts)
        waiting, origin = self._free()
        if message.error:
            desk.say(message.error, bad=True)
        else:
            if origin is not None and desk.session.here != origin:
                desk.session.visit(origin)
            desk.notice = NOTHING_SAID
            if outcome is not None:
                desk.outcome = outcome.message
                desk.notice = Said(self._ending(outcome))
            desk.moved()
        if waiting:
            desk.notice = NOTHING_SAID
            for action in waiting:
                action()
            if outcome is not None and outcome.rule == "cancelled":
                desk.add(_("the run was {paused}; r goes on").format(paused=outcome.message))

    def _ending(self, outcome: Outcome) -> str:
        """How a run ended, with the step that it is about where the cursor is not there: Enter goes there."""
        from retrograde.tui.views.debugging import address

        step, message = outcome.step, typeset(outcome.message)
        if step is None or step == self._desk.session.position:
            return message
        self._desk.goal = step
        place = address(self._desk.session.schedule, step)
        text = message if place in message else f"{message} ({place})"
        return _("{ending}; Enter goes there").format(ending=text)

    def _free(self) -> tuple[list[Action], Here | None]:
        """The session is free again: gives what waits for it, in its order, and where a seek came from."""
        self.turns.take(Event.END)
        found = self._waiting, self._origin
        self.work = self.progress = self._origin = None
        self._waiting = []
        self.ended += 1
        return found

    # -- searches

    @property
    def searching(self) -> bool:
        """Whether a search goes on that was asked for."""
        from retrograde.tui.work.jobs import Job

        return isinstance(self.work, Job) and bool(self.work.title)

    def search(
        self,
        title: str,
        task: Callable[[Job], T],
        done: Callable[[T], None],
        stopped: Action | None = None,
    ) -> None:
        """Does work on the session off the screen's thread; what is short is done when the key was answered.

        Args:
            title: what it does; nothing is said of work without a title.
            task: the work.
            done: takes its result.
            stopped: called instead when it was cancelled.
        """
        if self.when_idle(lambda: self.search(title, task, done, stopped)):
            self._begin_job(Event.SEARCH, title, task, done, stopped)

    def rest(self, task: Callable[[Job], T], done: Callable[[T], None], stopped: Action) -> None:
        """Does work that nobody asked for, if nobody has the session.

        Args:
            task: the work.
            done: takes its result.
            stopped: called instead when it was cancelled.
        """
        if self.turns.allows(Event.REST):
            self._begin_job(Event.REST, "", task, done, stopped)

    def _begin_job(
        self,
        event: Event,
        title: str,
        task: Callable[[Job], T],
        done: Callable[[T], None],
        stopped: Action | None,
    ) -> None:
        from retrograde.tui.work.jobs import Job

        desk = self._desk
        job = Job(session=desk.session, post=desk.host.post_message, title=title, task=task, done=done)
        if stopped is not None:
            job.stopped = stopped
        elif title:
            job.stopped = lambda: desk.say(_("{what} was cancelled").format(what=title))
        self.turns.take(event)
        self.work = job
        if job.begin():
            self.end_job(job)
        elif title:
            desk.say(_("{what} … Esc cancels").format(what=title))

    def show_search(self, message: JobProgress) -> None:
        """Shows how far a search is."""
        from retrograde.tui.views.loss import duration

        job = message.job
        if job is self.work and job.title:
            text = _("{what} … {percent} % · {time} left · Esc cancels").format(
                what=job.title, percent=int(100 * message.share), time=duration(message.seconds_left)
            )
            self._desk.notice = Said(text)
            self._desk.paint_footer()

    def end_job(self, job: Job) -> None:
        """Takes the session back from a search."""
        if job is not self.work:
            return
        waiting, _origin = self._free()
        if job.failure is not None:
            raise job.failure
        if job.title:
            self._desk.notice = NOTHING_SAID
        if job.error:
            self._desk.say(job.error, bad=True)
        elif job.cancelled:
            job.stopped()
        else:
            job.done(job.result)
        for action in waiting:
            action()

    @property
    def busy(self) -> bool:
        """Whether something goes on that can be paused: a run, a search with a title, or a seek that takes long."""
        from retrograde.tui.work.jobs import Job

        if self.work is None or isinstance(self.work, Job):
            return self.searching
        return self.work.where is None or self.progress is not None

    def stop_quiet(self) -> None:
        """Ends the work that was begun without being asked for, so that a key need not wait for it."""
        if self.work is None:
            return
        from retrograde.tui.work.jobs import Job

        job = self.work
        if isinstance(job, Job) and (not job.title or job.finished.is_set()):
            self.stop()
            if job.finished.wait(1.0):
                self.end_job(job)
