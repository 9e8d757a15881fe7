"""The scenario's chapters: going from one to the next, and what is told where the cursor is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, brief, language, whole_number
from retrograde.tui.records.equation import Told
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrograde.engine.session.chapters import Chapters
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterHere:
    """The chapter of the cursor's moment.

    Attributes:
        number: which one, from 0.
        told: what it says, by language.
    """

    number: int
    told: Mapping[str, Told]


class Chaptering:
    """The part that tells.

    Attributes:
        here: the chapter of the moment on the screen; None where there is none.
        pins: the chapters in the cursor's iteration: their names and their steps, from 1.
    """

    def __init__(self, desk: Desk, working: Working, moving: Moving) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._forget()
        desk.readers.append(self._read)
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        self._last = -1
        self.here: ChapterHere | None = None
        self.pins: tuple[tuple[str, int], ...] = ()

    @property
    def _chapters(self) -> Chapters:
        return self._desk.session.chapters

    # -- what is told here

    def _read(self) -> None:
        """Looks whether a chapter is at the cursor, and where the others are around it."""
        from retrograde.tui.views.chapters import chapter_pins, told

        session, chapters = self._desk.session, self._chapters
        if not len(chapters):
            return
        self.pins = chapter_pins(session)
        # Who steps through the run on his own is not told; the timeline shows where the chapters are.
        is_told = not session.term and self._last in chapters.at(session.position)
        self.here = ChapterHere(number=self._last, told=told(session, self._last)) if is_told else None
        self._desk.told = is_told

    @property
    def told(self) -> Told | None:
        """What is told at this moment, in the language in use."""
        return None if self.here is None else self.here.told[language()]

    # -- going on and back

    @property
    def why_not(self) -> str:
        """Why there is no chapter to go to; empty where there is."""
        return "" if len(self._chapters) else _("this scenario has no chapters")

    @property
    def why_not_space(self) -> str:
        """Why there is nothing that Space could do; empty where there is."""
        if self._working.busy or len(self._chapters):
            return ""
        if original := self._desk.session.original:
            return _("nothing is running, and a variant has no chapters; r runs, q goes back to {name}").format(
                name=original
            )
        return _("nothing is running, and there are no chapters; r runs, q quits")

    def space(self) -> None:
        """Pauses what goes on; where nothing does, goes to the next chapter."""
        if self._working.busy:
            self._working.stop()
        elif self.why_not_space:
            self._desk.say(self.why_not_space)
        else:
            self.next()

    def next(self) -> None:
        """Goes to the chapter after the last one that was told."""
        if self.why_not:
            self._desk.say(self.why_not)
        elif self._last + 1 < len(self._chapters):
            self.go(self._last + 1)
        else:
            self._desk.say(_("that was the last chapter; ( goes back, g to the start"))

    def previous(self) -> None:
        """Goes to the chapter before the one that is told, or back to the last one that was."""
        if self.why_not:
            self._desk.say(self.why_not)
            return
        number = self._last if self.here is None else self._last - 1
        if number >= 0:
            self.go(number)
        else:
            self._desk.say(_("this is the first chapter"))

    def obey(self, text: str) -> None:
        """Goes to a chapter by its number; without one to the next.

        Args:
            text: what was written.

        Raises:
            EngineError: there is no such chapter.
        """
        if not text:
            self.next()
            return
        number = chapter_number(text)
        self._chapters.chapter(number)
        self.go(number)

    def go(self, number: int) -> None:
        """Goes to a chapter; where its moment is still to come, trains on until it is there.

        Args:
            number: which one, from 0.
        """
        # At once, so that keys which come before it is there each go one further.
        before, self._last = self._last, number
        if not self._working.when_idle(lambda: self.go(number)):
            return
        chapters = self._chapters
        known = chapters.known(number)
        if known is not None:
            self._arrive(number, known)
            return
        title = _("chapter {number}: {at}").format(number=number + 1, at=chapters.chapter(number).at)
        self._working.search(
            title,
            lambda job: chapters.find(number, job.searched, job.asked),
            lambda found: self._arrive(number, found),
            lambda: self._stopped(title, before),
        )

    def _stopped(self, title: str, before: int) -> None:
        """Stays at the chapter before one that was not waited for."""
        self._last = before
        self._desk.say(_("{what} was cancelled").format(what=title))

    def _arrive(self, number: int, position: int) -> None:
        """Goes to the moment of a chapter, and shows what it is about."""
        self._last = number
        chapter = self._chapters.chapter(number)
        if chapter.panel is not None:
            self._desk.bring(chapter.panel)
        if PanelId.EQUATION not in self._desk.arrangement.divide(*self._desk.host.cells).places:
            # A chapter is told there, and it has to be seen.
            self._desk.focus_on(PanelId.EQUATION)
        self._moving.seek(position)
        if chapter.select is not None:
            row = self._desk.parameters.find(self._desk.session.resolve(chapter.select))
            if row is not None:
                self._desk.lens = replace(self._desk.lens, weight=row)
                self._desk.paint()

    def list(self) -> None:
        """Lists the chapters, to go to one."""
        if not self._working.when_idle(self.list):
            return
        if self.why_not:
            self._desk.say(self.why_not)
            return
        from retrograde.tui.screens.choosing import ChoiceScreen
        from retrograde.tui.views.chapters import chapter_rows

        def chosen(choice: int | None) -> None:
            if choice is not None:
                self.go(choice)

        host = self._desk.host
        host.ask(ChoiceScreen(_("chapters"), chapter_rows(self._desk.session), host.glyphs), chosen)


def chapter_number(text: str) -> int:
    """The number of a chapter as it was written, from 0.

    Raises:
        EngineError: it is no number.
    """
    number = whole_number(text)
    if number is None:
        raise EngineError(_("{text!r} is no number of a chapter").format(text=brief(text)))
    return number - 1
