"""Losses: the term of one output of one sample, its slope, and their total.

A mean over outputs or over the batch divides every term, and with it every gradient, by the number N of terms that
the mean runs over; so E and the gradients of the parameters are plain sums over the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import sum_rows
from retrograde.engine.equations.array import Array
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
    Index,
    Neg,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, EXP, LOG, LOG1P, SIGMOID
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loss:
    """A loss that is a sum of terms, one an output.

    Attributes:
        name: the name in scenario files.
        formula: the textbook formula of a term, before any mean.
        value: builds the term from output y, target t and the parameter.
        slope: builds its derivative by y; from logits, by the net input.
        over_outputs: the default reduction over outputs.
        over_batch: the default reduction over the batch.
        parameter: the scenario key of its parameter, if it has one.
        default: the parameter's default.
        source: where the definition comes from.
    """

    name: str
    formula: str
    value: Callable[[Expr, Expr, Expr], Expr]
    slope: Callable[[Expr, Expr, Expr], Expr]
    over_outputs: str
    over_batch: str
    parameter: str = ""
    default: float = 0.0
    source: str = ""


def _equals(x: Expr, number: Const, then: Expr, otherwise: Expr) -> Expr:
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
    hit = _equals(t, ZERO, ZERO, Product((t, Call(LOG, y))))
    miss = _equals(t, ONE, ZERO, Product((Sub(ONE, t), Call(LOG, Sub(ONE, y)))))
    return Neg(Sum((hit, miss)))


def _binary_slope(y: Expr, t: Expr, _: Expr) -> Expr:
    hit = _equals(t, ZERO, ZERO, Div(t, y))
    miss = _equals(t, ONE, ZERO, Div(Sub(ONE, t), Sub(ONE, y)))
    return Sub(miss, hit)


def _binary_logits(z: Expr, t: Expr, _: Expr) -> Expr:
    positive = Select(Compare(Comparison.LE, z, ZERO), ZERO, z)
    return Sum((Sub(positive, Product((z, t))), Call(LOG1P, Call(EXP, Neg(Call(ABS, z))))))


def _rows() -> tuple[Loss, ...]:
    return (
        Loss(
            name="half_squared_error",
            formula="½ (t − y)²",
            value=lambda y, t, _: Product((HALF, Call(SQUARE, Sub(t, y)))),
            slope=lambda y, t, _: Sub(y, t),
            over_outputs="sum",
            over_batch="sum",
            source="Rumelhart, Hinton, Williams 1986, eq. 3",
        ),
        Loss(
            name="squared_error",
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="sum",
            over_batch="sum",
        ),
        Loss(
            name="mean_squared_error",
            formula="(t − y)²",
            value=lambda y, t, _: Call(SQUARE, Sub(t, y)),
            slope=lambda y, t, _: Product((TWO, Sub(y, t))),
            over_outputs="mean",
            over_batch="mean",
        ),
        Loss(
            name="mean_absolute_error",
            formula="|y − t|; slope 0 at 0",
            value=lambda y, t, _: Call(ABS, Sub(y, t)),
            slope=_sign,
            over_outputs="mean",
            over_batch="mean",
        ),
        Loss(
            name="huber",
            formula="½ (y − t)² for |y − t| ≤ δ, else δ · (|y − t| − ½ δ)",
            value=_huber,
            slope=_huber_slope,
            over_outputs="mean",
            over_batch="mean",
            parameter="delta",
            default=1.0,
            source="Huber 1964",
        ),
        Loss(
            name="binary_cross_entropy",
            formula="−(t · ln y + (1 − t) · ln(1 − y)); 0 · ln 0 is 0",
            value=_binary,
            slope=_binary_slope,
            over_outputs="mean",
            over_batch="mean",
        ),
        Loss(
            name="binary_cross_entropy_logits",
            formula="max(z, 0) − z · t + ln(1 + exp(−|z|))",
            value=_binary_logits,
            slope=lambda z, t, _: Sub(Call(SIGMOID, z), t),
            over_outputs="mean",
            over_batch="mean",
        ),
    )


LOSSES: dict[str, Loss] = {row.name: row for row in _rows()}
"""Losses by name whose terms depend on one output each. Cross-entropy joins the outputs: ``CrossEntropy``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a loss term is multiplied and divided by before it counts: weight · mask · term / length / N.

    Attributes:
        count: N, the number of terms that a mean runs over; 1 for a sum.
        weight: the weight of this loss among several.
        mask: (batch, time): 0 for steps that only fill a sequence up to its length; None where all count.
        time: the time step, from 0, that the mask is read at; None where the term has its own time axis.
        length: (batch,): the number of steps of each sample that count, where a mean runs over them; else None.
    """

    count: int = 1
    weight: float = 1.0
    mask: Array | None = None
    time: int | None = None
    length: Array | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The arrays that it reads."""
        return tuple(array for array in (self.mask, self.length) if array is not None)

    def of(self, value: Expr, index: Index) -> Expr:
        """The term as it counts."""
        if self.mask is not None:
            value = Product((value, Ref(self.mask, (index[0], index[1] if self.time is None else self.time))))
        if self.weight != 1.0:
            value = Product((Const(self.weight), value))
        if self.length is not None:
            value = Div(value, Ref(self.length, (index[0],)))
        return value if self.count == 1 else Div(value, Const(float(self.count)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossTerm(Op):
    """E_o[s, i] = loss(out[s, i], t[s, i]) / N.

    Attributes:
        out: the outputs, (batch, units).
        goal: the targets, (batch, units).
        loss: the name of the loss.
        parameter: its parameter.
        share: how it counts.
        at: where the targets of this output begin, between the sample and the unit: (time,) in a sequence.
    """

    out: Array
    goal: Array
    loss: str
    parameter: float
    share: Share = Share()
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        row = LOSSES[self.loss]
        goal = Ref(self.goal, (index[0], *self.at, *index[1:]))
        return self.share.of(row.value(Ref(self.out, index), goal, Const(self.parameter)), index)

    def gradient(self, builder: GradientPass) -> None:
        builder.contribute(
            self.out,
            LossPart(
                out=self.out,
                goal=self.goal,
                loss=self.loss,
                parameter=self.parameter,
                share=self.share,
                at=self.at,
            ),
        )

    def why(self, target: str) -> str:
        return _("How far is this output from its target?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossPart(Part):
    """The use of an output in its loss term: the derivative, / N."""

    out: Array
    goal: Array
    loss: str
    parameter: float
    share: Share
    at: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *self.share.inputs)

    def term(self, index: Index) -> Expr:
        row = LOSSES[self.loss]
        goal = Ref(self.goal, (index[0], *self.at, *index[1:]))
        return self.share.of(row.slope(Ref(self.out, index), goal, Const(self.parameter)), index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossEntropy(Op):
    """E_o[s, i] = −t[s, i] · ln p[s, i] / N with p = softmax(net), from net inputs.

    −ln p is computed as ln S − (net − m), which neither overflows nor loses small probabilities. The gradient goes
    straight to the net inputs: with Σ_i t[s, i] = 1 the Jacobian of the softmax collapses to p − t.

    Attributes:
        net: the net inputs, (batch, units).
        maximum: m, (batch,).
        normaliser: S, (batch,).
        out: p, (batch, units).
        goal: the targets, (batch, units), each row a distribution.
        share: how a term counts.
        at: where the targets of this output begin; see ``LossTerm``.

    Source: Bridle 1990; Bishop 2006, eq. 4.108 and 4.109.
    """

    net: Array
    maximum: Array
    normaliser: Array
    out: Array
    goal: Array
    share: Share = Share()
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.goal, self.normaliser, self.net, self.maximum, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        goal = Ref(self.goal, (index[0], *self.at, *index[1:]))
        shift = Sub(Ref(self.net, index), Ref(self.maximum, index[:-1]))
        surprise = Sub(Call(LOG, Ref(self.normaliser, index[:-1])), shift)
        return self.share.of(_equals(goal, ZERO, ZERO, Product((goal, surprise))), index)

    def gradient(self, builder: GradientPass) -> None:
        builder.contribute(self.net, CollapsedPart(out=self.out, goal=self.goal, share=self.share, at=self.at))

    def why(self, target: str) -> str:
        return _("How surprised is the network by the right answer: −t · ln p, from the net inputs.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollapsedPart(Part):
    """The use of the net inputs in a softmax with cross-entropy: (p − t) / N."""

    out: Array
    goal: Array
    share: Share
    at: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *self.share.inputs)

    def term(self, index: Index) -> Expr:
        goal = Ref(self.goal, (index[0], *self.at, *index[1:]))
        return self.share.of(Sub(Ref(self.out, index), goal), index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Total(Op):
    """E = Σ_s Σ_i E_o[s, i]; each sample's terms are its own subtotal, one output after the other.

    Attributes:
        loss_terms: E_o of each output, (batch, units) or with further axes.
        outputs: those of them that are outputs themselves, without a term in between.
    """

    loss_terms: tuple[Array, ...]
    outputs: tuple[Array, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self.loss_terms

    @property
    def title(self) -> str:
        return _("loss")

    def equation(self, index: Index) -> Expr:
        (s,) = index
        found = tuple(
            Ref(array, (s, *element)) for array in self.loss_terms for element in np.ndindex(array.element_shape)
        )
        return found[0] if len(found) == 1 else Sum(found)

    def kernel(self, space: Workspace) -> Kernel:
        tables = [space.view(array).reshape(array.shape[0], -1) for array in self.loss_terms]
        out = space.view(self.target)
        columns = space.scratch((sum(table.shape[1] for table in tables), tables[0].shape[0]))
        samples = space.scratch((tables[0].shape[0],))
        pieces, start = [], 0
        for table in tables:
            pieces.append((columns[start : start + table.shape[1]], table.T))
            start += table.shape[1]

        def run() -> None:
            for piece, turned in pieces:
                np.copyto(piece, turned)
            sum_rows(columns, samples)
            sum_rows(samples, out)

        return run

    def gradient(self, builder: GradientPass) -> None:
        for array in reversed(self.outputs):
            builder.contribute(array, SeedPart())

    def why(self, target: str) -> str:
        return _("The loss: all terms added up.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeedPart(Part):
    """The use of an output that is a loss itself: ∂E/∂out = 1."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        return ()

    def term(self, index: Index) -> Expr:
        return ONE
