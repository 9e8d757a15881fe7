"""Magnitudes on a logarithmic scale, a row each."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line, Span, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.cells import brief, exponents, fit, log_share, value_ink, window
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import LogBar, LogBars

LONGEST_BAR = 32
"""Cells that a bar takes at most."""
LEAST_BAR = 4
"""Cells below which there is no bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The cells of the parts of a row, and the scale.

    Attributes:
        label: cells of the labels.
        number: cells of the numbers.
        full: cells of a full bar; below ``LEAST_BAR`` there is none.
        exponents: the exponents of ten at which a bar is empty and full.
    """

    label: int
    number: int
    full: int
    exponents: tuple[int, int]


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
    bars = picture.bars[slice(*window(len(picture.bars), height - titled - scaled - captioned, marked, 1))]
    plan = _measured(picture, bars, room, glyphs)
    lines: list[Line] = [(Span(shorten(picture.title, room, glyphs.ellipsis), Ink.DIM),)] if titled else []
    lines += [fit(_row(bar, plan, glyphs), room, glyphs.ellipsis) for bar in bars]
    if scaled and plan.full >= LEAST_BAR:
        lines += _scale(plan)
    if captioned:
        lines.append(fit(picture.caption, room, glyphs.ellipsis))
    return tuple(lines)


def _measured(picture: LogBars, bars: tuple[LogBar, ...], room: int, glyphs: Glyphs) -> _Plan:
    """How the room is shared; the scale is that of all bars, in sight or not."""
    label = min(max(width(bar.label) for bar in bars), room // 3)
    number = max(width(_number(bar, glyphs)) for bar in bars)
    note = max(width(bar.note) for bar in bars)
    return _Plan(
        label=label,
        number=number,
        full=min(room - label - number - 4 - (note + 1 if note else 0), LONGEST_BAR),
        exponents=exponents((bar.value for bar in picture.bars), picture.least, picture.most),
    )


def _number(bar: LogBar, glyphs: Glyphs) -> str:
    return brief(bar.value, 2) or glyphs.unknown


def _row(bar: LogBar, plan: _Plan, glyphs: Glyphs) -> Line:
    """A quantity: its mark, label, number, bar and note."""
    sign, sign_ink, ink = {
        Mark.TARGET: (glyphs.cursor, Ink.KEY, Ink.TARGET),
        Mark.OPERAND: (glyphs.left_operand, Ink.OPERAND, Ink.OPERAND),
        Mark.IDLE: (" ", Ink.TEXT, Ink.TEXT),
    }[bar.mark]
    name, text = shorten(bar.label, plan.label, glyphs.ellipsis), _number(bar, glyphs)
    spans = [
        Span(sign, sign_ink),
        Span(name + " " * (plan.label - width(name)), ink),
        Span(" " + " " * (plan.number - width(text)) + text + " ", value_ink(bar.value)),
    ]
    if plan.full >= LEAST_BAR:
        cells = max(round(log_share(bar.value, *plan.exponents) * plan.full), 1 if bar.value else 0)
        spans.append(Span(glyphs.bar * cells, value_ink(bar.value)))
        spans.append(Span(glyphs.track * (plan.full - cells), Ink.TRACK))
    if bar.note:
        spans.append(Span(" " + bar.note, Ink.CHANGED))
    return tuple(spans)


def _scale(plan: _Plan) -> list[Line]:
    """The ends of the scale below the bars, where there is room for both."""
    low, high = (f"1e{exponent}".replace("-", "−") for exponent in plan.exponents)
    between = plan.full - width(low) - width(high)
    if between < 1:
        return []
    return [(Span(" " * (plan.label + plan.number + 3)), Span(low + " " * between + high, Ink.FAINT))]
