"""Runs: where a rule ends them, that they can be cut anywhere, and what is kept of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, Session, trace
from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.equations.array import Role
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.models import StopTable
from retrograde.engine.travel import branch, checkpoints, history, timeline
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.travel.stopping import Outcome, StopRule
from retrograde.engine.travel.timeline import Timeline
from tests.support.effort import examples
from tests.support.networks import EXECUTORS, Recipe, bits, executed_by, randoms, recipes


@dataclass(frozen=True, kw_only=True)
class Told:
    """A training, iteration by iteration, without any rule."""

    losses: list[float]
    norms: list[float]
    per_epoch: int

    def epoch_losses(self) -> list[float]:
        """The mean of the iterations' E, epoch by epoch."""
        found = []
        for start in range(0, len(self.losses), self.per_epoch):
            total = self.losses[start]
            for loss in self.losses[start + 1 : start + self.per_epoch]:
                total += loss
            found.append(total / self.per_epoch)
        return found


def told(recipe: Recipe) -> Told:
    """The training of a recipe, one frame after the other."""
    line = Timeline(Network(recipe.scenario))
    losses, norms = [], []
    for iteration in range(recipe.epochs * line.schedule.per_epoch):
        frame = line.frame(iteration)
        losses.append(float(frame.array(frame.program.named["E"])))
        norms.append(norm(frame))
    return Told(losses=losses, norms=norms, per_epoch=line.schedule.per_epoch)


def norm(frame: Frame) -> float:
    """The length of the gradient of all trained parameters."""
    squares = [
        float(slope) ** 2 if abs(slope) < 1e150 else math.inf
        for array in frame.program.arrays
        if array.role is Role.GRADIENT and array.of is not None and array.of.role in {Role.WEIGHT, Role.BIAS}
        for slope in frame.array(array).ravel()
    ]
    return math.sqrt(math.fsum(squares)) if all(map(math.isfinite, squares)) else math.inf


def naive(training: Told, stop: StopTable) -> tuple[StopRule, int]:
    """The rule that ends a training, and the iterations that are complete there."""
    losses = training.epoch_losses()
    above = math.inf if stop.loss_above is None else stop.loss_above
    quiet = 0
    for iteration, loss in enumerate(training.losses):
        if not math.isfinite(loss) or loss > above:
            return StopRule.DIVERGED, iteration + 1
        if (iteration + 1) % training.per_epoch:
            continue
        epoch = iteration // training.per_epoch
        if stop.loss_below is not None and losses[epoch] < stop.loss_below:
            return StopRule.LOSS, iteration + 1
        if stop.loss_change_below is not None and epoch:
            quiet = quiet + 1 if abs(losses[epoch] - losses[epoch - 1]) < stop.loss_change_below else 0
            if quiet >= stop.change_epochs:
                return StopRule.CHANGE, iteration + 1
        if stop.gradient_norm_below is not None and training.norms[iteration] < stop.gradient_norm_below:
            return StopRule.GRADIENT, iteration + 1
    return StopRule.EPOCHS, len(training.losses)


def between(values: list[float], random: Random) -> float | None:
    """A bound that lies well between two of the values, so that rounding does not decide."""
    known = sorted({value for value in values if math.isfinite(value) and 1e-300 < abs(value) < 1e300})
    gaps = [(a + b) / 2 for a, b in pairwise(known) if b - a > 1e-9 * abs(b)]
    return random.choice(gaps) if gaps else None


def with_rules(recipe: Recipe, training: Told, random: Random) -> Recipe:
    """The recipe with some stop rules whose bounds its own training crosses."""
    losses = training.epoch_losses()
    changes = [abs(b - a) for a, b in pairwise(losses)]
    ends = training.norms[training.per_epoch - 1 :: training.per_epoch]
    bounds = {
        "loss_below": between(losses, random),
        "loss_change_below": between(changes, random),
        "gradient_norm_below": between(ends, random),
        "loss_above": between(training.losses, random),
    }
    kept = {name: bound for name, bound in bounds.items() if bound is not None and random.random() < 0.4}
    lines = [f"{name} = {bound!r}" for name, bound in kept.items()]
    lines.append(f"change_epochs = {random.randint(1, 4)}")
    return replace(recipe, stop="\n".join(lines))


def same(left: float, right: float) -> bool:
    return bits(left) == bits(right)


RATES = (0.05, 0.3, 3.0, 200.0)


