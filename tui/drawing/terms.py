"""A bar a summand, to the left or the right of a line by its sign."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.pictures import TermBars


def term_lines(picture: TermBars, room: int, g: Glyphs) -> list[Line]:
    """A row a summand, and the total; what does not fit is left out: the details first, then the bars."""
    terms = picture.terms
    label = max(width(term.label) for term in terms)
    detail = max(width(term.detail) for term in terms)
    value = max(width(_signed_text(term.value, g)) for term in terms)
    notes = max(width(term.note) for term in terms)
    with_detail = label + detail + value + notes + 12 <= room
    bar_room = room - label - (detail + 2 if with_detail else 0) - value - 6 - notes
    half = max(min(bar_room // 2, 8), 0)
    rows: list[Line] = []
    for term in terms:
        text = _signed_text(term.value, g)
        spans = [Span(" " + term.label + " " * (label - width(term.label)), Ink.TARGET if term.active else Ink.TEXT)]
        if with_detail:
            spans.append(Span("  " + term.detail + " " * (detail - width(term.detail)), Ink.DIM))
        spans.append(Span("  " + " " * (value - width(text)) + text + " ", signed(term.value)))
        if half >= 2:
            full = round(abs(term.share) * half) if term.value is not None else 0
            if term.value is not None and term.value and not full:
                full = 1
            minus, plus = (full, 0) if (term.value or 0.0) < 0 else (0, full)
            spans += [
                Span(" " * (half - minus)),
                Span(g.bar * minus, Ink.NEGATIVE),
                Span(g.vertical, Ink.FAINT),
                Span(g.bar * plus, Ink.POSITIVE),
                Span(" " * (half - plus)),
            ]
        if term.note:
            spans.append(Span(" " + term.note, Ink.CHANGED))
        rows.append(tuple(spans))
    return [*rows, picture.total] if picture.total else rows


def _signed_text(value: float | None, g: Glyphs) -> str:
    if value is None:
        return g.unknown
    if value != value:
        return "NaN"
    text = f"{value:+.6f}" if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:+.3e}"
    return typeset(text)
