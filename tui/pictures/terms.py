"""A bar a summand: the picture of every step that is a sum and has none of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref, Sum
from retrograde.engine.equations.rendering import render
from retrograde.engine.ops.base import Op
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.look import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.records.pictures import TermBars, TermRow

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

MOST_TERMS = 8
"""Terms of a sum that are listed; of a longer sum the largest."""


def term_bars(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The summands of a step: all of a short sum; of a long one the largest, or those around the cursor."""
    equation = step.equation
    if not isinstance(equation, Sum) or len(equation.terms) < 2:
        return ()
    found = step.terms
    active = reading.term
    opposing = step.target.array.role is Role.GRADIENT and found[-1].partial != 0
    biggest = max((abs(term.value) for term in found if term.value == term.value), default=0.0) or 1.0
    chosen = list(range(len(found)))
    if len(found) > MOST_TERMS:
        if active:
            start = max(active - 4, 0)
            chosen = list(range(start, min(start + 5, len(found))))
        else:
            order = sorted(chosen, key=lambda k: -abs(found[k].value) if found[k].value == found[k].value else 0.0)
            chosen = sorted(order[:4])
    rows = tuple(
        TermRow(
            label=render(found[k].expr, reading.symbol),
            detail=""
            if isinstance(found[k].expr, Ref)
            else render(found[k].expr, lambda ref: show(reading.frame.value(ref), 5), times=" × "),
            value=None if active and k >= active else found[k].value,
            share=found[k].value / biggest if math.isfinite(found[k].value) else 0.0,
            note=_("opposes") if opposing and found[k].value * found[-1].partial < 0 else "",
            active=bool(active) and k == active - 1,
        )
        for k in chosen
    )
    if active:
        total: Line = (
            Span(
                " "
                + _("{done} of {count} terms: {sum}").format(
                    done=active, count=len(found), sum=show(found[active - 1].partial, digits)
                ),
                Ink.ACCENT,
            ),
        )
    elif len(chosen) < len(found):
        rest = math.fsum(found[k].value for k in range(len(found)) if k not in set(chosen))
        text = _("… {count} more: Σ = {sum}").format(count=len(found) - len(chosen), sum=show(rest, 5))
        total = (Span(" " + text, Ink.DIM),)
    else:
        total = ()
    return (TermBars(terms=rows, total=total),)


PICTURES: Table = {Op: term_bars}
