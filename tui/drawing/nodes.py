"""A small network as nodes and edges: a column of nodes for each depth, edges also past columns."""

from __future__ import annotations

import math
from itertools import pairwise

from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import EdgeView, LayerView, LinkView, NetworkView, NodeView

LEAST_VALUE = 5
"""Columns of a value below its node, also before it is there, so that nothing moves when it comes."""
LEAST_GAP = 5
"""Columns that edges need between two columns of nodes."""
BESIDE = 3
"""Columns of the edges that a number below a node may take."""
MOST_EDGES = 24
"""Above this many edges between two layers, only the strongest are drawn."""

End = tuple[int, int]
"""A layer and a unit of it."""


def number(value: float | None, decimals: int, unknown: str = "·") -> str:
    """A value for a node: fixed decimals, exponents only for what would not fit."""
    if value is None:
        return unknown
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "−inf"
    if value and (abs(value) >= 10000 or abs(value) < 0.5 * 10.0**-decimals):
        text = f"{value:.1e}"
    else:
        # Without the sign of −0.
        text = f"{value or 0.0:.{decimals}f}"
    return typeset(text)


def value_ink(value: float | None) -> Ink:
    """The ink of a node's value."""
    if value is None:
        return Ink.FAINT
    return Ink.NEGATIVE if value < 0 else Ink.TEXT


def stroke_ink(value: float, mark: Mark, *, selected: bool = False, weighted: bool = True) -> Ink:
    """The ink of an edge by its weight and its part in the step."""
    if mark is Mark.TARGET:
        return Ink.CHANGED
    if not weighted:
        return Ink.FRAME if mark is Mark.IDLE else Ink.ACCENT
    if mark is Mark.OPERAND or selected:
        return signed(value)
    return Ink.EDGE_NEGATIVE if value < 0 else Ink.EDGE_POSITIVE


