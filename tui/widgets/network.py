"""The network: nodes and edges where they fit, else blocks and lines with a focus panel."""

from __future__ import annotations

from retrograde.engine.text import N_
from retrograde.tui.canvas.canvas import Canvas, Line, Span, measure, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.drawing.graph import draw_graph
from retrograde.tui.drawing.modules import draw_modules
from retrograde.tui.drawing.nodes import Nodes, fits_as_nodes, number
from retrograde.tui.records.network import FocusRow, FocusView, NetworkView
from retrograde.tui.widgets.panel import Panel

LEAST_HEIGHT = 14
"""Rows from which on there is a focus panel below the blocks."""
BLOCKS_HEIGHT = 9
"""Rows that the blocks have at least."""


class NetworkPanel(Panel[NetworkView]):
    """Draws a ``NetworkView``."""

    TIP = N_("Every neuron with its output and δ; what the step reads and makes is marked. The arrows select a neuron.")

    def draw(self, canvas: Canvas, view: NetworkView) -> None:
        """Chooses between nodes and blocks by what fits; of a recording draws the tree of its modules."""
        if view.modules:
            draw_modules(canvas, view)
            return
        if not view.layers:
            return
        if fits_as_nodes(view, canvas.width, canvas.height):
            Nodes(canvas, view).draw()
            return
        rows = 0
        if view.focus is not None and canvas.height >= LEAST_HEIGHT:
            rows = min(1 + max(len(view.focus.incoming), len(view.focus.outgoing)), canvas.height - BLOCKS_HEIGHT)
        blocks = Canvas(canvas.width, canvas.height - rows, canvas.glyphs)
        draw_graph(blocks, view)
        canvas.paste(0, 0, blocks)
        if rows and view.focus is not None:
            _draw_focus(canvas, view.focus, canvas.height - rows + 1, rows)


LEAST_BESIDE = 40
"""Cells from which on what reads a value has room beside what it is made of."""


def _draw_focus(canvas: Canvas, focus: FocusView, y: int, rows: int) -> None:
    """The slot and the sum of the terms that are not listed on a line; below it the terms, and where the slot goes."""
    g = canvas.glyphs
    canvas.fill(0, y - 1, canvas.width, g.horizontal, Ink.FRAME)
    end = canvas.spans(1, y - 1, (Span(" "), *focus.title, Span(" ")))
    rest = f" {focus.rest} "
    if focus.rest and end + width(rest) < canvas.width:
        canvas.put(canvas.width - width(rest) - 1, y - 1, rest, Ink.DIM)
    beside = bool(focus.outgoing) and (canvas.width >= LEAST_BESIDE or not focus.incoming)
    half = canvas.width // 2 if beside else min(canvas.width, 64)
    if beside:
        wide = max(width(row.label) for row in focus.outgoing) + 9
        half = max(half, canvas.width - wide - 2)
    _draw_rows(canvas, focus.incoming, 1, y, half - 2, rows - 1)
    if beside:
        _draw_rows(canvas, focus.outgoing, half + 1, y, canvas.width - 1, rows - 1)
        if focus.more and len(focus.outgoing) < rows - 1:
            canvas.put(half + 1, y + len(focus.outgoing), focus.more, Ink.DIM)


def _draw_rows(canvas: Canvas, rows: tuple[FocusRow, ...], x: int, y: int, limit: int, most: int) -> None:
    """A row a term, all in one form: with its factors, with its label, or with the first name of its label."""
    g = canvas.glyphs
    values = [number(row.value, 4) for row in rows]
    room = max(limit - max(map(width, values), default=0) - x - 1, 0)
    forms: tuple[list[Line], ...] = (
        [(Span(row.label, Ink.TEXT), Span(f"  {row.detail}" if row.detail else "", Ink.DIM)) for row in rows],
        [(Span(row.label, Ink.TEXT),) for row in rows],
        [(Span(row.label.partition(" · ")[0], Ink.TEXT),) for row in rows],
    )
    fitting = (form for form in forms if all(measure(line) <= room for line in form))
    texts = next(fitting, [(Span(shorten(line[0].text, room, g.ellipsis), Ink.TEXT),) for line in forms[-1]])
    for position, (row, text, value) in enumerate(zip(rows[:most], texts, values, strict=False)):
        canvas.spans(x, y + position, text, limit)
        canvas.put(max(limit - width(value), x), y + position, value, signed(row.value))
