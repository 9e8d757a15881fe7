"""The loss that is an output itself, without a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Ref
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.loss import Share
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


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
