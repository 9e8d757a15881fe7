"""What is on the screen of breakpoints, watches, marks, log lines and results."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.tui.canvas.canvas import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugRow:
    """A row of the debug panel.

    Attributes:
        left: what it is, cut where it does not fit.
        right: its values, in columns that stand at the right edge.
        curve: values from 0 to 1 for a small curve, NaN for none.
        heading: whether it is the title of a section, which cannot be selected.
    """

    left: Line
    right: Line = ()
    curve: tuple[float, ...] = ()
    heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DebugView:
    """A window of the list of breakpoints, watches, marks, log lines and results.

    Attributes:
        rows: the rows of the window.
        first: the number of the first of them, from 0.
        count: how many rows there are.
        selected: the selected row, -1 for none.
        hint: what is said where there is nothing yet.
    """

    rows: tuple[DebugRow, ...]
    first: int
    count: int
    selected: int
    hint: tuple[Line, ...] = ()
