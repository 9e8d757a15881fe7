"""A table as a frozen record: what ``widgets/table.py`` draws."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        width: the cells that its widest entry takes.
        right: whether its entries end at its right edge, as numbers do.
        rank: columns with the highest ranks give way where there is no room for all; 0 never does.
    """

    title: str
    width: int
    right: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A window of a table with a selected row.

    Attributes:
        columns: the columns.
        rows: the rows of the window, a span for each column.
        first: the number of the first of them, from 0.
        count: how many rows the table has.
        selected: the selected row, from 0.
        lines: what is said above the table.
        empty: what is said where there is no row.
        keys: keys and what they do, in the bottom edge.
    """

    columns: tuple[Column, ...]
    rows: tuple[Line, ...]
    first: int
    count: int
    selected: int
    lines: tuple[Line, ...] = ()
    empty: str = ""
    keys: tuple[tuple[str, str], ...] = ()
