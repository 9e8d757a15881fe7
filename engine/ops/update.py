"""Optimisers: how a parameter becomes its updated value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.array import Array, Extent, Phase
from retrograde.engine.expression import Expr, Index, Product, Ref, Sub
from retrograde.engine.ops.base import Kernel, Op, Workspace
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.builder import Builder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Descend(Op):
    """w⁺ = w − η · ∂E/∂w: gradient descent.

    Attributes:
        parameter: w.
        slope: ∂E/∂w.
        rate: η, ().

    Source: Robbins, Monro 1951; Rumelhart, Hinton, Williams 1986, eq. 8 without momentum.
    """

    parameter: Array
    slope: Array
    rate: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.parameter, self.rate, self.slope)

    @property
    def title(self) -> str:
        return _("update")

    def equation(self, index: Index) -> Expr:
        return Sub(Ref(self.parameter, index), Product((Ref(self.rate, ()), Ref(self.slope, index))))

    def kernel(self, space: Workspace) -> Kernel:
        parameter, slope = space.view(self.parameter), space.view(self.slope)
        rate, new = space.view(self.rate), space.view(self.target)

        def run() -> None:
            np.multiply(slope, rate, out=new)
            np.subtract(parameter, new, out=new)

        return run

    def why(self, target: str) -> str:
        return _("A step against the gradient makes E smaller.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimiser:
    """An update rule.

    Attributes:
        name: the name in scenario files.
        formula: the textbook formula.
        append: appends the ops that update a parameter, given its gradient and the learning rate, to a builder;
            returns the array with the new value.
        source: where the definition comes from.
    """

    name: str
    formula: str
    append: Callable[[Builder, Array, Array, Array], Array]
    source: str = ""


def _descend(builder: Builder, parameter: Array, slope: Array, rate: Array) -> Array:
    return builder.append(
        Descend(
            target=builder.renewed(parameter),
            phase=Phase.UPDATE,
            layer=parameter.layer,
            extent=Extent.ONCE,
            parameter=parameter,
            slope=slope,
            rate=rate,
        )
    )


OPTIMISERS: dict[str, Optimiser] = {
    row.name: row
    for row in (Optimiser(name="sgd", formula="w⁺ = w − η · ∂E/∂w", append=_descend, source="Robbins, Monro 1951"),)
}
"""Update rules by name."""
