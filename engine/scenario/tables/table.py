"""A table that was read: the columns that were asked for, as numbers, and the cells that are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Wanted = Callable[[tuple[str, ...] | None, int], Sequence[int]]
"""Which columns are asked for, from 0: a function of the names of all columns, None without any, and their number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A column of a table.

    Attributes:
        numbers: a number for each row; NaN where the cell is none.
        odd: the text of each cell that is no finite number, by row.
    """

    numbers: NDArray[np.float64]
    odd: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A table that was read.

    Attributes:
        names: the names of all columns; None where they have none.
        width: the number of all columns.
        count: the number of rows.
        columns: the columns that were asked for, by their number from 0.
        lines: the line of each row in its file, from 1; None where there are no lines.
        decimal: the sign before decimals.
        locate: where cells, each by its line and its column, begin in their lines; None where there are no lines.
    """

    names: tuple[str, ...] | None
    width: int
    count: int
    columns: Mapping[int, Column]
    lines: NDArray[np.int64] | None = None
    decimal: str = "."
    locate: Callable[[Sequence[tuple[int, int]]], list[int | None]] | None = None

    def starts(self, cells: Sequence[tuple[int, int]]) -> list[int | None]:
        """Return the character, from 1, with which each cell begins in its line; None where that is not known."""
        return [None] * len(cells) if self.locate is None or not cells else self.locate(cells)

    def title(self, column: int) -> str:
        """Return how messages name a column: its number, and its name where it has one."""
        name = self.names[column] if self.names is not None else ""
        return f"{column + 1} ({shortened(name)})" if name else str(column + 1)


def shortened(text: str) -> str:
    """Return the text of a cell as messages show it: printable, and not long."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= 30 else text[:29] + "…"
