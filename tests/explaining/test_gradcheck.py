"""The gradient check: right gradients agree, wrong ones do not, and what a difference can not say is not said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given

from retrograde.engine import Session, load_scenario, shipped
from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.evaluation import NUMPY
from retrograde.engine.equations.expression import (
    ZERO,
    ArgMax,
    Call,
    Compare,
    Comparison,
    Const,
    Expr,
    Index,
    Max,
    Neg,
    Product,
    Ref,
    Select,
    Sum,
)
from retrograde.engine.equations.functions import ABS, SIGMOID
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.explaining.gradcheck import GradientCheck, Verdict
from retrograde.engine.explaining.kinks import Branchings, alike
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.activation import SlopePart
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.dense import BiasPart, InputPart, WeightPart
from retrograde.engine.ops.loss import LossPart
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.gradient_report import GradientReport, check_gradients, pick
from tests.support.effort import examples
from tests.support.networks import Recipe, executed_by, randoms, recipes


def checked(session: Session, *names: str) -> list[GradientCheck]:
    return list(check_gradients(session, names=names).checks)


def drawn(session: Session, count: int, seed: int) -> list[GradientCheck]:
    """Some parameters, and some other gradients."""
    sound, _late = session.differences.gradients()
    others = [array for array in sound if array.of not in session.program.state]
    found = [*check_gradients(session, count=count, seed=seed).checks]
    for ref in pick(others, count // 2, seed):
        check = session.check_gradient(ref)
        assert check is not None
        found.append(check)
    return found


def told(session: Session, checks: list[GradientCheck]) -> list[str]:
    """What does not agree, for messages."""
    return [f"{session.notation.name(check.ref)}: {check}" for check in checks if not check.agrees]


# -- right gradients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_the_gradients_of_every_scenario_agree(name: str) -> None:
    session = Session(load_scenario(name))
    start = check_gradients(session, count=1)
    for iteration in (0, 2):
        session.seek(min(session.schedule.start(iteration) + 1, session.length))
        checks = drawn(session, 8, seed=iteration)
        assert checks or not start.total
        assert not told(session, [check for check in checks if not check.kink])


@examples(60)
@given(recipe=recipes(depth=4, samples=3), random=randoms())
def test_no_gradient_is_said_to_be_wrong(recipe: Recipe, random: Random) -> None:
    """With kinks, updates in place, and numbers that are not finite."""
    session = Session(recipe.scenario)
    session.seek(random.randint(0, session.length))
    for check in drawn(session, 8, random.randint(0, 99)):
        assert check.verdict is not Verdict.DISAGREES, (session.notation.name(check.ref), check)
        assert check.analytic == session.frame.value(check.ref)
        if check.verdict is Verdict.AGREES:
            assert np.isclose(check.numeric, check.analytic, rtol=1e-5, atol=max(1e-6, 5 * check.error))


@examples(20)
@given(recipe=recipes(depth=3, samples=3, arithmetic=("exact", "blas"), updates=("simultaneous",)), random=randoms())
def test_differences_are_close_and_their_errors_honest(recipe: Recipe, random: Random) -> None:
    """The whole of a numeric derivative's error, from a gradient that is known, is within four times the estimate."""
    with executed_by("kernels"):
        session = Session(recipe.scenario)
        session.seek(random.randint(0, session.length))
        assume(bool(np.all(np.abs(session.frame.flat) < 1e3)))
        for check in drawn(session, 6, random.randint(0, 99)):
            if check.verdict is Verdict.AGREES and abs(check.analytic) > 1e-3:
                assert abs(check.numeric - check.analytic) <= 4 * check.error + 1e-11 * abs(check.analytic)
                assert check.error < 1e-3 * abs(check.analytic)


def test_a_gradient_of_every_kind_of_value_can_be_asked_for() -> None:
    session = Session(load_scenario("mazur"))
    for name in ("w5", "grad(w5)", "net_h1", "delta(h1)", "out_h2", "i1", "grad(i1)", "W_h", "W_h[1,:]", "net_h"):
        checks = checked(session, name)
        assert checks
        assert not told(session, checks)
    assert len(checked(session, "W_h", "w1", "grad(w1)", "W_h[1,:]")) == 4, "each once"
    for name, part in (("w99", "there is no value called w99"), ("E", "E has no gradient"), ("t_o1", "no gradient")):
        with pytest.raises(EngineError, match=part):
            checked(session, name)


