"""Pictures of a run: planes, spreads and matrices are drawn where they belong; the screen follows the cursor."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import ASCII, COLOURLESS, UNICODE
from retrograde.tui.canvas.inks import (
    CLASS_FIELD,
    CLASS_STEPS,
    NEGATIVE_FIELD,
    PAIR,
    POSITIVE_FIELD,
    RAMP_FIELD,
    SHADES,
    SOLID,
    STEPS,
    Solid,
    point,
)
from retrograde.tui.canvas.themes import contrast, look
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.drawing.axes import Axis
from retrograde.tui.drawing.fields import class_field, draw_field, height_field, signed_field
from retrograde.tui.drawing.gallery import draw_gallery
from retrograde.tui.drawing.spreads import draw_spread
from retrograde.tui.records.fields import FieldPlot, FieldPoint, GalleryPlot, SpreadPlot
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.pictures import Grid
from retrograde.tui.screens.pictures import PICTURES, PicturesScreen, picture_named
from retrograde.tui.screens.picturing import Room, Surroundings
from retrograde.tui.widgets.picture import PictureWidget
from tests.support.effort import examples

NUMBERS = st.lists(st.floats(-50, 50), min_size=2, max_size=30)


# -- numbers as shades and digits


@examples(60)
@given(values=NUMBERS, middle=st.floats(-5, 5), scale=st.floats(0.1, 60))
def test_a_signed_field_tells_sides_and_grows_with_the_distance(
    values: list[float], middle: float, scale: float
) -> None:
    ordered = np.array(sorted(values))
    shades, (digits,) = signed_field(ordered[None, :], middle, scale)
    below = ordered < middle
    assert np.array_equal((shades[0] >= NEGATIVE_FIELD) & (shades[0] < RAMP_FIELD), below)
    far = np.where(below, NEGATIVE_FIELD - shades[0], shades[0] - POSITIVE_FIELD)
    assert np.all(np.diff(far) >= 0), "further up is never shown as less"
    assert all(
        digit in "0abcdefghi" if under else digit in "0123456789" for digit, under in zip(digits, below, strict=True)
    )


@examples(60)
@given(values=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=30), log=st.booleans())
def test_heights_rise(values: list[float], log: bool) -> None:
    ordered = np.array(sorted(values))
    axis = Axis.around(float(ordered[0]), float(ordered[-1]), logarithmic=log)
    shades, (digits,) = height_field(ordered[None, :], axis)
    assert np.all(np.diff(shades[0]) >= 0)
    assert list(digits) == sorted(digits)
    assert set(shades.ravel().tolist()) <= set(range(RAMP_FIELD, RAMP_FIELD + STEPS))


@examples(40)
@given(values=st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20))
def test_the_largest_is_the_class(values: list[tuple[float, ...]]) -> None:
    numbers = np.array(values)[None, :, :]
    shades, (digits,) = class_field(numbers)
    best = numbers[0].argmax(axis=1)
    assert np.array_equal((shades[0] - CLASS_FIELD) // CLASS_STEPS, best)
    assert digits == "".join("abc"[k] for k in best)


def test_what_is_not_finite_is_marked() -> None:
    shades, digits = signed_field(np.array([[1.0, np.nan, -np.inf]]), 0.0, 1.0)
    assert shades.tolist() == [[STEPS - 1, Solid.BAD, Solid.BAD]]
    assert digits == ("9!!",)


def test_every_shade_has_a_colour_in_every_theme_and_what_is_written_on_it_is_read() -> None:
    assert SOLID + len(Solid) <= SHADES
    for name in ("dark", "light"):
        style = look(name).palette.style
        for shade in range(SOLID + len(Solid)):
            assert style(PAIR + shade * SHADES + shade).bgcolor is not None
            for sign in (Solid.STRONG, Solid.BAD):
                written = style(point(sign, shade))
                assert written.bold
                assert written.color is not None
                assert written.bgcolor is not None
                one, other = (each.triplet for each in (written.color, written.bgcolor))
                assert one is not None
                assert other is not None
                assert contrast(one.hex, other.hex) >= 4.5
    terminal = look("terminal")
    assert terminal.glyphs.digits, "shades of a field are digits there"
    for shade in range(SOLID + len(Solid)):
        assert terminal.palette.style(PAIR + shade).bgcolor is None


# -- planes


def plane_of(rows: int, columns: int, **more: Any) -> FieldPlot:
    shades = np.arange(rows * columns).reshape(rows, columns) % STEPS
    digits = tuple("".join(str(k % 10) for k in range(columns)) for _row in range(rows))
    kept = {"left": -2.0, "right": 3.0, "bottom": 0.0, "top": 1.0, "across": "i1", "up": "i2"}
    return FieldPlot(shades=shades, digits=digits, **{**kept, **more})


@examples(60)
@given(
    across=st.floats(0, 1), up=st.floats(0, 1), width=st.integers(20, 90), rows=st.integers(5, 30),
    glyphs=st.sampled_from([UNICODE, COLOURLESS, ASCII]),
)  # fmt: skip
def test_a_point_lies_where_its_numbers_are(across: float, up: float, width: int, rows: int, glyphs: Any) -> None:
    x, y = -2 + 5 * across, up
    plot = plane_of(9, 11, points=(FieldPoint(x=x, y=y, sign="#", shade=Solid.TARGET),))
    canvas = Canvas(width, rows, glyphs)
    area = draw_field(canvas, plot, 0, rows)
    assert area is not None
    (place,) = [(line.index("#"), row) for row, line in enumerate(canvas.text()) if "#" in line]
    assert place == area.cell(plot, x, y)
    column, row = place
    middle = area.place(plot, column, row)
    assert middle is not None
    assert abs(middle[0] - x) <= 5 / area.columns
    assert abs(middle[1] - y) <= 1 / area.rows


def test_a_way_leads_from_point_to_point() -> None:
    canvas = Canvas(60, 20, UNICODE)
    plot = plane_of(9, 11, way=np.array([[-2.0, 0.0], [3.0, 1.0], [np.nan, 0.0]]))
    area = draw_field(canvas, plot, 0, 20)
    assert area is not None
    rows = [line for line in canvas.text() if "•" in line]
    assert len(rows) == area.rows, "every row is crossed"
    firsts = [line.index("•") for line in rows]
    assert firsts == sorted(firsts, reverse=True)


@examples(40)
@given(width=st.integers(0, 40), rows=st.integers(0, 14), glyphs=st.sampled_from([UNICODE, COLOURLESS, ASCII]))
def test_all_are_drawn_at_any_size(width: int, rows: int, glyphs: Any) -> None:
    spread = SpreadPlot(
        counts=np.array([3, 0, 1, 7]), rows=np.array([[1, 0, 0, 2]] * 5), labels=tuple(f"epoch {k}" for k in range(5)),
        now=2, low=-1.0, high=1.0, what="weights",
    )  # fmt: skip
    grids = tuple(Grid(values=np.eye(4) - 0.5, title=f"h{k}") for k in range(7))
    for draw in (
        lambda canvas: draw_field(canvas, plane_of(4, 4), 0, rows),
        lambda canvas: draw_spread(canvas, spread, 0, rows),
        lambda canvas: draw_gallery(canvas, GalleryPlot(grids=grids, selected=5), 0, rows),
        lambda canvas: draw_gallery(canvas, GalleryPlot(grids=grids[:3], signs=("×", "=")), 0, rows),
    ):
        canvas = Canvas(width, rows, glyphs)
        draw(canvas)
        assert all(len(line) == width for line in canvas.text())


def test_columns_are_as_high_as_their_counts_and_the_cursor_has_its_row() -> None:
    plot = SpreadPlot(
        counts=np.array([8, 4, 0, 1]), rows=np.array([[1, 0, 0, 2], [0, 5, 0, 0]]), labels=("epoch 1", "epoch 2"),
        now=1, low=0.0, high=1.0, what="weights",
    )  # fmt: skip
    canvas = Canvas(40, 11, COLOURLESS)
    draw_spread(canvas, plot, 0, 11)
    text = canvas.text()
    heights = [sum(line[x] == "█" for line in text) for x in (10, 17, 24, 31)]
    assert heights[0] == 2 * heights[1] > 0
    assert heights[2] == 0
    assert any("epoch 2" in line and "▸" in line and "9" in line for line in text)


# -- the screen


def test_a_picture_is_found_by_its_name_or_refused_with_those_there_are() -> None:
    digits, moons = (Session(load_scenario(name)) for name in ("digits", "two-moons"))
    assert picture_named(moons, "bound") is PICTURES[1]
    with pytest.raises(EngineError, match="there is no picture sunset; there are loss, plane, histogram, inputs"):
        picture_named(digits, "sunset")
    with pytest.raises(EngineError, match="no picture boundary: there are 64 inputs"):
        picture_named(digits, "boundary")


@pytest.mark.parametrize(
    "name",
    ["attention-by-hand", "batch-norm", "convolution-by-hand", "cs231n-circuit", "dropout", "encoder-8-3-8", "gru"],
)
def test_every_picture_that_a_network_has_is_drawn_from_its_start_on(name: str) -> None:
    session = Session(load_scenario(name))
    room = Room(columns=58, rows=14)
    for motions in ((), ("iteration", "iteration", "phase")):
        for motion in motions:
            session.step(motion)
        for kind in PICTURES:
            if kind.why_not(session):
                continue
            picture = kind(session, Surroundings())
            for action in ("whole", "down", "right", "in", "log", "smooth", "accuracy", "x"):
                picture.do(action, room)
                picture.take(picture.read(room, lambda: False))
                looks = iter(range(40))
                with suppress(InterruptedError):
                    found = picture.study(room, lambda looks=looks: next(looks, None) is None, picture.take)
                    if found is not None:
                        picture.take(found)
                canvas = Canvas(60, 18, ASCII)
                edge = PanelEdge(title=(), corners=ASCII.corners[:2], bottom=True)
                PictureWidget(id="picture").paint(canvas, edge, picture.view(room, ASCII))
                assert any(line.strip("|+- ") for line in canvas.text())


async def ready(driver: Any) -> str:
    """The screen once nothing is computed any more."""
    assert isinstance(driver.app.screen, PicturesScreen)
    working = driver.app.screen_stack[1].parts.working
    await driver.until(lambda: working.work is None)
    await driver.settle()
    return driver.text()


async def test_pictures_are_turned_and_follow_the_cursor(opened) -> None:
    async with opened("xor-2-2-1", size=(100, 30)) as driver:
        await driver.write("run 40")
        await driver.press("G")
        await driver.idle()
        await driver.press("X")
        text = await ready(driver)
        assert "epoch 40 · step 113 of 113" in text
        assert "1 loss" in text
        position = driver.session.position
        await driver.press("left_square_bracket", "left_square_bracket")
        text = await ready(driver)
        assert "epoch 38 · step 113 of 113" in text
        assert driver.session.position < position
        await driver.press("2")
        text = await ready(driver)
        assert "o1" in text
        assert "●" in text and "○" in text
        await driver.press("down")
        assert "h1" in await ready(driver), "a hidden neuron has a boundary too"
        await driver.press("tab")
        text = await ready(driver)
        assert "E of all samples" in text
        assert "◆" in text
        shown = driver.session.timeline.data_loss(driver.session.timeline.state(38))
        assert f"{shown:.9g}"[:9] in text
        await driver.press("tab", "right")
        assert "outputs" in await ready(driver)
        await driver.press("5")
        assert "weights of h1" in await ready(driver)
        await driver.press("z")
        await ready(driver)
        await driver.press("escape")
        assert isinstance(driver.app.screen, DebuggerScreen)
        assert driver.session.iteration == 37


async def test_the_loss_is_pointed_at_and_gone_to(opened) -> None:
    async with opened("two-moons", size=(100, 30)) as driver:
        await driver.write("run 20")
        await driver.press("G")
        await driver.idle()
        await driver.write("picture loss")
        text = await ready(driver)
        assert "iteration 120 (20:6)" in text
        assert "mean of" in text
        await driver.press("left")
        text = await ready(driver)
        assert "iteration 119 (20:5)" in text
        loss = driver.session.losses.points()[1][118]
        assert f"E {loss:.9g}" in text
        await driver.press("plus", "l", "s", "a")
        assert "% right" in await ready(driver)
        await driver.press("enter")
        assert driver.session.position == driver.session.schedule.start(119)
        await driver.press("X")
        await ready(driver)
        from textual.events import MouseDown

        widget = driver.app.screen.query_one("PictureWidget")
        column = widget._area.left + 1
        widget.on_mouse_down(MouseDown(widget, column + 1, 12, 0, 0, 1, False, False, False))
        await driver.settle()
        await ready(driver)
        assert driver.session.iteration < 3, "the cursor goes to what is clicked, and the picture stays"


async def test_a_picture_says_what_it_can_not_show(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.write("picture plane w1 w99")
        assert isinstance(driver.app.screen, DebuggerScreen) or "w99" in driver.text()
        await driver.press("escape")
        await driver.write("picture plane w5 w6")
        text = await ready(driver)
        assert "w5" in text and "w6" in text
        await driver.press("1")
        assert "The curve begins with the first E" in await ready(driver)
        await driver.press("4", "right")
        assert "none of these numbers is computed yet" in await ready(driver)


async def test_a_run_is_paused_for_a_picture_and_a_recording_has_none(opened) -> None:
    async with opened("two-moons", size=(80, 24)) as driver:
        await driver.press("r", "X")
        await driver.until(lambda: isinstance(driver.app.screen, PicturesScreen))
        assert "loss" in await ready(driver)
        await driver.press("escape")
        assert isinstance(driver.app.screen, DebuggerScreen)
    recording = Path(__file__).parents[1] / "recording" / "steps" / "root.rgrec"
    async with opened(recording, size=(80, 24)) as driver:
        await driver.press("X")
        assert isinstance(driver.app.screen, DebuggerScreen)
