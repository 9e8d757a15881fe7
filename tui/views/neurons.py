"""The neurons of a layer in a table, and one of them with what it weighs, where it leads and what it answers to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.neurons import images_of, weights_into, weights_out_of
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span, measure
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.drawing.cells import figure
from retrograde.tui.records.table_view import Bar, Cell, Column, TableView
from retrograde.tui.views.samples import moment_text, pixel_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.neurons import Weigh
    from retrograde.engine.session.session import Session
    from retrograde.tui.reading.neurons import NeuronReading
    from retrograde.tui.records.value_types import Floats

KEYS = (
    ("Enter", N_("its step")),
    ("← →", N_("layer")),
    ("s", N_("sort")),
    ("[ ] { }", N_("iteration, epoch")),
    ("Esc", N_("back")),
)
MOST_NAMED = 20
"""Dead neurons that are named."""
MOST_IMAGES = 4
"""Images of a neuron's weights that are shown."""
BAR = 10
WIDE = 100
"""Cells of the screen from which on the least and the largest value have columns."""
MOST_LEAST = 34
"""Cells beside the table that have to be there at most for a neuron to be shown."""


def neurons_title(session: Session, reading: NeuronReading) -> Line:
    """What stands in the edge."""
    info = reading.table.layer
    text = _("neurons of {layer}").format(layer=f"{info.name}  {info.spec.label}")
    return (Span(text, Ink.TITLE_ON), Span(f"  {moment_text(session)}", Ink.DIM))


