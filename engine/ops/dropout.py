"""Dropout: a part of the values is left out in each iteration, and the others are scaled up to make up for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Div, Product
from retrograde.engine.ops.pointwise import Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.text import N_

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


@cache
def _dropped(rate: float) -> Rule:
    return Rule(
        name="dropout",
        title=N_("dropout"),
        why=N_("A mask of 0 leaves the value out in this iteration; what stays is scaled up to make up for it."),
        value=lambda x, mask: Product((x, Div(mask, Const(1.0 - rate)))),
        source="Srivastava et al. 2014, Dropout, section 4 and 10",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dropout(Pointwise):
    """out[s, ...] = x[s, ...] · (mask[s, ...] / (1 − rate)): inverted dropout, so that evaluating takes x as it is.

    Attributes:
        rate: how often a value is left out.
    """

    rate: float

    @classmethod
    def of(cls, *, x: Array, mask: Array, rate: float, **made: Any) -> Dropout:
        """The op that leaves values out.

        Args:
            x: the values, (batch, ...).
            mask: 0 for what is left out, else 1: (batch, ...), or the first axes of that.
            rate: how often a value is left out.
            made: the fields of every op.
        """
        operands = (Operand(x), Operand(mask, tuple(range(len(mask.shape)))))
        return cls(rule=_dropped(rate), operands=operands, rate=rate, **made)

    def use(self, number: int, g: Array) -> DropoutPart:
        """The use of an operand, given ∂E/∂out."""
        return DropoutPart(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DropoutPart(PointwisePart):
    """The use of x in dropout: ∂E/∂out · (mask / (1 − rate)); what is left out learns nothing."""
