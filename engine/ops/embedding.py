"""Embedding: each index reads its row of a table. And positions: what is added tells where in the sequence it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.evaluation import NUMPY, evaluate
from retrograde.engine.equations.expression import (
    ZERO,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Index,
    Pick,
    Ref,
    Select,
    Sum,
)
from retrograde.engine.equations.functions import COS, SIN
from retrograde.engine.ops.activation import PassPart
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, add, add_rows
from retrograde.engine.ops.pointwise import Operand, Pointwise, Rule
from retrograde.engine.text import N_, _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embed(Op):
    """out[s, ..., i] = W[number[s, ...], i]: the row of the table that an index names, counted from 0.

    Attributes:
        numbers: the indices, (batch, ...).
        table: W, (vocabulary, width).

    Source: Bengio et al. 2003, A neural probabilistic language model, section 2.
    """

    numbers: Array
    table: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.numbers, self.table)

    @property
    def title(self) -> str:
        return _("embedding")

    choosy = True

    def equation(self, index: Index) -> Expr:
        return Pick(self.table, Ref(self.numbers, index[:-1]), index[-1:])

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        found = np.zeros(self.target.element_shape, dtype=np.bool_)
        if ref.array is self.numbers:
            found[ref.index[1:]] = True
        else:
            found[..., ref.index[1]] = True
        return found

    def kernel(self, space: Workspace) -> Kernel:
        numbers, table, out = space.view(self.numbers), space.view(self.table), space.view(self.target)
        last = len(table) - 1

        def run() -> None:
            rows, wrong = _rows(numbers, last)
            table.take(rows, axis=0, out=out, mode="clip")
            if wrong is not None:
                out[wrong] = np.nan

        return run

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.table, RowsPart(g=g, numbers=self.numbers, table=self.table))

    def why(self, target: str) -> str:
        return _("The vector of this symbol: the row of the table that its index names.")


def _rows(numbers: Floats, last: int) -> tuple[NDArray[np.intp], NDArray[np.bool_] | None]:
    """Indices as integers; and where there is no such row, or None where there always is."""
    rows = numbers.astype(np.intp)
    whole = (rows == numbers) & (rows >= 0) & (rows <= last)
    return rows, None if whole.all() else ~whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowsPart(Part):
    """The use of W in an embedding: Σ ∂E/∂out[s, ..., i] over the indices that name the row; 0 of the others.

    Attributes:
        g: ∂E/∂out, (batch, ..., width).
        numbers: the indices, (batch, ...).
        table: W, (vocabulary, width).
    """

    g: Array
    numbers: Array
    table: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.numbers, self.g)

    meshable = False
    choosy = True

    def term(self, index: Index) -> Expr:
        s, row, i = index
        found: list[Expr] = []
        for place in np.ndindex(self.numbers.element_shape):
            named = Compare(Comparison.EQ, Ref(self.numbers, (s, *place)), Const(float(row)))
            found.append(Select(named, Ref(self.g, (s, *place, i)), ZERO))
        return found[0] if len(found) == 1 else Sum(tuple(found))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        found = np.zeros(self.table.shape, dtype=np.bool_)
        found[:, ref.index[-1] if ref.array is self.g else slice(None)] = True
        return found

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        samples = space.scratch((space.batch, *out.shape))
        return Series((self.contributions(space, samples), add_rows(samples, out)))

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        batch, width = space.batch, self.g.shape[-1]
        numbers = space.view(self.numbers).reshape(batch, -1)
        g = space.view(self.g).reshape(batch, -1, width)
        last, samples = len(out[0]) - 1, np.arange(batch)[:, None]
        flat = out.reshape(-1)
        first = samples * (last + 1)
        elements = np.arange(width)
        values = g.reshape(-1)

        def run() -> None:
            rows, wrong = _rows(numbers, last)
            # The sum has a term for each index: 0 of one that names another row. It starts from 0, too.
            places = ((first + rows)[:, :, None] * width + elements).reshape(-1)
            if wrong is None:
                np.copyto(flat, np.bincount(places, values, minlength=flat.size))
            else:
                there = np.repeat(~wrong.reshape(-1), width)
                np.copyto(flat, np.bincount(places[there], values[there], minlength=flat.size))
            # Only where all of them name one row, it can be −0.
            alone = (rows == rows[:, :1]).all(axis=1)
            if wrong is not None:
                alone &= ~wrong.any(axis=1)
            if alone.any():
                terms = g[alone].transpose(1, 0, 2)
                sums = np.empty(terms.shape[1:])
                sum_rows(np.ascontiguousarray(terms), sums)
                out[alone, rows[alone, 0]] = sums

        return run


def sinusoid(position: int, element: int, width: int) -> Expr:
    """sin(p / 10000^(i/d)) at an even element i, cos(p / 10000^((i − 1)/d)) at an odd one; p counts from 0.

    Source: Vaswani et al. 2017, Attention is all you need, section 3.5.
    """
    even = element - element % 2
    place: Expr = Const(float(position))
    if even:
        place = Div(place, Const(math.pow(10000.0, even / width), f"10000^({even}/{width})"))
    return Call(COS if element % 2 else SIN, place)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sinusoids(Op):
    """out[s, p, i] = x[s, p, i] + the sinusoid of position p and element i.

    Attributes:
        x: (batch, positions, width).
    """

    x: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("position")

    meshable = False

    def equation(self, index: Index) -> Expr:
        _s, position, element = index
        return Sum((Ref(self.x, index), sinusoid(position, element, self.x.shape[-1])))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _one(self.target, ref.index[1:])

    def kernel(self, space: Workspace) -> Kernel:
        x, out = space.view(self.x), space.view(self.target)
        waves = np.empty(self.x.shape[1:])
        for position, element in np.ndindex(waves.shape):
            waves[position, element] = evaluate(sinusoid(position, element, waves.shape[1]), _no_slot, NUMPY)
        return add(x, waves, out)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, PassPart(g=g))

    def why(self, target: str) -> str:
        return _("Attention does not see the order: a pattern of waves that is added tells the position.")


def _placed(x: Expr, position: Expr) -> Expr:
    return Sum((x, position))


LEARNED = Rule(
    name="learned_position",
    title=N_("position"),
    why=N_("Attention does not see the order: a learned vector that is added tells the position."),
    value=_placed,
    source="Gehring et al. 2017, Convolutional sequence to sequence learning, section 3.1",
)
"""x + P."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedPositions(Pointwise):
    """out[s, p, i] = x[s, p, i] + P[p, i]."""

    @classmethod
    def of(cls, *, x: Array, table: Array, **made: Any) -> LearnedPositions:
        """The op that adds P, (positions, width), to x, (batch, positions, width)."""
        return cls(rule=LEARNED, operands=(Operand(x), Operand(table, (1, 2))), **made)


def _one(array: Array, element: Index) -> NDArray[np.bool_]:
    found = np.zeros(array.element_shape, dtype=np.bool_)
    found[element] = True
    return found


def _no_slot(ref: Ref) -> float:
    raise LookupError(ref)
