"""The hinge loss of several classes: how far each wrong class comes within the margin of the right one.

Source: Weston, Watkins 1999; Stanford CS231n, linear classification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Compare,
    Comparison,
    Const,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.loss import Share
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RightScore(Op):
    """r[s] = Σ_k t[s, k] · out[s, k]: the output of the right class.

    Attributes:
        out: the outputs, (batch, ..., classes).
        goal: the targets, each row a distribution.
        at: where the targets of this output begin; see ``LossTerm``.
    """

    out: Array
    goal: Array
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.goal, self.out)

    @property
    def title(self) -> str:
        return _("score of the right class")

    def equation(self, index: Index) -> Expr:
        classes = range(self.out.shape[-1])
        return Sum(tuple(Product((self._goal((*index, k)), Ref(self.out, (*index, k)))) for k in classes))

    def _goal(self, index: Index) -> Ref:
        return Ref(self.goal, (index[0], *self.at, *index[1:]))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.out, RightPart(g=g, goal=self.goal, at=self.at))

    def why(self, target: str) -> str:
        return _("What the right class got: every other one is compared with it.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RightPart(Part):
    """The use of an output as that of the right class: ∂E/∂r · t."""

    g: Array
    goal: Array
    at: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.goal)

    def term(self, index: Index) -> Expr:
        return Product((Ref(self.g, index[:-1]), Ref(self.goal, (index[0], *self.at, *index[1:]))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shortfall(Op):
    """E_o[s, j] = (1 − t[s, j]) · max(0, out[s, j] − r[s] + Δ) / N; its slope at the corner is 0.

    Attributes:
        out: the outputs, (batch, ..., classes).
        right: r, (batch, ...).
        goal: the targets, each row a distribution.
        margin: Δ.
        share: how a term counts.
        at: where the targets of this output begin; see ``LossTerm``.
    """

    out: Array
    right: Array
    goal: Array
    margin: float
    share: Share
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.goal, self.out, self.right, *self.share.inputs)

    @property
    def title(self) -> str:
        return _("loss term")

    def equation(self, index: Index) -> Expr:
        short = _short(self.out, self.right, self.margin, index)
        cut = Select(Compare(Comparison.LE, short, ZERO), ZERO, short)
        return self.share.of(Product((_others(self.goal, self.at, index), cut)), index)

    def gradient(self, builder: GradientPass) -> None:
        part = ShortfallPart(
            out=self.out, right=self.right, goal=self.goal, margin=self.margin, share=self.share, at=self.at
        )
        builder.contribute(self.right, AllShortfalls(part=part))
        builder.contribute(self.out, part)

    def why(self, target: str) -> str:
        return _("Does this class come within the margin of the right one?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShortfallPart(Part):
    """The use of an output as that of another class: (1 − t) / N where it is within the margin, else 0."""

    out: Array
    right: Array
    goal: Array
    margin: float
    share: Share
    at: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.goal, self.out, self.right, *self.share.inputs)

    def term(self, index: Index) -> Expr:
        short = _short(self.out, self.right, self.margin, index)
        within = Select(Compare(Comparison.LE, short, ZERO), ZERO, ONE)
        return self.share.of(Product((_others(self.goal, self.at, index), within)), index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllShortfalls(Part):
    """The use of the right class's output in every term: −Σ_j of their slopes."""

    part: ShortfallPart

    @property
    def inputs(self) -> tuple[Array, ...]:
        return self.part.inputs

    def term(self, index: Index) -> Expr:
        return Neg(Sum(tuple(self.part.term((*index, j)) for j in range(self.part.out.shape[-1]))))


def _short(out: Array, right: Array, margin: float, index: Index) -> Expr:
    return Sum((Sub(Ref(out, index), Ref(right, index[:-1])), Const(margin)))


def _others(goal: Array, at: tuple[int, ...], index: Index) -> Expr:
    """1 − t: 0 for the right class alone."""
    return Sub(ONE, Ref(goal, (index[0], *at, *index[1:])))
