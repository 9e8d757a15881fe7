"""A training as `trace` yields it, as `Session` steps through it, and as it runs: the same moments, the same bits."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, Session, load_scenario, trace
from retrograde.engine.equations.array import Extent, Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.explaining.chain import chain
from retrograde.engine.explaining.step import Moment, Step
from retrograde.engine.travel.stopping import StopRule
from tests.support.effort import examples
from tests.support.networks import EXECUTORS, Recipe, all_slots, bits, executed_by, randoms, recipes

ORDER = ("term", "step", "layer", "phase", "sample", "iteration", "epoch")
COARSE = ORDER[2:]


def print_of(step: Step) -> tuple[Any, ...]:
    """Everything that a step states, with numbers as bits."""
    return (
        step.moment,
        step.term,
        step.name,
        bits(step.result),
        bits(step.contribution),
        tuple((operand.name, bits(operand.value), operand.made_by) for operand in step.operands),
    )


def key_of(granularity: str, moment: Moment) -> tuple[Any, ...]:
    """What stays the same between two stops of a granularity."""
    parts = [moment.epoch]
    if granularity != "epoch":
        parts.append(moment.iteration)
    if granularity in {"sample", "phase", "layer"}:
        parts.append(moment.sample)
    if granularity in {"phase", "layer"}:
        parts.append(moment.phase)
    return (*parts, moment.layer, moment.time) if granularity == "layer" else tuple(parts)


def stops_of(granularity: str, moments: list[Moment]) -> list[int]:
    """The ends of the maximal runs of equal keys, as positions."""
    runs = groupby(moments, key=lambda moment: key_of(granularity, moment))
    return [list(run)[-1].number for _key, run in runs]


def chosen(recipe: Recipe, executor: str) -> Recipe:
    """The recipe with the arithmetic that an executor is for."""
    return replace(recipe, arithmetic="blas" if executor == "blas" else "exact")


@pytest.mark.parametrize("executor", EXECUTORS)
@examples(40)
@given(recipe=recipes(depth=3, width=3), data=st.data())
def test_tracing_stepping_and_running_give_the_same_bits(executor: str, recipe: Recipe, data: st.DataObject) -> None:
    with executed_by(executor):
        scenario = chosen(recipe, executor).scenario
        traced = [print_of(step) for step in trace(scenario)]

        walker = Session(scenario)
        assert walker.current is None
        for number, wanted in enumerate(traced, 1):
            assert walker.step()
            assert walker.position == number
            assert walker.current is not None
            assert print_of(walker.current) == wanted
        for number in range(len(traced), 0, -1):
            assert walker.current is not None
            assert print_of(walker.current) == traced[number - 1]
            assert walker.back()
        assert (walker.position, walker.current, walker.back()) == (0, None, False)

        runner = Session(scenario)
        outcome = runner.run()
        assert runner.position == len(traced)
        assert outcome.rule is StopRule.DIVERGED or runner.position == runner.length
        places = st.lists(st.integers(1, len(traced)), min_size=1, max_size=30)
        for number in (len(traced), *data.draw(places)):
            runner.seek(number)
            assert runner.current is not None
            assert print_of(runner.current) == traced[number - 1]
            moment = runner.current.moment
            runner.seek(moment.address)
            assert runner.position == number
            runner.seek(moment)
            assert runner.position == number


@examples(50)
@given(recipe=recipes(depth=3, width=3), where=st.data())
def test_stops_are_the_ends_of_runs_of_equal_moments_both_ways(recipe: Recipe, where: st.DataObject) -> None:
    scenario = recipe.scenario
    moments = [step.moment for step in trace(scenario)]
    session = Session(scenario)
    length = len(moments)
    inner = set(range(1, length + 1))
    for granularity in COARSE:
        stops = stops_of(granularity, moments)
        assert set(stops) <= inner, "a coarser granularity stops where the finer ones do"
        inner = set(stops)
        assert [step.number for step in trace(scenario, granularity)] == stops

        session.seek(0)
        for before, stop in zip([0, *stops], stops, strict=False):
            assert session.step(granularity)
            assert session.position == stop
            assert session.back(granularity)
            assert session.position == before, "back undoes a motion that began at a stop"
            session.step(granularity)
        if length == session.length:
            assert not session.step(granularity)

        for position in where.draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=8)):
            session.seek(position)
            session.step(granularity)
            assert session.position == min(stop for stop in stops if stop > position)
            session.seek(position)
            moved = session.back(granularity)
            assert moved == (position > 0)
            assert session.position == max((stop for stop in stops if stop < position), default=0)


@examples(40)
@given(recipe=recipes(depth=2, width=3, samples=3, epochs=1))
def test_terms_go_both_ways_and_add_up_in_written_order(recipe: Recipe) -> None:
    scenario = recipe.scenario
    session = Session(scenario)
    been = [(0, 0)]
    shown: list[tuple[Any, ...]] = []
    for wanted in trace(scenario, "term"):
        assert session.step("term")
        current = session.current
        assert current is not None
        assert print_of(current) == print_of(wanted)
        been.append((session.position, session.term))
        shown.append(print_of(current))
        if current.term:
            added = [term.value for term in current.terms[: current.term]]
            total = added[0]
            for value in added[1:]:
                total = total + value
            assert bits(current.result) == bits(total)
            assert 0 < current.term < len(current.terms)
    for place, text in zip(reversed(been[1:]), reversed(shown), strict=True):
        assert (session.position, session.term) == place
        assert session.current is not None
        assert print_of(session.current) == text
        assert session.back("term")
    assert (session.position, session.term) == (0, 0)


@examples(60)
@given(recipe=recipes(depth=3, width=3, samples=3), data=st.data())
def test_a_step_back_undoes_a_step_from_everywhere(recipe: Recipe, data: st.DataObject) -> None:
    session = Session(recipe.scenario)
    for position in data.draw(st.lists(st.integers(0, session.length - 1), min_size=1, max_size=10)):
        session.seek(position)
        for _ in range(data.draw(st.integers(0, 2))):
            session.step("term")
        if session.position == session.length:
            continue
        start = session.position
        session.step()
        assert (session.position, session.term) == (start + 1, 0)
        session.back()
        assert (session.position, session.term) == (start, 0)


@examples(50)
@given(recipe=recipes(width=3))
def test_every_operand_comes_from_the_step_that_made_it(recipe: Recipe) -> None:
    leaves = {Role.INPUT, Role.TARGET, Role.RATE, Role.MASK}
    results: dict[int, tuple[str, str]] = {}
    trained: set[str] = set()
    for step in trace(recipe.scenario):
        for operand in step.operands:
            if operand.made_by is None:
                role = operand.ref.array.role
                initial = role in {Role.WEIGHT, Role.BIAS, Role.MEMORY} and operand.name not in trained
                assert role in leaves or initial
                continue
            assert operand.made_by < step.number
            name, made = results[operand.made_by]
            assert name in {operand.name, f"new({operand.name})"}
            assert made == bits(operand.value)
        results[step.number] = (step.name, bits(step.result))
        if step.target.array.role is Role.UPDATED:
            trained.add(step.name.removeprefix("new(").removesuffix(")"))


@examples(50)
@given(recipe=recipes(depth=3, width=3), random=randoms())
def test_what_is_visible_is_what_was_revealed(recipe: Recipe, random: Random) -> None:
    session = Session(recipe.scenario)
    shown: dict[Ref, tuple[str, int]] = {}
    iteration = -1
    while session.step():
        step = session.current
        assert step is not None
        if step.iteration != iteration:
            iteration = step.iteration
            shown.clear()
        shown[step.target] = (bits(step.result), shown.get(step.target, ("", 0))[1] + 1)
        if random.random() < 0.8:
            continue
        program = session.program
        for ref in random.choices(all_slots(program), k=8):
            visible = session.visible(ref)
            maker = program.maker(ref.array)
            if maker is None:
                assert visible is not None
                assert bits(visible) == bits(session.frame.value(ref))
            elif ref in shown:
                text, count = shown[ref]
                assert visible is not None
                assert bits(visible) == text
                if maker.extent is Extent.SUM:
                    assert session.samples_added(ref) == count
            else:
                assert visible is None
                if maker.extent is Extent.SUM:
                    assert session.samples_added(ref) == 0


@examples(50)
@given(recipe=recipes(width=3, samples=3, epochs=1), data=st.data())
def test_provenance_is_what_a_scan_of_all_equations_finds(recipe: Recipe, data: st.DataObject) -> None:
    session = Session(recipe.scenario)
    program = session.schedule.full
    steps = [session.step_at(number) for number in range(1, program.steps + 1)]
    reads = [(step.moment, set(refs(step.stated))) for step in steps]
    for ref in data.draw(st.lists(st.sampled_from(all_slots(program)), min_size=1, max_size=15)):
        sample = data.draw(st.integers(0, program.batch - 1))
        place = next(step for step in steps if step.place.sample == sample)
        session.seek(place.number)
        own = ref.index[0] if ref.array.batched else sample
        wanted = [moment for moment, read in reads if ref in read and moment.sample in {None, own}]
        assert list(session.uses(ref)) == wanted
        made = [step for step in steps if step.target == ref]
        produced, explained = session.produced(ref), session.explain(ref)
        if made:
            assert produced == made[-1].moment
            assert explained is not None
            assert print_of(explained) == print_of(made[-1])
        else:
            assert produced is None
            assert explained is None


@examples(50)
@given(recipe=recipes())
def test_every_step_has_one_place_and_every_slot_one_name(recipe: Recipe) -> None:
    session = Session(recipe.scenario)
    for program in (session.schedule.full, session.schedule.last):
        places = [program.place(step) for step in range(program.steps)]
        assert [program.number(place) for place in places] == list(range(program.steps))
        assert len(set(places)) == program.steps
        wanted = sum(op.target.size * (program.batch if op.extent is Extent.SUM else 1) for op in program.ops)
        assert program.steps == wanted, "every element of every op has a step"
        names: dict[str, Any] = {}
        for ref in all_slots(program):
            for name in {session.notation.name(ref, sample=-1), session.notation.symbol(ref, sample=-1)}:
                assert names.setdefault(name, ref) == ref, "no two slots share a name"
                assert session.notation.resolve(name, program) == ref
    for number in range(1, session.length + 1):
        iteration, step = session.schedule.locate(number)
        assert session.schedule.start(iteration) + step == number
        assert 1 <= step <= session.schedule.program(iteration).steps


@examples(50)
@given(recipe=recipes(width=3, epochs=1))
def test_sums_over_samples_add_their_contributions_in_order(recipe: Recipe) -> None:
    totals: dict[Any, float] = {}
    for step in trace(recipe.scenario):
        if step.running is None:
            assert bits(step.contribution) == bits(step.result)
            continue
        first = step.running.done == 1
        totals[step.target] = step.contribution if first else totals[step.target] + step.contribution
        assert bits(step.result) == bits(totals[step.target])
        assert step.final == (step.running.done == step.running.of == step.program.batch)


@examples(60)
@given(recipe=recipes(width=3, samples=3, epochs=1))
def test_the_factors_of_a_chain_multiply_to_the_contribution(recipe: Recipe) -> None:
    for step in trace(recipe.scenario):
        factors = chain(step)
        if step.target.array.role is not Role.GRADIENT:
            assert factors == ()
            continue
        product = factors[0].value
        for above, factor in pairwise(factors):
            assert factor.above == above.below, "each factor goes on where the one before ends"
            product = product * factor.value
        assert factors[0].above == "E"
        assert factors[-1].below == step.notation.symbol(Ref(step.op.of, step.target.index))
        assert bits(product) == bits(step.contribution)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("1:1:40", "step 40 is not in 0 to 39: iteration 1:1 ends at step 39"),
        ("1:2:1", "iteration 2 is not in 1 to 1: an epoch has 1 iteration"),
        ("10001:1", "epoch 10001 is not in 1 to 10000: the training has 10000 epochs"),
    ],
)
def test_an_address_beyond_the_end_says_where_the_end_is(address: str, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        Session(load_scenario("mazur")).seek(address)
