"""Lines between blocks: each goes its own way over cells; where two of one origin or one end meet, they join."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.inks import Ink

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
"""The sides of a cell at which a line leaves it; their sum is the place of its glyph in ``Glyphs.wires``."""

Point = tuple[int, int]
"""Column and row."""


@dataclass(slots=True)
class _Cell:
    """A cell of lines: its sides, where its lines come from and lead to, and whether one takes part in the step."""

    sides: int
    sources: set[int] = field(default_factory=set)
    targets: set[int] = field(default_factory=set)
    live: bool = False


class Wires:
    """The lines of a picture; those that take part in the step lie on top."""

    def __init__(self) -> None:
        self._cells: dict[Point, _Cell] = {}

    def add(self, source: int, target: int, corners: list[Point], *, live: bool) -> None:
        """Adds a line from block to block; lines that are live are to be added last.

        Args:
            source: the block that it comes from.
            target: the block that it leads to.
            corners: its corners, each beside or below the one before it.
            live: whether it takes part in the step.
        """
        # It leaves its block to the right, and comes to the other one from the left.
        self._put(corners[0], LEFT, source, target, live=live)
        for (x0, y0), (x1, y1) in pairwise(corners):
            if (x0, y0) == (x1, y1):
                continue
            across, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
            forth = RIGHT if across > 0 else LEFT if across < 0 else DOWN if down > 0 else UP
            back = {RIGHT: LEFT, LEFT: RIGHT, UP: DOWN, DOWN: UP}[forth]
            length = max(abs(x1 - x0), abs(y1 - y0))
            for step in range(length + 1):
                sides = (forth if step < length else 0) | (back if step else 0)
                self._put((x0 + across * step, y0 + down * step), sides, source, target, live=live)

        self._put(corners[-1], RIGHT, source, target, live=live)

    def _put(self, point: Point, sides: int, source: int, target: int, *, live: bool) -> None:
        cell = self._cells.get(point)
        joins = cell is not None and (source in cell.sources or target in cell.targets)
        if cell is None or not joins:
            # Of lines that only cross, the later one lies on top.
            cell = self._cells[point] = _Cell(0)
        cell.sides |= sides
        cell.sources.add(source)
        cell.targets.add(target)
        cell.live = cell.live or live

    def draw(self, canvas: Canvas) -> None:
        """Draws all lines: thin ones, and thick ones where they take part in the step."""
        g = canvas.glyphs
        for (x, y), cell in self._cells.items():
            glyphs = g.live_wires if cell.live else g.wires
            canvas.cell(x, y, glyphs[cell.sides], Ink.ACCENT if cell.live else Ink.FRAME)
