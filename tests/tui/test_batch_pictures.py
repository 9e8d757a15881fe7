"""The pictures of batch norm and dropout: what they show is in the frame, and nothing of it is ahead of the cursor."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.drawing.dispatch import picture_rows
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture

IMAGES = """
format = 1
title = { en = "Images" }
[network]
inputs = 12
input_shape = [2, 2, 3]
[[network.layers]]
kind = "batch_norm"
name = "n"
[[network.layers]]
kind = "dropout"
name = "d"
WHOLE
[[network.layers]]
units = 1
name = "o"
[data]
inputs = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3], [0, 2, 1, 4, 3, 6, 5, 8, 7, 0, 9, 2]]
targets = [[0], [1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def sessions() -> list[Session]:
    texts = [IMAGES.replace("WHOLE", whole) for whole in ("", "whole_channels = true")]
    shipped = [Session(load_scenario(name)) for name in ("batch-norm", "dropout")]
    return [*shipped, *(Session(parse_scenario(text)) for text in texts)]


@pytest.mark.parametrize("number", range(4))
def test_every_step_is_pictured_from_what_is_revealed(number: int) -> None:
    session = sessions()[number]
    seen: set[str] = set()
    for _step in range(session.program.steps):
        session.step()
        reading = Reading.of(session)
        step = reading.step
        assert step is not None
        for picture in pictures_of(reading, step, 6):
            for glyphs in (UNICODE, ASCII):
                for size in ((20, 3), (58, 8), (100, 30)):
                    picture_rows(picture, *size, glyphs)
            grids = (
                picture.grids if isinstance(picture, JoinedPicture) else (picture,) if isinstance(picture, Grid) else ()
            )
            for grid in grids:
                seen.add(step.op.title)
                assert grid.known is not None
                shown = grid.values[grid.known]
                assert np.all(np.isfinite(shown))
                for spot in grid.spots:
                    assert grid.known[spot.row, spot.column], (step.name, spot)
                    if spot.mark is Mark.TARGET:
                        assert grid.values[spot.row, spot.column] == session.frame.value(step.target)
    assert {"dropout"} <= seen or {"mean of the batch", "variance of the batch", "normalised value"} <= seen


def test_a_table_is_centred_on_its_sample() -> None:
    session = sessions()[0]
    session.seek(40)
    reading = Reading.of(session)
    assert reading.step is not None
    (table,) = (picture for picture in pictures_of(reading, reading.step, 6) if isinstance(picture, Grid))
    frame, program = session.frame, session.program
    np.testing.assert_array_equal(table.values[:, 0], frame.array(program.named["out_h"])[:, 0])
    assert table.rows == ("{1}", "{2}", "{3}", "{4}")
    assert {spot.row for spot in table.spots} == {1}
    assert "σ²_n1 = ·" in "".join(span.text for span in table.caption), "it is complete with the last sample"
