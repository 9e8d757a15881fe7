"""Gates of recurrent layers: weighted sums of the inputs and the state of a time step, and their gradients.

Gates that read the same sources are a stack: their sums at a time step are one product of matrices, from which each op
takes its columns. The gradients of all weights of a stack are one product over time, each sample by itself. In both,
the terms are added in the order of the equations, a bias being the product of its value with 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Index, Product, Ref, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, add, add_rows, copy, matmul, multiply
from retrograde.engine.ops.kernels.products import products
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

Region = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read:
    """Numbers that a gate reads at a time step: a row of an array, or a part of one.

    Attributes:
        array: the array; (batch, ..., size), or the same for all samples.
        size: how many numbers.
        at: the index between the sample and the number: (time,) of an array that has time as an axis.
        first: where they begin along the last axis.
    """

    array: Array
    size: int
    at: tuple[int, ...] = ()
    first: int = 0

    def ref(self, sample: Any, number: Any) -> Ref:
        """The slot of a number, counted from 0."""
        place = (*self.at, number + self.first if self.first else number)
        return Ref(self.array, (sample, *place) if self.array.batched else place)

    @property
    def region(self) -> Region | None:
        """The part of the array that is read; None for all of it."""
        if not self.at and self.size == self.array.element_shape[-1]:
            return None
        return (*((at, at + 1) for at in self.at), (self.first, self.first + self.size))

    def values(self, space: Workspace) -> Floats:
        """The numbers: (batch, size), or (size,) where they are the same for all samples."""
        place: Index = (*self.at, slice(self.first, self.first + self.size))
        view: Floats = space.view(self.array)[(slice(None), *place) if self.array.batched else place]
        return view


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSegment:
    """Some terms of a gate's sum: weights times what they read, or a bias.

    Attributes:
        parameter: the weights, (rows, width), or the biases, (rows,).
        width: the number of terms.
    """

    parameter: Array
    width: int

    @property
    def biased(self) -> bool:
        """Whether it is a bias."""
        return len(self.parameter.shape) == 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """Gates that read the same sources with consecutive rows of the same parameters.

    Attributes:
        units: the width of a gate.
        gates: how many there are.
        first: the first row of the first gate.
        segments: the terms of their sums, in order.
        steps: the number of time steps.
    """

    units: int
    gates: int
    first: int
    segments: tuple[RowSegment, ...]
    steps: int

    @property
    def rows(self) -> slice:
        """The rows of the parameters that belong to it."""
        return slice(self.first, self.first + self.gates * self.units)

    @property
    def terms(self) -> int:
        """Terms of a sum."""
        return sum(segment.width for segment in self.segments)

    def columns(self, number: int) -> slice:
        """Where a segment stands among the terms."""
        start = sum(segment.width for segment in self.segments[:number])
        return slice(start, start + self.segments[number].width)

    def place(self, gate: int) -> slice:
        """Where a gate stands among the rows."""
        return slice(gate * self.units, (gate + 1) * self.units)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateSum(Op):
    """net[s, u] = Σ_j W[r, j] · x[s, j] + b[r] + Σ_k U[r, k] · h[s, k] + b′[r] (+ p · q), r being the row of u.

    Attributes:
        stack: the gates that it is one of.
        gate: its number there.
        step: the number of the time step in the order in which the layer runs, from 0.
        sources: what each segment of the stack reads; None for a bias.
        extra: two factors whose product is the last term: a peephole and the cell, a gate and what it lets through.
        still: the segments, by number, whose sources no gradient goes back to.
        extra_still: whether none goes back to the second factor.

    Source: Elman 1990; Hochreiter, Schmidhuber 1997; Cho et al. 2014.
    """

    stack: Stack
    gate: int
    step: int
    sources: tuple[Read | None, ...]
    extra: tuple[Read, Read] | None = None
    still: tuple[int, ...] = ()
    extra_still: bool = False

    @property
    def inputs(self) -> tuple[Array, ...]:
        found: list[Array] = []
        for segment, read in zip(self.stack.segments, self.sources, strict=True):
            found += [segment.parameter] if read is None else [segment.parameter, read.array]
        return (*found, *(read.array for read in self.extra or ()))

    @property
    def cut(self) -> tuple[Array, ...]:
        found = [self.sources[number] for number in self.still]
        found += [self.extra[1]] if self.extra is not None and self.extra_still else []
        return tuple(read.array for read in found if read is not None)

    @property
    def title(self) -> str:
        return _("weighted sum")

    @property
    def first(self) -> int:
        """Its first row in the parameters."""
        return self.stack.first + self.gate * self.stack.units

    def equation(self, index: Index) -> Expr:
        s, u = index
        found: list[Expr] = []
        for segment, read in zip(self.stack.segments, self.sources, strict=True):
            if read is None:
                found.append(Ref(segment.parameter, (self.first + u,)))
                continue
            found += [
                Product((Ref(segment.parameter, (self.first + u, j)), read.ref(s, j))) for j in range(segment.width)
            ]
        if self.extra is not None:
            found.append(Product((self.extra[0].ref(s, u), self.extra[1].ref(s, u))))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def kernel(self, space: Workspace) -> Kernel:
        stack, target = self.stack, space.view(self.target)
        calls: list[Kernel] = []
        alone = stack.gates == 1 and self.extra is None
        sums = target if alone else space.kept((stack, "sums"), (space.batch, stack.gates * stack.units))[0]
        if space.kept((stack, "step", self.step), (0,))[1]:
            calls += self._sums(space, sums)
        if not alone:
            own = sums[:, stack.place(self.gate)]
            if self.extra is None:
                calls.append(copy(target, own))
            else:
                left, right = (read.values(space) for read in self.extra)
                calls += [multiply(left, right, target), add(own, target, target)]
        return Series(calls)

    def _sums(self, space: Workspace, out: Floats) -> list[Kernel]:
        """What computes the sums of all gates of the stack at this step, (batch, rows)."""
        stack = self.stack
        table, new = space.kept((stack, "weights"), (stack.terms, stack.gates * stack.units))
        calls: list[Kernel] = []
        now = space.kept((stack, "sources"), (stack.steps, space.batch, stack.terms))[0][self.step]
        for number, (segment, read) in enumerate(zip(stack.segments, self.sources, strict=True)):
            columns = stack.columns(number)
            if new:
                calls.append(copy(table[columns], space.view(segment.parameter)[stack.rows].T))
            if read is None:
                now[:, columns] = 1.0
            else:
                calls.append(copy(now[:, columns], read.values(space)))
        calls.append(matmul(now, table, out) if space.blas else products(space, now, table, out))
        return calls

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        for number, (segment, read) in enumerate(zip(self.stack.segments, self.sources, strict=True)):
            builder.contribute(
                segment.parameter,
                TimeRowPart(stack=self.stack, gate=self.gate, step=self.step, segment=number, g=g, read=read),
            )
        if self.extra is not None:
            left, right = self.extra
            builder.contribute(left.array, FactorPart(g=g, own=left, other=right))
            if not self.extra_still:
                builder.contribute(right.array, FactorPart(g=g, own=right, other=left))
        for number, (segment, read) in reversed([*enumerate(zip(self.stack.segments, self.sources, strict=True))]):
            if read is not None and number not in self.still:
                builder.contribute(
                    read.array,
                    BackPart(
                        stack=self.stack,
                        gate=self.gate,
                        step=self.step,
                        weights=builder.latest(segment.parameter),
                        g=g,
                        read=read,
                    ),
                )

    def why(self, target: str) -> str:
        return _(
            "What reaches {target}: the inputs of this step and the state before it, each times its weight."
        ).format(target=target)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeRowPart(Part):
    """The use of weights or biases in a gate at a time step: δ[s, u] · x[s, j], or δ[s, u].

    Attributes:
        stack: the gates.
        gate: the number of the gate.
        step: the time step, from 0 in the order in which the layer runs.
        segment: the number of the segment.
        g: δ, (batch, units).
        read: x; None for a bias.
    """

    stack: Stack
    gate: int
    step: int
    segment: int
    g: Array
    read: Read | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,) if self.read is None else (self.g, self.read.array)

    @property
    def _first(self) -> int:
        return self.stack.first + self.gate * self.stack.units

    @property
    def region(self) -> Region:
        rows = (self._first, self._first + self.stack.units)
        return (rows,) if self.read is None else (rows, (0, self.read.size))

    def term(self, index: Index) -> Expr:
        g = Ref(self.g, (index[0], index[1] - self._first))
        return g if self.read is None else Product((g, self.read.ref(index[0], index[2])))

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        g = Ref(self.g, (index[0], index[1] - self._first))
        return None if self.read is None else (g, self.read.ref(index[0], index[2]))

    def total(self, space: Workspace, parts: Sequence[Part], out: Floats) -> Kernel | None:
        calls: list[Kernel] = []
        uses = [part for part in parts if isinstance(part, TimeRowPart)]
        stacks = {part.stack: [one for one in uses if one.stack is part.stack] for part in uses}
        if sum(stack.gates * stack.units for stack in stacks) != len(out):
            return None
        begins = {stack: min(part.step for part in own) for stack, own in stacks.items()}
        # Steps that no gradient reaches are the first ones.
        if any(len(own) != (stack.steps - begins[stack]) * stack.gates for stack, own in stacks.items()):
            return None
        for stack, own in stacks.items():
            slopes, new = space.kept((stack, "slopes"), (stack.gates * stack.units, stack.terms))
            if new:
                calls += _slopes(space, stack, own, begins[stack], slopes)
            columns = stack.columns(own[0].segment)
            calls.append(copy(out[stack.rows], slopes[:, columns.start] if self.read is None else slopes[:, columns]))
        return Series(calls)


def _slopes(space: Workspace, stack: Stack, parts: Sequence[TimeRowPart], begin: int, out: Floats) -> list[Kernel]:
    """What computes the gradients of all rows and terms of a stack, (rows, terms), from the step ``begin`` on."""
    deltas, fill = _deltas(space, stack, [(part.step, part.gate, part.g) for part in parts])
    sources, _new = space.kept((stack, "sources"), (stack.steps, space.batch, stack.terms))
    # The last step comes first.
    deltas, sources = deltas[begin:][::-1], sources[begin:][::-1]
    if space.blas:
        flat = space.scratch(deltas.shape), space.scratch(sources.shape)
        left, right = (table.reshape(-1, table.shape[2]) for table in flat)
        return [*fill, copy(flat[0], deltas), copy(flat[1], sources), matmul(left.T, right, out)]
    each = space.scratch((space.batch, *out.shape))
    add = products(space, deltas.transpose(1, 2, 0), sources.transpose(1, 0, 2), each)
    return [*fill, add, add_rows(each, out)]


def _deltas(space: Workspace, stack: Stack, wanted: Sequence[tuple[int, int, Array]]) -> tuple[Floats, list[Kernel]]:
    """The gradients of the sums of a stack, (steps, batch, rows), and what copies those that are not there yet.

    Args:
        space: the workspace.
        stack: the gates.
        wanted: step, gate and gradient.
    """
    table, _new = space.kept((stack, "deltas"), (stack.steps, space.batch, stack.gates * stack.units))
    calls: list[Kernel] = []
    for step, gate, g in wanted:
        if space.kept((stack, "delta", step, gate), (0,))[1]:
            calls.append(copy(table[step][:, stack.place(gate)], space.view(g)))
    return table, calls


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BackPart(Part):
    """The use of an input or of the state in a gate: Σ_u W[r, j] · δ[s, u], one term an outgoing edge.

    Attributes:
        stack: the gates.
        gate: the number of the gate.
        step: the time step, from 0 in the order in which the layer runs.
        weights: W, (rows, width).
        g: δ, (batch, units).
        read: what is read.
    """

    stack: Stack
    gate: int
    step: int
    weights: Array
    g: Array
    read: Read

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.g)

    @property
    def region(self) -> Region | None:
        return self.read.region

    def term(self, index: Index) -> Expr:
        s, j = index[0], index[-1] - self.read.first if self.read.first else index[-1]
        first = self.stack.first + self.gate * self.stack.units
        edges = tuple(
            Product((Ref(self.weights, (first + u, j)), Ref(self.g, (s, u)))) for u in range(self.stack.units)
        )
        return edges[0] if len(edges) == 1 else Sum(edges)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        if summed:
            each = space.scratch((space.batch, *out.shape))
            return Series([self.contributions(space, each), add_rows(each, out)])
        return self.contributions(space, out)

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        found, calls = _backward(space, [self])
        return Series([*calls, copy(out.reshape(space.batch, -1), found[0])])

    def several(self, space: Workspace, parts: Sequence[Part]) -> tuple[Sequence[Floats], Kernel]:
        found: list[Floats] = []
        calls: list[Kernel] = []
        for run in _runs([part for part in parts if isinstance(part, BackPart)]):
            values, computed = _backward(space, run)
            found += values
            calls += computed
        shape = (space.batch, *(stop - first for first, stop in self.region or ((0, self.read.size),)))
        return [values.reshape(shape) for values in found], Series(calls)


def _runs(parts: Sequence[BackPart]) -> Iterator[list[BackPart]]:
    """Consecutive uses in gates of one stack at one step."""
    for _key, run in groupby(parts, key=lambda part: (id(part.stack), part.step, id(part.weights))):
        yield list(run)


def _backward(space: Workspace, parts: Sequence[BackPart]) -> tuple[list[Floats], list[Kernel]]:
    """What uses in gates of one stack at one step contribute, each (batch, width), and what computes it.

    With BLAS the contributions come as one sum.
    """
    stack, step = parts[0].stack, parts[0].step
    deltas, calls = _deltas(space, stack, [(part.step, part.gate, part.g) for part in parts])
    gates = sorted(part.gate for part in parts)
    low, count = gates[0], len(gates)
    if gates != list(range(low, low + count)):
        raise NotImplementedError("gates of a stack that are used apart")
    own = slice(low * stack.units, (low + count) * stack.units)
    rows = space.view(parts[0].weights)[stack.rows][own]
    width = rows.shape[1]
    now = deltas[step][:, own]
    if space.blas:
        total = space.scratch((space.batch, width))
        return [total], [*calls, matmul(now, rows, total)]
    found = space.scratch((count, space.batch, width))
    left = now.reshape(space.batch, count, stack.units).transpose(1, 0, 2)
    add = products(space, left, rows.reshape(count, stack.units, width), found)
    return [found[part.gate - low] for part in parts], [*calls, add]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FactorPart(Part):
    """The use of a factor of a gate's last term: δ[s, u] · the other factor.

    Attributes:
        g: δ, (batch, units).
        own: the factor.
        other: the other one.
    """

    g: Array
    own: Read
    other: Read

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.other.array)

    @property
    def region(self) -> Region | None:
        return self.own.region

    def _factors(self, index: Index) -> tuple[Ref, Ref]:
        s, u = index[0], index[-1] - self.own.first if self.own.first else index[-1]
        return Ref(self.g, (s, u)), self.other.ref(s, u)

    def term(self, index: Index) -> Expr:
        return Product(self._factors(index))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return self._factors(index)