def neurons_table(
    reading: NeuronReading, order: Sequence[int], selected: int, glyphs: Glyphs, *, by_zeros: bool, room: int = 120
) -> TableView:
    """A row a neuron.

    Args:
        reading: the neurons.
        order: their numbers in the order of the rows.
        selected: the selected row.
        glyphs: the characters of the screen.
        by_zeros: whether they are sorted by how often they are 0.
        room: the cells that the screen is wide; where they are few, columns give way to the selected neuron.
    """
    table, wide = reading.table, room >= WIDE
    dead = set(table.dead)
    rows = tuple(_row(reading, number, dead, wide=wide) for number in order)
    size = max((width(reading.names[number]) for number in order), default=1)
    columns = [
        Column(title=_("neuron"), width=size),
        Column(title=(glyphs.down if by_zeros else "") + _("is 0"), width=6 + 1 + (BAR if wide else BAR // 2)),
        *((Column(title=_("saturated"), width=9, right=True, rank=3),) if table.saturated is not None else ()),
        Column(title=_("mean"), width=9, right=True),
        *((Column(title=_("least"), width=9, right=True, rank=2),) if wide else ()),
        *((Column(title=_("most"), width=9, right=True, rank=1),) if wide else ()),
    ]
    side = _one(reading, order[selected], glyphs) if order else ()
    return TableView(
        columns=tuple(columns),
        rows=rows,
        first=0,
        count=len(rows),
        selected=selected,
        lines=(_said(reading), ()),
        side=side,
        least=min(max(map(measure, side), default=0), MOST_LEAST),
        empty=_("no values of this layer are known"),
        keys=tuple((key, _(word)) for key, word in KEYS),
    )


def _said(reading: NeuronReading) -> Line:
    """Which neurons are dead."""
    table = reading.table
    dead = [reading.names[number] for number in table.dead]
    count = ngettext("of {count} value each", "of {count} values each", table.count).format(count=f"{table.count:,}")
    if not dead:
        return (Span(_("none is dead"), Ink.GOOD), Span(f"  {count}", Ink.DIM))
    more = f" … {len(dead) - MOST_NAMED:,}" if len(dead) > MOST_NAMED else ""
    text = _("dead: {names}").format(names=joined(dead[:MOST_NAMED], ", ") + more)
    return (Span(text, Ink.BAD), Span(f"  {count}", Ink.DIM))


def _row(reading: NeuronReading, number: int, dead: set[int], *, wide: bool) -> tuple[Cell, ...]:
    table = reading.table
    ink = Ink.BAD if number in dead else Ink.STRONG
    share = float(table.zeros[number])
    cells: list[Cell] = [Span(reading.names[number], ink), Bar(share or None, percent(share), Ink.NEGATIVE)]
    if table.saturated is not None:
        cells.append(Span(percent(float(table.saturated[number])), Ink.TEXT))
    for values in (table.mean, *((table.low, table.high) if wide else ())):
        value = float(values[number])
        cells.append(Span(figure(value, 4), Ink.TEXT if math.isfinite(value) else Ink.BAD))
    return tuple(cells)


def percent(share: float) -> str:
    """A share in words of few cells: only all is 100 %, and only none is 0."""
    if share != share:
        return "NaN"
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _one(reading: NeuronReading, number: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """One neuron: its weights as an image, its largest weights, and its mean by class."""
    lines: list[Line] = [(Span(reading.names[number], Ink.STRONG),), ()]
    images = images_of(reading.table, number, reading.image)
    if images is not None:
        lines += [(Span(_("what it weighs"), Ink.DIM),), *image_lines(images, glyphs), ()]
    if reading.table.by_class is not None:
        lines += [*_classes(reading, number, glyphs), ()]
    lines += _weights(reading, _("largest weights in"), weights_into(reading.table, number))
    lines += _weights(reading, _("largest weights out"), weights_out_of(reading.table, number))
    return tuple(lines)


def image_lines(images: Floats, glyphs: Glyphs) -> list[Line]:
    """A few images beside each other, by one scale, in the colours of signs."""
    import numpy as np

    # A scale of its own for each would make a channel that counts for nothing look like one that counts.
    shown = images[:MOST_IMAGES]
    finite = np.where(np.isfinite(shown), shown, 0.0)
    scale = max(float(np.abs(finite).max()), 1e-300)
    found = []
    for row in range(shown.shape[1]):
        line: list[Span] = []
        for image in shown:
            line += pixel_lines([image[row].tolist()], glyphs, scale=scale)[0]
            line.append(Span(" "))
        found.append(tuple(line))
    if len(images) > MOST_IMAGES:
        found.append((Span(_("and {count} more").format(count=len(images) - MOST_IMAGES), Ink.DIM),))
    return found


def _weights(reading: NeuronReading, title: str, found: Sequence[Weigh]) -> list[Line]:
    """The largest weights, a row each."""
    if not found:
        return []
    notation = reading.table.network.notation
    names = [notation.symbol(Ref(one.weights, one.index)) for one in found]
    size = max(map(width, names))
    rows = [
        (Span(f"  {name}{' ' * (size + 1 - width(name))}", Ink.TEXT), Span(_figured(one.value), signed(one.value)))
        for name, one in zip(names, found, strict=True)
    ]
    return [(Span(title, Ink.DIM),), *rows, ()]


def _figured(value: float) -> str:
    text = figure(value, 4)
    return text if text.startswith("−") else f" {text}"


def _classes(reading: NeuronReading, number: int, glyphs: Glyphs) -> list[Line]:
    """The mean of a neuron for the samples of each class, as bars from 0."""
    table = reading.table
    assert table.by_class is not None
    values = table.by_class[:, number].tolist()
    scale = max((abs(value) for value in values if math.isfinite(value)), default=0.0) or 1.0
    size = max(map(width, reading.classes), default=1)
    found: list[Line] = [(Span(_("mean by class"), Ink.DIM),)]
    for name, value in zip(reading.classes, values, strict=False):
        full = round(BAR * abs(value) / scale) if math.isfinite(value) else 0
        pad = " " * (size + 1 - width(name))
        bar = Span(glyphs.bar * full, signed(value))
        found.append((Span(f"  {name}{pad}"), bar, Span(" " * (BAR + 1 - full)), Span(_figured(value), Ink.DIM)))
    return found
