"""Activation functions and their slopes, one row each: whatever is said of an activation is said here.

A slope is stated over the slots that are at hand in the backward pass, the net input x and the output y = f(x), in
the cheapest of the usual forms; σ′ = y·(1 − y) is one, and ``y − y·y`` would round differently. Where that form
subtracts what is nearly equal, as y + α far left on an ELU, another one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    ZERO,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Neg,
    Product,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, ERF, EXP, EXPM1, LOG1P, SIGMOID, TANH, sigmoid
from retrograde.engine.equations.options import Option, Parametric


def _positive(x: Expr, then: Expr, otherwise: Expr) -> Expr:
    """``then`` for x > 0, written so that NaN goes to ``then`` and is seen."""
    return Select(Compare(Comparison.LE, x, ZERO), otherwise, then)


def _slope_right(x: Expr, then: Expr, otherwise: Expr) -> Expr:
    """``then`` for x > 0 and ``otherwise`` for x ≤ 0, of a ``then`` that does not depend on x: so NaN is seen too."""
    return _positive(x, Select(Compare(Comparison.GT, x, ZERO), then, x), otherwise)


_GELU_SCALE = Const(math.sqrt(2.0), "√2")
_GELU_DENSITY = Const(1.0 / math.sqrt(2.0 * math.pi), "1/√(2π)")
_GELU_TANH_SCALE = Const(math.sqrt(2.0 / math.pi), "√(2/π)")
_GELU_CUBIC = Const(0.044715)
_GELU_CUBIC_SLOPE = Const(3.0 * 0.044715)


def _gelu_inner(x: Expr) -> Expr:
    cube = Product((_GELU_CUBIC, x, x, x))
    return Product((_GELU_TANH_SCALE, Sum((x, cube))))


_SELU_ALPHA = 1.6732632423543772
_SELU_LAMBDA = 1.0507009873554805
_SELU_SCALE = Const(_SELU_LAMBDA, "λ")
_SELU_LEFT = Const(_SELU_LAMBDA * _SELU_ALPHA, "λα")
_THREE = Const(3.0)
_SIX = Const(6.0)
_MINUS_THREE = Const(-3.0, "−3")
_MINUS_ONE = Const(-1.0, "−1")


def _softplus(x: Expr) -> Expr:
    return Sum((_positive(x, x, ZERO), Call(LOG1P, Call(EXP, Neg(Call(ABS, x))))))


def _between(x: Expr, low: Const, high: Const, below: Expr, inside: Expr, above: Expr) -> Expr:
    """``below`` for x ≤ low, ``above`` for x ≥ high, else (and for NaN) ``inside``."""
    right = Select(Compare(Comparison.GE, x, high), above, inside)
    return Select(Compare(Comparison.LE, x, low), below, right)


def _mish_gate(x: Expr) -> Expr:
    return Call(TANH, _softplus(x))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation(Parametric):
    """An activation function of the net inputs of a layer.

    Attributes:
        symbol: how it is written.
    """

    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Elementwise(Activation):
    """An activation function y = f(x) of one net input.

    Attributes:
        value: builds f(x) from x, given the parameter.
        slope: builds f′ from x and y, given the parameter; None stands for the slope 1.
        bounds: the open range of its values.
        steepest: the largest slope of a curve that is flat at both ends; None for other curves.
    """

    value: Callable[[Expr, Expr], Expr]
    slope: Callable[[Expr, Expr, Expr], Expr] | None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    steepest: float | None = None


SOFTMAX = Activation(name="softmax", symbol="", formula="exp(xᵢ − max) / Σ exp(xⱼ − max)")
"""It joins the units of a layer: ``ops/softmax.py``."""
LOG_SOFTMAX = Activation(name="log_softmax", symbol="", formula="(xᵢ − max) − ln Σ exp(xⱼ − max)")
"""The logarithm of a softmax, computed without it: ``ops/softmax.py``."""
JOINING = (SOFTMAX, LOG_SOFTMAX)
"""The activations that join the units of a layer, along its last axis."""


ACTIVATIONS: dict[str, Activation] = {
    row.name: row
    for row in (
        Elementwise(
            name="identity",
            symbol="",
            formula="x",
            value=lambda x, _: x,
            slope=None,
        ),
        Elementwise(
            name="sigmoid",
            symbol="σ",
            formula="1 / (1 + exp(−x))",
            value=lambda x, _: sigmoid(x),
            slope=lambda _x, y, _: Product((y, Sub(ONE, y))),
            bounds=(0.0, 1.0),
            steepest=0.25,
            source="Rumelhart, Hinton, Williams 1986, eq. 2",
        ),
        Elementwise(
            name="tanh",
            symbol="tanh",
            formula="tanh(x)",
            value=lambda x, _: Call(TANH, x),
            slope=lambda _x, y, _: Sub(ONE, Product((y, y))),
            bounds=(-1.0, 1.0),
            steepest=1.0,
            source="LeCun et al. 1998, Efficient BackProp, 4.4",
        ),
        Elementwise(
            name="relu",
            symbol="ReLU",
            formula="max(0, x); slope 0 at 0",
            value=lambda x, _: _positive(x, x, ZERO),
            slope=lambda x, _y, _: _positive(x, ONE, ZERO),
            bounds=(0.0, math.inf),
            source="Nair, Hinton 2010",
        ),
        Elementwise(
            name="leaky_relu",
            symbol="LReLU",
            formula="x for x > 0, else slope · x",
            value=lambda x, a: _positive(x, x, Product((a, x))),
            slope=lambda x, _y, a: _slope_right(x, ONE, a),
            parameter=Option(key="slope", text="the slope left of 0"),
            default=0.01,
            source="Maas, Hannun, Ng 2013, eq. 2",
        ),
        Elementwise(
            name="elu",
            symbol="ELU",
            formula="x for x > 0, else α · (exp(x) − 1)",
            value=lambda x, a: _positive(x, x, Product((a, Call(EXPM1, x)))),
            slope=lambda x, _y, a: _slope_right(x, ONE, Product((a, Call(EXP, x)))),
            parameter=Option(key="alpha", text="α"),
            default=1.0,
            source="Clevert, Unterthiner, Hochreiter 2016, eq. 15",
        ),
        Elementwise(
            name="silu",
            symbol="SiLU",
            formula="x · σ(x)",
            value=lambda x, _: Product((x, Call(SIGMOID, x))),
            slope=lambda x, y, _: Sum((Call(SIGMOID, x), Product((y, Sub(ONE, Call(SIGMOID, x)))))),
            source="Elfwing, Uchibe, Doya 2018, eq. 3",
        ),
        Elementwise(
            name="gelu",
            symbol="GELU",
            formula="x · ½ · (1 + erf(x / √2))",
            value=lambda x, _: Product((HALF, x, Sum((ONE, Call(ERF, Div(x, _GELU_SCALE)))))),
            slope=lambda x, _y, _: Sum(
                (
                    Product((HALF, Sum((ONE, Call(ERF, Div(x, _GELU_SCALE)))))),
                    Product((x, _GELU_DENSITY, Call(EXP, Neg(Product((HALF, x, x)))))),
                )
            ),
            source="Hendrycks, Gimpel 2016, section 2",
        ),
        Elementwise(
            name="gelu_tanh",
            symbol="GELU~",
            formula="½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
            value=lambda x, _: Product((HALF, x, Sum((ONE, Call(TANH, _gelu_inner(x)))))),
            slope=lambda x, _y, _: Sum(
                (
                    Product((HALF, Sum((ONE, Call(TANH, _gelu_inner(x)))))),
                    Product(
                        (
                            HALF,
                            x,
                            Sub(ONE, Product((Call(TANH, _gelu_inner(x)), Call(TANH, _gelu_inner(x))))),
                            _GELU_TANH_SCALE,
                            Sum((ONE, Product((_GELU_CUBIC_SLOPE, x, x)))),
                        )
                    ),
                )
            ),
            source="Hendrycks, Gimpel 2016, section 2",
        ),
        Elementwise(
            name="softplus",
            symbol="softplus",
            formula="ln(1 + exp(x)), computed as max(x, 0) + log1p(exp(−|x|))",
            value=lambda x, _: _softplus(x),
            slope=lambda x, _y, _: Call(SIGMOID, x),
            bounds=(0.0, math.inf),
            source="Dugas et al. 2001",
        ),
        Elementwise(
            name="selu",
            symbol="SELU",
            formula="λ · (x for x > 0, else α · (exp(x) − 1)), λ = 1.0507…, α = 1.6733…",
            value=lambda x, _: _positive(x, Product((_SELU_SCALE, x)), Product((_SELU_LEFT, Call(EXPM1, x)))),
            slope=lambda x, _y, _: _slope_right(x, _SELU_SCALE, Product((_SELU_LEFT, Call(EXP, x)))),
            source="Klambauer et al. 2017, eq. 2",
        ),
        Elementwise(
            name="mish",
            symbol="mish",
            formula="x · tanh(ln(1 + exp(x)))",
            value=lambda x, _: Product((x, _mish_gate(x))),
            slope=lambda x, _y, _: Sum(
                (
                    _mish_gate(x),
                    Product((x, Call(SIGMOID, x), Sub(ONE, Product((_mish_gate(x), _mish_gate(x)))))),
                )
            ),
            source="Misra 2019, eq. 1",
        ),
        Elementwise(
            name="softsign",
            symbol="softsign",
            formula="x / (1 + |x|)",
            value=lambda x, _: Div(x, Sum((ONE, Call(ABS, x)))),
            slope=lambda x, _y, _: Div(ONE, Product((Sum((ONE, Call(ABS, x))), Sum((ONE, Call(ABS, x)))))),
            bounds=(-1.0, 1.0),
            source="Glorot, Bengio 2010, section 3.2",
        ),
        Elementwise(
            name="log_sigmoid",
            symbol="lnσ",
            formula="ln(1 / (1 + exp(−x))), computed as min(x, 0) − log1p(exp(−|x|))",
            value=lambda x, _: Sub(_positive(x, ZERO, x), Call(LOG1P, Call(EXP, Neg(Call(ABS, x))))),
            slope=lambda x, _y, _: Call(SIGMOID, Neg(x)),
            bounds=(-math.inf, 0.0),
        ),
        Elementwise(
            name="relu6",
            symbol="ReLU6",
            formula="min(6, max(0, x)); slope 0 at 0 and 6",
            value=lambda x, _: _between(x, ZERO, _SIX, ZERO, x, _SIX),
            slope=lambda x, _y, _: _between(x, ZERO, _SIX, ZERO, ONE, ZERO),
            bounds=(0.0, 6.0),
            source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
        ),
        Elementwise(
            name="hard_tanh",
            symbol="hardtanh",
            formula="min(1, max(−1, x)); slope 0 at ±1",
            value=lambda x, _: _between(x, _MINUS_ONE, ONE, _MINUS_ONE, x, ONE),
            slope=lambda x, _y, _: _between(x, _MINUS_ONE, ONE, ZERO, ONE, ZERO),
            bounds=(-1.0, 1.0),
            source="Collobert 2004",
        ),
        Elementwise(
            name="hard_sigmoid",
            symbol="hardσ",
            formula="min(1, max(0, (x + 3) / 6)); slope 0 at ±3",
            value=lambda x, _: _between(x, _MINUS_THREE, _THREE, ZERO, Div(Sum((x, _THREE)), _SIX), ONE),
            slope=lambda x, _y, _: _between(x, _MINUS_THREE, _THREE, ZERO, Div(ONE, _SIX), ZERO),
            bounds=(0.0, 1.0),
            source="Howard et al. 2019, MobileNetV3, section 5.2",
        ),
        Elementwise(
            name="hard_swish",
            symbol="hswish",
            formula="x · min(1, max(0, (x + 3) / 6)); slope 0 at −3, 1 at 3",
            value=lambda x, _: _between(x, _MINUS_THREE, _THREE, ZERO, Product((x, Div(Sum((x, _THREE)), _SIX))), x),
            slope=lambda x, _y, _: _between(x, _MINUS_THREE, _THREE, ZERO, Sum((Div(x, _THREE), HALF)), ONE),
            source="Howard et al. 2019, MobileNetV3, section 5.2",
        ),
        Elementwise(
            name="exp",
            symbol="exp",
            formula="exp(x)",
            value=lambda x, _: Call(EXP, x),
            slope=lambda _x, y, _: y,
            bounds=(0.0, math.inf),
        ),
        SOFTMAX,
        LOG_SOFTMAX,
    )
}
"""Activations by name."""


def elementwise(name: str) -> Elementwise:
    """The row of an activation of one net input."""
    row = ACTIVATIONS[name]
    assert isinstance(row, Elementwise)
    return row
