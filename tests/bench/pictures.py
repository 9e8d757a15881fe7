"""How long a frame of a picture takes: from what was read to the strips of the terminal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import UNICODE
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import look
from retrograde.tui.drawing.curves import draw_plot
from retrograde.tui.drawing.fields import draw_field
from retrograde.tui.drawing.spreads import draw_spread
from retrograde.tui.records.curves import DASHED, CurvePlot, Series
from retrograde.tui.records.fields import FieldPlot, SpreadPlot
from retrograde.tui.screens.picture_boundary import BoundaryPicture
from retrograde.tui.screens.picture_spread import SpreadPicture
from retrograde.tui.screens.picturing import Room, Surroundings
from tests.bench.harness import Effort, Row, duration

POINTS = 100_000
BOUND = 16.0
"""Milliseconds of a frame."""
SIZES = ((120, 36), (200, 60))


def _row(what: str, frame: Callable[[], object], effort: Effort) -> Row:
    frame()
    seconds = []
    for _ in range(effort.count(20 * effort.rounds, 1)):
        start = time.process_time()
        frame()
        seconds.append(time.process_time() - start)
    figure = statistics.median(seconds)
    detail = f"median of {len(seconds)}, longest {duration(max(seconds))}"
    return Row(what=what, figure=figure * 1e3, unit="ms", bound=BOUND, detail=detail)


def _curve(points: int) -> CurvePlot:
    """A noisy curve that falls, its mean, and another one."""
    x = np.arange(1, points + 1.0)
    falling = np.exp(-x / points * 6) + 0.01
    noise = np.random.default_rng(0).lognormal(0.0, 0.5, points)
    return CurvePlot(
        series=(
            Series(name="other", x=x, low=falling * 2, high=falling * 2, ink=Ink.ACCENT, dashes=DASHED),
            Series(name="each", x=x, low=falling * noise, high=falling * noise, ink=Ink.EDGE_POSITIVE, behind=True),
            Series(name="mean", x=x, low=falling, high=falling, ink=Ink.POSITIVE),
        ),
        start=1,
        stop=points,
        cursor=points // 3,
        unit="epoch",
    )


def frames(effort: Effort) -> list[Row]:
    """A frame of each picture, drawn anew."""
    palette = look().palette
    points = effort.count(POINTS, 100)
    plot = _curve(points)
    session = Session(load_scenario("two-moons"))
    session.run(effort.count(200, 2))
    rows = []
    for columns, height in SIZES:
        room = Room(columns=columns - 2, rows=height - 4)
        size = f"{columns}×{height}"

        def strips(draw: Callable[[Canvas], object], columns: int = columns, height: int = height) -> object:
            canvas = Canvas(columns, height, UNICODE)
            draw(canvas)
            return canvas.strips(palette)

        def curve(strips: Callable[..., object] = strips, height: int = height) -> object:
            return strips(lambda canvas: draw_plot(canvas, plot, 0, height))

        boundary = BoundaryPicture(session, Surroundings())

        def field(
            strips: Callable[..., object] = strips,
            boundary: BoundaryPicture = boundary,
            room: Room = room,
        ) -> object:
            boundary.take(boundary.read(room, lambda: False))
            shown = boundary.view(room, UNICODE).plot
            assert isinstance(shown, FieldPlot)
            return strips(lambda canvas: draw_field(canvas, shown, 0, room.rows))

        spread = SpreadPicture(session, Surroundings())
        spread.take(spread.read(room, lambda: False))
        spread.take(spread.study(room, lambda: False, lambda _found: None))

        def histogram(
            strips: Callable[..., object] = strips, spread: SpreadPicture = spread, room: Room = room
        ) -> object:
            shown = spread.view(room, UNICODE).plot
            assert isinstance(shown, SpreadPlot)
            return strips(lambda canvas: draw_spread(canvas, shown, 0, room.rows))

        rows += [
            _row(f"a frame of three curves of {points:,} points, {size}", curve, effort),
            _row(f"a frame of a boundary, computed and drawn, {size}", field, effort),
            _row(f"a frame of histograms, {size}", histogram, effort),
        ]
    return rows
