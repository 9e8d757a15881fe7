"""The pictures below an equation: any picture at any size and in plain characters, and which picture a step has."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from retrograde.engine.explaining.step import Step
from retrograde.engine.ops.activation import Activate, Slope
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.update.appending import Update
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Span, measure
from retrograde.tui.canvas.glyphs import ASCII, COLOURLESS, UNICODE, Glyphs
from retrograde.tui.canvas.themes import look
from retrograde.tui.drawing.cells import brief, exponents, figure, log_share, shade, window
from retrograde.tui.drawing.dispatch import Slice, picture_rows
from retrograde.tui.pictures import table
from retrograde.tui.pictures.table import FILES, maker_of, pictures, rows_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.equation import EquationView, OperandRow
from retrograde.tui.records.marks import Mark, PanelEdge
from retrograde.tui.records.pictures import (
    ColumnsPicture,
    Grid,
    JoinedPicture,
    LogBar,
    LogBars,
    Picture,
    PlacedSpan,
    TermBars,
)
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.equation import EquationPanel
from tests.support.effort import examples

BOTH = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
NUMBERS = st.one_of(
    st.floats(-3, 3), st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1e300, -1e-300, 5e-324, 1.0])
)
LABELS = st.sampled_from(["", "a", "[/]", "∂E/∂w5", "δ·×", "网络网络网络", "\x1b[31m", "a label of some length"])
MARKS = st.sampled_from(list(Mark))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))
    spots = st.builds(
        PlacedSpan,
        row=st.integers(0, shape[0] - 1),
        column=st.integers(0, shape[1] - 1),
        rows=st.integers(1, 4),
        columns=st.integers(1, 4),
        mark=MARKS,
    )
    return Grid(
        values=draw(arrays(np.float64, shape, elements=NUMBERS, fill=st.just(0.5))),
        title=draw(LABELS),
        rows=(draw(LABELS), *"b" * (shape[0] - 1)) if draw(st.booleans()) else (),
        columns=(*"b" * (shape[1] - 1), draw(LABELS)) if draw(st.booleans()) else (),
        spots=tuple(draw(st.lists(spots, max_size=3))),
        known=draw(st.none() | arrays(np.bool_, shape)),
        outside=draw(st.none() | arrays(np.bool_, shape)),
        scale=draw(st.sampled_from([0.0, 1.0])),
        shaded=draw(st.booleans()),
        caption=(Span(draw(LABELS)),) if draw(st.booleans()) else (),
    )


@st.composite
def columns(draw: st.DrawFn) -> ColumnsPicture:
    rows, count = draw(st.integers(0, 4)), draw(st.integers(1, 20))
    spots = st.builds(
        PlacedSpan, row=st.integers(0, 3), column=st.integers(0, count - 1), columns=st.integers(1, 3), mark=MARKS
    )
    return ColumnsPicture(
        titles=(*"t" * (count - 1), draw(LABELS)),
        rows=tuple(draw(LABELS) for _row in range(rows)),
        values=draw(arrays(np.float64, (rows, count), elements=NUMBERS, fill=st.just(0.5))),
        known=draw(st.none() | arrays(np.bool_, (rows, count))),
        spots=tuple(draw(st.lists(spots, max_size=2))),
        flow=draw(st.sampled_from([-1, 0, 1])),
        bars=draw(st.just(()) | st.tuples(*[st.none() | NUMBERS] * count)),
        bar_label=draw(LABELS),
        title=draw(LABELS),
        caption=(Span(draw(LABELS)),),
    )


BARS = st.builds(
    LogBars,
    bars=st.lists(st.builds(LogBar, label=LABELS, value=st.none() | NUMBERS, note=LABELS, mark=MARKS), max_size=9).map(
        tuple
    ),
    title=LABELS,
    least=st.none() | st.integers(-9, 3),
    caption=LABELS.map(lambda text: (Span(text),)),
)
JOINED = st.builds(
    JoinedPicture,
    grids=st.lists(grids(), min_size=1, max_size=3).map(tuple),
    signs=st.sampled_from([(), ("×",), ("×", "=")]),
    caption=LABELS.map(lambda text: (Span(text),)),
)
PICTURES = st.one_of(grids(), JOINED, BARS, columns())


def text_of(picture: Picture, width: int, height: int, glyphs: Glyphs) -> list[str]:
    """A picture as text; its rows fit into the room."""
    shown: Any = in_ascii(picture) if glyphs.ascii else picture
    rows = picture_rows(shown, width, height, glyphs)
    assert len(rows) <= height
    canvas = Canvas(width, len(rows), glyphs)
    for y, row in enumerate(rows):
        assert not isinstance(row, Slice)
        assert measure(row) <= width
        canvas.spans(0, y, row)
    found = canvas.text()
    assert not glyphs.ascii or all(line.replace("网", "").replace("络", "").isascii() for line in found)
    return found


def matrix(rows: int, columns: int) -> Any:
    return np.arange(rows * columns, dtype=np.float64).reshape(rows, columns) / 10 - 0.35


@examples(100)
@given(picture=PICTURES, width=st.integers(1, 200), height=st.integers(1, 60), plain=st.booleans())
def test_every_picture_draws_at_every_size(picture: Picture, width: int, height: int, plain: bool) -> None:
    text_of(picture, width, height, ASCII if plain else UNICODE)


@examples(25)
@given(picture=PICTURES, size=st.tuples(st.integers(1, 200), st.integers(1, 60)), selected=st.integers(-1, 1))
def test_the_panel_draws_every_picture_at_every_size(picture: Picture, size: tuple[int, int], selected: int) -> None:
    shown = EquationView(
        question="What?",
        left="y",
        symbols=(Span("x"),),
        result=Span("1"),
        pictures=(picture, picture),
        operands=(OperandRow(symbol="x", value="1", origin="step 1"), OperandRow(symbol="z", value="2", origin="")),
        selected=selected,
    )
    for glyphs in (UNICODE, ASCII):
        canvas = Canvas(*size, glyphs)
        EquationPanel(id="equation").paint(
            canvas, PanelEdge(title=(), corners=glyphs.corners[:2]), in_ascii(shown) if glyphs.ascii else shown
        )
        assert [strip.cell_length for strip in canvas.strips(look().palette)] == [size[0]] * size[1]


def test_very_large_matrices() -> None:
    picture = Grid(values=matrix(60, 200), spots=(PlacedSpan(row=40, column=150),))
    for width, height in ((200, 60), (80, 24), (38, 11), (4, 2)):
        assert text_of(picture, width, height, UNICODE)


@BOTH
def test_a_product_of_grids_says_its_numbers(glyphs: Glyphs) -> None:
    patch, kernel = matrix(2, 2), matrix(2, 2) + 1
    picture = JoinedPicture(
        grids=(
            Grid(values=patch, title="patch"),
            Grid(values=kernel, title="kernel"),
            Grid(values=patch * kernel, title="product", spots=(PlacedSpan(row=1, column=0),)),
        ),
        signs=("×", "="),
        caption=(Span("sum"),),
    )
    times = "x" if glyphs.ascii else "×"
    lines = text_of(picture, 70, 8, glyphs)
    assert [word in lines[0] for word in ("patch", "kernel", "product")] == [True] * 3
    assert times in lines[1]
    assert "=" in lines[1]
    marked = "[-0.1275]" if glyphs.ascii else "▐−0.1275▌"
    assert marked in lines[2]
    assert lines[-1].strip() == "sum"


TOLD_BY_DIGITS = pytest.mark.parametrize("glyphs", [COLOURLESS, ASCII])


@TOLD_BY_DIGITS
def test_where_numbers_do_not_fit_there_are_digits_and_signs(glyphs: Glyphs) -> None:
    minus = "-" if glyphs.ascii else "−"
    values = np.array([[1.0, -1.0, 0.0], [0.01, math.nan, 0.5]])
    wide = text_of(Grid(values=values), 8, 4, glyphs)
    assert wide[0].rstrip() == f" 9{minus}9 0"
    assert wide[1][:4] == " 1!!"
    narrow = text_of(Grid(values=values), 4, 4, glyphs)
    assert narrow[0].rstrip() == "9" + glyphs.below[9] + "0"


def test_where_there_are_colours_cells_are_nothing_else() -> None:
    values = np.array([[1.0, -1.0, 0.0], [0.01, math.nan, 0.5]])
    assert text_of(Grid(values=values), 4, 4, UNICODE) == [" " * 4, " !  "]


@pytest.mark.parametrize("cells", [1, 2])
@pytest.mark.parametrize("glyphs", [UNICODE, COLOURLESS, ASCII])
def test_shades_tell_signs_and_zero_apart(glyphs: Glyphs, cells: int) -> None:
    for share in (1e-9, 0.2, 0.5, 1.0):
        shades = [shade(value, 1.0, glyphs, cells) for value in (share, -share, 0.0)]
        assert all(len(text) == cells for text, _ink in shades)
        if glyphs.digits:
            assert len({text for text, _ink in shades}) == 3
        elif share >= 0.2:
            assert len({ink for _text, ink in shades}) == 3


def test_what_is_not_computed_yet_is_no_number() -> None:
    picture = Grid(values=matrix(1, 3), known=np.array([[True, False, True]]))
    assert text_of(picture, 40, 2, UNICODE)[0].split() == ["−0.3500", "·", "−0.1500"]


def test_a_large_matrix_is_cut_out_around_its_mark() -> None:
    picture = Grid(values=matrix(50, 90), spots=(PlacedSpan(row=30, column=70),))
    lines = text_of(picture, 20, 7, UNICODE)
    assert "rows 28–33 of 50" in lines[-1]
    assert any("▐" in line and "▌" in line for line in lines)


def test_a_region_is_bracketed_on_each_of_its_rows() -> None:
    picture = Grid(values=matrix(4, 4), spots=(PlacedSpan(row=1, column=1, rows=2, columns=2, mark=Mark.OPERAND),))
    lines = text_of(picture, 60, 6, UNICODE)
    assert [("‹" in line, "›" in line) for line in lines] == [
        (False, False),
        (True, True),
        (True, True),
        (False, False),
    ]
    assert lines[1].index("‹") == lines[2].index("‹")


def test_a_row_of_unlike_quantities_stands_upright_where_it_is_too_wide() -> None:
    picture = Grid(
        values=np.array([[0.4, 6.7e-6, -0.08, 12345.0]]), columns=("w5", "m", "v", "t"), shaded=False, title="Adam"
    )
    assert text_of(picture, 60, 4, UNICODE)[1].split() == ["w5", "m", "v", "t"]
    upright = text_of(picture, 14, 8, UNICODE)
    assert [line.split() for line in upright[1:]] == [
        ["w5", "0.4000"],
        ["m", "6.70e−6"],
        ["v", "−0.0800"],
        ["t", "12345"],
    ]


def test_bars_are_logarithmic_and_keep_what_is_small() -> None:
    bars = LogBars(
        bars=(
            LogBar(label="a", value=1.0),
            LogBar(label="b", value=-0.01),
            LogBar(label="c", value=1e-4, note="vanishes", mark=Mark.TARGET),
            LogBar(label="d", value=0.0),
            LogBar(label="e", value=None),
        )
    )
    lines = text_of(bars, 60, 9, UNICODE)
    lengths = [line.count("█") for line in lines]
    assert lengths[:5] == [32, 16, 1, 0, 0]
    assert "−0.01" in lines[1]
    assert lines[2].startswith("▸c")
    assert "vanishes" in lines[2]
    assert "·" in lines[4]
    assert lines[5].split() == ["1e−4", "1e0"]


@BOTH
def test_columns_through_time(glyphs: Glyphs) -> None:
    picture = ColumnsPicture(
        titles=("t=1", "t=2", "t=3"),
        rows=("h", "δ"),
        values=np.array([[0.1, 0.2, 0.3], [-0.5, 0.25, 0.125]]),
        known=np.array([[True] * 3, [False, True, True]]),
        spots=(PlacedSpan(row=1, column=1),),
        flow=-1,
        bars=(1e-4, -0.01, 1.0),
        bar_label="product",
    )
    lines = text_of(picture, 50, 8, glyphs)
    assert lines[0].split(glyphs.back)[0].strip() == "t=1"
    assert glyphs.unknown in lines[2]
    assert f"{glyphs.left_target} 0.2500{glyphs.right_target}".replace(" ", "") in lines[2].replace(" ", "")
    assert lines[-1].replace("−", "-").split() == ["product", "1.0e-4", "-0.01", "1"]
    heights = [sum(line[at - 1] == glyphs.levels[-1] for line in lines[3:-1]) for at in _ends(lines[0], glyphs)]
    assert heights == [0, 2, 4]
    assert text_of(picture, 18, 8, glyphs)[0].count("t=") == 1


def _ends(line: str, glyphs: Glyphs) -> list[int]:
    """The columns after the titles of a line."""
    return [line.index(title) + len(title) for title in ("t=1", "t=2", "t=3")]


@given(value=st.floats(allow_nan=False, allow_infinity=False), decimals=st.integers(1, 9))
def test_no_number_reads_as_zero_or_with_another_sign(value: float, decimals: int) -> None:
    for text in (figure(value, decimals), brief(value)):
        read = float(text.replace("−", "-"))
        assert (read == 0) == (value == 0)
        assert value == 0 or (read < 0) == (value < 0)


@given(value=NUMBERS, other=NUMBERS)
def test_shares_of_a_log_scale_keep_the_order(value: float, other: float) -> None:
    least, most = exponents((value, other))
    assert least < most
    shares = [log_share(one, least, most) for one in (value, other)]
    assert all(0 <= share <= 1 for share in shares)
    if abs(value) <= abs(other):
        assert shares[0] <= shares[1]


@given(count=st.integers(1, 99), room=st.integers(1, 99), first=st.integers(0, 98), length=st.integers(1, 5))
def test_a_window_holds_what_it_is_for(count: int, room: int, first: int, length: int) -> None:
    first = min(first, count - 1)
    start, stop = window(count, room, first, min(length, count - first))
    assert 0 <= start < stop <= count
    assert stop - start == min(room, count)
    assert start <= first < stop


def test_the_table_finds_the_picture_of_an_op() -> None:
    found = pictures()
    assert found[Activate] is found[Slope]
    session = Session(load_scenario("mazur"))
    kinds = {type(op): maker_of(op) for op in session.program.ops}
    assert kinds[Activate] is found[Activate]
    # Whose picture a gradient has depends on its parts.
    assert all(maker is found[Op] for kind, maker in kinds.items() if kind not in {Activate, Slope, Gradient, Update})


def test_every_file_with_pictures_is_in_the_table() -> None:
    files = {path.stem for path in Path(table.__file__).parent.glob("*.py") if "\nPICTURES" in path.read_text("utf-8")}
    assert files == set(FILES)
    assert {kind: rows_of(kind.__module__)[kind] for kind in pictures()} == pictures()


def test_a_gradient_is_pictured_by_what_it_is_the_gradient_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def maker(_reading: Reading, _step: Step, _digits: int) -> tuple[Picture, ...]:
        return ()

    session = Session(load_scenario("mazur"))
    gradients = [op for op in session.program.ops if isinstance(op, Gradient)]
    part = type(gradients[-1].parts[0])
    monkeypatch.setitem(rows_of(part.__module__), part, maker)
    for op in gradients:
        assert (maker_of(op) is maker) == any(type(one) is part for one in op.parts)


def test_the_pictures_of_steps() -> None:
    session = Session(load_scenario("mazur"))
    found = []
    for position in (1, 3):
        session.seek(position)
        found.append([type(one).__name__ for one in equation_view(Reading.of(session), Lens()).pictures])
    assert found == [["TermBars"], ["Curve"]]


def test_a_picture_makes_room_by_flowing_the_operands() -> None:
    picture = Grid(values=matrix(4, 4), title="map")
    shown = EquationView(
        left="y",
        symbols=(Span("x"),),
        result=Span("1"),
        pictures=(picture,),
        operands=tuple(OperandRow(symbol=f"x{k}", value="1", origin="step 1") for k in range(4)),
    )
    for height, flowing in ((16, False), (9, True)):
        canvas = Canvas(60, height, UNICODE)
        EquationPanel(id="equation").draw(canvas, shown)
        text = canvas.text()
        assert sum("0." in line for line in text) == 4
        assert any("x0 step 1 · x1" in line for line in text) == flowing


def test_terms_stand_in_the_table_too() -> None:
    session = Session(load_scenario("mazur"))
    session.step("step")
    (bars,) = equation_view(Reading.of(session), Lens()).pictures
    assert isinstance(bars, TermBars)
    assert len(bars.terms) == 3
