"""Running to the end: the worker, its progress and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.painting import Painting
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from retrograde.tui.work.runner import RunEnded, RunProgress


class Running(Painting):
    """The part of the screen that trains."""

    def line_run(self, rest: str) -> None:
        """Runs a number of epochs, or until a stop rule ends it."""
        words = rest.split()
        if len(words) == 2 and words[1] in {"epoch", "epochs"}:
            del words[1]
        if not words:
            self.do_run()
        elif len(words) == 1 and words[0].replace(",", "").isdigit() and int(words[0].replace(",", "")) > 0:
            count = int(words[0].replace(",", ""))
            assert self.reading is not None
            done = self.reading.schedule.start(0) + self.reading.position // self.reading.schedule.steps_per_epoch
            self._run_to(done + count)
        else:
            self._say(_("run takes a number of epochs, such as run 100"), bad=True)

    def do_run(self) -> None:
        """Runs until a stop rule ends it."""
        if self.run_state is None:
            self._run_to(None)

    def _run_to(self, epochs: int | None) -> None:
        if not self._when_idle(lambda: self._run_to(epochs)):
            return
        self._start(epochs=epochs)

    def _start(self, *, epochs: int | None = None, where: int | str | None = None) -> None:
        """Hands the session to a worker."""
        from retrograde.tui.work.runner import TrainingWork

        session = self.session
        assert session is not None
        self._outcome = ""
        self.run_state = TrainingWork(session, self.post_message, epochs=epochs, where=where)
        self.run_worker(self.run_state.work, thread=True, exit_on_error=True, group="run")
        if where is None:
            self._say(_("running; Space pauses"))

    def on_run_progress(self, message: RunProgress) -> None:
        """Shows the live loss curve."""
        if self.run_state is None:
            return
        self._run_view = message.view
        self._show_progress()

    def _show_progress(self) -> None:
        size = self.app.size
        divided = self.divide(size.width, size.height)
        view = self._run_view
        if divided.tiny or view is None or self.reading is None:
            return
        if PanelId.LOSS in divided.places:
            frame = rooms.frame(divided, PanelId.LOSS, self._focus, self._glyphs)
            self._give(PanelId.LOSS, frame, self._loss_view(self.reading))
        text = _("epoch {epoch} of {epochs} · E {loss} · {rate} epochs/s · Space pauses").format(
            epoch=f"{view.epoch:,}", epochs=f"{view.epochs:,}", loss=f"{view.loss:.6g}", rate=f"{view.rate:,.0f}"
        )
        if self.run_state is not None and self.run_state.where is not None:
            from retrograde.tui.views.loss import duration

            text = _("{time} left").format(time=duration(view.seconds_left)) + " · " + text
        self._notice = (text, False)
        self._show_footer()

    def on_run_ended(self, message: RunEnded) -> None:
        """Takes the session back and shows where the run arrived."""
        if message.run is not self.run_state:
            return
        self._free()
        after, self._after_run = self._after_run, None
        if message.error:
            self._notice = (message.error, True)
            self._show()
        else:
            self._remember()
            self._notice = ("", False)
            if message.outcome is not None:
                self._outcome = message.outcome.message
                self._notice = (message.outcome.message, False)
            self._moved()
        if after is not None:
            self._notice = ("", False)
            if message.run.walkable and message.outcome is not None and message.outcome.rule == "cancelled":
                self.notify(_("the run was {paused}; r goes on").format(paused=message.outcome.message), markup=False)
            after()

    def _free(self) -> None:
        self.run_state = None
        self._run_view = None
        self._loss = None

    def do_pause(self) -> None:
        """Pauses a run."""
        if self.run_state is not None:
            self.run_state.cancel()
        else:
            self._say(_("nothing is running; r runs, q quits"))

    def do_restart(self) -> None:
        """Starts again with the same seed."""
        if not self._when_idle(self.do_restart):
            return
        if not self._sure("restart", _("unsaved edits: :save keeps them, 0 again restarts without")):
            return
        from retrograde.engine.session.session import Session

        assert self.session is not None
        fresh = Session(self.session.scenario)
        self._carry_over(self.session, fresh)
        self.begin(fresh)
        self._say(_("restarted with the same seed"))
