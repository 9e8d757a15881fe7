"""Formulas with parameters: the scale and the shift that a normalisation learns, along channels or the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Product, Sum
from retrograde.engine.ops.pointwise import Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.text import N_

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


def _scaled_shifted(gamma: Expr, x: Expr, beta: Expr) -> Expr:
    return Sum((Product((gamma, x)), beta))


SCALE_SHIFT = Rule(
    name="scale_shift",
    title=N_("scale and shift"),
    why=N_("The network may choose another scale and another mean than 1 and 0, and learns them."),
    value=_scaled_shifted,
    source="Ioffe, Szegedy 2015, algorithm 1; Ba, Kiros, Hinton 2016, eq. 4",
)
"""γ · x̂ + β."""


SCALE = Rule(
    name="scale",
    title=N_("scale"),
    why=N_("The network may choose another scale than 1, and learns it."),
    value=lambda gamma, x: Product((gamma, x)),
    source="Zhang, Sennrich 2019, eq. 4",
)
"""γ · x̂."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parametric(Pointwise):
    """A formula of values of the samples and of parameters, which may be updated before the gradient goes on."""

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number, operand in enumerate(self.operands):
            if not operand.array.batched:
                builder.contribute(operand.array, self.use(number, g))
        read = tuple(
            operand if operand.array.batched else operand._replace(array=builder.latest(operand.array))
            for operand in self.operands
        )
        for number, operand in enumerate(self.operands):
            if operand.array.batched:
                builder.contribute(operand.array, PointwisePart(g=g, op=self, operands=read, number=number))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleShift(Parametric):
    """out[s, ...] = γ[k] · x̂[s, ...] + β[k], k being the index along one axis."""

    @classmethod
    def of(cls, *, x: Array, gamma: Array, beta: Array, axis: int, **made: Any) -> ScaleShift:
        """The op that scales and shifts.

        Args:
            x: the normalised values, (batch, ...).
            gamma: γ, (n,).
            beta: β, (n,).
            axis: the axis of x that has the length n; 0 is the sample.
            made: the fields of every op.
        """
        return cls(rule=SCALE_SHIFT, operands=(Operand(gamma, (axis,)), Operand(x), Operand(beta, (axis,))), **made)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale(Parametric):
    """out[s, ...] = γ[k] · x̂[s, ...], k being the index along one axis."""

    @classmethod
    def of(cls, *, x: Array, gamma: Array, axis: int, **made: Any) -> Scale:
        """The op that scales x, (batch, ...), by γ, (n,), along the axis of x that has the length n."""
        return cls(rule=SCALE, operands=(Operand(gamma, (axis,)), Operand(x)), **made)