def test_several_samples_are_all_checked() -> None:
    session = Session(load_scenario("xor-2-2-1"))
    assert len(checked(session, "net_h")) == 2 * session.program.batch
    assert [check.ref.index for check in checked(session, "net_h1{3}")] == [(2, 0)]


# -- wrong gradients ------------------------------------------------------------------------------------------------

RECIPE = Recipe(
    widths=(2, 3, 2),
    activations=("sigmoid", "tanh"),
    biases=("neuron", "neuron"),
    frozen=((), ()),
    loss="squared_error",
    samples=2,
    batch_size=0,
)


@pytest.mark.parametrize("part", [WeightPart, BiasPart, InputPart, SlopePart, LossPart])
def test_a_wrong_rule_is_noticed(part: type[Any]) -> None:
    """A tenth of a percent too much, in each rule in turn: what is behind it disagrees, and the rest agrees."""
    right: Callable[..., Expr] = part.term
    with patch.object(part, "term", lambda self, index: Product((right(self, index), Const(1.001)))):
        session = Session(RECIPE.scenario)
        report = check_gradients(session, count=None)
        wrong = {check.ref.array.name for check in report.checks if check.verdict is Verdict.DISAGREES}
        rest = {check.ref.array.name for check in report.checks if check.verdict is Verdict.AGREES}
    every = {"grad(W_h)", "grad(b_h)", "grad(W_o)", "grad(b_o)"}
    expected = {
        WeightPart: {"grad(W_h)", "grad(W_o)"},
        BiasPart: {"grad(b_h)", "grad(b_o)"},
        InputPart: {"grad(W_h)", "grad(b_h)"},
    }.get(part, every)
    assert wrong == expected
    assert rest == every - expected
    assert not report.ok


# -- what a difference can not say ----------------------------------------------------------------------------------


