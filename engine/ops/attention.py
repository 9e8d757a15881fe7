"""Attention, in the steps of the paper: projections, dot products, scores, softmax, mixture of the values, projection.

The softmax is that of ``softmax``. Queries have the letter t, keys u, heads h, the elements of a head d.

Source: Vaswani et al. 2017, Attention is all you need, section 3.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, ZERO, Compare, Comparison, Const, Div, Expr, Index, Ref, Select
from retrograde.engine.ops.base import Kernel, Workspace
from retrograde.engine.ops.contract import Contract
from retrograde.engine.ops.softmax import CausalElement, CausalPart, is_later, later
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

MASKED = Const(-math.inf, "−∞")
"""The score of a position that is not seen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighted(Contract):
    """net[s, ..., i] = Σ_j W[i, j] · x[s, ..., j] + b[i], at every position alike."""

    @property
    def title(self) -> str:
        return _("weighted sum")

    def why(self, target: str) -> str:
        return _("What reaches {target}: each input of this position times its weight, added up.").format(target=target)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dots(Contract):
    """dot[s, h, t, u] = Σ_d q[s, t, hd] · k[s, u, hd]."""

    @property
    def title(self) -> str:
        return _("dot product")

    def why(self, target: str) -> str:
        return _("How well does the key of one position fit what the query of the other looks for?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixture(Contract):
    """z[s, t, hd] = Σ_u a[s, h, t, u] · v[s, u, hd]."""

    @property
    def title(self) -> str:
        return _("mixture of values")

    def why(self, target: str) -> str:
        return _("What this position takes along: the values of all it sees, by their attention weights.")


def root(width: int) -> Const:
    """√d."""
    return Const(math.sqrt(width), f"√{width}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores(CausalElement):
    """scores[s, h, t, u] = dot[s, h, t, u] / √d; −∞ for what a mask leaves out, and for later keys of causal attention.

    Attributes:
        dots: the dot products, (batch, ..., queries, keys).
        scale: √d.
        masks: (batch, keys) or (queries, keys), with 0 for what is not seen.
    """

    dots: Array
    scale: Const
    masks: tuple[Array, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.dots, *self.masks)

    @property
    def title(self) -> str:
        return _("score")

    def equation(self, index: Index) -> Expr:
        if self.causal and is_later(index):
            return MASKED
        return _masked(self.masks, index, MASKED, Div(Ref(self.dots, index), self.scale))

    def kernel(self, space: Workspace) -> Kernel:
        dots, out, scale = space.view(self.dots), space.view(self.target), self.scale.value
        skipped = np.ascontiguousarray(later(out.shape)) if self.causal else None
        masks = [_over_keys(space, mask, out.ndim) for mask in self.masks]

        def run() -> None:
            np.divide(dots, scale, out=out)
            if skipped is not None:
                np.putmask(out, skipped, -np.inf)
            for mask in masks:
                np.copyto(out, -np.inf, where=mask == 0)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.dots, ScaledPart(g=g, scale=self.scale, causal=self.causal, masks=self.masks))

    def why(self, target: str) -> str:
        return _("Sums of many products are large: dividing by √d keeps the softmax from saturating.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaledPart(CausalPart):
    """The use of a dot product in its score: ∂E/∂score / √d."""

    scale: Const
    masks: tuple[Array, ...] = ()

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, *self.masks)

    def term(self, index: Index) -> Expr:
        return _masked(self.masks, index, ZERO, Div(Ref(self.g, index), self.scale))

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        return None if self.masks else (Ref(self.g, index), Div(ONE, self.scale))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        g, scale, skipped = space.view(self.g), self.scale.value, self.skipped
        masks = [_over_keys(space, mask, out.ndim) for mask in self.masks]

        def run() -> None:
            np.divide(g, scale, out=out)
            for mask in masks:
                np.copyto(out, 0.0, where=mask == 0)
            if skipped is not None:
                np.putmask(out, skipped, -0.0)

        return run


def _masked(masks: tuple[Array, ...], index: Index, hidden: Const, seen: Expr) -> Expr:
    """What an element is: ``hidden`` where a mask has 0."""
    for mask in masks:
        place = (index[0], index[-1]) if mask.batched else (index[-2], index[-1])
        seen = Select(Compare(Comparison.EQ, Ref(mask, place), ZERO), hidden, seen)
    return seen


def _over_keys(space: Workspace, mask: Array, axes: int) -> Floats:
    """A mask as it lies over an array (batch, ..., queries, keys) of so many axes."""
    values = space.view(mask)
    return values.reshape(values.shape[0], *(1,) * (axes - 2), values.shape[1]) if mask.batched else values
