"""Softmax over the last axis of a layer, as four ops: maximum, exponentials, their sum, quotients.

The maximum is taken out of the exponent so that nothing overflows. It cancels, so no gradient goes through it.

A causal softmax has positions along its last two axes, and position t sees those up to t alone: the others are left
out, as if they were −∞, and their shares are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import ZERO, Call, Div, Expr, Index, Max, Neg, Product, Ref, Sub, Sum
from retrograde.engine.equations.functions import EXP
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.rows import Bools, row_sums
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


def later(shape: tuple[int, ...]) -> Bools:
    """Where the last place, the position that is seen, comes after the one before it, which sees."""
    seen = np.tri(*shape[-2:], dtype=np.bool_)
    return np.broadcast_to(~seen, shape)


def is_later(index: Index) -> bool:
    """Whether an element is left out of a causal softmax."""
    return bool(index[-1] > index[-2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CausalOp(Op):
    """An op of a softmax.

    Attributes:
        causal: whether a position sees only those up to itself.
    """

    causal: bool = False

    @property
    def meshable(self) -> bool:
        return not self.causal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CausalElement(_CausalOp):
    """An op with one element for each of a row of a softmax."""

    def reads(self, ref: Ref) -> Bools | None:
        return _readers(self.target, ref) if self.causal else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Row(_CausalOp):
    """An op with one element for each row of a softmax."""

    @property
    def row(self) -> Array:
        """What the rows are of."""
        raise NotImplementedError

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.row,)

    def seen(self, index: Index) -> tuple[Ref, ...]:
        """The elements of a row that count."""
        return tuple(Ref(self.row, (*index, i)) for i in keys(self.row, index, self.causal))

    def reads(self, ref: Ref) -> Bools | None:
        return _row_readers(self.target, ref) if self.causal else None

    @property
    def skipped(self) -> Bools | None:
        """What the sums leave out."""
        return later(self.row.shape) if self.causal else None


def keys(array: Array, index: Index, causal: bool) -> range:
    """The places of a row that count."""
    count = array.shape[-1]
    return range(min(count, index[-1] + 1)) if causal else range(count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMaximum(_Row):
    """m[s] = max_i net[s, i]; further axes before the last are positions, each with a softmax of its own."""

    net: Array

    @property
    def row(self) -> Array:
        return self.net

    @property
    def title(self) -> str:
        return _("maximum")

    def equation(self, index: Index) -> Expr:
        found = self.seen(index)
        return found[0] if len(found) == 1 else Max(found)

    def kernel(self, space: Workspace) -> Kernel:
        net, out = space.view(self.net), space.view(self.target).reshape(-1)
        seen = space.scratch(net.shape) if self.causal else net
        table = seen.reshape(-1, net.shape[-1])
        rows, skipped = np.arange(table.shape[0]), _contiguous(self.skipped)

        def run() -> None:
            if skipped is not None:
                np.copyto(seen, net)
                np.putmask(seen, skipped, -np.inf)
            out[...] = table[rows, table.argmax(axis=1)]

        return run

    def why(self, target: str) -> str:
        if self.net.role is not Role.NET:
            return _("The largest score, taken out of the exponents so that none overflows.")
        return _("The largest net input, taken out of the exponents so that none overflows.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exponential(CausalElement):
    """e[s, i] = exp(net[s, i] − m[s])."""

    net: Array
    maximum: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.net, self.maximum)

    @property
    def title(self) -> str:
        return _("exponential")

    def equation(self, index: Index) -> Expr:
        if self.causal and is_later(index):
            return ZERO
        return Call(EXP, Sub(Ref(self.net, index), Ref(self.maximum, index[:-1])))

    def kernel(self, space: Workspace) -> Kernel:
        net, out = space.view(self.net), space.view(self.target)
        maximum = space.view(self.maximum)[..., None]
        skipped = _contiguous(later(out.shape)) if self.causal else None

        def run() -> None:
            np.subtract(net, maximum, out=out)
            np.exp(out, out=out)
            if skipped is not None:
                np.putmask(out, skipped, 0.0)

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.net, ExponentPart(g=g, by=self.target, causal=self.causal))

    def why(self, target: str) -> str:
        return _("The exponential makes every share positive.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSum(_Row):
    """S[s] = Σ_i e[s, i]."""

    exponentials: Array

    @property
    def row(self) -> Array:
        return self.exponentials

    @property
    def title(self) -> str:
        return _("sum")

    def equation(self, index: Index) -> Expr:
        found = self.seen(index)
        return found[0] if len(found) == 1 else Sum(found)

    def kernel(self, space: Workspace) -> Kernel:
        return row_sums(space, space.view(self.exponentials), space.view(self.target), skipped=self.skipped)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.exponentials, RowPart(g=g, of=self.exponentials, causal=self.causal))

    def why(self, target: str) -> str:
        return _("The sum that the shares are parts of.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotient(CausalElement):
    """out[s, i] = e[s, i] / S[s]."""

    exponentials: Array
    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.exponentials, self.normaliser)

    @property
    def title(self) -> str:
        return _("softmax") if self.target.role is Role.OUT else _("attention weight")

    def equation(self, index: Index) -> Expr:
        if self.causal and is_later(index):
            return ZERO
        return Div(Ref(self.exponentials, index), Ref(self.normaliser, index[:-1]))

    def kernel(self, space: Workspace) -> Kernel:
        return _quotient(space, self.exponentials, self.normaliser, space.view(self.target), self.causal, 0.0)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        part = NormaliserPart(g=g, out=self.target, normaliser=self.normaliser, causal=self.causal)
        builder.contribute(self.normaliser, part)
        builder.contribute(self.exponentials, SharePart(g=g, normaliser=self.normaliser, causal=self.causal))

    def why(self, target: str) -> str:
        if self.target.role is not Role.OUT:
            return _("How much of its attention does the one position give to the other: its share of the sum.")
        return _("This unit's share of the sum: its probability.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CausalPart(Part):
    """A use of an array of which a causal softmax leaves some elements out.

    Attributes:
        g: the gradient that it hands on.
        causal: whether the softmax is causal.
    """

    g: Array
    causal: bool = False

    @property
    def shaped(self) -> Array:
        """An array of the shape of what is used."""
        return self.g

    @property
    def mask(self) -> Bools | None:
        return ~later(self.shaped.element_shape) if self.causal else None

    def reads(self, ref: Ref) -> Bools | None:
        return _readers(self.shaped, ref) if self.causal else None

    @property
    def skipped(self) -> Bools | None:
        """What the kernel leaves out."""
        return _contiguous(later(self.shaped.shape)) if self.causal else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharePart(CausalPart):
    """The use of e as a numerator: ∂E/∂out[i] / S."""

    normaliser: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.normaliser)

    def term(self, index: Index) -> Expr:
        return Div(Ref(self.g, index), Ref(self.normaliser, index[:-1]))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return _quotient(space, self.g, self.normaliser, out, self.causal, -0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormaliserPart(Part):
    """The use of S as a denominator: −(Σ_i ∂E/∂out[i] · out[i]) / S."""

    g: Array
    out: Array
    normaliser: Array
    causal: bool = False

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.out, self.normaliser)

    @property
    def meshable(self) -> bool:
        return not self.causal

    def reads(self, ref: Ref) -> Bools | None:
        return _row_readers(self.normaliser, ref) if self.causal else None

    def term(self, index: Index) -> Expr:
        places = keys(self.out, index, self.causal)
        products = tuple(Product((Ref(self.g, (*index, i)), Ref(self.out, (*index, i)))) for i in places)
        total: Expr = products[0] if len(products) == 1 else Sum(products)
        return Neg(Div(total, Ref(self.normaliser, index)))

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        skipped = later(self.out.shape) if self.causal else None
        add = row_sums(space, space.view(self.g), out, by=space.view(self.out), skipped=skipped)
        normaliser = space.view(self.normaliser)

        def run() -> None:
            add()
            np.divide(out, normaliser, out=out)
            np.negative(out, out=out)

        return run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowPart(CausalPart):
    """The use of e in the sum: ∂E/∂S, the same for every unit."""

    of: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    @property
    def shaped(self) -> Array:
        return self.of

    def term(self, index: Index) -> Expr:
        return Ref(self.g, index[:-1])

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        g, skipped = space.view(self.g)[..., None], self.skipped

        def run() -> None:
            np.copyto(out, g)
            if skipped is not None:
                np.putmask(out, skipped, -0.0)

        return run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExponentPart(CausalPart):
    """The use of an exponent: ∂E/∂e · e."""

    by: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g, self.by)

    def term(self, index: Index) -> Expr:
        return Product((Ref(self.g, index), Ref(self.by, index)))

    def local(self, index: Index) -> tuple[Ref, Expr]:
        return Ref(self.g, index), Ref(self.by, index)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        g, by, skipped = space.view(self.g), space.view(self.by), self.skipped

        def run() -> None:
            np.multiply(g, by, out=out)
            if skipped is not None:
                np.putmask(out, skipped, -0.0)

        return run


def _quotient(
    space: Workspace, numerator: Array, normaliser: Array, out: Floats, causal: bool, nothing: float
) -> Kernel:
    """A kernel for numerator / S, with ``nothing`` where a causal softmax leaves an element out."""
    above, below = space.view(numerator), space.view(normaliser)[..., None]
    skipped = _contiguous(later(out.shape)) if causal else None

    def run() -> None:
        np.divide(above, below, out=out)
        if skipped is not None:
            np.putmask(out, skipped, nothing)

    return run


def _contiguous(mask: Bools | None) -> Bools | None:
    return None if mask is None else np.ascontiguousarray(mask)


def _readers(array: Array, ref: Ref) -> Bools:
    """The elements of an array, without those that are left out, that read a slot of their own element or row."""
    found = np.zeros(array.element_shape, dtype=np.bool_)
    found[ref.index[1:]] = True
    found[later(found.shape)] = False
    return found


def _row_readers(rows: Array, ref: Ref) -> Bools:
    """The elements of an array with one for each row that read a slot of their own, or one that they see of the row."""
    found = np.zeros(rows.element_shape, dtype=np.bool_)
    if len(ref.index) == len(rows.shape):
        found[ref.index[1:]] = True
    elif not is_later(ref.index):
        found[ref.index[1:-1]] = True
    return found
