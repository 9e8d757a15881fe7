"""The picture of a network: columns of neurons with their edges, and boxes for what is no row of neurons."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from retrograde.engine.equations.array import Array, Phase
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import shown
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.network.network import LayerInfo, Network
from retrograde.engine.network.notation import Notation
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _

MOST_NODES = 10
"""Neurons of a layer that are drawn one by one."""
MOST_LABELS = 12
"""Edges between two layers that are labelled."""
MOST_COLUMNS = 5
"""Columns of a picture with boxes, as wide as a page."""
MOST_VALUES = 40
"""Values of a scalar graph that are drawn one by one."""
NARROW = 110
COLUMN, ROW, RADIUS, EDGE = 170, 70, 20, 6
BOX = (62, 26)
"""Half the width and half the height of a box."""
INK, PALE, PAPER = "#1b1f24", "#8a929c", "#ffffff"


class Line(NamedTuple):
    """An edge."""

    x1: float
    y1: float
    x2: float
    y2: float


class Label(NamedTuple):
    """A text around a point; on an edge it has room around it."""

    x: float
    y: float
    text: str
    size: int
    pale: bool = False
    on_edge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing, with y downward; lines lie below circles and boxes, and these below labels.

    Attributes:
        width: the width.
        height: the height.
        title: what is drawn.
        lines: the edges.
        circles: the middles of the neurons.
        boxes: the middles of the boxes.
        labels: the texts.
    """

    width: float
    height: float
    title: str
    lines: tuple[Line, ...]
    circles: tuple[tuple[float, float], ...]
    boxes: tuple[tuple[float, float], ...]
    labels: tuple[Label, ...]


class _Spot(NamedTuple):
    """Where a layer is drawn: its column, and its neurons' middles; none of them for a box."""

    x: float
    nodes: tuple[float, ...]
    middle: float


