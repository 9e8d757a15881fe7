"""The samples as a table and as a confusion matrix, and one of them as an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span, measure
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink, grey, heat
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.drawing.cells import brief, figure, shade
from retrograde.tui.records.table_view import Cell, Column, TableView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.samples import Integers, SampleTable
    from retrograde.engine.session.session import Session

WINDOW = 120
"""Rows on either side of the selected one that are made ready."""
MOST_NUMBERS = 4
"""Inputs, targets or outputs of a sample that are written out."""
MOST_CLASSES = 12
"""Classes of a sequence that are written out."""
MOST_LEAST = 34
"""Cells beside the table that have to be there at most for a sample to be shown."""
MOST_TEXT = 28
"""Cells of a column of classes or numbers."""

KEYS = (
    ("Enter", N_("go to the sample")),
    ("Tab", N_("confusion matrix")),
    ("w", N_("wrong only")),
    ("s", N_("sort")),
    ("/", N_("filter")),
    ("h", N_("held out")),
    ("[ ] { }", N_("iteration, epoch")),
    ("Esc", N_("back")),
)
MATRIX_KEYS = (
    ("Enter", N_("these samples")),
    ("Tab", N_("samples")),
    ("h", N_("held out")),
    ("[ ] { }", N_("iteration, epoch")),
    ("Esc", N_("back")),
)
SORT_WORDS = {
    "worst": N_("wrong first, then by loss"),
    "loss": N_("by loss"),
    "confidence": N_("the least sure first"),
    "target": N_("by target"),
    "output": N_("by output"),
    "number": N_("in the order of the data"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesLook:
    """What the person at the keyboard chose to look at.

    Attributes:
        sort: what the samples are sorted by, one of ``SORTS``.
        reverse: whether the order is turned round.
        text: the filter.
        row: the selected row.
        column: the selected column of the confusion matrix.
        room: the cells that the screen is wide.
    """

    sort: str = "worst"
    reverse: bool = False
    text: str = ""
    row: int = 0
    column: int = 0
    room: int = 80


# -- words for one sample, for the screen and for the command line


def target_text(table: SampleTable, row: int) -> str:
    """The target of a sample: its class, or its numbers."""
    if table.wanted is not None:
        return _names(table, table.wanted[row].tolist(), table.counted[row].tolist())
    return "" if table.targets is None else numbers_text(table.targets[row].ravel().tolist())


def output_text(table: SampleTable, row: int) -> str:
    """The output of a sample: the class that it names and how sure it is, or its numbers."""
    if table.named is None or table.confidence is None:
        return numbers_text(table.outputs[row].ravel().tolist())
    name = _names(table, table.named[row].tolist(), table.counted[row].tolist())
    return f"{name}  {figure(float(table.confidence[row]), 4)}"


def losses_text(table: SampleTable, row: int) -> str:
    """The loss of a sample."""
    return typeset(f"{table.losses[row]:.6g}")


def verdict_text(table: SampleTable, row: int) -> str:
    """Whether a sample is right; empty without classes."""
    if table.right is None:
        return ""
    if bool(table.right[row]):
        return f"✓ {_('right')}"
    counted = int(table.counted[row].sum())
    if counted == 1 or table.wanted is None or table.named is None:
        return f"✗ {_('wrong')}"
    hits = int(((table.wanted[row] == table.named[row]) & table.counted[row]).sum())
    return f"✗ {hits}/{counted}"


def numbers_text(values: Sequence[float]) -> str:
    """A few numbers in a row."""
    texts = [figure(value, 4) for value in values[:MOST_NUMBERS]]
    return " ".join(texts) + (" …" if len(values) > MOST_NUMBERS else "")


def _names(table: SampleTable, numbers: list[int], counted: list[bool]) -> str:
    """The names of the classes of the positions that count."""
    found = [number for number, there in zip(numbers, counted, strict=True) if there]
    names = [table.dataset.label(number) if number >= 0 else "NaN" for number in found[:MOST_CLASSES]]
    between = "" if all(width(name) == 1 for name in names) else " "
    return between.join(names) + ("…" if len(found) > MOST_CLASSES else "")


def moment_text(session: Session) -> str:
    """Which parameters those at the cursor are."""
    if not session.position:
        return _("at the start")
    epoch, iteration = divmod(session.iteration, session.schedule.per_epoch)
    where = _("epoch {epoch}, iteration {iteration}").format(epoch=epoch + 1, iteration=iteration + 1)
    return _("after {moment}").format(moment=where) if session.revealed == session.program.steps else where


def standing(session: Session, table: SampleTable) -> str:
    """When it is, how many samples there are, and how many are right."""
    parts = [moment_text(session)]
    if table.held_out:
        parts.append(_("held out"))
    if table.right is None:
        parts.append(ngettext("{count} sample", "{count} samples", len(table)).format(count=f"{len(table):,}"))
    else:
        right, count = int(table.hits), int(table.counted.sum())
        text = _("right: {right} of {count}, {percent} %")
        parts.append(text.format(right=f"{right:,}", count=f"{count:,}", percent=f"{100 * right / count:.1f}"))
    return joined(parts, ", ")


def confusion_grid(table: SampleTable) -> list[tuple[str, ...]]:
    """The confusion matrix in words: a heading, then a row a class of the targets; 0 is a dot."""
    from retrograde.engine.explaining.sample_order import labels

    names, counts = labels(table), table.confusion()
    none = bool(counts[:, -1].any())
    shown = [row if none else row[:-1] for row in counts.tolist()]
    heading = (_("target"), *names, *(("NaN",) if none else ()))
    return [
        heading,
        *((name, *(str(count) if count else "·" for count in row)) for name, row in zip(names, shown, strict=True)),
    ]


# -- the screen


def samples_title(session: Session, table: SampleTable, *, matrix: bool) -> Line:
    """What stands in the edge."""
    word = _("confusion matrix") if matrix else _("samples")
    return (Span(word, Ink.TITLE_ON), Span("  " + standing(session, table), Ink.DIM))


def samples_table(table: SampleTable, rows: Integers, look: SamplesLook, glyphs: Glyphs) -> TableView:
    """The samples that a filter keeps, those in sight around the selected one, and that one beside them.

    Args:
        table: all samples.
        rows: those that are shown, in their order.
        look: what is selected.
        glyphs: the characters of the screen.
    """
    first, last = max(look.row - WINDOW, 0), min(look.row + WINDOW, len(rows))
    inputs = 0 < table.dataset.inputs.shape[1] <= MOST_NUMBERS
    cells = [_sample_cells(table, row, inputs=inputs) for row in rows[first:last].tolist()]
    titles = ["#", *((_("inputs"),) if inputs else ()), _("target"), _("output"), _("loss")]
    ranks = [0, *((4,) if inputs else ()), 1, 2, 0]
    if table.classified:
        titles.append("")
        ranks.append(3)
    columns = tuple(
        Column(
            title=title,
            width=min(max([_width(line[k]) for line in cells] + [1]), MOST_TEXT),
            right=title in ("#", _("loss")),
            rank=ranks[k],
        )
        for k, title in enumerate(titles)
    )
    selected = min(max(look.row, 0), max(len(rows) - 1, 0))
    side = _one(table, int(rows[selected]), glyphs) if len(rows) else ()
    return TableView(
        columns=columns,
        rows=tuple(cells),
        first=first,
        count=len(rows),
        selected=selected,
        lines=(_said(table, len(rows), look), ()),
        side=side,
        least=min(max(map(measure, side), default=0), MOST_LEAST),
        empty=_("no sample is so; / takes another filter"),
        keys=tuple((key, _(word)) for key, word in KEYS if _possible(table, key)),
    )


def _possible(table: SampleTable, key: str) -> bool:
    """Whether a key says something of these samples."""
    if key == "h":
        return table.held_out or table.dataset.held_out is not None
    return table.classified or key not in ("w", "Tab")


def _width(cell: Cell) -> int:
    return width(cell.text) if isinstance(cell, Span) else 0


def _sample_cells(table: SampleTable, row: int, *, inputs: bool) -> tuple[Cell, ...]:
    wrong = table.right is not None and not bool(table.right[row])
    cells: list[Cell] = [Span(str(row + 1), Ink.STRONG)]
    if inputs:
        cells.append(Span(numbers_text(table.dataset.inputs[row].tolist()), Ink.TEXT))
    cells.append(Span(target_text(table, row), Ink.TEXT))
    cells.append(Span(output_text(table, row), Ink.CHANGED if wrong else Ink.TEXT))
    cells.append(Span(losses_text(table, row), Ink.ACCENT if math.isfinite(table.losses[row]) else Ink.BAD))
    if table.classified:
        cells.append(Span(verdict_text(table, row), Ink.BAD if wrong else Ink.GOOD))
    return tuple(cells)


def _said(table: SampleTable, count: int, look: SamplesLook) -> Line:
    """How many samples are shown, of what kind, and in what order."""
    order = _(SORT_WORDS[look.sort])
    if look.reverse:
        order = _("{order}, turned round").format(order=order)
    text = _("{count} of {all} samples, {order}").format(count=f"{count:,}", all=f"{len(table):,}", order=order)
    shown = (Span(_("filter {text}").format(text=look.text) + "  ", Ink.MATCH), Span("  ")) if look.text else ()
    return (*shown, Span(text, Ink.DIM))


def _one(table: SampleTable, row: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """One sample: its image or its numbers, and the outputs by class."""
    title = _("sample {number}").format(number=row + 1)
    lines: list[Line] = [(Span(title, Ink.STRONG), Span("  " + target_text(table, row), Ink.DIM)), ()]
    image = image_lines(table, row, glyphs)
    if image:
        lines += [*image, ()]
    elif table.dataset.inputs.shape[1] > MOST_NUMBERS:
        lines.append((Span(_("inputs {numbers}").format(numbers=numbers_text(table.dataset.inputs[row].tolist()))),))
    if table.wanted is not None and table.outputs.shape[1] == 1 and table.outputs.shape[2] > 1:
        lines += _bars(table, row, glyphs)
    return tuple(lines)


def _bars(table: SampleTable, row: int, glyphs: Glyphs) -> list[Line]:
    """The outputs of a sample by class, as bars; the right one is marked."""
    values = table.outputs[row, 0].tolist()
    scale = max([1.0, *(abs(value) for value in values if math.isfinite(value))])
    names = [table.dataset.label(number) for number in range(len(values))]
    size = max(map(width, names))
    found: list[Line] = []
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        full = round(12 * min(abs(value) / scale, 1.0)) if math.isfinite(value) else 0
        wanted = table.wanted is not None and number == int(table.wanted[row, 0])
        found.append(
            (
                Span(name + " " * (size + 1 - width(name)), Ink.STRONG if wanted else Ink.TEXT),
                Span(glyphs.bar * full, Ink.POSITIVE if value >= 0 else Ink.NEGATIVE),
                Span(glyphs.track * (12 - full), Ink.TRACK),
                Span(f" {brief(value, 2)}", Ink.DIM),
                *((Span(" ◂", Ink.GOOD),) if wanted else ()),
            )
        )
    return found


def image_lines(table: SampleTable, row: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The inputs of a sample as an image, two cells a pixel; none where they are no image."""
    shape = table.image
    return () if shape is None else pixel_lines(table.dataset.inputs[row].reshape(shape).tolist(), glyphs)


