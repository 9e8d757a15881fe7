"""A layer as a block: its name and what it is, above what it hands on and what is being computed in it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from retrograde.tui.canvas.canvas import Canvas, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import SELECTED, Ink, signed
from retrograde.tui.drawing.nodes import number, value_ink
from retrograde.tui.drawing.sheets import WHOLE, Dimensions, SheetForm, best, draw_sheet, sheet_forms
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import GateView, LayerView, NodeView

BARS = 16
"""Columns of a layer that is drawn as bars."""
LONGEST_NAME = 8
"""Cells that a name takes at most."""
OVERHANG = 1
"""Columns that a caption may stand out to the left of its block."""
UNSEEN = 3.0
"""What a form is worth less in which the array of the step is not seen."""
ENOUGH = 40
"""Cells of the array of the step that are enough to see around the one that is assigned."""
ROOMY = 12
"""Columns that further sheets may take even where the first one is narrower."""
GATE = 3
"""Rows of a number of a scalar graph: its value, its operation, its gradient."""


class BlockForm(NamedTuple):
    """A way to draw a block.

    Attributes:
        width: columns that it takes.
        height: rows that it takes.
        score: how good it is.
        caption: rows above the contents.
        sheets: the forms of its sheets, from above; empty for another form.
        skip: how many of its sheets are left out before those.
        style: ``chip``, ``sheets``, ``nodes``, ``bars`` or ``gate``.
    """

    width: int
    height: int
    score: float
    caption: int = 1
    sheets: tuple[SheetForm, ...] = ()
    skip: int = 0
    style: str = "sheets"


class Needs(NamedTuple):
    """What the forms of a block depend on.

    Attributes:
        name: cells of its name.
        words: cells of the words of its caption.
        sheets: the dimensions of its sheets.
        here: whether the second of them holds what the step assigns.
        nodes: how many nodes it has.
        label: cells of the longest name of a node.
        bars: whether its nodes are drawn as bars.
        gate: rows of a number of a scalar graph, 0 for a layer.
    """

    name: int
    words: tuple[int, ...]
    sheets: tuple[Dimensions, ...]
    here: bool = False
    nodes: int = 0
    label: int = 0
    bars: bool = False
    gate: int = 0

    @classmethod
    def of(cls, layer: LayerView) -> Needs:
        """Those of a layer."""
        if layer.gate is not None:
            return cls(min(width(layer.name), LONGEST_NAME), (width(layer.gate.symbol),), (), gate=GATE)
        return cls(
            name=min(width(layer.name), LONGEST_NAME),
            words=tuple(width(word) for word in (layer.caption, layer.shape) if word),
            sheets=tuple(Dimensions.of(sheet) for sheet in layer.sheets),
            here=any(sheet.here for sheet in layer.sheets),
            nodes=len(layer.nodes),
            label=max((width(node.name) for node in layer.nodes), default=0),
            bars=layer.bars,
        )


@lru_cache(maxsize=1024)
def forms_of(needs: Needs, columns: int, rows: int) -> tuple[BlockForm, ...]:
    """The forms of a block that fit a room, by score; the first is the smallest, which is there in any room."""
    chip = BlockForm(width=needs.name + 2, height=1, score=0.0, caption=0, style="chip")
    found = [chip]
    if needs.gate:
        symbol = needs.words[0]
        narrow = max(symbol or needs.name, 3) + 2
        found.append(BlockForm(narrow, needs.gate, WHOLE, 0, style="gate"))
        both = max(needs.name + (symbol + 1 if symbol else 0), 5) + 2
        found.append(BlockForm(both, needs.gate, WHOLE + 1, 0, style="gate"))
        return best([form for form in found if form is chip or (form.width <= columns and form.height <= rows)])
    for caption in (1, 2):
        high = rows - caption
        if high < 1:
            continue
        contents = [*_sheet_forms(needs, columns, high, caption), *_node_forms(needs, high, caption)]
        for form in contents:
            wide = max(form.width, needs.name + 2)
            said = _said(needs, wide, caption)
            if wide <= columns:
                score = form.score + 0.4 * said
                score = score if form.score >= WHOLE else min(score, WHOLE - 0.1)
                found.append(form._replace(width=wide, height=form.height + caption, score=score))
    return best(found)


def _node_forms(needs: Needs, rows: int, caption: int) -> list[BlockForm]:
    """What a layer hands on by name, where that is a few numbers."""
    if not 0 < needs.nodes <= rows:
        return []
    found = [BlockForm(needs.label + 8, needs.nodes, WHOLE + 1.0, caption, style="nodes")]
    if needs.bars:
        found.append(BlockForm(max(BARS, needs.label + 11), needs.nodes, WHOLE + 1.9, caption, style="bars"))
    if needs.here:
        found = [form._replace(score=form.score - UNSEEN) for form in found]
    return found


def _sheet_forms(needs: Needs, columns: int, rows: int, caption: int) -> list[BlockForm]:
    """The sheets below each other, or the first of them alone, or where there is no room that of the step alone."""
    found: list[BlockForm] = []
    for shape in sheet_forms(needs.sheets[0], columns, rows) if needs.sheets else ():
        if shape.cell > 1 and 0 < needs.nodes <= rows:
            continue
        score = shape.score - UNSEEN if needs.here else shape.score
        found.append(BlockForm(shape.width, shape.height, score, caption, (shape,)))
        if shape.score >= WHOLE / 4:
            narrow = max(shape.width, needs.name + 2)
            for wide in {narrow, max(narrow, min(columns, ROOMY))}:
                found += _with_more(needs, shape, wide, rows, caption)
    if needs.here:
        for shape in sheet_forms(needs.sheets[1], columns, rows - 1):
            if shape.cell <= 2:
                found.append(BlockForm(shape.width, shape.height + 1, 0.8 * shape.score, caption, (shape,), 1))
    return found


def _with_more(needs: Needs, first: SheetForm, room: int, rows: int, caption: int) -> list[BlockForm]:
    """The forms in which the further sheets stand below the first one, each under its title."""
    found: list[BlockForm] = []
    used, wide, score, sheets = first.height, first.width, first.score, [first]
    for place, size in enumerate(needs.sheets[1:]):
        fits = sheet_forms(size, room, rows - used - 1)
        if not fits:
            break
        best_of = max(fits, key=lambda form: (form.score, -form.width))
        used += best_of.height + 1
        wide = max(wide, best_of.width)
        share = min(best_of.score, WHOLE) / WHOLE
        score += (0.6 if first.score >= WHOLE else 0.3) * share
        if needs.here and place == 0:
            cells = size.tiles * size.rows * size.columns
            seen = best_of.tiles * best_of.rows * best_of.columns
            score -= UNSEEN * (1 - min(seen / min(cells, ENOUGH), 1.0))
        sheets.append(best_of)
        # What a layer hands on comes first.
        worth = score if first.score >= WHOLE else min(score, WHOLE - 0.1)
        found.append(BlockForm(wide, used, worth, caption, tuple(sheets)))
    return found


def _said(needs: Needs, wide: int, caption: int) -> int:
    """How many words of the caption are seen in full."""
    if caption == 1:
        used, said = needs.name + 2, 0
        for word in needs.words:
            used += word + 1
            said += used <= wide + OVERHANG
        return said
    used, said = 0, 0
    for word in needs.words:
        used += word + (1 if used else 0)
        said += used <= wide + OVERHANG
    return said


# -- drawing


def draw_block(canvas: Canvas, layer: LayerView, form: BlockForm, x: int, y: int) -> None:
    """Draws a block with its upper left corner at a place."""
    if form.style == "chip":
        _draw_name(canvas, layer, x, y, form.width)
        return
    if layer.gate is not None:
        _draw_gate(canvas, layer, layer.gate, form, x, y)
        return
    _draw_caption(canvas, layer, form, x, y)
    top = y + form.caption
    if form.style == "nodes":
        _draw_nodes(canvas, layer.nodes, x, top, form.width)
    elif form.style == "bars":
        _draw_bars(canvas, layer, x, top, form.width)
    for sheet, shape in zip(layer.sheets[form.skip :], form.sheets, strict=False):
        left = x + (form.width - shape.width) // 2
        if sheet.title:
            title = shorten(sheet.title, form.width, canvas.glyphs.ellipsis)
            canvas.put(x + max((form.width - width(title)) // 2, 0), top, title, Ink.DIM)
            top += 1
        draw_sheet(canvas, sheet, shape, left, top)
        if shape.tiles < sheet.values.shape[0] and sheet is layer.sheets[0]:
            count = f"+{sheet.values.shape[0] - shape.tiles}"
            canvas.put(x, top + shape.height, count, Ink.DIM)
        top += shape.height


def _draw_name(canvas: Canvas, layer: LayerView, x: int, y: int, room: int, text: str = "") -> int:
    """The name, with the signs of its part in the step around it; returns the column after it."""
    g = canvas.glyphs
    name = text or shorten(layer.name, min(room - 2, LONGEST_NAME), "")
    if layer.mark is Mark.TARGET:
        canvas.put(x, y, g.left_target if g.ascii else " ", Ink.TARGET)
        end = canvas.put(x + 1, y, name, Ink.TARGET)
        return canvas.put(end, y, g.right_target if g.ascii else " ", Ink.TARGET)
    if layer.mark is Mark.OPERAND:
        canvas.put(x, y, g.left_operand, Ink.OPERAND)
        end = canvas.put(x + 1, y, name, Ink.OPERAND)
        return canvas.put(end, y, g.right_operand, Ink.OPERAND)
    return canvas.put(x + 1, y, name, Ink.STRONG)


def _draw_caption(canvas: Canvas, layer: LayerView, form: BlockForm, x: int, y: int) -> None:
    """The name and what the layer is: on one line, or on two."""
    room = form.width + OVERHANG
    words = [word for word in (layer.caption, layer.shape) if word]
    used = min(width(layer.name), LONGEST_NAME) + 2
    line = ""
    for word in words:
        if form.caption == 1 and used + width(line) + width(word) + 1 <= room:
            line += f" {word}"
    size = used + width(line)
    left = max(min(x + (form.width - size) // 2, canvas.width - size), 0)
    end = _draw_name(canvas, layer, left, y, max(form.width, 3))
    busy = layer.mark is not Mark.IDLE
    ink = Ink.TEXT if busy else Ink.DIM
    canvas.put(end, y, line, ink)
    if form.caption > 1 and words:
        both = " ".join(words)
        # A part of a word says less than the other word, or than nothing.
        text = next((one for one in (both, *words) if width(one) <= room), "")
        canvas.put(max(min(x + (form.width - width(text)) // 2, canvas.width - width(text)), 0), y + 1, text, ink)


def _draw_nodes(canvas: Canvas, nodes: tuple[NodeView, ...], x: int, y: int, room: int) -> None:
    """A node a row: its name and its value."""
    g = canvas.glyphs
    label = max(width(node.name) for node in nodes)
    for row, node in enumerate(nodes, y):
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.STRONG}[node.mark]
        left, right = {
            Mark.TARGET: (g.left_target, g.right_target),
            Mark.OPERAND: (g.left_operand, g.right_operand),
            Mark.IDLE: (" ", " "),
        }[node.mark]
        text = number(node.value, 3, g.unknown)
        if width(text) > 6:
            text = number(node.value, 0) if node.value is not None and abs(node.value) < 1e5 else text[:6]
        if node.mark is Mark.TARGET and not g.ascii:
            left = right = " "
        if node.mark is not Mark.IDLE:
            canvas.put(x, row, left, ink)
        end = canvas.put(x + 1, row, node.name, ink)
        if node.mark is Mark.TARGET:
            canvas.fill(end, row, x + 1 + label - end, " ", ink)
            canvas.put(x + 1 + label, row, text.rjust(6), ink)
        else:
            if node.edited:
                canvas.put(end, row, g.edited, Ink.CHANGED)
            canvas.put(x + 1 + label + 6 - width(text), row, text, value_ink(node.value))
        if node.mark is not Mark.IDLE:
            canvas.put(x + 1 + label + 6, row, right, ink)
        if node.selected:
            canvas.put(x, row, g.cursor, Ink.KEY)
            canvas.flag(row, x, x + room, SELECTED)


def _draw_bars(canvas: Canvas, layer: LayerView, x: int, y: int, columns: int) -> None:
    """A node a row: its name, its value as a bar, and as a number; the right answer is marked."""
    g = canvas.glyphs
    values = [node.value for node in layer.nodes]
    scale = max([1.0, *(abs(value) for value in values if value is not None and abs(value) < float("inf"))])
    label = min(max(width(node.name) for node in layer.nodes), 8)
    room = max(columns - label - 8, 1)
    for row, node in enumerate(layer.nodes, y):
        ink = {Mark.TARGET: Ink.TARGET, Mark.OPERAND: Ink.OPERAND, Mark.IDLE: Ink.TEXT}[node.mark]
        sign = {Mark.TARGET: g.left_target, Mark.OPERAND: g.left_operand, Mark.IDLE: " "}[node.mark]
        if node.mark is not Mark.IDLE:
            canvas.put(x, row, sign, Ink.CHANGED if node.mark is Mark.TARGET else ink)
        canvas.put(x + 1, row, shorten(node.name, label, ""), ink)
        if node.selected:
            canvas.put(x, row, g.cursor, Ink.KEY)
            canvas.flag(row, x, x + columns, SELECTED)
        start = x + label + 2
        if node.value is None or node.value != node.value:
            canvas.put(start, row, g.unknown if node.value is None else "NaN", Ink.FAINT)
            continue
        full = round(min(abs(node.value) / scale, 1.0) * room)
        canvas.fill(start, row, room, g.track, Ink.TRACK)
        canvas.fill(start, row, full, g.bar, signed(node.value))
        text = f"{node.value:.2f}".replace("-", "−")
        if width(text) > 5:
            text = f"{node.value:.0e}".replace("-", "−").replace("e+0", "e").replace("e−0", "e−")
        end = canvas.put(start + room, row, shorten(text, 5, "").rjust(5), Ink.DIM)
        if row - y == layer.answer:
            canvas.put(end, row, "<" if g.ascii else "◂", Ink.GOOD)


def _draw_gate(canvas: Canvas, layer: LayerView, gate: GateView, form: BlockForm, x: int, y: int) -> None:
    """A number of a scalar graph: its value above, the operation and its name, the gradient below."""
    g, row = canvas.glyphs, y
    value = _short(gate.value, g.unknown, form.width)
    canvas.put(x + (form.width - width(value)) // 2, row, value, Ink.FAINT if gate.value is None else Ink.GOOD)
    row += 1
    name = shorten(layer.name, LONGEST_NAME, "")
    both = f"{gate.symbol} {name}"
    text = name if not gate.symbol else both if width(both) + 2 <= form.width else gate.symbol
    _draw_name(canvas, layer, x + max((form.width - width(text) - 2) // 2, 0), row, form.width, text)
    row += 1
    slope = _short(gate.gradient, "", form.width)
    canvas.put(x + (form.width - width(slope)) // 2, row, slope, signed(gate.gradient))


def _short(value: float | None, unknown: str, room: int) -> str:
    """A number with three digits, or as many as there is room for."""
    if value is None:
        return unknown
    text = ""
    for digits in (3, 2, 1):
        text = f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")
        if width(text) <= room:
            return text
        if width(short := text.replace("0.", ".", 1)) <= room and abs(value) < 1:
            return short
    return text
