"""Queries over a run find what a scan over its frames finds, whatever the zone maps and the checkpoints."""

from __future__ import annotations

import math
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import SearchCancelledError
from retrograde.engine.formulas.meaning import candidates
from retrograde.engine.travel import search
from retrograde.engine.travel.search import Search
from retrograde.engine.travel.zones import Zones
from tests.support.effort import examples
from tests.support.networks import Recipe, randoms
from tests.support.random_formulas import Author, Piece, Truth, decided, hits, same, value_at
from tests.support.runs import BUDGETS, SECONDS, checkpoints_every, executed_by, trainings


def conditions(random: Random, session: Session, count: int) -> list[Piece]:
    """Random conditions, and bounds that the loss or a parameter meets in some intervals and not in others."""
    author = Author(random, session.notation, session.schedule.full)
    found = [author.condition(random.randint(0, 3)) for _ in range(count)]
    found += [author.change(), author.change()]
    last = session.schedule.locate(session.position)[0]
    for _ in range(count):
        slot = author.slot()
        op = random.choice(("<", ">", "<=", ">=", "==", "!="))
        seen = value_at(slot, Truth(session.timeline), random.randint(0, last), 0, 0)
        if math.isfinite(seen):
            bound = Piece(repr(seen), lambda _here, seen=seen: seen, constant=True)  # type: ignore[misc]
            found.append(author.compared(op, slot, bound))
    return found


def branched(session: Session, random: Random) -> None:
    """Departs once or twice, mid-way, by a parameter or a value."""
    for _ in range(random.randint(1, 2)):
        session.seek(random.randint(0, session.position))
        names = ("E", "lr", session.notation.names(session.program)[0], "out_o1")
        for name in random.sample(names, len(names)):
            try:
                session.set_value(name, random.choice((0.1, -3.0, 1e200, math.nan)))
            except Exception as error:  # noqa: BLE001  frozen or absent slots are another test's matter
                assert type(error).__name__ == "EngineError"
            else:
                break
        session.seek(session.length)


def prepared(recipe: Recipe, budget: int, random: Random, *, branch: bool) -> Session:
    session = Session(recipe.scenario, budget=budget)
    session.seek(session.length)
    if branch:
        branched(session, random)
    session.seek(random.randint(0, session.length))
    return session


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("branch", [False, True], ids=["first branch", "branches"])
@examples(8)
@given(recipe=trainings(epochs=5), random=randoms(), seconds=SECONDS, budget=BUDGETS)
def test_queries_find_what_a_scan_finds(
    executor: str, branch: bool, recipe: Recipe, random: Random, seconds: float, budget: int
) -> None:
    with executed_by(executor), checkpoints_every(seconds):
        session = prepared(recipe, budget, random, branch=branch)
        truth = Truth(session.timeline)
        last = session.schedule.locate(session.frontier)[0]
        everything = range(last + 2)
        for piece in conditions(random, session, 2):
            every = [step for step in hits(piece, truth, everything) if step <= session.frontier]
            # Twice: the first search fills the zone maps, the second one passes over what they rule out.
            for _ in range(2):
                assert list(session.where(piece.text)) == every, piece.text
                assert session.first(piece.text) == (every[0] if every else None), piece.text
                assert session.last(piece.text) == (every[-1] if every else None), piece.text
                assert session.count(piece.text) == len(every), piece.text
            formula = session.condition(piece.text)
            for _ in range(3):
                low, high = sorted((random.randint(0, session.frontier), random.randint(0, session.frontier)))
                found = [hit.step for hit in session.branch.search.forward((formula,), low, high)]
                assert found == [step for step in every if low < step <= high], (piece.text, low, high)
                found = [hit.step for hit in session.branch.search.backward((formula,), high)]
                assert found == [step for step in every[::-1] if step < high], (piece.text, high)


@examples(25)
@given(recipe=trainings(), random=randoms(), seconds=SECONDS, budget=BUDGETS, branch=st.booleans())
def test_extremes_are_those_of_a_scan(
    recipe: Recipe, random: Random, seconds: float, budget: int, branch: bool
) -> None:
    with checkpoints_every(seconds):
        session = prepared(recipe, budget, random, branch=branch)
        truth = Truth(session.timeline)
        author = Author(random, session.notation, session.schedule.full)
        last = session.schedule.locate(session.frontier)[0]
        for _ in range(6):
            piece = author.number(random.randint(0, 3))
            values = [
                (value_at(piece, truth, iteration, step, sample), session.schedule.start(iteration) + step + 1)
                for iteration in range(last + 1)
                for step, sample in decided(piece, truth, iteration)
            ]
            seen = [(value, step) for value, step in values if step <= session.frontier and value == value]
            for largest in (True, False):
                found = session.extreme(piece.text, largest=largest)
                if not seen:
                    assert found is None, piece.text
                    continue
                best = (max if largest else min)(value for value, _step in seen)
                assert found is not None, piece.text
                assert found.value == best, piece.text
                assert found.step == min(step for value, step in seen if value == best), piece.text


