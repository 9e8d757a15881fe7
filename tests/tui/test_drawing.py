"""Canvas, rooms and widgets: any size, any text, plain characters."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Span, shorten, wrap
from retrograde.tui.canvas.glyphs import ASCII, UNICODE, Glyphs, plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import look
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.arrangement import Arrangement
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.curves import CurvePlot, Series
from retrograde.tui.records.equation import EquationView, OperandRow
from retrograde.tui.records.loss import Losses, LossView
from retrograde.tui.records.marks import PanelEdge, PanelId
from retrograde.tui.records.network import NetworkView
from retrograde.tui.records.pictures import TermBars, TermRow
from retrograde.tui.screenshot import clean
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.loss import loss_view
from retrograde.tui.views.network import network_view
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.views.status import timeline_view
from retrograde.tui.views.weights import weights_view
from retrograde.tui.widgets.equation import break_line
from retrograde.tui.widgets.timeline import share
from tests.support.effort import examples

SIZES = st.tuples(st.integers(1, 200), st.integers(1, 60))
TEXTS = st.text(st.sampled_from("ab [/]{}\\·∂δ×网络[bold]\x1b\n"), max_size=40)
WIDGETS: dict[str, Any] = {row.id: row.widget for row in PANELS}


def views(name: str, *motions: str) -> dict[PanelId, Any]:
    """The views of a scenario after some motions."""
    session = Session(load_scenario(name))
    for motion in motions:
        session.step(motion)
    reading = Reading.of(session)
    parameters = Parameters(reading)
    lens = Lens()
    return {
        PanelId.NETWORK: network_view(reading, parameters, lens),
        PanelId.EQUATION: equation_view(reading, lens),
        PanelId.WEIGHTS: weights_view(reading, parameters, lens, None),
        PanelId.LOSS: loss_view(reading, Losses.of(session.losses, session.schedule.per_epoch), run=None),
        PanelId.TIMELINE: timeline_view(reading),
    }


VIEWS = {
    "initial": views("mazur"),
    "deep": views("vanishing", "iteration", "phase", "phase", "phase"),
    "digits": views("digits", "phase", "step"),
    "iris": views("iris", "iteration", "phase", "phase", "layer"),
    "hidden": views("mazur", "phase", "phase", "layer", "step", "step"),
}


def drawn(panel: PanelId, shown: Any, size: tuple[int, int], glyphs: Glyphs) -> list[str]:
    canvas = Canvas(*size, glyphs)
    WIDGETS[panel](id=panel.value).paint(
        canvas, PanelEdge(title=(Span(panel.value),), corners=glyphs.corners[:2]), shown
    )
    strips = canvas.strips(look().palette)
    assert [strip.cell_length for strip in strips] == [size[0]] * size[1]
    return canvas.text()


@pytest.mark.parametrize("name", VIEWS)
@examples(15)
@given(size=SIZES, panel=st.sampled_from(list(VIEWS["initial"])))
def test_every_panel_draws_at_every_size(name: str, size: tuple[int, int], panel: PanelId) -> None:
    drawn(panel, VIEWS[name][panel], size, UNICODE)
    rows = drawn(panel, in_ascii(VIEWS[name][panel]), size, ASCII)
    assert all(row.isascii() for row in rows)


@pytest.mark.parametrize("panel", VIEWS["initial"])
def test_the_smallest_sizes(panel: PanelId) -> None:
    for columns in range(1, 24):
        for rows in range(1, 12):
            drawn(panel, VIEWS["hidden"][panel], (columns, rows), UNICODE)


@given(text=TEXTS, other=TEXTS)
@examples(50)
def test_text_is_never_markup(text: str, other: str) -> None:
    shown = EquationView(
        question=text,
        left=text,
        symbols=(Span(other),),
        numbers=(Span("1"),),
        result=Span("2"),
        pictures=(TermBars(terms=(TermRow(label=text, detail=other, value=1.0, share=1.0),)),),
        operands=(OperandRow(symbol=text, value=other, origin=text),),
    )
    drawn(PanelId.EQUATION, shown, (70, 30), UNICODE)


def test_brackets_are_shown_as_they_are() -> None:
    shown = EquationView(question="x[j]·y [/] [bold]", left="W_h[2,1]", symbols=(Span("x[j]"),), result=Span("[0]"))
    text = "\n".join(drawn(PanelId.EQUATION, shown, (60, 12), UNICODE))
    assert "x[j]·y [/] [bold]" in text
    assert "W_h[2,1] = x[j]" in text


def test_no_control_character_reaches_the_terminal() -> None:
    canvas = Canvas(20, 1, UNICODE)
    canvas.put(0, 0, "a\x1b[31mb\r\n")
    assert canvas.text()[0].startswith("a?[31mb??")


def test_wide_characters_take_two_cells() -> None:
    canvas = Canvas(6, 1, UNICODE)
    assert canvas.put(0, 0, "网络x网") == 7
    assert [width(part) for part in canvas.text()] == [6]
    assert shorten("神经网络", 5) == "神经…"
    assert wrap("一个神经元学会，与", 8) == ["一个神经", "元学会，", "与"]


@given(text=TEXTS, limit=st.integers(1, 30))
def test_wrapped_lines_fit(text: str, limit: int) -> None:
    assert all(width(line) <= max(limit, 2) for line in wrap(text.replace("\n", "").replace("\x1b", ""), limit))


@given(
    parts=st.lists(st.sampled_from(["w1", " · ", "out_h1", " + ", "(−0.25)"]), max_size=30), limit=st.integers(12, 40)
)
def test_broken_equations_lose_nothing(parts: list[str], limit: int) -> None:
    lines = break_line(tuple(Span(part) for part in parts), limit)
    assert "".join(span.text for line in lines for span in line).replace(" ", "") == "".join(parts).replace(" ", "")
    assert all(sum(width(span.text) for span in line) <= limit for line in lines)


@given(
    parts=st.lists(st.sampled_from(["(", "w1", "w1)", "out_h1))²", " · ", " + "]), max_size=30),
    limit=st.integers(14, 40),
)
def test_what_closes_stays_with_what_it_closes(parts: list[str], limit: int) -> None:
    spans = [Span(piece) for part in parts for piece in re.findall(r"[)²]|[^)²]+", part)]
    rows = ["".join(span.text for span in line) for line in break_line(tuple(spans), limit)]
    assert not [row for row in rows if row.lstrip().startswith((")", "²"))]
    assert all(width(row) <= limit for row in rows)


@given(
    size=SIZES,
    brought=st.lists(st.sampled_from([row.id for row in PANELS]), max_size=3),
    focus=st.sampled_from([row.id for row in PANELS]),
    zoom=st.booleans(),
)
def test_rooms_fill_the_screen_without_overlap(
    size: tuple[int, int], brought: list[str], focus: str, zoom: bool
) -> None:
    arrangement = Arrangement([row.seated for row in PANELS])
    arrangement.focus, arrangement.zoom = focus, zoom
    for panel in brought:
        arrangement.bring(panel)
    made = arrangement.divide(*size)
    if made.tiny:
        assert size[0] < rooms.LEAST_WIDTH or size[1] < rooms.LEAST_HEIGHT
        return
    covered = np.zeros((size[1], size[0]), dtype=int)
    for room in made.places.values():
        assert room.x >= 0
        assert room.y >= 0
        covered[room.y : room.y + room.height, room.x : room.x + room.width] += 1
    assert covered.min() == covered.max() == 1
    assert {rooms.HEADER, rooms.FOOTER} <= set(made.places)
    # Every panel is shown or is a tab of one that is, but for the timeline where it is too low, and while one is alone.
    tabs = {panel.id for group in made.tabs.values() for panel in group}
    assert tabs | {PanelId.TIMELINE} == {row.id for row in PANELS}
    assert [panel for panel in tabs if panel == focus] == [panel for panel in made.tabs if panel == focus] or not zoom


@given(size=SIZES)
def test_an_edge_joins_a_line_above_it_only_where_there_is_one(size: tuple[int, int]) -> None:
    made = Arrangement([row.seated for row in PANELS]).divide(*size)
    verticals = {(x, room.y + room.height) for room in made.places.values() for x in (room.x, room.x + room.width - 1)}
    for panel in made.tabs:
        room = made.places[panel]
        corners = rooms.frame(made, panel, "", UNICODE).corners
        for corner, x in zip(corners, (room.x, room.x + room.width - 1), strict=True):
            assert corner not in "├┤┴" or (x, room.y) in verticals
            assert corner not in "┌┐┬" or (x, room.y) not in verticals or room.y == 1


def test_plain_text_is_plain() -> None:
    assert plain("∂E/∂w5 = δ_o1 · σ′(net) − η × ½") == "dE/dw5 = delta_o1 * sigma'(net) - lr x 1/2"
    assert plain("神经网络 ✓") == "神经网络 ok"
    assert plain("\U0001f600") in {"?", "\U0001f600"}


def test_a_diverging_loss_is_drawn() -> None:
    values = np.array([1.0, 10.0, 1e300, math.inf, math.nan])
    shown = LossView(plot=plot_of(values))
    assert "1e100" in "\n".join(drawn(PanelId.LOSS, shown, (60, 12), UNICODE))


def plot_of(values: np.ndarray, **more: Any) -> CurvePlot:
    """A curve of some losses."""
    x = np.arange(1, len(values) + 1.0)
    series = (Series(name="", x=x, low=values, high=values, ink=Ink.POSITIVE),)
    return CurvePlot(**{"series": series, "start": 1, "stop": max(len(values), 1), **more})


@given(room=st.integers(0, 200), steps=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_a_bar_is_divided_whole(room: int, steps: list[int]) -> None:
    from retrograde.tui.records.status import TimelineSegment

    sizes = share(room, tuple(TimelineSegment(label="", steps=count, done=0) for count in steps))
    assert sum(sizes) == (room if sum(steps) else 0)


def test_views_hold_arrays_and_compare_by_identity() -> None:
    shown = VIEWS["iris"][PanelId.NETWORK]
    assert isinstance(shown, NetworkView)
    assert shown == shown
    assert (shown != views("iris")[PanelId.NETWORK]) is True


def test_pictures_load_nothing_and_do_not_squeeze_chinese() -> None:
    svg = (
        '<svg><style>@font-face { font-family: "Fira Code"; src: url("https://example.org/x.woff2"); }\n'
        ".t { font-family: Fira Code, monospace; }</style>"
        '<text x="1" textLength="10">神经</text><text x="1" textLength="20">ab</text></svg>'
    )
    made = clean(svg)
    assert "https://example.org" not in made
    assert '<text x="1">神经</text>' in made
    assert 'textLength="20"' in made


def test_inks_have_a_style_in_both_themes() -> None:
    for name in ("dark", "light"):
        palette = look(name).palette
        assert all(palette.style(ink).color is not None for ink in Ink)
