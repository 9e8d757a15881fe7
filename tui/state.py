"""What is on the screen, as frozen records: the views that ``views`` makes and the widgets draw.

Records that hold arrays compare by identity, so that a widget is repainted when it is given another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from retrograde.tui.canvas import Line, Span
from retrograde.tui.look import Ink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrograde.tui.pictures.records import Picture

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

_NOTHING = Span("")


class PanelId(StrEnum):
    """The panels, in the order of the keys that focus them."""

    NETWORK = "network"
    EQUATION = "equation"
    WEIGHTS = "weights"
    LOSS = "loss"
    TIMELINE = "timeline"
    DEBUG = "debug"


class Mark(Enum):
    """The part that a node, edge or cell plays in the step on the screen."""

    IDLE = 0
    OPERAND = 1
    TARGET = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The edge of a panel.

    Attributes:
        title: spans in the top edge.
        focused: whether the arrows move in this panel.
        corners: the characters at the ends of the top edge.
        bottom: whether the panel draws its own bottom edge.
        joints: columns of the top edge where the verticals above end.
    """

    title: Line
    focused: bool = False
    corners: str = "┌┐"
    bottom: bool = False
    joints: tuple[int, ...] = ()


# -- network


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A neuron or an input: its name, its output, its part in the step, and whether the output is another elsewhere.

    ``notes`` are further values below it: a label, a number, and whether its sign is always written.
    """

    name: str
    value: float | None
    mark: Mark = Mark.IDLE
    selected: bool = False
    notes: tuple[tuple[str, float, bool], ...] = ()
    edited: bool = False


class SheetKind(Enum):
    """How the cells of a sheet belong together."""

    VECTOR = "vector"
    """A row of numbers, which may be broken anywhere."""
    MAP = "map"
    """Tiles of rows and columns: an image, feature maps, kernels, a matrix."""
    TIME = "time"
    """A column a moment."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetView:
    """An array as cells.

    Attributes:
        title: what it is; empty for what a layer hands on.
        kind: how its cells belong together.
        values: shape (tiles, rows, columns).
        known: the same shape, false where a value is not computed yet; None where all are.
        scale: the magnitude at which a cell is full.
        image: whether it is drawn in grey.
        marks: the parts of cells in the step, by their number over tiles, rows and columns; idle ones are left out.
        selected: the number of the selected cell, -1 for none.
        names: a name a row, where there is a column a moment.
        now: the column of the moment on the screen, -1 for none.
        here: whether it holds what the step assigns.
    """

    kind: SheetKind
    values: Floats
    title: str = ""
    known: Bools | None = None
    scale: float = 1.0
    image: bool = False
    marks: dict[int, Mark]
    selected: int = -1
    names: tuple[str, ...] = ()
    now: int = -1
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """A number of a scalar graph with the operation that makes it.

    Attributes:
        symbol: the operation; empty for a number that is given.
        value: the number, None where it is not computed yet.
        gradient: ∂E by it, None where it is not computed yet or there is none.
    """

    symbol: str
    value: float | None
    gradient: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerView:
    """A layer: a column of nodes, or a block.

    Attributes:
        name: the name of the layer.
        caption: what it is, such as ``32 sigmoid``.
        shape: what it hands on, such as ``4×6×6``; empty where the caption says it.
        depth: its column, from 0: one more than that of the layers before it.
        mark: its part in the step.
        nodes: what it hands on by name, where that is not much; empty else.
        sheets: what it hands on as cells, then what else there is to see of it.
        answer: the unit of the target class, -1 for none.
        bars: whether its nodes are better drawn as bars: outputs.
        gate: for a number of a scalar graph.
    """

    name: str
    caption: str
    shape: str = ""
    depth: int
    mark: Mark
    nodes: tuple[NodeView, ...] = ()
    sheets: tuple[SheetView, ...] = ()
    answer: int = -1
    bars: bool = False
    gate: GateView | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkView:
    """What leads from one layer to another.

    Attributes:
        source: the number of the layer that is read.
        target: the number of the layer that reads it.
        live: whether it takes part in the step.
        weights: shape (units of the target, units of the source), NaN where there is no edge; None where the edges are
            not drawn one by one.
        weighted: whether the edges have weights at all.
        names: the symbols of the weights, empty where there are too many to write.
    """

    source: int
    target: int
    live: bool
    weights: Floats | None = None
    weighted: bool = True
    names: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeView:
    """An edge that takes part in the step, or is selected; its ends are a layer and a unit."""

    source: tuple[int, int]
    target: tuple[int, int]
    mark: Mark
    label: str
    value: float
    selected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusRow:
    """A term of the neuron in focus, or what it feeds."""

    label: str
    detail: str
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusView:
    """A slot of a network too large for nodes and edges: its largest terms, and where it goes."""

    title: Line
    incoming: tuple[FocusRow, ...]
    rest: str
    outgoing: tuple[FocusRow, ...]
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkView:
    """The network at the cursor.

    Attributes:
        layers: the inputs and the layers, each after those that it reads.
        links: what leads from layer to layer.
        edges: the edges that take part in the step, drawn last.
        small: whether all layers can be drawn as nodes.
        flow: 1 forward, -1 backward, 0 when nothing flows.
        focus: for networks that are too large for nodes.
        decimals: digits after the point of a node's value.
    """

    layers: tuple[LayerView, ...]
    links: tuple[LinkView, ...]
    edges: tuple[EdgeView, ...] = ()
    small: bool = False
    flow: int = 0
    focus: FocusView | None = None
    decimals: int = 4


# -- equation


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A factor of the unfolded chain rule: a fraction of symbols over its value."""

    above: str
    below: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperandRow:
    """An operand and where it comes from; ``made`` says that a step made it."""

    symbol: str
    value: str
    origin: str
    ink: int = Ink.TEXT
    made: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A check of the number on the screen; ``ok`` is None while it is being computed."""

    text: str
    ok: bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquationView:
    """One step: always the same things, in the same order.

    Attributes:
        question: the step in a few words.
        why: one sentence.
        left: the symbol that is assigned.
        symbols: the right side in symbols; it may be broken between spans.
        numbers: the same with numbers; empty where it would only repeat the symbols.
        result: the value, with its ink.
        badges: the checks.
        pictures: what is drawn below it, from above.
        factors: the unfolded chain rule, with the symbol and the value it unfolds.
        notes: further sentences.
        operands: what the step read; of very many those around the selected one.
        first: the index of the first operand that is given.
        more: how many there are behind the last one that is given.
        selected: the index of the selected operand, -1 for none.
        prose: paragraphs, where there is no step: the scenario's own words.
    """

    question: str = ""
    why: str = ""
    left: str = ""
    symbols: Line = ()
    numbers: Line = ()
    result: Span = _NOTHING
    badges: tuple[Badge, ...] = ()
    pictures: tuple[Picture, ...] = ()
    unfolded: str = ""
    factors: tuple[Factor, ...] = ()
    notes: tuple[Line, ...] = ()
    operands: tuple[OperandRow, ...] = ()
    first: int = 0
    more: int = 0
    selected: int = -1
    prose: tuple[Line, ...] = ()


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
class Segment:
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

    segments: tuple[Segment, ...]
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
    """The bottom line: a notice, or the keys."""

    keys: tuple[tuple[str, str], ...]
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
