"""What is on the screen, as frozen records: the views that ``views`` makes and the widgets draw.

Records that hold arrays compare by identity, so that a widget is repainted when it is given another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from retrograde.tui.canvas.canvas import Line
from retrograde.tui.records.marks import Mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]


# -- network


# -- equation


# -- weights


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
    """

    rows: tuple[WeightRow, ...]
    first: int
    count: int
    selected: int
    decimals: int = 6
    search: str = ""
    matches: int = 0
    memory: tuple[str, ...] = ()


# -- loss, timeline, header


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossView:
    """The loss curve.

    Attributes:
        first: the first iteration of each bucket, shape (buckets,).
        low: the least loss in each bucket, shape (buckets,).
        high: the greatest, shape (buckets,).
        iterations: how many iterations the curve covers.
        cursor: the iteration of the cursor, from 0.
        lines: what is said above the curve.
        progress: 0 to 1 while a run is under way, else None.
        other: first iteration, least and greatest loss of each bucket of another branch, drawn in dots.
        names: the two branches.
    """

    first: Floats
    low: Floats
    high: Floats
    iterations: int
    cursor: int
    lines: tuple[Line, ...] = ()
    progress: float | None = None
    other: tuple[Floats, Floats, Floats] | None = None
    names: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineSegment:
    """A stretch of the timeline: a phase, how many steps it has, how many are revealed, and whether it is here."""

    label: str
    steps: int
    done: int
    here: bool = False
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What stands on the timeline.

    Attributes:
        marks: letters and their steps in the iteration, from 1.
        hits: steps in the iteration at which a breakpoint is hit, from 1.
        far: letters of marks elsewhere, and their share of the run.
    """

    marks: tuple[tuple[str, int], ...] = ()
    hits: tuple[int, ...] = ()
    far: tuple[tuple[str, float], ...] = ()


NO_PINS = Pins()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """The iteration of the cursor as a bar.

    Attributes:
        segments: the phases around the cursor, in order.
        before: what comes before the segments, such as the sample.
        run: share of the frontier that the cursor has reached, None where there is nothing ahead.
        run_label: the whole run in words.
        pins: marks and breakpoints.
    """

    segments: tuple[TimelineSegment, ...]
    before: str = ""
    run: float | None = None
    run_label: str = ""
    pins: Pins = NO_PINS


# -- debug


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The top line: the scenario, where the cursor is, and E."""

    scenario: str
    crumbs: tuple[tuple[str, str], ...]
    step: str
    loss: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterView:
    """The bottom line: a notice, or the keys.

    Attributes:
        keys: keys and what they do, the most important first.
        grey: the numbers, from 0, of those that are not possible now.
        notice: what is said in place of the keys.
        bad: whether it says what is wrong.
        box: whether it closes the panels above.
    """

    keys: tuple[tuple[str, str], ...]
    grey: frozenset[int] = frozenset()
    notice: str = ""
    bad: bool = False
    box: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicesView:
    """A list to choose from.

    Attributes:
        rows: the rows, a span for each column.
        columns: the width of each column but the last.
        selected: the selected row, -1 for none.
        about: lines about the selected row.
        empty: what is said when there is no row.
    """

    rows: tuple[Line, ...]
    columns: tuple[int, ...]
    selected: int
    about: tuple[Line, ...] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunView:
    """A run that is under way, as its last message told it.

    Attributes:
        epoch: complete epochs.
        epochs: the most epochs.
        iterations: complete iterations.
        loss: E of the last one.
        rate: epochs a second.
        seconds_left: an upper bound by the rate so far.
        points: the loss curve: first iterations, least, greatest.
    """

    epoch: int
    epochs: int
    iterations: int
    loss: float
    rate: float
    seconds_left: float
    points: tuple[Floats, Floats, Floats]
