"""The network: nodes and edges where they fit, else layer blocks with a focus panel."""

from __future__ import annotations

import math

from retrograde.tui.canvas import Canvas, Line, Span, measure, shorten
from retrograde.tui.look import SELECTED, Glyphs, Ink, grey, heat, signed, width
from retrograde.tui.panel import Panel
from retrograde.tui.state import (
    EdgeView,
    FocusRow,
    LayerView,
    Mark,
    NetworkView,
    NodeView,
    PanelId,
)

LEAST_GAP = 5
"""Columns that edges need between two layers."""
BARS = 16
"""Columns of a layer that is drawn as bars."""
MOST_EDGES = 24
"""Above this many edges in a gap, only the strongest are drawn."""


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
        text = f"{value:.{decimals}f}"
    return text.replace("-", "−")


class NetworkPanel(Panel[NetworkView]):
    """Draws a ``NetworkView``."""

    PANEL = PanelId.NETWORK

    def draw(self, canvas: Canvas, view: NetworkView) -> None:
        """Chooses between nodes and blocks by what fits."""
        if not view.layers:
            return
        widest = max(len(layer.values) for layer in view.layers)
        has_nodes = all(layer.nodes for layer in view.layers)
        if has_nodes and widest <= canvas.height and canvas.width >= 14:
            _Graph(canvas, view).draw()
        else:
            _blocks(canvas, view)


