"""The logarithm of a softmax: out[s, i] = (net[s, i] − m[s]) − ln S[s], from the maximum and the sum of ``softmax``.

Its derivative, δ − p, is that of the way it is computed: 1 along the net input, −1/S through the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Call, Div, Expr, Index, Neg, Ref, Sub, Sum
from retrograde.engine.equations.functions import LOG
from retrograde.engine.ops.activation import PassPart
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.rows import row_sums
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogShare(Op):
    """out[s, i] = (net[s, i] − m[s]) − ln S[s].

    Attributes:
        net: the net inputs, (batch, ..., units).
        maximum: m, (batch, ...).
        normaliser: S, (batch, ...).
    """

    net: Array
    maximum: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net, self.maximum, self.normaliser)

    @property
    def title(self) -> str:
        return _("log-softmax")

    def equation(self, index: Index) -> Expr:
        shift = Sub(Ref(self.net, index), Ref(self.maximum, index[:-1]))
        return Sub(shift, Call(LOG, Ref(self.normaliser, index[:-1])))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.normaliser, LogNormaliserPart(g=g, normaliser=self.normaliser))
            builder.contribute(self.net, PassPart(g=g))

    def why(self, target: str) -> str:
        return _("The logarithm of this unit's share of the sum: of its probability.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogNormaliserPart(Part):
    """The use of S in the logarithms: −(Σ_i ∂E/∂out[i]) / S."""

    g: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.normaliser)

    def term(self, index: Index) -> Expr:
        slopes = tuple(Ref(self.g, (*index, i)) for i in range(self.g.shape[-1]))
        total: Expr = slopes[0] if len(slopes) == 1 else Sum(slopes)
        return Neg(Div(total, Ref(self.normaliser, index)))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        add = row_sums(space, space.view(self.g), out)
        normaliser = space.view(self.normaliser)

        def run() -> None:
            add()
            np.divide(out, normaliser, out=out)
            np.negative(out, out=out)

        return run
