"""Questions about the whole run: the first, last, largest, and how often."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

from retrograde.engine.text import _, ngettext
from retrograde.tui.debugger.listing import Debugging
from retrograde.tui.records.marks import PanelId
from retrograde.tui.views.debugging import (
    MOST_MOMENTS,
    Found,
    address,
)
from retrograde.tui.work.jobs import Job

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session


class Querying(Debugging):
    """The part of the screen that searches the run."""

    def line_first(self, rest: str) -> None:
        """Goes to the first moment at which a condition is true."""
        self._query("first", rest)

    def line_last(self, rest: str) -> None:
        """Goes to the last moment at which a condition is true."""
        self._query("last", rest)

    def line_count(self, rest: str) -> None:
        """Says at how many moments a condition is true."""
        self._query("count", rest)

    def line_all(self, rest: str) -> None:
        """Lists the moments at which a condition is true."""
        self._query("all", rest)

    def line_max(self, rest: str) -> None:
        """Goes to where an expression is largest."""
        self._query("max", rest)

    def line_min(self, rest: str) -> None:
        """Goes to where an expression is smallest."""
        self._query("min", rest)

    def _query(self, verb: str, text: str) -> None:
        session = self.session
        assert session is not None
        # What is wrong with it is said at once, while it can be corrected.
        (session.formula if verb in {"max", "min"} else session.condition)(text)
        self._job(
            f"{verb} {text}",
            lambda job: _answer(session, verb, text, job),
            lambda found: self._answered(verb, cast(Found, found)),
        )

    def _answered(self, verb: str, found: Found) -> None:
        session = self.session
        assert session is not None
        self._ledger.found = found
        rows = self._rows()
        self._pick(rows.first_of("moment"), rows)
        self._notice = (f"{found.title}: {found.text}", False)
        if verb in {"all", "count"}:
            if verb == "all" and found.steps:
                self._focus_on(PanelId.DEBUG)
            else:
                self._bring(PanelId.DEBUG)
            self._debug_changed()
            return
        self._debug_count += 1
        if found.steps:
            self._leap(found.steps[0])
            self._notice = (f"{found.title}: {found.text}", False)
        self._show()


def _answer(session: Session, verb: str, text: str, job: Job) -> Found:
    """Searches a run, in the worker."""
    branch, title = session.branch.name, f"{verb} {text}"
    if verb == "count":
        count = session.count(text, job.searched)
        return Found(title, branch, (), ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}"))
    if verb == "all":
        steps = tuple(islice(session.where(text, job.searched), MOST_MOMENTS + 1))
        more = len(steps) > MOST_MOMENTS
        steps = steps[:MOST_MOMENTS]
        count = len(steps)
        words = ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}")
        return Found(title, branch, steps, _("the first {moments}").format(moments=words) if more else words, more)
    if verb in {"max", "min"}:
        from retrograde.tui.reading.figures import show

        extreme = session.extreme(text, largest=verb == "max", on_progress=job.searched)
        if extreme is None:
            return Found(title, branch, (), _("nothing found"))
        place = address(session.schedule, extreme.step)
        said = _("{value} at {place}").format(value=show(extreme.value), place=place)
        return Found(title, branch, (extreme.step,), said)
    step = (session.first if verb == "first" else session.last)(text, job.searched)
    if step is None:
        return Found(title, branch, (), _("nothing found"))
    return Found(title, branch, (step,), _("at {place}").format(place=address(session.schedule, step)))
