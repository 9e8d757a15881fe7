"""The gradient graph: everything that a gradient is made of, back to the loss, as terms over arrays.

A node is a slot of the backward pass that the gradient reads, directly or through others. Its terms are kept an op at
a time, as arrays: which nodes they belong to, which they read, and the values of their factors. Five sums over the
graph answer most questions; with terms S_v = Σ c · S_above(v):

    S  the slot's own value, as the frame has it
    A  Σ |c| · A_above, a seed counting |c|: the absolute values of all paths added up
    N  Σ N_above, a seed counting 1: the number of paths
    M  max |c| · M_above: the largest path from here on
    F  F_root = 1, F_above += c · F_v: reach, ∂root/∂v
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import Expr, Ref, refs
from retrograde.engine.equations.meshes import values
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.factors import Factor, FactorKind, TermForm, at, term_forms
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program, ravel, unravel
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.text import _

Places = NDArray[np.intp]

MOST_TERMS = 4_000_000
"""Terms that are laid out of ops that are not taken sample by sample."""
MOST_SINGLE = 50_000
"""Elements of such an op whose equations are stated one by one."""


class Node(NamedTuple):
    """A slot of the backward pass.

    Attributes:
        array: its array.
        flat: its element, counted flat, the sample included.
    """

    array: Array
    flat: int

    @property
    def ref(self) -> Ref:
        """The slot."""
        return Ref(self.array, unravel(self.flat, self.array.shape))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermBlock:
    """One term of an equation, for many elements of its target at once.

    Attributes:
        target: the array whose elements the terms belong to.
        to: the nodes that they belong to, by their numbers in the graph.
        above: the array that they read; None of seeds.
        source: the nodes that they read, likewise; empty of seeds.
        samples: the sample of each term; −1 where there is none.
        factors: the factors, in written order.
        parts: the values of each factor, (factors, terms).
        coefficients: c, the product of the factors from left to right.
    """

    target: Array
    to: Places
    above: Array | None
    source: Places
    samples: Places
    factors: tuple[Factor, ...]
    parts: Floats
    coefficients: Floats

    @property
    def size(self) -> int:
        """How many terms there are."""
        return int(self.to.size)


@dataclass(frozen=True, slots=True)
class GraphTerm:
    """One term of one slot.

    Attributes:
        node: the number of the node that it belongs to.
        above: the number of the node that it reads; None of a seed.
        sample: the sample, from 0; None where there is none.
        coefficient: c.
        factors: the kinds, expressions and values of its factors.
    """

    node: int
    above: int | None
    sample: int | None
    coefficient: float
    factors: tuple[tuple[Factor, float], ...]


class GradientGraph:
    """What one gradient of an iteration is made of.

    Args:
        frame: the iteration's values.
        root: the slot whose gradient is asked about: itself a slot of the backward pass.

    Attributes:
        frame: the iteration's values.
        root: the slot.
        arrays: the arrays of the graph, the root's first, each behind all that read it.
        blocks: the terms of each array, in written order.

    Raises:
        EngineError: the slot is not made on the way back.
    """

    def __init__(self, frame: Frame, root: Ref) -> None:
        self.frame = frame
        self.root = root
        program = frame.program
        require_backward(program, root.array)
        needed: dict[Array, NDArray[np.bool_]] = {root.array: np.zeros(root.array.size, dtype=np.bool_)}
        needed[root.array][ravel(root.index, root.array.shape)] = True
        rows: dict[Array, list[_Raw]] = {}
        self._flat: dict[Array, Places] = {}
        terms = 0
        with np.errstate(all="ignore"):
            for op in reversed(program.ops):
                if op.target not in needed:
                    continue
                if op.extent is Extent.ONCE:
                    terms = _require_room(op, int(np.count_nonzero(needed[op.target])), terms)
                self._flat[op.target] = np.flatnonzero(needed[op.target])
                rows[op.target] = [*_raw(frame, op, self._flat[op.target])]
                for raw in rows[op.target]:
                    if raw.above is not None:
                        needed.setdefault(raw.above, np.zeros(raw.above.size, dtype=np.bool_))[raw.source] = True
        self.arrays: tuple[Array, ...] = tuple(rows)
        self._indices: dict[Array, tuple[Places, Places, Places]] = {}
        self._first: dict[Array, int] = {}
        count = 0
        for array in self.arrays:
            self._first[array] = count
            count += self._flat[array].size
        self.size = count
        self.blocks: Mapping[Array, tuple[TermBlock, ...]] = {
            array: tuple(self._block(array, raw) for raw in rows[array]) for array in self.arrays
        }

    def _block(self, array: Array, raw: _Raw) -> TermBlock:
        coefficients = np.ones(raw.to.size)
        for part in raw.parts:
            coefficients = coefficients * part
        return TermBlock(
            target=array,
            to=self._numbers(array, raw.to),
            above=raw.above,
            source=np.empty(0, dtype=np.intp) if raw.above is None else self._numbers(raw.above, raw.source),
            samples=raw.samples,
            factors=raw.factors,
            parts=raw.parts,
            coefficients=coefficients,
        )

    def _numbers(self, array: Array, flat: Places) -> Places:
        return np.searchsorted(self._flat[array], flat) + self._first[array]

    # -- nodes

    @property
    def edges(self) -> int:
        """How many terms there are in all."""
        return sum(block.size for block in self)

    def __iter__(self) -> Iterator[TermBlock]:
        """The blocks of terms, the root's first."""
        for array in self.arrays:
            yield from self.blocks[array]

    def nodes(self, array: Array) -> range:
        """The numbers of an array's nodes."""
        first = self._first[array]
        return range(first, first + self._flat[array].size)

    def node(self, number: int) -> Node:
        """The slot of a node; the root is node 0."""
        position = int(np.searchsorted(self._starts, number, side="right")) - 1
        array = self.arrays[position]
        return Node(array, int(self._flat[array][number - self._first[array]]))

    @cached_property
    def _starts(self) -> Places:
        return np.array([self._first[array] for array in self.arrays])

    def number(self, ref: Ref) -> int | None:
        """The node of a slot; None where the gradient does not depend on it."""
        flat = self._flat.get(ref.array)
        if flat is None:
            return None
        wanted = ravel(ref.index, ref.array.shape)
        place = int(np.searchsorted(flat, wanted))
        return self._first[ref.array] + place if place < flat.size and flat[place] == wanted else None

    def terms(self, number: int) -> tuple[GraphTerm, ...]:
        """The terms of a node, in written order: of a parameter sample by sample."""
        return tuple(self.term(block, place) for block, place in self.places(number))

    def places(self, number: int) -> Iterator[tuple[TermBlock, int]]:
        """Where the terms of a node are: blocks, and places in them."""
        array = self.node(number).array
        order, starts, where = self._index(array)
        for entry in order[slice(*starts[number - self._first[array] :][:2])]:
            block, place = where[:, entry]
            yield self.blocks[array][block], int(place)

    def _index(self, array: Array) -> tuple[Places, Places, Places]:
        """The terms of an array by node: their order, where each node's begin, and (block, place) of each."""
        found = self._indices.get(array)
        if found is None:
            blocks = self.blocks[array]
            numbers = np.concatenate([block.to for block in blocks]) - self._first[array]
            samples = np.concatenate([block.samples for block in blocks])
            where = np.stack(
                (
                    np.repeat(np.arange(len(blocks)), [block.size for block in blocks]),
                    np.concatenate([np.arange(block.size) for block in blocks]),
                )
            )
            order = np.lexsort((where[0], samples, numbers))
            starts = np.searchsorted(numbers[order], np.arange(self._flat[array].size + 1))
            found = self._indices[array] = (order, starts, where)
        return found

    def term(self, block: TermBlock, place: int) -> GraphTerm:
        """One term of a block."""
        sample = int(block.samples[place])
        return GraphTerm(
            node=int(block.to[place]),
            above=None if block.above is None else int(block.source[place]),
            sample=None if sample < 0 else sample,
            coefficient=float(block.coefficients[place]),
            factors=tuple(
                (Factor(factor.kind, at(factor.expr, place, block.size), factor.chosen), float(value))
                for factor, value in zip(block.factors, block.parts[:, place], strict=True)
            ),
        )

    # -- sums over the graph

    @cached_property
    def value(self) -> Floats:
        """S of every node, as the frame has it."""
        found = np.empty(self.size)
        for array in self.arrays:
            nodes = self.nodes(array)
            found[nodes.start : nodes.stop] = self.frame.array(array).reshape(-1)[self._flat[array]]
        return found

    def contribution(self, block: TermBlock) -> Floats:
        """The terms of a block: c · S_above of each."""
        return block.coefficients if block.above is None else block.coefficients * self.value[block.source]

    @cached_property
    def resummed(self) -> Floats:
        """S of every node, added up from its terms."""
        return self._summed(self.contribution)

    @cached_property
    def total(self) -> Floats:
        """T = Σ |c · S_above| of every node."""
        return self._summed(lambda block: np.abs(self.contribution(block)))

    def _summed(self, of: Any) -> Floats:
        found = np.zeros(self.size)
        with np.errstate(all="ignore"):
            for block in self:
                found += np.bincount(block.to, of(block), minlength=self.size)
        return found

    @cached_property
    def absolute(self) -> Floats:
        """A of every node."""
        return self._along_paths(np.add)

    @cached_property
    def paths(self) -> Sequence[int]:
        """N of every node, exactly."""
        found = np.zeros(self.size, dtype=object)
        for array in reversed(self.arrays):
            for block in self.blocks[array]:
                np.add.at(found, block.to, 1 if block.above is None else found[block.source])
        return tuple(map(int, found))

    @cached_property
    def largest(self) -> Floats:
        """M of every node."""
        return self._along_paths(np.maximum)

    def _along_paths(self, gathered: np.ufunc) -> Floats:
        """The products of |c| along the paths to each node, gathered."""
        found = np.zeros(self.size)
        with np.errstate(all="ignore"):
            for array in reversed(self.arrays):
                for block in self.blocks[array]:
                    size = np.abs(block.coefficients)
                    gathered.at(found, block.to, size if block.above is None else size * found[block.source])
        return found

    @cached_property
    def reach(self) -> Floats:
        """F of every node: how much the root changes with it."""
        return self.reach_from(0)

    def reach_from(self, number: int) -> Floats:
        """How much one node changes with every other one: ∂node/∂v."""
        return self.reach_of({number: 1.0})

    def reach_of(self, nodes: Mapping[int, float]) -> Floats:
        """How much a sum of nodes, each times a factor, changes with every node.

        Args:
            nodes: the factor of each.
        """
        found = np.zeros(self.size)
        found[list(nodes)] = list(nodes.values())
        with np.errstate(all="ignore"):
            for block in self:
                if block.above is not None:
                    np.add.at(found, block.source, block.coefficients * found[block.to])
        return found


