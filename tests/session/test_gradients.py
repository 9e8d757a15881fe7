"""Gradients against differences: the slope of each function, and every gradient of whole networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.equations.activation_table import ACTIVATIONS, elementwise
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import NUMPY, PYTHON, evaluate
from retrograde.engine.equations.expression import Const, Expr, Ref
from retrograde.engine.equations.losses import LOSSES, TermwiseLoss, termwise
from tests.support.effort import examples
from tests.support.networks import BIASES, ELEMENTWISE, Recipe, randoms, recipes, slots

X = Ref(Array(name="x", shape=(1,), role=Role.NET), (0,))
Y = Ref(Array(name="y", shape=(1,), role=Role.OUT), (0,))
T = Ref(Array(name="t", shape=(1,), role=Role.TARGET), (0,))


def at(expr: Expr, **values: float) -> float:
    """An expression's value at given x, y and t; both sources of functions agree on it but for rounding."""
    found = [evaluate(expr, lambda ref: values[ref.array.name], mathematics) for mathematics in (PYTHON, NUMPY)]
    assert math.isclose(*found, rel_tol=1e-13, abs_tol=1e-14)
    return found[0]


def derivative(f: Callable[[float], float], x: float, h: float = 2e-3) -> float:
    """Central differences of fourth order: the error is of the order of h⁴ and of the rounding over h."""
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


KINKS = (0.0, 1.0, -1.0, 3.0, -3.0, 6.0, -6.0)
INTERIOR = st.floats(-6, 6).filter(lambda x: all(abs(x - kink) > 0.01 for kink in KINKS))


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if elementwise(name).slope is not None])
@examples(60)
@given(x=INTERIOR, parameter=st.floats(0.05, 3))
def test_the_slope_of_an_activation_is_its_derivative(name: str, x: float, parameter: float) -> None:
    row = elementwise(name)
    assert row.slope is not None
    constant = Const(parameter)
    value = row.value(X, constant)
    y = at(value, x=x)
    assert at(row.slope(X, Y, constant), x=x, y=y) == pytest.approx(
        derivative(lambda z: at(value, x=z), x), rel=1e-9, abs=1e-9
    )
    low, high = row.bounds
    assert low <= y <= high


REFERENCE: dict[str, Callable[[float, float], float]] = {
    "identity": lambda x, _: x,
    "sigmoid": lambda x, _: 1 / (1 + math.exp(-x)),
    "tanh": lambda x, _: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    "relu": lambda x, _: max(x, 0.0),
    "leaky_relu": lambda x, a: x if x > 0 else a * x,
    "elu": lambda x, a: x if x > 0 else a * (math.exp(x) - 1),
    "silu": lambda x, _: x / (1 + math.exp(-x)),
    "gelu": lambda x, _: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "gelu_tanh": lambda x, _: x / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "softplus": lambda x, _: math.log(1 + math.exp(x)),
    "selu": lambda x, _: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "mish": lambda x, _: x * (1 - 2 / ((1 + math.exp(x)) ** 2 + 1)),
    "softsign": lambda x, _: x / (1 + x) if x > 0 else x / (1 - x),
    "log_sigmoid": lambda x, _: -math.log(1 + math.exp(-x)),
    "relu6": lambda x, _: min(max(x, 0.0), 6.0),
    "hard_tanh": lambda x, _: min(max(x, -1.0), 1.0),
    "hard_sigmoid": lambda x, _: min(max(x / 6 + 0.5, 0.0), 1.0),
    "exp": lambda x, _: math.exp(x),
    "hard_swish": lambda x, _: x * min(max(x / 6 + 0.5, 0.0), 1.0),
}
"""The textbook formulas, written another way than the engine's."""


def test_every_activation_has_a_reference() -> None:
    assert set(REFERENCE) == set(ELEMENTWISE)


@pytest.mark.parametrize("name", ELEMENTWISE)
@examples(60)
@given(x=st.floats(-6, 6), parameter=st.floats(0.05, 3))
def test_an_activation_is_its_textbook_formula(name: str, x: float, parameter: float) -> None:
    value = at(elementwise(name).value(X, Const(parameter)), x=x)
    assert value == pytest.approx(REFERENCE[name](x, parameter), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("name", "at_low", "low", "at_high", "high"),
    [
        ("relu6", 0, 0.0, 0, 6.0),
        ("hard_tanh", 0, -1.0, 0, 1.0),
        ("hard_sigmoid", 0, -3.0, 0, 3.0),
        ("hard_swish", 0, -3.0, 1, 3.0),
    ],
)
def test_the_slope_at_the_ends_is_that_of_the_outside(
    name: str, at_low: float, low: float, at_high: float, high: float
) -> None:
    slope = elementwise(name).slope
    assert slope is not None
    assert at(slope(X, Y, Const(0.0)), x=low, y=0.0) == at_low
    assert at(slope(X, Y, Const(0.0)), x=high, y=0.0) == at_high


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu"])
def test_the_slope_at_the_kink_is_that_of_the_left_side(name: str) -> None:
    """The derivative does not exist at 0; ReLU′(0) is 0, as in micrograd and PyTorch."""
    slope = elementwise(name).slope
    assert slope is not None
    left = {"relu": 0.0, "leaky_relu": 0.3, "elu": 0.3}[name]
    for zero in (0.0, -0.0):
        assert at(slope(X, Y, Const(0.3)), x=zero, y=zero) == left
    y = at(elementwise("relu").value(X, Const(0.0)), x=-0.0)
    assert math.copysign(1.0, y) == 1.0, "max(0, −0) is +0"


