"""Any picture as rows of a panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from retrograde.tui.canvas.canvas import Canvas, Line
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.drawing.bars import log_bar_lines
from retrograde.tui.drawing.columns import column_lines
from retrograde.tui.drawing.curve import CURVE_HEIGHT, draw_curve
from retrograde.tui.drawing.grid import grid_lines
from retrograde.tui.drawing.terms import term_lines
from retrograde.tui.records.pictures import ColumnsPicture, Curve, Grid, JoinedPicture, LogBars, Picture, TermBars


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A row of a curve, which is drawn as a whole by its first row."""

    curve: Curve
    row: int

    def draw(self, canvas: Canvas, y: int) -> None:
        """Draws the whole with its first row at ``y``, which may lie outside."""
        draw_curve(canvas, self.curve, y)


Row: TypeAlias = Line | Slice
"""A line of text, or a row of what is drawn in dots."""


def picture_rows(picture: Picture, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """A picture as rows; none where there is no room for it.

    Bars of terms and curves have their own height, whatever there is: a panel scrolls them. All others make use of the
    height and never exceed it.

    Args:
        picture: the picture.
        width: cells across.
        height: cells down that are free.
        glyphs: the characters.
    """
    match picture:
        case TermBars():
            return list(term_lines(picture, width, glyphs))
        case Curve():
            return [Slice(picture, row) for row in range(CURVE_HEIGHT)]
        case Grid() | JoinedPicture():
            return list(grid_lines(picture, width, height, glyphs) or ())
        case LogBars():
            return list(log_bar_lines(picture, width, height, glyphs) or ())
        case ColumnsPicture():
            return list(column_lines(picture, width, height, glyphs) or ())


def picture_height(picture: Picture, width: int, height: int, glyphs: Glyphs) -> int:
    """How many rows a picture is.

    Args:
        picture: the picture.
        width: cells across.
        height: cells down that are free.
        glyphs: the characters.
    """
    if isinstance(picture, Grid | JoinedPicture):
        return len(grid_lines(picture, width, height, glyphs, brief=True) or ())
    return len(picture_rows(picture, width, height, glyphs))
