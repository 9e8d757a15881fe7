"""A tree of modules: a row each, indented by its path, scrolled to where the step is."""

from __future__ import annotations

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Canvas, middle, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import ModuleView, NetworkView

LEAST_ROOM = 8
"""Columns that what a module computes needs to be written at all."""


def draw_modules(canvas: Canvas, view: NetworkView) -> None:
    """Draws the rows that fit around the selected one, or around that of the step."""
    rows = view.modules
    head = 1 if canvas.height > 2 else 0
    body = canvas.height - head
    focus = next((k for k, row in enumerate(rows) if row.selected), None)
    if focus is None:
        marked = [k for k, row in enumerate(rows) if row.mark is Mark.TARGET]
        focus = marked[-1] if marked else 0
    top = min(max(focus - body // 2, 0), max(len(rows) - body, 0))
    shown = rows[top : top + body]
    # A long name of the loss or of what was given gives way to those of the modules.
    names = [2 * row.depth + width(row.name) for row in rows]
    own = [size for size, row in zip(names, rows, strict=True) if row.depth or row.parameters] or names
    name = max(own, default=0)
    shape = max((width(row.shape) for row in rows), default=0)
    counts = [f"{row.parameters:,}" if row.parameters else "" for row in rows]
    title = _("parameters")
    count = max(width(title), *map(width, counts))
    with_count = canvas.width >= 4 + name + 2 + shape + 2 + count + 1
    right = canvas.width - 1 - (count + 2 if with_count else 0)
    name = max(min(max(name, min(max(names), right - shape - 2 - LEAST_ROOM - 6)), right - shape - 6), 6)
    what = 4 + name + 2
    if head:
        canvas.put(4, 0, _("module"), Ink.DIM)
        canvas.put(max(right - width(_("output")), 0), 0, _("output"), Ink.DIM)
        if with_count:
            canvas.put(canvas.width - 1 - width(title), 0, title, Ink.DIM)
    for position, row in enumerate(shown):
        y = position + head
        _draw_row(canvas, row, y, name)
        canvas.put(right - width(row.shape), y, row.shape, Ink.TEXT)
        room = right - shape - 2 - what
        if row.what and room >= min(LEAST_ROOM, width(row.what)):
            canvas.put(what, y, shorten(row.what, room, canvas.glyphs.ellipsis), Ink.DIM)
        if with_count:
            text = counts[top + position]
            canvas.put(canvas.width - 1 - width(text), y, text, Ink.FAINT)
    _draw_rest(canvas, len(rows), top, body)


def _draw_row(canvas: Canvas, row: ModuleView, y: int, name: int) -> None:
    g = canvas.glyphs
    if row.selected:
        canvas.put(0, y, g.cursor, Ink.KEY)
        canvas.flag(y, 0, canvas.width, SELECTED)
    mark = {Mark.TARGET: g.bar, Mark.OPERAND: g.left_operand, Mark.IDLE: " "}[row.mark]
    ink = {Mark.TARGET: Ink.CHANGED, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.STRONG}[row.mark]
    canvas.put(2, y, mark, ink)
    canvas.put(4 + 2 * row.depth, y, middle(row.name, max(name - 2 * row.depth, 1), g.ellipsis), ink)


def _draw_rest(canvas: Canvas, count: int, top: int, body: int) -> None:
    """How many rows there are above and below, in the corners."""
    g = canvas.glyphs
    if top:
        canvas.put(0, canvas.height - body, g.up, Ink.DIM)
    if top + body < count:
        canvas.put(0, canvas.height - 1, g.down, Ink.DIM)
