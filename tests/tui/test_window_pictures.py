"""The pictures of convolution and pooling: their products add up to the step, and nothing is ahead of the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.expression import Ref
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.conv import (
    BiasChannelPart,
    Convolve,
    ConvolveTransposed,
    GatherPart,
    KernelPart,
    ScatterPart,
)
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.pool import GlobalAverage
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.drawing.dispatch import picture_rows
from retrograde.tui.pictures import convolution, pooling
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, Picture
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.equation import EquationPanel

KINDS = """
format = 1
title = { en = "kinds" }
[network]
inputs = 50
input_shape = [2, 5, 5]
seed = 3
layers = [
  { name = "a", kind = "conv", channels = 2, kernel = [3, 3], stride = 2, padding = 1, groups = 2 },
  { name = "up", kind = "conv_transpose", channels = 2, kernel = [3, 3], stride = 2, activation = "tanh" },
  { name = "mp", kind = "max_pool", kernel = [3, 3], stride = 2, padding = 1 },
  { name = "av", kind = "average_pool", kernel = [2, 2], stride = 1, padding = 1, count_include_pad = false },
  { name = "rep", kind = "upsample" },
  { name = "g", kind = "conv", channels = 3, kernel = [3, 3], dilation = 2, activation = "tanh" },
  { name = "gl", kind = "global_average_pool" },
  { name = "r", kind = "reshape", shape = [1, 3] },
  { name = "li", kind = "conv", channels = 2, kernel = [2], activation = "tanh" },
  { name = "q", kind = "max_pool", kernel = [2] },
  { name = "mix", kind = "upsample", size = [5], mode = "linear" },
  { name = "o", units = 1 },
]
[data]
inputs = [INPUTS]
targets = [[1], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


@cache
def session() -> Session:
    inputs = np.random.default_rng(1).integers(-2, 3, (2, 50)).tolist()
    return Session(parse_scenario(KINDS.replace("INPUTS", ", ".join(map(str, inputs)))))


def own(op: Op) -> type[Op | Part] | None:
    """The class by which an op has a picture of these files."""
    kinds = [type(part) for part in op.parts] if isinstance(op, Gradient) else [type(op)]
    return next((kind for kind in kinds if kind in {**convolution.PICTURES, **pooling.PICTURES}), None)


def positions(found: Session) -> Iterator[int]:
    """The first, the last and some steps between of each op."""
    program = found.program
    for number, op in enumerate(program.ops):
        if own(op) is None:
            continue
        steps = [k for k in range(program.steps) if program.place(k).op == number]
        for k in sorted({0, 1, len(steps) // 3, len(steps) - 1}):
            yield steps[min(k, len(steps) - 1)] + 1


def at(found: Session, position: int) -> tuple[Reading, tuple[Picture, ...]]:
    found.seek(position)
    reading = Reading.of(found)
    assert reading.step is not None
    return reading, pictures_of(reading, reading.step, 6)


def grids_of(picture: Picture) -> tuple[Grid, ...]:
    return picture.grids if isinstance(picture, JoinedPicture) else (picture,) if isinstance(picture, Grid) else ()


def caption(picture: Picture) -> str:
    assert isinstance(picture, JoinedPicture)
    return "".join(span.text for span in picture.caption)


def named(found: Session, name: str) -> tuple[Reading, tuple[Picture, ...]]:
    """What is drawn at the step that makes a slot; of a sum over samples at the last one."""
    made = found.program.produced(found.network.notation.resolve(name, found.program))
    assert made is not None
    return at(found, made + 1)


def test_every_kind_is_pictured_and_draws_at_every_size() -> None:
    found = session()
    seen = set()
    for position in positions(found):
        reading, pictures = at(found, position)
        assert reading.step is not None
        seen.add(own(reading.step.op))
        assert pictures
        assert all(isinstance(picture, Grid | JoinedPicture) for picture in pictures)
        for glyphs in (UNICODE, ASCII):
            for picture in pictures:
                for size in ((5, 2), (20, 3), (42, 7), (58, 9), (100, 30)):
                    rows = picture_rows(in_ascii(picture) if glyphs.ascii else picture, *size, glyphs)
                    assert len(rows) <= size[1]
    assert seen == {*convolution.PICTURES, *pooling.PICTURES}


def test_the_target_is_marked_with_its_value_and_nothing_behind_it_is_shown() -> None:
    found = session()
    for position in positions(found):
        reading, pictures = at(found, position)
        step = reading.step
        assert step is not None
        marks = 0
        for grid in (grid for picture in pictures for grid in grids_of(picture)):
            if grid.known is not None:
                assert np.all(np.isfinite(grid.values[grid.known]))
            for spot in grid.spots:
                assert 0 <= spot.row < grid.values.shape[0]
                assert 0 <= spot.column < grid.values.shape[1]
                if spot.mark is Mark.TARGET and grid.values[spot.row, spot.column] == step.result:
                    marks += 1
        bare = isinstance(step.op, Gradient) and isinstance(step.op.parts[0], BiasChannelPart)
        assert marks or bare or isinstance(step.op, GlobalAverage), step.name
        if step.op.extent is Extent.SAMPLE and not bare and len(step.target.array.element_shape) == 3:
            plane = grids_of(pictures[-1])[-1]
            assert plane.known is not None
            index = step.target.index
            shown = [
                reading.visible(Ref(step.target.array, (*index[:2], *place))) is not None
                for place in np.ndindex(*step.target.array.shape[2:])
            ]
            assert plane.known.ravel().tolist() == shown


WINDOWS = (Convolve, ConvolveTransposed, ScatterPart, GatherPart)


def test_products_add_up_to_the_step() -> None:
    found = session()
    for position in positions(found):
        reading, pictures = at(found, position)
        step = reading.step
        assert step is not None
        kind = own(step.op)
        if kind in {*WINDOWS, KernelPart}:
            first = pictures[0]
            assert isinstance(first, JoinedPicture)
            left, right, products = first.grids
            assert first.signs == ("×", "=")
            assert products.known is not None
            np.testing.assert_array_equal(products.values[products.known], (left.values * right.values)[products.known])
            assert not np.any(products.known & (products.outside if products.outside is not None else False))
            total = float(products.values[products.known].sum())
            if kind in WINDOWS and len(pictures) > 2:
                (sums,) = grids_of(pictures[1])
                spot = sums.spots[0]
                assert sums.values[spot.row, spot.column] == pytest.approx(total)
                total = float(sums.values.sum())
            elif kind is Convolve:
                assert isinstance(step.op, Convolve)
                assert step.op.bias is not None
                total += reading.frame.value(Ref(step.op.bias, step.target.index[1:2]))
            assert total == pytest.approx(step.contribution, abs=1e-15)


def test_the_input_gradient_turns_the_kernel_round() -> None:
    found = session()
    reading, pictures = named(found, "grad(out_rep[1,5,6])")
    first = pictures[0]
    kernel = grids_of(first)[1]
    assert kernel.title.endswith("rotated")
    assert "rotated by 180°" in caption(first)
    channel = int(kernel.title.partition("[")[2].partition(",")[0]) - 1
    weights = reading.frame.array(reading.program.named["W_g"])
    np.testing.assert_array_equal(kernel.values, weights[channel, 0, ::-1, ::-1])


def test_terms_are_revealed_one_by_one() -> None:
    found = Session(load_scenario("convolution-by-hand"))
    found.seek(9)
    for number in range(1, 5):
        found.step("term")
        reading = Reading.of(found)
        assert reading.step is not None
        assert reading.term == number
        patch, kernel, products = grids_of(pictures_of(reading, reading.step, 6)[0])
        assert products.known is not None
        assert int(products.known.sum()) == number
        place = divmod(number - 1, 2)
        for grid, mark in ((patch, Mark.OPERAND), (kernel, Mark.OPERAND), (products, Mark.TARGET)):
            assert [(spot.row, spot.column, spot.mark) for spot in grid.spots] == [(*place, mark)]


def test_a_winner_takes_all_and_a_tie_is_said() -> None:
    found = Session(load_scenario("convolution-by-hand"))
    _reading, (window, planes) = named(found, "winner_p[1,2,1]")
    assert "a tie of 2: the first in row order" in caption(window)
    assert [(spot.row, spot.column) for spot in grids_of(window)[0].spots] == [(0, 1)]
    source, target = grids_of(planes)
    assert [(spot.row, spot.column, spot.rows, spot.columns) for spot in source.spots] == [(2, 0, 2, 2)]
    assert [(spot.row, spot.column) for spot in target.spots] == [(1, 0)]
    _reading, (window, _planes) = named(found, "out_p[1,1,1]")
    assert "ties: the first in row order" in caption(window)
    for name in ("grad(out_c[1,3,2])", "grad(out_c[1,4,1])"):
        _reading, (window, _planes) = named(found, name)
        values, shares = grids_of(window)
        assert values.values.tolist() == [[0, 1], [1, 0]]
        assert shares.values.tolist() == [[0, 4], [0, 0]]
        assert "its winner gets 4, the others 0 · first of a tie" in caption(window)


def test_padding_is_no_cell() -> None:
    _reading, (first, *_others) = named(session(), "net_a[1,1,1]")
    patch, kernel, products = grids_of(first)
    assert patch.outside is not None
    assert patch.outside.tolist() == [[True] * 3, [True, False, False], [True, False, False]]
    assert kernel.outside is None
    assert products.outside is not None
    rows = [row for row in picture_rows(first, 58, 9, UNICODE) if isinstance(row, tuple)]
    texts = ["".join(span.text for span in row) for row in rows]
    assert texts[1].count("─") == 6
    assert "─ padding" in texts[-1]


def test_a_shared_weight_adds_up_over_samples() -> None:
    found = session()
    ref = found.network.notation.resolve("grad(W_li[1,1,2])", found.program)
    last = found.program.produced(ref)
    assert last is not None
    _reading, pictures = at(found, last + 1)
    total = found.frame.value(ref)
    text = caption(pictures[0])
    assert text.startswith(" shared: ")
    assert f"= {total:.6g}"[:6].replace("-", "−") in text
    kernel, gradients = grids_of(pictures[1])
    assert kernel.values.shape == gradients.values.shape == (1, 2)
    assert gradients.known is not None
    assert gradients.known.all()


@pytest.mark.parametrize("size", [(42, 13), (60, 18), (98, 34)])
def test_the_panel_makes_room_for_the_grids(size: tuple[int, int]) -> None:
    found = Session(load_scenario("convolution-by-hand"))
    for name in ("net_c[1,3,2]", "grad(W_c[1,1,2,1])", "grad(out_c[1,3,2])", "winner_p[1,2,1]"):
        reading, pictures = named(found, name)
        whole = len(picture_rows(pictures[0], size[0] - 2, 100, UNICODE))
        drawn = Canvas(*size, UNICODE)
        EquationPanel(id="equation").draw(drawn, equation_view(reading, Lens()))
        text = drawn.text()
        title = grids_of(pictures[0])[0].title
        top = next(y for y, line in enumerate(text) if line.strip().startswith(title))
        assert top + whole <= size[1]
        assert any(word in text[top + whole - 1] for word in ("Σ", "tap", "winner"))