def ln(y: float, s: Mapping[str, float]) -> float:
    """A logarithm as the options of a loss leave it."""
    found = math.log(y + s.get("log_epsilon", 0.0))
    return max(found, s.get("log_floor", -math.inf))


def cut(y: float, s: Mapping[str, float]) -> float:
    """An output as the logarithms see it."""
    return min(max(y, s.get("log_clip", 0.0)), 1 - s.get("log_clip", 0.0))


LOSS_FORMULAS: dict[str, Callable[[float, float, Mapping[str, float]], float]] = {
    "half_squared_error": lambda y, t, _: (t - y) ** 2 / 2,
    "squared_error": lambda y, t, _: (t - y) ** 2,
    "mean_squared_error": lambda y, t, _: (t - y) ** 2,
    "mean_absolute_error": lambda y, t, _: abs(t - y),
    "huber": lambda y, t, s: (
        (y - t) ** 2 / 2 if abs(y - t) <= s["delta"] else s["delta"] * (abs(y - t) - s["delta"] / 2)
    ),
    "binary_cross_entropy": lambda y, t, s: (
        -(
            (s.get("pos_weight", 1.0) * t * ln(cut(y, s), s) if t else 0.0)
            + ((1 - t) * ln(1 - cut(y, s), s) if t != 1 else 0.0)
        )
    ),
    "binary_cross_entropy_logits": lambda z, t, s: (
        (1 - t) * math.log(1 + math.exp(z)) + s.get("pos_weight", 1.0) * t * math.log(1 + math.exp(-z))
    ),
    "cross_entropy": lambda y, t, s: -t * ln(cut(y, s), s) if t else 0.0,
    "nll": lambda y, t, _: -t * y,
    "hinge": lambda y, t, s: max(0.0, s["margin"] - t * y),
    "squared_hinge": lambda y, t, s: max(0.0, s["margin"] - t * y) ** 2,
    "value": lambda y, c, _: c * y,
}


@pytest.mark.parametrize("name", [name for name, row in LOSSES.items() if isinstance(row, TermwiseLoss)])
@examples(60)
@given(data=st.data())
def test_a_loss_is_its_formula_and_its_slope_the_derivative(name: str, data: st.DataObject) -> None:
    row = termwise(name)
    values = {"log_epsilon": 0.02, "log_clip": 0.15, "log_floor": -1.1, "pos_weight": 2.5, "delta": 0.7, "margin": 1.3}
    stated = data.draw(st.sets(st.sampled_from([option.key for option in row.options]))) if row.options else set()
    settings = {**row.defaults, **{key: values[key] for key in stated}}
    probability = name in {"binary_cross_entropy", "cross_entropy"}
    y = data.draw(st.floats(0.05, 0.95) if probability else st.floats(-4, 4))
    whole = row.targets in {"probabilities", "distributions"}
    t = data.draw(st.floats(0, 1) | st.sampled_from((0.0, 1.0)) if whole else st.floats(-4, 4))
    value, slope = row.value(Y, T, settings), row.slope(Y, T, settings)
    assert at(value, y=y, t=t) == pytest.approx(LOSS_FORMULAS[name](y, t, settings), rel=1e-11, abs=1e-12)
    delta, floor = (
        settings.get("delta", 0.0),
        math.exp(settings.get("log_floor", -9.0)) - settings.get("log_epsilon", 0),
    )
    kinks = {"mean_absolute_error": (t,), "huber": (t - delta, t + delta)}.get(name, ())
    if probability:
        kinks = (0.15, 0.85, floor, 1 - floor)
    if "hinge" in name and t:
        kinks = (settings["margin"] / t,)
    if all(abs(y - kink) > 0.01 for kink in kinks):
        # Near 0 and 1 a logarithm bends so much that only close differences have its slope.
        found = derivative(lambda z: at(value, y=z, t=t), y, h=2e-4 if probability else 2e-3)
        assert at(slope, y=y, t=t) == pytest.approx(found, rel=1e-8, abs=1e-8)


