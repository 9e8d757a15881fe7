"""Pictures through time: every step has one that adds up, in every kind and direction of recurrent layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.array import Role
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.drawing.dispatch import picture_rows
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.pictures import ColumnsPicture
from tests.support.sequences import Recurrent, Sequential

KINDS = {
    "rnn": (),
    "gru": ('reset = "before"',),
    "lstm": ("peepholes = true",),
}


def columns_of(session: Session) -> ColumnsPicture | None:
    reading = Reading.of(session)
    assert reading.step is not None
    found = [picture for picture in pictures_of(reading, reading.step, 9) if isinstance(picture, ColumnsPicture)]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_every_step_of_a_recurrent_layer_has_a_picture_that_adds_up(kind: str, direction: str) -> None:
    layer = Recurrent(kind=kind, units=2, direction=direction, trained=True, options=KINDS[kind])
    recipe = Sequential(steps=3, features=2, layers=(layer, replace(layer, outputs="last")), samples=2, lengths=(3, 2))
    session = Session(recipe.scenario)
    pictured = 0
    while session.iteration == 0 and session.step():
        step = session.current
        assert step is not None
        picture = columns_of(session)
        if picture is None:
            continue
        pictured += 1
        assert picture.titles == ("t=1", "t=2", "t=3")
        for glyphs in (UNICODE, ASCII):
            assert picture_rows(picture, 60, 14, glyphs)
        if picture.spots:
            spot = picture.spots[0]
            assert picture.titles[spot.column] == f"t={step.target.array.time}"
            if step.target.array.role is not Role.GRADIENT and picture.known is not None:
                shown = picture.known[spot.row, spot.column]
                assert not shown or picture.rows[spot.row] in {"r", "z", "n", "i", "f", "g", "o", "c", "h", "net"}
        if any("E/" in row for row in picture.rows) and picture.known is not None:
            known = picture.known[2]
            assert np.allclose(picture.values[0][known] + picture.values[1][known], picture.values[2][known])
            assert len(picture.bars) == 3
    assert pictured > 60


def test_the_factor_product_is_what_the_forget_gates_let_through() -> None:
    session = Session(load_scenario("lstm-two-steps"))
    session.seek(_made(session, "grad(c_h1@1)"))
    picture = columns_of(session)
    assert picture is not None
    assert picture.rows == ("from h", "from t+1", "∂E/∂c")
    assert picture.bars == (session.value("f_h1@2"), 1.0)
    assert picture.bar_label == "∏f"
    assert picture.flow == -1


def test_the_factor_product_of_a_simple_layer_is_how_the_last_state_changes() -> None:
    session = Session(load_scenario("elman"))
    session.seek(_made(session, "grad(out_h1@1){13}"))
    picture = columns_of(session)
    assert picture is not None
    assert picture.bar_label == "∂h@4/∂h"
    plain = [_value(session, f"out_h{unit}@4{{13}}") for unit in (1, 2)]
    start, change = _value(session, "out_h1@1{13}"), 1e-6
    session.seek(_made(session, "out_h1@1{13}"))
    session.set_value("out_h1@1{13}", start + change)
    slopes = [(_value(session, f"out_h{unit}@4{{13}}") - plain[unit - 1]) / change for unit in (1, 2)]
    assert picture.bars[0] == pytest.approx(np.hypot(*slopes), rel=1e-4)
    assert picture.bars[3] == 1.0


def test_the_gradient_of_a_weight_shows_what_each_step_adds() -> None:
    session = Session(load_scenario("elman"))
    session.seek(_made(session, "grad(U_h[2,1])"))
    picture = columns_of(session)
    step = session.current
    assert picture is not None
    assert step is not None
    assert picture.rows == ("δ", "h′", "δ · h′")
    assert picture.values[2].sum() == pytest.approx(step.contribution, rel=1e-12)


def _value(session: Session, name: str) -> float:
    """A value of the iteration, whether it is revealed or not."""
    return session.frame.value(session.notation.resolve(name, session.schedule.full))


def _made(session: Session, name: str) -> int:
    """The number of the step at which a value is final."""
    made = session.schedule.full.produced(session.notation.resolve(name, session.schedule.full))
    assert made is not None
    return made + 1
