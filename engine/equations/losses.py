"""Losses, one row each: the term of one output of one sample, its slope, and how terms add up by default.

Whatever is said of a loss is said here; the ops that compute it are in ``ops/loss.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from retrograde.engine.equations.activation_table import LOG_SOFTMAX, SOFTMAX
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
    Expr,
    Neg,
    Product,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, EXP, LOG1P, SIGMOID
from retrograde.engine.equations.logarithms import GUARDS, Settings, cut, logarithm, per, uncut
from retrograde.engine.equations.options import Option
from retrograde.engine.text import N_

Reduction = Literal["sum", "mean"]
"""How terms add up."""

Targets = Literal["numbers", "probabilities", "distributions", "signs", "coefficients"]
"""What a loss takes: numbers that outputs come close to, numbers from 0 to 1, rows of such with the sum 1, −1 or 1, or
what outputs are multiplied by."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loss:
    """A loss, with the formula of a term before any mean.

    Attributes:
        name: the name in scenario files.
        title: the name for people.
        formula: the textbook formula.
        options: the keys of a scenario file that belong to it.
        defaults: the values of the options that are never absent.
        source: where the definition comes from.
        over_outputs: how outputs add up where the file does not say.
        over_batch: how samples, and the steps of a sequence, add up where the file does not say.
        targets: what it compares outputs with.
        activations: the activations of which one belongs in its layer; any will do where there are none.
        misfit: what goes wrong with another one.
    """

    name: str
    title: str
    formula: str
    options: tuple[Option, ...] = ()
    defaults: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    over_outputs: Reduction
    over_batch: Reduction
    targets: Targets = "numbers"
    activations: tuple[str, ...] = ()
    misfit: str = ""

    def settings(self, table: object) -> Settings:
        """Its options, as a table of a file gives them or leaves them out."""
        given = {option.key: getattr(table, option.key) for option in self.options}
        return {**self.defaults, **{key: value for key, value in given.items() if value is not None}}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermwiseLoss(Loss):
    """A loss that is a sum of terms, one an output.

    Attributes:
        value: builds the term from output y, target t and the options.
        slope: builds its derivative by y; from logits, by the net input.
    """

    value: Callable[[Expr, Expr, Settings], Expr]
    slope: Callable[[Expr, Expr, Settings], Expr]


def equals(x: Expr, number: Const, then: Expr, otherwise: Expr) -> Expr:
    """``then`` where x is a number, else ``otherwise``."""
    return Select(Compare(Comparison.EQ, x, number), then, otherwise)


def _huber(y: Expr, t: Expr, settings: Settings) -> Expr:
    d, delta = Sub(y, t), Const(settings["delta"])
    return Select(
        Compare(Comparison.LE, Call(ABS, d), delta),
        Product((HALF, Call(SQUARE, d))),
        Product((delta, Sub(Call(ABS, d), Product((HALF, delta))))),
    )


def _huber_slope(y: Expr, t: Expr, settings: Settings) -> Expr:
    d, delta = Sub(y, t), Const(settings["delta"])
    low = Select(Compare(Comparison.LT, d, Neg(delta)), Neg(delta), d)
    return Select(Compare(Comparison.GT, d, delta), delta, low)


def _sign(y: Expr, t: Expr, _: Settings) -> Expr:
    """±1 by the side of the target; the difference itself where it is 0 (or NaN)."""
    d = Sub(y, t)
    low = Select(Compare(Comparison.LT, d, ZERO), Const(-1.0, "−1"), d)
    return Select(Compare(Comparison.GT, d, ZERO), ONE, low)


def _weighted(t: Expr, settings: Settings) -> tuple[Expr, ...]:
    """The factors of what a positive target counts: the target, with its weight before it where there is one."""
    return (Const(settings[POS_WEIGHT.key]), t) if POS_WEIGHT.key in settings else (t,)


def _binary(y: Expr, t: Expr, settings: Settings) -> Expr:
    """Terms with a zero factor are 0, so that 0·ln 0 is."""
    seen = cut(y, settings)
    hit = equals(t, ZERO, ZERO, Product((*_weighted(t, settings), logarithm(seen, settings))))
    miss = equals(t, ONE, ZERO, Product((Sub(ONE, t), logarithm(Sub(ONE, seen), settings))))
    return Neg(Sum((hit, miss)))


