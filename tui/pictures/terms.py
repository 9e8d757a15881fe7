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
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.records.pictures import TermBars, TermRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.step import Step, Term
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

MOST_TERMS = 8
"""Terms of a sum that are listed; of a longer sum the largest, by size."""
LARGEST = 6


def term_bars(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The summands of a step: all of a short sum; of a long one the largest, or those around the cursor."""
    equation = step.equation
    if not isinstance(equation, Sum) or len(equation.terms) < 2:
        return ()
    found = step.terms
    sizes = [abs(term.value) if term.value == term.value else 0.0 for term in found]
    chosen = _chosen(sizes, reading.term)
    biggest = max(sizes) or 1.0
    total = found[-1].partial if step.target.array.role is Role.GRADIENT else 0.0
    rows = tuple(_row(reading, found[k], biggest, total, k + 1) for k in chosen)
    return (TermBars(terms=rows, total=_total(reading, found, chosen, digits)),)


def _chosen(sizes: list[float], active: int) -> list[int]:
    """Which of the terms are listed: all of a few, those around the cursor's, or the largest."""
    if len(sizes) <= MOST_TERMS:
        return list(range(len(sizes)))
    if active:
        start = max(active - 4, 0)
        return list(range(start, min(start + 5, len(sizes))))
    return sorted(range(len(sizes)), key=lambda k: -sizes[k])[:LARGEST]


def _row(reading: Reading, term: Term, biggest: float, total: float, number: int) -> TermRow:
    """A summand; one whose sign is not that of the whole gradient opposes it.

    Args:
        reading: the reading.
        term: the summand.
        biggest: the magnitude of the largest of them.
        total: the sum of them where it is a gradient, else 0.
        number: its place in the sum, from 1.
    """
    detail = ""
    if not isinstance(term.expr, Ref):
        detail = render(term.expr, lambda ref: show(reading.frame.value(ref), 5), times=" × ")
    return TermRow(
        label=render(term.expr, reading.symbol),
        detail=detail,
        value=None if reading.term and number > reading.term else term.value,
        share=term.value / biggest if math.isfinite(term.value) else 0.0,
        note=_("opposes") if term.value * total < 0 else "",
        active=number == reading.term,
    )


def _total(reading: Reading, found: Sequence[Term], chosen: list[int], digits: int) -> Line:
    """The line below the terms: the sum so far, or that of the terms that are not listed."""
    active = reading.term
    if active:
        so_far = show(found[active - 1].partial, digits)
        text = _("{done} of {count} terms: {sum}").format(done=active, count=len(found), sum=so_far)
        return (Span(" " + text, Ink.ACCENT),)
    if len(chosen) < len(found):
        rest = math.fsum(found[k].value for k in range(len(found)) if k not in set(chosen))
        text = _("… {count} more: Σ = {sum}").format(count=len(found) - len(chosen), sum=show(rest, 5))
        return (Span(" " + text, Ink.DIM),)
    return ()


PICTURES: Table = {Op: term_bars}
