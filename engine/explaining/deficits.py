"""What a gradient lost, and where: the account of a gradient set against what would be ordinary.

Each factor of the account is compared with a reference: a slope with the steepest of its activation, a layer's weights
(weights, ways and agreement as one), agreement, masks and norms with 1, the error with the spread of the targets, an
input with the root mean square of its column. What the activations take at their best, as eight sigmoids take ¼ each,
is a line of its own: the tax.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from retrograde.engine.equations.activation_table import ACTIVATIONS, Elementwise
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import refs
from retrograde.engine.explaining.account import Account, LayerAccount
from retrograde.engine.explaining.factors import FactorKind
from retrograde.engine.network.network import Network
from retrograde.engine.text import N_

ORDINARY = 0.1
"""A gradient none of whose factors is below this is ordinary."""

NAMED_SHARE = 0.8
"""Lines are named until they explain this share of what was lost."""

MOST_NAMED = 4
"""Lines that are named at most."""


class Cause(StrEnum):
    """What makes a gradient smaller or larger than ordinary."""

    TAX = N_("slopes at their best")
    SLOPE = N_("slope")
    WEIGHTS = N_("weights")
    AGREEMENT = N_("agreement")
    ERROR = N_("error")
    INPUT = N_("input")
    ACTIVATION = N_("activation")
    MASK = N_("mask")
    NORM = N_("norm")
    ROUTING = N_("routing")
    NUMBER = N_("number")


_CAUSES: Mapping[FactorKind, Cause] = {
    FactorKind.SLOPE: Cause.SLOPE,
    FactorKind.ERROR: Cause.ERROR,
    FactorKind.INPUT: Cause.INPUT,
    FactorKind.ACTIVATION: Cause.ACTIVATION,
    FactorKind.MASK: Cause.MASK,
    FactorKind.NORM: Cause.NORM,
    FactorKind.ROUTING: Cause.ROUTING,
    FactorKind.NUMBER: Cause.NUMBER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One factor of a gradient, set against its reference.

    Attributes:
        cause: what it is.
        layer: the layer it belongs to; empty of the tax, and of what the samples do to each other.
        time: the time step; None where there is none.
        factor: its logarithm, natural.
        reference: that of what would be ordinary.
        count: how many factors it stands for.
    """

    cause: Cause
    layer: str = ""
    time: int | None = None
    factor: float
    reference: float = 0.0
    count: int = 1

    @property
    def value(self) -> float:
        """The factor."""
        return math.exp(self.factor)

    @property
    def deficit(self) -> float:
        """How far it is from ordinary, in powers of ten: below 0 where the gradient lost by it."""
        return (self.factor - self.reference) / math.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deficits:
    """The lines of an account, those that cost most first.

    Attributes:
        lines: all of them; their factors, with the tax taken out of the slopes, multiply up to the gradient.
    """

    lines: tuple[Line, ...]

    @property
    def lost(self) -> float:
        """What all that lost has lost, in powers of ten; at most 0."""
        return math.fsum(min(0.0, line.deficit) for line in self.lines)

    @property
    def named(self) -> tuple[Line, ...]:
        """The lines that explain most of what was lost."""
        return _most(self.lines, self.lost, lambda line: line.deficit)

    @property
    def grown(self) -> tuple[Line, ...]:
        """The lines that explain most of what was gained."""
        gained = math.fsum(max(0.0, line.deficit) for line in self.lines)
        return _most(tuple(reversed(self.lines)), -gained, lambda line: -line.deficit)

    @property
    def ordinary(self) -> bool:
        """Whether no factor is small; what the activations take at their best is ordinary."""
        return all(line.deficit > math.log10(ORDINARY) for line in self.lines if line.cause is not Cause.TAX)

    def share(self, line: Line) -> float:
        """How much of what was lost a line explains, 0 to 1."""
        return line.deficit / self.lost if self.lost < 0 else 0.0


