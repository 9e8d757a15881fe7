"""Convolution as cross-correlation over any number of spatial axes, its transpose, and their gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Index, Ref
from retrograde.engine.ops.base import Kernel, Op, Part, Workspace
from retrograde.engine.ops.kernels.axis_sums import axis_sums, elements
from retrograde.engine.ops.kernels.numpy_calls import Series, add_rows
from retrograde.engine.ops.link import Link, added
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked(Op):
    """What a convolution and its transpose share: taps of linked windows, then a bias, one a channel.

    Attributes:
        x: the inputs, (batch, channels, *spatial).
        bias: b, (channels out,), or None.
        link: the weights and the windows.
    """

    x: Array
    bias: Array | None
    link: Link

    @property
    def inputs(self) -> tuple[Array, ...]:
        weights = self.link.weights
        return (weights, self.x) if self.bias is None else (weights, self.x, self.bias)

    meshable = False

    def taps(self, index: Index) -> Iterable[Expr]:
        """The products of weights and inputs that an element adds up."""
        raise NotImplementedError

    def readers(self, ref: Ref) -> NDArray[np.bool_]:
        """The elements, (channels out, *spatial), that read a weight or an input."""
        raise NotImplementedError

    def weight_use(self, g: Array) -> KernelPart:
        """The use of the weights, given ∂E/∂net."""
        raise NotImplementedError

    def input_use(self, g: Array, weights: Array) -> LinkedPart:
        """The use of the inputs, given ∂E/∂net and the weights as the gradient reads them."""
        raise NotImplementedError

    def gradient(self, builder: GradientPass) -> None:
        g = builder.close(self.target)
        if g is None:
            return
        weights = self.link.weights
        builder.contribute(weights, self.weight_use(g))
        if self.bias is not None:
            builder.contribute(self.bias, BiasChannelPart(g=g))
        builder.contribute(self.x, self.input_use(g, builder.latest(weights)))

    def equation(self, index: Index) -> Expr:
        found = list(self.taps(index))
        if self.bias is not None:
            found.append(Ref(self.bias, (index[1],)))
        return added(found)

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        if ref.array is not self.bias:
            return self.readers(ref)
        found = np.zeros(self.target.element_shape, dtype=np.bool_)
        found[ref.index[0]] = True
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convolve(Linked):
    """net[s, o, p] = Σ_c Σ_t W[o, c, t] · x[s, c, p · stride + t · dilation − padding] + b[o].

    The kernel is not turned round, as in every library: this is a cross-correlation. Taps in the padding are left out,
    which is the same as zeros there. With groups, o sees the channels of its own group only.

    Attributes:
        x: the inputs, (batch, channels, *spatial).
        bias: b, (channels out,), or None.
        link: the weights, (channels out, channels / groups, *kernel), and the windows.

    Source: LeCun et al. 1989; Dumoulin, Visin 2016, "A guide to convolution arithmetic for deep learning".
    """

    @property
    def title(self) -> str:
        return _("convolution")

    def taps(self, index: Index) -> Iterable[Expr]:
        return self.link.gathered(self.link.weights, self.x, index)

    def readers(self, ref: Ref) -> NDArray[np.bool_]:
        return self.link.gatherers(ref, self.link.weights)

    def kernel(self, space: Workspace) -> Kernel:
        return self.link.gather(space, self.link.weights, self.x, space.view(self.target), self.bias)

    def weight_use(self, g: Array) -> KernelPart:
        return KernelPart(link=self.link, small=g, big=self.x, transposed=False)

    def input_use(self, g: Array, weights: Array) -> ScatterPart:
        return ScatterPart(link=self.link, weights=weights, g=g)

    def why(self, target: str) -> str:
        return _(
            "What the kernel finds here, {target}: each of its weights times the input beneath it, added up."
        ).format(target=target)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConvolveTransposed(Linked):
    """net[s, o, p · stride + t · dilation − padding] += W[c, o, t] · x[s, c, p], over all c, p and t; + b[o].

    It goes from input to output as the gradient of a convolution goes from output to input. The sum of one element runs
    over the input channels, then over the positions p that reach it, in row order.

    Attributes:
        x: the inputs, (batch, channels, *spatial).
        bias: b, (channels out,), or None.
        link: the weights, (channels, channels out / groups, *kernel), and the windows of the convolution whose
            transpose this is: ``length`` is that of the result, ``count`` that of x.

    Source: Zeiler et al. 2010; Dumoulin, Visin 2016.
    """

    @property
    def title(self) -> str:
        return _("transposed convolution")

    def taps(self, index: Index) -> Iterable[Expr]:
        return self.link.scattered(self.link.weights, self.x, index)

    def readers(self, ref: Ref) -> NDArray[np.bool_]:
        return self.link.scatterers(ref, self.link.weights)

    def kernel(self, space: Workspace) -> Kernel:
        return self.link.scatter(space, self.link.weights, self.x, space.view(self.target), self.bias)

    def weight_use(self, g: Array) -> KernelPart:
        return KernelPart(link=self.link, small=self.x, big=g, transposed=True)

    def input_use(self, g: Array, weights: Array) -> GatherPart:
        return GatherPart(link=self.link, weights=weights, g=g)

    def why(self, target: str) -> str:
        return _("What the inputs paint here, {target}: each lays the kernel down, scaled by its value.").format(
            target=target
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelPart(Part):
    """The use of W in a convolution: Σ_p δ[s, o, p] · x[s, c, source(p, t)], the same weight at every position.

    Attributes:
        link: the pairs.
        small: what lies at the positions p: δ; of a transposed convolution x.
        big: what the windows read: x; of a transposed convolution δ.
        transposed: whether δ is ``big``; it is written first.
    """

    link: Link
    small: Array
    big: Array
    transposed: bool

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.big, self.small) if self.transposed else (self.small, self.big)

    meshable = False

    def why(self, target: str) -> str:
        return _("The weight works at every position: each delta times the input that lies beneath it there, added up.")

    def term(self, index: Index) -> Expr:
        return added(list(self.link.paired(self.small, self.big, index, swapped=self.transposed)))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return self.link.pairers(ref, self.small, self.big)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return self.link.weight_kernel(space, self.small, self.big, out, samples=False)

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        return self.link.weight_kernel(space, self.small, self.big, out, samples=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BiasChannelPart(Part):
    """The use of a bias at every position of its channel: Σ_p δ[s, o, p]."""

    g: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.g,)

    def why(self, target: str) -> str:
        return _("The bias works at every position of its channel: the deltas of all of them, added up.")

    def term(self, index: Index) -> Expr:
        return added([Ref(self.g, at) for at in elements(self.g.shape, (0, 1), index)])

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        samples = space.scratch(self.g.shape[:2])
        return Series((self.contributions(space, samples), add_rows(samples, out)))

    def contributions(self, space: Workspace, out: Floats) -> Kernel:
        return axis_sums(space, self.g.shape, (0, 1), lambda at: Ref(self.g, at), out)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkedPart(Part):
    """The use of x in a convolution or in its transpose: W times δ over the pairs of the windows.

    Attributes:
        link: the pairs.
        weights: W.
        g: δ.
    """

    link: Link
    weights: Array
    g: Array

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.weights, self.g)

    meshable = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScatterPart(LinkedPart):
    """The use of x in a convolution: Σ_o Σ_p W[o, c, t] · δ[s, o, p] over the positions p that read x through a tap t.

    In the row order of p the taps go from the last to the first: a full correlation with the kernel turned round.
    """

    def why(self, target: str) -> str:
        return _(
            "Every window that this value is in answers through the tap on it: the kernel turned round over the deltas."
        )

    def term(self, index: Index) -> Expr:
        return added(list(self.link.scattered(self.weights, self.g, index)))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return self.link.scatterers(ref, self.weights)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return self.link.scatter(space, self.weights, self.g, out)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatherPart(LinkedPart):
    """The use of x in a transposed convolution: Σ_o Σ_t W[c, o, t] · δ[s, o, p · stride + t · dilation − padding]."""

    def why(self, target: str) -> str:
        return _("Every position that this value painted answers through the tap that painted it.")

    def term(self, index: Index) -> Expr:
        return added(list(self.link.gathered(self.weights, self.g, index)))

    def reads(self, ref: Ref) -> NDArray[np.bool_]:
        return self.link.gatherers(ref, self.weights)

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel:
        return self.link.gather(space, self.weights, self.g, out)