def require_backward(program: Program, array: Array) -> None:
    """Raises EngineError for an array that is no gradient."""
    if not program.is_backward(array):
        raise EngineError(_("{name} is not a gradient").format(name=array.name))


def _require_room(op: Op, count: int, done: int) -> int:
    """How many terms there are with those of some elements of an op; raises EngineError where that is too many.

    Args:
        op: an op of one equation an element, of any size.
        count: how many of its elements are wanted.
        done: how many terms there are so far.
    """
    first = op.equation((0,) * len(op.target.shape))
    done += count * max(sum(1 for _ref in refs(first)), 1)
    if done > MOST_TERMS or (not op.meshable and count > MOST_SINGLE):
        message = _(
            "this gradient is made of more terms than can be laid out ({count} by {name}); w goes back one step"
        )
        raise EngineError(message.format(count=f"{done:,}", name=op.target.name))
    return done


class _Raw(NamedTuple):
    """Terms before their nodes have numbers: flat elements instead."""

    to: Places
    above: Array | None
    source: Places
    samples: Places
    factors: tuple[Factor, ...]
    parts: Floats


def _raw(frame: Frame, op: Op, wanted: Places) -> Iterator[_Raw]:
    """The terms of some elements of an op, by the uses that the op adds up."""
    shape = op.target.shape
    index = np.unravel_index(wanted, shape) if shape else ()
    if not op.target.batched and op.extent is Extent.SUM:
        batch = frame.program.batch
        samples = np.tile(np.arange(batch), wanted.size)
        index = (samples, *(np.repeat(part, batch) for part in index))
        wanted = np.repeat(wanted, batch)
    elif op.extent is Extent.ONCE:
        if op.meshable:
            yield from _stated(frame, op.equation, tuple(index), wanted, None, op.meshable)
            return
        for place in range(wanted.size):
            yield from _evaluated(
                frame, op.equation(tuple(int(axis[place]) for axis in index)), wanted[place : place + 1], None
            )
        return
    if op.single:
        for place in range(wanted.size):
            own = op.equation(tuple(int(axis[place]) for axis in index))
            yield from _evaluated(frame, own, wanted[place : place + 1], index[0][place : place + 1])
        return
    if not isinstance(op, Gradient):
        yield from _stated(frame, op.equation, tuple(index), wanted, index[0], op.meshable)
        return
    for part in op.parts:
        covered = _covered(part, tuple(index[1:]), wanted.size)
        if covered.any():
            places_of = tuple(axis[covered] for axis in index)
            yield from _stated(frame, part.term, places_of, wanted[covered], places_of[0], part.meshable)


