"""Any mixture of motions, seeks, runs, edits, switches and breakpoints is at one place with one set of bits."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.travel import timeline
from retrograde.engine.travel.stopping import StopRule
from tests.support.effort import examples
from tests.support.networks import Recipe, bits, randoms
from tests.support.random_formulas import Author, Truth, hits
from tests.support.runs import BUDGETS, SECONDS, trainings
from tests.travel.test_branches import Story, chosen, meant, name_of, recomputed

GRANULARITIES = st.sampled_from(("term", "step", "layer", "phase", "sample", "iteration", "epoch"))


class Travel(RuleBasedStateMachine):
    """A session beside the frames that each of its branches has to have, recomputed without it."""

    def __init__(self) -> None:
        super().__init__()
        self.session: Session
        self.stories: dict[str, Story] = {}
        self.frames: dict[str, list[Frame]] = {}
        self.patch: Any = None

    @initialize(recipe=trainings(epochs=4), seconds=SECONDS, budget=BUDGETS)
    def begin(self, recipe: Recipe, seconds: float, budget: int) -> None:
        self.patch = patch.object(timeline, "SEEK_SECONDS", seconds)
        self.patch.start()
        self.session = Session(recipe.scenario, budget=budget)
        self.count = self.session.schedule.locate(self.session.length)[0] + 1
        self._keep(Story())

    def teardown(self) -> None:
        if self.patch is not None:
            self.patch.stop()

    def _keep(self, story: Story) -> None:
        name = self.session.branch.name
        self.stories[name] = story
        self.frames[name] = recomputed(self.session, story, self.count)

    # -- motions

    @rule(granularity=GRANULARITIES, count=st.integers(1, 5))
    def step(self, granularity: str, count: int) -> None:
        for _ in range(count):
            before = (self.session.position, self.session.term)
            moved = self.session.step(granularity)
            assert moved == ((self.session.position, self.session.term) > before)
            assert moved == (before[0] < self.session.length)

    @rule(granularity=GRANULARITIES, count=st.integers(1, 5))
    def back(self, granularity: str, count: int) -> None:
        for _ in range(count):
            before = (self.session.position, self.session.term)
            moved = self.session.back(granularity)
            assert moved == ((self.session.position, self.session.term) < before)
            assert moved == (before > (0, 0))

    @rule(share=st.floats(0, 1))
    def seek(self, share: float) -> None:
        position = round(share * self.session.length)
        self.session.seek(position)
        assert (self.session.position, self.session.term) == (position, 0)

    @rule(share=st.floats(0, 100))
    def seek_by_share(self, share: float) -> None:
        frontier = self.session.frontier
        self.session.seek(f"{share:.3f}%")
        assert self.session.frontier == frontier

    @precondition(lambda self: self.session.position and not self.session.term)
    @rule()
    def seek_by_address(self) -> None:
        current = self.session.current
        assert current is not None
        before = self.session.position
        self.session.seek(0)
        self.session.seek(current.moment.address)
        assert self.session.position == before

    @rule(epochs=st.integers(1, 4))
    def run_on(self, epochs: int) -> None:
        position, per_epoch = self.session.position, self.session.schedule.steps_per_epoch
        outcome = self.session.run(epochs)
        end = min(epochs * per_epoch, self.session.length)
        if outcome.rule is StopRule.EPOCHS:
            assert self.session.position >= end or self.session.position >= position // per_epoch * per_epoch
        else:
            assert outcome.rule is StopRule.DIVERGED

    # -- branches

    @precondition(lambda self: len(self.session.branches) < 5)
    @rule(random=randoms())
    def edit(self, random: Random) -> None:
        session = self.session
        session.term = 0
        parent, iteration = session.branch.name, session.iteration
        values = chosen(random, session)
        meaning = meant(session, values)
        session.edit({name_of(session, ref): value for ref, value in values.items()})
        self._keep(self.stories[parent].then(meaning, iteration))

    @rule(number=st.integers(0, 4))
    def switch(self, number: int) -> None:
        branch = self.session.branches[number % len(self.session.branches)]
        wanted = self.session.position if branch is self.session.branch else branch.position
        self.session.switch(branch.name)
        assert self.session.position == wanted

    @rule()
    def undo(self) -> None:
        session = self.session
        branch = session.branch
        last = branch.parent is not None and all(other.parent is not branch for other in session.branches)
        try:
            session.undo()
        except EngineError:
            assert not last
        else:
            assert last
            assert session.branch is branch.parent
            assert branch.edit is not None
            assert session.position == branch.edit.position
            del self.stories[branch.name], self.frames[branch.name]

    @rule(number=st.integers(0, 4))
    def compare(self, number: int) -> None:
        session = self.session
        other = session.branches[number % len(session.branches)]
        comparison = session.compare(other.name)
        mine = self.frames[session.branch.name][session.iteration]
        theirs = self.frames[other.name][session.iteration]
        for difference in comparison.differences:
            assert bits(difference.mine) == bits(mine.value(difference.ref))
            assert bits(difference.theirs) == bits(theirs.value(difference.ref))
            assert bits(difference.mine) != bits(difference.theirs)

    # -- breakpoints and queries

    @precondition(lambda self: len(self.session.breakpoints) < 4)
    @rule(random=randoms())
    def add_breakpoint(self, random: Random) -> None:
        author = Author(random, self.session.notation, self.session.schedule.full)
        text = random.choice((author.condition(1).text, author.change().text, "at backward", "at E", "at loss"))
        try:
            self.session.add_breakpoint(text, from_hit=random.choice((1, 1, 3)))
        except EngineError:
            assert text == "at backward"

    @precondition(lambda self: self.session.breakpoints)
    @rule(number=st.integers(0, 9))
    def remove_breakpoint(self, number: int) -> None:
        numbers = list(self.session.breakpoints)
        self.session.remove_breakpoint(numbers[number % len(numbers)])

    def stops(self, upto: int) -> list[int]:
        """Every step up to one at which a breakpoint stops, found by a scan from the start."""
        found: set[int] = set()
        for point in self.session.breakpoints.values():
            found.update(list(self.session.hits(point, 0, upto))[point.from_hit - 1 :])
        return sorted(found)

    @rule()
    def proceed(self) -> None:
        session = self.session
        position = session.position
        stop = session.proceed()
        between = [step for step in self.stops(session.position) if step > position]
        if stop.breakpoint is not None:
            assert between == [session.position]
        else:
            assert not between
            assert session.position >= position

    @rule()
    def reverse(self) -> None:
        session = self.session
        before = session.position + bool(session.term)
        past = [step for step in self.stops(before) if step < before]
        stop = session.reverse()
        assert (stop.breakpoint is None) == (not past)
        assert (session.position, session.term) == (past[-1] if past else 0, 0)

    @rule(random=randoms())
    def query(self, random: Random) -> None:
        session = self.session
        author = Author(random, session.notation, session.schedule.full)
        piece = random.choice((author.condition, lambda _depth: author.change()))(2)
        last = session.schedule.locate(session.frontier)[0]
        every = [step for step in hits(piece, Truth(session.timeline), range(last + 1)) if step <= session.frontier]
        assert session.first(piece.text) == next(iter(every), None), piece.text
        assert session.last(piece.text) == next(reversed(every), None), piece.text

    # -- at every moment

    @invariant()
    def the_cursor_is_where_it_should_be(self) -> None:
        if not hasattr(self, "session"):
            return
        session = self.session
        assert 0 <= session.position <= session.frontier <= session.length
        frames = self.frames[session.branch.name]
        frame = frames[session.iteration]
        assert same_bits(session.frame.flat, frame.flat)
        # The losses of the past are those of the frames.
        _first, low, high = session.losses.points()
        wanted = [one.array(one.program.named["E"]).item() for one in frames[: len(low)]]
        if session.losses.width == 1 and len(low) <= len(frames):
            assert list(map(bits, low.tolist())) == list(map(bits, high.tolist())) == list(map(bits, wanted))
        current = session.current
        if current is not None and current.final and not session.term:
            assert bits(current.result) == bits(frame.value(current.target))

    @invariant()
    def a_step_back_undoes_a_step(self) -> None:
        if not hasattr(self, "session") or self.session.term or self.session.position == self.session.length:
            return
        session = self.session
        before, current = session.position, session.current
        for granularity in ("step", "term"):
            assert session.step(granularity)
            assert session.back(granularity)
            assert (session.position, session.term) == (before, 0)
            assert session.current == current


TestTravel = Travel.TestCase
TestTravel.settings = examples(60, stateful_step_count=30)