def pixel_lines(pixels: Sequence[Sequence[float]], glyphs: Glyphs, scale: float | None = None) -> tuple[Line, ...]:
    """Rows of numbers as an image, two cells a pixel: in grey where none is negative, else in the colours of signs.

    Args:
        pixels: the numbers.
        glyphs: the characters of the screen.
        scale: the magnitude that is full, in the colours of signs; None for the largest.
    """
    known = [value for line in pixels for value in line if math.isfinite(value)]
    plain = scale is None and min(known, default=0.0) >= 0
    scale = (max(map(abs, known), default=0.0) or 1.0) if scale is None else scale
    found: list[Line] = []
    for line in pixels:
        spans = []
        for value in line:
            text, ink = shade(value, scale, glyphs)
            if math.isfinite(value):
                ink = grey(abs(value) / scale) if plain else heat(value, scale)
            spans.append(Span(text, ink))
        found.append(tuple(spans))
    return tuple(found)


def matrix_table(table: SampleTable, look: SamplesLook) -> TableView:
    """The confusion matrix: a row a class of the targets, a column a class of the outputs.

    Args:
        table: all samples.
        look: what is selected; of many classes the columns around the selected one are shown.
    """
    grid = confusion_grid(table)
    heading, body = grid[0], grid[1:]
    # All counts are as wide as the widest one: columns of a matrix are compared.
    counts = max((width(cell) for line in grid for cell in line[1:]), default=0) + 1
    sizes = [max(width(line[0]) for line in grid), *(counts for _column in heading[1:])]
    room, first, last = look.room - 8 - sizes[0], look.column, look.column + 1
    used = sizes[1 + look.column] + 2
    while used < room and (first > 0 or last < len(heading) - 1):
        if last < len(heading) - 1:
            used += sizes[1 + last] + 2
            last += used <= room
        if first > 0 and used < room:
            used += sizes[first] + 2
            first -= used <= room
    columns = [Column(title=heading[0], width=sizes[0])]
    columns += [Column(title=heading[1 + k], width=sizes[1 + k], right=True) for k in range(first, last)]
    rows = tuple(
        (Span(line[0], Ink.STRONG), *(_count_cell(line[1 + k], k, number, look) for k in range(first, last)))
        for number, line in enumerate(body)
    )
    target, output = body[look.row][0], heading[1 + look.column]
    count = body[look.row][1 + look.column].replace("·", "0")
    text = _("{count} with target {target} and output {output}").format(count=count, target=target, output=output)
    return TableView(
        columns=tuple(columns),
        rows=rows,
        first=0,
        count=len(rows),
        selected=look.row,
        lines=((Span(_("rows: classes of the targets; columns: classes of the outputs"), Ink.DIM),), ()),
        foot=((Span(text, Ink.STRONG),),),
        keys=tuple((key, _(word)) for key, word in MATRIX_KEYS if _possible(table, key)),
    )


def _count_cell(text: str, column: int, row: int, look: SamplesLook) -> Span:
    """A count: what is right, what is taken for another, and a mark on the selected one."""
    ink = Ink.GOOD if column == row else Ink.FAINT if text == "·" else Ink.BAD
    chosen = (row, column) == (look.row, look.column)
    return Span(f"›{text}" if chosen else text, Ink.KEY if chosen else ink)
