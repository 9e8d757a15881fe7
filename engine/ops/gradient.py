"""The gradient of one array: a single op that adds up all uses of the array."""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.engine.array import Array, Extent, Role
from retrograde.engine.expression import Expr, Index, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradient(Op):
    """∂E/∂x = Σ over the uses of x, the latest use first.

    Each use is its own subtotal; of a parameter, each sample's contribution is its own subtotal too.

    Attributes:
        parts: the uses.
    """

    parts: tuple[Part, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return tuple(array for part in self.parts for array in part.inputs)

    @property
    def title(self) -> str:
        return _("delta") if self.of.role is Role.NET else _("gradient")

    @property
    def of(self) -> Array:
        """The array whose gradient this is."""
        assert self.target.of is not None
        return self.target.of

    def equation(self, index: Index) -> Expr:
        found = tuple(part.term(index) for part in self.parts)
        return found[0] if len(found) == 1 else Sum(found)

    def kernel(self, space: Workspace) -> Kernel | None:
        if len(self.parts) != 1:
            return None
        return self.parts[0].kernel(space, space.view(self.target), self.extent is Extent.SUM)

    def why(self, target: str) -> str:
        match self.of.role:
            case Role.NET:
                return _("How much does E change with the net input: the delta {target}?").format(target=target)
            case Role.OUT:
                return _("How much does E change with this output, over every way it takes?")
            case _:
                return _("How much does E change with this parameter?")