def _covered(part: Part, element: tuple[Places, ...], count: int) -> NDArray[np.bool_]:
    """Which elements a use reads."""
    found = np.ones(count, dtype=np.bool_)
    if part.mask is not None:
        found &= part.mask[element]
    if part.region is not None:
        for axis, (first, stop) in zip(element, part.region, strict=True):
            found &= (axis >= first) & (axis < stop)
    return found


def _stated(
    frame: Frame, state: Any, index: tuple[Places, ...], to: Places, samples: Places | None, meshable: bool
) -> Iterator[_Raw]:
    """The terms of an equation at many indices: at once, or where it takes integers alone, all samples at once."""
    if meshable or samples is None:
        yield from _evaluated(frame, state(index), to, samples)
        return
    element = index[1:]
    if not element:
        yield from _evaluated(frame, state((samples,)), to, samples)
        return
    _kinds, group = np.unique(np.stack(element), axis=1, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1):
        integers = tuple(int(axis[own[0]]) for axis in element)
        yield from _evaluated(frame, state((samples[own], *integers)), to[own], samples[own])


def _evaluated(frame: Frame, expr: Expr, to: Places, samples: Places | None) -> Iterator[_Raw]:
    program = frame.program
    none = np.full(to.size, -1)
    for form in term_forms(expr, program.is_backward):
        parts = np.empty((len(form.factors), to.size))
        for row, factor in zip(parts, form.factors, strict=True):
            row[...] = factor_value(frame, factor)
        source = _source(form, to.size)
        above = None if form.above is None else form.above.array
        yield _Raw(to, above, source, none if samples is None else samples, form.factors, parts)


def _source(form: TermForm, count: int) -> Places:
    return np.empty(0, dtype=np.intp) if form.above is None else places(form.above, count)


def places(ref: Ref, count: int) -> Places:
    """The elements, counted flat, of a slot stated for many indices at once."""
    flat: Any = 0
    for place, length in zip(ref.index, ref.array.shape, strict=True):
        flat = flat * length + place
    return np.broadcast_to(np.asarray(flat, dtype=np.intp), (count,))


def factor_value(frame: Frame, factor: Factor) -> Any:
    """The values of a factor."""
    found = values(factor.expr, frame.array)
    return 1.0 - found if factor.chosen is False else found


__all__ = ["FactorKind", "GradientGraph", "GraphTerm", "Node", "Places", "TermBlock", "places"]
