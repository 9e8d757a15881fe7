"""A table as a frozen record: what ``widgets/table.py`` draws."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell that is a bar with its number behind it.

    Attributes:
        share: how much of the room the bar takes, 0 to 1; None for none.
        number: the number.
        ink: the ink of the bar.
    """

    share: float | None
    number: str = ""
    ink: int = Ink.POSITIVE


@dataclass(frozen=True, slots=True)
class Spark:
    """A cell that is a small curve.

    Attributes:
        shares: the heights, 0 to 1; None where there is none.
        ink: the ink of the curve.
    """

    shares: tuple[float | None, ...]
    ink: int = Ink.ACCENT


Cell = Span | Bar | Spark


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        width: the cells that its widest entry takes.
        right: whether its entries end at its right edge, as numbers do.
        rank: columns with the highest ranks give way where there is no room for all; 0 never does.
        most: the cells that it may grow to, of a column of bars, where there is room; 0 for its width.
    """

    title: str
    width: int
    right: bool = False
    rank: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A window of a table with a selected row.

    Attributes:
        columns: the columns.
        rows: the rows of the window, a cell for each column.
        first: the number of the first of them, from 0.
        count: how many rows the table has.
        selected: the selected row, from 0.
        lines: what is said above the table; a line that is too long is broken.
        foot: the same below it, the most important first.
        side: the same to the right of it where there is room, else below all.
        least: the cells that have to be there for ``side``; 0 for what sentences take.
        empty: what is said where there is no row.
        keys: keys and what they do, in the bottom edge.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    first: int
    count: int
    selected: int
    lines: tuple[Line, ...] = ()
    foot: tuple[Line, ...] = ()
    side: tuple[Line, ...] = ()
    least: int = 0
    empty: str = ""
    keys: tuple[tuple[str, str], ...] = ()
