"""The network panel: nodes, sheets, gates, layers, links, and the list of what is in focus."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Line
from retrograde.tui.records.marks import Mark

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Bools, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A neuron or an input: its name, its output, its part in the step, and whether the output is another elsewhere.

    ``notes`` are further values below it: a label, a number, and whether its sign is always written. ``title`` is the
    class that it stands for, which is written below it where there is room for that, too.
    """

    name: str
    value: float | None
    mark: Mark = Mark.IDLE
    selected: bool = False
    notes: tuple[tuple[str, float, bool], ...] = ()
    edited: bool = False
    title: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleView:
    """A module of a recording, or what was given, or the loss: a row of a tree.

    Attributes:
        name: its name: the last part of its path.
        depth: how deep it lies in the tree.
        what: the kinds of its ops.
        shape: the shape of what it hands on; empty of nothing.
        parameters: how many numbers of it are parameters.
        mark: its part in the step.
        inside: whether the step is in it.
        selected: whether it is selected.
    """

    name: str
    depth: int
    what: str = ""
    shape: str = ""
    parameters: int = 0
    mark: Mark = Mark.IDLE
    inside: bool = False
    selected: bool = False


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
        modules: the rows of a recording, in place of all this.
    """

    layers: tuple[LayerView, ...]
    links: tuple[LinkView, ...]
    edges: tuple[EdgeView, ...] = ()
    small: bool = False
    flow: int = 0
    focus: FocusView | None = None
    decimals: int = 4
    modules: tuple[ModuleView, ...] = ()