def test_the_slopes_at_the_kinks_of_losses() -> None:
    """The absolute error has slope 0 at 0; Huber is smooth where its pieces meet."""
    assert at(termwise("mean_absolute_error").slope(Y, T, {}), y=0.5, t=0.5) == 0.0
    for y in (0.75, -0.75):
        assert at(termwise("huber").slope(Y, T, {"delta": 0.75}), y=y, t=0.0) == y
    assert at(termwise("hinge").slope(Y, T, {"margin": 1.0}), y=1.0, t=1.0) == 0.0
    for t in (0.0, 1.0):
        assert at(termwise("binary_cross_entropy").value(Y, T, {}), y=t, t=t) == 0.0


KINKED = ("relu", "leaky_relu", "elu", "selu", "relu6", "hard_tanh", "hard_sigmoid", "hard_swish")


def smooth(recipe: Recipe) -> Recipe:
    """The recipe without the activations and losses that have kinks."""
    swap = dict(zip(KINKED, ("silu", "tanh", "softplus", "mish", "softsign", "tanh", "sigmoid", "silu"), strict=True))
    others = {"huber": "half_squared_error", "hinge": "squared_hinge", "multiclass_hinge": "value"}
    loss = {"mean_absolute_error": "squared_error", **others}.get(recipe.loss, recipe.loss)
    option = "" if recipe.option in {"log_clip", "log_floor"} or loss != recipe.loss else recipe.option
    return replace(
        recipe,
        rate=0.02,
        option=option,
        activations=tuple(swap.get(name, name) for name in recipe.activations),
        loss=loss,
    )


def differentiable(session: Session) -> bool:
    """Whether differences say anything: not of a training that diverges, nor where ln(1 − y) is mostly rounding."""
    frame = session.frame
    if not np.all(np.abs(frame.flat) < 1e4):
        return False
    out = frame.array(session.program.named["out_o"])
    return session.scenario.loss.kind != "binary_cross_entropy" or bool(np.all((out > 1e-4) & (out < 1 - 1e-4)))


@examples(60)
@given(recipe=recipes(depth=4, updates=("simultaneous",), samples=3), random=randoms())
def test_every_gradient_agrees_with_the_difference_of_E(recipe: Recipe, random: Random) -> None:
    session = Session(smooth(recipe).scenario)
    session.seek(session.position + random.randint(1, session.length))
    assume(differentiable(session))
    program = session.program
    checked = 0
    for array in program.arrays:
        every = list(slots(array))
        for ref in random.sample(every, min(3, len(every))):
            found = session.check_gradient(ref)
            if array.role is not Role.GRADIENT:
                assert found is None
                continue
            assert found is not None
            assert found.agrees, (session.notation.name(ref), found)
            assert found.analytic == session.frame.value(ref)
            checked += 1
    assert checked or not session.network.trainable


@examples(60)
@given(recipe=recipes(depth=3, updates=("simultaneous",), samples=3), random=randoms())
def test_a_gradient_that_disagrees_is_called_a_kink(recipe: Recipe, random: Random) -> None:
    session = Session(recipe.scenario)
    assume(differentiable(session))
    for array in session.program.arrays:
        if array.role is Role.GRADIENT:
            found = session.check_gradient(random.choice(list(slots(array))))
            assert found is not None
            assert found.agrees or found.kink


@pytest.mark.parametrize("bias", BIASES)
def test_a_wrong_slope_is_noticed(bias: str) -> None:
    """The check can fail: with the slope of another function no gradient behind it agrees."""
    recipe = Recipe(
        widths=(2, 3, 2),
        activations=("sigmoid", "tanh"),
        biases=(bias, bias),
        frozen=((), ()),
        loss="squared_error",
        samples=2,
        batch_size=0,
    )
    wrong = replace(elementwise("sigmoid"), slope=elementwise("tanh").slope)
    with patch.dict(ACTIVATIONS, sigmoid=wrong):
        session = Session(recipe.scenario)
        named = session.program.named
        for ref in slots(named["grad(W_h)"]):
            found = session.check_gradient(ref)
            assert found is not None
            assert not found.agrees
            assert not found.kink
        for ref in slots(named["grad(W_o)"]):
            found = session.check_gradient(ref)
            assert found is not None
            assert found.agrees


def test_a_gradient_at_a_kink_is_said_to_be_one() -> None:
    recipe = Recipe(
        widths=(1, 1),
        activations=("relu",),
        biases=("neuron",),
        frozen=((),),
        loss="squared_error",
        samples=1,
        batch_size=0,
    )
    text = recipe.text.replace('bias = "neuron"', 'bias = "neuron"\nweights = [[0.0]]\nbiases = [0.0]')
    from retrograde.engine.scenario.file import parse_scenario

    session = Session(parse_scenario(text))
    ref = session.resolve("grad(b_o1)")
    found = session.check_gradient(ref)
    assert found is not None
    assert not found.agrees
    assert found.kink
    assert np.isfinite(found.numeric)
