"""What a step reads, looked up for all slots at once, is what each slot says alone."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.explaining.statement import MOST_STATED, statement
from retrograde.engine.explaining.step import made_by
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from tests.support.effort import examples

SCENARIOS = (
    "mazur",
    "descent-mini-batch",
    "convolution-by-hand",
    "batch-norm",
    "dropout",
    "char-rnn",
    "goodfellow-xor",
)


@pytest.fixture(scope="module")
def sessions() -> dict[str, Session]:
    return {name: Session(load_scenario(name)) for name in SCENARIOS}


@pytest.mark.parametrize("name", SCENARIOS)
@given(data=st.data())
@examples(12)
def test_operands_say_what_their_slots_say(name: str, sessions: dict[str, Session], data: st.DataObject) -> None:
    session = sessions[name]
    number = data.draw(st.integers(1, min(session.length, 3 * session.schedule.steps_per_epoch)))
    step = session.step_at(number)
    frame, program = step.frame, step.program
    found = tuple(step.operands)
    assert [one.ref for one in found] == list(dict.fromkeys(refs(step.equation)))
    for one in found:
        assert (one.symbol, one.name) == (session.notation.symbol(one.ref), session.notation.name(one.ref))
        assert one.value.hex() == frame.value(one.ref).hex()
        assert one.made_by == made_by(step.schedule, step.iteration, program, one.ref)
        if one.made_by is not None:
            maker = session.step_at(one.made_by)
            array = one.ref.array if one.made_by > step.schedule.start(step.iteration) else maker.target.array
            assert maker.target == Ref(array, one.ref.index) or maker.program.batch > 1
            assert maker.final
    if found:
        place = data.draw(st.integers(0, len(found) - 1))
        assert step.operands[place] == found[place]
        assert step.operands[: place + 1] == found[: place + 1]
    assert program.places(step.reads) == list(map(program.offset, step.reads))


def test_a_choice_is_made_anew_in_each_iteration() -> None:
    # The gate of a ReLU: which branch was taken is no part of what is kept.
    session = Session(load_scenario("goodfellow-xor"))
    number = next(n for n in range(1, session.schedule.full.steps) if "ReLU" in session.step_at(n).symbol)
    stated = session.step_at(number).statement
    assert stated.reads is None
    assert session.step_at(number + session.schedule.full.steps).statement is stated


def test_what_is_kept_goes_with_its_program() -> None:
    session = Session(load_scenario("mazur"))
    program = weakref.ref(session.schedule.full)
    for number in range(1, MOST_STATED + 9):
        tuple(session.step_at(number).operands)
    assert statement(session.schedule.full, session.step_at(number).place) is session.step_at(number).statement
    del session
    gc.collect()
    assert program() is None
