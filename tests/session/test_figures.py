"""Published figures at their places: each at the first moment at which its value is there."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.array import Extent
from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.figures import figures
from retrograde.engine.session.published import check, compare, slip
from retrograde.engine.session.session import Session
from tests.support.effort import examples

NAMES = ("and-gate", "mazur", "neuralblog", "brownlee", "weight-decay", "attention-by-hand")


def test_every_figure_of_mazur_stands_at_the_step_that_makes_it() -> None:
    session = Session(load_scenario("mazur"))
    found = figures(session)
    assert [figure.finding for figure in found] == list(check(session.scenario))
    places = {figure.finding.expect.value: figure.position for figure in found if figure.finding.expect.updates == 0}
    assert places["net_h1"] == 1
    assert places["∂E_o1/∂out_h1"] == places["∂E_o2/∂out_h1"] == places["grad(out_h1)"] == 22
    assert places["new(w5)"] == 36
    # What is printed of the time after the last update is known when the run ends.
    last = [figure for figure in found if figure.finding.expect.updates == 10_000]
    assert {figure.position for figure in last} == {session.length} and not any(figure.made for figure in last)


@pytest.mark.parametrize("name", ["mazur", "neuralblog", "convolution-by-hand", "lstm-two-steps", "weight-decay"])
def test_a_value_is_known_at_its_place_and_not_before(name: str) -> None:
    session = Session(load_scenario(name))
    for figure in figures(session):
        expect = figure.finding.expect
        if not figure.made or expect.value.startswith("E_"):
            continue
        session.position = figure.position
        value = session.value(expect.value)
        assert float(value) * expect.factor == pytest.approx(figure.finding.computed, rel=1e-15)
        session.position = figure.position - 1
        # Of a sum over samples the sum so far is known, and a parameter has its value before the update.
        with suppress(EngineError):
            assert session.value(expect.value) != value or summed(session, expect.value)


def summed(session: Session, name: str) -> bool:
    """Whether a value is a sum over samples, or a parameter."""
    ref = session.resolve(name)
    op = session.program.maker(ref.array)
    return op is None or op.extent is not Extent.SAMPLE


def test_the_figures_of_an_edited_run_are_those_of_the_scenario() -> None:
    session = Session(load_scenario("mazur"))
    before = figures(session)
    session.set_value("lr", 5.0)
    session.seek(100)
    assert figures(session) == before


def test_a_check_that_is_asked_to_end_ends() -> None:
    with pytest.raises(InterruptedError):
        figures(Session(load_scenario("mazur")), asked=lambda: True)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_a_step_is_named_at_the_step(name: str) -> None:
    session = Session(load_scenario(name))
    for figure in figures(session):
        iteration, _step = session.schedule.locate(figure.position)
        if figure.made and iteration < 20:
            step = session.step_at(figure.position)
            assert figure.finding.expect.value in [printed.expect.value for printed in session.printed(step)] or (
                # Of an array and of a formula many steps make a part.
                figure.symbol == figure.finding.expect.value
            )


@given(st.integers(1, 10**6), st.integers(-3, 3), st.integers(0, 6))
@examples(100)
def test_how_far_a_figure_is_off_counts_its_last_digit(whole: int, by: int, places: int) -> None:
    value = whole / 10**places
    wrong = f"{(whole + by) / 10**places:.{places}f}"
    found = compare(wrong, value)
    assert found.above == (0 if found.matches else abs(whole + by) - whole)
    assert bool(slip(found.above)) == (abs(found.above) == 1)
