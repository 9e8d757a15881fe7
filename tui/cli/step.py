"""`retrograde step`: the debugger without a screen, a sentence a motion."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import Subcommand, argument, plain_characters

PROMPT = "> "


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

    translate: Callable[[str], str] = str
    if ascii_only or not _can_write("∂δσ→"):
        from retrograde.tui.canvas.glyphs import plain

        translate = plain

    def say(text: str) -> None:
        print(translate(text), flush=True)

    session = load_session(source)
    talking = sys.stdin.isatty()
    with ProgressBar() as bar:
        mode = LineMode(session, bar)
        if at is not None:
            session.seek(at, bar.searched)
        if talking:
            say(_("help lists the commands, an empty line makes a step, quit ends"))
        say(mode.here())
        for line in _lines(talking):
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


def _lines(talking: bool) -> Iterator[str]:
    """The lines of standard input; of a terminal, with a prompt, and its own editing and history."""
    if not talking:
        yield from sys.stdin
        return
    with suppress(ImportError):
        # Reading it is what gives `input` the arrow keys.
        import readline  # noqa: F401
    while True:
        try:
            yield input(PROMPT)
        except EOFError:
            print()
            return


def _pointed(error: EngineError) -> str:
    """An error, with a caret under what is wrong with a formula."""
    if isinstance(error, FormulaError) and error.text.strip() and error.text.isprintable():
        return f"{error}\n  {error.text}\n  {' ' * (error.column - 1)}^"
    return str(error)


def _can_write(text: str) -> bool:
    """Whether standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


COMMAND = Subcommand(
    name="step",
    help=N_("step by lines: a sentence a motion, for screen readers and pipes"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("--at", metavar="ADDRESS", help=N_("where to begin, as 2:1:17 (default: the initial state)")),
        plain_characters(default=False),
    ),
    run=lambda given: step(given.scenario, at=given.at, ascii_only=given.ascii),
)
