"""Breakpoints stop at a set of steps that the run defines: going on and going back visit it in opposite orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.travel.stopping import StopRule
from tests.support.effort import examples
from tests.support.networks import Recipe, randoms
from tests.support.random_formulas import Author, Here, Truth, hits
from tests.support.runs import BUDGETS, SECONDS, checkpoints_every, trainings


@dataclass
class Wanted:
    """A breakpoint and the steps at which it is hit, in order."""

    text: str
    hits: list[int]


Made = tuple[int, str, str, str, int | None]
"""A step: its number, phase, layer, the name of the slot, and the sample."""


class Setter:
    """Writes breakpoints of every kind, and works out from the steps of a run where they are hit."""

    def __init__(self, random: Random, session: Session) -> None:
        self.random = random
        self.session = session
        self.notation = session.notation
        self.truth = Truth(session.timeline)
        self.author = Author(random, session.notation, session.schedule.full)
        schedule = session.schedule
        self.iterations = range(schedule.locate(session.length)[0] + 1)
        self.steps: list[Made] = []
        for iteration in self.iterations:
            program = schedule.program(iteration)
            for step in range(program.steps):
                place = program.place(step)
                op = program.ops[place.op]
                name = self.notation.name(program.target(place))
                self.steps.append((schedule.start(iteration) + step + 1, op.phase.value, op.layer, name, place.sample))

    def breakpoint(self) -> Wanted:
        kind = self.random.randrange(7)
        if kind == 0:
            piece = self.author.condition(self.random.randint(0, 2))
            return Wanted(piece.text, hits(piece, self.truth, self.iterations))
        if kind <= 2:
            return self.event()
        return self.place(kind)

    def event(self) -> Wanted:
        """A data breakpoint of one slot, or of all slots of an array."""
        random = self.random
        whole = random.random() < 0.3
        slot = self.author.vector() if whole else self.author.slot()
        before = self.author.previous(slot)
        truth = self.truth
        bound = random.choice((0.0, 0.1, -0.5, 1.0))
        events: dict[str, Callable[[float, float], bool]] = {
            "changes": lambda now, then: now != then and then == then,
            "changes sign": lambda now, then: sign(now) != sign(then) and then == then,
            f"crosses {bound}": lambda now, then: (then <= bound < now) or (then > bound >= now),
            "becomes nan": lambda now, _then: now != now or abs(now) == float("inf"),
            "stops changing": lambda now, then: now == then,
        }
        text, test = random.choice(tuple(events.items()))

        def true(here: Here) -> bool:
            now, then = slot.value(here), before.value(here)
            pairs = zip(now, then, strict=True) if whole else [(now, then)]
            return (all if text == "stops changing" else any)([test(a, b) for a, b in pairs])

        reads = slot.reads if text == "becomes nan" else slot.reads | before.reads
        return Wanted(f"{slot.text} {text}", hits(replace(slot, value=true, reads=reads), truth, self.iterations))

    def place(self, kind: int) -> Wanted:
        random = self.random
        phase = random.choice(("forward", "loss", "backward", "update"))
        layer = random.choice(self.notation.layer_names)
        if kind == 3:
            return self._entered(f"at {phase}", lambda step: step[1] == phase, lambda step: (step[1], step[4]))
        if kind == 4:
            return self._entered(f"at {layer}", lambda step: step[2] == layer, lambda step: (step[1], step[2], step[4]))
        if kind == 5:
            return self._entered(
                f"at {phase} {layer}",
                lambda step: step[1] == phase and step[2] == layer,
                lambda step: (step[1], step[2], step[4]),
            )
        name = random.choice(self.steps)[3]
        # A weight is meant where it gets its new value.
        text = name[4:-1] if name.startswith("new(") and random.random() < 0.5 else name
        return Wanted(f"at {text}", [step[0] for step in self.steps if step[3] == name])

    def _entered(self, text: str, meant: Callable[[Made], bool], key: Callable[[Made], object]) -> Wanted:
        """Where a stretch of steps with the same key begins."""
        found: list[int] = []
        before: Made | None = None
        for step in self.steps:
            first = step[0] == 1 or self.session.schedule.locate(step[0])[1] == 1
            if meant(step) and (first or before is None or key(before) != key(step)):
                found.append(step[0])
            before = step
        return Wanted(text, found)


def sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def add(session: Session, setter: Setter, random: Random) -> list[int]:
    """Adds a few breakpoints; returns the steps at which one of them stops, in order."""
    every: set[int] = set()
    counting: dict[int, list[int]] = {}
    for _ in range(random.randint(1, 4)):
        wanted = setter.breakpoint()
        from_hit = random.choice((1, 1, 1, 2, 5))
        after = random.choice((None, None, *counting)) if counting else None
        try:
            point = session.add_breakpoint(wanted.text, from_hit=from_hit, after=after)
        except EngineError as error:
            # What no step makes has no place to stop at.
            assert wanted.text.startswith("at "), error
            assert not wanted.hits
            continue
        steps = wanted.hits[from_hit - 1 :]
        if after is not None:
            armed = counting[after][0] if counting[after] else None
            steps = [] if armed is None else [step for step in steps if step > armed]
        counting[point.number] = steps
        if random.random() < 0.2:
            point.enabled = False
        else:
            every.update(steps)
    return sorted(every)


@examples(40)
@given(recipe=trainings(epochs=4, wild=False), random=randoms(), seconds=SECONDS, budget=BUDGETS, data=st.data())
def test_going_on_and_going_back_visit_the_same_steps(
    recipe: Recipe, random: Random, seconds: float, budget: int, data: st.DataObject
) -> None:
    with checkpoints_every(seconds):
        assume(Session(recipe.scenario).run().rule is StopRule.EPOCHS)
        past = Session(recipe.scenario, budget=budget)
        past.seek(past.length)
        wanted = add(past, Setter(random, past), random)
        ahead = Session(recipe.scenario, budget=budget)
        for point in past.breakpoints.values():
            same = ahead.add_breakpoint(point.text, from_hit=point.from_hit, after=point.after)
            same.enabled = point.enabled

        # Beyond the frontier, then within the past.
        for session in (ahead, past):
            session.seek(0)
            for step in wanted:
                stop = session.proceed()
                assert stop.breakpoint is not None, (step, stop)
                assert (session.position, session.term) == (step, 0)
            stop = session.proceed()
            assert stop.breakpoint is None
            assert stop.outcome is not None
            assert stop.outcome.rule is StopRule.EPOCHS
            assert session.position == session.length
            for step in reversed([step for step in wanted if step < session.length]):
                stop = session.reverse()
                assert stop.breakpoint is not None, (step, stop)
                assert session.position == step
            assert session.reverse().breakpoint is None
            assert session.position == 0
        assert [point.count for point in past.breakpoints.values()] == [
            point.count for point in ahead.breakpoints.values()
        ]

        # From anywhere, inside sums too.
        for position in data.draw(st.lists(st.integers(0, past.length), max_size=8)):
            after = next((step for step in wanted if step > position), None)
            before = next((step for step in reversed(wanted) if step < position), 0)
            past.seek(position)
            past.proceed()
            assert past.position == (past.length if after is None else after)
            past.seek(position)
            past.reverse()
            assert past.position == before
            past.seek(position)
            if past.step("term") and past.term:
                past.reverse()
                assert past.position == (position if position in wanted else before)


@examples(15)
@given(recipe=trainings(epochs=4), random=randoms(), seconds=SECONDS)
def test_a_run_that_diverges_or_converges_ends_going_on(recipe: Recipe, random: Random, seconds: float) -> None:
    """A place beyond the end of a run is not gone to; hits before it are."""
    with checkpoints_every(seconds):
        scenario = replace(recipe, stop=random.choice(("", "loss_below = 0.5", "loss_below = 1e-3"))).scenario
        plain = Session(scenario)
        outcome = plain.run()
        session = Session(scenario)
        session.add_breakpoint(random.choice(("at loss", "at E", "sample == 1", "E < 1")))
        wanted = list(session.hits(session.breakpoint(1), 0, plain.position))
        if wanted and wanted[-1] == plain.position:
            # Who has stopped there and goes on goes on training, as a second run does.
            return
        visited = []
        while (stop := session.proceed()).breakpoint is not None:
            visited.append(session.position)
            assert len(visited) <= len(wanted)
        assert visited == wanted
        assert stop.outcome is not None
        assert (stop.outcome.rule, stop.outcome.iterations) == (outcome.rule, outcome.iterations)
        assert session.position == plain.position


def mazur() -> Session:
    return Session(load_scenario("mazur"))


def test_once_counts_and_switches_off_all_that_are_hit() -> None:
    session = mazur()
    once = session.add_breakpoint("at E", once=True)
    other = session.add_breakpoint("E > 0")
    stop = session.proceed()
    assert stop.breakpoint is once
    assert (once.count, other.count, once.enabled, other.enabled) == (1, 1, False, True)
    step = session.position
    session.proceed()
    assert session.position == step + session.program.steps
    assert (once.count, other.count) == (1, 2)
    once.enabled = True
    session.reverse()
    assert session.position == step
    assert (once.count, once.enabled) == (2, False)


def test_a_number_that_is_used_again_has_no_old_hits() -> None:
    session = mazur()
    session.add_breakpoint("epoch == 1", from_hit=1)
    session.add_breakpoint("epoch == 3", from_hit=1, after=1)
    session.proceed()
    session.proceed()
    assert session.iteration == 2
    session.remove_breakpoint(2)
    session.add_breakpoint("epoch > 3", from_hit=2)
    session.proceed()
    assert session.iteration == 4


def test_removing_what_arms_a_breakpoint_arms_it() -> None:
    session = mazur()
    session.add_breakpoint("epoch == 900").enabled = False
    session.add_breakpoint("at E", after=1)
    session.remove_breakpoint(1)
    session.proceed()
    assert session.iteration == 0
    assert session.breakpoint(2).after is None


def test_a_place_that_waits_for_a_condition_does_not_hold_up_the_run() -> None:
    """Armed by what never happens: the run ends as it would without the breakpoint."""
    session = mazur()
    session.add_breakpoint("E < 0").enabled = False
    session.add_breakpoint("at E", after=1)
    stop = session.proceed()
    assert stop.outcome is not None
    assert stop.outcome.rule is StopRule.EPOCHS


def test_logpoints_print_the_past_and_the_future_and_do_not_stop() -> None:
    session = mazur()
    point = session.add_breakpoint("at E", log=("E", "iteration", "2 * w5"))
    steps = session.program.steps
    session.seek(steps)
    entries = list(session.log(point, 0, 3 * steps))
    assert [entry.step for entry in entries] == [(n * steps) + entries[0].step for n in range(3)]
    for entry in entries:
        session.seek(entry.step)
        assert entry.values == (session.value("E"), 1.0, 2 * session.value("w5"))
    stop = session.proceed()
    assert stop.outcome is not None


def test_what_happens_while_proceeding_can_be_cancelled() -> None:
    session = mazur()
    session.add_breakpoint("E < 0")
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    stop = session.proceed(cancelled=cancelled)
    assert stop.outcome is not None
    assert stop.outcome.rule is StopRule.CANCELLED
    assert 0 < session.position < session.length


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("w55 changes", 1, "did you mean w5"),
        ("1 + w55 changes sign", 5, "did you mean w5"),
        ("w55 crosses 0.1", 1, "did you mean w5"),
        ("nrom(W_h) becomes nan", 1, "did you mean norm"),
        ("w55 stops changing", 1, "did you mean w5"),
        ("prev(E) changes", 1, "one iteration"),
        ("E <", 4, "the end"),
    ],
)
def test_the_column_of_a_mistake_in_a_data_breakpoint(text: str, column: int, part: str) -> None:
    with pytest.raises(FormulaError) as caught:
        mazur().add_breakpoint(text)
    assert (caught.value.column, caught.value.text) == (column, text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("at nowhere", "nowhere"),
        ("at", "called at"),
        ("at ", "called at"),
        ("at i1", "no step makes i1"),
        ("at lr", "no step makes lr"),
        ("at b1", "no step makes b1"),
        ("at h1 h2", "more than one place"),
        ("at forward new(w5)", "no step makes"),
        ("E crosses ...", "no number"),
    ],
)
def test_a_place_that_is_none_is_refused(text: str, part: str) -> None:
    session = mazur()
    with pytest.raises(EngineError, match=part.replace("(", r"\(")):
        session.add_breakpoint(text)
    assert not session.breakpoints


def test_what_is_refused_changes_nothing() -> None:
    session = mazur()
    refused: tuple[dict[str, Any], ...] = ({"from_hit": 0}, {"after": 7}, {"log": ("w55",)})
    for arguments in refused:
        with pytest.raises(EngineError):
            session.add_breakpoint("E < 1", **arguments)
    for call in (session.breakpoint, session.remove_breakpoint):
        with pytest.raises(EngineError, match="no breakpoint 1"):
            call(1)
    assert not session.breakpoints
