"""Conversations by lines: what is said to people and to screen readers, and the lines that they write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

PROMPT = "> "


def sayer(ascii_only: bool) -> Callable[[str], None]:
    """What writes a line to standard output at once, in characters that it has.

    Args:
        ascii_only: Write with plain characters.
    """
    translate: Callable[[str], str] = str
    if ascii_only or not _can_write("∂δσ→"):
        from retrograde.tui.canvas.glyphs import plain

        translate = plain

    def say(text: str) -> None:
        print(translate(text), flush=True)

    return say


def lines_of_input(talking: bool) -> Iterator[str]:
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


def _can_write(text: str) -> bool:
    """Whether standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
