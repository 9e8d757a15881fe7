"""The pictures of attention, embeddings and layer norms: what they show is in the frame, and nothing ahead of it."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.drawing.dispatch import picture_rows
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture, Picture
from tests.support.attended import Attended


def sessions() -> list[Session]:
    found = [Session(load_scenario("attention-by-hand"))]
    return [*found, *(Session(Attended(seed=seed, samples=2).scenario) for seed in (1, 4, 6, 8, 11))]


def grids_of(picture: Picture) -> tuple[Grid, ...]:
    return picture.grids if isinstance(picture, JoinedPicture) else (picture,) if isinstance(picture, Grid) else ()


def check(session: Session, seen: set[str]) -> None:
    """What the pictures of the step on the screen show is revealed, and the marked target is the step's slot."""
    reading = Reading.of(session)
    step = reading.step
    assert step is not None
    for picture in pictures_of(reading, step, 6):
        for glyphs in (UNICODE, ASCII):
            for size in ((20, 3), (58, 8), (110, 30)):
                picture_rows(picture, *size, glyphs)
        for grid in grids_of(picture):
            seen.add(step.op.title)
            assert grid.known is not None
            assert grid.known.shape == grid.values.shape
            for spot in grid.spots:
                assert 0 <= spot.row < spot.row + spot.rows <= grid.values.shape[0], (step.name, spot)
                assert 0 <= spot.column < spot.column + spot.columns <= grid.values.shape[1], (step.name, spot)
                rows, columns = slice(spot.row, spot.row + spot.rows), slice(spot.column, spot.column + spot.columns)
                assert np.all(grid.known[rows, columns]), (step.name, grid.title, spot)
                if spot.mark is Mark.TARGET and step.op.title != "gradient":
                    value = session.frame.value(step.target)
                    assert grid.values[spot.row, spot.column] == value


@pytest.mark.parametrize("number", range(6))
def test_every_step_is_pictured_from_what_is_revealed(number: int) -> None:
    session = sessions()[number]
    seen: set[str] = set()
    for _step in range(min(session.program.steps, 700)):
        session.step()
        check(session, seen)
    assert seen


def test_a_row_of_a_causal_table_ends_at_its_own_position() -> None:
    session = Session(load_scenario("attention-by-hand"))
    tables = {}
    for _step in range(session.program.steps):
        session.step()
        reading = Reading.of(session)
        assert reading.step is not None
        pictures = pictures_of(reading, reading.step, 6)
        tables[reading.step.name] = [grid for picture in pictures for grid in grids_of(picture)]
    (e,) = tables["S_att2"]
    assert (e.spots[0].row, e.spots[0].column, e.spots[0].columns) == (1, 0, 2)
    assert e.outside is not None
    assert e.outside.tolist() == [[False, True, True], [False, False, True], [False, False, False]]
    before, after = tables["a_att[3,1]"]
    assert (before.title, after.title) == ("e_att", "a_att")
    weights, values, made = tables["out_att[3,2]"]
    assert (weights.title, values.title, made.title) == ("a_att", "out_emb", "out_att")
    assert values.spots[0].rows == 3


def test_positions_have_the_names_of_their_symbols() -> None:
    session = Session(load_scenario("tiny-transformer"))
    session.step()
    reading = Reading.of(session)
    assert reading.step is not None
    (picture,) = [one for one in pictures_of(reading, reading.step, 6) if isinstance(one, JoinedPicture)]
    table, vectors = picture.grids
    assert table.rows == ("A", "B", "C", "D")
    inputs = session.frame.array(session.program.named["i"])[0]
    assert vectors.rows == tuple(f"{place} {'ABCD'[int(index)]}" for place, index in enumerate(inputs, 1))
    assert table.spots[0].row == inputs[0]


def test_a_layer_norm_lists_its_position() -> None:
    session = Session(load_scenario("tiny-transformer"))
    names = ("mu_norm1.1", "d_norm1[1,3]", "var_norm1.2", "xhat_norm1[2,1]", "out_norm1[2,1]", "grad(rstd_norm1.1)")
    titles = []
    for name in names:
        step = session.explain(session.resolve(name))
        assert step is not None, name
        session.seek(step.number)
        reading = Reading.of(session)
        assert reading.step is not None
        check(session, set())
        (table,) = [grid for one in pictures_of(reading, reading.step, 6) for grid in grids_of(one)]
        titles.append(table.columns)
    assert titles[1] == ("out_add1", "d_norm1")
    assert titles[2] == ("d_norm1", "( )²")
    assert titles[4] == ("x̂_norm1", "γ_norm1", "β_norm1", "out_norm1")


def pictured(name: str, place: str) -> Grid:
    """The table of the step that makes a slot."""
    session = Session(load_scenario(name))
    made = session.program.produced(session.resolve(place))
    assert made is not None
    session.seek(made + 1)
    reading = Reading.of(session)
    assert reading.step is not None
    return next(one for one in pictures_of(reading, reading.step, 6) if isinstance(one, Grid))


def test_a_group_norm_lists_the_values_of_its_group() -> None:
    mean = pictured("group-norm-by-hand", "var_g2")
    assert (mean.title, mean.rows) == ("group 2", ("3,1", "3,2", "4,1", "4,2"))
    np.testing.assert_array_equal(mean.values, [[-5, 25], [5, 25], [5, 25], [-5, 25]])
    moved = pictured("group-norm-by-hand", "xhat_g[3,2]")
    np.testing.assert_allclose(moved.values, [[-5, -1], [5, 1], [5, np.nan], [-5, np.nan]], rtol=1e-9)
    assert [(spot.row, spot.column) for spot in moved.spots] == [(1, 1), (1, 0)]
    back = pictured("group-norm-by-hand", "grad(rstd_g1)")
    assert (back.title, back.rows) == ("group 1", ("1,1", "1,2", "2,1", "2,2"))
    np.testing.assert_allclose(back.values, [[-0.5, -2], [0, 2], [0, 2], [0, -2]], rtol=1e-9)


def test_an_rms_norm_lists_its_values_and_their_squares() -> None:
    grid = pictured("rms-norm-by-hand", "ms_n")
    np.testing.assert_array_equal(grid.values, [[1, 1], [7, 49]])
    scaled = pictured("rms-norm-by-hand", "out_n2")
    np.testing.assert_allclose(scaled.values, [[0.2, 2, 0.4], [1.4, 0.5, 0.7]], rtol=1e-9)
