"""Contractions: sums of products over shared axes, as weighted sums, dot products and mixtures are.

Axes are called by letters. An axis that is laid out of several, row by row, has several letters: ``hd`` is element d
of head h. The gradient of a contraction by one factor is again a contraction, of ∂E/∂target with the other factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Expr, Index, Product, Ref, Sum
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, Shared, add_rows, copy, matmul
from retrograde.engine.ops.kernels.products import CHUNK, products

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass

SAMPLE = "s"
"""The letter of the sample axis, which every batched array has first."""

Axes = tuple[str, ...]
"""The letters of each axis of an array, without the sample's."""


class ContractFactor(NamedTuple):
    """An array with the letters of its axes.

    Attributes:
        array: the array.
        axes: the letters of each axis after the sample's.
    """

    array: Array
    axes: Axes

    @property
    def letters(self) -> str:
        """All its letters, the sample's first where it has one."""
        return SAMPLE * self.array.batched + "".join(self.axes)

    def at(self, values: Mapping[str, Any], sizes: Mapping[str, int]) -> Ref:
        """The slot where each letter has a value."""
        found = [values[SAMPLE]] if self.array.batched else []
        for axis in self.axes:
            place = values[axis[0]]
            for letter in axis[1:]:
                place = place * sizes[letter] + values[letter]
            found.append(place)
        return Ref(self.array, tuple(found))

    def values(self, index: Index, sizes: Mapping[str, int]) -> dict[str, Any]:
        """What each letter is at an index that has the sample first, whether the array is batched or not."""
        found = {SAMPLE: index[0]}
        for axis, place in zip(self.axes, index[1:], strict=True):
            for letter in reversed(axis[1:]):
                found[letter] = place % sizes[letter]
                place = place // sizes[letter]
            found[axis[0]] = place
        return found

    def spread(self, values: Floats, sizes: Mapping[str, int]) -> Floats:
        """The array's values with an axis a letter; leading axes that are not the array's stay. A view."""
        lead = values.shape[: values.ndim - len(self.axes)]
        return values.reshape(*lead, *(sizes[letter] for axis in self.axes for letter in axis))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contract(Op):
    """target[t] = Σ_k left[…] · right[…] (+ bias), over the letters k that both have and the target has not.

    The sums run in the order of ``summed``, the last letter fastest; the bias is the last term.

    Attributes:
        axes: the letters of the target.
        left: the first factor of each product.
        right: the second.
        bias: what is added at the end, or None; its letters are among the target's.
        sizes: the length of each letter.
    """

    axes: Axes
    left: ContractFactor
    right: ContractFactor
    bias: ContractFactor | None = None
    sizes: Mapping[str, int]

    @property
    def inputs(self) -> tuple[Array, ...]:
        found = (self.left.array, self.right.array)
        return found if self.bias is None else (*found, self.bias.array)

    @property
    def made(self) -> ContractFactor:
        """The target with its letters."""
        return ContractFactor(self.target, self.axes)

    @property
    def summed(self) -> str:
        """The letters that are summed over."""
        return "".join(letter for letter in self.left.letters if letter not in self.made.letters)

    def equation(self, index: Index) -> Expr:
        values = self.made.values(index, self.sizes)
        found: list[Expr] = [
            Product((self.left.at(each, self.sizes), self.right.at(each, self.sizes)))
            for each in over(values, self.summed, self.sizes)
        ]
        if self.bias is not None:
            found.append(self.bias.at(values, self.sizes))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def kernel(self, space: Workspace) -> Kernel:
        add = contraction(space, self.made, self.left, self.right, self.summed, self.sizes)
        if self.bias is None:
            return add
        out, bias = space.view(self.target), space.view(self.bias.array)
        shape = [self.sizes[x] if x in self.bias.letters else 1 for x in self.made.letters[1:]]
        spread, tail = self.made.spread(out, self.sizes), self.bias.spread(bias, self.sizes).reshape(shape)

        def run() -> None:
            add()
            np.add(spread, tail, out=spread)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        made = ContractFactor(g, self.axes)
        pairs = [(self.left, self.right), (self.right, self.left)]
        # A parameter first: it may be updated before the gradient goes on.
        pairs.sort(key=lambda pair: pair[0].array.batched)
        for number, (wanted, other) in enumerate(pairs):
            read = ContractFactor(builder.latest(other.array), other.axes)
            part = ContractPart(wanted=wanted, g=made, other=read, sizes=self.sizes)
            builder.contribute(wanted.array, part)
            if number == 0 and self.bias is not None:
                builder.contribute(self.bias.array, SpreadPart(wanted=self.bias, g=made, sizes=self.sizes))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContractPart(Part):
    """The use of a factor in a contraction: Σ ∂E/∂target · other, over the letters of the target that it has not.

    Attributes:
        wanted: the factor.
        g: ∂E/∂target.
        other: the other factor.
        sizes: the length of each letter.
    """

    wanted: ContractFactor
    g: ContractFactor
    other: ContractFactor
    sizes: Mapping[str, int]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g.array, self.other.array)

    @property
    def summed(self) -> str:
        """The letters that are summed over, without the sample's."""
        return "".join(x for x in self.g.letters if x not in self.wanted.letters and x != SAMPLE)

    def _pair(self, values: Mapping[str, Any]) -> tuple[Ref, Ref]:
        return self.g.at(values, self.sizes), self.other.at(values, self.sizes)

    def term(self, index: Index) -> Expr:
        values = self.wanted.values(index, self.sizes)
        found: list[Expr] = []
        for each in over(values, self.summed, self.sizes):
            g, other = self._pair(each)
            # Weights come first, as in a weighted sum.
            found.append(Product((g, other) if self.other.array.batched else (other, g)))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        return None if self.summed else self._pair(self.wanted.values(index, self.sizes))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        if not summed:
            return contraction(space, self.wanted, self.g, self.other, self.summed, self.sizes, out=out)
        if space.blas:
            letters = SAMPLE + self.summed
            return contraction(space, self.wanted, self.g, self.other, letters, self.sizes, out=out)
        return _added(self, space, out)

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        return contraction(space, self.wanted, self.g, self.other, self.summed, self.sizes, out=out)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpreadPart(Part):
    """The use of a bias: Σ ∂E/∂target, over the letters of the target that the bias has not.

    Attributes:
        wanted: the bias.
        g: ∂E/∂target.
        sizes: the length of each letter.
    """

    wanted: ContractFactor
    g: ContractFactor
    sizes: Mapping[str, int]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g.array,)

    @property
    def summed(self) -> str:
        """The letters that are summed over, without the sample's."""
        return "".join(x for x in self.g.letters if x not in self.wanted.letters and x != SAMPLE)

    def term(self, index: Index) -> Expr:
        values = self.wanted.values(index, self.sizes)
        found = tuple(self.g.at(each, self.sizes) for each in over(values, self.summed, self.sizes))
        return found[0] if len(found) == 1 else Sum(found)

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        return None if self.summed else (self.g.at(self.wanted.values(index, self.sizes), self.sizes), ONE)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        samples = space.scratch((space.batch, *out.shape)) if summed else out
        add = self.contributions(space, samples)
        return Series((add, add_rows(samples, out))) if summed else add

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        letters = self.g.letters
        order = [letters.index(x) for x in (*self.summed, SAMPLE, *self.wanted.letters.removeprefix(SAMPLE))]
        turned = self.g.spread(space.view(self.g.array), self.sizes).transpose(order)
        if not self.summed:
            target = self.wanted.spread(out, self.sizes)
            return copy(target, turned)
        rows = space.scratch(turned.shape)
        table = rows.reshape(-1, *turned.shape[len(self.summed) :])
        sums = out.reshape(table.shape[1:])
        return Series((copy(rows, turned), add_rows(table, sums)))


