"""Magnitudes on a logarithmic scale, a row each."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Line, Span, shorten
from retrograde.tui.canvas.look import Glyphs, Ink, width
from retrograde.tui.drawing.cells import brief, exponents, fit, log_share, value_ink, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import LogBars

LONGEST_BAR = 32
"""Cells that a bar takes at most."""
LEAST_BAR = 4
"""Cells below which there is no bar."""


def log_bar_lines(picture: LogBars, room: int, height: int, glyphs: Glyphs) -> tuple[Line, ...] | None:
    """Bars below each other: a label, the number, the bar, a note; None where there is no room for any.

    A value that is not zero has at least half a bar's beginning, an unknown one has a dot for its number.

    Args:
        picture: the bars.
        room: cells across.
        height: cells down.
        glyphs: the characters.
    """
    if not picture.bars or room < 8 or height < 1:
        return None
    titled = bool(picture.title) and height >= 2
    scaled = height >= titled + 3
    captioned = bool(picture.caption) and height >= titled + scaled + 3
    marked = next((k for k, bar in enumerate(picture.bars) if bar.mark is Mark.TARGET), 0)
    first, last = window(len(picture.bars), height - titled - scaled - captioned, marked, 1)
    bars = picture.bars[first:last]
    least, most = exponents((bar.value for bar in picture.bars), picture.least, picture.most)
    label = min(max(width(bar.label) for bar in bars), room // 3)
    numbers = [brief(bar.value, 2) or glyphs.unknown for bar in bars]
    number = max(width(text) for text in numbers)
    note = max(width(bar.note) for bar in bars)
    full = min(room - label - number - 4 - (note + 1 if note else 0), LONGEST_BAR)
    lines: list[Line] = [(Span(shorten(picture.title, room, glyphs.ellipsis), Ink.DIM),)] if titled else []
    for bar, text in zip(bars, numbers, strict=True):
        sign, ink = {
            Mark.TARGET: (glyphs.cursor, Ink.TARGET),
            Mark.OPERAND: (glyphs.left_operand, Ink.OPERAND),
            Mark.IDLE: (" ", Ink.TEXT),
        }[bar.mark]
        name = shorten(bar.label, label, glyphs.ellipsis)
        spans = [
            Span(sign, Ink.KEY if bar.mark is Mark.TARGET else ink),
            Span(name + " " * (label - width(name)), ink),
            Span(" " + " " * (number - width(text)) + text + " ", value_ink(bar.value)),
        ]
        if full >= LEAST_BAR:
            share = log_share(bar.value, least, most)
            cells = max(round(share * full), 1 if bar.value else 0)
            spans += [
                Span(glyphs.bar * cells, value_ink(bar.value)),
                Span(glyphs.track * (full - cells), Ink.TRACK),
            ]
        if bar.note:
            spans.append(Span(" " + bar.note, Ink.CHANGED))
        lines.append(fit(tuple(spans), room, glyphs.ellipsis))
    if scaled and full >= LEAST_BAR:
        low, high = f"1e{least}".replace("-", "−"), f"1e{most}".replace("-", "−")
        between = full - width(low) - width(high)
        if between >= 1:
            lines.append((Span(" " * (label + number + 3)), Span(low + " " * between + high, Ink.FAINT)))
    if captioned:
        lines.append(fit(picture.caption, room, glyphs.ellipsis))
    return tuple(lines)
