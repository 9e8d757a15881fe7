"""The flow of the gradient by layer as a table: bars of one iteration, or small curves over the run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.flow import deltas_of
from retrograde.engine.text import N_, _, joined
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.cells import brief
from retrograde.tui.records.equation import FlowPart
from retrograde.tui.records.table_view import Bar, Cell, Column, Spark, TableView
from retrograde.tui.views.why import shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.flow import FlowRow
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.reading.why import Course, FlowReading

DECADES = 4.0
"""Powers of ten that a whole bar stands for, at least."""
LEAST_BAR = 8
MOST_BAR = 24
"""Cells that the bar of a δ takes at least, and that any bar grows to."""
LEAST_CURVE = 8
MOST_CURVE = 26
CURVE = 12
"""Cells of the curve beside the bars, and of those that stand for them."""

TITLES = {
    "delta": "rms δ",
    "gradient": "‖∂E/∂W‖",
    "slope": N_("slope"),
    "size": "‖W‖",
    "update": N_("update/W"),
    "factor": N_("factor"),
}
"""The numbers of a row, in the order of their columns, and what they are called."""

KEYS = (
    ("Enter", N_("first step")),
    ("Tab", N_("now, over the run")),
    ("[ ] { }", N_("iteration, epoch")),
    ("Esc", N_("back")),
)


def flow_title(reading: FlowReading) -> Line:
    """What stands in the edge."""
    epoch, iteration = reading.moment.place
    return (Span(_("flow of the gradient by layer"), Ink.TITLE_ON), Span(f"  {epoch}:{iteration}", Ink.DIM))


def flow_table(reading: FlowReading, selected: int, course: Course | None = None, *, curves: bool = False) -> TableView:
    """A row a layer and time step, from the inputs to the loss.

    Args:
        reading: the flow.
        selected: the selected row.
        course: how it went over the run, where that was looked at.
        curves: whether curves over the run stand for the numbers.
    """
    rows = reading.rows
    made = _curves(rows, course) if curves else _numbers(rows, course)
    return TableView(
        columns=_curve_columns(rows) if curves else _number_columns(made),
        rows=made,
        first=0,
        count=len(made),
        selected=selected,
        lines=(*_said(rows), *_of_run(course, curves=curves), ()),
        foot=(_legend(curves=curves),),
        empty=_("no layer has a gradient"),
        keys=tuple((key, _(word)) for key, word in KEYS),
    )


def flow_beside(rows: Sequence[FlowRow], reading: Reading) -> tuple[FlowPart, ...]:
    """The flow as far as it is computed where the cursor is, for a panel that shows other things too.

    Args:
        rows: a row a layer and time step, from the inputs to the loss.
        reading: the session at its position.
    """

    def known(row: FlowRow) -> bool:
        arrays = deltas_of(reading.program, row.layer, row.time)
        return all(reading.visible(Ref(array, tuple(size - 1 for size in array.shape))) is not None for array in arrays)

    shown = [row for row in rows if known(row)]
    top, span = _scale([row.delta for row in shown])
    found = []
    for row in shown:
        bar = _bar(row.delta, top, span)
        factor = "" if row.factor is None else f"×{brief(row.factor, 2)}" + (" ◂" if row.smallest else "")
        found.append(FlowPart(row.name, bar.share, bar.number, factor, row.smallest))
    return tuple(found)


def _said(rows: Sequence[FlowRow]) -> tuple[Line, ...]:
    """The smallest factor in words, and what all make of it."""
    least = next((number for number, row in enumerate(rows) if row.smallest), None)
    if least is None:
        return ()
    row = rows[least]
    text = _("The smallest factor is that from {after} to {layer}: ×{factor}").format(
        after=row.after, layer=row.name, factor=brief(row.factor, 2)
    )
    if row.slope is not None:
        text += _(" (mean slope {slope})").format(slope=brief(row.slope, 2))
    last = _end(rows)
    # Of one factor there is nothing to multiply.
    several = (row.after, row.name) != (last.name, rows[0].name)
    if several and rows[0].delta and last.delta and math.isfinite(rows[0].delta) and math.isfinite(last.delta):
        whole = _("From {last} to {first} it is ×{factor}.")
        factor = brief(rows[0].delta / last.delta, 2)
        text = joined((text, whole.format(last=last.name, first=rows[0].name, factor=factor)), ". ")
    return ((Span(text, Ink.STRONG),),)


def _end(rows: Sequence[FlowRow]) -> FlowRow:
    """Where the way from the first row to the loss ends."""
    named, row = {row.name: row for row in rows}, rows[0]
    while row.after:
        row = named[row.after]
    return row


def _of_run(course: Course | None, *, curves: bool) -> tuple[Line, ...]:
    if not curves:
        return ()
    if course is None:
        return ((Span(_("looking at the run …"), Ink.DIM),),)
    if len(course.iterations) < 2:
        return ((Span(_("The curves begin when something has run; r runs."), Ink.DIM),),)
    text = _("Over {count} of the iterations from 1 to {last}, each by its own scale; logarithms but for the slope")
    return ((Span(text.format(count=len(course.iterations), last=course.iterations[-1] + 1), Ink.DIM),),)


def _legend(*, curves: bool) -> Line:
    text = _("rms δ: root mean square of ∂E/∂net; factor: by that of the layer that reads it")
    return (Span(text if curves else _("bars are logarithms; {text}").format(text=text), Ink.DIM),)


# -- one iteration


def _numbers(rows: Sequence[FlowRow], course: Course | None) -> tuple[tuple[Cell, ...], ...]:
    scales = {name: _scale([getattr(row, name) for row in rows]) for name in TITLES if name != "factor"}
    found = []
    for row in rows:
        cells: list[Cell] = [Span(row.name, Ink.STRONG)]
        cells += [_bar(getattr(row, name), *scale) for name, scale in scales.items()]
        cells.append(_factor(row))
        cells.append(_curve(row, "delta", course))
        found.append(tuple(cells))
    return tuple(found)


def _scale(values: Sequence[float | None]) -> tuple[float, float]:
    """The logarithm at which a bar is full, and how many powers of ten it stands for."""
    logs = [math.log10(value) for value in values if value and math.isfinite(value)]
    top = max(logs, default=0.0)
    return top, max(DECADES, top - min(logs, default=0.0) + 1.0)


def _bar(value: float | None, top: float, span: float) -> Bar:
    if value is None:
        return Bar(None, "·")
    share = 1.0 - (top - math.log10(value)) / span if value and math.isfinite(value) else None
    return Bar(share, brief(value, 2), Ink.DONE)


def _factor(row: FlowRow) -> Span:
    if row.factor is None:
        return Span("·", Ink.FAINT)
    text = f"×{brief(row.factor, 2)}"
    return Span(f"{text} ◂", Ink.CHANGED) if row.smallest else Span(f"{text}  ", Ink.TEXT)


def _curve(row: FlowRow, name: str, course: Course | None) -> Spark:
    """A number over the run, by its logarithm; a slope as it is."""
    values = () if course is None else course.values.get((row.name, name), ())
    if name == "slope":
        return Spark(shares(values))
    return Spark(shares([math.log10(value) if value and math.isfinite(value) else None for value in values]))


def _number_columns(rows: Sequence[tuple[Cell, ...]]) -> tuple[Column, ...]:
    columns = [Column(title=_("layer"), width=max((_cells(row[0]) for row in rows), default=5))]
    for number, (name, title) in enumerate(list(TITLES.items())[:-1], 1):
        size = max((_cells(row[number]) for row in rows), default=4)
        least = size + 1 + LEAST_BAR if name == "delta" else max(size, width(_(title)))
        rank = {"delta": 0, "gradient": 1, "slope": 2, "size": 4, "update": 3}[name]
        columns.append(Column(title=_(title), width=least, rank=rank, most=size + 1 + MOST_BAR))
    columns.append(Column(title=_("factor"), width=max((_cells(row[-2]) for row in rows), default=6), right=True))
    curved = any(isinstance(row[-1], Spark) and row[-1].shares for row in rows)
    columns.append(Column(title=_("δ over the run"), width=CURVE, rank=5 if curved else 6))
    return tuple(columns)


def _cells(cell: Cell) -> int:
    return width(cell.text) if isinstance(cell, Span) else width(cell.number) if isinstance(cell, Bar) else 0


# -- over the run


def _curves(rows: Sequence[FlowRow], course: Course | None) -> tuple[tuple[Cell, ...], ...]:
    return tuple((Span(row.name, Ink.STRONG), *(_curve(row, name, course) for name in TITLES)) for row in rows)


def _curve_columns(rows: Sequence[FlowRow]) -> tuple[Column, ...]:
    names = Column(title=_("layer"), width=max((width(row.name) for row in rows), default=5))
    ranks = {"delta": 0, "gradient": 2, "slope": 3, "size": 5, "update": 4, "factor": 1}
    curves = (
        Column(title=_(title), width=max(LEAST_CURVE, width(_(title))), rank=ranks[name], most=MOST_CURVE)
        for name, title in TITLES.items()
    )
    return (names, *curves)


def step_of(reading: FlowReading, selected: int) -> int | None:
    """The first step of a row's layer and time step."""
    if not 0 <= selected < len(reading.rows):
        return None
    row, moment = reading.rows[selected], reading.moment
    for op in moment.frame.program.ops:
        array = op.target
        if (array.layer, array.time) == (row.layer, row.time):
            zeros = (0,) * len(array.element_shape)
            return moment.made_by(Ref(array, (moment.sample, *zeros) if array.batched else zeros))
    return None