@examples(30)
@given(recipe=trainings(), random=randoms(), seconds=SECONDS, budget=BUDGETS, branch=st.booleans())
def test_zone_maps_never_hide_a_hit(recipe: Recipe, random: Random, seconds: float, budget: int, branch: bool) -> None:
    """The same search with and without them, in any order, while the run grows and checkpoints thin out."""
    with checkpoints_every(seconds), patch.object(search, "LEAST", 1):
        session = prepared(recipe, budget, random, branch=branch)
        pieces = conditions(random, session, 3)
        formulas = [session.condition(piece.text) for piece in pieces]
        schedule = session.schedule
        bare = Search(session.timeline)
        for _ in range(8):
            chosen = tuple(random.sample(formulas, random.randint(1, 2)))
            session.seek(random.randint(0, session.length))
            stop = schedule.locate(session.frontier)[0] + 1
            start = random.randint(0, stop)
            bare.zones = Zones(session.timeline.checkpoints.spacing, session.timeline.base)
            bare._parts = Zones(session.timeline.checkpoints.spacing, session.timeline.base)
            backward = random.random() < 0.5
            wanted = list(bare.iterations(chosen, start, stop, backward=backward))
            assert list(session.branch.search.iterations(chosen, start, stop, backward=backward)) == wanted
            assert wanted == sorted(wanted, reverse=backward)


@pytest.mark.parametrize("ask", ["last E > 0.1", "last E > 0.001", "first E < 0.2"])
def test_of_an_interval_no_more_is_replayed_than_may_hold_a_hit(ask: str) -> None:
    """A threshold on the loss is passed in one part of an interval, whichever side it is looked for from."""
    session = Session(load_scenario("mazur"))
    session.run()
    which, condition = ask.split(" ", 1)
    with patch.object(
        type(session.timeline), "watch", autospec=True, side_effect=type(session.timeline).watch
    ) as watch:
        found = session.first(condition) if which == "first" else session.last(condition)
    replayed = sum(call.args[3] for call in watch.call_args_list)
    part = session.timeline.checkpoints.spacing // search.PARTS
    assert found is not None
    assert replayed <= part * (1 + session.schedule.locate(found)[0] // part) < session.timeline.checkpoints.spacing


def test_zone_maps_do_pass_over_intervals() -> None:
    """What is ruled out costs no replay; else the tests above would compare a scan with itself."""
    recipe = Recipe(
        widths=(2, 2, 1),
        activations=("tanh", "identity"),
        biases=("neuron", "neuron"),
        frozen=((), ()),
        loss="half_squared_error",
        samples=3,
        batch_size=0,
        epochs=2000,
        rate=0.02,
    )
    with checkpoints_every(1e-5):
        session = Session(recipe.scenario)
        session.run()
        losses = session.losses.points()[1].tolist()
        bound = losses[len(losses) // 2]
        replayed = 0
        watch = type(session.timeline).watch

        def counting(self, state, start, count, probe, record):  # type: ignore[no-untyped-def]
            nonlocal replayed
            replayed += count
            return watch(self, state, start, count, probe, record)

        with patch.object(type(session.timeline), "watch", counting):
            found = session.first(f"E < {bound!r}")
        assert found is not None
        assert losses[session.schedule.locate(found)[0]] < bound
        assert replayed < 100


@examples(15)
@given(recipe=trainings(), random=randoms(), seconds=SECONDS)
def test_the_last_change_and_the_values_of_a_watch(recipe: Recipe, random: Random, seconds: float) -> None:
    with checkpoints_every(seconds):
        session = prepared(recipe, 64 << 20, random, branch=random.random() < 0.3)
        truth = Truth(session.timeline)
        author = Author(random, session.notation, session.schedule.full)
        for _ in range(4):
            piece = author.number(random.randint(0, 2))
            formula = session.watch(piece.text)
            changed = session.last_change(formula)
            if piece.reads and not piece.looks_back:
                before = author.previous(piece)
                changes = author.compared("!=", piece, before)
                last = session.schedule.locate(session.position)[0]
                every = [step for step in hits(changes, truth, range(last + 1)) if step <= session.position]
                assert changed == (every[-1] if every else None), piece.text
            position = session.position
            session.sparks(formula, 10)
            assert session.position == position
            iteration = random.randint(0, session.schedule.locate(session.frontier)[0])
            program = session.schedule.program(iteration)
            for candidate in candidates(formula, program):
                session.seek(session.schedule.start(iteration) + candidate.step + 1)
                if piece.reads and (not formula.varies or session.sample == candidate.sample):
                    shown = session.look(formula)
                    wanted = value_at(piece, truth, iteration, candidate.step, candidate.sample)
                    assert shown is not None, piece.text
                    assert same(shown, wanted) or formula.positions & {"sample"}, piece.text


def test_a_search_can_be_cancelled() -> None:
    from retrograde.engine import load_scenario

    with checkpoints_every(1e-5):
        session = Session(load_scenario("mazur"))
        session.seek(56 * 300)
        seen: list[tuple[int, int]] = []

        def cancel(done: int, of: int) -> bool:
            seen.append((done, of))
            return len(seen) == 3

        with pytest.raises(SearchCancelledError):
            session.first("w5 > 100", cancel)
        assert len(seen) == 3
        assert all(0 < done <= of for done, of in seen)
        assert session.position == 56 * 300
        assert session.first("w5 > 100") is None
