"""Sum, product, difference and quotient of layers, element by element; what is short is repeated along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import ActivatedLayer, Form, Shape, ShapeError, common_steps
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value
    from retrograde.engine.ops.pointwise import Rule

MOST = 16
"""Layers that are added or multiplied in one step."""


def common_shape(shapes: Sequence[Shape]) -> Shape:
    """The shape of values that are taken together element by element, as NumPy broadcasts those of one sample.

    The last axes belong together; an axis of the length 1, or one that is missing in front, is repeated.

    Raises:
        ShapeError: two of them have different lengths along an axis, and neither is 1.
    """
    count = max(map(len, shapes))
    padded = [(1,) * (count - len(shape)) + shape for shape in shapes]
    found = tuple(max(lengths) for lengths in zip(*padded, strict=True))
    if any(length not in {1, wanted} for shape in padded for length, wanted in zip(shape, found, strict=True)):
        message = _(
            "the layers before it must have the same shape, or 1 along an axis that is repeated; they have {shapes}"
        )
        raise ShapeError("inputs", message.format(shapes=", ".join(str(Form(shape)) for shape in shapes)))
    return found


def spread_axes(own: Shape, whole: Shape) -> tuple[int | None, ...] | None:
    """For each axis of values and of their sample, the axis of the whole that it goes along; None where all are."""
    if own == whole:
        return None
    first = len(whole) - len(own) + 1
    return (0, *(None if own[k] == 1 and whole[first - 1 + k] != 1 else first + k for k in range(len(own))))


class MergeLayer(ActivatedLayer):
    """Several layers element by element, and an activation; an axis of the length 1 is repeated."""

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return self.kind if self.activation == "identity" else f"{self.kind} {self.activation}"

    @property
    def arity(self) -> tuple[int, int]:
        """Two layers or more."""
        return 2, MOST

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape that all of them have in common."""
        return Form(common_shape([source.shape for source in sources]), common_steps(sources))

    def slots(self, sources: Sequence[Form]) -> int:
        """The net inputs, where there is an activation, and the outputs."""
        return self.form(sources).size * (1 if self.activation == "identity" else 2)

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
            shape = common_shape([array.element_shape for array in arrays])
            found = forward.append(
                Pointwise(
                    target=forward.made(stem, shape, role=role, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    rule=self.rule(),
                    operands=tuple(Operand(array, spread_axes(array.element_shape, shape)) for array in arrays),
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


class _PairLayer(MergeLayer):
    """Two layers, of which the second is taken off the first or divides it."""

    @property
    def arity(self) -> tuple[int, int]:
        """Two layers."""
        return 2, 2


class SubtractLayer(_PairLayer):
    """The difference of two layers: net = x₁ − x₂, out = activation(net)."""

    kind: Literal["subtract"] = Field(description="the kind of layer")

    def rule(self) -> Rule:
        """x₁ − x₂."""
        from retrograde.engine.ops.pointwise import SUBTRACT

        return SUBTRACT


class DivideLayer(_PairLayer):
    """The quotient of two layers: net = x₁ / x₂, out = activation(net)."""

    kind: Literal["divide"] = Field(description="the kind of layer")

    def rule(self) -> Rule:
        """x₁ / x₂."""
        from retrograde.engine.ops.pointwise import DIVIDE

        return DIVIDE
