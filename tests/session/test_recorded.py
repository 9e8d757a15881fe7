"""A session over a recording: the same laws as over a training, and a refusal with the reason for what it has not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, FormulaError, Session
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.network.program import unravel
from tests.session.test_walking import print_of
from tests.support.effort import examples
from tests.support.networks import bits, randoms
from tests.support.recordings import Writing

STEPS = Path(__file__).parents[1] / "recording" / "steps"
"""Steps that PyTorch 2.13 ran: a distance with √0, a perceptron with AdamW and clipping, a LeNet, a policy's loss."""
NAMES = ("root", "adamw", "lenet", "policy")

some = st.sampled_from(NAMES)


@cache
def of(name: str) -> Session:
    """The session of a recording; whoever takes it puts the cursor where it wants it."""
    return Session.of_recording(STEPS / f"{name}.rgrec")


def numbers(session: Session, random: Random, count: int) -> list[int]:
    return sorted(random.sample(range(1, session.length + 1), count))


@pytest.mark.parametrize("name", NAMES)
def test_every_step_has_one_number_and_one_place(name: str) -> None:
    program = of(name).schedule.full
    places = [program.place(step) for step in range(program.steps)]
    assert [program.number(place) for place in places] == list(range(program.steps))
    assert len(set(places)) == program.steps == sum(op.target.size for op in program.ops)


@examples(30)
@given(name=some, random=randoms())
def test_a_step_back_undoes_a_step_and_seeking_is_stepping(name: str, random: Random) -> None:
    session = of(name)
    for number in numbers(session, random, 4):
        session.seek(number - 1)
        assert session.step()
        assert session.current is not None
        shown = print_of(session.current)
        assert session.current.moment.step == number
        assert session.back()
        assert session.position == number - 1
        session.seek(session.step_at(number).moment)
        assert session.current is not None
        assert print_of(session.current) == shown


@examples(20)
@given(name=some, random=randoms())
def test_terms_go_both_ways_and_their_last_sum_is_that_of_the_equation(name: str, random: Random) -> None:
    session = of(name)
    for number in numbers(session, random, 3):
        session.seek(number - 1)
        been = [(session.position, session.term)]
        while session.position < number:
            assert session.step("term")
            been.append((session.position, session.term))
        for place in reversed(been[:-1]):
            assert session.back("term")
            assert (session.position, session.term) == place


@pytest.mark.parametrize("name", NAMES)
def test_layers_and_phases_are_runs_of_one_module_and_one_phase(name: str) -> None:
    session = of(name)
    ops = session.schedule.full.ops
    keys: dict[str, Callable[[Any], Any]] = {"layer": lambda op: (op.phase, op.layer), "phase": lambda op: op.phase}
    for granularity, key in keys.items():
        ends, done = [], 0
        for _key, run in groupby(ops, key):
            done += sum(op.target.size for op in run)
            ends.append(done)
        session.seek(0)
        there = []
        while session.step(granularity):
            there.append(session.position)
        assert there == sorted(set(ends))
        back = [session.position]
        while session.back(granularity):
            back.append(session.position)
        assert back == [*reversed(there), 0]


@examples(25)
@given(name=some, random=randoms())
def test_operands_come_from_the_steps_that_made_them_and_are_used_there(name: str, random: Random) -> None:
    session = of(name)
    for number in numbers(session, random, 2):
        step = session.step_at(number)
        for operand in random.sample(step.operands, min(2, len(step.operands))):
            if operand.made_by is None:
                assert session.program.maker(operand.ref.array) is None
            else:
                assert operand.made_by < number
                made = session.step_at(operand.made_by)
                assert made.target == operand.ref
                assert bits(made.result) == bits(operand.value)
            readers = [moment.number for moment in session.uses(operand.ref)]
            assert number in readers
            for reader in random.sample(readers, min(3, len(readers))):
                assert operand.ref in refs(session.step_at(reader).stated)


@examples(25)
@given(name=some, random=randoms())
def test_every_slot_is_found_by_its_name_and_has_its_value_there(name: str, random: Random) -> None:
    session = of(name)
    program = session.schedule.full
    session.seek("end")
    for array in random.sample([array for array in program.arrays if array.size], 5):
        index = unravel(random.randrange(array.size), array.shape)
        ref = Ref(array, index)
        text = session.notation.name(ref)
        assert session.resolve(text) == ref
        updated = program.named.get(f"new({array.name})")
        wanted = session.frame.value(ref if updated is None else Ref(updated, index))
        assert bits(session.value(text)) == bits(wanted)
        assert bits(float(session.value(f"1 * {text}"))) == bits(wanted)
        if array.shape and updated is None:
            assert session.value(array.name).shape == array.shape


@examples(25)
@given(name=some, random=randoms())
def test_a_breakpoint_at_a_place_is_hit_where_its_values_are_made(name: str, random: Random) -> None:
    session = of(name)
    op = random.choice([op for op in session.schedule.full.ops if op.target.size])
    point = session.add_breakpoint(f"at {op.target.name}")
    first = session.schedule.full.produced(Ref(op.target, (0,) * len(op.target.shape)))
    assert first is not None
    hits = [first + 1 + element for element in range(op.target.size)]
    assert list(session.hits(point)) == hits
    session.seek(0)
    assert session.proceed().breakpoint is point
    assert session.position == hits[0]
    session.seek("end")
    session.step_at(hits[-1])
    session.reverse()
    assert session.position == (hits[-1] if hits[-1] < session.length else hits[-2] if len(hits) > 1 else 0)
    session.remove_breakpoint(point.number)


