"""One number in a small room: as figures, as a shade, as a share of a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterable

from retrograde.tui.canvas.canvas import Line, Span, measure, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink, heat


def figure(value: float, decimals: int = 4) -> str:
    """A number with so many decimals; an exponent where it would read as 0 or be long; whole numbers as they are."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "−inf"
    # Without the sign of −0, which says nothing in a grid.
    size = abs(value)
    value = value or 0.0
    if value == math.trunc(value) and size < 1e6:
        text = f"{value:.0f}"
    elif size >= 1e4 or size < 0.5 * 10.0**-decimals:
        text = brief(value, max(decimals - 2, 0))
    else:
        text = f"{value:.{decimals}f}"
    return text.replace("-", "−")


def brief(value: float | None, digits: int = 1) -> str:
    """A number by its exponent, in few cells: ``3.2e−7``; an unknown one is left empty."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return figure(value)
    mantissa, _e, exponent = f"{value:.{digits}e}".partition("e")
    text = f"{value:.{digits + 1}g}" if -3 < int(exponent) < 3 else f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def shade(value: float, scale: float, glyphs: Glyphs, cells: int = 2) -> tuple[str, int]:
    """A signed value as a cell in the colour of its sign, and its ink; where there are no colours, with a digit.

    The digit is the share of the scale, 1 to 9; 0 is for nothing but zero. Two cells have the sign before it; in one
    cell negative digits are those of ``Glyphs.below``. What is not a finite number is ``!``.

    Args:
        value: the value.
        scale: the magnitude that is full.
        glyphs: the glyphs.
        cells: 1 or 2.
    """
    if not math.isfinite(value):
        return "!" * cells, Ink.BAD
    ink = heat(value, scale)
    if not glyphs.digits:
        return " " * cells, ink
    return digit(value, scale, glyphs, cells), ink


def digit(value: float, scale: float, glyphs: Glyphs, cells: int = 1) -> str:
    """A finite value as a digit with its sign, in one or two cells."""
    share = min(abs(value) / scale, 1.0) if scale else 0.0
    number = max(round(9 * share), 1 if value else 0)
    if cells == 1:
        return glyphs.below[number] if value < 0 else str(number)
    return ("-" if value < 0 and glyphs.ascii else "−" if value < 0 else " ") + str(number)


def exponents(values: Iterable[float | None], least: int | None = None, most: int | None = None) -> tuple[int, int]:
    """The exponents of ten between which the magnitudes of numbers lie; always at least one apart.

    Args:
        values: the numbers; what is zero, unknown or not finite has no exponent.
        least: the lower end, None for that of the numbers.
        most: the upper end, None for that of the numbers.
    """
    known = [math.log10(abs(value)) for value in values if value and math.isfinite(value)]
    low = math.floor(min(known, default=-1.0)) if least is None else least
    high = math.ceil(max(known, default=0.0)) if most is None else most
    return low, max(high, low + 1)


def log_share(value: float | None, least: int, most: int) -> float:
    """Where a magnitude lies between two exponents of ten, 0 to 1; an infinity at 1, zero and NaN at 0."""
    if not value or value != value:
        return 0.0
    if math.isinf(value):
        return 1.0
    return min(max((math.log10(abs(value)) - least) / (most - least), 0.0), 1.0)


def value_ink(value: float | None) -> Ink:
    """The ink of a number that stands for itself."""
    if value is None:
        return Ink.FAINT
    if not math.isfinite(value):
        return Ink.BAD
    return Ink.NEGATIVE if value < 0 else Ink.POSITIVE


def fit(line: Line, room: int, ellipsis: str) -> Line:
    """A line that is cut where it is longer than the room."""
    kept: list[Span] = []
    left = room
    for text, ink in line:
        if left <= 0:
            break
        kept.append(Span(shorten(text, left, ellipsis), ink))
        left -= width(kept[-1].text)
    return tuple(kept)


def pad(line: Line, size: int) -> Line:
    """A line that is filled up with blanks."""
    missing = size - measure(line)
    return (*line, Span(" " * missing)) if missing > 0 else line


def window(count: int, room: int, first: int, length: int) -> tuple[int, int]:
    """Which of ``count`` things to show in room for ``room``: those around a stretch, as (start, stop)."""
    if count <= room:
        return 0, count
    first = min(first, count - 1)
    length = min(length, count - first)
    middle = first + length // 2
    start = min(max(middle - room // 2, 0), count - room)
    # Of a stretch that is longer than the room, its beginning.
    start = min(max(start, first + length - room), first) if length <= room else min(first, count - room)
    return start, start + room
