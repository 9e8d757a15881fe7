"""A session's parts are plain objects: each does its work on a cursor, without a session around it."""

from __future__ import annotations

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.session.branches import Branches
from retrograde.engine.session.cursor import Cursor
from retrograde.engine.session.places import Places
from retrograde.engine.session.queries import Queries
from retrograde.engine.session.stops import Stops

SUMS = ("mazur", "xor-2-2-1")
"""Scenarios of one sample an iteration, and of several."""


@pytest.mark.parametrize("name", SUMS)
def test_a_branch_does_not_differ_from_itself(name: str) -> None:
    """At every step and every term, above all inside the first sum of an iteration."""
    session = Session(load_scenario(name))
    stop = session.schedule.start(2) + 2
    while session.position < stop:
        session.step("term")
        comparison = session.compare("main")
        assert (comparison.differences, comparison.first) == ((), None), (session.position, session.term)


@pytest.mark.parametrize("name", SUMS)
def test_branches_are_compared_at_the_cursor_s_moment_inside_a_sum_too(name: str) -> None:
    session = Session(load_scenario(name))
    session.step("phase")
    session.set_value("lr", 3.0)
    session.seek(session.schedule.start(2))
    before = session.compare("main")
    session.step("term")
    assert (session.iteration, session.revealed) == (2, 0)
    inside = session.compare("main")
    mine, theirs = session.frame, session.branches[0].timeline.frame(2)
    assert inside.differences
    for difference in inside.differences:
        assert (difference.mine, difference.theirs) == (mine.value(difference.ref), theirs.value(difference.ref))
    assert inside.first == before.first is not None


def test_stops_need_a_cursor_and_no_session() -> None:
    cursor = Cursor(load_scenario("mazur"))
    stops = Stops(cursor, Queries(cursor))
    first = stops.add("at backward")
    late = stops.add("at o1", after=first.number, from_hit=2)
    logs = stops.add("at loss", log=("E",))
    cursor.seek(cursor.schedule.start(2))
    seen = list(stops.hits(first))
    assert seen == [point for point in seen if cursor.step_at(point).moment.phase == "backward"]
    cursor.seek(0)
    halt = stops.proceed()
    assert (halt.breakpoint, cursor.position) == (first, seen[0])
    assert stops.proceed().breakpoint is late
    assert cursor.position == next(step for step in stops.hits(late) if step > seen[0])
    assert (first.count, late.count, logs.count) == (1, 1, 0)
    stops.remove(first.number)
    assert late.after is None
    with pytest.raises(EngineError, match="no breakpoint 1"):
        stops.numbered(first.number)


def test_branches_need_a_cursor_and_no_session() -> None:
    cursor = Cursor(load_scenario("mazur"))
    branches = Branches(cursor)
    main = cursor.branch
    assert list(branches) == [main] == branches[:]
    cursor.seek(70)
    made = branches.edit({"lr": 1.0}, name="fast")
    assert (len(branches), branches[1], cursor.branch, cursor.position) == (2, made, made, 70)
    branches.rename("faster")
    assert branches.called("faster") is made
    cursor.seek(80)
    branches.switch("main")
    assert (cursor.branch, cursor.position) == (main, 70)
    branches.switch("faster")
    assert cursor.position == 80
    assert branches.undo() is made
    assert (list(branches), cursor.branch, cursor.position) == ([main], main, 70)
    with pytest.raises(EngineError, match="no edit to undo"):
        branches.undo()


def test_places_follow_a_branch_that_is_renamed_and_go_with_one_that_is_undone() -> None:
    session = Session(load_scenario("mazur"))
    session.seek(70)
    session.visit()
    session.set_value("lr", 1.0)
    session.mark("a")
    session.notes["edit1", 71] = "here"
    session.seek(90)
    session.visit()
    session.rename("fast")
    assert session.marks == {"a": ("fast", 70)}
    assert session.notes == {("fast", 71): "here"}
    session.go_to_mark("a")
    assert session.revisit()
    assert session.here == ("fast", 90, 0)
    session.undo()
    assert (session.marks, session.notes) == ({}, {})


def test_a_way_back_and_forth_ends_at_both_ends() -> None:
    cursor = Cursor(load_scenario("mazur"))
    places = Places(cursor, Branches(cursor))
    assert not places.revisit()
    for position in (10, 20):
        places.visit()
        cursor.seek(position)
    way = [cursor.position]
    while places.revisit():
        way.append(cursor.position)
    while places.revisit(forward=True):
        way.append(cursor.position)
    assert way == [20, 10, 0, 10, 20]


def test_an_expression_is_worth_the_same_at_the_cursor_and_at_a_step() -> None:
    cursor = Cursor(load_scenario("mazur"))
    queries = Queries(cursor)
    formula = cursor.formula("E + lr")
    cursor.seek(cursor.schedule.steps_per_epoch)
    assert queries.at(formula, cursor.position) == queries.look(formula)
    assert cursor.position == cursor.schedule.steps_per_epoch
    assert queries.count("E > 0") == len(list(queries.where("E > 0")))