def network_picture(network: Network) -> Picture:
    """The network, with the initial weights where there is room for them; a small scalar graph value by value."""
    graph = _graph(network)
    if graph is not None:
        return graph
    depths = _depths(network)
    columns: dict[int, list[str]] = {}
    for name, depth in depths.items():
        columns.setdefault(depth, []).append(name)
    heights = {depth: sum(_rows(network, name) + 0.4 for name in names) for depth, names in columns.items()}
    count = max(columns) + 1
    # A long chain of boxes goes on in the next row, as text does: in one row nobody could read it.
    across = MOST_COLUMNS if count > MOST_COLUMNS and not all(_is_row(network, name) for name in depths) else count
    tops = [0.0]
    for first in range(0, count, across):
        tallest = max(heights.get(depth, 0.0) for depth in range(first, first + across))
        tops.append(tops[-1] + tallest * ROW + 2 * EDGE)
    spots: dict[str, _Spot] = {}
    for depth, names in columns.items():
        line, column = divmod(depth, across)
        y = (tops[line] + tops[line + 1] - heights[depth] * ROW) / 2
        for name in names:
            rows = _rows(network, name)
            nodes = tuple(y + (row + 0.7) * ROW for row in range(rows)) if _is_row(network, name) else ()
            spots[name] = _Spot((column + 0.5) * COLUMN, nodes, y + (rows + 0.4) * ROW / 2)
            y += (rows + 0.4) * ROW
    drawing = _Drawing([], [])
    for info in network.layers:
        for source in info.sources:
            if depths[info.name] // across > depths[source] // across:
                top = tops[depths[info.name] // across]
                _turn(drawing, spots[source], spots[info.name], top, across * COLUMN)
            else:
                _edges(drawing, network, info, source, spots)
    for name, spot in spots.items():
        _layer(drawing, network, name, spot)
    return Picture(
        width=across * COLUMN,
        height=tops[-1],
        title=_("the network {topology}").format(topology=network.scenario.topology),
        lines=tuple(drawing.lines),
        circles=tuple((spot.x, y) for spot in spots.values() for y in spot.nodes),
        boxes=tuple((spot.x, spot.middle) for spot in spots.values() if not spot.nodes),
        labels=tuple(drawing.labels),
    )


def _graph(network: Network) -> Picture | None:
    """The values of a network that is one scalar graph, each after those that it is made of; None of other networks."""
    if [info.spec.kind for info in network.layers] != ["graph"]:
        return None
    ops = [op for op in network.program(network.batch).ops if op.phase is Phase.FORWARD]
    sources = {op.target: tuple(dict.fromkeys(op.inputs)) for op in ops}
    if len(sources) > MOST_VALUES:
        return None
    columns = _columns(sources)
    drawn = [array for column in columns.values() for array in column]
    if len(drawn) > MOST_VALUES or any(math.prod(array.element_shape) > 1 for array in drawn):
        return None
    height = (max(map(len, columns.values())) + 0.5) * ROW + 2 * EDGE
    spots: dict[Array, tuple[float, float]] = {}
    for depth, arrays in columns.items():
        # Every other column lies lower, so that a line past it does not run through its values.
        top = (height - len(arrays) * ROW) / 2 + (0.75 if depth % 2 else 0.25) * ROW
        spots |= {array: ((depth + 0.5) * NARROW, top + row * ROW) for row, array in enumerate(arrays)}
    labels: list[Label] = []
    for array, (x, y) in spots.items():
        labels.append(_inside(x, y, network.notation.symbol(Ref(array, (0,) * len(array.shape)))))
        if array in network.parameters:
            labels.append(
                Label(x, y + RADIUS + 12, _written(float(network.parameters[array].ravel()[0])), 12, pale=True)
            )
    return Picture(
        width=(max(columns) + 1) * NARROW,
        height=height + 0.25 * ROW,
        title=_("the network {topology}").format(topology=network.scenario.topology),
        lines=tuple(
            Line(spots[source][0] + RADIUS, spots[source][1], spots[target][0] - RADIUS, spots[target][1])
            for target, read in sources.items()
            for source in read
        ),
        circles=tuple(spots.values()),
        boxes=(),
        labels=tuple(labels),
    )


def _columns(sources: Mapping[Array, Sequence[Array]]) -> dict[int, list[Array]]:
    """The values of a graph by their columns: each after those that it is made of, in the order in which they are made.

    Args:
        sources: what each value is made of, by the value.
    """
    depths: dict[Array, int] = {}
    for target, read in sources.items():
        depths[target] = 1 + max((depths.get(array, 0) for array in read), default=0)
    given = dict.fromkeys(array for read in sources.values() for array in read if array not in depths)
    for array in given:
        # A number that is given stands just before what reads it first.
        depths[array] = min(depths[target] for target, read in sources.items() if array in read) - 1
    columns: dict[int, list[Array]] = {}
    for array in (*given, *sources):
        columns.setdefault(depths[array], []).append(array)
    return columns


class _Drawing(NamedTuple):
    """What is being drawn."""

    lines: list[Line]
    labels: list[Label]


def _depths(network: Network) -> dict[str, int]:
    """The column of each layer: one after the last that it reads."""
    found: dict[str, int] = {}
    if any(INPUT_LAYER in info.sources for info in network.layers):
        found[INPUT_LAYER] = 0
    for info in network.layers:
        found[info.name] = 1 + max((found[name] for name in info.sources), default=-1)
    return found


def _is_row(network: Network, name: str) -> bool:
    """Whether a layer is drawn as neurons."""
    form = network.forms[name]
    info = next((one for one in network.layers if one.name == name), None)
    return (
        not form.steps
        and len(form.shape) == 1
        and form.size <= MOST_NODES
        and (info is None or info.spec.kind != "graph")
    )


def _rows(network: Network, name: str) -> int:
    return network.forms[name].size if _is_row(network, name) else 1


def _layer(drawing: _Drawing, network: Network, name: str, spot: _Spot) -> None:
    """The texts of a layer: of each neuron its name, and that of the layer below; or what is in the box."""
    info = next((one for one in network.layers if one.name == name), None)
    if not spot.nodes:
        shape = "×".join(map(str, network.forms[name].shape)) or "1"
        said = _("inputs") if info is None else f"{name}: {info.spec.kind}"
        drawing.labels.append(Label(spot.x, spot.middle - 8, said, 15))
        drawing.labels.append(Label(spot.x, spot.middle + 12, shape, 13, pale=True))
        return
    for unit, y in enumerate(spot.nodes):
        drawing.labels.append(_inside(spot.x, y, network.notation.neuron(name, unit)))
    said = name if info is None or info.activation == "identity" else f"{name}: {info.activation}"
    drawing.labels.append(Label(spot.x, spot.nodes[-1] + RADIUS + 15, said, 13, pale=True))


def _turn(drawing: _Drawing, start: _Spot, end: _Spot, top: float, width: float) -> None:
    """The line from a row of columns to a later one: along the right side, above that row, along the left side.

    Args:
        drawing: gets the line.
        start: where it begins.
        end: where it ends.
        top: the upper edge of the row in which it ends.
        width: the width of the picture.
    """
    right, left = width - EDGE, EDGE
    begin = (start.x + (RADIUS if start.nodes else BOX[0]), start.middle)
    goal = (end.x - (RADIUS if end.nodes else BOX[0]), end.middle)
    corners = (begin, (right, start.middle), (right, top), (left, top), (left, end.middle), goal)
    drawing.lines.extend(Line(*one, *other) for one, other in pairwise(corners))


def _edges(drawing: _Drawing, network: Network, info: LayerInfo, source: str, spots: dict[str, _Spot]) -> None:
    """The lines between two layers: one for each weight between rows of neurons, else a single one."""
    start, end = spots[source], spots[info.name]
    left = start.x + (RADIUS if start.nodes else BOX[0])
    right = end.x - (RADIUS if end.nodes else BOX[0])
    weights = info.weights
    if not (start.nodes and end.nodes):
        drawing.lines.append(Line(left, start.middle, right, end.middle))
        return
    if not isinstance(info.spec, DenseLayer) or weights is None:
        # What works value by value leads from each to its own; what mixes them is a single line.
        pairs = zip(start.nodes, end.nodes, strict=False) if len(start.nodes) == len(end.nodes) else ()
        found = [Line(left, from_y, right, to_y) for from_y, to_y in pairs]
        drawing.lines.extend(found or [Line(left, start.middle, right, end.middle)])
        return
    listed = info.spec.pairs is not None
    values = network.parameters[weights].ravel()
    labels: list[Label] = []
    for flat, value in enumerate(values):
        index = (flat,) if listed else divmod(flat, weights.shape[1])
        edge = info.edge(tuple(index))
        if edge.source != source:
            continue
        line = Line(left, start.nodes[edge.column], right, end.nodes[edge.unit])
        drawing.lines.append(line)
        labels.append(_label(line, network.notation, Ref(weights, tuple(index)), float(value)))
    if len(labels) <= MOST_LABELS:
        drawing.labels.extend(labels)


def _label(line: Line, notation: Notation, ref: Ref, value: float) -> Label:
    """The weight of an edge, nearer to the neuron that it leads to, where crossing lines have parted."""
    share = 0.66
    text = f"{notation.symbol(ref)} {_written(value)}"
    return Label(line.x1 + (line.x2 - line.x1) * share, line.y1 + (line.y2 - line.y1) * share, text, 12, on_edge=True)


def _inside(x: float, y: float, text: str) -> Label:
    """The name of a neuron, small enough for its circle."""
    return Label(x, y, text, min(13, max(6, 4 * RADIUS // max(len(text), 1))))


def _written(value: float) -> str:
    """A number with a few digits."""
    return shown(value, 4).replace("-", "−")


def _around(label: Label) -> tuple[float, float, float, float]:
    """The rectangle that a text takes, with a little room: left, top, right, bottom."""
    half = 0.28 * label.size * len(label.text) + 3
    return label.x - half, label.y - label.size / 2 - 1, label.x + half, label.y + label.size / 2 + 1


def _within(line: Line, edges: tuple[float, float, float, float]) -> tuple[float, float] | None:
    """The stretch of a line in a rectangle, as shares of its length; None where it passes by.

    Source: Liang, Barsky 1984, "A new concept and method for line clipping".
    """
    left, top, right, bottom = edges
    dx, dy = line.x2 - line.x1, line.y2 - line.y1
    start, end = 0.0, 1.0
    for step, room in ((-dx, line.x1 - left), (dx, right - line.x1), (-dy, line.y1 - top), (dy, bottom - line.y1)):
        if step == 0:
            if room < 0:
                return None
        elif step < 0:
            start = max(start, room / step)
        else:
            end = min(end, room / step)
    return (start, end) if start < end else None


def _pieces(line: Line, labels: Sequence[Label]) -> Iterable[Line]:
    """What is left of a line around the texts on edges: there may be any paper behind the picture."""
    gaps = sorted(gap for label in labels if label.on_edge and (gap := _within(line, _around(label))) is not None)
    dx, dy, here = line.x2 - line.x1, line.y2 - line.y1, 0.0
    for start, end in (*gaps, (1.0, 1.0)):
        if start > here:
            yield Line(line.x1 + here * dx, line.y1 + here * dy, line.x1 + start * dx, line.y1 + start * dy)
        here = max(here, end)


def as_svg(picture: Picture, ink: str = INK) -> str:
    """A picture as an SVG file of its own, which is also an element of HTML.

    Args:
        picture: the picture.
        ink: the colour of what is not pale; ``currentColor`` is that of the text around it.
    """
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {picture.width:g} {picture.height:g}",
            "width": f"{picture.width:g}",
            "height": f"{picture.height:g}",
            "role": "img",
            "font-family": "Georgia, 'Times New Roman', serif",
        },
    )
    SubElement(root, "title").text = picture.title
    for whole in picture.lines:
        for line in _pieces(whole, picture.labels):
            ends = {name: f"{value:g}" for name, value in line._asdict().items()}
            SubElement(root, "line", ends | {"stroke": PALE, "stroke-width": "1.2"})
    drawn = {"fill": PAPER if ink == INK else "none", "stroke": ink, "stroke-width": "1.5"}
    for x, y in picture.circles:
        SubElement(root, "circle", {"cx": f"{x:g}", "cy": f"{y:g}", "r": f"{RADIUS}"} | drawn)
    for x, y in picture.boxes:
        corner = {"x": f"{x - BOX[0]:g}", "y": f"{y - BOX[1]:g}", "rx": "8"}
        SubElement(root, "rect", corner | {"width": f"{2 * BOX[0]}", "height": f"{2 * BOX[1]}"} | drawn)
    for label in picture.labels:
        place = {"x": f"{label.x:g}", "y": f"{label.y + 4:g}", "text-anchor": "middle", "font-size": f"{label.size}"}
        SubElement(root, "text", place | {"fill": PALE if label.pale else ink}).text = label.text
    return tostring(root, encoding="unicode")
