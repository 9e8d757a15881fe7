"""Paths and cuts: which ways of a gradient count most, and what exactly the others add up to.

A path is a chain of terms from the gradient to the loss; its product is one summand of the gradient. Where a few
paths hold most of it, they are listed, largest first. In large networks no single path says anything; there a cut
does: an array that every path crosses, over whose slots v the parts F_v·S_v add up to the gradient exactly.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.explaining.gradient_graph import GradientGraph, GraphTerm, Node, TermBlock
from retrograde.engine.text import N_, _

FEW_PATHS = 64
"""Up to so many paths all are worth a row."""

LEADING = 8
"""How many of the largest paths have to hold most of a gradient for paths to be the right view."""

MOST = 0.8
"""What they have to hold, of the absolute values of all."""


class GradientPath(NamedTuple):
    """One way from a gradient to the loss.

    Attributes:
        terms: the terms along it, the gradient's first; the last one is a seed.
        value: their product.
    """

    terms: tuple[GraphTerm, ...]
    value: float


def largest_paths(graph: GradientGraph, start: int = 0) -> Iterator[GradientPath]:
    """The paths of a node, the largest first; equal ones in written order.

    The bound of a partial path is exact: its product times the largest path from its end on.
    """
    tie = count()
    heap: list[tuple[float, int, tuple[tuple[TermBlock, int], ...], float, int | None]] = []

    def push(places: tuple[tuple[TermBlock, int], ...], value: float, end: int | None) -> None:
        bound = abs(value) if end is None else abs(value) * float(graph.largest[end])
        # Among equals the last one first: where all are 0, paths end before new ones are begun.
        heapq.heappush(heap, (-bound if bound == bound else -math.inf, -next(tie), places, value, end))

    push((), 1.0, start)
    while heap:
        _bound, _tie, places, value, end = heapq.heappop(heap)
        if end is None:
            yield GradientPath(tuple(graph.term(*one) for one in places), value)
            continue
        for block, place in reversed([*graph.places(end)]):
            above = None if block.above is None else int(block.source[place])
            push((*places, (block, place)), value * float(block.coefficients[place]), above)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """The largest paths of a gradient, and the rest.

    Attributes:
        paths: the paths, largest first.
        count: how many there are in all.
        value: the gradient.
        absolute: the absolute values of all paths added up.
    """

    paths: tuple[GradientPath, ...]
    count: int
    value: float
    absolute: float

    @property
    def rest(self) -> float:
        """What the paths that are not shown add up to: the gradient less those that are, exactly, rounded once."""
        return float(Fraction(self.value) - sum(map(Fraction, (path.value for path in self.paths)), Fraction()))

    @property
    def rest_at_most(self) -> float:
        """What the absolute values of those that are not shown add up to."""
        return max(0.0, self.absolute - math.fsum(abs(path.value) for path in self.paths))

    @property
    def others(self) -> int:
        """How many are not shown."""
        return self.count - len(self.paths)

    @property
    def agreement(self) -> float:
        """|S| / A: what paths that oppose each other leave."""
        return abs(self.value) / self.absolute if self.absolute else math.nan


def path_view(graph: GradientGraph, most: int = LEADING, start: int = 0) -> PathView:
    """The largest paths of a node.

    Args:
        graph: the graph.
        most: how many.
        start: the node.
    """
    found: list[GradientPath] = []
    for path in largest_paths(graph, start):
        found.append(path)
        if len(found) == most:
            break
    return PathView(
        paths=tuple(found),
        count=graph.paths[start],
        value=float(graph.value[start]),
        absolute=float(graph.absolute[start]),
    )


def paths_tell(graph: GradientGraph, start: int = 0) -> bool:
    """Whether the largest paths are the right view, rather than cuts."""
    if graph.paths[start] <= FEW_PATHS:
        return True
    view = path_view(graph, LEADING, start)
    return math.fsum(abs(path.value) for path in view.paths) >= MOST * view.absolute


class CutRow(NamedTuple):
    """What goes through some slots of a cut.

    Attributes:
        label: the index along the axis that the rows go by; of a single slot its whole index without the sample.
        nodes: the slots.
        value: Σ F·S over them.
        factors: what is divided changes by so much with each, where that is not its whole reach: of the terms at one
            time step, their coefficients.
    """

    label: tuple[int, ...]
    nodes: tuple[int, ...]
    value: float
    factors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The parts of a gradient that go through the slots of an array.

    Attributes:
        array: the array.
        rows: the parts, largest first.
        value: the gradient.
        whole: whether every path crosses the array, so that the parts add up to the gradient.
    """

    array: Array
    rows: tuple[CutRow, ...]
    value: float
    whole: bool

    @property
    def through(self) -> float:
        """What goes through the array in all."""
        return math.fsum(row.value for row in self.rows)

    @property
    def beside(self) -> float:
        """What goes past it, of a cut that is not whole: through a residual connection, say."""
        return self.value - self.through

    def rest(self, shown: int) -> float:
        """What the rows behind the first few add up to: exactly, rounded once."""
        return float(sum(map(Fraction, (row.value for row in self.rows[shown:])), Fraction()))


