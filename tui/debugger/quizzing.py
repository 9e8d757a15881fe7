"""The quiz: questions about the steps of the scenario on the screen, and the scores that are kept."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, joined

if TYPE_CHECKING:
    from retrograde.engine.quizzing.questions import Question
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.work.jobs import Job

QUESTIONS = 10
SEEDS = 10_000


class Quizzing:
    """The part that asks."""

    def __init__(self, desk: Desk, working: Working, moving: Moving) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving

    def obey(self, text: str) -> None:
        """Asks about one level, or about all three.

        Args:
            text: the level, and a seed where the same questions are wanted again; empty for all, anew.

        Raises:
            EngineError: there is no such level.
        """
        from retrograde.engine.quizzing.questions import Level, questions

        level: Level | None = None
        seed = random.randrange(SEEDS)
        for word in text.split():
            if word in set(Level):
                level = Level(word)
            elif word.isascii() and word.isdigit() and len(word) < 10:
                seed = int(word)
            else:
                levels = joined([str(one) for one in Level], ", ")
                raise EngineError(_("{word!r} is no level: {levels}").format(word=word, levels=levels))

        def drawn(job: Job) -> tuple[Question, ...] | str:
            try:
                return questions(self._desk.session, level=level, count=QUESTIONS, seed=seed, asked=job.asked)
            except EngineError as error:
                return str(error)

        self._working.search(_("quiz"), drawn, self._open)

    def _open(self, found: tuple[Question, ...] | str) -> None:
        """Shows the questions; or says why there are none."""
        if isinstance(found, str):
            self._desk.say(found, bad=True)
            return
        from retrograde.engine.quizzing.round import Round
        from retrograde.tui.screens.quiz import QuizScreen
        from retrograde.tui.work import scores

        desk, working = self._desk, self._working
        own = scores.load().made
        going = Round(found, own)

        def counted(before: int) -> None:
            kept = scores.keep(going.results[before:])
            if kept is not None:
                own.clear()
                own.update(kept.made)

        if working.lend():
            screen = QuizScreen(
                going, desk.reading, desk.host.glyphs, digits=min(desk.lens.digits, 9), answered=counted
            )
            desk.host.ask(screen, self._moving.returned)
