"""`retrograde quiz`: questions about the steps of a training, by lines; a wrong answer is named."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.asking import lines_of_input, sayer
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import Subcommand, argument, count, plain_characters

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.quizzing.round import Round

LEVELS = ("forward", "backward", "update")
QUESTIONS = 10
SEEDS = 10_000
"""Seeds that are drawn where none is given: short enough to be read out."""
_LEAVE = frozenset({"quit", "q", "exit"})


def quiz(
    source: str, *, level: str | None, questions: int, seed: int | None, table: str | None, ascii_only: bool
) -> int:
    """Ask about steps of a training until the questions, or standard input, end.

    Args:
        source: A scenario by name or file, or a saved session.
        level: What is asked about; None for all three.
        questions: How many questions there are at the most.
        seed: What they are drawn by; None for another one each time.
        table: A file for the results as CSV, written after each answer.
        ascii_only: Write with plain characters.

    Returns:
        0.

    Raises:
        EngineError: There is nothing to ask about, or the file can not be written.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.quizzing.questions import Level
    from retrograde.engine.quizzing.questions import questions as drawn
    from retrograde.engine.quizzing.round import Round
    from retrograde.tui.work import scores

    say = sayer(ascii_only)
    session = load_session(source)
    if seed is None:
        seed = random.randrange(SEEDS)
    asked = drawn(session, level=None if level is None else Level(level), count=questions, seed=seed)
    own = scores.load().made
    going = Round(asked, own)
    if table is not None:
        _write(table, going, session.name, seed)
    if sys.stdin.isatty():
        say(_("quit, or Ctrl-D, ends it"))
    say(_("{name}: the questions of seed {seed}.").format(name=session.name, seed=seed))

    def keep(before: int) -> None:
        """Keeps what was answered since then, at once: a program may be killed."""
        new = going.results[before:]
        if not new:
            return
        kept = scores.keep(new)
        if kept is not None:
            own.clear()
            own.update(kept.made)
        if table is not None:
            _write(table, going, session.name, seed)

    _converse(going, say, keep)
    before = len(going.results)
    going.leave()
    keep(before)
    for line in going.summary():
        say(line)
    return 0


def _converse(going: Round, say: Callable[[str], None], keep: Callable[[int], None]) -> None:
    """Asks, and takes each line of standard input."""
    for line in going.asked():
        say(line)
    for text in lines_of_input(sys.stdin.isatty()):
        if text.strip().lower() in _LEAVE:
            return
        before = len(going.results)
        try:
            answer = going.take(text)
        except EngineError as error:
            say(str(error))
            continue
        keep(before)
        for line in (*answer, *going.asked()):
            say(line)
        if going.question is None:
            return


def _write(table: str, going: Round, name: str, seed: int) -> None:
    from retrograde.engine.atomic import write_whole

    write_whole(Path(table), going.table(name, seed))


COMMAND = Subcommand(
    name="quiz",
    help=N_("questions about the steps; a wrong answer is named"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("--level", choices=LEVELS, help=N_("what is asked about (default: all three)")),
        argument("--questions", type=count, default=QUESTIONS, metavar="N", help=N_("how many questions")),
        argument("--seed", type=int, metavar="N", help=N_("the same questions for the same number")),
        argument("--csv", metavar="FILE", help=N_("results as a table, written after each answer")),
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=lambda given: quiz(
        given.scenario,
        level=given.level,
        questions=given.questions,
        seed=given.seed,
        table=given.csv,
        ascii_only=given.ascii,
    ),
    page="quiz.md",
)
