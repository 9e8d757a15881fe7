"""The account of a gradient: one factor a layer and kind, which multiply up to the gradient itself.

A flow of mass 1 starts at the gradient and is passed on in the shares q_i = |c_i·S_i| / T_v, T_v = Σ |c_i·S_i|; m_v is
what arrives at a slot v. With the agreement κ_v = |S_v| / T_v and the entropy H of the shares,

    |S_root| = Π over stages [ Π κ_v^m_v  ×  Π e^(m_v·H(q_v))  ×  Π over kinds Π |factor|^(m_v·q_i) ]

exactly: what opposing terms take away, the effective number of ways on, and geometric means of the factors over the
flow. A stage is an array: a layer (at one time step) and what its gradient is taken by.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Div
from retrograde.engine.explaining.factors import FactorKind
from retrograde.engine.explaining.gradient_graph import GradientGraph, TermBlock


@dataclass(slots=True, kw_only=True)
class StageAccount:
    """What happens to a gradient at one array, in natural logarithms.

    Attributes:
        array: the array, a gradient.
        agreement: what opposing terms leave; at most 0.
        ways: the effective number of ways on; at least 0.
        kinds: the factors by kind.
        mass: the part of the flow that passes.
    """

    array: Array
    agreement: float = 0.0
    ways: float = 0.0
    kinds: dict[FactorKind, float] = field(default_factory=lambda: defaultdict(float))
    mass: float = 0.0

    @property
    def layer(self) -> str:
        """The layer that the array belongs to."""
        return self.array.layer

    @property
    def time(self) -> int | None:
        """Its time step, from 1, where it has one."""
        return self.array.time

    @property
    def total(self) -> float:
        """The whole factor of the stage."""
        return self.agreement + self.ways + sum(self.kinds.values())


class Account:
    """The account of one gradient; only for a gradient that is finite and not 0.

    Args:
        graph: what the gradient is made of.

    Attributes:
        graph: the graph.
        mass: m of every node.
        shares: q of the terms of every block.
        stages: the stages, the gradient itself first, the loss last.
    """

    def __init__(self, graph: GradientGraph) -> None:
        self.graph = graph
        self.mass: Floats = np.zeros(graph.size)
        self.mass[0] = 1.0
        self.shares: dict[TermBlock, Floats] = {}
        self.stages: list[StageAccount] = []
        joined = self._joined
        with np.errstate(all="ignore"):
            for array in graph.arrays:
                self.stages.append(self._stage(array, joined))

    @property
    def _joined(self) -> frozenset[Array]:
        """The gradients whose seed divides by what the slope below multiplies, as in −t/p behind a sigmoid.

        The slope is then no reason for a small gradient: the two cancel, and belong together to the error.
        """
        return frozenset(
            block.target
            for block in self.graph
            if block.above is None
            and any(isinstance(factor.expr, Div) for factor in block.factors)
            and any(factor.kind is FactorKind.ERROR and isinstance(factor.expr, Div) for factor in block.factors)
        )

    def _stage(self, array: Array, joined: frozenset[Array]) -> StageAccount:
        graph, stage = self.graph, StageAccount(array=array)
        nodes = slice(graph.nodes(array).start, graph.nodes(array).stop)
        mass, total = self.mass[nodes], graph.total[nodes]
        alive = (mass > 0) & (total > 0)
        kappa = np.abs(graph.value[nodes][alive]) / total[alive]
        stage.agreement = float(np.sum(mass[alive] * np.log(kappa)))
        stage.mass = float(mass.sum())
        for block in graph.blocks[array]:
            contribution = np.abs(graph.contribution(block))
            share = np.where(contribution > 0, contribution / graph.total[block.to], 0.0)
            self.shares[block] = share
            flow = self.mass[block.to] * share
            on = flow > 0
            stage.ways -= float(np.sum(flow[on] * np.log(share[on])))
            for factor, part in zip(block.factors, block.parts, strict=True):
                slope = factor.kind is FactorKind.SLOPE and block.above in joined
                kind = FactorKind.ERROR if slope else factor.kind
                stage.kinds[kind] += float(np.sum(flow[on] * np.log(np.abs(part[on]))))
            if block.above is not None:
                np.add.at(self.mass, block.source, flow)
        return stage

    @cached_property
    def product(self) -> float:
        """What all factors multiply up to: the absolute value of the gradient."""
        return math.exp(math.fsum(stage.total for stage in self.stages))

    @cached_property
    def layers(self) -> tuple[LayerAccount, ...]:
        """The stages by layer and time step, in the order in which the gradient was made, the last one first."""
        found: dict[tuple[str, int | None], list[StageAccount]] = {}
        for stage in self.stages[1:]:
            found.setdefault((stage.layer, stage.time), []).append(stage)
        return tuple(
            LayerAccount(layer=layer, time=time, stages=tuple(stages)) for (layer, time), stages in found.items()
        )

    @property
    def own(self) -> StageAccount:
        """The stage of the gradient itself: of a parameter its inputs and what the samples do to each other."""
        return self.stages[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerAccount:
    """What a layer does to a gradient on its way back, in natural logarithms.

    Attributes:
        layer: the layer.
        time: the time step; None where there is none.
        stages: its stages.
    """

    layer: str
    time: int | None
    stages: tuple[StageAccount, ...]

    @property
    def agreement(self) -> float:
        """What opposing ways leave."""
        return math.fsum(stage.agreement for stage in self.stages)

    @property
    def ways(self) -> float:
        """The effective number of ways on."""
        return math.fsum(stage.ways for stage in self.stages)

    @property
    def kinds(self) -> Mapping[FactorKind, float]:
        """The factors by kind."""
        found: dict[FactorKind, float] = defaultdict(float)
        for stage in self.stages:
            for kind, value in stage.kinds.items():
                found[kind] += value
        return found

    @property
    def weights(self) -> float:
        """Weight, ways and agreement as one factor: what the layer above hands back as a whole.

        In wide layers the three alone are huge and tiny; only their product says something.
        """
        return self.kinds.get(FactorKind.WEIGHT, 0.0) + self.ways + self.agreement

    @property
    def total(self) -> float:
        """The whole factor of the layer."""
        return math.fsum(stage.total for stage in self.stages)

    @property
    def slopes(self) -> float:
        """The slopes of its activation, or what takes their place."""
        return self.kinds.get(FactorKind.SLOPE, 0.0)


def parameter_of(array: Array) -> Array | None:
    """The parameter whose gradient an array is; None of other gradients."""
    return array.of if array.of is not None and array.of.role in {Role.WEIGHT, Role.BIAS} else None