@examples(80)
@given(
    recipe=recipes(depth=2, width=3, epochs=9),
    rate=st.sampled_from(RATES),
    random=randoms(),
    chunk=st.sampled_from((0.0, 2e-5, 1.0)),
)
def test_a_run_ends_where_a_plain_loop_ends_it(recipe: Recipe, rate: float, random: Random, chunk: float) -> None:
    recipe = replace(recipe, rate=rate)
    training = told(recipe)
    recipe = with_rules(recipe, training, random)
    scenario = recipe.scenario
    rule, iterations = naive(training, scenario.stop)
    with patch.object(branch, "CHUNK_SECONDS", chunk):
        runner = Session(scenario)
        outcome = runner.run()
    assert (outcome.rule, outcome.iterations) == (rule, iterations)
    assert runner.position == runner.schedule.start(iterations)
    assert sum(1 for _ in trace(scenario)) == runner.position
    begun = iterations if outcome.fault is None else runner.schedule.locate(outcome.fault.step)[0] + 1
    assert outcome.epoch == -(-begun // training.per_epoch)
    complete = training.epoch_losses()[: iterations // training.per_epoch]
    assert same(outcome.loss, complete[-1] if complete else math.nan)
    assert str(outcome.epoch) in outcome.message
    first, low, high = runner.losses.points()
    assert first.tolist() == list(range(iterations))
    assert all(map(same, low, training.losses))
    assert all(map(same, high, training.losses))


@examples(40)
@given(recipe=recipes(depth=2, width=2, samples=3, epochs=20), rate=st.sampled_from((200.0, 1e5, 1e12)))
def test_a_divergence_names_the_first_slot_that_is_not_finite(recipe: Recipe, rate: float) -> None:
    runner = Session(replace(recipe, rate=rate, scale=5.0).scenario)
    outcome = runner.run()
    if outcome.rule is not StopRule.DIVERGED:
        return
    last = outcome.iterations - 1
    start = last
    while not np.all(np.isfinite(runner.timeline.state(start))):
        start -= 1
    numbers = range(runner.schedule.start(start) + 1, runner.position + 1)
    bad = (step for step in map(runner.step_at, numbers) if step.final and not math.isfinite(step.result))
    wanted = next(bad)
    assert (outcome.first, outcome.step) == (wanted.symbol, wanted.number)
    assert outcome.epoch == wanted.moment.epoch + 1
    assert outcome.fault is not None
    assert outcome.fault.address == wanted.moment.address
    assert same(outcome.fault.value, wanted.result)
    assert f"{wanted.symbol} = {wanted.result:g} in step {wanted.moment.address}" in outcome.message


@examples(70)
@given(
    recipe=recipes(depth=2, width=3, epochs=8),
    random=randoms(),
    cuts=st.lists(st.integers(0, 6), min_size=1, max_size=4),
)
def test_a_run_that_is_cancelled_and_resumed_is_one_run(recipe: Recipe, random: Random, cuts: list[int]) -> None:
    recipe = with_rules(recipe, told(recipe), random)
    whole, pieces = Session(recipe.scenario), Session(recipe.scenario)
    wanted = whole.run()
    with patch.object(branch, "CHUNK_SECONDS", 0.0):
        for cut in cuts:
            calls = iter([False] * cut)
            outcome = pieces.run(cancelled=lambda calls=calls: next(calls, True))  # type: ignore[misc]
            if outcome.rule is not StopRule.CANCELLED:
                break
            assert pieces.position == pieces.schedule.start(outcome.iterations)
            if random.random() < 0.5:
                pieces.back("step")
        else:
            outcome = pieces.run()
    assert_equal_outcomes(outcome, wanted)
    assert pieces.position == whole.position
    assert_equal_histories(pieces, whole)


@pytest.mark.parametrize("cut", [1, 3, 4])
def test_a_run_remembers_how_often_the_loss_hardly_changed(cut: int) -> None:
    recipe = Recipe(
        widths=(1, 1),
        activations=("identity",),
        biases=("neuron",),
        frozen=((),),
        loss="half_squared_error",
        samples=1,
        batch_size=0,
        epochs=20,
        stop="loss_change_below = 1e3\nchange_epochs = 4",
    )
    assert Session(recipe.scenario).run().epoch == 5
    pieces = Session(recipe.scenario)
    pieces.run(epochs=cut)
    assert pieces.run().epoch == 5
    walked = Session(recipe.scenario)
    walked.seek(str(cut))
    assert walked.run().epoch == 5


def assert_equal_outcomes(left: Outcome, right: Outcome) -> None:
    assert (left.rule, left.message, left.epoch, left.iterations, left.first, left.step) == (
        right.rule,
        right.message,
        right.epoch,
        right.iterations,
        right.first,
        right.step,
    )
    assert same(left.loss, right.loss)


def assert_equal_histories(left: Session, right: Session) -> None:
    """The left session may have been further than the right one."""
    for ours, theirs in zip(left.losses.points(), right.losses.points(), strict=True):
        assert same_bits(ours[: len(theirs)], theirs)
    assert same_bits(left.frame.flat, right.frame.flat)


@examples(40)
@given(recipe=recipes(depth=2, width=3, epochs=6), random=randoms())
def test_stepping_around_before_a_run_changes_nothing(recipe: Recipe, random: Random) -> None:
    recipe = with_rules(recipe, told(recipe), random)
    fresh, walked = Session(recipe.scenario), Session(recipe.scenario)
    wanted = fresh.run()
    for _ in range(6):
        if random.random() < 0.5:
            walked.seek(random.randint(0, fresh.position))
        granularity = random.choice(("term", "step", "layer", "phase", "sample", "iteration", "epoch"))
        (walked.step if random.random() < 0.7 else walked.back)(granularity)
    if walked.position > fresh.position:
        walked.seek(fresh.position)
    began_at_the_end = walked.position == fresh.position
    outcome = walked.run()
    if not began_at_the_end:
        assert_equal_outcomes(outcome, wanted)
        assert walked.position == fresh.position
        assert_equal_histories(walked, fresh)


@examples(40)
@given(recipe=recipes(depth=2, width=3, epochs=3))
def test_a_run_at_its_end_stays_there_and_can_be_given_more_epochs(recipe: Recipe) -> None:
    runner = Session(recipe.scenario)
    first = runner.run()
    if first.rule is not StopRule.EPOCHS:
        return
    position = runner.position
    again = runner.run()
    assert (again.rule, again.iterations, runner.position) == (first.rule, first.iterations, position)

    longer = Session(replace(recipe, epochs=7).scenario)
    wanted, outcome = longer.run(), runner.run(epochs=7)
    assert_equal_outcomes(outcome, wanted)
    assert runner.length == longer.length
    assert_equal_histories(runner, longer)
    shorter = Session(recipe.scenario)
    assert shorter.run(epochs=2).iterations == 2 * shorter.schedule.per_epoch
    assert shorter.length == 3 * shorter.schedule.steps_per_epoch


@examples(20)
@given(recipe=recipes(depth=2, width=3, epochs=3))
def test_a_run_that_has_nothing_to_do_still_knows_the_loss_of_the_last_epoch(recipe: Recipe) -> None:
    runner = Session(recipe.scenario)
    first = runner.run()
    assert same(runner.run().loss, first.loss) or first.rule is not StopRule.EPOCHS


@examples(40)
@given(recipe=recipes(depth=2, width=3, epochs=6), random=randoms())
def test_a_condition_ends_a_run_at_the_first_epoch_that_it_holds_after(recipe: Recipe, random: Random) -> None:
    training = told(recipe)
    losses = training.epoch_losses()
    bound = between(losses, random)
    if bound is None or naive(training, recipe.scenario.stop)[0] is not StopRule.EPOCHS:
        return
    runner = Session(recipe.scenario)
    outcome = runner.run(until=f"E_epoch < {bound!r} and epoch > 1")
    hits = [epoch for epoch, loss in enumerate(losses, 1) if loss < bound and epoch > 1]
    assert outcome.rule is (StopRule.CONDITION if hits else StopRule.EPOCHS)
    assert outcome.epoch == (hits[0] if hits else recipe.epochs)
    position = runner.position
    with pytest.raises(EngineError, match="no value called"):
        runner.run(until="nonsense < 1")
    assert runner.position == position


def naive_states(network: Network, iterations: int) -> list[Floats]:
    """The state at the start of every iteration, each frame from the one before."""
    line = Timeline(network)
    states = [np.array(network.initial_state)]
    for iteration in range(iterations):
        executor = line.executor(line.schedule.program(iteration))
        data = network.dataset
        schedule = line.schedule
        leaves = executor.leaves((data.inputs, data.targets), schedule.rows(iteration), schedule.dated(iteration))
        states.append(np.array(executor.frame(states[-1], leaves).next_state))
    return states


@pytest.mark.parametrize("executor", EXECUTORS)
@examples(40)
@given(
    recipe=recipes(depth=2, width=3, epochs=1),
    budget=st.sampled_from((0, 100, 1000, 4000, 64 << 20)),
    seconds=st.sampled_from((0.0, 1e-6, 1e-4, 5e-3)),
    random=randoms(),
)
def test_checkpoints_decide_how_long_a_visit_takes_and_never_its_bits(
    executor: str, recipe: Recipe, budget: int, seconds: float, random: Random
) -> None:
    recipe = replace(recipe, arithmetic="blas" if executor == "blas" else "exact")
    with executed_by(executor), patch.object(timeline, "SEEK_SECONDS", seconds):
        network = Network(recipe.scenario)
        wanted = naive_states(network, 50)
        line = Timeline(network, budget=budget)
        for _ in range(25):
            near = random.choice([*line._waypoints, 0])
            visited = random.choice((random.randrange(51), max(0, min(50, near + random.randint(-2, 2)))))
            state = line.state(visited)
            assert same_bits(state, wanted[visited])
            assert not state.flags.writeable
            if visited < 50 and random.random() < 0.4:
                frame = line.frame(visited)
                assert same_bits(frame.next_state, wanted[visited + 1])
        # One frame, two checkpoints and the state at hand are kept, however small the budget.
        per_state = network.initial_state.nbytes
        frames = max(budget // 8, line.schedule.full.size * 8)
        assert line.nbytes <= budget // 8 * 7 + frames + 4 * per_state


@examples(40)
@given(
    size=st.integers(0, 5),
    spacing=st.sampled_from((1, 2, 8)),
    room=st.integers(0, 20),
    length=st.integers(1, 300),
)
def test_checkpoints_stay_in_their_budget_and_evenly_spaced(size: int, spacing: int, room: int, length: int) -> None:
    budget = room * max(1, size) * 8
    kept = checkpoints.Checkpoints(size, spacing, budget)
    for iteration in range(length):
        kept.put(iteration, np.full(size, float(iteration)))
        assert kept.nbytes <= max(budget, 2 * size * 8)
        at, state = kept.before(iteration)
        assert at <= iteration
        assert at % kept.spacing == 0
        assert same_bits(state, np.full(size, float(at)))
        assert iteration - at < 2 * kept.spacing
    for iteration in range(length):
        at, state = kept.before(iteration)
        assert iteration - at < kept.spacing or at == (kept.count - 1) * kept.spacing
        assert same_bits(state, np.full(size, float(at)))


@examples(150)
@given(
    losses=st.lists(st.floats(), max_size=150),
    cuts=st.lists(st.integers(0, 150), max_size=8),
    buckets=st.sampled_from((2, 4, 8, 64)),
)
def test_the_loss_history_is_the_smallest_and_the_largest_of_each_bucket(
    losses: list[float], cuts: list[int], buckets: int
) -> None:
    with patch.object(history, "BUCKETS", buckets):
        kept = LossHistory()
        edges = sorted({0, *(min(cut, len(losses)) for cut in cuts), len(losses)})
        for start, stop in pairwise(edges):
            again = max(0, start - 3)
            kept.extend(again, losses[again:stop])
            kept.extend(start, losses[start:stop])
    first, low, high = kept.points()
    assert len(kept) == len(losses)
    assert len(first) <= buckets
    assert kept.width & (kept.width - 1) == 0
    for at, least, most in zip(first, low, high, strict=True):
        known = [loss for loss in losses[int(at) : int(at) + kept.width] if loss == loss]
        assert (least == min(known)) if known else math.isnan(least)
        assert (most == max(known)) if known else math.isnan(most)
    assert first.tolist() == list(range(0, len(losses), kept.width))


def test_a_gap_in_the_history_is_not_recorded() -> None:
    kept = LossHistory()
    kept.extend(3, [1.0])
    assert len(kept) == 0


def test_a_million_steps_of_history_fit_in_a_megabyte() -> None:
    recipe = Recipe(
        widths=(2, 2, 2),
        activations=("sigmoid", "sigmoid"),
        biases=("neuron", "neuron"),
        frozen=((), ()),
        loss="half_squared_error",
        samples=1,
        batch_size=0,
        epochs=25_000,
    )
    runner = Session(recipe.scenario)
    runner.run()
    assert runner.position > 1_000_000
    assert runner.timeline.nbytes + runner.losses.nbytes <= 1 << 20