def relu(weight: float, bias: float = 0.0, target: float = 1.0) -> Session:
    """One ReLU unit after an input of 1."""
    text = f"""
format = 1
title = {{ en = "A unit", zh = "一个单元" }}
[network]
inputs = 1
[[network.layers]]
units = 1
activation = "relu"
weights = [[{weight!r}]]
biases = [{bias!r}]
[[network.layers]]
units = 1
activation = "identity"
weights = [[1.0]]
[data]
inputs = [[1.0]]
targets = [[{target!r}]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
    return Session(parse_scenario(text, name="unit"))


def test_a_kink_is_told_from_a_wrong_gradient() -> None:
    (check,) = checked(relu(0.0), "w1")
    assert check.verdict is Verdict.KINK
    assert check.analytic == 0.0
    assert check.numeric == pytest.approx(-0.5, rel=1e-6), "the mean of the slopes 0 and −1"


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_beside_a_kink_the_step_is_as_small_as_it_takes(distance: float, side: float) -> None:
    (check,) = checked(relu(side * distance), "w1")
    assert check.verdict is Verdict.AGREES
    assert check.numeric == pytest.approx(distance - 1.0 if side > 0 else 0.0, rel=1e-7, abs=1e-9)


def test_a_kink_that_E_does_not_feel_is_none() -> None:
    """The target is met on the kink itself: both slopes are 0."""
    (check,) = checked(relu(0.0, target=0.0), "w1")
    assert check.verdict is Verdict.AGREES


def test_a_wrong_slope_beside_a_kink_is_still_wrong() -> None:
    row = elementwise("relu")
    right = row.slope
    assert right is not None
    with patch.dict(
        "retrograde.engine.equations.activation_table.ACTIVATIONS",
        relu=replace(row, slope=lambda x, y, a: Product((right(x, y, a), Sum((y, y))))),
    ):
        (check,) = checked(relu(1e-4), "w1")
        assert check.verdict is Verdict.DISAGREES


def test_numbers_that_are_not_finite() -> None:
    (check,) = checked(relu(1e200), "w1")
    assert check.verdict is Verdict.NOT_FINITE
    assert not check.agrees


@pytest.mark.parametrize("steepness", [1e2, 1e4, 1e6, 1e9])
def test_a_slope_too_steep_for_any_step_is_not_called_wrong(steepness: float) -> None:
    recipe = replace(RECIPE, widths=(1, 1, 1), activations=("identity", "sigmoid"), biases=("none", "none"), samples=1)
    text = recipe.text.replace('activation = "identity"\n', 'activation = "identity"\nweights = [[0.0]]\n')
    text = text.replace('activation = "sigmoid"\n', f'activation = "sigmoid"\nweights = [[{steepness!r}]]\n')
    (check,) = checked(Session(parse_scenario(text, name="steep")), "w1")
    assert check.verdict is (Verdict.UNCLEAR if steepness == 1e9 else Verdict.AGREES)


def test_a_gradient_of_nothing_agrees_however_large_E_is() -> None:
    for name in ("w1", "b_o1"):
        (check,) = checked(relu(-1.0, target=1e9), name)
        assert check.verdict is Verdict.AGREES


def test_gradients_that_see_updates_are_left_out_and_named() -> None:
    session = Session(load_scenario("mazur-in-place"))
    report = check_gradients(session, count=None)
    assert {check.ref.array.name for check in report.checks} == {"grad(W_o)"}
    assert [array.name for array in report.late] == ["grad(W_h)"]
    assert report.total == 4
    named = check_gradients(session, names=["w1", "w5"])
    assert [session.notation.name(check.ref) for check in named.checks] == ["grad(w5)"]
    assert [array.name for array in named.late] == ["grad(W_h)"]
    assert check_gradients(session, names=["w5"]).late == ()
    assert session.check_gradient(session.resolve("grad(w1)")) is None


class TestEdits:
    def test_of_parameters_samples_and_data(self) -> None:
        """What an iteration starts from may be edited: its gradients are those of the edited numbers."""
        for edit in ({"w1": 0.7}, {"i1": 0.4}, {"t_o1": 0.2}):
            session = Session(load_scenario("mazur"))
            before = checked(session, "w5")
            session.edit(edit)
            report = check_gradients(session, count=None)
            assert not told(session, list(report.checks))
            assert checked(session, "w5")[0].numeric != before[0].numeric

    def test_of_a_sample_that_is_left_out(self) -> None:
        session = Session(load_scenario("xor-2-2-1"))
        session.drop_sample(2)
        assert not told(session, drawn(session, 12, 0))

    def test_of_a_value_that_is_computed(self) -> None:
        """E does not change with what an edited number hides, but the chain rule does not know."""
        session = Session(load_scenario("mazur"))
        session.seek("1:1:1")
        session.edit({"net_h1": 0.1})
        found = {session.notation.name(check.ref): check for check in checked(session, "W_h", "W_o", "net_h1")}
        assert found["grad(w1)"].verdict is Verdict.EDITED
        assert found["grad(w1)"].numeric == 0.0
        for name in ("grad(w3)", "grad(w5)", "delta(h1)"):
            assert found[name].verdict is Verdict.AGREES


# -- how it is done -------------------------------------------------------------------------------------------------


def test_a_badge_costs_a_few_forward_passes() -> None:
    session = Session(load_scenario("mazur"))
    session.check_gradient(session.resolve("grad(w1)"))
    with patch.object(KernelExecutor, "frame", autospec=True, side_effect=KernelExecutor.frame) as passes:
        for name in ("w1", "w5", "w8"):
            session.check_gradient(session.resolve(f"grad({name})"))
    assert passes.call_count <= 3 * 10
    program = session.differences.forward
    assert {op.phase for op in program.ops} == {Phase.FORWARD, Phase.LOSS}


def test_slots_are_drawn_evenly_and_again_the_same() -> None:
    arrays = [Array(name=f"a{size}", shape=(size, 2), role=Role.GRADIENT) for size in (1, 4, 50)]
    refs = pick(arrays, 12, seed=3)
    assert refs == pick(arrays, 12, seed=3) != pick(arrays, 12, seed=4)
    assert len(set(refs)) == 12
    assert [sum(ref.array is array for ref in refs) for array in arrays] == [2, 5, 5]
    assert len(pick(arrays, 1000, seed=0)) == 110
    assert pick([], 5, seed=0) == []


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    session = Session(load_scenario("mazur"))
    report = check_gradients(session, count=3, on_progress=lambda done, total: told.append((done, total)))
    assert isinstance(report, GradientReport)
    assert told == [(0, 3), (1, 3), (2, 3)]


# -- choices --------------------------------------------------------------------------------------------------------

X = Array(name="x", shape=(3, 5), role=Role.OUT, batched=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chooser(Op):
    """Every kind of choice, with a window that is narrower at the edge."""

    whole: bool

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (X,)

    @property
    def meshable(self) -> bool:
        return self.whole

    def equation(self, index: Index) -> Expr:
        sample, i = index
        x, y = Ref(X, (sample, i)), Ref(X, (sample, i + 1))
        if not self.whole and i == 3:
            return Call(ABS, x)
        largest = Max((x, y, Call(SIGMOID, x)))
        first = Compare(Comparison.EQ, ArgMax(largest, (7, 4, 2)), Const(7.0))
        bent = Select(Compare(Comparison.LE, Product((x, y)), ZERO), Call(ABS, x), Neg(y))
        return Sum((Select(first, x, largest), bent))


@pytest.mark.parametrize("whole", [False, True])
def test_every_choice_is_seen_in_every_element(whole: bool) -> None:
    target = Array(name="y", shape=(3, 4), role=Role.OUT, batched=True)
    op = Chooser(target=target, phase=Phase.FORWARD, layer="h", extent=Extent.SAMPLE, whole=whole)
    program = Program([op], batch=3, state=(), updates=(), data=(X,), constants=())
    found = Branchings(program, [op])
    assert found

    def frame(values: Any) -> Frame:
        flat = np.zeros(program.size)
        flat[: X.size] = np.ravel(values)
        return Frame(program, flat, NUMPY)

    random = np.random.default_rng(1)
    start = random.normal(size=X.shape)
    taken = found.taken(frame(start))
    assert alike(taken, found.taken(frame(start + 1e-9)))

    def outcome(values: Any, sample: int, i: int) -> tuple[Any, ...]:
        """What element i of a sample chooses, worked out by itself."""
        x, y = float(values[sample, i]), float(values[sample, i + 1])
        if not whole and i == 3:
            return x > 0, x < 0
        share = 1 / (1 + np.exp(-x))
        return int(np.argmax([x, y, share])), x * y <= 0, x > 0, x < 0

    def outcomes(values: Any) -> list[Any]:
        return [outcome(values, sample, i) for sample in range(3) for i in range(4)]

    differing = 0
    for _ in range(200):
        moved = start + random.normal(size=X.shape) * random.choice([0.0, 1.0], size=X.shape, p=[0.9, 0.1])
        same = outcomes(moved) == outcomes(start)
        differing += not same
        assert alike(taken, found.taken(frame(moved))) == same
    assert 20 < differing < 200


def test_a_gradient_below_what_a_difference_resolves_is_neither_right_nor_wrong() -> None:
    layers = "".join(
        f'[[network.layers]]\nname = "q{letter}"\nunits = 1\nactivation = "sigmoid"\nweights = [[0.5]]\nbiases = [0]\n'
        for letter in "abcdefghijklmnopqrst"
    )
    text = f"""
format = 1
title = {{ en = "deep" }}
[network]
inputs = 1
{layers}
[data]
inputs = [[1]]
targets = [[0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
    session = Session(parse_scenario(text))
    first, last = (session.check_gradient(session.resolve(f"grad({name})")) for name in ("w1", "w20"))
    assert first is not None and last is not None
    assert 0.0 < abs(first.analytic) < first.error
    assert first.verdict is Verdict.UNCLEAR
    assert last.verdict is Verdict.AGREES
