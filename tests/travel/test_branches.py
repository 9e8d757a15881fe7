"""Edits fork time: a branch is what a plain recomputation with the edits gives, and the old branch stays as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.base import Executor
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.session.saving import open_session, save
from tests.support.effort import examples
from tests.support.networks import Recipe, all_slots, bits, randoms
from tests.support.runs import BUDGETS, SECONDS, checkpoints_every, executed_by, trainings

Slots = dict[tuple[str, tuple[int, ...]], float]


@dataclass(frozen=True)
class Plain:
    """One edit as it is meant: where the cursor was, and from which iteration what is replaced."""

    position: int
    kind: str
    at: int
    slots: Slots


@dataclass
class Story:
    """What a branch is made of: its edits, each once, in the order in which they were made."""

    edits: list[Plain] = field(default_factory=list)

    def then(self, edit: Plain, iteration: int) -> Story:
        """A further edit: the ones before it stay, and so do those of the same iteration."""
        kept = [one for one in self.edits if one.position <= edit.position or one.at <= iteration]
        return Story([*kept, edit])


def meant(session: Session, values: dict[Ref, float]) -> Plain:
    """What an edit at the cursor means, worked out from the steps that are revealed."""
    program, revealed, iteration = session.program, session.revealed, session.iteration
    complete = session.position > 0 and revealed == program.steps
    slots = {(ref.array.name, ref.index): value for ref, value in values.items()}
    array = next(iter(values)).array
    if f"new({array.name})" in program.named:
        return Plain(session.position, "parameters", iteration + complete, slots)
    if array.role in {Role.RATE, Role.WEIGHT, Role.BIAS}:
        read = any(array in program.ops[program.place(step).op].inputs for step in range(revealed))
        return Plain(session.position, "constants", iteration + read, slots)
    return Plain(session.position, "overrides", iteration, slots)


def recomputed(session: Session, story: Story, count: int) -> list[Frame]:
    """The frames of a branch, from the first iteration on, one by one."""
    network, schedule = session.network, session.schedule
    state = np.array(network.initial_state)
    constants = {array: np.array(values) for array, values in network.constants.items()}
    data, frames = network.dataset, []
    for iteration in range(count):
        program = schedule.program(iteration)
        here = [edit for edit in story.edits if edit.at == iteration]
        overrides: dict[Ref, float] = {}
        for edit in here:
            for (name, index), value in edit.slots.items():
                ref = Ref(program.named[name], index)
                if edit.kind == "parameters":
                    state[program.offset(ref)] = value
                elif edit.kind == "constants":
                    constants[ref.array][index] = value
                else:
                    overrides[ref] = value
        if session.timeline.generated:
            executor: Executor = GeneratedExecutor(program, constants)
        else:
            executor = KernelExecutor(program, constants)
        leaves = executor.leaves((data.inputs, data.targets), schedule.rows(iteration), schedule.dated(iteration))
        frames.append(executor.frame(state, leaves, overrides))
        state = np.array(frames[-1].next_state)
    return frames


def chosen(random: Random, session: Session) -> dict[Ref, float]:
    """New values for one slot, or for two that change at the same time."""
    value = random.choice((0.0, 0.3, -1.5, 2.0, 1e6, math.inf, math.nan))
    program = session.program
    ref = random.choice(all_slots(program))
    if random.random() < 0.4:
        # Parameters and the learning rate are a small part of all slots.
        leaves = [slot for slot in all_slots(program) if slot.array.role in {Role.RATE, Role.WEIGHT, Role.BIAS}]
        ref = random.choice(leaves)
    found = {ref: value}
    if random.random() < 0.3:
        near = [slot for slot in all_slots(program) if slot.array is ref.array]
        found[random.choice(near)] = random.choice((0.25, -0.75))
    return found


def name_of(session: Session, ref: Ref) -> str:
    """The name of a slot; without its sample where that is the cursor's."""
    name = session.notation.name(ref)
    if ref.array.batched and ref.index[0] != session.sample:
        return f"{name}{{{ref.index[0] + 1}}}"
    return name


