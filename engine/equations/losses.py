"""Losses, one row each: the term of one output of one sample, its slope, and how terms add up by default.

Whatever is said of a loss is said here; the ops that compute it are in ``ops/loss.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from retrograde.engine.equations.activation_table import SOFTMAX
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    TWO,
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
from retrograde.engine.equations.functions import ABS, EXP, LOG, LOG1P, SIGMOID
from retrograde.engine.equations.options import Option, Parametric

Reduction = Literal["sum", "mean"]
"""How terms add up."""

Targets = Literal["numbers", "probabilities", "distributions", "none"]
"""What a loss compares an output with: any numbers, numbers from 0 to 1, rows of such with the sum 1, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loss(Parametric):
    """A loss, with the formula of a term before any mean.

    Attributes:
        title: the name for people.
        over_outputs: how outputs add up where the file does not say.
        over_batch: how samples, and the steps of a sequence, add up where the file does not say.
        targets: what it compares outputs with.
        activations: the activations of which it needs one in its layer; any will do where there are none.
    """

    title: str
    over_outputs: Reduction
    over_batch: Reduction
    targets: Targets = "numbers"
    activations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermwiseLoss(Loss):
    """A loss that is a sum of terms, one an output.

    Attributes:
        value: builds the term from output y, target t and the parameter.
        slope: builds its derivative by y; from logits, by the net input.
    """

    value: Callable[[Expr, Expr, Expr], Expr]
    slope: Callable[[Expr, Expr, Expr], Expr]


def equals(x: Expr, number: Const, then: Expr, otherwise: Expr) -> Expr:
    """``then`` where x is a number, else ``otherwise``."""
    return Select(Compare(Comparison.EQ, x, number), then, otherwise)


def _huber(y: Expr, t: Expr, delta: Expr) -> Expr:
    d = Sub(y, t)
    return Select(
        Compare(Comparison.LE, Call(ABS, d), delta),
        Product((HALF, Call(SQUARE, d))),
        Product((delta, Sub(Call(ABS, d), Product((HALF, delta))))),
    )


def _huber_slope(y: Expr, t: Expr, delta: Expr) -> Expr:
    d = Sub(y, t)
    low = Select(Compare(Comparison.LT, d, Neg(delta)), Neg(delta), d)
    return Select(Compare(Comparison.GT, d, delta), delta, low)


def _sign(y: Expr, t: Expr, _: Expr) -> Expr:
    """±1 by the side of the target; the difference itself where it is 0 (or NaN)."""
    d = Sub(y, t)
    low = Select(Compare(Comparison.LT, d, ZERO), Const(-1.0, "−1"), d)
    return Select(Compare(Comparison.GT, d, ZERO), ONE, low)


def _binary(y: Expr, t: Expr, _: Expr) -> Expr:
    """Terms with a zero factor are 0, so that 0·ln 0 is."""
    hit = equals(t, ZERO, ZERO, Product((t, Call(LOG, y))))
    miss = equals(t, ONE, ZERO, Product((Sub(ONE, t), Call(LOG, Sub(ONE, y)))))
    return Neg(Sum((hit, miss)))


def _binary_slope(y: Expr, t: Expr, _: Expr) -> Expr:
    hit = equals(t, ZERO, ZERO, Div(t, y))
    miss = equals(t, ONE, ZERO, Div(Sub(ONE, t), Sub(ONE, y)))
    return Sub(miss, hit)


def _binary_logits(z: Expr, t: Expr, _: Expr) -> Expr:
    positive = Select(Compare(Comparison.LE, z, ZERO), ZERO, z)
    return Sum((Sub(positive, Product((z, t))), Call(LOG1P, Call(EXP, Neg(Call(ABS, z))))))


CROSS_ENTROPY = Loss(
    name="cross_entropy",
    title="cross-entropy",
    formula="−t · ln p, with softmax",
    over_outputs="sum",
    over_batch="mean",
    targets="distributions",
    activations=(SOFTMAX.name,),
)
"""It joins the outputs of a softmax."""

VALUE = Loss(name="value", title="value", formula="y", over_outputs="sum", over_batch="sum", targets="none")
"""The loss that is the output itself, without a target."""


LOSSES: dict[str, Loss] = {
    row.name: row
    for row in (
        TermwiseLoss(
            name="half_squared_error",
            title="half squared error: with the ½",
            formula="½ (t − y)²",
            value=lambda y, t, _: Product((HALF, Call(SQUARE, Sub(t, y)))),
            slope=lambda y, t, _: Sub(y, t),
            over_outputs="sum",
            over_batch="sum",
            source="Rumelhart, Hinton, Williams 1986, eq. 3",
        ),
        TermwiseLoss(
            name="squared_error",
            title="squared error: without a ½",
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="sum",
            over_batch="sum",
        ),
        TermwiseLoss(
            name="mean_squared_error",
            title="mean squared error",
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="mean",
            over_batch="mean",
        ),
        TermwiseLoss(
            name="mean_absolute_error",
            title="mean absolute error",
            formula="|y − t|; slope 0 at 0",
            value=lambda y, t, _: Call(ABS, Sub(y, t)),
            slope=_sign,
            over_outputs="mean",
            over_batch="mean",
        ),
        TermwiseLoss(
            name="huber",
            title="Huber loss",
            formula="½ (y − t)² for |y − t| ≤ δ, else δ · (|y − t| − ½ δ)",
            value=_huber,
            slope=_huber_slope,
            over_outputs="mean",
            over_batch="mean",
            parameter=Option(key="delta", text="where it turns linear", above=0),
            default=1.0,
            source="Huber 1964",
        ),
        TermwiseLoss(
            name="binary_cross_entropy",
            title="binary cross-entropy",
            formula="−(t · ln y + (1 − t) · ln(1 − y)); 0 · ln 0 is 0",
            value=_binary,
            slope=_binary_slope,
            over_outputs="mean",
            over_batch="mean",
            targets="probabilities",
            activations=("sigmoid", SOFTMAX.name),
        ),
        TermwiseLoss(
            name="binary_cross_entropy_logits",
            title="binary cross-entropy from logits",
            formula="max(z, 0) − z · t + ln(1 + exp(−|z|))",
            value=_binary_logits,
            slope=lambda z, t, _: Sub(Call(SIGMOID, z), t),
            over_outputs="mean",
            over_batch="mean",
            targets="probabilities",
            activations=("identity",),
        ),
        CROSS_ENTROPY,
        VALUE,
    )
}
"""Losses by name."""


def termwise(name: str) -> TermwiseLoss:
    """The row of a loss that is a sum of terms, one an output."""
    row = LOSSES[name]
    assert isinstance(row, TermwiseLoss)
    return row