class _Graph:
    """Nodes and edges."""

    def __init__(self, canvas: Canvas, view: NetworkView) -> None:
        self.canvas = canvas
        self.view = view
        self.forms = self._form()
        self.shown, self.columns, self.widths = self._place()

    # The forms of a node, from the widest: name and value, the value below the name, the name alone, a dot.
    def _label(self, node: NodeView, form: str) -> str:
        joint = self.canvas.glyphs.edited if node.edited else " "
        if form == "beside":
            return f"{node.name}{joint}{number(node.value, self.view.decimals)}"
        if form == "short":
            return f"{node.name}{joint}{number(node.value, 2)}"
        return node.name if form != "dot" else self.canvas.glyphs.dot

    def _size(self, layer: LayerView, form: str) -> int:
        if form == "dot":
            return 3
        # Room for a value that is not there yet, so that nothing moves when it comes.
        value = {"beside": self.view.decimals + 2, "short": 5}.get(form, -1)
        sizes = [max(width(node.name) + 1 + value, width(self._label(node, form))) for node in layer.nodes]
        if form == "below":
            sizes += [width(number(node.value, 3)) for node in layer.nodes]
        return max(sizes) + 2

    def _form(self) -> str:
        room = self.canvas.width - 2
        rows = self.canvas.height // max(len(layer.nodes) for layer in self.view.layers)
        for form in ("beside", "short", "below", "name"):
            if form == "below" and rows < 2:
                continue
            total = sum(self._size(layer, form) for layer in self.view.layers)
            least = 10 if form == "beside" else LEAST_GAP
            if total + least * (len(self.view.layers) - 1) <= room:
                return form
        return "dot"

    def _place(self) -> tuple[list[int], dict[int, int], dict[int, int]]:
        layers = self.view.layers
        widths = {k: self._size(layer, self.forms) for k, layer in enumerate(layers)}
        room = self.canvas.width - 2
        shown = list(range(len(layers)))
        active = next((k for k, layer in enumerate(layers) if Mark.TARGET in layer.marks.values()), 0)
        while len(shown) > 2 and sum(widths[k] for k in shown) + 3 * (len(shown) - 1) > room:
            shown.remove(shown[-1] if active - shown[0] <= shown[-1] - active else shown[0])
        gaps = max(len(shown) - 1, 1)
        spare = max(room - sum(widths[k] for k in shown), 0)
        columns, x = {}, 1
        for position, k in enumerate(shown):
            columns[k] = x + spare * position // gaps
            x += widths[k]
        return shown, columns, widths

    def _row(self, layer: int, unit: int) -> int:
        count = len(self.view.layers[layer].nodes)
        return int((unit + 0.5) * self.canvas.height / count - (0.5 if count * 4 <= self.canvas.height else 0))

    def draw(self) -> None:
        self._draw_idle_edges()
        labels = [self._draw_edge(edge) for edge in sorted(self.view.edges, key=lambda e: e.mark.value)]
        for k in self.shown:
            for unit, node in enumerate(self.view.layers[k].nodes):
                self._draw_node(k, unit, node)
        taken: set[tuple[int, int]] = set()
        for label in labels:
            if label is not None:
                self._draw_label(label, taken)
        self._draw_names(taken)
        g = self.canvas.glyphs
        if self.shown[0] > 0:
            self.canvas.put(0, 0, g.back, Ink.DIM)
        if self.shown[-1] < len(self.view.layers) - 1:
            self.canvas.put(self.canvas.width - width(g.arrow), 0, g.arrow, Ink.DIM)

    def _ends(self, gap: int, source: int, target: int) -> tuple[int, int, int, int] | None:
        if gap not in self.columns or gap + 1 not in self.columns:
            return None
        x0 = self.columns[gap] + self.widths[gap]
        x1 = self.columns[gap + 1] - 1
        return 2 * x0, 4 * self._row(gap, source) + 1, 2 * x1 + 1, 4 * self._row(gap + 1, target) + 1

    def _draw_idle_edges(self) -> None:
        # The first frame is painted before NumPy is needed.
        import numpy as np

        active = {(edge.gap, edge.source, edge.target) for edge in self.view.edges}
        for gap, weights in enumerate(self.view.weights):
            if gap not in self.columns or gap + 1 not in self.columns:
                continue
            order = np.argsort(np.abs(weights), axis=None, kind="stable")
            for flat in order[-MOST_EDGES:]:
                target, source = divmod(int(flat), weights.shape[1])
                if (gap, source, target) not in active:
                    self._stroke(gap, source, target, float(weights[target, source]), Mark.IDLE)

    def _stroke(self, gap: int, source: int, target: int, value: float, mark: Mark, *, selected: bool = False) -> None:
        ends = self._ends(gap, source, target)
        if ends is None:
            return
        negative = value < 0
        if mark is Mark.TARGET:
            ink: int = Ink.CHANGED
        elif mark is Mark.OPERAND or selected:
            ink = signed(value)
        else:
            ink = Ink.EDGE_NEGATIVE if negative else Ink.EDGE_POSITIVE
        # A negative weight is a broken line, one that takes part is thick: seen without colour too.
        thick = mark is not Mark.IDLE
        self.canvas.line(*ends, ink, gaps=2 if negative else 0, thick=thick)

    def _draw_edge(self, edge: EdgeView) -> tuple[int, int, EdgeView] | None:
        self._stroke(edge.gap, edge.source, edge.target, edge.value, edge.mark, selected=edge.selected)
        ends = self._ends(edge.gap, edge.source, edge.target)
        if ends is None:
            return None
        x0, y0, x1, y1 = ends
        # Towards the end where the edges of this step are apart.
        share = 0.34 if self._converges(edge) else 0.66
        return round(x0 + (x1 - x0) * share) // 2, round(y0 + (y1 - y0) * share) // 4, edge

    def _converges(self, edge: EdgeView) -> bool:
        same = [e for e in self.view.edges if e.gap == edge.gap and e.mark is not Mark.IDLE]
        if len(same) < 2:
            return True
        return len({e.target for e in same}) == 1

    def _draw_label(self, placed: tuple[int, int, EdgeView], taken: set[tuple[int, int]]) -> None:
        x, y, edge = placed
        left = self.columns[edge.gap] + self.widths[edge.gap]
        right = self.columns[edge.gap + 1]
        forms = [edge.label, f"{edge.label} {number(edge.value, 4)}", f"{edge.label} {number(edge.value, 2)}"]
        text = next((form for form in (forms[1], forms[2], forms[0]) if width(form) <= right - left - 2), "")
        if not text:
            return
        start = min(max(x - width(text) // 2, left + 1), right - width(text) - 1)
        level = abs(self._row(edge.gap, edge.source) - self._row(edge.gap + 1, edge.target)) <= 1
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
        labelled = {(edge.gap, edge.source, edge.target) for edge in self.view.edges}
        for gap, rows in enumerate(self.view.names):
            if gap not in self.columns or gap + 1 not in self.columns:
                continue
            room = self.columns[gap + 1] - self.columns[gap] - self.widths[gap]
            for target, names in enumerate(rows):
                for source, name in enumerate(names):
                    ends = self._ends(gap, source, target)
                    if (gap, source, target) in labelled or ends is None or not name or room < width(name) + 5:
                        continue
                    x = round(ends[0] + (ends[2] - ends[0]) * 0.27) // 2 - width(name) // 2
                    y = round(ends[1] + (ends[3] - ends[1]) * 0.27) // 4
                    cells = {(y, column) for column in range(x - 1, x + width(name) + 1)}
                    if not cells & taken:
                        taken |= cells
                        self.canvas.clear_dots(y, x, x + width(name))
                        self.canvas.put(x, y, name, Ink.DIM)

    def _draw_node(self, layer: int, unit: int, node: NodeView) -> None:
        canvas, g = self.canvas, self.canvas.glyphs
        x, y, size = self.columns[layer], self._row(layer, unit), self.widths[layer]
        below = self.canvas.height // len(self.view.layers[layer].nodes)
        label = self._label(node, self.forms)
        value = "" if self.forms in ("name", "dot") else number(node.value, self.view.decimals)
        if node.mark is Mark.TARGET:
            canvas.put(x, y, g.left_target if g.ascii else " ", Ink.TARGET)
            end = canvas.put(x + 1, y, label, Ink.TARGET)
            canvas.put(end, y, g.right_target if g.ascii else " ", Ink.TARGET)
        else:
            operand = node.mark is Mark.OPERAND
            ink = Ink.OPERAND if operand else Ink.STRONG
            if operand:
                canvas.put(x, y, g.left_operand, ink)
            end = canvas.put(x + 1, y, node.name if self.forms != "dot" else g.dot, ink)
            if self.forms in ("beside", "short"):
                if node.edited:
                    canvas.put(end, y, g.edited, Ink.CHANGED)
                end = canvas.put(end + 1, y, label[len(node.name) + 1 :], self._value_ink(node))
            if operand:
                canvas.put(end, y, g.right_operand, ink)
        if node.selected:
            canvas.put(x, y, g.cursor, Ink.KEY)
            canvas.flag(y, x, x + size, SELECTED)
        row = y + 1
        if self.forms == "below":
            value_ink = Ink.OPERAND if node.mark is Mark.OPERAND else self._value_ink(node)
            canvas.put(x + 1, row, number(node.value, 3), value_ink)
            row += 1
        if self.forms == "dot":
            self._draw_small(node, x, y, below)
        if not value:
            return
        for label, note, sign in node.notes:
            if row >= y + below or row >= canvas.height:
                return
            ink = signed(note) if sign else Ink.DIM
            room = canvas.width - x - 1 if layer == self.shown[-1] else size
            for digits in (4, 3, 2):
                text = f"{label} {note:{'+' if sign else ''}.{digits}g}".replace("-", "−")
                if width(text) <= room:
                    break
            if width(text) > room:
                short = f"{note:{'+' if sign else ''}.0e}".replace("e-0", "e-").replace("e+0", "e")
                text = f"{label} {short}".replace("-", "−")
            if width(text) > room or (not sign and "e" in text):
                # No number is better than one that reads as another: 0.99 cut to 1.
                continue
            canvas.put(x + 1, row, text, ink)
            row += 1

    def _draw_small(self, node: NodeView, x: int, y: int, below: int) -> None:
        """The name above a dot and the value below it, where there are rows for them."""
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.DIM}[node.mark]
        if below >= 3:
            self._centred(x + 1, y - 1, node.name, ink)
        if below >= 2:
            value = number(node.value, 2, self.canvas.glyphs.unknown)
            short = value.replace("0.", ".", 1) if value.startswith(("0.", "−0.")) else value
            self._centred(x + 1, y + 1, short, self._value_ink(node))

    def _centred(self, x: int, y: int, text: str, ink: int) -> None:
        start = min(max(x - width(text) // 2, 0), max(self.canvas.width - width(text), 0))
        self.canvas.clear_dots(y, start, start + width(text))
        self.canvas.put(start, y, text, ink)

    @staticmethod
    def _value_ink(node: NodeView) -> int:
        if node.value is None:
            return Ink.FAINT
        return Ink.NEGATIVE if node.value < 0 else Ink.TEXT


# -- blocks


def _block_size(layer: LayerView, rows: int, *, last: bool) -> tuple[int, int]:
    """Columns and rows of a layer's block; a cell is two columns wide."""
    units = len(layer.values)
    if layer.shape is not None:
        return layer.shape[1] * 2, min(layer.shape[0], rows)
    if last and units <= rows:
        return BARS, units
    tall = max(min(rows, math.ceil(math.sqrt(units / 2)) if units > 8 else units), 1)
    while tall < rows and math.ceil(units / tall) > 12:
        tall += 1
    return min(math.ceil(units / tall), 32) * 2, tall


def _blocks(canvas: Canvas, view: NetworkView) -> None:
    focus_rows = 0
    if view.focus is not None and canvas.height >= 14:
        wanted = 1 + len(view.focus.incoming) + (1 if view.focus.rest else 0)
        focus_rows = min(wanted, canvas.height - 9)
    top = canvas.height - focus_rows
    sizes = [_block_size(layer, max(top - 1, 1), last=k == len(view.layers) - 1) for k, layer in enumerate(view.layers)]
    last = len(view.layers) - 1
    bars = sizes[last][0] == BARS and not view.layers[last].shape
    zoom = _zoom(sizes, canvas.width, top, bars=bars)
    sizes = [
        (columns, rows) if bars and k == last else (columns * zoom, rows * zoom)
        for k, (columns, rows) in enumerate(sizes)
    ]
    shown = list(range(len(view.layers)))
    active = next((k for k, layer in enumerate(view.layers) if Mark.TARGET in layer.marks.values()), 0)
    while len(shown) > 1 and sum(sizes[k][0] for k in shown) + 3 * (len(shown) - 1) + 2 > canvas.width:
        shown.remove(shown[0] if active - shown[0] > shown[-1] - active else shown[-1])
    spare = canvas.width - 2 - sum(sizes[k][0] for k in shown)
    gap = min(max(spare // max(len(shown) - 1, 1), 1), 14) if len(shown) > 1 else 0
    x = 1 + max((canvas.width - 2 - sum(sizes[k][0] for k in shown) - gap * (len(shown) - 1)) // 2, 0)
    middle = 1 + max((top - 1) // 2, 0)
    for k in shown:
        layer, (columns, rows) = view.layers[k], sizes[k]
        y = max(middle - rows // 2, 1)
        _draw_block(canvas, layer, x, y, columns, rows, bars=bars and k == last, zoom=zoom)
        if k != shown[-1] and gap >= 3:
            live = view.flow != 0 and (
                Mark.TARGET in view.layers[k].marks.values() or Mark.TARGET in view.layers[k + 1].marks.values()
            )
            ink = Ink.ACCENT if live else Ink.FRAME
            g = canvas.glyphs
            arrow = g.back if view.flow < 0 else g.arrow
            canvas.fill(x + columns + 1, middle, gap - 2, g.horizontal, ink)
            place = x + columns + 1 if view.flow < 0 else x + columns + gap - 1 - width(arrow)
            canvas.put(place, middle, arrow, ink)
        x += columns + gap
    if focus_rows and view.focus is not None:
        _draw_focus(canvas, view, top + 1, focus_rows)


def _zoom(sizes: list[tuple[int, int]], columns: int, rows: int, *, bars: bool) -> int:
    """How many times larger the cells can be drawn than two columns by one row."""
    for zoom in (4, 3, 2):
        wide = [size[0] * (1 if bars and k == len(sizes) - 1 else zoom) for k, size in enumerate(sizes)]
        high = [size[1] * (1 if bars and k == len(sizes) - 1 else zoom) for k, size in enumerate(sizes)]
        if sum(wide) + 5 * (len(sizes) - 1) + 2 <= columns and max(high) + 1 <= rows:
            return zoom
    return 1


def _draw_block(
    canvas: Canvas, layer: LayerView, x: int, y: int, columns: int, rows: int, *, bars: bool, zoom: int
) -> None:
    g = canvas.glyphs
    busy = Mark.TARGET in layer.marks.values()
    caption = shorten(f"{layer.name} · {layer.caption}", columns + 6, g.ellipsis)
    left = min(x + (columns - width(caption)) // 2, canvas.width - width(caption) - 1)
    canvas.put(max(left, 0), y - 1, caption, Ink.STRONG if busy else Ink.DIM)
    if bars:
        _draw_bars(canvas, layer, x, y, columns)
        return
    per_row = max(columns // (2 * zoom), 1)
    shown = per_row * (rows // zoom)
    for unit, value in enumerate(layer.values[:shown].tolist()):
        row, column = divmod(unit, per_row)
        text, filling, ink = _cell(g, layer, unit, value)
        for line in range(zoom):
            canvas.put(x + 2 * zoom * column, y + zoom * row + line, filling * (2 * zoom), ink)
        left = x + 2 * zoom * column + zoom - 1
        canvas.put(left, y + zoom * row + (zoom - 1) // 2, text, ink)
    if len(layer.values) > shown:
        canvas.put(x, y + rows, f"+{len(layer.values) - shown}", Ink.DIM)


def _cell(g: Glyphs, layer: LayerView, unit: int, value: float) -> tuple[str, str, int]:
    """The two characters in the middle of a unit's cell, what fills the rest of it, and the ink."""
    mark = layer.marks.get(unit, Mark.IDLE)
    if mark is Mark.TARGET:
        return ("[]", " ", Ink.TARGET) if g.ascii else ("▐▌", " ", Ink.TARGET)
    if unit == layer.selected:
        return ("()" if g.ascii else "◆ "), " ", Ink.KEY | SELECTED
    if value != value:
        return g.unknown + " ", " ", Ink.FAINT
    share = min(abs(value) / layer.scale, 1.0) if layer.scale else 0.0
    shade = g.shades[round(share * (len(g.shades) - 1))]
    if layer.shape is not None:
        return shade * 2, shade, grey(share)
    filling = shade
    if mark is Mark.OPERAND:
        return g.left_operand + g.right_operand, filling, heat(value, layer.scale)
    return filling + ("−" if value < 0 else filling), filling, heat(value, layer.scale)


def _draw_bars(canvas: Canvas, layer: LayerView, x: int, y: int, columns: int) -> None:
    g = canvas.glyphs
    names = [node.name for node in layer.nodes] or [str(unit) for unit in range(len(layer.values))]
    label = min(max(width(name) for name in names), 5)
    room = max(columns - label - 7, 1)
    for unit, value in enumerate(layer.values):
        mark = layer.marks.get(unit, Mark.IDLE)
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.TEXT}[mark]
        canvas.put(x, y + unit, shorten(names[unit], label, ""), ink)
        if unit == layer.selected:
            canvas.put(x - 1, y + unit, g.cursor, Ink.KEY)
            canvas.flag(y + unit, x - 1, x + columns, SELECTED)
        start = x + label + 1
        if value != value:
            canvas.put(start, y + unit, g.unknown, Ink.FAINT)
            continue
        share = min(abs(float(value)) / layer.scale, 1.0) if layer.scale else 0.0
        full = round(share * room)
        canvas.fill(start, y + unit, room, g.track, Ink.TRACK)
        canvas.fill(start, y + unit, full, g.bar, signed(float(value)))
        text = f"{float(value):.2f}".replace("-", "−")
        end = canvas.put(start + room, y + unit, shorten(text, 5, "").rjust(5), Ink.DIM)
        if unit == layer.answer:
            canvas.put(end, y + unit, "<" if g.ascii else "◂", Ink.GOOD)


def _draw_focus(canvas: Canvas, view: NetworkView, y: int, rows: int) -> None:
    focus = view.focus
    assert focus is not None
    g = canvas.glyphs
    canvas.fill(0, y - 1, canvas.width, g.horizontal, Ink.FRAME)
    canvas.spans(1, y - 1, (Span(" "), *focus.title, Span(" ")))
    half = canvas.width // 2 if focus.outgoing else min(canvas.width, 64)
    _draw_focus_rows(canvas, focus.incoming, 1, y, half - 2, rows - 1)
    if focus.rest and len(focus.incoming) < rows:
        canvas.put(1, y + len(focus.incoming), focus.rest, Ink.DIM, half)
    if focus.outgoing:
        _draw_focus_rows(canvas, focus.outgoing, half + 1, y, canvas.width - 1, rows - 1)


def _draw_focus_rows(canvas: Canvas, rows: tuple[FocusRow, ...], x: int, y: int, limit: int, most: int) -> None:
    for position, row in enumerate(rows[:most]):
        value = number(row.value, 4)
        place = max(limit - width(value), x)
        text: Line = (Span(row.label, Ink.TEXT), Span(f"  {row.detail}", Ink.DIM))
        if measure(text) > place - x - 1:
            text = text[:1]
        canvas.spans(x, y + position, text, place - 1)
        canvas.put(place, y + position, value, signed(row.value))