def check(session: Session, frames: list[Frame], random: Random) -> None:
    """A branch has these frames: looked up, replayed, and run."""
    timeline = session.timeline
    for iteration in random.sample(range(len(frames)), len(frames)):
        assert same_bits(timeline.frame(iteration).flat, frames[iteration].flat), iteration
        assert same_bits(timeline.state(iteration), frames[iteration].flat[: frames[iteration].program.state_size])
    start = random.randrange(len(frames))
    losses: list[float] = []
    end = timeline.advance(timeline.state(start), start, len(frames) - start, losses)
    assert same_bits(end, frames[-1].next_state) or timeline.base >= len(frames)
    wanted = [frame.array(frame.program.named["E"]).item() for frame in frames[start:]]
    assert list(map(bits, losses)) == list(map(bits, wanted))


def snapshot(session: Session) -> list[Floats]:
    """The bits of every iteration of the cursor's branch."""
    last = session.schedule.locate(session.length)[0]
    return [np.array(session.timeline.frame(iteration).flat) for iteration in range(last + 1)]


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@examples(30)
@given(recipe=trainings(epochs=4, wild=False), random=randoms(), seconds=SECONDS, budget=BUDGETS)
def test_a_branch_is_what_a_recomputation_gives(
    executor: str, recipe: Recipe, random: Random, seconds: float, budget: int
) -> None:
    with executed_by(executor), checkpoints_every(seconds):
        session = Session(recipe.scenario, budget=budget)
        count = session.schedule.locate(session.length)[0] + 1
        stories = {session.branch.name: Story()}
        kept = {session.branch.name: snapshot(session)}
        for _ in range(random.randint(1, 5)):
            session.switch(random.choice(session.branches).name)
            # Near the cursor more often than not: edits of one iteration have to go together.
            near = session.position + random.randint(-20, 20)
            session.seek(random.choice((near if 0 <= near <= session.length else 0, random.randint(0, session.length))))
            parent = session.branch
            if random.random() < 0.2:
                sample = random.randrange(session.program.batch)
                values = dropped(session.program, sample)
                edit = meant(session, values)
                branch = session.drop_sample(sample + 1)
            else:
                values = chosen(random, session)
                edit = meant(session, values)
                branch = session.edit({name_of(session, ref): value for ref, value in values.items()})
            assert (session.branch, branch.parent) == (branch, parent)
            assert session.position == edit.position
            story = stories[branch.name] = stories[parent.name].then(edit, session.iteration)
            frames = recomputed(session, story, count)
            check(session, frames, random)
            kept[branch.name] = [frame.flat for frame in frames]
            unchanged(kept[parent.name], kept[branch.name], session, edit)
        for name, wanted in kept.items():
            session.switch(name)
            session.seek(random.randint(0, session.length))
            assert all(map(same_bits, snapshot(session), wanted)), name


def dropped(program: Program, sample: int) -> dict[Ref, float]:
    """What takes a sample out of an iteration: its loss, and where its gradients come from, are zero."""
    terms = next(array for array in program.arrays if array.role is Role.LOSS)
    seeds = [program.named.get(f"grad({kind}_{terms.layer})") for kind in ("out", "net")]
    seed = next((array for array in seeds if array is not None), None)
    return {
        Ref(array, (sample, unit)): 0.0
        for array in (terms, seed)
        if array is not None
        for unit in range(array.shape[1])
    }


def unchanged(before: list[Floats], after: list[Floats], session: Session, edit: Plain) -> None:
    """No step before the edited one changes; of a parameter, none before the start of its iteration."""
    for iteration, (left, right) in enumerate(zip(before, after, strict=True)):
        if iteration < edit.at:
            assert same_bits(left, right), iteration
    if edit.kind != "overrides":
        return
    program = session.schedule.program(edit.at)
    made = [program.produced(Ref(program.named[name], index)) for name, index in edit.slots]
    first = min(-1 if step is None else step for step in made)
    for step in range(first):
        ref = program.target(program.place(step))
        if program.produced(ref) == step:
            left, right = (flat[edit.at][program.offset(ref)] for flat in (before, after))
            assert bits(float(left)) == bits(float(right)), (edit, step)


