"""Work on the session off the screen's thread: who has the session, and what waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retrograde.engine.text import _
from retrograde.tui.debugger.mixin import DebuggerScreen
from retrograde.tui.work.jobs import Job, JobEnded, JobProgress


class Working(DebuggerScreen):
    """The part of the screen that hands the session to a worker and takes it back."""

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """The session for a look or a small change, if it can be had: a run lets it go between two of its pieces."""
        if self.session is None or self._busy:
            yield False
        elif self.run_state is None:
            yield True
        else:
            with self.session.lock:
                yield True

    @property
    def _busy(self) -> bool:
        """Whether work has the session and does not let it go."""
        return self.run_state is not None and not self.run_state.walkable

    def _with_session(self, action: Callable[[], None]) -> None:
        """Looks at the session or changes something small of it; a search is cancelled for it, a run goes on."""
        self._stop_quiet_job()
        with self._held() as free:
            if free:
                action()
                return
        if self._when_idle(lambda: self._with_session(action)):
            action()

    def _job(
        self,
        title: str,
        task: Callable[[Job], object],
        done: Callable[[object], None],
        stopped: Callable[[], None] | None = None,
    ) -> None:
        """Does work on the session off the screen's thread; what is short is done when the key was answered.

        Args:
            title: what it does; nothing is said of work without a title.
            task: the work.
            done: takes its result.
            stopped: called instead when it was cancelled.
        """
        if not self._when_idle(lambda: self._job(title, task, done, stopped)):
            return
        session = self.session
        assert session is not None
        job = Job(session=session, post=self.post_message, title=title, task=task, done=done)
        if stopped is not None:
            job.stopped = stopped
        elif title:
            job.stopped = lambda: self._say(_("{what} was cancelled").format(what=title))
        self.run_state = job
        if job.begin():
            self._end_job(job)
        elif title:
            self._say(_("{what} … Esc cancels").format(what=title))

    def on_job_progress(self, message: JobProgress) -> None:
        """Shows how far a search is."""
        from retrograde.tui.views.loss import duration

        job = message.job
        if job is self.run_state and job.title:
            text = _("{what} … {percent} % · {time} left · Esc cancels").format(
                what=job.title, percent=int(100 * message.share), time=duration(message.seconds_left)
            )
            self._notice = (text, False)
            self._show_footer()

    def on_job_ended(self, message: JobEnded) -> None:
        """Takes the session back."""
        if message.job is self.run_state:
            self._end_job(message.job)

    def _end_job(self, job: Job) -> None:
        self._free()
        after, self._after_run = self._after_run, None
        if job.failure is not None:
            raise job.failure
        if job.title:
            self._notice = ("", False)
        if job.error:
            self._say(job.error, bad=True)
        elif job.cancelled:
            job.stopped()
        else:
            job.done(job.result)
        if after is not None:
            after()

    def _stop_quiet_job(self) -> None:
        """Ends the work that was begun without being asked for, so that a key need not wait for it."""
        job = self.run_state
        if isinstance(job, Job) and (not job.title or job.finished.is_set()):
            job.cancel()
            if job.finished.wait(1.0):
                self._end_job(job)

    def _when_idle(self, action: Callable[[], None]) -> bool:
        """Whether the session is free; otherwise the run is paused, and the action follows."""
        self._stop_quiet_job()
        if self.run_state is None:
            return True
        self._after_run = action
        self.run_state.cancel()
        return False

    def _walk(self, move: Callable[[], object]) -> bool:
        """Moves over the past of a run that goes on; False where there is none, or it has to be paused."""
        session, run = self.session, self.run_state
        if session is None or run is None or not run.walkable:
            return False
        with session.lock:
            place = (session.position, session.term)
            move()
            if session.position + bool(session.term) > session.branch.frontier:
                session.position, session.term = place
                self._say(_("the run is not further yet; Space pauses it"))
                return True
            run.follow = False
            self._moved()
        return True
