"""Questions about the whole run: the first, last, largest, and how often."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from retrograde.engine.text import _, joined, ngettext
from retrograde.tui.debugger.desk import Said
from retrograde.tui.records.marks import PanelId
from retrograde.tui.views.debugging import (
    MOST_MOMENTS,
    Found,
    address,
)

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.search import OnProgress
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working


class Querying:
    """The part that searches the run."""

    def __init__(self, desk: Desk, working: Working, listing: Listing, moving: Moving) -> None:
        self._desk = desk
        self._working = working
        self._listing = listing
        self._moving = moving

    def ask(self, verb: str, text: str) -> None:
        """Searches the run: first, last, count, all, max or min.

        Args:
            verb: what is asked.
            text: the condition; of max and min the expression.
        """
        session = self._desk.session
        # What is wrong with it is said at once, while it can be corrected.
        if verb in {"max", "min"}:
            session.formula(text)
        else:
            session.condition(text, by_epoch=True, asked=True)
        self._working.search(
            f"{verb} {text}",
            lambda job: answer(session, verb, text, job.searched),
            lambda found: self._answered(verb, found),
        )

    def value(self, text: str) -> None:
        """Says what an expression is worth here, or after another step: ``w5``, ``w5 after 2:1``.

        Args:
            text: the expression, with ``after`` and an address where another moment is meant.

        Raises:
            EngineError: it makes no sense.
        """
        desk, session = self._desk, self._desk.session
        expression, _after, where = text.partition(" after ")
        expression, where = expression.strip(), where.strip()
        # What is wrong with it is said at once, while it can be corrected.
        formula = session.formula(expression)
        # As everywhere on the command line, a bare number is the number of a step.
        at = session.find(f"@{where}" if where.isdigit() else where) if where else session.position
        place = address(session.schedule, at)

        def said(value: float | bool | None) -> None:
            desk.say(worth(expression, value, place, desk.lens.digits))

        if where:
            self._working.search(text, lambda job: session.look_at(formula, at, job.searched), said)
        else:
            self._working.with_session(lambda: said(session.look(formula)))

    def _answered(self, verb: str, found: Found) -> None:
        desk = self._desk
        self._listing.found(found)
        desk.notice = Said(joined((found.title, found.text), ": "))
        if verb in {"all", "count"}:
            if verb == "all" and found.steps:
                desk.focus_on(PanelId.DEBUG)
            else:
                desk.bring(PanelId.DEBUG)
            self._listing.changed()
            return
        if found.steps:
            self._moving.seek(found.steps[0])
            desk.notice = Said(joined((found.title, found.text), ": "))
        desk.paint()


def worth(expression: str, value: float | bool | None, place: str, digits: int) -> str:
    """What an expression is worth at a moment."""
    from retrograde.tui.reading.figures import show

    if value is None:
        return _("{expression} is not computed yet at {place}").format(expression=expression, place=place)
    shown = (_("true") if value else _("false")) if isinstance(value, bool) else show(value, digits)
    return _("{expression} = {value} at {place}").format(expression=expression, value=shown, place=place)


def _nothing(session: Session) -> str:
    """That nothing was found, and in how much: a question is about what has run."""
    steps = session.frontier
    if not steps:
        return _("nothing found, for nothing has run yet; r runs first")
    text = ngettext(
        "nothing found in the {count} step that has run", "nothing found in the {count} steps that have run", steps
    )
    return text.format(count=f"{steps:,}")


def answer(session: Session, verb: str, text: str, on_progress: OnProgress) -> Found:
    """Searches a run.

    Args:
        session: the session; no other thread may be using it.
        verb: what is asked: first, last, count, all, max or min.
        text: the condition; of max and min the expression.
        on_progress: is told how far the search is; true cancels it.

    Raises:
        EngineError: the text makes no sense.
    """
    branch, title = session.branch.name, f"{verb} {text}"
    if verb == "count":
        count = session.count(text, on_progress)
        if not count:
            return Found(title, branch, (), _nothing(session))
        return Found(title, branch, (), ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}"))
    if verb == "all":
        steps = tuple(islice(session.where(text, on_progress), MOST_MOMENTS + 1))
        more = len(steps) > MOST_MOMENTS
        steps = steps[:MOST_MOMENTS]
        count = len(steps)
        words = ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}")
        return Found(title, branch, steps, _("the first {moments}").format(moments=words) if more else words, more)
    if verb in {"max", "min"}:
        from retrograde.tui.reading.figures import show

        extreme = session.extreme(text, largest=verb == "max", on_progress=on_progress)
        if extreme is None:
            return Found(title, branch, (), _nothing(session))
        place = address(session.schedule, extreme.step)
        said = _("{value} at {place}").format(value=show(extreme.value), place=place)
        return _pointed(session, text, Found(title, branch, (extreme.step,), said), extreme.value)
    step = (session.first if verb == "first" else session.last)(text, on_progress)
    if step is None:
        return Found(title, branch, (), _nothing(session))
    said = _("at {place}").format(place=address(session.schedule, step))
    return _pointed(session, text, Found(title, branch, (step,), said))


def _pointed(session: Session, text: str, found: Found, value: float | None = None) -> Found:
    """An answer at the step that made the element of an array, or the sample, that it is about, with its name."""
    from retrograde.tui.reading.figures import show

    (step,) = found.steps
    asked = session.queries.asked(session.formula(text), step, value=value)
    if asked is None or asked.ref == session.step_at(step).target:
        return found
    parts = [f"{asked.text} = {show(asked.value)}", found.text]
    if asked.ref is None and asked.sample is not None:
        parts.append(_("sample {number}").format(number=asked.sample + 1))
    return Found(found.title, found.branch, (step if asked.made is None else asked.made,), joined(parts, ", "))