def _binary_slope(y: Expr, t: Expr, settings: Settings) -> Expr:
    factors = _weighted(t, settings)
    positive = factors[0] if len(factors) == 1 else Product(factors)
    hit = equals(t, ZERO, ZERO, per(positive, y, settings))
    miss = equals(t, ONE, ZERO, per(Sub(ONE, t), Sub(ONE, y), settings))
    return uncut(y, Sub(miss, hit), settings)


def _surplus(t: Expr, settings: Settings) -> Expr:
    """1 + (p − 1)·t, with the weight p of positive targets."""
    return Sum((ONE, Product((Sub(Const(settings[POS_WEIGHT.key]), ONE), t))))


def _binary_logits(z: Expr, t: Expr, settings: Settings) -> Expr:
    soft = Call(LOG1P, Call(EXP, Neg(Call(ABS, z))))
    if POS_WEIGHT.key in settings:
        negative = Select(Compare(Comparison.LE, z, ZERO), Neg(z), ZERO)
        return Sum((Product((Sub(ONE, t), z)), Product((_surplus(t, settings), Sum((soft, negative))))))
    positive = Select(Compare(Comparison.LE, z, ZERO), ZERO, z)
    return Sum((Sub(positive, Product((z, t))), soft))


def _binary_logits_slope(z: Expr, t: Expr, settings: Settings) -> Expr:
    if POS_WEIGHT.key in settings:
        return Sum((Sub(ONE, t), Product((_surplus(t, settings), Sub(Call(SIGMOID, z), ONE)))))
    return Sub(Call(SIGMOID, z), t)


def _surprise(y: Expr, t: Expr, settings: Settings) -> Expr:
    return equals(t, ZERO, ZERO, Neg(Product((t, logarithm(cut(y, settings), settings)))))


def _surprise_slope(y: Expr, t: Expr, settings: Settings) -> Expr:
    return uncut(y, equals(t, ZERO, ZERO, Neg(per(t, y, settings))), settings)


def _shortfall(y: Expr, t: Expr, settings: Settings) -> Expr:
    return Sub(Const(settings[MARGIN.key]), Product((t, y)))


def _hinge(y: Expr, t: Expr, settings: Settings) -> Expr:
    d = _shortfall(y, t, settings)
    return Select(Compare(Comparison.LE, d, ZERO), ZERO, d)


def _hinge_slope(y: Expr, t: Expr, settings: Settings) -> Expr:
    return Select(Compare(Comparison.LE, _shortfall(y, t, settings), ZERO), ZERO, Neg(t))


def _squared_hinge_slope(y: Expr, t: Expr, settings: Settings) -> Expr:
    return Neg(Product((TWO, t, _hinge(y, t, settings))))


DELTA = Option(key="delta", text="where it turns linear", above=0)
MARGIN = Option(key="margin", text="Δ: how far the right side is to be ahead", above=0)
POS_WEIGHT = Option(key="pos_weight", text="p: what the term of a positive target is multiplied by", least=0)

CROSS_ENTROPY = TermwiseLoss(
    name="cross_entropy",
    title=N_("cross-entropy"),
    formula="−t · ln p, with softmax",
    value=_surprise,
    slope=_surprise_slope,
    over_outputs="sum",
    over_batch="mean",
    targets="distributions",
    options=GUARDS,
    activations=(SOFTMAX.name,),
    misfit=N_(
        "it takes the logarithms of the outputs, which have to be probabilities with the sum 1; frameworks whose"
        " cross-entropy takes logits apply the softmax themselves"
    ),
)
"""Of a softmax it is computed from the net inputs, unless an option changes what the logarithm sees."""

VALUE = TermwiseLoss(
    name="value",
    title=N_("value"),
    formula="y, or c · y where the targets give coefficients c",
    value=lambda y, c, _: Product((c, y)),
    slope=lambda _y, c, _: c,
    over_outputs="sum",
    over_batch="sum",
    targets="coefficients",
)
"""The loss that is the output itself; with coefficients, what begins a backward pass: ∂E/∂y = c."""

MULTICLASS_HINGE = Loss(
    name="multiclass_hinge",
    title=N_("hinge loss of several classes"),
    formula="max(0, y − y of the right class + Δ) of every other class",
    over_outputs="sum",
    over_batch="mean",
    targets="distributions",
    options=(MARGIN,),
    defaults={MARGIN.key: 1.0},
    source="Weston, Watkins 1999; Stanford CS231n, linear classification",
)
"""It compares the outputs of a layer with each other."""


