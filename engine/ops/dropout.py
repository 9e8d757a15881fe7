"""Dropout: a part of the values is left out in each iteration, and the others are scaled up to make up for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Div, Expr, Index, Product, Ref
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

STREAM = 3
"""Second word of the Philox key of masks; other uses of randomness have other streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coins:
    """A mask of 0 and 1 for each iteration; 0 comes up with the given rate.

    Attributes:
        shape: the shape of the mask.
        rate: how often a value is left out, 0 to 1.
        seed: the seed of the network.
        layer: the number of the layer, from 1.
        time: the time step, from 1; 0 where there is one mask for all.
    """

    shape: tuple[int, ...]
    rate: float
    seed: int
    layer: int
    time: int = 0

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The mask of an iteration; the same whenever it is asked for."""
        del per_epoch
        # The low word of the counter counts the draws, so that no two masks ever meet.
        stream = np.random.Philox(key=(STREAM << 64) | self.seed, counter=[0, self.time, self.layer, iteration])
        drawn = np.random.Generator(stream).random(self.shape)
        return np.where(drawn < self.rate, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dropout(Op):
    """out[s, ...] = x[s, ...] · (mask[s, ...] / (1 − rate)): inverted dropout, so that evaluating takes x as it is.

    Attributes:
        x: the values, (batch, ...).
        mask: 0 for what is left out, else 1: (batch, ...), or the first axes of that.
        rate: how often a value is left out.

    Source: Srivastava et al. 2014, Dropout, section 4 and 10.
    """

    x: Array
    mask: Array
    rate: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x, self.mask)

    @property
    def title(self) -> str:
        return _("dropout")

    def equation(self, index: Index) -> Expr:
        return Product((Ref(self.x, index), _factor(self.mask, self.rate, index)))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, DropoutPart(g=g, kept=self.mask, rate=self.rate))

    def why(self, target: str) -> str:
        return _("A mask of 0 leaves the value out in this iteration; what stays is scaled up to make up for it.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DropoutPart(Part):
    """The use of x in dropout: ∂E/∂out · (mask / (1 − rate)); what is left out learns nothing."""

    g: Array
    kept: Array
    rate: float

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.kept)

    def term(self, index: Index) -> Expr:
        g, slope = self.local(index)
        return Product((g, slope))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), _factor(self.kept, self.rate, index)


def _factor(mask: Array, rate: float, index: Index) -> Expr:
    return Div(Ref(mask, index[: len(mask.shape)]), Const(1.0 - rate))
