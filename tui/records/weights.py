"""What is on the screen of the parameters."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.records.marks import Mark

WEIGHT_ORDERS = ("file", "value", "gradient", "update", "start")
"""What the table is sorted by: as the file has them, by |value|, |gradient|, |update|, |change since the start|."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRow:
    """A parameter: None is what is not computed yet at the cursor.

    ``edited`` says of its four numbers whether they are others on the branch that this one departs from, ``partial``
    whether the gradient still lacks samples; ``memory`` is what the optimiser remembers of it.
    """

    name: str
    path: str
    value: float | None
    gradient: float | None
    change: float | None
    new: float | None
    mark: Mark = Mark.IDLE
    changed: bool = False
    match: bool = False
    frozen: bool = False
    partial: bool = False
    edited: tuple[bool, ...] = ()
    memory: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightsView:
    """A window of the table of parameters.

    Attributes:
        rows: the rows of the window.
        first: the number of the first of them, from 0.
        count: how many rows the table has.
        selected: the selected row, from 0.
        decimals: digits after the point.
        search: the text that is searched for, and how many rows match.
        memory: what the further columns are called: the optimiser's state.
        order: what the table is sorted by, one of ``WEIGHT_ORDERS``; by ``start``, changes are those since the start.
        kept: the text that all names have in them.
    """

    rows: tuple[WeightRow, ...]
    first: int
    count: int
    selected: int
    decimals: int = 6
    search: str = ""
    matches: int = 0
    memory: tuple[str, ...] = ()
    order: str = "file"
    kept: str = ""
