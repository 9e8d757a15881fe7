"""Matrices beside and below each other, all in cells of one size; one of them is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.drawing.cells import shade, window

if TYPE_CHECKING:
    from retrograde.tui.records.fields import GalleryPlot
    from retrograde.tui.records.pictures import Grid

CELLS = (8, 6, 4, 2, 1)
"""Columns of a cell; it has half as many rows."""


def draw_gallery(canvas: Canvas, plot: GalleryPlot, top: int, rows: int) -> tuple[int, int] | None:
    """Draws matrices as large as all of them fit; says how many are beside each other, and the first that is shown.

    Args:
        canvas: the canvas.
        plot: the matrices.
        top: the first row.
        rows: how many rows there are.
    """
    if not plot.grids or rows < 2:
        return None
    high, wide = plot.grids[0].values.shape
    count, gap = len(plot.grids), 5 if plot.signs else 2
    for cell in CELLS:
        size, tall = wide * cell + gap, high * max(cell // 2, 1) + 2
        beside = count if plot.signs else min(max(canvas.width // size, 1), count)
        below = max((rows + 1) // tall, 1)
        if beside * below >= count and beside * size - gap <= canvas.width and tall <= rows + 1:
            break
    first, last = window(-(-count // beside), below, max(plot.selected, 0) // beside, 1)
    for number in range(first * beside, min(last * beside, count)):
        x, y = number % beside * size, top + (number // beside - first) * tall
        grid = plot.grids[number]
        chosen = number == plot.selected
        title = shorten(grid.title, size - 1, canvas.glyphs.ellipsis)
        canvas.put(x + 1, y, title, Ink.KEY if chosen else Ink.DIM)
        if chosen:
            canvas.put(x, y, canvas.glyphs.cursor, Ink.KEY)
            canvas.flag(y, x, x + size - 1, SELECTED)
        draw_matrix(canvas, shares_of(grid), x + 1, y + 1, cell)
        if number < len(plot.signs):
            canvas.put(x + size - gap // 2 - 1, y + 1 + (tall - 2) // 2, plot.signs[number], Ink.STRONG)
    return beside, first * beside


def shares_of(grid: Grid) -> list[list[float]]:
    """The numbers of a matrix, as shares of its scale."""
    import numpy as np

    scale = grid.scale or float(np.abs(grid.values[np.isfinite(grid.values)]).max(initial=0.0)) or 1.0
    found: list[list[float]] = (grid.values / scale).tolist()
    return found


def draw_matrix(canvas: Canvas, shares: list[list[float]], x: int, y: int, cell: int) -> None:
    """Draws a signed matrix as cells of colour, or digits where colours do not tell; full at 1.

    Args:
        canvas: the canvas.
        shares: the numbers, row by row.
        x: the first column.
        y: the first row.
        cell: columns of a cell; it has half as many rows.
    """
    tall = max(cell // 2, 1)
    for row, line in enumerate(shares):
        characters: list[str] = []
        inks: list[int] = []
        for share in line:
            text, ink = shade(share, 1.0, canvas.glyphs, min(cell, 2))
            characters += text.center(cell)
            inks += [ink] * cell
        for again in range(tall):
            shown = characters if again == (tall - 1) // 2 else [" "] * len(characters)
            canvas.cells(x, y + row * tall + again, shown, inks)