def strongest(link: LinkView, most: int = MOST_EDGES) -> list[tuple[int, int, float]]:
    """The strongest edges of a link: (unit of the source, unit of the target, weight), the strongest last."""
    # The first frame is painted before NumPy is needed.
    import numpy as np

    if link.weights is None:
        return []
    there = np.flatnonzero(~np.isnan(link.weights.reshape(-1)))
    flat = link.weights.reshape(-1)[there]
    order = there[np.argsort(np.abs(flat), kind="stable")][-most:]
    columns = link.weights.shape[1]
    return [(int(k) % columns, int(k) // columns, float(link.weights.reshape(-1)[k])) for k in order]


def _notes(label: str, value: float, *, sign: bool) -> list[str]:
    """The forms of a quantity below a node, the best first; none that would read as another: 0.99 cut to 1."""

    def text(digits: int, form: str) -> str:
        return f"{value or 0.0:{'+' if sign else ''}.{digits}{form}}".replace("e-0", "e-").replace("e+0", "e")

    # A number with a sign needs no blank before it.
    forms = [f"{label} {text(4, 'g')}", f"{label} {text(3, 'g')}"]
    if sign:
        forms += [f"{label}{text(3, 'g')}", f"{label}{text(2, 'e')}", f"{label}{text(1, 'e')}"]
        # In plain characters the word is long; what came back is what has a sign.
        forms += [text(3, "g"), text(2, "e")] if width(label) > 1 else []
    else:
        forms = [form for form in (*forms, f"{label} {text(2, 'g')}") if "e" not in form.removeprefix(label)]
    return [form.replace("-", "−") for form in forms]


def fits_as_nodes(view: NetworkView, columns: int, rows: int) -> bool:
    """Whether a network can be drawn as nodes in a room."""
    if not view.small or columns < 14:
        return False
    high: dict[int, int] = {}
    for layer in view.layers:
        high[layer.depth] = high.get(layer.depth, 0) + len(layer.nodes)
    return max(high.values(), default=0) <= rows


class Nodes:
    """The drawing of a network as nodes and edges.

    Args:
        canvas: the canvas.
        view: the network, all of whose layers have nodes.
    """

    def __init__(self, canvas: Canvas, view: NetworkView) -> None:
        self.canvas = canvas
        self.view = view
        self.count = 1 + max(layer.depth for layer in view.layers)
        self.members = [
            [k for k, layer in enumerate(view.layers) if layer.depth == depth] for depth in range(self.count)
        ]
        self.totals = [sum(len(view.layers[k].nodes) for k in members) for members in self.members]
        self.firsts: dict[int, int] = {}
        for members in self.members:
            first = 0
            for k in members:
                self.firsts[k] = first
                first += len(view.layers[k].nodes)
        self.form = self._form()
        self.shown, self.columns, self.widths = self._place()
        self._written: set[tuple[int, int]] = set()

    # The forms of a node, from the widest: name and value, the value below the name, the name alone, a dot.
    def _label(self, node: NodeView, form: str) -> str:
        joint = self.canvas.glyphs.edited if node.edited else " "
        if form == "beside":
            return f"{node.name}{joint}{number(node.value, self.view.decimals)}"
        if form == "short":
            return f"{node.name}{joint}{number(node.value, 2)}"
        return node.name if form != "dot" else self.canvas.glyphs.dot

    def _size(self, depth: int, form: str) -> int:
        if form == "dot":
            return 3
        # Room for a value that is not there yet, so that nothing moves when it comes.
        value = {"beside": self.view.decimals + 2, "short": 5}.get(form, -1)
        nodes = [node for k in self.members[depth] for node in self.view.layers[k].nodes]
        sizes = [max(width(node.name) + 1 + value, width(self._label(node, form))) for node in nodes]
        if form == "below":
            sizes += [max(width(number(node.value, 3)), LEAST_VALUE) for node in nodes]
        return max(sizes, default=1) + 2

    def _form(self) -> str:
        room = self.canvas.width - 2
        rows = self.canvas.height // max(self.totals)
        for form in ("beside", "short", "below", "name"):
            if form == "below" and rows < 2:
                continue
            total = sum(self._size(depth, form) for depth in range(self.count))
            least = 10 if form == "beside" else LEAST_GAP
            if total + least * (self.count - 1) <= room:
                return form
        return "dot"

    def _place(self) -> tuple[list[int], dict[int, int], dict[int, int]]:
        widths = {depth: self._size(depth, self.form) for depth in range(self.count)}
        room = self.canvas.width - 2
        shown = list(range(self.count))
        active = next((layer.depth for layer in self.view.layers if layer.mark is Mark.TARGET), 0)
        while len(shown) > 2 and sum(widths[k] for k in shown) + 3 * (len(shown) - 1) > room:
            shown.remove(shown[-1] if active - shown[0] <= shown[-1] - active else shown[0])
        gaps = max(len(shown) - 1, 1)
        spare = max(room - sum(widths[k] for k in shown), 0)
        columns, x = {}, 1
        for position, k in enumerate(shown):
            columns[k] = x + spare * position // gaps
            x += widths[k]
        return shown, columns, widths

    def _row(self, end: End) -> int:
        layer, unit = end
        count = self.totals[self.view.layers[layer].depth]
        unit += self.firsts[layer]
        return int((unit + 0.5) * self.canvas.height / count - (0.5 if count * 4 <= self.canvas.height else 0))

    def draw(self) -> None:
        """Draws edges, then nodes, then what is written on edges."""
        self._draw_idle_edges()
        labels = [self._draw_edge(edge) for edge in sorted(self.view.edges, key=lambda e: e.mark.value)]
        for depth in self.shown:
            for k in self.members[depth]:
                for unit, node in enumerate(self.view.layers[k].nodes):
                    self._draw_node(self.view.layers[k], (k, unit), node)
        taken: set[tuple[int, int]] = set()
        for label in labels:
            if label is not None:
                self._draw_label(label, taken)
        self._draw_names(taken | self._written)
        g = self.canvas.glyphs
        if self.shown[0] > 0:
            self.canvas.put(0, 0, g.back, Ink.DIM)
        if self.shown[-1] < self.count - 1:
            self.canvas.put(self.canvas.width - width(g.arrow), 0, g.arrow, Ink.DIM)

    # -- edges

    def _depth(self, end: End) -> int:
        return self.view.layers[end[0]].depth

    def _path(self, source: End, target: End) -> list[tuple[int, int]] | None:
        """The corners of an edge in dots; None where an end is not in sight."""
        first, last = self._depth(source), self._depth(target)
        if first not in self.columns or last not in self.columns:
            return None
        start = (2 * (self.columns[first] + self.widths[first]), 4 * self._row(source) + 1)
        stop = (2 * (self.columns[last] - 1) + 1, 4 * self._row(target) + 1)
        found = [start]
        for depth in range(first + 1, last):
            left, right = 2 * (self.columns[depth] - 1), 2 * (self.columns[depth] + self.widths[depth])
            row = self._free_row(depth, start, stop, (left + right) // 2)
            found += [(left, row), (right, row)]
        return [*found, stop]

    def _free_row(self, depth: int, start: tuple[int, int], stop: tuple[int, int], x: int) -> int:
        """The row of dots nearest to the straight way at which an edge passes a column between its nodes."""
        share = (x - start[0]) / max(stop[0] - start[0], 1)
        straight = start[1] + (stop[1] - start[1]) * share
        taken: set[int] = set()
        for k in self.members[depth]:
            for unit, node in enumerate(self.view.layers[k].nodes):
                below = 0 if self.form in ("name", "dot") else 1 if self.form == "below" else len(node.notes)
                taken |= set(range(self._row((k, unit)), self._row((k, unit)) + 1 + below))
        free = [row for row in range(self.canvas.height) if row not in taken]
        if not free:
            return round(straight)
        return min((4 * row + 1 for row in free), key=lambda row: (abs(row - straight), row))

    def _draw_idle_edges(self) -> None:
        active = {(edge.source, edge.target) for edge in self.view.edges}
        for link in self.view.links:
            for unit, target, value in strongest(link):
                ends = (link.source, unit), (link.target, target)
                if ends not in active:
                    self._stroke(*ends, value, stroke_ink(value, Mark.IDLE, weighted=link.weighted), thick=False)

    def _stroke(self, source: End, target: End, value: float, ink: int, *, thick: bool) -> None:
        path = self._path(source, target)
        if path is None:
            return
        # A negative weight is a broken line, one that takes part is thick: seen without colour too.
        for (x0, y0), (x1, y1) in pairwise(path):
            self.canvas.line(x0, y0, x1, y1, ink, gaps=2 if value < 0 else 0, thick=thick)

    def _draw_edge(self, edge: EdgeView) -> tuple[int, int, EdgeView] | None:
        ink = stroke_ink(edge.value, edge.mark, selected=edge.selected, weighted=bool(edge.label))
        self._stroke(edge.source, edge.target, edge.value, ink, thick=edge.mark is not Mark.IDLE)
        path = self._path(edge.source, edge.target)
        if path is None or not edge.label:
            return None
        # Towards the end where the edges of this step are apart.
        converges = self._converges(edge)
        (x0, y0), (x1, y1) = path[:2] if converges else path[-2:]
        share = 0.34 if converges else 0.66
        return round(x0 + (x1 - x0) * share) // 2, round(y0 + (y1 - y0) * share) // 4, edge

    def _converges(self, edge: EdgeView) -> bool:
        same = [e for e in self.view.edges if e.target[0] == edge.target[0] and e.mark is not Mark.IDLE]
        if len(same) < 2:
            return True
        return len({e.target for e in same}) == 1

    def _gap(self, edge: EdgeView, x: int) -> tuple[int, int]:
        """The columns between which a label at a column stands: those of the nodes to its left and right."""
        ends = [(self.columns[depth], self.columns[depth] + self.widths[depth]) for depth in self.shown]
        left = max((right for _left, right in ends if right <= x), default=0)
        return left, min((start for start, _right in ends if start > x), default=self.canvas.width)

    def _draw_label(self, placed: tuple[int, int, EdgeView], taken: set[tuple[int, int]]) -> None:
        x, y, edge = placed
        left, right = self._gap(edge, x)
        forms = (f"{edge.label} {number(edge.value, 4)}", f"{edge.label} {number(edge.value, 2)}", edge.label)
        text = next((form for form in forms if width(form) <= right - left - 2), "")
        if not text:
            return
        start = min(max(x - width(text) // 2, left + 1), right - width(text) - 1)
        level = abs(self._row(edge.source) - self._row(edge.target)) <= 1
        # A label on a level edge would hide it.
        for row in (y - 1, y + 1, y) if level else (y, y + 1, y - 1, y + 2, y - 2):
            cells = {(row, column) for column in range(start - 1, start + width(text) + 1)}
            if 0 <= row < self.canvas.height and not cells & taken:
                taken |= cells
                ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.STRONG}[edge.mark]
                self.canvas.clear_dots(row, start - 1, start + width(text) + 1)
                self.canvas.put(start, row, text, ink)
                return

    def _draw_names(self, taken: set[tuple[int, int]]) -> None:
        labelled = {(edge.source, edge.target) for edge in self.view.edges}
        for link in self.view.links:
            for target, names in enumerate(link.names):
                for source, name in enumerate(names):
                    ends = (link.source, source), (link.target, target)
                    path = self._path(*ends)
                    if ends in labelled or path is None or not name:
                        continue
                    (x0, y0), (x1, y1) = path[:2]
                    if (x1 - x0) // 2 < width(name) + 2:
                        continue
                    x = round(x0 + (x1 - x0) * 0.27) // 2 - width(name) // 2
                    y = round(y0 + (y1 - y0) * 0.27) // 4
                    cells = {(y, column) for column in range(x - 1, x + width(name) + 1)}
                    if not cells & taken:
                        taken |= cells
                        self.canvas.clear_dots(y, x, x + width(name))
                        self.canvas.put(x, y, name, Ink.DIM)

    # -- nodes

    def _draw_node(self, layer: LayerView, end: End, node: NodeView) -> None:
        canvas = self.canvas
        x, y, size = self.columns[layer.depth], self._row(end), self.widths[layer.depth]
        below = canvas.height // self.totals[layer.depth]
        if node.mark is Mark.TARGET:
            self._draw_target(node, x, y)
        else:
            self._draw_other(node, x, y)
        if node.selected:
            canvas.put(x, y, canvas.glyphs.cursor, Ink.KEY)
            canvas.flag(y, x, x + size, SELECTED)
        row = y + 1
        if self.form == "below":
            ink = Ink.OPERAND if node.mark is Mark.OPERAND else value_ink(node.value)
            canvas.put(x + 1, row, number(node.value, 3), ink)
            row += 1
        if self.form == "dot":
            self._draw_small(node, x, y, below)
        if self.form not in ("name", "dot"):
            room = canvas.width - x - 1 if layer.depth == self.shown[-1] else size
            self._draw_notes(node, x + 1, range(row, min(y + below, canvas.height)), room)

    def _draw_target(self, node: NodeView, x: int, y: int) -> None:
        """The node that is assigned: all of it in one block."""
        canvas, g = self.canvas, self.canvas.glyphs
        canvas.put(x, y, g.left_target if g.ascii else " ", Ink.TARGET)
        stop = canvas.put(x + 1, y, self._label(node, self.form), Ink.TARGET)
        canvas.put(stop, y, g.right_target if g.ascii else " ", Ink.TARGET)

    def _draw_other(self, node: NodeView, x: int, y: int) -> None:
        """Any other node: its name, and its value where the form has it beside; what is read stands in brackets."""
        canvas, g = self.canvas, self.canvas.glyphs
        operand = node.mark is Mark.OPERAND
        ink = Ink.OPERAND if operand else Ink.STRONG
        if operand:
            canvas.put(x, y, g.left_operand, ink)
        stop = canvas.put(x + 1, y, node.name if self.form != "dot" else g.dot, ink)
        if self.form in ("beside", "short"):
            if node.edited:
                canvas.put(stop, y, g.edited, Ink.CHANGED)
            value = self._label(node, self.form)[len(node.name) + 1 :]
            stop = canvas.put(stop + 1, y, value, value_ink(node.value))
        if operand:
            canvas.put(stop, y, g.right_operand, ink)

    def _draw_notes(self, node: NodeView, x: int, rows: range, room: int) -> None:
        """What is noted below a node, as far as it fits: no number is better than one that reads as another."""
        left, canvas = iter(rows), self.canvas
        if node.title and len(rows) > len(node.notes) and width(node.title) <= room:
            canvas.put(x, next(left), node.title, Ink.ACCENT)
        for label, value, sign in node.notes:
            forms = _notes(label, value, sign=sign)
            text = next((form for form in forms if width(form) <= room), "")
            if sign and text not in forms[:3]:
                # What came back has three digits, also where it takes room from the edges beside it.
                text = next((form for form in forms[1:] if width(form) <= room + BESIDE), "")
            if text:
                row = next(left, None)
                if row is None:
                    return
                start = max(min(x, canvas.width - width(text)), 0)
                self._written |= {(row, column) for column in range(start, start + width(text))}
                canvas.put(start, row, text, signed(value) if sign else Ink.DIM)

    def _draw_small(self, node: NodeView, x: int, y: int, below: int) -> None:
        """The name above a dot and the value below it, where there are rows for them."""
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.DIM}[node.mark]
        if below >= 3:
            self._centred(x + 1, y - 1, node.name, ink)
        if below >= 2:
            value = number(node.value, 2, self.canvas.glyphs.unknown)
            short = value.replace("0.", ".", 1) if value.startswith(("0.", "−0.")) else value
            self._centred(x + 1, y + 1, short, value_ink(node.value))
        if below >= 4:
            self._draw_delta(node, x + 1, y + 2)

    def _draw_delta(self, node: NodeView, x: int, y: int) -> None:
        """What came back to a node below its value, in as many digits as fit between its neighbours."""
        places = sorted(self.columns[depth] for depth in self.shown)
        room = min((after - before for before, after in pairwise(places)), default=self.canvas.width) - 1
        for label, value, sign in node.notes:
            if sign:
                texts = [f"{value:+.3g}", f"{value:+.2e}", f"{value:+.2g}", f"{value:+.1e}", f"{value:+.0e}"]
                brief = [text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−") for text in texts]
                # Of a number below 1 the 0 goes without saying.
                short = [text[0] + text[2:] if text[1:3] == "0." else text for text in brief]
                forms = [form for text in brief[:2] for form in (f"{label} {text}", f"{label}{text}", text)]
                forms += [text for pair in zip(short, brief, strict=True) for text in pair]
                text = next((form for form in forms if width(form) <= room), "")
                self._centred(x, y, text, signed(value))

    def _centred(self, x: int, y: int, text: str, ink: int) -> None:
        start = min(max(x - width(text) // 2, 0), max(self.canvas.width - width(text), 0))
        self.canvas.clear_dots(y, start, start + width(text))
        self.canvas.put(start, y, text, ink)
