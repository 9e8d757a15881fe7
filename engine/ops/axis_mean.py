"""The mean or the sum of an array along some of its axes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Div
from retrograde.engine.ops.pointwise import Operand, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.text import N_, _

SUM = Rule(
    name="axis_sum",
    title=N_("sum along axes"),
    why=N_("The sum of the values along some axes; each of them gets the gradient of the sum as it is."),
    value=lambda x: x,
)


@cache
def _mean(count: int) -> Rule:
    return Rule(
        name="axis_mean",
        title=N_("mean along axes"),
        why=N_("The mean of the values along some axes."),
        value=lambda x: x,
        uses={0: lambda g, _x, _mean: Div(g, Const(float(count)))},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxisMean(Reduce):
    """out[s, k] = Σ_j x[s, j, k] / n over the axes j that are averaged; or their sum, with n = 1."""

    @classmethod
    def of(cls, *, x: Array, axes: Collection[int], keep: bool, mean: bool, **made: Any) -> AxisMean:
        """The op.

        Args:
            x: the values, (batch, ...).
            axes: the axes that are added up, the sample being 0.
            keep: whether they stay, with the length 1.
            mean: whether the sum is divided by how many there are.
            made: the fields of every op.
        """
        along = tuple(None if axis in axes else axis for axis in range(len(x.shape)) if keep or axis not in axes)
        count = prod(x.shape[axis] for axis in axes) if mean else 1
        rule = _mean(count) if count > 1 else SUM
        return cls(rule=rule, operands=(Operand(x),), shape=x.shape, along=along, count=count, **made)

    def use(self, number: int, g: Array) -> AxisPart:
        """The use of x, given ∂E/∂out."""
        return AxisPart(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxisPart(PointwisePart):
    """The use of x in a mean: ∂E/∂out / n; in a sum ∂E/∂out."""

    def why(self, target: str) -> str | None:
        if self.op.rule is SUM:
            return _("Every value that is added up gets the gradient of the sum.")
        return _("Every value that is averaged gets an equal share of the gradient of the mean.")
