"""What is on the screen of curves over a run; compared by identity, so that the widget is repainted for another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Floats


DASHED = (8, 2)
"""The dashes of a curve beside another one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One curve.

    Attributes:
        name: what it is; empty for what needs no word.
        x: the numbers of the iterations, from 1, ascending, shape (points,).
        low: the least number at each, shape (points,).
        high: the greatest, shape (points,).
        ink: its ink.
        dashes: columns of dots that are drawn and left out in turn, so that it is told apart without colour;
            none for a whole line.
        behind: whether it is only the ground of another curve: it is drawn thin, and has no word.
        dotted: whether its points are marked, since there are few.
    """

    name: str
    x: Floats
    low: Floats
    high: Floats
    ink: int
    dashes: tuple[int, ...] = ()
    behind: bool = False
    dotted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveEvent:
    """Something that happened in an iteration.

    Attributes:
        number: the iteration, from 1.
        sign: the character that stands for it.
        ink: its ink.
    """

    number: int
    sign: str
    ink: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurvePlot:
    """Curves over the iterations of a run.

    Attributes:
        series: the curves; a later one is drawn over those before it.
        start: the number of the first iteration in sight, from 1.
        stop: that of the last, at least ``start``.
        per_unit: iterations of a unit of the axis below.
        unit: the unit.
        logarithmic: whether the upright axis is; None for what suits the numbers.
        low: the least number of the upright axis, None for that of the curves in sight.
        high: the greatest.
        cursor: the number of the cursor's iteration; 0 for none.
        pointer: the number of the iteration that is pointed at; 0 for none.
        cursor_text: what is written beside the cursor; empty for its number.
        pointer_text: what is written beside the pointer.
        events: what happened, the most important last.
        stretched: whether equal factors of iterations have equal distances, as for trainings of very different lengths.
    """

    series: tuple[Series, ...]
    start: float
    stop: float
    per_unit: int = 1
    unit: str = ""
    logarithmic: bool | None = None
    low: float | None = None
    high: float | None = None
    cursor: int = 0
    pointer: int = 0
    cursor_text: str = ""
    pointer_text: str = ""
    events: tuple[CurveEvent, ...] = ()
    stretched: bool = False
