"""A list to choose from."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicesView:
    """A list to choose from.

    Attributes:
        rows: the rows, a span for each column.
        columns: the width of each column but the last.
        selected: the selected row, -1 for none.
        about: lines about the selected row.
        empty: what is said when there is no row.
        headings: the rows that are headings, which are over all columns.
        keys: keys and what they do, in the bottom edge.
    """

    rows: tuple[Line, ...]
    columns: tuple[int, ...]
    selected: int
    about: tuple[Line, ...] = ()
    empty: str = ""
    headings: frozenset[int] = frozenset()
    keys: tuple[tuple[str, str], ...] = ()