def test_a_dropped_sample_adds_nothing_to_a_gradient() -> None:
    """The gradients of the others are those of the same batch without it, where sums are not divided by a count."""
    recipe = Recipe(
        widths=(2, 3, 2),
        activations=("tanh", "sigmoid"),
        biases=("neuron", "neuron"),
        frozen=((), ()),
        loss="half_squared_error",
        over_batch="sum",
        samples=3,
        batch_size=0,
        explicit=True,
        seed=5,
    )
    whole = Session(recipe.scenario)
    whole.drop_sample(3)
    data = whole.network.dataset
    program = whole.network.program(2)
    alone = GeneratedExecutor(program, whole.network.constants)
    fewer = alone.frame(whole.network.initial_state, alone.leaves((data.inputs, data.targets), range(2)), None)
    for array in program.arrays:
        if array.role is Role.GRADIENT and not array.batched:
            mine = whole.frame.array(whole.program.named[array.name])
            assert np.array_equal(mine, fewer.array(array)), array


@examples(25)
@given(recipe=trainings(epochs=4, wild=False), random=randoms(), seconds=SECONDS)
def test_branches_are_compared_as_their_frames_differ(recipe: Recipe, random: Random, seconds: float) -> None:
    with checkpoints_every(seconds):
        session = Session(recipe.scenario)
        for _ in range(3):
            session.switch(random.choice(session.branches).name)
            session.seek(random.randint(0, session.length))
            session.edit({name_of(session, ref): value for ref, value in chosen(random, session).items()})
        frames = {}
        for branch in session.branches:
            session.switch(branch.name)
            frames[branch.name] = [
                branch.timeline.frame(n) for n in range(session.schedule.locate(session.length)[0] + 1)
            ]
        session.seek(random.randint(0, session.length))
        other = random.choice(session.branches)
        comparison = session.compare(other.name)
        assert (comparison.mine, comparison.theirs) == (session.branch, other)
        first = None
        for iteration in range(session.iteration + 1):
            mine, theirs = frames[session.branch.name][iteration], frames[other.name][iteration]
            program = mine.program
            shown = session.revealed if iteration == session.iteration else program.steps
            apart = [
                (-1 if step is None else step, ref)
                for ref in all_slots(program)
                if bits(mine.value(ref) + 0.0) != bits(theirs.value(ref) + 0.0)
                and ((step := program.produced(ref)) is None or step < shown)
            ]
            if first is None:
                made = [step for step, _ref in apart if step >= 0]
                first = session.schedule.start(iteration) + min(made) + 1 if made else None
            if iteration == session.iteration:
                found = [(difference.ref, difference.mine, difference.theirs) for difference in comparison.differences]
                wanted = [(ref, mine.value(ref), theirs.value(ref)) for _step, ref in apart]
                assert sorted(map(repr, found)) == sorted(map(repr, wanted))
                steps = [program.produced(difference.ref) for difference in comparison.differences]
                order = [-1 if step is None else step for step in steps]
                assert order == sorted(order)
        assert comparison.first == first


def test_undo_takes_back_the_edit_and_what_belongs_to_its_branch() -> None:
    session = Session(load_scenario("mazur"))
    session.seek(100)
    before = session.value("out_o1")
    session.set_value("w5", 3.0)
    name = session.branch.name
    session.mark("x")
    session.notes[name, 100] = "mine"
    assert session.value("out_o1") != before
    session.undo()
    assert (session.position, session.branch.name, len(session.branches)) == (100, "main", 1)
    assert session.value("out_o1") == before
    assert not session.marks
    assert not session.notes
    with pytest.raises(EngineError, match="no edit to undo"):
        session.undo()


def test_a_branch_that_others_depart_from_is_not_undone() -> None:
    session = Session(load_scenario("mazur"))
    session.set_value("w5", 3.0)
    first = session.branch.name
    session.set_value("w6", 3.0)
    session.switch(first)
    with pytest.raises(EngineError, match="depart from"):
        session.undo()


