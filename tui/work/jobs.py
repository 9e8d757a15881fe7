"""Searches of a run off the screen's thread: continue, queries, log lines, the last change of a watch."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from textual.message import Message

from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.tui.work.runner import SWITCH_SECONDS, TrainingWork

AT_ONCE_SECONDS = 0.03
"""How long the screen waits for a job, so that a short one is done when its key has been answered."""


class JobProgress(Message):
    """How far a search is; of several that wait, only the last one counts."""

    def __init__(self, job: Job, share: float, seconds_left: float) -> None:
        super().__init__()
        self.job = job
        self.share = share
        self.seconds_left = seconds_left

    def can_replace(self, message: Message) -> bool:
        """Whether this one makes another needless."""
        return isinstance(message, JobProgress)


class JobEnded(Message):
    """A job is over."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


@dataclass(eq=False, kw_only=True)
class Job(TrainingWork):
    """One piece of long work on a session that is no run; the session belongs to it until it ends.

    Attributes:
        title: what it does, in a word or two; empty for what nobody has asked for.
        task: the work; it is handed the job, whose ``searched`` and ``ran`` take progress and say when to stop.
        done: takes what the work returns, on the screen's thread.
        stopped: called instead where the work was cancelled, on the screen's thread.
        result: what the work returned.
        error: why it could not be done.
        failure: what went wrong in the program.
        cancelled: whether it was cancelled before its end.
    """

    title: str = ""
    task: Callable[[Job], object] = lambda _job: None
    done: Callable[[Any], None] = lambda _result: None
    stopped: Callable[[], None] = lambda: None
    result: object = None
    error: str = ""
    failure: BaseException | None = None
    cancelled: bool = False
    finished: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> bool:
        """Begins in a thread of its own; says whether the work is over already, if somebody has asked for it."""
        threading.Thread(target=self.work, daemon=True, name=self.title).start()
        return bool(self.title) and self.finished.wait(AT_ONCE_SECONDS)

    def work(self) -> None:
        """Does the work."""
        switch = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            self.result = self.task(self)
        except (InterruptedError, SearchCancelledError):
            self.cancelled = True
        except EngineError as problem:
            self.error = str(problem)
        except BaseException as failure:  # noqa: BLE001 - raised again on the screen's thread
            self.failure = failure
        finally:
            sys.setswitchinterval(switch)
            self.finished.set()
            self.post(JobEnded(self))

    def asked(self) -> bool:
        """Whether it is to stop."""
        self._wait()
        return self._cancelled.is_set()

    def searched(self, done: int, total: int) -> bool:
        """Takes how far a search is; says whether to stop."""
        self._wait()
        if self._due():
            elapsed = time.perf_counter() - self._started
            share = done / max(total, 1)
            self.post(JobProgress(self, share, elapsed * (1 - share) / share if share > 0 else float("inf")))
        return self._cancelled.is_set()

    @property
    def ran(self) -> Callable[..., None]:
        """Takes the progress of a run that is part of the work."""
        return self._ran
