"""A network as blocks and lines between them."""

from __future__ import annotations

from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.blocks import Needs, draw_block
from retrograde.tui.drawing.layout import Layout, Spot, layout
from retrograde.tui.drawing.nodes import stroke_ink, strongest
from retrograde.tui.drawing.wires import Point, Wires
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import LinkView, NetworkView

LEAST_EDGES_GAP = 6
"""Columns between two blocks from which on the edges between their nodes are drawn one by one."""


def draw_graph(canvas: Canvas, view: NetworkView) -> None:
    """Draws the layers of a network as blocks, from left to right by what they read."""
    active = next((number for number, layer in enumerate(view.layers) if layer.mark is Mark.TARGET), -1)
    needs = tuple(Needs.of(layer) for layer in view.layers)
    depths = tuple(layer.depth for layer in view.layers)
    links = tuple((link.source, link.target) for link in view.links)
    found = layout(needs, depths, links, active, canvas.width, canvas.height)
    if found.last - found.first < found.count and canvas.height > 3:
        # The last row says how much is not in sight.
        found = layout(needs, depths, links, active, canvas.width, canvas.height - 1)
    _draw_hidden(canvas, found)
    drawn = {(link.source, link.target) for link in view.links if _draw_edges(canvas, view, found, link)}
    wires = Wires()
    lines = sorted((link for link in view.links if (link.source, link.target) not in drawn), key=lambda one: one.live)
    for link in lines:
        corners = _corners(canvas, view, found, link)
        if corners:
            wires.add(link.source, link.target, corners, live=link.live)
    wires.draw(canvas)
    for link in lines:
        _draw_arrow(canvas, view, found, link)
    for number, place in found.places.items():
        draw_block(canvas, view.layers[number], place.form, place.x, place.y)


def _draw_hidden(canvas: Canvas, found: Layout) -> None:
    """How many columns there are beyond those in sight."""
    g = canvas.glyphs
    if found.first:
        canvas.put(0, canvas.height - 1, f"{g.back}{found.first}", Ink.DIM)
    if found.last < found.count:
        text = f"{found.count - found.last}{g.arrow}"
        canvas.put(canvas.width - width(text), canvas.height - 1, text, Ink.DIM)


def _corners(canvas: Canvas, view: NetworkView, found: Layout, link: LinkView) -> list[Point]:
    """The way of a line; none where it has no room, or both ends are beyond one edge."""
    source, target = found.places.get(link.source), found.places.get(link.target)
    first, last = view.layers[link.source].depth, view.layers[link.target].depth
    lane = found.lanes.get(link.source)
    if source is None and target is None:
        if lane is None or first >= found.last or last < found.first:
            return []
        return [(0, lane), (canvas.width - 1, lane)]
    if last == first + 1 or lane is None:
        return _short_way(canvas, found, link.source, first, source, target) if last == first + 1 else []
    way: list[Point] = []
    if source is None:
        if last == found.first and target is not None:
            return [(0, target.port), (target.x - 1, target.port)]
        way = [(0, lane)]
    else:
        track = found.tracks.get((first, link.source), source.x + source.form.width)
        way = [(source.x + source.form.width, source.port), (track, source.port), (track, lane)]
    if target is None:
        return [*way, (canvas.width - 1, lane)]
    track = found.tracks.get((last - 1, link.source), target.x - 1)
    return [*way, (track, lane), (track, target.port), (target.x - 1, target.port)]


def _short_way(
    canvas: Canvas, found: Layout, number: int, depth: int, source: Spot | None, target: Spot | None
) -> list[Point]:
    """The way of a line from a block to the next column."""
    if source is None:
        assert target is not None
        return [(0, target.port), (target.x - 1, target.port)]
    start = (source.x + source.form.width, source.port)
    if target is None:
        return [start, (canvas.width - 1, source.port)]
    stop = (target.x - 1, target.port)
    if source.port == target.port:
        return [start, stop]
    track = found.tracks.get((depth, number), stop[0])
    return [start, (track, source.port), (track, target.port), stop]


def _draw_arrow(canvas: Canvas, view: NetworkView, found: Layout, link: LinkView) -> None:
    """The head of a line; where the gradient flows, at its other end."""
    g = canvas.glyphs
    ink = Ink.ACCENT if link.live else Ink.FRAME
    source, target = found.places.get(link.source), found.places.get(link.target)
    if link.live and view.flow < 0:
        if source is not None:
            canvas.cell(source.x + source.form.width, source.port, g.back[:1], ink)
    elif target is not None and (link.source in found.places or target.x > 1):
        canvas.cell(target.x - 1, target.port, g.arrow[-1:], ink)


def _draw_edges(canvas: Canvas, view: NetworkView, found: Layout, link: LinkView) -> bool:
    """Draws the edges between two columns of nodes one by one, where there is room; says whether it did."""
    source, target = found.places.get(link.source), found.places.get(link.target)
    if link.weights is None or source is None or target is None:
        return False
    styles = {"nodes", "bars"}
    left, right = source.x + source.form.width, target.x - 1
    depths = view.layers[link.source].depth, view.layers[link.target].depth
    if source.form.style not in styles or target.form.style not in styles or right - left < LEAST_EDGES_GAP:
        return False
    if depths[1] != depths[0] + 1:
        return False
    active = {(edge.source, edge.target): edge for edge in view.edges}
    strokes = []
    for unit, to, value in strongest(link):
        edge = active.pop(((link.source, unit), (link.target, to)), None)
        if edge is None:
            strokes.append((unit, to, value, stroke_ink(value, Mark.IDLE, weighted=link.weighted), False))
    for edge in sorted(view.edges, key=lambda one: one.mark.value):
        if edge.source[0] == link.source and edge.target[0] == link.target:
            ink = stroke_ink(edge.value, edge.mark, selected=edge.selected, weighted=bool(edge.label))
            strokes.append((edge.source[1], edge.target[1], edge.value, ink, edge.mark is not Mark.IDLE))
    for unit, to, value, ink, thick in strokes:
        y0, y1 = source.y + source.form.caption + unit, target.y + target.form.caption + to
        canvas.line(2 * left, 4 * y0 + 1, 2 * right + 1, 4 * y1 + 1, ink, gaps=2 if value < 0 else 0, thick=thick)
    return True
