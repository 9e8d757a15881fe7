"""How long a call may take, and whether it is still wanted."""

from __future__ import annotations

import threading
import time

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, ngettext


class UnfinishedError(EngineError):
    """A call took too long, or is no longer wanted."""


class Job:
    """One call; what takes long asks it whether to go on.

    Args:
        seconds: how long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._dropped = threading.Event()

    def drop(self) -> None:
        """Says that the answer is no longer wanted; from any thread."""
        self._dropped.set()

    def cancelled(self) -> bool:
        """Whether to stop."""
        return self._dropped.is_set() or time.monotonic() > self._end

    def searched(self, _done: int, _total: int) -> bool:
        """Whether a search is to stop; see ``OnProgress``."""
        return self.cancelled()

    def counted(self, _done: int, _total: int) -> None:
        """Raises UnfinishedError where what counts along is to stop."""
        if self.cancelled():
            raise self.unfinished()

    def unfinished(self) -> UnfinishedError:
        """What is said of a call that stopped and has nothing to show."""
        if self._dropped.is_set():
            return UnfinishedError(_("no longer wanted"))
        seconds = round(self.seconds)
        message = ngettext("not done after {count} second", "not done after {count} seconds", seconds)
        return UnfinishedError(message.format(count=seconds))
