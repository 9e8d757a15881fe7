"""What is on the screen of a plane: shades or digits all over it, points on it, a way through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.records.curves import CurvePlot
    from retrograde.tui.records.pictures import Grid, JoinedPicture
    from retrograde.tui.records.value_types import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPoint:
    """Something at a place of a plane.

    Attributes:
        x: how far to the right.
        y: how far up.
        sign: the character that stands for it.
        shade: its shade, one of ``Solid``.
    """

    x: float
    y: float
    sign: str
    shade: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldPlot:
    """A plane, coloured by what there is at each place.

    Attributes:
        shades: the shade at each place, from above and from the left, shape (rows, columns), -1 for nothing.
        digits: the character at each place where no colours tell it, shape (rows, columns).
        left: the number at the left end of the axis below.
        right: that at its right end.
        bottom: the number at the low end of the upright axis.
        top: that at its high end.
        across: what grows to the right.
        up: what grows upward.
        points: what lies on it, the most important last.
        way: places that a line goes through, shape (places, 2): to the right, and up; None for no line.
    """

    shades: Ints
    digits: tuple[str, ...]
    left: float
    right: float
    bottom: float
    top: float
    across: str
    up: str
    points: tuple[FieldPoint, ...] = ()
    way: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpreadPlot:
    """How numbers are spread: columns now, and a row of shades for each of some moments.

    Attributes:
        counts: how many numbers there are in each piece of the axis now, shape (bins,).
        rows: the same at some moments, the earliest first, shape (moments, bins).
        labels: the moments.
        now: the moment that the cursor is at, -1 for none of them.
        low: the number at the low end of the axis.
        high: that at the high end.
        what: what the numbers are.
    """

    counts: Ints
    rows: Ints
    labels: tuple[str, ...]
    now: int
    low: float
    high: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GalleryPlot:
    """Matrices beside and below each other, each with its title.

    Attributes:
        grids: the matrices.
        selected: the one that is kept in sight, and marked; -1 for none.
        signs: what stands between each two of them, where they are a calculation in one row.
    """

    grids: tuple[Grid, ...]
    selected: int = -1
    signs: tuple[str, ...] = ()


Plot: TypeAlias = "CurvePlot | FieldPlot | SpreadPlot | GalleryPlot | Grid | JoinedPicture"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureView:
    """A picture with what is said of it.

    Attributes:
        plot: the picture; None where there is nothing to show yet.
        lines: what is said above it.
        keys: keys and what they do, for the edge below.
    """

    plot: Plot | None = None
    lines: tuple[Line, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
