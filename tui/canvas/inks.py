"""The inks of a canvas: what a cell means (a positive number, the slot being assigned), never how it looks.

Every meaning that an ink carries is also carried by a sign, a glyph or a bracket, so nothing rests on colour alone.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar, cast


class Ink(IntEnum):
    """What a cell means."""

    TEXT = 0
    STRONG = 1
    DIM = 2
    FAINT = 3
    FRAME = 4
    FRAME_ON = 5
    TITLE = 6
    TITLE_ON = 7
    POSITIVE = 8
    NEGATIVE = 9
    TARGET = 10
    OPERAND = 11
    CHANGED = 12
    GOOD = 13
    BAD = 14
    ACCENT = 15
    EDGE_POSITIVE = 16
    EDGE_NEGATIVE = 17
    KEY = 18
    BRAND = 19
    MATCH = 20
    TRACK = 21
    DONE = 22


LEVELS = 8
"""How many shades a heat cell has, of either sign."""

GREY = 32
HEAT_POSITIVE = GREY + 17
HEAT_NEGATIVE = HEAT_POSITIVE + LEVELS + 1
MARKED = HEAT_NEGATIVE + LEVELS + 1
"""Inks of a picture's cells that are written on, by the same levels as ``GREY``."""
SELECTED = 256
"""A flag: added to an ink, the cell lies in the selected row."""

PAIR = 1 << 12
"""Inks of a cell of a field, which has an upper and a lower half: ``PAIR`` and the two shades."""
SHADES = 128
"""How many shades there are at most."""
POINT = PAIR + SHADES * SHADES
"""Inks of a character on a field: ``POINT``, the shade of the character and that of the field."""
STEPS = 16
"""Shades of a field from nothing to full."""
POSITIVE_FIELD, NEGATIVE_FIELD, RAMP_FIELD = 0, STEPS, 2 * STEPS
"""The first of the shades of values above a middle, below it, and of magnitudes."""
CLASS_FIELD = 3 * STEPS
CLASSES, CLASS_STEPS = 8, 6
"""Classes have so many colours, each in so many shades."""
SOLID = CLASS_FIELD + CLASSES * CLASS_STEPS
"""The first of the shades of characters on a field, by the places of ``Solid``."""


class Solid(IntEnum):
    """Characters on a field."""

    STRONG = SOLID
    PAPER = SOLID + 1
    TARGET = SOLID + 2
    BAD = SOLID + 3
    POSITIVE = SOLID + 4
    NEGATIVE = SOLID + 5
    SURFACE = SOLID + 6


N = TypeVar("N")
"""A whole number, or an array of them."""


def pair(upper: N, lower: N) -> N:
    """The ink of a cell whose halves have two shades; of arrays of shades, the inks of all cells."""
    found: Any = upper
    return cast(N, PAIR + found * SHADES + lower)


def point(shade: int, field: int) -> int:
    """The ink of a character in one shade on a field in another."""
    return POINT + shade * SHADES + field


def signed(value: float | None) -> Ink:
    """The ink of a number by its sign; faint for one that is not computed yet."""
    if value is None:
        return Ink.FAINT
    return Ink.NEGATIVE if value < 0 else Ink.POSITIVE


def grey(level: float) -> int:
    """The ink of a picture's cell, 0 (paper) to 1 (full)."""
    return GREY + (round(16 * min(max(level, 0.0), 1.0)) if level == level else 0)


def heat(value: float, scale: float) -> int:
    """The ink of a cell that stands for a signed value, full at ``scale``."""
    share = min(abs(value) / scale, 1.0) if scale and value == value else 0.0
    return (HEAT_NEGATIVE if value < 0 else HEAT_POSITIVE) + round(LEVELS * share)
