"""The picture of an optimiser's state: all that belongs to one weight, before its update and after."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine.equations.array import Phase
from retrograde.engine.equations.expression import Ref
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.drawing.dispatch import picture_rows
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid
from tests.ops.test_optimisers import SETTINGS, named
from tests.support.updates import network


def table(session: Session) -> Grid | None:
    reading = Reading.of(session)
    assert reading.step is not None
    found = pictures_of(reading, reading.step, 6)
    for picture in found:
        for glyphs in (UNICODE, ASCII):
            for size in ((20, 3), (44, 8), (100, 30)):
                picture_rows(picture, *size, glyphs)
    return next((picture for picture in found if isinstance(picture, Grid)), None)


@pytest.mark.parametrize("setting", SETTINGS, ids=map(named, SETTINGS))
def test_every_step_of_an_update_is_pictured_from_what_is_revealed(setting: dict[str, object]) -> None:
    session = Session(parse_scenario(network(setting, extra="clip_value = 0.1")))
    program, seen = session.schedule.full, 0
    for number in range(program.steps):
        if program.ops[program.place(number).op].phase is not Phase.UPDATE or number % 7:
            continue
        session.seek(session.schedule.start(3) + number + 1)
        grid, step = table(session), session.current
        assert step is not None
        if grid is None:
            assert not step.target.index or not setting.get("momentum")
            continue
        seen += 1
        assert grid.known is not None
        assert grid.outside is not None
        assert not np.any(grid.known & grid.outside)
        assert np.all(np.isfinite(grid.values[grid.known]))
        first, *others = grid.spots
        assert first.mark is Mark.TARGET
        assert grid.values[first.row, first.column] == session.frame.value(step.target)
        assert all(grid.known[spot.row, spot.column] for spot in others)
        assert not np.any(grid.known[first.row + 1 :, 1]), "nothing ahead of the cursor"
    assert seen > 0 or setting == {"optimizer": "sgd"}


def test_what_is_not_renewed_yet_has_its_old_value() -> None:
    session = Session(parse_scenario(network({"optimizer": "adam"})))
    program = session.schedule.full
    step = program.produced(Ref(program.named["new(m(W_o))"], (0, 1)))
    assert step is not None
    session.seek(session.schedule.start(2) + step + 1)
    grid = table(session)
    assert grid is not None
    assert grid.known is not None
    assert grid.outside is not None
    w = session.network.notation.symbol(Ref(program.named["W_o"], (0, 1)))
    assert grid.rows == (f"∂E/∂{w}", "m", "v", "m̂", "v̂", w)
    assert grid.columns == ("before", "after")
    old = session.frame.value(Ref(program.named["v(W_o)"], (0, 1)))
    assert grid.values[2, 0] == old > 0
    assert grid.known.tolist() == [
        [True, False],
        [True, True],
        [True, False],
        [False, False],
        [False, False],
        [True, False],
    ]
    assert grid.outside[:, 0].tolist() == [False, False, False, True, True, False]
    assert [span.text.strip() for span in grid.caption] == ["β1 = 0.9"]
