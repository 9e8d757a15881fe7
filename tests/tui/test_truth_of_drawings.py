"""A drawing says what is so: which way a curve goes, which cell is the step's, what opposes, how long a bar is."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Sum
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Line
from retrograde.tui.canvas.glyphs import UNICODE
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.drawing.bars import log_bar_lines
from retrograde.tui.drawing.columns import column_lines
from retrograde.tui.drawing.curve import CURVE_HEIGHT, CURVE_WIDTH, draw_curve
from retrograde.tui.drawing.grid import grid_lines
from retrograde.tui.drawing.nodes import Nodes
from retrograde.tui.drawing.terms import term_lines
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import ColumnsPicture, Curve, Grid, LogBar, LogBars, PlacedSpan, TermBars, TermRow
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.network import network_view
from retrograde.tui.views.parameters import Parameters
from tests.support.effort import examples

BITS = {0x01: (0, 0), 0x02: (0, 1), 0x04: (0, 2), 0x40: (0, 3), 0x08: (1, 0), 0x10: (1, 1), 0x20: (1, 2), 0x80: (1, 3)}


def dots_of(canvas: Canvas, ink: Ink) -> list[tuple[int, int]]:
    """The dots of an ink: column and row, each a half and a quarter of a cell."""
    return [
        (2 * x + dx, 4 * y + dy)
        for y, (row, inks) in enumerate(zip(canvas.text(), canvas.inks(), strict=True))
        for x, (character, own) in enumerate(zip(row, inks, strict=True))
        if 0x2800 < ord(character) <= 0x28FF and own == ink
        for bit, (dx, dy) in BITS.items()
        if (ord(character) - 0x2800) & bit
    ]


def spans_of(line: Line, ink: Ink) -> list[str]:
    return [span.text.strip() for span in line if span.ink == ink and span.text.strip()]


@examples(30)
@given(slope=st.sampled_from([-1, 1]), at=st.floats(-2.9, 2.9))
def test_a_function_that_rises_is_drawn_rising_with_the_neuron_on_it(slope: int, at: float) -> None:
    x = np.linspace(-3, 3, 61)
    canvas = Canvas(CURVE_WIDTH + 30, CURVE_HEIGHT, UNICODE)
    draw_curve(canvas, Curve(x=x, y=np.tanh(slope * x), at=(at, float(np.tanh(slope * at))), lines=()), 0)
    dots = sorted(dots_of(canvas, Ink.ACCENT))
    left, right = [row for _column, row in dots[:8]], [row for _column, row in dots[-8:]]
    assert (min(left) > max(right)) is (slope > 0)
    (place,) = [(line.index("●"), row) for row, line in enumerate(canvas.text()) if "●" in line]
    assert abs(place[0] - 3 - (at + 3) / 6 * CURVE_WIDTH) <= 1.5
    assert abs(place[1] - (1 - np.tanh(slope * at)) / 2 * CURVE_HEIGHT) <= 1.5


@cache
def session_of(name: str) -> Session:
    return Session(load_scenario(name))


@pytest.mark.parametrize("name", ["mazur", "iris", "elman", "encoder-8-3-8"])
def test_a_term_opposes_where_its_sign_is_not_that_of_the_sum(name: str) -> None:
    session = session_of(name)
    opposing = 0
    for number in range(0, min(session.program.steps, 4000), 3):
        session.seek(number + 1)
        reading = Reading.of(session)
        step = reading.step
        assert step is not None
        if not isinstance(step.equation, Sum) or step.target.array.role is not Role.GRADIENT:
            continue
        (bars,) = term_bars(reading, step, 6) or (None,)
        if bars is None:
            continue
        assert isinstance(bars, TermBars)
        total = sum(term.value for term in step.terms)
        for row in bars.terms:
            assert row.value is not None
            assert bool(row.note) is (row.value * total < 0)
            opposing += bool(row.note)
    assert opposing or name != "iris"


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9),
    notes=st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_a_term_leans_to_the_side_of_its_sign_and_the_largest_is_the_longest(
    values: list[float], notes: list[bool]
) -> None:
    most = max(map(abs, values)) or 1.0
    rows = tuple(
        TermRow(label="x", detail="", value=value, share=value / most, note="opposes" if note else "", active=k == 1)
        for k, (value, note) in enumerate(zip(values, notes, strict=False))
    )
    lines = term_lines(TermBars(terms=rows), 60, UNICODE)
    sizes = []
    for row, line in zip(rows, lines, strict=True):
        text = "".join(span.text for span in line)
        left, right = text.split("│")
        assert ("█" in left) is ((row.value or 0.0) < 0)
        assert ("█" in right) is ((row.value or 0.0) > 0)
        assert ("opposes" in right) is bool(row.note)
        assert bool(spans_of(line, Ink.TARGET)) is row.active
        sizes.append(text.count("█"))
    for one, other in pairwise(sorted(zip(map(abs, values), sizes, strict=True))):
        assert one[1] <= other[1]


@st.composite
def marked(draw: st.DrawFn) -> tuple[np.ndarray, PlacedSpan, PlacedSpan]:
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    places = draw(st.permutations(cells))
    values = np.arange(1.0, rows * columns + 1).reshape(rows, columns) / 8 + 0.0625
    target, operand = (
        PlacedSpan(row=row, column=column, mark=mark)
        for (row, column), mark in zip(places, (Mark.TARGET, Mark.OPERAND), strict=False)
    )
    return values, target, operand


@given(case=marked(), turned=st.booleans())
def test_the_cell_with_the_ink_of_the_target_is_the_target(
    case: tuple[np.ndarray, PlacedSpan, PlacedSpan], turned: bool
) -> None:
    values, target, operand = case
    spots = (operand, target) if turned else (target, operand)
    columns = ColumnsPicture(
        titles=tuple(f"t={k}" for k in range(values.shape[1])),
        rows=tuple("abcde"[: values.shape[0]]),
        values=values,
        spots=spots,
    )
    for lines, above in (
        (column_lines(columns, 100, 20, UNICODE), 1),
        (grid_lines(Grid(values=values, spots=spots), 100, 20, UNICODE), 0),
    ):
        assert lines is not None
        for spot, ink in ((target, Ink.TARGET), (operand, Ink.OPERAND)):
            found = [(row, text) for row, line in enumerate(lines) for text in spans_of(line, ink)]
            numbers = [(row, text) for row, text in found if text[0].isdigit()]
            assert numbers == [(spot.row + above, f"{values[spot.row, spot.column]:.4f}")]
        if target.row != operand.row or above:
            text = "".join(span.text for span in lines[target.row + above])
            assert f"▐{values[target.row, target.column]:.4f}▌" in text.replace(" ", "")


@given(values=st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=8))
def test_a_larger_magnitude_has_the_longer_bar(values: list[float]) -> None:
    bars = LogBars(bars=tuple(LogBar(label=str(k), value=value) for k, value in enumerate(values)))
    upright = ColumnsPicture(
        titles=tuple(map(str, range(len(values)))), rows=(), values=np.empty((0, len(values))), bars=tuple(values)
    )
    lines = log_bar_lines(bars, 80, 20, UNICODE)
    assert lines is not None
    lengths = ["".join(span.text for span in line).count("█") for line in lines[: len(values)]]
    made = column_lines(upright, 120, 8, UNICODE)
    assert made is not None
    heights = [sum(UNICODE.levels.index(line[1 + k].text[-1]) for line in made[1:-1]) for k in range(len(values))]
    for sizes in (lengths, heights):
        for one, other in pairwise(sorted(zip(values, sizes, strict=True))):
            assert one[1] <= other[1]
        assert max(sizes) > 0


@pytest.mark.parametrize("size", [(70, 14), (46, 12), (38, 9)])
def test_the_node_with_the_ink_of_the_target_is_the_step_s(size: tuple[int, int]) -> None:
    session = session_of("mazur")
    for position in range(1, session.program.steps + 1):
        session.seek(position)
        reading = Reading.of(session)
        view = network_view(reading, Parameters(reading), Lens())
        canvas = Canvas(*size, UNICODE)
        Nodes(canvas, view).draw()
        targets = {node.name for layer in view.layers for node in layer.nodes if node.mark is Mark.TARGET}
        drawn = {
            "".join(one for one, ink in zip(row, inks, strict=True) if ink == Ink.TARGET).split()[0]
            for row, inks in zip(canvas.text(), canvas.inks(), strict=True)
            if Ink.TARGET in inks
        }
        assert {name for name in drawn if name[0] in "iho"} == targets
