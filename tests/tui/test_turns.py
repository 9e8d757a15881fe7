"""Who has the session: one table of states and events, complete, and without a state that nothing leaves."""

from __future__ import annotations

import itertools

import pytest

from retrograde.tui.work.turns import TABLE, Event, RefusedError, Turn, Turns, diagram, markdown

WORK = (
    Turn.RUN,
    Turn.WALK,
    Turn.PAUSE,
    Turn.SEEK,
    Turn.SEARCH,
    Turn.QUIET,
    Turn.STOP,
    Turn.LENT_SEARCH,
    Turn.LENT_STOP,
)


def test_every_state_has_a_row_and_every_event_a_place() -> None:
    assert set(TABLE) == set(Turn)
    assert {event for following in TABLE.values() for event in following} == set(Event)
    assert {turn for following in TABLE.values() for turn in following.values()} == set(Turn)


@pytest.mark.parametrize(("turn", "event"), itertools.product(Turn, Event))
def test_what_is_not_in_the_table_is_refused_and_nothing_has_happened(turn: Turn, event: Event) -> None:
    turns = Turns()
    turns.now = turn
    if event in TABLE[turn]:
        assert turns.allows(event)
        turns.take(event)
        assert turns.now is TABLE[turn][event]
    else:
        assert not turns.allows(event)
        with pytest.raises(RefusedError, match=f"{turn.name} has no {event.name}"):
            turns.take(event)
        assert turns.now is turn


@pytest.mark.parametrize("turn", WORK)
def test_work_can_be_asked_to_end_as_often_as_one_likes_and_then_ends(turn: Turn) -> None:
    asked = TABLE[turn][Event.STOP]
    assert TABLE[asked][Event.STOP] is asked
    assert TABLE[asked][Event.END] is TABLE[turn][Event.END]
    assert TABLE[turn][Event.END] in {Turn.FREE, Turn.LENT}


def test_two_never_have_the_session_at_once() -> None:
    begins = {Event.RUN, Event.SEEK, Event.SEARCH, Event.REST}
    for turn, following in TABLE.items():
        working = turn in WORK
        assert working is (Event.END in following) is (Event.STOP in following)
        assert not (working and begins & set(following)), "work begins when there is none"
        assert (Event.USE in following) is not working, "the screen moves the session when no work has it"
        assert Event.WALK not in following or Event.LOOK in following, "who may walk may look"


def test_nobody_is_disturbed_by_what_nobody_asked_for() -> None:
    assert [turn for turn, following in TABLE.items() if Event.REST in following] == [Turn.FREE]


def test_every_state_is_reached_and_left() -> None:
    reached, waiting = {Turn.FREE}, [Turn.FREE]
    while waiting:
        for turn in set(TABLE[waiting.pop()].values()) - reached:
            reached.add(turn)
            waiting.append(turn)
    assert reached == set(Turn)
    for turn in Turn:
        assert turn is Turn.FREE or any(target is not turn for target in TABLE[turn].values())


def test_the_table_is_drawn() -> None:
    for turn, following in TABLE.items():
        for event, target in following.items():
            line = next((line for line in diagram().splitlines() if f" {turn.name} --> {target.name}: " in line), "")
            assert turn is target or event.name in line
        assert f"| **{turn.name}**: {turn.value} |" in markdown()
