"""The sum and the product of several layers of the same shape, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import ActivatedLayer, Form, ShapeError, common_steps
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value
    from retrograde.engine.ops.pointwise import Rule

MOST = 16
"""Layers that are added or multiplied in one step."""


class MergeLayer(ActivatedLayer):
    """Several layers of the same shape, element by element, and an activation."""

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return self.kind if self.activation == "identity" else f"{self.kind} {self.activation}"

    @property
    def arity(self) -> tuple[int, int]:
        """Two layers or more."""
        return 2, MOST

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape that all of them have."""
        steps = common_steps(sources)
        if len({source.shape for source in sources}) > 1:
            message = _("the layers before it must have the same shape; they have {shapes}")
            raise ShapeError("inputs", message.format(shapes=", ".join(str(Form(one.shape)) for one in sources)))
        return Form(sources[0].shape, steps)

    def slots(self, sources: Sequence[Form]) -> int:
        """The net inputs, where there is an activation, and the outputs."""
        return sources[0].size * (1 if self.activation == "identity" else 2)

    def rule(self) -> Rule:
        """The formula of one element."""
        raise NotImplementedError

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One step an element, and one for its activation, if it has one."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.pointwise import Operand, Pointwise

        plain = self.activation == "identity"

        def merged(arrays: Sequence[Array], time: int | None) -> Array:
            stem, role = ("out", Role.OUT) if plain else ("net", Role.NET)
            found = forward.append(
                Pointwise(
                    target=forward.made(stem, arrays[0].element_shape, role=role, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    rule=self.rule(),
                    operands=tuple(Operand(array) for array in arrays),
                )
            )
            return found if plain else forward.activate(found, self)

        return forward.together(sources, merged)


class AddLayer(MergeLayer):
    """The sum of several layers: net = x₁ + x₂ + ..., out = activation(net); a residual connection."""

    kind: Literal["add"] = Field(description="the kind of layer")

    def rule(self) -> Rule:
        """x₁ + x₂ + ..."""
        from retrograde.engine.ops.pointwise import ADD

        return ADD


class MultiplyLayer(MergeLayer):
    """The product of several layers: net = x₁ · x₂ · ..., out = activation(net); a gate."""

    kind: Literal["multiply"] = Field(description="the kind of layer")

    def rule(self) -> Rule:
        """x₁ · x₂ · ..."""
        from retrograde.engine.ops.pointwise import MULTIPLY

        return MULTIPLY