def _most(lines: Sequence[Line], total: float, of: object) -> tuple[Line, ...]:
    assert callable(of)
    found: list[Line] = []
    sofar = 0.0
    for line in lines:
        if len(found) == MOST_NAMED or of(line) >= 0 or (found and sofar <= NAMED_SHARE * total):
            break
        found.append(line)
        sofar += of(line)
    return tuple(found)


def deficits(account: Account, network: Network) -> Deficits:
    """What a gradient lost, line by line."""
    lines: list[Line] = []
    tax, taxed, number = 0.0, 0, 0.0
    for layer in account.layers:
        largest = steepest(layer.layer, network)
        slope = layer.kinds.get(FactorKind.SLOPE, 0.0)
        if FactorKind.SLOPE in layer.kinds:
            if largest < 1.0:
                tax += math.log(largest)
                taxed += 1
            lines.append(_line(Cause.SLOPE, layer, slope, math.log(largest)))
        lines.append(_line(Cause.WEIGHTS, layer, layer.weights))
        number += layer.kinds.get(FactorKind.NUMBER, 0.0)
        for kind, value in layer.kinds.items():
            if kind not in {FactorKind.SLOPE, FactorKind.WEIGHT, FactorKind.NUMBER}:
                reference = math.log(target_scale(account)) if kind is FactorKind.ERROR else 0.0
                lines.append(_line(_CAUSES[kind], layer, value, reference))
    own = account.own
    for kind, value in own.kinds.items():
        if kind is FactorKind.NUMBER or kind is FactorKind.WEIGHT:
            continue
        lines.append(Line(cause=_CAUSES[kind], layer="", factor=value, reference=_usual(account, kind)))
    number += own.kinds.get(FactorKind.NUMBER, 0.0) + own.kinds.get(FactorKind.WEIGHT, 0.0)
    # A mean over N samples has N ways and a factor 1/N: together they are 1.
    lines.append(Line(cause=Cause.NUMBER, factor=own.ways + number))
    # Signs drawn by chance leave one part in √n of n terms.
    lines.append(Line(cause=Cause.AGREEMENT, factor=own.agreement, reference=-0.5 * own.ways))
    if taxed:
        lines.append(Line(cause=Cause.TAX, factor=tax, count=taxed))
    lines.sort(key=lambda line: line.deficit)
    return Deficits(lines=tuple(lines))


def _line(cause: Cause, layer: LayerAccount, factor: float, reference: float = 0.0) -> Line:
    return Line(cause=cause, layer=layer.layer, time=layer.time, factor=factor, reference=reference)


def steepest(layer: str, network: Network) -> float:
    """The largest slope of a layer's activation; 1 where it has none."""
    info = next((info for info in network.layers if info.name == layer), None)
    row = ACTIVATIONS.get(info.activation) if info is not None else None
    return row.steepest or 1.0 if isinstance(row, Elementwise) else 1.0


def target_scale(account: Account) -> float:
    """What an error is set against: the spread of the targets where they are not within 0 to 1, else 1."""
    frame = account.graph.frame
    found = [frame.array(array) for array in frame.program.data if array.role is Role.TARGET]
    values = np.concatenate([piece.reshape(-1) for piece in found]) if found else np.zeros(0)
    if not values.size or bool(((values >= 0) & (values <= 1)).all()):
        return 1.0
    spread = float(values.std())
    return spread if spread > 0 and math.isfinite(spread) else 1.0


def _usual(account: Account, kind: FactorKind) -> float:
    """The reference of a factor of the gradient itself: the root mean square of what the column holds."""
    if kind not in {FactorKind.INPUT, FactorKind.ACTIVATION}:
        return 0.0
    frame, graph = account.graph.frame, account.graph
    squares = [
        np.square(frame.array(ref.array)[:, *ref.index[1:]] if ref.array.batched else frame.array(ref.array)).mean()
        for term in graph.terms(0)
        for factor, _value in term.factors
        if factor.kind is kind
        for ref in refs(factor.expr)
    ]
    mean = float(np.mean(squares)) if squares else 0.0
    return 0.5 * math.log(mean) if mean > 0 and math.isfinite(mean) else 0.0
