"""`retrograde step`: the debugger without a screen, a sentence a motion."""

from __future__ import annotations

import argparse
import sys

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.asking import lines_of_input, sayer
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import Subcommand, argument, plain_characters


def step(source: str, *, at: str | None, ascii_only: bool) -> int:
    """Answer lines of standard input until it ends, or `quit`.

    Args:
        source: A scenario by name or file, or a saved session.
        at: Where to begin.
        ascii_only: Write with plain characters.

    Returns:
        0; 2 where standard input is no terminal and a line made no sense: what follows it was not done.

    Raises:
        EngineError: The moment makes no sense.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.tui.cli.support.line_mode import Finished, LineMode

    say = sayer(ascii_only)
    session = load_session(source)
    talking = sys.stdin.isatty()
    with ProgressBar() as bar:
        mode = LineMode(session, bar)
        if at is not None:
            session.seek(at, bar.searched)
        if talking:
            say(_("help lists the commands, an empty line makes a step, quit ends"))
        say(mode.here())
        for line in lines_of_input(talking):
            try:
                answer = mode.answer(line)
            except Finished:
                break
            except EngineError as error:
                if not talking:
                    raise
                answer = _pointed(error)
            except KeyboardInterrupt:
                if not talking:
                    raise
                answer = mode.here()
            bar.wipe()
            say(answer)
    return 0


def _pointed(error: EngineError) -> str:
    """An error, with a caret under what is wrong with a formula."""
    if isinstance(error, FormulaError) and error.text.strip() and error.text.isprintable():
        return f"{error}\n  {error.text}\n  {' ' * (error.column - 1)}^"
    return str(error)


COMMAND = Subcommand(
    name="step",
    help=N_("step by lines: a sentence a motion, for screen readers and pipes"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("--at", metavar="MOMENT", help=N_("where to begin, as 2:1:17 (default: the initial state)")),
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=lambda given: step(given.scenario, at=given.at, ascii_only=given.ascii),
)
