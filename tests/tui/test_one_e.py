"""A part and the sum over the batch have names of their own; what a mean divides by is said; the curve is on time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.array import Extent
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.equation import EquationView
from retrograde.tui.views.badges import badges
from retrograde.tui.views.equation import equation_view
from retrograde.tui.views.lens import Lens
from retrograde.tui.widgets.equation import EquationPanel
from tests.support.effort import examples

BATCHED = ("diverging", "iris", "batch-norm", "weight-decay", "dropout", "gru")


def looked(name: str, position: int, *, rate: float | None = None) -> tuple[Session, EquationView]:
    """A session at a position, and its equation."""
    session = Session(load_scenario(name))
    if rate is not None:
        session.set_value("lr", rate)
    session.position = position
    reading = Reading.of(session)
    return session, equation_view(reading, Lens(), badges(session, reading))


def text_of(spans: object) -> str:
    return "".join(span.text for span in spans)  # type: ignore[attr-defined]


@given(st.data())
@examples(60)
def test_what_is_written_left_of_a_result_is_what_has_that_value(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(BATCHED))
    session = Session(load_scenario(name))
    session.position = data.draw(st.integers(1, session.program.steps))
    step = session.current
    assert step is not None
    view = equation_view(Reading.of(session), Lens())
    summed = step.op.extent is Extent.SUM and session.program.batch > 1
    assert bool(view.total) == summed
    if summed:
        sample = (step.place.sample or 0) + 1
        assert f"{{{sample}}}" in view.left and view.left.replace(f"{{{sample}}}", "", 1) == step.symbol
        assert view.total[0].text == step.symbol
    else:
        assert view.left == session.symbol(step.target)


def test_a_published_sum_is_marked_at_the_sum_not_at_its_last_part() -> None:
    session = Session(load_scenario("diverging"))
    session.position = session.find("2:1:28")
    view = equation_view(Reading.of(session), Lens(), badges(session, Reading.of(session)))
    assert (view.left, view.result.text) == ("E{4}", "24.5768063")
    assert text_of(view.total) == "E = E{1} + … + E{4} = 51.6988375"
    rows = [text_of(row) for row in EquationPanel._formula(view, 60, "")]
    assert [row for row in rows if "✓ published" in row] == [" E = E{1} + … + E{4} = 51.6988375  ✓ published"]


@pytest.mark.parametrize(
    ("name", "position", "said"),
    [("diverging", 27, "÷ 4: mean over 4 samples"), ("iris", 32, "÷ 15: mean over 15 samples"), ("mazur", 9, "")],
)
def test_a_division_by_the_batch_has_its_word(name: str, position: int, said: str) -> None:
    _session, view = looked(name, position)
    notes = [text_of(note) for note in view.notes]
    assert (said in notes) if said else not any(note.startswith("÷") for note in notes)


def test_the_softmax_box_speaks_of_out_and_t() -> None:
    _session, view = looked("iris", 32)
    text = "\n".join(text_of(note) for note in view.notes)
    assert "= (out_k − t_k) / 15" in text and "∂E/∂out_j · ∂out_j/∂net_k" in text
    assert "p_" not in text and "y_" not in text
    assert view.why == "Softmax and cross-entropy together: out − t."


def test_the_first_screen_has_the_rate_of_its_branch() -> None:
    _session, view = looked("mazur", 0, rate=5.0)
    assert "η = 5 (was 0.5)" in "\n".join(map(text_of, view.prose))
    _session, view = looked("mazur", 0)
    assert "η = 0.5\n" in "\n".join(map(text_of, view.prose))


def test_e_is_a_point_of_the_curve_as_soon_as_it_is_there() -> None:
    session = Session(load_scenario("mazur"))
    found = {}
    for position in (0, 10, 11, 39, 49, 50, 78, 89):
        session.seek(position)
        found[position] = session.losses.count
    assert found == {0: 0, 10: 0, 11: 1, 39: 1, 49: 1, 50: 2, 78: 2, 89: 3}
    whole = Session(load_scenario("mazur"))
    whole.seek(39 * 3)
    assert whole.losses.points()[1].tolist() == session.losses.points()[1].tolist()


@pytest.mark.parametrize(
    ("name", "symbol", "said"),
    [
        ("mazur", "∂E/∂w5", "1 % more w5 moves E by +0.000329, to first order"),
        ("vanishing", "∂E/∂b_o1", "0.01 more b_o1 moves E by −0.00124, to first order"),
    ],
)
def test_how_far_a_parameter_moves_e_is_said_of_a_zero_too(name: str, symbol: str, said: str) -> None:
    session = Session(load_scenario(name))
    session.position = next(
        number for number in range(1, session.program.steps + 1) if session.step_at(number).symbol == symbol
    )
    view = equation_view(Reading.of(session), Lens())
    assert said in [text_of(note) for note in view.notes]
