"""Losses: the term of one output of one sample, its slope, and their total.

A mean over outputs or over the batch divides every term, and with it every gradient, by the number N of terms that
the mean runs over; so E and the gradients of the parameters are plain sums over the samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Call,
    Const,
    Div,
    Expr,
    Index,
    Product,
    Ref,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import LOG
from retrograde.engine.equations.logarithms import Settings
from retrograde.engine.equations.losses import equals, termwise
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.text import _, joined, ngettext

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


class Counted(StrEnum):
    """What a mean runs over."""

    OUTPUTS = "outputs"
    SAMPLES = "samples"
    STEPS = "steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a loss term is multiplied and divided by before it counts: weights · mask · term / length / N.

    Attributes:
        count: N, the number of terms that a mean runs over; 1 for a sum.
        weight: the weight of this loss among several.
        mask: (batch, time): 0 for steps that only fill a sequence up to its length; None where all count.
        time: the time step, from 0, that the mask is read at; None where the term has its own time axis.
        length: (batch,): the number of steps of each sample that count, where a mean runs over them; else None.
        samples: (batch,): the weight of each sample; None where all are the same.
        each: (units,): the weight of each output's term; None where all are the same.
        own: (batch, ...): the weight of the class that is wanted; None where it is in the terms.
        divisor: N where it is counted in each iteration; None where it is ``count``.
        over: what ``count`` is the product of: how many outputs, samples, steps.
    """

    count: int = 1
    weight: float = 1.0
    mask: Array | None = None
    time: int | None = None
    length: Array | None = None
    samples: Array | None = None
    each: Array | None = None
    own: Array | None = None
    divisor: Array | None = None
    over: tuple[tuple[Counted, int], ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The arrays that it reads."""
        found = (self.mask, self.samples, self.each, self.own, self.length, self.divisor)
        return tuple(array for array in found if array is not None)

    @property
    def plain(self) -> bool:
        """Whether a term is divided by ``count``, and nothing else is done with it."""
        return not self.inputs and self.weight == 1.0

    def said(self) -> str:
        """What a term is divided by, in words: ÷ 8: mean over 2 outputs, 4 samples; empty of a sum."""
        if self.divisor is not None:
            return _("÷ N: mean over what counts in this iteration")
        if self.count == 1:
            return ""
        over = joined([_counted(what, count) for what, count in self.over if count > 1], ", ")
        return _("÷ {number}: mean over {what}").format(number=f"{self.count:,}", what=over)

    def of(self, value: Expr, index: Index) -> Expr:
        """The term as it counts."""
        if self.mask is not None:
            value = Product((value, Ref(self.mask, (index[0], index[1] if self.time is None else self.time))))
        if self.samples is not None:
            value = Product((Ref(self.samples, (index[0],)), value))
        if self.each is not None:
            value = Product((Ref(self.each, (index[-1],)), value))
        if self.own is not None:
            value = Product((Ref(self.own, index[:-1]), value))
        if self.weight != 1.0:
            value = Product((Const(self.weight), value))
        if self.length is not None:
            value = Div(value, Ref(self.length, (index[0],)))
        if self.divisor is not None:
            value = Div(value, Ref(self.divisor, ()))
        return value if self.count == 1 else Div(value, Const(float(self.count)))


def _counted(what: Counted, count: int) -> str:
    """A number of outputs, samples or steps, in words."""
    match what:
        case Counted.OUTPUTS:
            text = ngettext("{count} output", "{count} outputs", count)
        case Counted.SAMPLES:
            text = ngettext("{count} sample", "{count} samples", count)
        case _:
            text = ngettext("{count} step", "{count} steps", count)
    return text.format(count=f"{count:,}")


class ClassWeights(NamedTuple):
    """The weights of classes.

    Attributes:
        each: c, (classes,).
        own: ω, (batch, ...): that of the class that is wanted.
    """

    each: Array
    own: Array


def _target_of(of: LossTerm | LossPart | CrossEntropy | CollapsedPart | SmoothTarget, index: Index) -> Ref:
    """The target of an element (s, *rest): its targets begin at (s, *at)."""
    return Ref(of.goal, (index[0], *of.at, *index[1:]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossTerm(Op):
    """E_o[s, i] = loss(out[s, i], t[s, i]) / N.

    Attributes:
        out: the outputs, (batch, units).
        goal: the targets, (batch, units).
        loss: the name of the loss.
        settings: its options.
        share: how it counts.
        at: where the targets of this output begin, between the sample and the unit: (time,) in a sequence.
    """

    out: Array
    goal: Array
    loss: str
    settings: Settings
    share: Share = Share()
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        value = termwise(self.loss).value
        return self.share.of(value(Ref(self.out, index), _target_of(self, index), self.settings), index)

    def gradient(self, builder: GradientPass) -> None:
        builder.contribute(
            self.out,
            LossPart(
                out=self.out,
                goal=self.goal,
                loss=self.loss,
                settings=self.settings,
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
    settings: Settings
    share: Share
    at: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *self.share.inputs)

    def term(self, index: Index) -> Expr:
        slope = termwise(self.loss).slope
        return self.share.of(slope(Ref(self.out, index), _target_of(self, index), self.settings), index)


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
        classes: the weights of the classes; None where all are the same.

    Source: Bridle 1990; Bishop 2006, eq. 4.108 and 4.109.
    """

    net: Array
    maximum: Array
    normaliser: Array
    out: Array
    goal: Array
    share: Share = Share()
    at: tuple[int, ...] = ()
    classes: ClassWeights | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        weights = () if self.classes is None else (self.classes.each,)
        return (self.goal, self.normaliser, self.net, self.maximum, *weights, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        goal = _target_of(self, index)
        shift = Sub(Ref(self.net, index), Ref(self.maximum, index[:-1]))
        surprise = Sub(Call(LOG, Ref(self.normaliser, index[:-1])), shift)
        factors: tuple[Expr, ...] = (goal, surprise)
        if self.classes is not None:
            factors = (Ref(self.classes.each, (index[-1],)), *factors)
        return self.share.of(equals(goal, ZERO, ZERO, Product(factors)), index)

    def gradient(self, builder: GradientPass) -> None:
        builder.contribute(
            self.net, CollapsedPart(out=self.out, goal=self.goal, share=self.share, at=self.at, classes=self.classes)
        )

    def why(self, target: str) -> str:
        return _("How surprised is the network by the right answer: −t · ln p, from the net inputs.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollapsedPart(Part):
    """The use of the net inputs in a softmax with cross-entropy: (p − t) / N; with weights (ω · p − c · t) / N."""

    out: Array
    goal: Array
    share: Share
    at: tuple[int, ...]
    classes: ClassWeights | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, self.goal, *(self.classes or ()), *self.share.inputs)

    def term(self, index: Index) -> Expr:
        goal: Expr = _target_of(self, index)
        out: Expr = Ref(self.out, index)
        if self.classes is not None:
            out = Product((Ref(self.classes.own, index[:-1]), out))
            goal = Product((Ref(self.classes.each, (index[-1],)), goal))
        return self.share.of(Sub(out, goal), index)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueTerm(Op):
    """E_o[s, i] = weight · out[s, i] / N.

    Attributes:
        out: the outputs, (batch, ...).
        share: how a term counts.
    """

    out: Array
    share: Share

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.out, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        return self.share.of(Ref(self.out, index), index)

    def gradient(self, builder: GradientPass) -> None:
        builder.contribute(self.out, ValuePart(share=self.share))

    def why(self, target: str) -> str:
        return _("What this output counts for in the loss.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValuePart(Part):
    """The use of an output as a loss: ∂E/∂out = weight / N."""

    share: Share

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self.share.inputs

    def term(self, index: Index) -> Expr:
        return self.share.of(ONE, index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoothTarget(Op):
    """t′[s, ..., k] = (1 − ε) · t[s, ..., k] + ε / K, with K classes along the last axis.

    Attributes:
        goal: the targets, (batch, ..., classes); of a sequence with the time after the sample.
        smoothing: ε.
        at: where the targets of this output begin, between the sample and the rest: (time,) in a sequence.

    Source: Szegedy et al. 2016, Rethinking the Inception architecture, section 7; PyTorch, CrossEntropyLoss.
    """

    goal: Array
    smoothing: float
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.goal,)

    @property
    def title(self) -> str:
        return _("label smoothing")

    def equation(self, index: Index) -> Expr:
        goal = _target_of(self, index)
        classes = Const(float(self.target.shape[-1]))
        epsilon = Const(self.smoothing)
        kept = Sub(Const(1.0), epsilon)
        return Sum((Product((kept, goal)), Div(epsilon, classes)))

    def why(self, target: str) -> str:
        return _("The right class is wanted a little less than surely, and every class a little.")