@pytest.mark.parametrize(
    ("condition", "symbol"),
    [
        ("isinf(SqrtBackward0.div[4])", "SqrtBackward0.div[4]"),
        ("any(isinf(SqrtBackward0.div))", "SqrtBackward0.div[8]"),
        ("grad(head.bias[2]) becomes nan", "grad(head.bias)[2]"),
        ("isnan(grad(head.bias)[2]) and E > 0.1", "grad(head.bias)[2]"),
        ("isnan(new(blocks.0.weight)[1,2])", "new(blocks.0.weight)[1,2]"),
        ("at backward blocks.2", "AddmmBackward0.mm#3[1,1]"),
        ("at blocks.0", "blocks.0.addmm[1,1]"),
        ("at SqrtBackward0.div[4]", "SqrtBackward0.div[4]"),
    ],
)
def test_conditions_know_paths_of_modules_and_the_loss(condition: str, symbol: str) -> None:
    session = Session.of_recording(STEPS / "root.rgrec")
    point = session.add_breakpoint(condition)
    session.seek(0)
    halt = session.proceed()
    assert halt.breakpoint is point
    assert session.current is not None
    assert session.current.symbol == symbol
    session.proceed()


def test_queries_and_watches_know_them_too() -> None:
    session = Session.of_recording(STEPS / "root.rgrec")
    watched = session.watch("max(abs(loss.sqrt)) / E")
    assert session.look(watched) is None
    session.seek("end")
    assert session.look(watched) == session.value("max(abs(loss.sqrt))") / session.value("E") > 1
    assert session.last_change(watched) is None
    assert session.sparks(watched) == [session.look(watched)]
    assert session.value("E") == session.frame.value(session.resolve("loss.mean"))
    first = session.first("isinf(SqrtBackward0.div[4])")
    assert first is not None
    assert session.step_at(first).symbol == "SqrtBackward0.div[4]"
    largest = session.extreme("max(abs(blocks.0.addmm))")
    assert largest is not None
    assert largest.value == abs(session.frame.array(session.resolve("blocks.0.addmm[1]").array)).max()


def test_a_parameter_has_a_value_before_its_update() -> None:
    session = Session.of_recording(STEPS / "lenet.rgrec")
    point = session.add_breakpoint("7.bias[2] changes")
    session.proceed()
    assert session.current is not None
    assert session.current.symbol == "new(7.bias)[2]"
    assert list(session.hits(point)) == [session.position]
    moved = session.look(session.watch("7.bias[2] - prev(7.bias[2])"))
    new, old = (session.frame.value(session.resolve(f"{name}[2]")) for name in ("new(7.bias)", "7.bias"))
    assert moved == new - old != 0
    whole = session.watch("max(abs(0.weight - prev(0.weight)))")
    session.seek("end")
    named = session.program.named
    assert (
        session.look(whole)
        == abs(session.frame.array(named["new(0.weight)"]) - session.frame.array(named["0.weight"])).max()
    )


def test_a_path_may_begin_with_a_number(tmp_path: Path) -> None:
    writing = Writing()
    x = writing.value("3.e5.x", [1.0, 2.0])
    writing.call("aten.neg.default", {"self": x}, [writing.value("0.1.neg", [-1.0, -2.0], kind="made")])
    session = Session.of_recording(writing.write(tmp_path / "numbered.rgrec"))
    session.seek("end")
    for text, value in {
        "0.1.neg[2]": -2.0,
        "sum(3.e5.x) * 0.5": 1.5,
        "3.5 * 0.1.neg[1]": -3.5,
        "3.e2 * 3.e5.x[2]": 600.0,
        "2e1": 20.0,
    }.items():
        assert session.value(text) == value, text


def test_what_a_recording_has_not_is_refused_with_the_reason() -> None:
    session = Session.of_recording(STEPS / "root.rgrec")
    refused: list[tuple[Callable[[], object], str]] = [
        (session.run, "is read, not run or changed"),
        (session.start_run, "is read, not run or changed"),
        (lambda: session.set_value("head.bias[1]", 1.0), "import root.rgrec --as scenario"),
        (session.drop_sample, "is read, not run or changed"),
        (lambda: session.scenario, "is read, not run or changed"),
        (lambda: session.value("E_data"), "is read, not run or changed"),
        (lambda: session.add_breakpoint("on alert"), "is read, not run or changed"),
        (lambda: session.step("sample"), "which axis of its arrays is the batch"),
        (lambda: session.back("iteration"), "one iteration"),
        (lambda: session.step("epoch"), "one iteration"),
        (lambda: session.seek("2:1"), "the training has 1 epoch"),
        (lambda: session.measure("E", 1), "one iteration"),
        (lambda: session.resolve("head.weigth[1]"), "did you mean head.weight"),
        (
            lambda: session.resolve("head.weight"),
            r"an array of 2×3; name one of its values, such as head.weight\[1,1\]",
        ),
        (lambda: session.add_breakpoint("E changes"), "nothing comes before it"),
        (lambda: session.watch("prev(E)"), "nothing comes before it"),
    ]
    for action, said in refused:
        with pytest.raises(EngineError, match=said):
            action()
    assert (session.position, len(session.branches), session.breakpoints, session.watches) == (0, 1, {}, [])
    with pytest.raises(FormulaError, match=r"did you mean head\.bias"):
        session.formula("head.biass[1] > 0")


def test_without_a_backward_pass_there_is_no_loss(tmp_path: Path) -> None:
    writing = Writing()
    x = writing.value("x", [1.0, 2.0])
    writing.call("mine.twirl.default", {"self": x}, [writing.value("y", [3.0, 4.0], kind="made")])
    session = Session.of_recording(writing.write(tmp_path / "mine.rgrec"))
    with pytest.raises(EngineError, match="no backward pass"):
        session.value("E")
    assert session.step("term")
    assert session.position == 1
    assert session.first("y[2] > 3") == 2
    assert session.uses(session.resolve("x[1]")) == ()
