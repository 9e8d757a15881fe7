"""Questions about the whole run: the first, last, largest, and how often."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from retrograde.engine.text import _, joined, ngettext
from retrograde.tui.canvas.canvas import shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.debugger.desk import Said
from retrograde.tui.records.marks import PanelId
from retrograde.tui.views.debugging import (
    MOST_MOMENTS,
    MOST_POINTED,
    Found,
    address,
)

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.search import OnProgress
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working

LEAST_KEYS = 16
"""Cells that an answer leaves for its marks and for the key of the help."""


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
        expression, where = asked_at(text)
        # What is wrong with it is said at once, while it can be corrected.
        formula = session.formula(expression)
        at, place = moment(session, where)

        def said(value: float | bool | None) -> None:
            desk.say(worth(expression, value, place, desk.lens.digits))

        if where:
            self._working.search(text, lambda job: session.look_at(formula, at, job.searched), said)
        else:
            self._working.with_session(lambda: said(session.look(formula)))

    def _answered(self, verb: str, found: Found) -> None:
        desk = self._desk
        self._listing.found(found)
        # The answer matters more than the question, which was just written.
        title = shorten(found.title, max(desk.host.cells[0] - width(found.text) - LEAST_KEYS, 0))
        said = Said(joined((title, found.text), ": "))
        desk.notice = said
        if verb in {"all", "count"}:
            if verb == "all" and found.steps:
                desk.focus_on(PanelId.DEBUG)
            else:
                desk.bring(PanelId.DEBUG)
            self._listing.changed()
            return
        if found.steps:
            self._moving.seek(found.steps[0])
            desk.notice = said
        desk.paint()


def asked_at(text: str) -> tuple[str, str]:
    """An expression, and the moment after which it is meant, as it was written; empty for here."""
    expression, _after, where = text.partition(" after ")
    return expression.strip(), where.strip()


def moment(session: Session, where: str) -> tuple[int, str]:
    """A position, and in words which one that is.

    Args:
        session: the session.
        where: an address; a bare number is an epoch, as it is in ``3:1``, and its end is meant. Of a recording,
            which has none, it is a step. Empty for the cursor.

    Raises:
        EngineError: it is none, or not in the training.
    """
    if not where:
        return session.position, _("at {place}").format(place=address(session.schedule, session.position))
    alone = where.isdigit() and session.recording is not None
    at = session.find(f"@{where}" if alone else where)
    place = address(session.schedule, at)
    epoch = where.lower().removeprefix("epoch").removeprefix("round").strip()
    if epoch.isdigit() and not alone:
        return at, _("after epoch {epoch} ({place})").format(epoch=f"{int(epoch):,}", place=place)
    return at, _("at {place}").format(place=place)


def worth(expression: str, value: float | bool | None, place: str, digits: int) -> str:
    """What an expression is worth at a moment, which is said in words."""
    from retrograde.tui.reading.figures import show

    if value is None:
        return _("{expression} is not computed yet {when}").format(expression=expression, when=place)
    shown = (_("true") if value else _("false")) if isinstance(value, bool) else show(value, digits)
    return _("{expression} = {value} {when}").format(expression=expression, value=shown, when=place)


def _nothing(session: Session) -> str:
    """That nothing was found, and in how much: a question is about what has run."""
    steps = session.frontier
    if not steps:
        return _("nothing has run yet; r runs first")
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
        condition = session.condition(text, by_epoch=True, asked=True)
        # Of an array, each moment is asked for the element that decides, which takes longer than to find it.
        most = MOST_POINTED if _of_many(condition) else MOST_MOMENTS
        steps = tuple(islice(session.where(text, on_progress), most + 1))
        more = len(steps) > most
        steps = steps[:most]
        count = len(steps)
        words = ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}")
        said = _("the first {moments}").format(moments=words) if more else words
        return _all_pointed(session, condition, Found(title, branch, steps, said, more), on_progress)
    if verb in {"max", "min"}:
        from retrograde.tui.reading.figures import show

        extreme = session.extreme(text, largest=verb == "max", on_progress=on_progress)
        if extreme is None:
            return Found(title, branch, (), _nothing(session))
        return _pointed(session, text, Found(title, branch, (extreme.step,), show(extreme.value)), extreme.value)
    step = (session.first if verb == "first" else session.last)(text, on_progress)
    if step is None:
        return Found(title, branch, (), _nothing(session))
    return _pointed(session, text, Found(title, branch, (step,), ""))


def _of_many(condition: Formula) -> bool:
    """Whether a condition is about several values, of which one decides."""
    return bool(condition.stretches) or len({replace(slot, previous=False) for slot in condition.slots}) > 1


def _all_pointed(session: Session, condition: Formula, found: Found, on_progress: OnProgress) -> Found:
    """Moments at the steps that made the elements of an array that they are about, each with its number."""
    from retrograde.engine.errors import SearchCancelledError
    from retrograde.tui.reading.figures import show

    if not _of_many(condition):
        return found
    steps, told = [], []
    for number, step in enumerate(found.steps):
        if on_progress(number, len(found.steps)):
            raise SearchCancelledError
        asked = session.queries.asked(condition, step)
        steps.append(step if asked is None or asked.made is None else asked.made)
        told.append("" if asked is None else f"{asked.text} = {show(asked.value)}")
    return replace(found, steps=tuple(steps), told=tuple(told))


def _pointed(session: Session, text: str, found: Found, value: float | None = None) -> Found:
    """An answer at the step that made the element of an array, or the sample, that it is about, with its name."""
    from retrograde.tui.reading.figures import show

    (step,) = found.steps
    asked = session.queries.asked(session.formula(text), step, value=value)
    if asked is not None and asked.ref == session.step_at(step).target:
        asked = None
    if asked is not None and asked.made is not None:
        step = asked.made
    place = address(session.schedule, step)
    where = _("{value} at {place}").format(value=found.text, place=place) if found.text else ""
    where = where or _("at {place}").format(place=place)
    if asked is not None:
        shown = show(asked.value)
        where = where if shown != found.text else _("at {place}").format(place=place)
        where = joined((f"{asked.text} = {shown}", where), ", ")
        if asked.ref is None and asked.sample is not None:
            where = joined((where, _("sample {number}").format(number=asked.sample + 1)), ", ")
    return Found(found.title, found.branch, (step,), where)