class Axis(NamedTuple):
    """What the slots of a cut may be grouped by.

    Attributes:
        name: neuron, channel, head, position, time or sample; of a recording the number of an axis.
        of: the label of a slot.
    """

    name: str
    of: Callable[[Node], tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuts:
    """The cuts below a node of a graph: level by level towards the loss.

    Attributes:
        graph: the graph.
        start: the node whose parts are wanted.
        factor: what the gradient changes with that node, when another one is asked about.
        more: further nodes whose parts are wanted with it, of the same array, each with its factor.
    """

    graph: GradientGraph
    start: int = 0
    factor: float = 1.0
    more: tuple[tuple[int, float], ...] = ()

    @property
    def starts(self) -> tuple[tuple[int, float], ...]:
        """The nodes whose parts are wanted, with their factors."""
        return ((self.start, self.factor), *self.more)

    @cached_property
    def reach(self) -> Floats:
        """Σ factor · ∂start/∂v of every node."""
        return self.graph.reach_of(dict(self.starts))

    @cached_property
    def value(self) -> float:
        """What is to be divided."""
        return math.fsum(float(self.graph.value[number]) * factor for number, factor in self.starts)

    @cached_property
    def _paths_from(self) -> Sequence[int]:
        """How many ways there are from the nodes to each other one."""
        graph = self.graph
        found = np.zeros(graph.size, dtype=object)
        found[[number for number, _factor in self.starts]] = 1
        for block in graph:
            if block.above is not None:
                np.add.at(found, block.source, found[block.to])
        return tuple(map(int, found))

    def crossing(self, array: Array) -> int:
        """How many paths cross an array."""
        return sum(self._paths_from[number] * self.graph.paths[number] for number in self.graph.nodes(array))

    def is_whole(self, array: Array) -> bool:
        """Whether every path from the node crosses an array; one that crosses it twice would count twice."""
        every = sum(self.graph.paths[number] for number, _factor in self.starts)
        return self.crossing(array) == every and not self._reads_itself(array)

    def _reads_itself(self, array: Array) -> bool:
        return any(block.above is array for block in self.graph.blocks[array])

    @cached_property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays on the way to the loss, nearest first."""
        found = [array for array in self.graph.arrays if any(self._paths_from[n] for n in self.graph.nodes(array))]
        return tuple(array for array in found if self.start not in self.graph.nodes(array))

    def share(self, row: CutRow) -> float:
        """How much of what is divided goes through a row; more than 1 where others oppose it."""
        return row.value / self.value if self.value else math.nan

    def at(self, array: Array, by: Axis | None = None) -> Cut:
        """The parts that go through an array.

        Args:
            array: the array.
            by: what the slots are grouped by; None for single slots.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for number in self.graph.nodes(array):
            if self._paths_from[number]:
                node = self.graph.node(number)
                label = node.ref.index if by is None else by.of(node)
                groups.setdefault(label, []).append(number)
        through = self.reach * self.graph.value
        rows = [
            CutRow(label, tuple(nodes), math.fsum(float(through[number]) for number in nodes))
            for label, nodes in groups.items()
        ]
        rows.sort(key=lambda row: (-abs(row.value), row.label))
        return Cut(array=array, rows=tuple(rows), value=self.value, whole=self.is_whole(array))

    @cached_property
    def by_time(self) -> Cut | None:
        """The parts by the time step at which what is divided is read first; None where there are not two.

        Weights that work at every step have a part of each: exact, and whole.
        """
        found: dict[int, dict[int, float]] = {}
        last: Array | None = None
        for start, factor in self.starts:
            for block, place in self.graph.places(start):
                if block.above is None or block.above.time is None:
                    return None
                nodes = found.setdefault(block.above.time, {})
                number, last = int(block.source[place]), block.above
                nodes[number] = nodes.get(number, 0.0) + factor * float(block.coefficients[place])
        if last is None or len(found) < 2:
            return None
        value = self.graph.value
        rows = [
            CutRow(
                (time - 1,),
                tuple(nodes),
                math.fsum(part * float(value[number]) for number, part in nodes.items()),
                tuple(nodes.values()),
            )
            for time, nodes in found.items()
        ]
        rows.sort(key=lambda row: (-abs(row.value), row.label))
        return Cut(array=last, rows=tuple(rows), value=self.value, whole=True)

    def through(self, row: CutRow) -> Cuts:
        """The cuts of what goes through a row, all of its slots together."""
        factors = row.factors or tuple(float(self.reach[number]) for number in row.nodes)
        (first, factor), *more = zip(row.nodes, factors, strict=True)
        return Cuts(graph=self.graph, start=first, factor=factor, more=tuple(more))

    def below(self, row: CutRow) -> tuple[Cuts, ...]:
        """The cuts of what goes through a row: one for each of its slots."""
        return tuple(Cuts(graph=self.graph, start=number, factor=float(self.reach[number])) for number in row.nodes)


_PAIRS = dict.fromkeys(("dot", "scores", "e", "a"), (N_("head"), N_("query"), N_("key"))) | dict.fromkeys(
    ("max", "S"), (N_("head"), N_("query"))
)
"""By the stem of what attention makes of each pair of positions: what its axes are; the head only of several."""


def axes(array: Array) -> tuple[Axis, ...]:
    """What the slots of a gradient may be grouped by: by the axes of its array, the sample's last."""
    shape = array.element_shape
    first = 1 if array.batched else 0
    if array.nameless:
        named = ((_("axis {number}").format(number=axis + 1), axis) for axis in range(len(shape)))
        return tuple(Axis(name, lambda node, axis=axis: (node.ref.index[axis],)) for name, axis in named)  # type: ignore[misc]
    names: tuple[str, ...]
    match len(shape):
        case 0:
            names = ()
        case 1:
            names = (N_("neuron"),)
        case 2:
            names = (N_("position"), N_("neuron"))
        case _:
            names = (N_("channel"), *(N_("position"),) * (len(shape) - 1))
    found: list[Axis] = []
    if array.of is not None and (own := _PAIRS.get(array.of.stem)) is not None:
        for axis, name in enumerate(own[-len(shape) :]):
            found.append(Axis(name, lambda node, axis=axis: (node.ref.index[first + axis],)))  # type: ignore[misc]
    elif len(shape) >= 3:
        found.append(Axis("channel", lambda node: (node.ref.index[first],)))
        found.append(Axis("position", lambda node: node.ref.index[first + 1 :]))
    else:
        for axis, name in enumerate(names):
            found.append(Axis(name, lambda node, axis=axis: (node.ref.index[first + axis],)))  # type: ignore[misc]
    if array.batched:
        found.append(Axis(N_("sample"), lambda node: (node.ref.index[0],)))
    return tuple(found)
