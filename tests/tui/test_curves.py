"""Curves over a run: axes with round numbers, each number once; a curve falls where its numbers do."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.travel.history import LossHistory
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.axes import Axis
from retrograde.tui.drawing.curves import _drawn, cell_of, draw_plot, number_at, numbers_below, plot_area, stretches
from retrograde.tui.records.curves import CurvePlot, Series
from retrograde.tui.records.loss import Losses, smoothing
from retrograde.tui.views.race import DASHES, _piece
from tests.support.effort import examples

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


def plot_of(low: Any, high: Any = None, **more: Any) -> CurvePlot:
    values = np.array(low, dtype=np.float64)
    x = np.arange(1, len(values) + 1.0)
    above = values if high is None else np.array(high, dtype=np.float64)
    series = (Series(name="", x=x, low=values, high=above, ink=Ink.POSITIVE),)
    return CurvePlot(**{"series": series, "start": 1, "stop": max(len(values), 1), **more})


@examples(60)
@given(low=FINITE, more=st.floats(1e-6, 1e9), shares=st.lists(st.floats(0, 1), min_size=2), log=st.booleans())
def test_an_axis_grows(low: float, more: float, shares: list[float], log: bool) -> None:
    low = abs(low) + 1e-6 if log else low
    axis = Axis.around(low, low + more, logarithmic=log)
    places = axis.places(np.array([low + share * more for share in sorted(shares)]))
    assert np.all(np.diff(places) >= -1e-12)
    assert axis.place(axis.low) == 0 and axis.place(axis.high) == 1
    for share in shares:
        assert math.isclose(axis.place(axis.value(share)), share, abs_tol=1e-6 + 1e-15 * abs(low) / more)


@examples(150)
@given(
    low=st.one_of(FINITE, st.floats(1e-12, 1e-3)),
    more=st.floats(1e-9, 1e12),
    most=st.integers(1, 20),
    log=st.sampled_from([None, False, True]),
)
def test_ticks_are_round_and_each_is_written_once(low: float, more: float, most: int, log: bool | None) -> None:
    if low + more == low:
        return
    axis = Axis.around(low, low + more, logarithmic=log)
    ticks = axis.ticks(most)
    assert len(ticks) <= most or (axis.logarithmic and most < 3)
    texts = [tick.text for tick in ticks]
    assert len(set(texts)) == len(texts), texts
    assert [tick.value for tick in ticks] == sorted(tick.value for tick in ticks)
    for tick in ticks:
        spare = 1e-9 * max(abs(axis.low), abs(axis.high), more)
        assert axis.low - spare <= tick.value <= axis.high + spare
        written = float(tick.text.replace(",", "").replace("−", "-"))
        assert math.isclose(written, tick.value, rel_tol=1e-9, abs_tol=1e-9 * (axis.high - axis.low))


@examples(60)
@given(count=st.integers(1, 10**6), start=st.floats(0, 1), width=st.integers(30, 200), number=st.floats(0, 1))
def test_the_column_of_an_iteration_is_its_own(count: int, start: float, width: int, number: float) -> None:
    first = 1 + int(start * (count - 1))
    values = np.array([2.0, 1.0])
    series = (Series(name="", x=np.array([first, count]) * 1.0, low=values, high=values, ink=0),)
    plot = CurvePlot(series=series, start=first, stop=count)
    area = plot_area(plot, width, 0, 12)
    assert area is not None
    here = first + int(number * (count - first))
    column = cell_of(plot, area, here)
    assert area.left <= column < area.left + area.columns
    # What is clicked there is within half a cell of it.
    apart = abs(number_at(plot, area, column) - here)
    assert apart <= (count - first) / (2 * area.columns - 1) + 1
    texts = numbers_below(plot, area)
    assert len({text for text, _x in texts}) == len(texts)
    ends = [(x, x + len(text)) for text, x in texts]
    assert all(one[1] < two[0] for one, two in pairwise(ends)), texts
    canvas = Canvas(width, 12, UNICODE)
    draw_plot(canvas, CurvePlot(series=series, start=first, stop=count, cursor=here), 0, 12)
    assert canvas.text()[area.events or 0][column] == "↑"


@examples(60)
@given(
    losses=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=300),
    rising=st.booleans(),
    width=st.integers(24, 100),
    rows=st.integers(4, 20),
)
def test_a_falling_loss_draws_a_falling_curve(losses: list[float], rising: bool, width: int, rows: int) -> None:
    plot = plot_of(sorted(losses, reverse=not rising))
    area = plot_area(plot, width, 0, rows)
    assert area is not None
    upper, lower = stretches(plot, area, plot.series[0])
    assert np.all(upper <= lower), "every column has a piece of the line"
    ways = (-1 if rising else 1) * np.array([np.diff(upper), np.diff(lower)])
    assert np.all(ways >= -1), "but for the thickness of the line it never goes the other way"
    assert np.all(upper[1:] <= lower[:-1] + 1) and np.all(lower[1:] >= upper[:-1] - 1), "it has no gap"


@examples(40)
@given(losses=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200), width=st.integers(20, 60))
def test_the_extremes_are_drawn(losses: list[float], width: int) -> None:
    plot = plot_of(losses)
    area = plot_area(plot, width, 0, 10)
    finite = [loss for loss in losses if math.isfinite(loss)]
    if area is None:
        assert not finite
        return
    upper, lower = stretches(plot, area, plot.series[0])
    there = upper <= lower
    assert there.any()
    assert upper[there].min() == 0 or min(finite) == max(finite)
    assert lower.max() == 4 * area.rows - 1 or min(finite) == max(finite)


@examples(30)
@given(rows=st.integers(0, 12), width=st.integers(0, 40), log=st.sampled_from([None, True, False]))
def test_any_size_is_drawn(rows: int, width: int, log: bool | None) -> None:
    for glyphs in (UNICODE, ASCII):
        canvas = Canvas(width, rows, glyphs)
        draw_plot(canvas, plot_of([3.0, math.inf, 1e-9, 2.0], logarithmic=log, cursor=2, pointer=3), 0, rows)
        assert all(len(row) == width for row in canvas.text())
        assert not glyphs.ascii or all(row.isascii() for row in canvas.text())


def test_a_gap_is_no_line() -> None:
    plot = plot_of([1.0, math.nan, 1.0], stop=3)
    area = plot_area(plot, 40, 0, 10)
    assert area is not None
    upper, lower = stretches(plot, area, plot.series[0])
    assert not (upper <= lower)[area.columns // 2 : area.columns].any()


@examples(40)
@given(losses=st.lists(st.floats(0, 100), max_size=60), over=st.integers(1, 20), pieces=st.integers(1, 7))
def test_a_mean_is_that_of_the_last_iterations(losses: list[float], over: int, pieces: int) -> None:
    history = LossHistory()
    for start in range(0, len(losses), pieces):
        history.extend(start, losses[start : start + pieces])
    ends, means, taken = history.means(over)
    assert taken == over
    for end, mean in zip(ends.tolist(), means.tolist(), strict=True):
        last = losses[max(int(end) + 1 - over, 0) : int(end) + 1]
        assert math.isclose(mean, sum(last) / len(last), rel_tol=1e-12, abs_tol=1e-12)


def test_means_of_buckets_are_means_of_their_iterations() -> None:
    values = np.random.default_rng(0).random(10_000)
    history = LossHistory()
    history.extend(0, values)
    ends, means, taken = history.means(100)
    assert history.width == 4 and taken == 100
    for end, mean in list(zip(ends.astype(int).tolist(), means.tolist(), strict=True))[::97]:
        assert math.isclose(mean, values[max(end + 1 - taken, 0) : end + 1].mean(), rel_tol=1e-12)
    assert len(history.before(5000)) == 5000
    assert np.array_equal(history.before(5000).means(100)[1], means[:1250])


def test_a_mean_is_taken_by_itself_where_there_are_batches() -> None:
    assert smoothing(5000, 1) == 1
    assert smoothing(0, 6) == 6
    assert smoothing(1200, 6) % 6 == 0
    history = LossHistory()
    history.extend(0, [1.0, 3.0])
    assert Losses.of(history, 2).means.tolist() == [1.0, 2.0]


@examples(40)
@given(
    losses=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=60),
    dashes=st.sampled_from(DASHES),
    width=st.integers(24, 90),
)
def test_dashes_are_measured_along_the_curve(losses: list[float], dashes: tuple[int, ...], width: int) -> None:
    """Some of it is drawn and some is left out, however steep it is."""
    plot = plot_of(losses)
    area = plot_area(plot, width, 0, 12)
    assert area is not None
    upper, lower = stretches(plot, area, plot.series[0])
    rows = np.arange(4 * area.rows)[:, None]
    whole = (rows >= upper) & (rows <= lower)
    drawn = whole & _drawn(dashes, upper, lower, 4 * area.rows)
    assert drawn.any() and (whole & ~drawn).any()
    for column in range(whole.shape[1]):
        gaps = np.diff(np.flatnonzero(drawn[:, column]))
        assert not len(gaps) or gaps.max() <= max(dashes[1::2]) * 2 + 1, "a steep piece has dashes too"


@examples(40)
@given(stop=st.integers(2, 10_000), width=st.integers(24, 120), share=st.floats(0, 1))
def test_where_equal_factors_have_equal_distances_a_column_is_that_of_its_iteration(
    stop: int, width: int, share: float
) -> None:
    plot = plot_of([2.0, 1.0], stop=stop, stretched=True)
    area = plot_area(plot, width, 0, 10)
    assert area is not None
    number = max(round(stop**share), 1)
    found = number_at(plot, area, cell_of(plot, area, number))
    assert number * stop ** (-1.5 / area.columns) - 1 <= found <= number * stop ** (1.5 / area.columns) + 1
    texts = [int(text.replace(",", "")) for text, _x in numbers_below(plot, area)]
    assert texts == sorted(set(texts)) and all(1 <= one <= stop for one in texts)


def test_the_pieces_of_the_legend_are_told_apart() -> None:
    assert len({_piece(dashes) for dashes in DASHES} | {"─────"}) == len(DASHES) + 1
