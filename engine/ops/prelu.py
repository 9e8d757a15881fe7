"""A ReLU whose slope left of 0 is a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, ZERO, Compare, Comparison, Expr, Product, Select
from retrograde.engine.ops.pointwise import Operand, Rule
from retrograde.engine.ops.scale_shift import Parametric
from retrograde.engine.text import N_


def _left(x: Expr, here: Expr, otherwise: Expr) -> Expr:
    """``here`` for x ≤ 0, written so that NaN goes to ``otherwise`` and is seen."""
    return Select(Compare(Comparison.LE, x, ZERO), here, otherwise)


RULE = Rule(
    name="prelu",
    title=N_("parametric ReLU"),
    why=N_("What is positive passes; the rest is multiplied by a slope that the network learns."),
    value=lambda x, a: _left(x, Product((a, x)), x),
    slopes={0: lambda x, a, _out: _left(x, a, ONE), 1: lambda x, _a, _out: _left(x, x, ZERO)},
    source="He et al. 2015, Delving deep into rectifiers, eq. 1",
)
"""x for x > 0, else a · x."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PRelu(Parametric):
    """out[s, c, ...] = x for x > 0, else a · x, x being x[s, c, ...] and a the one slope, or that of channel c.

    The gradient of a adds up ∂E/∂out · x over the values x ≤ 0.
    """

    @classmethod
    def of(cls, *, x: Array, slope: Array, **made: Any) -> PRelu:
        """The op over x, (batch, channels, ...), with the slope a, () or (channels,)."""
        return cls(rule=RULE, operands=(Operand(x), Operand(slope, (1,) if slope.shape else ())), **made)
