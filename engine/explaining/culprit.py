"""The neuron to blame for a small gradient: the slope that takes most of it away.

Of a gradient that is not 0, each slope on its ways is set against the steepest of its activation, and weighted with
the part of the flow that passes it; what the samples and time steps of a neuron lose is added up. Of one that is
exactly 0, the slopes that are 0 and met first on the way from it are counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.account import Account
from retrograde.engine.explaining.deficits import ORDINARY, steepest
from retrograde.engine.explaining.factors import FactorKind
from retrograde.engine.explaining.gradient_graph import GradientGraph, places
from retrograde.engine.explaining.zeros import is_residue, zero_report
from retrograde.engine.network.network import Network


class Culprit(NamedTuple):
    """A neuron whose slope takes most of a gradient away.

    Attributes:
        net: its net input, at the sample of the batch that most of the gradient would go through.
        slope: the slope there.
        lost: what the neuron takes away, in powers of ten; infinite where the gradient is 0.
    """

    net: Ref
    slope: float
    lost: float


def culprits(graph: GradientGraph, network: Network) -> tuple[Culprit, ...]:
    """The neurons whose slopes are to blame, the most guilty first; empty where no slope is far below its steepest."""
    if graph.value[0] == 0.0:
        return _blockers(graph)
    if is_residue(graph) or not math.isfinite(graph.value[0]):
        return ()
    return _flattest(graph, network)


def _blockers(graph: GradientGraph) -> tuple[Culprit, ...]:
    met: dict[Ref, list[Ref]] = defaultdict(list)
    for blocker in zero_report(graph).blockers:
        slope = blocker.factor.expr
        if blocker.factor.kind is FactorKind.SLOPE and isinstance(slope, Ref) and slope.array.role is Role.SLOPE:
            net = Ref(_net(slope.array), slope.index)
            met[Ref(net.array, net.index[1:])].append(net)
    order = sorted(met.values(), key=lambda nets: -len(nets))
    return tuple(Culprit(nets[0], 0.0, math.inf) for nets in order)


def _flattest(graph: GradientGraph, network: Network) -> tuple[Culprit, ...]:
    account = Account(graph)
    lost: dict[tuple[Array, int], float] = defaultdict(float)
    mass: dict[tuple[Array, int], float] = defaultdict(float)
    busiest: dict[tuple[Array, int], tuple[float, int, float]] = {}
    for block in graph:
        for factor, part in zip(block.factors, block.parts, strict=True):
            slope = factor.expr
            if factor.kind is not FactorKind.SLOPE or not isinstance(slope, Ref) or slope.array.role is not Role.SLOPE:
                continue
            array = slope.array
            flat = places(slope, block.size)
            flow = account.mass[block.to] * account.shares[block]
            alive = np.flatnonzero((flow > 0) & (part != 0))
            usual = math.log10(steepest(array.layer, network))
            size = max(1, array.size // array.shape[0])
            for place in alive:
                unit = (array, int(flat[place]) % size)
                amount = float(flow[place])
                lost[unit] += amount * (usual - math.log10(abs(float(part[place]))))
                mass[unit] += amount
                if unit not in busiest or amount > busiest[unit][0]:
                    busiest[unit] = (amount, int(flat[place]), float(part[place]))
    guilty = [unit for unit in lost if lost[unit] > -math.log10(ORDINARY) * mass[unit]]
    found = []
    for unit in sorted(guilty, key=lambda one: -lost[one]):
        _amount, flat_, value = busiest[unit]
        net = _net(unit[0])
        index = tuple(map(int, np.unravel_index(flat_, net.shape)))
        found.append(Culprit(Ref(net, index), value, lost[unit]))
    return tuple(found)


def _net(slope: Array) -> Array:
    assert slope.of is not None
    return slope.of
