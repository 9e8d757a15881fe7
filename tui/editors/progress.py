"""How far a run or a search is, told to an editor that shows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.editors.debuggee import Body, Debuggee

if TYPE_CHECKING:
    from retrograde.engine.travel.running import Progress

AFTER, EVERY = 1.0, 0.5
"""Seconds after which work is told of, and between two tellings."""


class Telling:
    """Tells of one piece of work, where it takes long and the editor shows such things.

    Args:
        debuggee: what works.
    """

    def __init__(self, debuggee: Debuggee) -> None:
        self._debuggee = debuggee
        self._due = time.monotonic() + AFTER
        self._id = ""

    def ran(self, progress: Progress) -> None:
        """Tells how far a run is."""
        text = _("epoch {epoch} of {total}, E = {loss:.6g}")
        share = progress.epoch / max(progress.epochs, 1)
        self._tell(share, text.format(epoch=progress.epoch, total=progress.epochs, loss=progress.loss))

    def searched(self, done: int, total: int) -> bool:
        """Tells how far a search is; says whether somebody waits for an answer."""
        self._tell(done / max(total, 1), _("{done} of {total}").format(done=done, total=total))
        return self._debuggee.asked()

    def end(self) -> None:
        """Says that it is done, where it was told of."""
        if self._id:
            self._debuggee.send("progressEnd", {"progressId": self._id})

    def _tell(self, share: float, text: str) -> None:
        now = time.monotonic()
        if now < self._due or not self._debuggee.client.supports_progress_reporting:
            return
        self._due = now + EVERY
        body: Body = {"message": text, "percentage": round(100 * min(max(share, 0.0), 1.0), 1)}
        if not self._id:
            self._debuggee.told += 1
            self._id = str(self._debuggee.told)
            self._debuggee.send("progressStart", {"progressId": self._id, "title": self._debuggee.session.name, **body})
            return
        self._debuggee.send("progressUpdate", {"progressId": self._id, **body})