def test_two_edits_of_one_iteration_go_together() -> None:
    """Whatever they are, and in whatever order they are made."""
    session = Session(load_scenario("mazur"))
    session.seek("2:1:30")
    values = {"net_h1": 0.5, "out_h2": 0.25, "w1": 0.75, "lr": 0.125, "i1": 2.0, "b1": -1.0}
    for pair in permutations(values, 2):
        session.switch("main")
        for name in pair:
            session.set_value(name, values[name])
        frame = session.timeline.frame(session.iteration)
        later = session.timeline.frame(session.iteration + 1)
        for name in pair:
            # What was read before the cursor was there changes an iteration later.
            assert values[name] in {frame.value(session.resolve(name)), later.value(session.resolve(name))}, pair


def test_a_switch_goes_to_where_the_cursor_was_left() -> None:
    session = Session(load_scenario("mazur"))
    session.seek(500)
    session.set_value("w5", 1.0)
    edited = session.branch.name
    session.seek(0)
    session.switch("main")
    assert session.position == 500
    session.seek(7)
    session.switch(edited)
    assert session.position == 0
    session.switch("main")
    assert session.position == 7


def test_the_journal_names_the_sample() -> None:
    session = Session(load_scenario("xor-2-2-1"))
    program = session.program
    session.seek(program.steps // 2)
    assert session.sample not in {0, None}
    session.set_value("out_h1", 0.5)
    assert session.branch.edit is not None
    assert session.branch.edit.values == ((f"out_h1{{{session.sample + 1}}}", 0.5),)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({}, "nothing to change"),
        ({"w55": 1.0}, "did you mean w5"),
        ({"w5": 1.0, "out_h1": 1.0}, "do not change at the same time"),
        ({"E_epoch": 1.0}, "no value called"),
    ],
)
def test_an_edit_that_makes_no_sense_changes_nothing(values: dict[str, float], part: str) -> None:
    session = Session(load_scenario("mazur"))
    session.seek(20)
    with pytest.raises(EngineError, match=part):
        session.edit(values)
    for name in ("main", "1 2", ""):
        with pytest.raises(EngineError):
            session.edit({"w5": 1.0}, name=name)
    for sample in (0, 2, -1):
        with pytest.raises(EngineError, match="not in 1 to 1"):
            session.drop_sample(sample)
    assert (len(session.branches), session.branch.name, session.position) == (1, "main", 20)


def test_a_long_branch_keeps_checkpoints_of_its_own() -> None:
    """A branch that begins between two checkpoints of its parent is replayed as quickly as that one."""
    recipe = Recipe(
        widths=(1, 1),
        activations=("tanh",),
        biases=("none",),
        frozen=((),),
        loss="half_squared_error",
        samples=1,
        batch_size=0,
        epochs=3000,
    )
    with checkpoints_every(1e-5):
        session = Session(replace(recipe).scenario)
        session.run()
        session.seek(session.schedule.start(101) - 3)
        session.set_value("w1", 0.5)
        session.run()
        checkpoints = session.timeline.checkpoints
        assert checkpoints.due > 3000


@pytest.mark.parametrize("drop", [False, True])
def test_an_edit_inside_the_first_sum_of_an_iteration_is_of_that_iteration(drop: bool, tmp_path: Path) -> None:
    session = Session(load_scenario("descent-batch" if drop else "mazur"))
    before = {branch.name: branch.timeline.frame(0).next_state.tolist() for branch in session.branches}["main"]
    session.seek(session.schedule.start(1))
    session.step("term")
    assert (session.iteration, session.term > 0) == (1, True)
    branch = session.drop_sample(1) if drop else session.edit({"out_h1": 0.25})
    assert branch.timeline.change.first == 1
    assert branch.timeline.frame(0).next_state.tolist() == before
    changed = branch.timeline.state(2).tolist()
    assert changed != session.branches[0].timeline.state(2).tolist()
    save(session, tmp_path / "at")
    again = open_session(tmp_path / "at", load_scenario).session
    assert again.branch_called(branch.name).timeline.state(2).tolist() == changed
