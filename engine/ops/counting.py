"""What counts in a loss, and how much: the weight of a target's class, and the number that a mean divides by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Product, Ref, Sub, Sum
from retrograde.engine.ops.base import Op
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetWeight(Op):
    """ω[s] = Σ_k c[k] · t[s, k]: the weight of the class that is wanted; of one output c[0] · (1 − t) + c[1] · t.

    Attributes:
        weights: c, (classes,).
        goal: the targets, (batch, ..., classes).
        at: where the targets of this output begin; see ``LossTerm``.
    """

    weights: Array
    goal: Array
    at: tuple[int, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.goal)

    @property
    def title(self) -> str:
        return _("weight of the class")

    def equation(self, index: Index) -> Expr:
        return class_weight(self.weights, self.goal, (index[0], *self.at, *index[1:]))

    def why(self, target: str) -> str:
        return _("How much does an error count where this class is wanted?")


def class_weight(weights: Array, goal: Array, index: Index) -> Expr:
    """Σ_k c[k] · t[index, k]; of one output c[0] · (1 − t) + c[1] · t."""
    if goal.shape[-1] == 1:
        t = Ref(goal, (*index, 0))
        return Sum((Product((Ref(weights, (0,)), Sub(ONE, t))), Product((Ref(weights, (1,)), t))))
    return Sum(tuple(Product((Ref(weights, (k,)), Ref(goal, (*index, k)))) for k in range(goal.shape[-1])))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divisor(Op):
    """N = Σ_s Σ_p of what counts: 1, or 0 where a mask leaves it out, times the weights of the sample and the class.

    Attributes:
        positions: the axes over which p runs, after the sample.
        mask: (batch, positions), or the first axis of them; None where all count.
        samples: the weight of each sample, (batch,); None where they are no part of it.
        weights: the weight of each class, (classes,); None where they are no part of it.
        goal: the targets, (batch, *positions, classes), where classes have weights.
    """

    positions: tuple[int, ...] = ()
    mask: Array | None = None
    samples: Array | None = None
    weights: Array | None = None
    goal: Array | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return tuple(array for array in (self.mask, self.samples, self.weights, self.goal) if array is not None)

    @property
    def title(self) -> str:
        return _("what a mean divides by")

    def equation(self, index: Index) -> Expr:
        (s,) = index
        terms = tuple(self._counts(s, place) for place in np.ndindex(self.positions))
        return terms[0] if len(terms) == 1 else Sum(terms)

    def _counts(self, s: object, place: tuple[int, ...]) -> Expr:
        """How much a position of a sample counts."""
        factors: list[Expr] = []
        if self.mask is not None:
            factors.append(Ref(self.mask, (s, place[0] if place else 0)))
        if self.samples is not None:
            factors.append(Ref(self.samples, (s,)))
        if self.weights is not None and self.goal is not None:
            factors.append(class_weight(self.weights, self.goal, (s, *place)))
        if not factors:
            return ONE
        return factors[0] if len(factors) == 1 else Product(tuple(factors))

    def why(self, target: str) -> str:
        return _("A mean divides by all that counts; what is masked or ignored does not.")
