"""Gradients that are exactly 0, and gradients that are only what rounding left.

A gradient is exactly 0 because every path has a factor that is 0. Two facts are exact: the zero factors that are met
first on the way from the gradient, over ways whose factors are not 0 (the nearest cut), and the fewest zero factors in
series on any path. Of these, slopes, activations and errors follow what is computed before them, and one change may
move many of them; weights, inputs and masks do not. Where every path has two of those, no single change of a parameter
can revive the gradient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.factors import Factor, FactorKind
from retrograde.engine.explaining.gradient_graph import GradientGraph, GraphTerm

ROUNDOFF = 2.0**-53
"""The relative error of one rounded operation at most."""


def is_residue(graph: GradientGraph) -> bool:
    """Whether a gradient is within what rounding may leave of paths that cancel: 0 < |S| ≤ edges · 2⁻⁵³ · A."""
    value = abs(float(graph.value[0]))
    return 0.0 < value <= graph.edges * ROUNDOFF * float(graph.absolute[0])


class Blocker(NamedTuple):
    """A factor that is 0 on the way to a gradient.

    Attributes:
        term: the term that it is in.
        factor: the factor.
    """

    term: GraphTerm
    factor: Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroReport:
    """Why a gradient is exactly 0.

    Attributes:
        blockers: the zero factors nearest to the gradient, over ways whose factors are not 0.
        series: the fewest zero factors on any path; 0 where no path has one and the paths cancel.
        independent: the fewest on any path of those that no change of another parameter moves: weights, inputs, masks.
        samples: the samples at which the gradient's own terms are.
    """

    blockers: tuple[Blocker, ...]
    series: int
    independent: int
    samples: int

    @property
    def beyond_one_change(self) -> bool:
        """Whether it is certain that no change of a single parameter can revive the gradient."""
        return self.independent > 1

    @property
    def kinds(self) -> Mapping[FactorKind, int]:
        """What the nearest zero factors are, with the number of samples at which each is met; most first."""
        met = {(blocker.factor.kind, blocker.term.sample) for blocker in self.blockers}
        return dict(Counter(kind for kind, _sample in met).most_common())

    @property
    def blocked_samples(self) -> int:
        """At how many samples there is a zero factor."""
        return len({blocker.term.sample for blocker in self.blockers})


def zero_report(graph: GradientGraph) -> ZeroReport:
    """Why a gradient is exactly 0; see the module."""
    blockers: list[Blocker] = []
    seen, ready = {0}, [0]
    while ready:
        for term in graph.terms(ready.pop()):
            zeros = [factor for factor, value in term.factors if value == 0.0]
            if zeros:
                blockers.append(Blocker(term, zeros[0]))
            elif term.above is not None and term.above not in seen:
                seen.add(term.above)
                ready.append(term.above)
    blockers.sort(key=lambda blocker: (blocker.term.node, blocker.term.sample or 0))
    samples = {term.sample for term in graph.terms(0)}
    return ZeroReport(
        blockers=tuple(blockers),
        series=fewest_zeros(graph),
        independent=_fewest(graph, _independent(graph)),
        samples=len(samples),
    )


def fewest_zeros(graph: GradientGraph) -> int:
    """The fewest zero factors in series on any path of a gradient."""
    return _fewest(graph, lambda _factor: 1)


def _fewest(graph: GradientGraph, counts: Callable[[Factor], int]) -> int:
    """The fewest zero factors on any path, each counting as is said."""
    none = np.iinfo(np.int64).max // 2
    fewest = np.full(graph.size, none, dtype=np.int64)
    for array in reversed(graph.arrays):
        for block in graph.blocks[array]:
            zeros = np.zeros(block.size, dtype=np.int64)
            for factor, part in zip(block.factors, block.parts, strict=True):
                zeros += counts(factor) * (part == 0.0)
            behind = zeros if block.above is None else zeros + fewest[block.source]
            np.minimum.at(fewest, block.to, behind)
    return 0 if fewest[0] == none else int(fewest[0])


def _independent(graph: GradientGraph) -> Callable[[Factor], int]:
    """Counts weights that a path meets once at most, and what no parameter moves, which counts as two."""
    used: dict[Array, set[Array]] = {}
    for block in graph:
        for factor in block.factors:
            if factor.kind is FactorKind.WEIGHT and isinstance(factor.expr, Ref):
                used.setdefault(factor.expr.array, set()).add(block.target)

    def counts(factor: Factor) -> int:
        if factor.kind in {FactorKind.INPUT, FactorKind.MASK}:
            return 2
        if factor.kind is FactorKind.WEIGHT and isinstance(factor.expr, Ref):
            array = factor.expr.array
            return int(array.role in {Role.WEIGHT, Role.BIAS} and len(used[array]) == 1)
        return 0

    return counts
