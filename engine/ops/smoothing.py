"""Label smoothing: targets that ask for a little less than certainty."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Div, Expr, Index, Product, Ref, Sub, Sum
from retrograde.engine.ops.base import Op
from retrograde.engine.text import _


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
        goal = Ref(self.goal, (index[0], *self.at, *index[1:]))
        classes = Const(float(self.target.shape[-1]))
        epsilon = Const(self.smoothing)
        kept = Sub(Const(1.0), epsilon)
        return Sum((Product((kept, goal)), Div(epsilon, classes)))

    def why(self, target: str) -> str:
        return _("The right class is wanted a little less than surely, and every class a little.")
