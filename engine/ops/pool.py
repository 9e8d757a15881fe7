"""Pooling: the largest value of a window, by its stored winner; the mean of a window; and the mean of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ZERO,
    ArgMax,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Index,
    Max,
    Ref,
    Select,
)
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.numpy_calls import Series, divide
from retrograde.engine.ops.kernels.sliding import addition, contest, selection
from retrograde.engine.ops.link import added
from retrograde.engine.ops.pointwise import Operand, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from retrograde.engine.ops.window import Axis, flat_tap, mask, reach
from retrograde.engine.text import N_, _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


def _window(x: Array, axes: Sequence[Axis], index: Index) -> list[tuple[int, Ref]]:
    """What the window of an element (s, c, *p) reads: the number of each tap, from 1 in row order, and its slot."""
    s, c, *position = index
    return [(flat_tap(tap, axes) + 1, Ref(x, (s, c, *source))) for tap, source in reach(axes, position)]


def _windowed(op: Op, axes: Sequence[Axis], ref: Ref) -> NDArray[np.bool_]:
    """The elements (c, *p) of an op whose windows read a slot (s, c, *position)."""
    return mask(op.target.element_shape, ref.index[1], axes, source=ref.index[2:])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Winner(Op):
    """k[s, c, p] = the number of the largest x[s, c, ·] in the window at p; of a tie, the first in row order.

    Taps are counted from 1 in row order, those in the padding too, which never win. NaN is larger than every number.

    Attributes:
        x: the values, (batch, channels, *spatial).
        axes: the windows, one for each spatial axis.

    Source: Zhou, Chellappa 1988; Ranzato et al. 2007.
    """

    x: Array
    axes: tuple[Axis, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("winner")

    meshable = False

    def equation(self, index: Index) -> Expr:
        window = _window(self.x, self.axes, index)
        return ArgMax(Max(tuple(ref for _number, ref in window)), tuple(number for number, _ref in window))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _windowed(self, self.axes, ref)

    def kernel(self, space: Workspace) -> Kernel:
        return contest(space, self.axes, space.view(self.x), space.view(self.target))

    def why(self, target: str) -> str:
        return _("Which value of the window is the largest? The gradient will go there, and nowhere else.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxPool(Op):
    """out[s, c, p] = x[s, c, ·] at tap k[s, c, p] of the window at p: its largest value.

    Attributes:
        x: the values, (batch, channels, *spatial).
        winner: k, (batch, channels, *windows); see ``Winner``.
        axes: the windows.
    """

    x: Array
    winner: Array
    axes: tuple[Axis, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.winner, self.x)

    @property
    def title(self) -> str:
        return _("max pooling")

    meshable = False
    choosy = True

    def equation(self, index: Index) -> Expr:
        return selected(Ref(self.winner, index), _window(self.x, self.axes, index))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        if ref.array is self.winner:
            found = np.zeros(self.target.element_shape, dtype=np.bool_)
            # A window of one value needs no winner.
            found[ref.index[1:]] = len(_window(self.x, self.axes, ref.index)) > 1
            return found
        return _windowed(self, self.axes, ref)

    def kernel(self, space: Workspace) -> Kernel:
        winner, out = space.view(self.winner), space.view(self.target)
        return selection(space, self.axes, space.view(self.x), winner, out)

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, RoutedPart(winner=self.winner, g=g, axes=self.axes))

    def why(self, target: str) -> str:
        return _("Of the window only its largest value goes on.")


def selected(winner: Ref, window: Sequence[tuple[int, Ref]]) -> Expr:
    """The slot of the window with the winner's number, found by halves: a long chain would not compile.

    An edit may put another number there: then it is the last slot whose number is not larger, else the first; and of
    NaN the last.
    """
    if len(window) == 1:
        return window[0][1]
    middle = len(window) // 2
    condition = Compare(Comparison.LT, winner, Const(float(window[middle][0])))
    return Select(condition, selected(winner, window[:middle]), selected(winner, window[middle:]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoutedPart(Part):
    """The use of x in a max pooling: Σ_p ∂E/∂out[s, c, p] over the windows that it won; 0 of each that it lost.

    Attributes:
        winner: the number of each window's largest value.
        g: ∂E/∂out, (batch, channels, *windows).
        axes: the windows.
    """

    winner: Array
    g: Array
    axes: tuple[Axis, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.winner, self.g)

    meshable = False
    choosy = True

    def why(self, target: str) -> str:
        return _("The gradient of a window goes to its winner; the values that lost get nothing of it.")

    def term(self, index: Index) -> Expr:
        s, c, *position = index
        found: list[Expr] = []
        for tap, at in reach(_adjoint(self.axes), position):
            won = Compare(Comparison.EQ, Ref(self.winner, (s, c, *at)), Const(float(flat_tap(tap, self.axes) + 1)))
            found.append(Select(won, Ref(self.g, (s, c, *at)), ZERO))
        return added(found)

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _spread(self.g, self.axes, ref)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return addition(space, _adjoint(self.axes), space.view(self.g), out, winner=space.view(self.winner))


def _spread(g: Array, axes: Sequence[Axis], ref: Ref) -> NDArray[np.bool_]:
    """The elements (c, *position) that a window reads whose gradient is the slot (s, c, *p)."""
    shape = (g.shape[1], *(axis.length for axis in axes))
    return mask(shape, ref.index[1], _adjoint(axes), source=ref.index[2:])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AveragePool(Op):
    """out[s, c, p] = (Σ x[s, c, ·] over the window at p) / N.

    Attributes:
        x: the values, (batch, channels, *spatial).
        axes: the windows.
        padded: whether N counts the taps in the padding, as zeros; else it is the number of those that are not there.
        ends: where the padding ends behind each axis, of windows that may reach beyond it; None of those that fit.

    Source: LeCun et al. 1990.
    """

    x: Array
    axes: tuple[Axis, ...]
    padded: bool = True
    ends: tuple[int, ...] | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("average pooling")

    meshable = False

    def equation(self, index: Index) -> Expr:
        window: list[Expr] = [ref for _number, ref in _window(self.x, self.axes, index)]
        return _over(added(window), self.share(index[2:]))

    def share(self, position: Sequence[int]) -> int:
        """N of the window at a position."""
        return _share(self.axes, position, self.padded, self.ends)

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _windowed(self, self.axes, ref)

    def kernel(self, space: Workspace) -> Kernel:
        out = space.view(self.target)
        add = addition(space, self.axes, space.view(self.x), out)
        return Series((add, divide(out, _shares(self.axes, self.padded, self.ends), out)))

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is not None:
            builder.contribute(self.x, SharedPart(g=g, axes=self.axes, padded=self.padded, ends=self.ends))

    def why(self, target: str) -> str:
        return _("The mean of the window.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedPart(Part):
    """The use of x in an average pooling: Σ_p ∂E/∂out[s, c, p] / N over the windows that it is in."""

    g: Array
    axes: tuple[Axis, ...]
    padded: bool
    ends: tuple[int, ...] | None = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    meshable = False

    def why(self, target: str) -> str:
        return _("Every window that this value is in hands on an equal share of its gradient.")

    def term(self, index: Index) -> Expr:
        s, c, *position = index
        return added(
            [
                _over(Ref(self.g, (s, c, *at)), _share(self.axes, at, self.padded, self.ends))
                for _tap, at in reach(_adjoint(self.axes), position)
            ]
        )

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return _spread(self.g, self.axes, ref)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        parts = space.scratch(self.g.shape)
        share = divide(space.view(self.g), _shares(self.axes, self.padded, self.ends), parts)
        return Series((share, addition(space, _adjoint(self.axes), parts, out)))


def _adjoint(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    return tuple(axis.adjoint for axis in axes)


def _share(axes: Sequence[Axis], position: Sequence[int], padded: bool, ends: Sequence[int] | None) -> int:
    """N of the window at a position; of taps beyond the padding nothing counts."""
    if not padded:
        return prod(len(axis.reach(part)) for axis, part in zip(axes, position, strict=True))
    if ends is None:
        return prod(axis.taps for axis in axes)
    firsts = [part * axis.stride - axis.before for axis, part in zip(axes, position, strict=True)]
    # A tap counts where first + tap · dilation < end.
    return prod(
        min(axis.taps, -((first - end) // axis.dilation)) for axis, first, end in zip(axes, firsts, ends, strict=True)
    )


def _shares(axes: Sequence[Axis], padded: bool, ends: Sequence[int] | None) -> Floats:
    """N of every window."""
    counts = [axis.count for axis in axes]
    # Of no value the sum is 0, whatever it is divided by.
    shares = [float(max(1, _share(axes, position, padded, ends))) for position in np.ndindex(*counts)]
    return np.array(shares).reshape(counts)


def _over(value: Expr, count: int) -> Expr:
    return value if count == 1 or value is ZERO else Div(value, Const(float(count)))


@cache
def _mean(count: int) -> Rule:
    return Rule(
        name="global_average",
        title=N_("global average"),
        why=N_("The mean of the whole channel: how much of its feature is there, wherever it is."),
        value=lambda x: x,
        uses={0: lambda g, _x, _mean: _over(g, count)},
        source='Lin, Chen, Yan 2014, "Network in network"',
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GlobalAverage(Reduce):
    """out[s, c] = (Σ_p x[s, c, p]) / N over all N positions of a channel."""

    @classmethod
    def of(cls, *, x: Array, **made: Any) -> GlobalAverage:
        """The op that takes the mean of every channel of x, (batch, channels, *spatial)."""
        count = prod(x.shape[2:])
        return cls(rule=_mean(count), operands=(Operand(x),), shape=x.shape, along=(0, 1), count=count, **made)

    def use(self, number: int, g: Array) -> EvenPart:
        """The use of x, given ∂E/∂out."""
        return EvenPart(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvenPart(PointwisePart):
    """The use of x in the mean of its channel: ∂E/∂out[s, c] / N."""

    def why(self, target: str) -> str:
        return _("Every value of the channel gets an equal share of the gradient of its mean.")
