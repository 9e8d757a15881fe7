"""What is said at which size: the top line, the columns of the weights, parts of lines, pictures that are read."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.array import Role
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Span, measure, middle, whole
from retrograde.tui.canvas.glyphs import ASCII, UNICODE, width
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.drawing.curve import CURVE_HEIGHT, draw_curve
from retrograde.tui.drawing.nodes import number
from retrograde.tui.drawing.sheets import _framed, _MapPlace
from retrograde.tui.drawing.spreads import draw_spread
from retrograde.tui.reading.chain import ChainReading
from retrograde.tui.reading.figures import show
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.fields import SpreadPlot
from retrograde.tui.records.marks import Mark, PanelEdge
from retrograde.tui.records.network import FocusRow, SheetKind, SheetView
from retrograde.tui.records.pictures import Curve
from retrograde.tui.records.weights import WeightsView
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.flow import flow_beside
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.status import header_view
from retrograde.tui.views.unfolding import chain_parts
from retrograde.tui.widgets.bars import Breadcrumb
from retrograde.tui.widgets.equation import _unfolded
from retrograde.tui.widgets.network import _draw_rows
from retrograde.tui.widgets.panel import draw_keys
from retrograde.tui.widgets.weights import FEWEST_DECIMALS, _fit
from tests.support.effort import examples

loaded = cache(lambda name: Session(load_scenario(name)))
NO_FRAME = PanelEdge(title=(), corners="    ", bottom=False)


def top_line(session: Session, columns: int) -> str:
    canvas = Canvas(columns, 1, UNICODE)
    Breadcrumb.paint(Breadcrumb(id="header"), canvas, NO_FRAME, header_view(Reading.of(session)))
    return canvas.text()[0]


@given(st.sampled_from(["mazur", "iris", "gru"]), st.integers(1, 4000), st.integers(40, 200))
@examples(60)
def test_the_top_line_keeps_the_step_the_loss_and_the_name(name: str, position: int, columns: int) -> None:
    session = loaded(name)
    session.position = min(position, 4 * session.program.steps)
    text = top_line(session, columns)
    assert f"{session.revealed:,}" in text
    assert f" {name}" in text and "E " in text
    if columns >= 60:
        assert "e1" in text or "epoch 1" in text or f"e{session.iteration + 1}" in text or "epoch" in text


def test_the_top_line_says_what_its_numbers_count() -> None:
    session = Session(load_scenario("mazur"))
    session.position = 22
    assert " e1 i1 s1 ▸ " in top_line(session, 80)
    assert "e1 i1 s1 ▸ " in top_line(session, 60)
    assert "epoch 1 ▸ iteration 1 ▸ sample 1 ▸ backward ▸ h ▸ out_h1" in top_line(session, 120)


@given(
    st.integers(8, 160),
    st.integers(0, 20),
    st.lists(st.sampled_from(["m", "v", "exp_avg_sq", "momentum_buffer", "新值"]), max_size=3),
    st.sampled_from([4, 6, 10]),
)
@examples(200)
def test_numbers_of_weights_get_shorter_before_a_column_goes(
    room: int, path: int, memory: list[str], decimals: int
) -> None:
    view = WeightsView(rows=(), first=0, count=0, selected=0, decimals=decimals, memory=tuple(memory))
    titles = ["value", "∂E/∂w", "Δw", "new", *memory]
    fit = _fit(view, titles, room, path)
    sizes = [end - begin for begin, end in pairwise((0, *fit.ends))]
    assert len(sizes) + fit.hidden == len(titles) and sizes
    # No heading touches the one before it, and no number the column beside it.
    assert all(size >= fit.decimals + 4 for size in sizes)
    assert all(size > width(title) for size, title in zip(sizes, titles, strict=False))
    assert min(FEWEST_DECIMALS, decimals) <= fit.decimals <= decimals
    taken = fit.ends[-1] + (path + 2 if fit.path else 0)
    assert taken <= max(room, fit.decimals + 4)
    least = decimals if decimals > 6 else FEWEST_DECIMALS
    assert bool(fit.hidden) == (sum(max(width(title) + 1, least + 4) for title in titles) > room)


@given(st.lists(st.tuples(st.text("ab界", min_size=1, max_size=4), st.text("ab 界", max_size=9)), max_size=7))
@examples(100)
def test_the_way_out_is_named_before_other_keys(keys: list[tuple[str, str]]) -> None:
    for room in (14, 30, 60):
        canvas = Canvas(room, 1, UNICODE)
        draw_keys(canvas, [*keys, ("Esc", "back")])
        line = canvas.text()[0]
        assert "Esc back" in line and width(line.rstrip()) <= room - 2


@pytest.mark.parametrize("columns", [43, 50, 60])
def test_no_number_beside_a_curve_is_cut_where_the_curve_can_be_narrower(columns: int) -> None:
    said = "slope σ′ = 0.149146452"
    x = np.linspace(-6.0, 6.0, 121)
    curve = Curve(x=x, y=np.tanh(x), at=(1.0, float(np.tanh(1.0))), lines=((Span(said),),))
    canvas = Canvas(columns, CURVE_HEIGHT, UNICODE)
    draw_curve(canvas, curve, 0)
    assert said in canvas.text()[0]


@pytest.mark.parametrize("what", ["weights", "outputs", "gradients", "权重"])
def test_the_axis_of_a_histogram_says_what_it_counts(what: str) -> None:
    counts = np.array([1, 3, 2])
    plot = SpreadPlot(counts=counts, low=-1.0, high=1.0, what=what, labels=(), rows=np.zeros((0, 3)), now=-1)
    canvas = Canvas(60, 12, UNICODE)
    draw_spread(canvas, plot, 0, 12)
    assert what in canvas.text()[-1]


@given(st.lists(st.text("ab 界", max_size=6), max_size=6), st.integers(0, 30))
@examples(200)
def test_parts_of_a_line_give_way_whole(texts: list[str], limit: int) -> None:
    line = tuple(Span(text) for text in texts)
    found = whole(line, limit)
    assert measure(found) <= limit
    if width("".join(texts)) <= limit:
        assert found == line
    elif len(found) > 1:
        assert found == line[: len(found)]


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.data())
@examples(100)
def test_what_is_read_as_a_whole_is_framed_once(tiles: int, rows: int, columns: int, data: st.DataObject) -> None:
    size = tiles * rows * columns
    read = data.draw(st.sets(st.integers(0, size - 1)))
    if data.draw(st.booleans()):
        read |= set(range(rows * columns))
    values = np.zeros((tiles, rows, columns))
    marks = dict.fromkeys(read, Mark.OPERAND)
    place = _MapPlace(values.shape, (0, 0, 0), values.shape)
    for first, last in _framed(SheetView(kind=next(iter(SheetKind)), values=values, marks=marks), place):
        assert set(range(first, last + 1)) <= read and last - first >= 5


def test_every_step_around_is_that_step() -> None:
    session = Session(load_scenario("mazur"))
    session.position = 18
    view = equation_view(Reading.of(session), Lens(), tall=True)
    assert len(view.around) == 13
    for line in view.around:
        text = "".join(span.text for span in line)
        step = session.step_at(int(text.split()[0]))
        assert step.symbol in text
        assert (show(step.result) in text) == (step.number < 18)
    assert not equation_view(Reading.of(session), Lens()).around


def test_a_long_sum_is_written_with_its_largest_terms() -> None:
    session = Session(load_scenario("digits"))
    session.position = 1
    step = session.current
    assert step is not None
    view = equation_view(Reading.of(session), Lens())
    text = "".join(span.text for span in view.symbols)
    sizes = sorted((abs(term.value) for term in step.terms[:-1]), reverse=True)[:3]
    written = [
        term for term in step.terms[:-1] if session.symbol(next(iter(step.operands)).ref) and abs(term.value) in sizes
    ]
    assert len(written) == 3 and " … " in text
    assert "".join(span.text for span in view.origins) == "129 operands  65 × initial value · 64 × input"


@pytest.mark.parametrize("text", [show(-0.0), number(-0.0, 4), show(-0.0, 5)])
def test_zero_has_no_sign(text: str) -> None:
    assert "−" not in text and "-" not in text
    assert show(-0.0, 17) == "−0.0" and ASCII.arrow == "->"


@examples(60)
@given(text=st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=60), limit=st.integers(0, 40))
def test_a_long_name_keeps_its_ends(text: str, limit: int) -> None:
    cut = middle(text, limit)
    assert width(cut) <= limit
    if width(text) <= limit:
        assert cut == text
    elif limit > 6:
        assert "…" in cut and text.endswith(cut.rpartition("…")[2])


def test_the_widths_of_all_layers_are_said_where_there_is_room() -> None:
    session = loaded("tiny-transformer")
    assert session.scenario.topology in top_line(session, 200)
    assert session.scenario.topology not in top_line(session, 120)


@examples(40)
@given(
    labels=st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=4), room=st.integers(8, 60)
)
def test_the_rows_of_a_neuron_have_one_form(labels: list[tuple[int, int]], room: int) -> None:
    """Not one of four with its factors, or with half of a name."""
    rows = tuple(FocusRow(label=f"W[{a},{b}] · i{b}", detail="0.5 × 1", value=-0.5) for a, b in labels)
    canvas = Canvas(room, len(rows), UNICODE)
    _draw_rows(canvas, rows, 0, 0, room, 9)
    lines = canvas.text()
    for sign in ("×", " · ", "…"):
        assert len({sign in line for line in lines}) == 1 or sign == "…"


@given(st.integers(160, 240), st.integers(26, 100), st.integers(0, 200))
@examples(60)
def test_a_short_table_of_parameters_lends_its_rows(width: int, height: int, needed: int) -> None:
    kept = rooms.arrange(width, height, PANELS, focus="equation", brought=(), zoom=False)
    lent = rooms.arrange(width, height, PANELS, focus="equation", brought=(), zoom=False, needed=needed)
    before, after = kept.places["weights"].height, lent.places["weights"].height
    assert after <= before
    assert after == before or after >= needed, "what is lent is not needed"
    assert after >= min(before, rooms.LAYOUTS[0].lends)
    assert lent.places["equation"].height == kept.places["equation"].height + before - after


def test_the_chain_beside_a_step_is_the_largest_paths_and_counts_the_others() -> None:
    session = loaded("vanishing")
    session.seek(session.schedule.start(0) + 117)
    whole_chain = ChainReading.of(session, session.resolve("w1"))
    parts = chain_parts(whole_chain)
    values = [float(part[0].text.replace("−", "-")) for part in parts.parts]
    assert [abs(value) for value in values] == sorted(map(abs, values), reverse=True)
    assert len(parts.parts) + parts.more == whole_chain.chain.graph.paths[0]
    for free in range(3, 60):
        rows = _unfolded(parts, 60, free)
        assert len(rows) <= free
        text = "\n".join("".join(span.text for span in row) for row in rows if isinstance(row, tuple))
        listed = text.count("i1 0.5")
        assert not rows or f"… {parts.more + len(parts.parts) - listed} more" in text


async def test_a_step_of_the_backward_pass_shows_its_chain_where_there_is_room(opened) -> None:
    for size, shown in (((200, 60), True), ((120, 36), False)):
        async with opened("mazur", size=size) as driver:
            await driver.press(*["right"] * 3)
            await driver.pilot.pause(0.4)
            assert "chain of" not in driver.text(), "no gradient is known yet"
            await driver.press("t", "t")
            if shown:
                await driver.until(lambda: "chain of ∂E/∂w3  2 paths to E" in driver.text(), seconds=20.0)
            assert ("steps around" in driver.text()) is shown
            assert driver.main.parts.unfolding.wanted is shown


@pytest.mark.parametrize("name", ["vanishing", "xor-2-2-1", "elman"])
def test_the_flow_beside_a_gradient_has_no_number_that_comes_later(name: str) -> None:
    session = Session(load_scenario(name))
    rows, steps = session.flow(), session.program.steps
    last: dict[str, int] = {}
    for step in range(1, steps + 1):
        array = session.step_at(step).target.array
        if array.of is not None and array.of.role is Role.NET and array.role is Role.GRADIENT:
            last[array.layer if array.of.time is None else f"{array.layer}@{array.of.time}"] = step
    assert last.keys() == {row.name for row in rows}
    for position in range(0, steps + 1, max(steps // 60, 1)):
        session.position = position
        shown = {part.name for part in flow_beside(rows, Reading.of(session))}
        assert shown == {layer for layer, step in last.items() if step <= position}


async def test_the_flow_stands_beside_the_chain(opened) -> None:
    async with opened("vanishing", size=(200, 60)) as driver:
        await driver.write(":120")
        await driver.until(lambda: driver.main.parts.unfolding.here is not None)
        await driver.settle()
        rows = [line for line in driver.text().splitlines() if re.search(r"×0\.\d+( ◂)? +│$", line)]
        assert [re.search(r" (h\d) +█", line)[1] for line in rows] == [f"h{layer}" for layer in range(1, 8)]
        assert "flow of the gradient by layer  L" in driver.text() and "×0.0959 ◂" in rows[-1]
        await driver.resize(120, 36)
        assert "flow of the gradient" not in driver.text()
