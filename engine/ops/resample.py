"""Up-sampling: every value is repeated along each spatial axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Index, Ref
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.link import added
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upsample(Op):
    """out[s, c, p] = x[s, c, ⌊p / factor⌋]: the nearest value, repeated ``factor`` times along each axis.

    Attributes:
        x: the values, (batch, channels, *spatial).
        factors: the factor of each spatial axis.
    """

    x: Array
    factors: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("up-sampling")

    def equation(self, index: Index) -> Expr:
        s, c, *position = index
        return Ref(self.x, (s, c, *(p // factor for p, factor in zip(position, self.factors, strict=True))))

    def kernel(self, space: Workspace) -> Kernel:
        x, out = space.view(self.x), _parted(space.view(self.target), self.factors)
        repeated = x.reshape(*x.shape[:2], *(length for size in x.shape[2:] for length in (size, 1)))
        return lambda: np.copyto(out, repeated)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, CopiesPart(g=g, factors=self.factors))

    def why(self, target: str) -> str:
        return _("The nearest value is repeated, so that the map becomes larger.")


def _parted(values: Floats, factors: tuple[int, ...]) -> Floats:
    """(batch, channels, *sizes) as (batch, channels, n1, factor1, n2, factor2, ...), a view."""
    pairs = zip(values.shape[2:], factors, strict=True)
    return values.reshape(*values.shape[:2], *(part for size, factor in pairs for part in (size // factor, factor)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CopiesPart(Part):
    """The use of x in an up-sampling: Σ ∂E/∂out[s, c, p] over its copies, in row order."""

    g: Array
    factors: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def _copies(self) -> Iterator[tuple[int, ...]]:
        return np.ndindex(*self.factors)

    def why(self, target: str) -> str:
        return _("The gradients of its copies, added up.")

    def term(self, index: Index) -> Expr:
        s, c, *position = index
        return added(
            [
                Ref(
                    self.g,
                    (s, c, *(p * factor + i for p, factor, i in zip(position, self.factors, copy, strict=True))),
                )
                for copy in self._copies()
            ]
        )

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        found = np.zeros(
            (self.g.shape[1], *(size // factor for size, factor in zip(self.g.shape[2:], self.factors, strict=True))),
            dtype=np.bool_,
        )
        source = tuple(p // factor for p, factor in zip(ref.index[2:], self.factors, strict=True))
        found[ref.index[1], *source] = True
        return found

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        count = len(self.factors)
        g = _parted(space.view(self.g), self.factors)
        copies = g.transpose(*range(3, 3 + 2 * count, 2), 0, 1, *range(2, 2 + 2 * count, 2))
        rows = space.scratch((prod(self.factors), *out.shape))
        stack = rows.reshape(copies.shape)

        def run() -> None:
            np.copyto(stack, copies)
            sum_rows(rows, out)

        return run
