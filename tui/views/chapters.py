"""The scenario's chapters as they are told, listed and marked on the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import LANGUAGES, language
from retrograde.tui.reading.figures import show
from retrograde.tui.records.equation import Told
from retrograde.tui.views.debugging import address

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session

DIGITS = 6
"""Digits of the numbers in a text."""
SIGN = "§"
"""Stands before the number of a chapter."""


def told(session: Session, number: int) -> dict[str, Told]:
    """What a chapter says at the cursor, which stands at its moment, by language.

    Args:
        session: the session; no other thread may be using it.
        number: which one, from 0.
    """
    chapters = session.chapters
    chapter, found = chapters.chapter(number), {}
    for each in LANGUAGES:
        try:
            text = chapters.text(number, each, lambda value: show(value, DIGITS))
        except EngineError as error:
            # On another branch a moment may come before a number does.
            text = str(error)
        title = f"{SIGN}{number + 1}/{len(chapters)}  {chapter.title.text(each)}"
        found[each] = Told(title=title, text=text)
    return found


def chapter_rows(session: Session) -> tuple[tuple[str, ...], ...]:
    """The chapters as a list: number, title, moment."""
    chapters, rows = session.chapters, []
    for number in range(len(chapters)):
        chapter, known = chapters.chapter(number), chapters.known(number)
        place = chapter.at if known is None else address(session.schedule, known)
        rows.append((f"{SIGN}{number + 1}", chapter.title.text(language()), place))
    return tuple(rows)


def chapter_pins(session: Session) -> tuple[tuple[str, int], ...]:
    """The chapters of the cursor's iteration: a sign and a number, and the step, from 1."""
    start, steps = session.schedule.start(session.iteration), session.program.steps
    found = []
    for number in range(len(session.chapters)):
        known = session.chapters.known(number)
        if known is not None and (start < known <= start + steps or known == start == 0):
            found.append((f"{SIGN}{number + 1}", max(known - start, 1)))
    return tuple(found)
