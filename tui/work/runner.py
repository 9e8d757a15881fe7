"""Long work off the screen's thread: a run to convergence, or a seek that has to compute its way.

The worker posts messages and touches nothing of the screen. The session belongs to it, but for the past of a run,
which the screen may walk under the session's lock.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from retrograde.engine.errors import EngineError
from retrograde.tui.records.loss import Losses, RunView
from retrograde.tui.work.pace import between

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.running import Progress
    from retrograde.engine.travel.stopping import Outcome

SWITCH_SECONDS = 0.0005
"""How long the worker may keep the interpreter from the screen while a run goes on."""
HOLD_SECONDS = 0.03
"""How long the worker stands back for a key: as long as it takes to answer and paint it."""


class RunProgress(Message):
    """How far a run is; of several that wait, only the last one counts."""

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.view = view

    def can_replace(self, message: Message) -> bool:
        """Whether this one makes another needless."""
        return isinstance(message, RunProgress)


class RunEnded(Message):
    """A run or a seek is over: with an outcome, with an error, or cancelled."""

    def __init__(self, run: TrainingWork, outcome: Outcome | None, error: str) -> None:
        super().__init__()
        self.run = run
        self.outcome = outcome
        self.error = error


@dataclass(eq=False)
class TrainingWork:
    """One piece of long work on a session.

    Attributes:
        session: the session.
        post: takes messages, from any thread.
        epochs: the most epochs of a run, None for the scenario's.
        where: an address to seek, for a seek.
        follow: whether the cursor goes to where a run ends; not once it was moved meanwhile.
    """

    session: Session
    post: Callable[[Message], object]
    epochs: int | None = None
    where: int | str | None = None
    follow: bool = True

    def __post_init__(self) -> None:
        """Nothing is cancelled yet."""
        self._cancelled = threading.Event()
        self._started = self._posted = time.perf_counter()
        self._first: int | None = None
        self._held_until = 0.0
        self.alerts: tuple[Alert, ...] = ()

    def hold(self) -> None:
        """Leaves the processor to the screen for a moment, which has a key to answer."""
        self._held_until = time.perf_counter() + HOLD_SECONDS

    def _wait(self) -> None:
        while time.perf_counter() < self._held_until and not self._cancelled.is_set():
            time.sleep(HOLD_SECONDS / 10)

    def cancel(self) -> None:
        """Asks the work to end after the iterations at hand."""
        self._cancelled.set()

    def work(self) -> None:
        """Does the work; to be called in a thread."""
        switch = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        outcome, error = None, ""
        try:
            if self.where is not None:
                self.session.seek(self.where, on_progress=self._sought)
            else:
                outcome = self._train()
        except InterruptedError:
            pass
        except EngineError as problem:
            error = str(problem)
        finally:
            sys.setswitchinterval(switch)
            self.post(RunEnded(self, outcome, error))

    def _train(self) -> Outcome:
        """Runs piece by piece; between two pieces the screen may walk the past that was made."""
        session = self.session
        with session.lock:
            run = session.start_run(epochs=self.epochs)
            watch = session.explanations.live_watch()
        while run.hit is None and not self._cancelled.is_set():
            with session.lock:
                progress = run.advance()
                if not run.over:
                    self.alerts += watch.after(run.done, run.state)
            self._ran(progress)
        with session.lock:
            return session.finish_run(run, follow=self.follow)

    def _due(self) -> bool:
        now = time.perf_counter()
        if now - self._posted < between():
            return False
        self._posted = now
        return True

    def _ran(self, progress: Progress) -> None:
        self._wait()
        if self._first is None:
            self._first = progress.epoch
        if not self._due():
            return
        elapsed = max(self._posted - self._started, 1e-9)
        rate = (progress.epoch - self._first) / elapsed
        from retrograde.engine.equations.ailments import AILMENTS
        from retrograde.engine.text import _

        self.post(
            RunProgress(
                RunView(
                    epoch=progress.epoch,
                    epochs=progress.epochs,
                    iterations=progress.iterations,
                    loss=progress.loss,
                    rate=rate,
                    seconds_left=(progress.epochs - progress.epoch) / rate if rate > 0 else float("inf"),
                    losses=Losses.of(self.session.losses, self.session.schedule.per_epoch),
                    alerts=tuple(f"{_(AILMENTS[alert.rule].title)} {alert.address}" for alert in self.alerts),
                )
            )
        )

    def _sought(self, done: int, count: int) -> bool:
        self._wait()
        if self._due():
            elapsed = max(self._posted - self._started, 1e-9)
            per_epoch = self.session.schedule.per_epoch
            rate = done / per_epoch / elapsed
            losses = Losses.of(self.session.losses, per_epoch)
            self.post(
                RunProgress(
                    RunView(
                        epoch=done // per_epoch,
                        epochs=max(count // per_epoch, 1),
                        iterations=max(len(self.session.losses), 1),
                        loss=float(losses.low[-1]) if len(losses.low) else float("nan"),
                        rate=rate,
                        seconds_left=(count - done) / per_epoch / rate if rate > 0 else float("inf"),
                        losses=losses,
                    )
                )
            )
        return self._cancelled.is_set()