LOSSES: dict[str, Loss] = {
    row.name: row
    for row in (
        TermwiseLoss(
            name="half_squared_error",
            title=N_("half squared error: with the ½"),
            formula="½ (t − y)²",
            value=lambda y, t, _: Product((HALF, Call(SQUARE, Sub(t, y)))),
            slope=lambda y, t, _: Sub(y, t),
            over_outputs="sum",
            over_batch="sum",
            source="Rumelhart, Hinton, Williams 1986, eq. 3",
        ),
        TermwiseLoss(
            name="squared_error",
            title=N_("squared error: without a ½"),
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="sum",
            over_batch="sum",
        ),
        TermwiseLoss(
            name="mean_squared_error",
            title=N_("mean squared error"),
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="mean",
            over_batch="mean",
        ),
        TermwiseLoss(
            name="mean_absolute_error",
            title=N_("mean absolute error"),
            formula="|y − t|; slope 0 at 0",
            value=lambda y, t, _: Call(ABS, Sub(y, t)),
            slope=_sign,
            over_outputs="mean",
            over_batch="mean",
        ),
        TermwiseLoss(
            name="huber",
            title=N_("Huber loss"),
            formula="½ (y − t)² for |y − t| ≤ δ, else δ · (|y − t| − ½ δ)",
            value=_huber,
            slope=_huber_slope,
            over_outputs="mean",
            over_batch="mean",
            options=(DELTA,),
            defaults={DELTA.key: 1.0},
            source="Huber 1964",
        ),
        TermwiseLoss(
            name="binary_cross_entropy",
            title=N_("binary cross-entropy"),
            formula="−(t · ln y + (1 − t) · ln(1 − y)); 0 · ln 0 is 0",
            value=_binary,
            slope=_binary_slope,
            over_outputs="mean",
            over_batch="mean",
            targets="probabilities",
            options=(POS_WEIGHT, *GUARDS),
            activations=("sigmoid", "hard_sigmoid", SOFTMAX.name),
            misfit=N_("it takes ln y and ln(1 − y), which are no numbers where y is not between 0 and 1"),
        ),
        TermwiseLoss(
            name="binary_cross_entropy_logits",
            title=N_("binary cross-entropy from logits"),
            formula="max(z, 0) − z · t + ln(1 + exp(−|z|))",
            value=_binary_logits,
            slope=_binary_logits_slope,
            over_outputs="mean",
            over_batch="mean",
            targets="probabilities",
            options=(POS_WEIGHT,),
            activations=("identity",),
            misfit=N_("it applies the sigmoid itself, to what is meant to be a net input"),
        ),
        CROSS_ENTROPY,
        TermwiseLoss(
            name="nll",
            title=N_("negative log-likelihood"),
            formula="−t · y, where y is a logarithm of a probability",
            value=lambda y, t, _: equals(t, ZERO, ZERO, Neg(Product((t, y)))),
            slope=lambda _y, t, _: Neg(t),
            over_outputs="sum",
            over_batch="mean",
            targets="distributions",
            activations=(LOG_SOFTMAX.name,),
            misfit=N_("it takes the outputs for logarithms of probabilities, and falls without end where they are not"),
        ),
        TermwiseLoss(
            name="hinge",
            title=N_("hinge loss"),
            formula="max(0, Δ − t · y), t = ±1; slope 0 at the corner",
            value=_hinge,
            slope=_hinge_slope,
            over_outputs="mean",
            over_batch="mean",
            targets="signs",
            options=(MARGIN,),
            defaults={MARGIN.key: 1.0},
            source="Cortes, Vapnik 1995",
        ),
        TermwiseLoss(
            name="squared_hinge",
            title=N_("squared hinge loss"),
            formula="max(0, Δ − t · y)², t = ±1",
            value=lambda y, t, s: Call(SQUARE, _hinge(y, t, s)),
            slope=_squared_hinge_slope,
            over_outputs="mean",
            over_batch="mean",
            targets="signs",
            options=(MARGIN,),
            defaults={MARGIN.key: 1.0},
        ),
        MULTICLASS_HINGE,
        VALUE,
    )
}
"""Losses by name."""


def termwise(name: str) -> TermwiseLoss:
    """The row of a loss that is a sum of terms, one an output."""
    row = LOSSES[name]
    assert isinstance(row, TermwiseLoss)
    return row
