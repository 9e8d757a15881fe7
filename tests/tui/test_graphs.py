"""The screen for any graph of layers: every kind at any size, lines between blocks, marks, parameters, the focus."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import ASCII, COLOURLESS, UNICODE, Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import look
from retrograde.tui.drawing.blocks import Needs, forms_of
from retrograde.tui.drawing.layout import layout
from retrograde.tui.drawing.sheets import WHOLE, Dimensions, draw_sheet, sheet_forms
from retrograde.tui.drawing.wires import Wires
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.loss import Losses
from retrograde.tui.records.marks import Mark, PanelEdge
from retrograde.tui.records.network import LayerView, LinkView, NetworkView, SheetKind, SheetView
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.loss import loss_view
from retrograde.tui.views.marks import marks
from retrograde.tui.views.network import network_view
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.views.slots import SlotCell, cell_of, node_at, node_count, node_number, node_ref
from retrograde.tui.views.status import header_view, timeline_view
from retrograde.tui.views.topology import plan_of
from retrograde.tui.views.weights import weights_view
from retrograde.tui.widgets.equation import EquationPanel
from retrograde.tui.widgets.loss import LossPanel
from retrograde.tui.widgets.network import NetworkPanel
from retrograde.tui.widgets.weights import WeightsPanel
from tests.support.effort import examples
from tests.support.graphs import BRANCHES, LAYERS, SKIP, scenario_of

PANELS: tuple[Any, ...] = (NetworkPanel, EquationPanel, WeightsPanel, LossPanel)


def is_chain(name: str) -> bool:
    """Whether a scenario is a chain of dense layers, which other tests look at."""
    layers = load_scenario(name).network.layers
    return all(layer.kind == "dense" and len(layer.inputs or ()) == 1 for layer in layers)


@cache
def session_of(kind: str) -> Session:
    """A session of a kind of layer, of a text, or of a scenario."""
    if kind in LAYERS:
        return Session(scenario_of(kind))
    return Session(parse_scenario({"skip": SKIP, "branches": BRANCHES}[kind]))


def reading_at(session: Session, position: int) -> Reading:
    session.seek(position)
    return Reading.of(session)


def moments(session: Session, count: int) -> list[int]:
    """Steps all over an iteration, the first ones of each phase among them."""
    steps = session.program.steps
    found = {0, steps, steps + 1, *range(1, steps, max(steps // count, 1))}
    return sorted(found | {run.start + 1 for run in session.program.runs(0)})


def views_of(reading: Reading, parameters: Parameters, node: int = -1) -> tuple[Any, ...]:
    lens = Lens(node=node)
    header_view(reading)
    timeline_view(reading)
    return (
        network_view(reading, parameters, lens),
        equation_view(reading, lens),
        weights_view(reading, parameters, lens, None, window=12),
        loss_view(reading, Losses.none(), run=None),
    )


def drawn(panel: Any, shown: Any, size: tuple[int, int], glyphs: Glyphs) -> list[str]:
    canvas = Canvas(*size, glyphs)
    shown = in_ascii(shown) if glyphs.ascii else shown
    panel(id="panel").paint(canvas, PanelEdge(title=(), corners=glyphs.corners[:2]), shown)
    assert [strip.cell_length for strip in canvas.strips(look().palette)] == [size[0]] * size[1]
    text = canvas.text()
    assert not glyphs.ascii or all(row.isascii() for row in text)
    return text


def network_text(session: Session, position: int, size: tuple[int, int] = (58, 19), glyphs: Glyphs = UNICODE) -> str:
    reading = reading_at(session, position)
    shown = network_view(reading, Parameters(reading), Lens())
    return "\n".join(drawn(NetworkPanel, shown, size, glyphs))


def first_step(session: Session, name: str, sample: int = 0) -> int:
    """The position at which a slot is assigned first."""
    step = session.program.produced(session.network.notation.resolve(name, session.program, sample=sample))
    assert step is not None
    return step + 1


# -- any kind, any moment, any size


def test_every_kind_has_a_network_here() -> None:
    assert set(LAYERS) == set(KINDS)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_is_drawn_at_every_moment(kind: str) -> None:
    session = session_of(kind)
    parameters = Parameters(reading_at(session, 0))
    for number, position in enumerate(moments(session, 10)):
        reading = reading_at(session, position)
        shown = views_of(reading, parameters, number % node_count(reading) if number % 3 == 0 else -1)
        size, glyphs = [((58, 19), UNICODE), ((35, 13), ASCII), ((94, 34), UNICODE)][number % 3]
        for panel, one in zip(PANELS, shown, strict=True):
            drawn(panel, one, size, glyphs)


@pytest.mark.parametrize("kind", [*LAYERS, "skip", "branches"])
@examples(3)
@given(share=st.floats(0, 1), size=st.tuples(st.integers(1, 200), st.integers(1, 60)), plain=st.booleans())
def test_the_network_draws_at_every_size(kind: str, share: float, size: tuple[int, int], plain: bool) -> None:
    session = session_of(kind)
    network_text(session, int(share * session.program.steps), size, ASCII if plain else UNICODE)


@pytest.mark.parametrize("kind", ["graph", "conv", "rnn", "attention", "branches"])
def test_the_smallest_sizes(kind: str) -> None:
    session = session_of(kind)
    reading = reading_at(session, session.program.steps // 2)
    shown = network_view(reading, Parameters(reading), Lens())
    for columns in range(1, 26, 2):
        for rows in range(1, 16):
            drawn(NetworkPanel, shown, (columns, rows), UNICODE)


@pytest.mark.parametrize("name", shipped())
def test_the_scenarios_that_ship(name: str) -> None:
    if is_chain(name):
        return
    session = Session(load_scenario(name))
    parameters = Parameters(reading_at(session, 0))
    for number, position in enumerate(moments(session, 3)):
        for panel, one in zip(PANELS, views_of(reading_at(session, position), parameters), strict=True):
            drawn(panel, one, [(58, 19), (35, 13)][number % 2], [UNICODE, ASCII][number % 2])


# -- what is where


@pytest.mark.parametrize("kind", [*LAYERS, "skip", "branches"])
def test_layers_stand_after_what_they_read(kind: str) -> None:
    session = session_of(kind)
    plan = plan_of(session.network, session.program)
    assert all(plan.depths[source] < plan.depths[target] for source, target in plan.links)
    assert all(source < target for source, target in plan.links)
    assert min(plan.depths) == 0


def test_a_skip_edge_is_drawn_past_the_column_between() -> None:
    session = session_of("skip")
    text = network_text(session, first_step(session, "net_o1"))
    assert "‹i1 0.0000›" in text
    assert "‹h1" in text
    # Two edges lead to the hidden unit, three to the output; those of the step are labelled.
    assert sum(f"w{number} " in text for number in (3, 4, 5)) == 3
    assert "w1 " not in text.replace("w1 ·", "")
    reading = reading_at(session, first_step(session, "net_o1"))
    shown = network_view(reading, Parameters(reading), Lens())
    assert shown.small
    assert {(shown.layers[edge.source[0]].name, edge.target) for edge in shown.edges} == {("i", (2, 0)), ("h", (2, 0))}


def test_the_block_of_the_step_and_what_it_reads_are_marked() -> None:
    session = session_of("branches")
    for glyphs, target, operand in ((UNICODE, " both ", "‹left›"), (ASCII, "[both]", "<left>")):
        text = network_text(session, first_step(session, "out_both3"), (120, 40), glyphs)
        assert target in text
        assert operand in text
    reading = reading_at(session, first_step(session, "out_both3"))
    shown = network_view(reading, Parameters(reading), Lens())
    names = [layer.name for layer in shown.layers]
    live = {(names[link.source], names[link.target]) for link in shown.links if link.live}
    assert live == {("left", "both"), ("right", "both")}


@pytest.mark.parametrize(
    ("kind", "slot", "cell"),
    [
        ("conv", "net_c[2,1,3]", SlotCell("c", 11)),
        ("conv", "grad(out_c[2,1,3])", SlotCell("c", 11)),
        ("conv", "W_c[2,1,1,1]", None),
        ("rnn", "net_r1@2", SlotCell("r", 2)),
        ("rnn", "delta(r2@3)", SlotCell("r", 5)),
        ("rnn", "i2@3", SlotCell("i", 5)),
        ("attention", "a_att[1,2,1]", None),
        ("attention", "out_att[2,3]", SlotCell("att", 6)),
        ("batch_norm", "out_n2", SlotCell("n", 1)),
        ("graph", "u", None),
        ("graph", "out_g2", SlotCell("g", 1)),
    ],
)
def test_where_a_slot_is_shown(kind: str, slot: str, cell: SlotCell | None) -> None:
    session = session_of(kind)
    reading = reading_at(session, 0)
    assert cell_of(reading, session.network.notation.resolve(slot, session.program, sample=0)) == cell
    if cell is not None and kind == "conv":
        # Of another sample it is not shown.
        other = session.network.notation.resolve(slot, session.program, sample=1)
        assert cell_of(reading, other) is None


@pytest.mark.parametrize("kind", LAYERS)
def test_slots_are_counted_through(kind: str) -> None:
    reading = reading_at(session_of(kind), 0)
    for number in range(node_count(reading)):
        cell = node_at(reading, number)
        assert node_number(reading, cell) == number
        ref = node_ref(reading, number)
        assert ref is not None
        found = cell_of(reading, ref)
        assert found is None or found == cell
    assert node_ref(reading, node_count(reading)) is None


@pytest.mark.parametrize("kind", [*LAYERS, "skip", "branches"])
def test_every_row_of_the_table_is_found_again(kind: str) -> None:
    session = session_of(kind)
    reading = reading_at(session, 0)
    parameters = Parameters(reading)
    refs = [parameters.ref(number) for number in range(len(parameters))]
    assert len(set(refs)) == len(refs) == sum(array.size for array in session.network.parameters)
    assert [parameters.find(ref) for ref in refs] == list(range(len(refs)))
    symbols = [reading.symbol(ref) for ref in refs]
    assert len(set(symbols)) == len(symbols)


def test_from_and_to_of_the_edges_of_several_sources() -> None:
    parameters = Parameters(reading_at(session_of("skip"), 0))
    paths = [parameters.path(parameters.ref(number)) for number in range(len(parameters))]
    assert paths == ["i1 → h1", "i2 → h1", "1 → h1", "i1 → o1", "i2 → o1", "h1 → o1", "1 → o1"]
    parameters = Parameters(reading_at(session_of("conv"), 0))
    assert parameters.path(parameters.ref(0)) == ""


def test_what_the_optimiser_remembers_has_columns() -> None:
    session = Session(scenario_of("conv", training='learning_rate = 0.1\noptimizer = "adam"'))
    session.step("iteration")
    reading = Reading.of(session)
    shown = weights_view(reading, Parameters(reading), Lens(), None)
    assert shown.memory[:2] == ("m", "v")
    assert all(len(row.memory) == len(shown.memory) for row in shown.rows)
    ref = session.network.notation.resolve("new(m(W_c[1,1,1,1]))", session.program)
    assert shown.rows[0].memory[0] == session.frame.value(ref)
    row = drawn(WeightsPanel, shown, (120, 12), UNICODE)
    assert row[1].split()[-len(shown.memory) :] != []
    assert " m " in row[1]
    assert " v" in row[1]
    assert " m " not in drawn(WeightsPanel, shown, (50, 12), UNICODE)[1]


def test_outputs_of_every_shape_stand_beside_their_targets() -> None:
    reading = reading_at(session_of("rnn"), first_step(session_of("rnn"), "out_o2@2"))
    lines = ["".join(span.text for span in line) for line in loss_view(reading, Losses.none(), run=None).lines]
    assert any(line.startswith("o1@2") and "target 0.25" in line for line in lines)
    reading = reading_at(session_of("branches"), 1)
    lines = ["".join(span.text for span in line) for line in loss_view(reading, Losses.none(), run=None).lines]
    assert [line.split()[0] for line in lines[-4:]] == ["p1", "p2", "p3", "q1"]


def test_where_the_cursor_is_says_the_time_step() -> None:
    session = session_of("rnn")
    header = header_view(reading_at(session, first_step(session, "out_o2@2")))
    assert "o@2" in [crumb.value for crumb in header.crumbs]
    equation = equation_view(Reading.of(session), Lens())
    assert "o2@2" in equation.question


# -- the focus


def test_the_focus_adds_up() -> None:
    session = session_of("branches")
    for slot in ("net_p2", "net_q1", "net_left7"):
        reading = reading_at(session, first_step(session, slot))
        focus = network_view(reading, Parameters(reading), Lens()).focus
        assert focus is not None
        assert len(focus.incoming) == 4
        assert reading.step is not None
        values = [term.value for term in reading.step.terms]
        largest = sorted(values, key=abs, reverse=True)
        assert [row.value for row in focus.incoming] == pytest.approx(largest[:4])
        assert f"{len(values) - 4} more" in focus.rest
        rest = float(focus.rest.split("= ")[1].replace("−", "-"))
        assert math.isclose(sum(largest[:4]) + rest, reading.step.result, abs_tol=2e-3)


def test_the_focus_of_a_selected_slot_says_where_it_goes() -> None:
    session = session_of("branches")
    reading = reading_at(session, first_step(session, "out_again30"))
    number = node_number(reading, SlotCell("both", 4))
    focus = network_view(reading, Parameters(reading), Lens(node=number)).focus
    assert focus is not None
    assert focus.title[0].text == "both5"
    assert {row.label.split(" → ")[1] for row in focus.outgoing} <= {f"again{unit}" for unit in range(1, 31)} | {
        "rest5"
    }
    assert len(focus.outgoing) == 4
    assert "27 more" in focus.more


# -- sheets


def sheet(kind: SheetKind, shape: tuple[int, int, int], target: int) -> SheetView:
    values = np.linspace(-1, 1, math.prod(shape)).reshape(shape)
    names = tuple(f"h{row + 1}" for row in range(shape[1])) if kind is SheetKind.TIME else ()
    return SheetView(kind=kind, values=values, marks={target: Mark.TARGET}, names=names, now=target % shape[2])


@examples(40)
@given(
    kind=st.sampled_from(list(SheetKind)),
    tiles=st.integers(1, 9),
    rows=st.integers(1, 12),
    columns=st.integers(1, 40),
    room=st.tuples(st.integers(1, 80), st.integers(1, 30)),
    target=st.integers(0, 10_000),
    plain=st.booleans(),
)
def test_a_sheet_fits_and_shows_its_target(
    kind: SheetKind, tiles: int, rows: int, columns: int, room: tuple[int, int], target: int, plain: bool
) -> None:
    glyphs = ASCII if plain else UNICODE
    shape = (1, 1, columns) if kind is SheetKind.VECTOR else (1 if kind is SheetKind.TIME else tiles, rows, columns)
    shown = sheet(kind, shape, target % math.prod(shape))
    forms = sheet_forms(Dimensions.of(shown), *room)
    assert forms
    for form in forms:
        assert form.width <= room[0]
        assert form.height <= room[1]
        assert form.score < WHOLE or form.tiles * form.rows * form.columns >= math.prod(shape)
        canvas = Canvas(room[0] + 2, room[1], glyphs)
        draw_sheet(canvas, shown, form, 1, 0)
        marked = [
            (x, y)
            for y in range(room[1])
            for x in range(room[0] + 2)
            if canvas._inks[y][x] in (Ink.TARGET, Ink.CHANGED)
        ]
        assert any(y >= form.head for _x, y in marked)
        assert all(x <= form.width + 1 and y < form.height for x, y in marked)


def test_a_cell_tells_sign_and_what_is_not_computed_without_colour() -> None:
    values = np.array([[[1.0, -1.0, 0.0, 0.5]]])
    known = np.array([[[True, True, True, False]]])
    shown = SheetView(kind=SheetKind.MAP, values=values, known=known, marks={})
    for glyphs, texts in ((COLOURLESS, ["9₉0·", " 9−9 0 ·"]), (ASCII, ["9i0.", " 9-9 0 ."])):
        for form, text in zip(sheet_forms(Dimensions.of(shown), 8, 1)[:2], texts, strict=True):
            canvas = Canvas(8, 1, glyphs)
            draw_sheet(canvas, shown, form, 0, 0)
            assert canvas.text()[0].rstrip() == text.rstrip()


# -- the layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[tuple[Needs, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    count = draw(st.integers(1, 12))
    needs, links, depths = [], [], []
    for block in range(count):
        before = draw(st.lists(st.integers(0, block - 1), max_size=3, unique=True)) if block else []
        links += [(source, block) for source in before]
        depths.append(1 + max((depths[source] for source in before), default=-1))
        size = Dimensions(
            draw(st.sampled_from(list(SheetKind))),
            draw(st.integers(1, 8)),
            draw(st.integers(1, 12)),
            draw(st.integers(1, 12)),
            draw(st.integers(0, 4)),
        )
        needs.append(
            Needs(
                name=draw(st.integers(1, 8)),
                words=(draw(st.integers(3, 14)),),
                sheets=(size, size) if draw(st.booleans()) else (size,),
                here=False,
                nodes=draw(st.integers(0, 5)),
                label=3,
                gate=draw(st.sampled_from([0, 0, 3])),
            )
        )
    return tuple(needs), tuple(depths), tuple(links)


@examples(60)
@given(graph=graphs(), columns=st.integers(1, 160), rows=st.integers(1, 50), active=st.integers(-1, 11))
def test_blocks_lie_apart_and_in_the_room(graph: Any, columns: int, rows: int, active: int) -> None:
    needs, depths, links = graph
    found = layout(needs, depths, links, min(active, len(needs) - 1), columns, rows)
    assert found.places or columns < 12 or rows < 3
    if active >= 0:
        assert min(active, len(needs) - 1) in found.places
    taken: set[tuple[int, int]] = set()
    total = sum(1 for _ in found.places)
    for block, place in found.places.items():
        cells = {
            (x, y)
            for x in range(place.x, place.x + place.form.width)
            for y in range(place.y, place.y + place.form.height)
        }
        crowded = rows < 3 * total or columns < 12
        assert crowded or not cells & taken
        taken |= cells
        assert place.form in forms_of(needs[block], columns, max(rows, 1)) or place.form.width <= columns
        assert place.y <= place.port < place.y + max(place.form.height, 1)
    if columns >= 24 and rows >= 3 * total:
        assert all(0 <= x < columns and 0 <= y < rows for x, y in taken)


@given(graph=graphs(), columns=st.integers(1, 120), rows=st.integers(1, 40))
@examples(50)
def test_any_graph_is_drawn(graph: Any, columns: int, rows: int) -> None:
    _needs, depths, links = graph
    layers = tuple(
        LayerView(
            name=f"layer{number}",
            caption="a caption",
            depth=depth,
            mark=Mark.TARGET if number == 0 else Mark.IDLE,
            sheets=(sheet(SheetKind.MAP, (2, 3, 4), 5),),
        )
        for number, depth in enumerate(depths)
    )
    shown = NetworkView(
        layers=layers,
        links=tuple(LinkView(source=source, target=target, live=source == 0) for source, target in links),
        flow=-1,
    )
    for glyphs in (UNICODE, ASCII):
        drawn(NetworkPanel, shown, (columns, rows), glyphs)


def test_lines_join_where_they_come_from_or_lead_to_one_block_and_else_cross() -> None:
    wires = Wires()
    wires.add(0, 2, [(0, 0), (3, 0), (3, 2), (6, 2)], live=False)
    wires.add(1, 2, [(0, 2), (6, 2)], live=False)
    wires.add(3, 4, [(0, 1), (6, 1)], live=False)
    canvas = Canvas(8, 3, UNICODE)
    wires.draw(canvas)
    assert [row.rstrip() for row in canvas.text()] == ["───┐", "───────", "───┴───"]
    wires.add(0, 5, [(0, 0), (3, 0), (3, 1)], live=True)
    canvas = Canvas(8, 3, ASCII)
    wires.draw(canvas)
    assert canvas.text()[0].startswith("===#")


def test_a_hidden_column_is_said() -> None:
    session = Session(load_scenario("tiny-transformer"))
    text = network_text(session, 20, (40, 14))
    assert "→" in text.splitlines()[-1]
    assert marks(Reading.of(session)).layers["emb"] is Mark.TARGET


async def test_keys_select_slots_and_go_to_them_in_any_graph(opened: Any) -> None:
    async with opened(scenario_of("conv")) as driver:
        await driver.press("1", *["down"] * 18)
        await driver.press("enter")
        assert driver.session.current.symbol == "out_c[1,1,2]"
        await driver.press("n", "f", "right_square_bracket")
        assert driver.session.revealed == driver.session.program.steps