def over(values: Mapping[str, Any], letters: str, sizes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """The values of all letters, for each choice of some of them, the last one fastest."""
    for choice in product(*(range(sizes[letter]) for letter in letters)):
        yield {**values, **dict(zip(letters, choice, strict=True))}


def contraction(
    space: Workspace,
    made: ContractFactor,
    left: ContractFactor,
    right: ContractFactor,
    summed: str,
    sizes: Mapping[str, int],
    *,
    out: Floats | None = None,
    samples: slice | None = None,
) -> Kernel:
    """A kernel for made = Σ left · right over the letters ``summed``, in their order; BLAS where that is allowed.

    Args:
        space: the workspace.
        made: what is made.
        left: a factor.
        right: the other one.
        summed: the letters that are summed over; both factors have them.
        sizes: the length of each letter but the sample's.
        out: where it goes, where that is not the array itself; (batch, ...) for contributions of each sample.
        samples: which samples, where not all; ``out`` holds these alone.
    """
    chosen = slice(0, space.batch) if samples is None else samples
    sizes = {**sizes, SAMPLE: chosen.stop - chosen.start}
    wanted = space.view(made.array) if out is None else out
    sampled = wanted.ndim > len(made.axes)
    letters = SAMPLE * sampled + "".join(made.axes)
    shared = [x for x in letters if x in left.letters and x in right.letters]
    rows, columns = ([x for x in letters if x in one.letters and x not in shared] for one in (left, right))
    if prod(sizes[x] for x in rows) > prod(sizes[x] for x in columns):
        left, right, rows, columns = right, left, columns, rows
    packs: list[tuple[Floats, Floats]] = []

    def turned(values: Floats, factor: ContractFactor, has: str, *groups: list[str]) -> Floats:
        """The values as a stack of matrices, over the letters that are shared."""
        view = factor.spread(values, sizes).transpose([has.index(x) for group in (shared, *groups) for x in group])
        shape = (*view.shape[: len(shared)], *(prod(sizes[x] for x in group) for group in groups))
        return _matrices(space, view, shape, packs)

    def read(factor: ContractFactor) -> Floats:
        values = space.view(factor.array)
        return values[chosen] if factor.array.batched else values

    a = turned(read(left), left, left.letters, rows, list(summed))
    b = turned(read(right), right, right.letters, list(summed), columns)
    wishes, packs = packs, []
    result = turned(wanted, made, letters, rows, columns)
    add = matmul(a, b, result) if space.blas else products(space, a, b, result)
    if not wishes and not packs:
        return add
    return Series(
        (*(copy(packed, values) for packed, values in wishes), add, *(copy(values, packed) for packed, values in packs))
    )


def _matrices(space: Workspace, view: Floats, shape: tuple[int, ...], packs: list[tuple[Floats, Floats]]) -> Floats:
    """A view with some axes taken together, or memory for a copy that ``packs`` asks for."""
    try:
        return view.reshape(shape, copy=False)
    except ValueError:
        packed = space.scratch(view.shape)
        packs.append((packed, view))
        return packed.reshape(shape)


def _added(part: ContractPart, space: Workspace, out: Floats) -> Kernel:
    """A kernel that adds the contributions of the samples to a parameter, one sample after the other."""
    size = max(1, min(space.batch, CHUNK // max(1, out.size)))
    table = space.scratch((size + 1, *out.shape))
    shared = Shared(space)
    calls: list[Kernel] = []
    for start in range(0, space.batch, size):
        stop = min(space.batch, start + size)
        shared.restart()
        rows = table[1 : 1 + stop - start]
        fill = contraction(
            shared,
            part.wanted,
            part.g,
            part.other,
            part.summed,
            part.sizes,
            out=rows,
            samples=slice(start, stop),
        )
        # A row before them holds the sum so far.
        carried = [copy(table[0], out)] if start else []
        calls += [fill, *carried, add_rows(table[: 1 + stop - start] if start else rows, out)]
    return Series(calls)
