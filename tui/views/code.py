"""The line of code beside an equation."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.network.program import Program
    from retrograde.engine.ops.base import Op


def code_of(step: Step, library: str) -> tuple[Line, ...]:
    """The line of a library's program that computes a step with the other elements of its array.

    Args:
        step: the step.
        library: the library; empty for none.
    """
    if not library:
        return ()
    title, text, known = _line(step.program, step.op, library)
    return ((Span(f"{title}  ", Ink.DIM), Span(text, Ink.TEXT if known else Ink.DIM)),)


@lru_cache(maxsize=256)
def _line(program: Program, op: Op, library: str) -> tuple[str, str, bool]:
    """What the library is called, its line or why there is none, and whether there is one."""
    from retrograde.engine.writing.array_form import NoFormError
    from retrograde.engine.writing.code import line_of
    from retrograde.engine.writing.dialects import DIALECTS

    dialect = DIALECTS[library]
    try:
        return dialect.title, line_of(program, op, dialect), True
    except NoFormError as error:
        return dialect.title, str(error), False
