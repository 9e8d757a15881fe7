"""Curves over a run in dots: axes with round numbers, what happened below, the cursor, the pointer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from retrograde.tui.canvas.canvas import DOTS, Canvas, Span, measure, shorten
from retrograde.tui.canvas.glyphs import Glyphs, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.axes import MARGIN, Axis, Tick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.tui.records.curves import CurvePlot, Series
    from retrograde.tui.records.value_types import Bools, Floats, Ints

LEAST_COLUMNS, LEAST_ROWS = 8, 2
"""Cells that a plot needs at least."""
EVENTS_FROM = 4
"""Rows from which on one of them is for what happened."""
NAMES_FROM = 6
"""Rows from which on one of them is for the names of the curves."""
THICK_FROM = 6
"""Rows of the plot from which on its lines are two dots thick."""
GRID = 4
"""Columns of dots between two dots of the grid."""


class PlotArea(NamedTuple):
    """Where the parts of a plot lie, in cells.

    Attributes:
        left: the first column of the curves.
        columns: columns of the curves.
        top: the first row of the curves.
        rows: rows of the curves.
        names: the row of the names of the curves; None where there is no room.
        events: the row of what happened; None where there is no room.
        below: the row of the numbers of the lower axis.
        axis: the upright axis.
        ticks: its numbers, each with its row.
    """

    left: int
    columns: int
    top: int
    rows: int
    names: int | None
    events: int | None
    below: int
    axis: Axis
    ticks: tuple[tuple[Tick, int], ...]


def plot_area(plot: CurvePlot, cells: int, top: int, rows: int) -> PlotArea | None:
    """Where the parts of a plot lie; None where there is nothing to show, or no room for it.

    Args:
        plot: the curves.
        cells: the width of the canvas.
        top: the first row.
        rows: how many rows there are, for all parts.
    """
    names = top if rows >= NAMES_FROM and any(one.name for one in plot.series) else None
    events = rows >= EVENTS_FROM
    first = top + (names is not None)
    height = rows - (names is not None) - events - 1
    axis = _axis(plot)
    if axis is None or height < LEAST_ROWS:
        return None
    ticks = _upright(axis, height, first)
    left = max([width(plot.unit), *(width(tick.text) for tick, _row in ticks)], default=0) + MARGIN + 1
    columns = cells - left - 1
    if columns < LEAST_COLUMNS:
        return None
    return PlotArea(
        left=left,
        columns=columns,
        top=first,
        rows=height,
        names=names,
        events=first + height if events else None,
        below=first + height + events,
        axis=axis,
        ticks=ticks,
    )


def _axis(plot: CurvePlot) -> Axis | None:
    """The upright axis; None where no number is in sight."""
    lows, highs = [], []
    for one in plot.series:
        first, last = _in_sight(plot, one)
        ends = _finite_ends(one.low[first:last]), _finite_ends(one.high[first:last])
        if ends[0] is not None and ends[1] is not None:
            lows.append(ends[0][0])
            highs.append(ends[1][1])
    if not lows:
        return None
    low = min(lows) if plot.low is None else plot.low
    high = max(highs) if plot.high is None else plot.high
    return Axis.around(low, high, logarithmic=plot.logarithmic)


def _finite_ends(values: Floats) -> tuple[float, float] | None:
    """The least and the greatest finite number; None where there is none."""
    import numpy as np

    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        low, high = float(values.min()), float(values.max())
    return low, high


def _in_sight(plot: CurvePlot, one: Series) -> tuple[int, int]:
    """Which points of a curve are in sight, from one to before another; of a curve that has none, those around it."""
    first, last = _inside(plot, one)
    if first == last:
        return max(first - 1, 0), min(first + 1, len(one.x))
    return first, last


def _inside(plot: CurvePlot, one: Series) -> tuple[int, int]:
    """The points within the window, from one to before another."""
    import numpy as np

    first, last = np.searchsorted(one.x, [plot.start, plot.stop + 1e-9]).tolist()
    return first, last


def _upright(axis: Axis, rows: int, top: int) -> tuple[tuple[Tick, int], ...]:
    """The numbers of the upright axis, each on a row of its own."""
    for most in range(max(rows // 2, 2), 0, -1):
        found = [(tick, top + dot_row(axis, tick.value, rows) // 4) for tick in axis.ticks(most)]
        if len({row for _tick, row in found}) == len(found):
            return tuple(found)
    return ()


def dot_row(axis: Axis, value: float, rows: int) -> int:
    """The row of dots of a number of the axis: 0 for its high end."""
    return round((1.0 - min(max(axis.place(value), 0.0), 1.0)) * (4 * rows - 1))


def dot_columns(plot: CurvePlot, area: PlotArea, numbers: Floats) -> Floats:
    """The columns of dots of iterations, counted from the left edge of the curves; not rounded."""
    import numpy as np

    if plot.stop <= plot.start:
        return (numbers - plot.start) + 0.0
    start, stop = plot.start, plot.stop
    if plot.stretched:
        start, stop, numbers = math.log(start), math.log(stop), np.log(numbers)
    found: Floats = (numbers - start) / (stop - start) * (2 * area.columns - 1)
    return found


def dot_column(plot: CurvePlot, area: PlotArea, number: float) -> int:
    """The column of dots of an iteration, counted from the left edge of the curves, which may lie outside."""
    import numpy as np

    return round(float(dot_columns(plot, area, np.array([float(number)]))[0]))


def cell_of(plot: CurvePlot, area: PlotArea, number: float) -> int:
    """The column of cells of an iteration, which may lie outside of the picture."""
    return area.left + dot_column(plot, area, number) // 2


def number_at(plot: CurvePlot, area: PlotArea, column: int) -> int:
    """The iteration that a column of cells stands for: the one in its middle."""
    share = (2 * (column - area.left) + 0.5) / max(2 * area.columns - 1, 1)
    if plot.stretched and plot.stop > plot.start:
        number = plot.start * math.exp(share * math.log(plot.stop / plot.start))
    else:
        number = plot.start + share * (plot.stop - plot.start)
    return round(min(max(number, plot.start), plot.stop))


# -- drawing


def draw_plot(canvas: Canvas, plot: CurvePlot, top: int, rows: int) -> PlotArea | None:
    """Draws curves with their axes; says where, None where there is nothing to draw or no room.

    Args:
        canvas: the canvas.
        plot: the curves.
        top: the first row.
        rows: how many rows there are, for all parts.
    """
    area = plot_area(plot, canvas.width, top, rows)
    if area is None:
        return None
    _draw_curves(canvas, plot, area)
    for tick, row in area.ticks:
        canvas.put(area.left - 1 - width(tick.text), row, tick.text, Ink.DIM)
    _draw_names(canvas, plot, area)
    _draw_below(canvas, plot, area)
    _draw_events(canvas, plot, area)
    return area


def _draw_curves(canvas: Canvas, plot: CurvePlot, area: PlotArea) -> None:
    """Draws the grid, the lines of the cursor and the pointer, and the curves over them."""
    import numpy as np

    shape = (4 * area.rows, 2 * area.columns)
    codes = np.zeros((area.rows, area.columns), dtype=np.int64)
    inks = np.full(codes.shape, int(Ink.TEXT))

    def add(dots: Bools, ink: int) -> None:
        bits = dots.view(np.uint8)
        code = np.zeros(codes.shape, dtype=np.uint8)
        for y, row_bits in enumerate(DOTS):
            for x, bit in enumerate(row_bits):
                code |= bits[y::4, x::2] * np.uint8(bit)
        own = code > 0
        codes[own], inks[own] = code[own], int(ink)

    if not canvas.glyphs.ascii:
        grid = np.zeros(shape, dtype=np.bool_)
        for tick, _row in area.ticks:
            grid[dot_row(area.axis, tick.value, area.rows), ::GRID] = True
        add(grid, Ink.FRAME)
    for number, ink, every in ((plot.cursor, Ink.DIM, 2), (plot.pointer, Ink.ACCENT, 1)):
        if number and plot.start <= number <= plot.stop:
            line = np.zeros(shape, dtype=np.bool_)
            line[::every, dot_column(plot, area, number)] = True
            add(line, ink)
    row = np.arange(shape[0])[:, None]
    for one in plot.series:
        upper, lower = stretches(plot, area, one)
        dots = (row >= upper) & (row <= lower)
        add(dots & _drawn(one.dashes, upper, lower, shape[0]) if one.dashes else dots, one.ink)
    for y, (line_codes, line_inks) in enumerate(zip(codes.tolist(), inks.tolist(), strict=True)):
        canvas.cells(area.left, area.top + y, _characters(line_codes, canvas.glyphs), line_inks)


def _characters(codes: list[int], glyphs: Glyphs) -> list[str]:
    """Cells of dots as characters."""
    if not glyphs.ascii:
        return [chr(0x2800 + code) if code else " " for code in codes]
    top, bottom = sum(DOTS[0]) + sum(DOTS[1]), sum(DOTS[2]) + sum(DOTS[3])
    return [" .':"[bool(code & bottom) + 2 * bool(code & top)] for code in codes]


def stretches(plot: CurvePlot, area: PlotArea, one: Series) -> tuple[Ints, Ints]:
    """What a curve covers in each column of dots: the first and the last row, the first behind the last for nothing.

    Neighbours touch, so that it is a line; where a number is not finite it is broken.

    Args:
        plot: the curves.
        area: where they lie.
        one: the curve.
    """
    import numpy as np

    columns, dots = 2 * area.columns, 4 * area.rows
    low, high = _spread(plot, area, one, columns)
    upper = np.where(np.isnan(high), dots, np.rint((1.0 - high) * (dots - 1))).clip(0, dots).astype(np.int64)
    lower = np.where(np.isnan(low), -1, np.rint((1.0 - low) * (dots - 1))).clip(-1, dots - 1).astype(np.int64)
    there = upper <= lower
    both = there[1:] & there[:-1]
    up, down = upper.copy(), lower.copy()
    upper[1:] = np.where(both, np.minimum(up[1:], down[:-1] + 1), up[1:])
    lower[1:] = np.where(both, np.maximum(down[1:], up[:-1] - 1), down[1:])
    if not one.behind and area.rows >= THICK_FROM:
        lower = np.where(there & (lower < dots - 1), lower + 1, lower)
        upper = np.where(there & (upper == lower) & (upper > 0), upper - 1, upper)
    if one.dotted:
        at = np.rint(dot_columns(plot, area, one.x[slice(*_inside(plot, one))])).astype(np.int64)
        at = at[there[at]]
        upper[at], lower[at] = np.maximum(upper[at] - 1, 0), np.minimum(lower[at] + 1, dots - 1)
    return upper, lower


def _drawn(dashes: tuple[int, ...], upper: Ints, lower: Ints, rows: int) -> Bools:
    """Which dots of a dashed curve are drawn: dashes are measured along it, so that a steep piece has them too.

    Args:
        dashes: dots that are drawn and left out in turn.
        upper: the first row of the curve in each column.
        lower: the last one, before the first for none.
        rows: rows of dots.
    """
    import numpy as np

    there = upper <= lower
    middle = np.where(there, (upper + lower) // 2, 0)
    # Where there is nothing, the curve goes on from where it was.
    last = np.maximum.accumulate(np.where(there, np.arange(len(there)), 0))
    middle = middle[last]
    before = np.concatenate((middle[:1], middle[:-1]))
    length = np.cumsum(np.abs(middle - before) + 1) - np.abs(middle - before)
    along = length + np.abs(np.arange(rows)[:, None] - before)
    pattern = np.repeat(np.arange(len(dashes)) % 2 == 0, dashes)
    found: Bools = pattern[along % len(pattern)]
    return found


def _spread(plot: CurvePlot, area: PlotArea, one: Series, columns: int) -> tuple[Floats, Floats]:
    """The least and the greatest place on the axis in each column of dots; NaN where there is none."""
    import numpy as np

    first, last = _inside(plot, one)
    # One point on each side goes with those in sight, for the lines that lead out of it.
    outer, beyond = max(first - 1, 0), min(last + 1, len(one.x))
    at = dot_columns(plot, area, one.x[outer:beyond])
    place = np.rint(at)
    edges = np.searchsorted(place, np.arange(columns + 1))
    there = edges[1:] > edges[:-1]
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    if there.any():
        end, starts = int(edges[-1]), edges[:-1][there]
        for found, values, reduce in ((low, one.low, np.fmin), (high, one.high, np.fmax)):
            piece = values[outer : outer + end]
            finite = piece if np.isfinite(piece).all() else np.where(np.isfinite(piece), piece, np.nan)
            found[there] = area.axis.places(reduce.reduceat(finite, starts))
    if len(at) > 1 and not there.all():
        below, above = area.axis.places(one.low[outer:beyond]), area.axis.places(one.high[outer:beyond])
        broken = there & np.isnan(low)
        _join(at, below, above, np.isfinite(below) & np.isfinite(above), low, high)
        low[broken] = high[broken] = np.nan
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _join(at: Floats, below: Floats, above: Floats, finite: Bools, low: Floats, high: Floats) -> None:
    """Fills the columns between points by straight lines; not over a point that is not finite."""
    import numpy as np

    columns = np.arange(len(low))
    after = np.searchsorted(at, columns)
    open_ = (after > 0) & (after < len(at)) & np.isnan(low)
    after = np.clip(after, 1, len(at) - 1)
    open_ &= finite[after] & finite[after - 1]
    here = columns[open_]
    before, behind = at[after - 1][open_], at[after][open_]
    share = (here - before) / np.maximum(behind - before, 1e-300)
    for found, values in ((low, below), (high, above)):
        start, end = values[after - 1][open_], values[after][open_]
        found[here] = start + share * (end - start)


def _draw_names(canvas: Canvas, plot: CurvePlot, area: PlotArea) -> None:
    """Writes the names of the curves, each with a piece of its line."""
    if area.names is None:
        return
    g = canvas.glyphs
    x = area.left
    for one in plot.series:
        if not one.name:
            continue
        piece = f"{g.overline} {g.overline}" if one.dashes else g.overline * 3
        if one.behind:
            piece = ":::" if g.ascii else "⣿⣿⣿"
        spans = (Span(piece, one.ink), Span(f" {one.name}   ", Ink.DIM))
        if x + measure(spans) - 3 > canvas.width:
            break
        x = canvas.spans(x, area.names, spans)


def _draw_below(canvas: Canvas, plot: CurvePlot, area: PlotArea) -> None:
    """Draws the lower axis: its unit, and numbers below their columns."""
    room = area.left - 1
    unit = shorten(plot.unit, room - MARGIN, "")
    canvas.put(room - width(unit), area.below, unit, Ink.DIM)
    for text, x in numbers_below(plot, area):
        canvas.put(x, area.below, text, Ink.DIM)


def numbers_below(plot: CurvePlot, area: PlotArea) -> Sequence[tuple[str, int]]:
    """The numbers of the lower axis, each with the column where its text begins; none touches another one."""
    per = plot.per_unit
    axis = Axis.around(plot.start / per, plot.stop / per, logarithmic=plot.stretched)
    if plot.stop <= plot.start:
        axis = Axis(low=plot.start / per - 0.5, high=plot.start / per + 0.5)
    end = area.left + area.columns
    for most in range(max(area.columns // 8, 1), 0, -1):
        found: list[tuple[str, int]] = []
        free = 0
        for tick in axis.ticks(most, whole=True):
            number = tick.value * per
            if not max(plot.start, 1) <= number <= plot.stop or tick.value < min(1, plot.stop / per):
                continue
            size = width(tick.text)
            x = min(max(cell_of(plot, area, number) - (size - 1) // 2, area.left), end - size)
            if x < free:
                break
            found.append((tick.text, x))
            free = x + size + 1
        else:
            return found
    return ()


def _draw_events(canvas: Canvas, plot: CurvePlot, area: PlotArea) -> None:
    """Draws what happened, and the cursor, each below its column."""
    g = canvas.glyphs
    row = area.events
    taken: set[int] = set()
    for event in plot.events:
        if row is not None and plot.start <= event.number <= plot.stop:
            x = cell_of(plot, area, event.number)
            canvas.put(x, row, event.sign, event.ink)
            taken.update(range(x, x + max(width(event.sign), 1)))
    pins = [
        (number, said or f"{number:,}", ink)
        for number, said, ink in (
            (plot.cursor, plot.cursor_text, Ink.KEY),
            (plot.pointer, plot.pointer_text, Ink.ACCENT),
        )
        if number and plot.start <= number <= plot.stop
    ]
    for number, _text, ink in pins:
        x = cell_of(plot, area, number)
        canvas.put(x, area.below if row is None else row, g.up, ink)
        taken.add(x)
    # What is pointed at is said first: it is what one looks for.
    for number, text, ink in reversed(pins) if row is not None else ():
        x = cell_of(plot, area, number)
        for start in (x + 2, x - 1 - width(text)):
            wanted = set(range(start - 1, start + width(text) + 1))
            free = area.left <= start and start + width(text) <= area.left + area.columns
            if free and not (wanted - {x + 1, x - 1}) & taken:
                canvas.put(start, row or 0, text, ink)
                taken.update(wanted)
                break
