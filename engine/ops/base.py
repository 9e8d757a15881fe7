"""What every op kind is: one assignment of an array, stated as the equation of one element."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import Expr, Index, Ref

if TYPE_CHECKING:
    from retrograde.engine.ops.leaves import Leaves


class GradientPass(Protocol):
    """What a gradient rule may ask of the backward pass that is being built."""

    leaves: Leaves
    """The arrays that outlive the program."""

    def array(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        role: Role,
        layer: str,
        batched: bool = False,
        of: Array | None = None,
        stem: str = "",
        sign: str = "",
        time: int | None = None,
    ) -> Array:
        """A new array that an op is going to make."""
        ...

    def append(self, op: Op) -> Array:
        """Appends an op; returns its target."""
        ...

    def latest(self, array: Array) -> Array:
        """What a read of a parameter sees: w, or w⁺ once it is updated."""
        ...

    def seen(self, array: Array) -> Array:
        """What the network runs with: w, or ŵ where the optimiser looks ahead."""
        ...

    def contribute(self, to: Array, part: Part) -> None:
        """Adds one use of an array to its gradient; nothing happens where no gradient is wanted."""
        ...

    def close(self, array: Array) -> Array | None:
        """The gradient of an array: one op that adds up all contributions, or None when there are none."""
        ...


class Workspace(Protocol):
    """Where the kernels of one program compute: the arrays' memory and scratch memory."""

    @property
    def blas(self) -> bool:
        """Whether products of matrices may go to BLAS."""
        ...

    batch: int
    """Samples in the iteration."""

    def view(self, array: Array) -> Floats:
        """The memory of an array; C-contiguous."""
        ...

    def scratch(self, shape: tuple[int, ...]) -> Floats:
        """Memory that is valid until the op ends; C-contiguous."""
        ...

    def kept(self, key: Hashable, shape: tuple[int, ...]) -> tuple[Floats, bool]:
        """Memory that stays valid through the iteration and is shared by the ops that ask for it by the same key.

        Kernels are made in the order in which they run: who asks first is the one who fills it.

        Returns:
            The memory, C-contiguous, and whether this is the first time that it is asked for.
        """
        ...

    def compile(self, expr: Expr, mesh: Index, out: Floats) -> Callable[[], None]:
        """A kernel that evaluates an equation over an open mesh into ``out``."""
        ...


Kernel = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Op:
    """One array-level assignment.

    Attributes:
        target: the array that it makes.
        phase: the phase that it belongs to.
        layer: the name of the layer that it belongs to.
        extent: how often it is revealed.
    """

    target: Array
    phase: Phase
    layer: str
    extent: Extent

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The arrays that the equation reads."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The kind in a word or two, for lists and tooltips."""
        raise NotImplementedError

    @property
    def meshable(self) -> bool:
        """Whether ``equation`` may be called with an open mesh of elements; else it needs a kernel of its own."""
        return True

    @property
    def single(self) -> bool:
        """Whether ``equation`` takes integers alone, also for the sample."""
        return False

    @property
    def carries(self) -> bool:
        """Whether it makes a gradient on the way back from the loss; slopes are none."""
        return self.phase is Phase.BACKWARD and self.target.role is not Role.SLOPE

    def equation(self, index: Index) -> Expr:
        """The arithmetic of one element.

        Args:
            index: integers from 0, or an open mesh; the sample comes first where the extent is not ``once``.

        Returns:
            The value of the element; for an extent ``sum``, the contribution of the sample.
        """
        raise NotImplementedError

    @property
    def cut(self) -> tuple[Array, ...]:
        """The inputs that no gradient goes back to though the value depends on them: truncated backpropagation."""
        return ()

    def reads(self, ref: Ref) -> NDArray[np.bool_] | None:
        """Which elements read a slot of an input, in the shape of the target without the sample.

        Args:
            ref: the slot; of a batched array its own sample counts.

        Returns:
            None where the equation, called with an open mesh, says so itself.
        """
        del ref
        return None

    @property
    def choosy(self) -> bool:
        """Whether values decide which slots are read, so that ``reads`` names some that are not."""
        return False

    def undeviated(self, index: Index) -> Expr | None:
        """The equation that the scenario states, where this one deviates from it; else None."""
        del index
        return None

    def kernel(self, space: Workspace) -> Kernel | None:
        """A hand-written kernel with the same bits as the equation, or None to have one made from it."""
        return None

    def gradient(self, builder: GradientPass) -> None:
        """Appends the ops of this op's gradient; ops without one contribute nothing."""

    def why(self, target: str) -> str:
        """The question that the step answers, in one sentence.

        Args:
            target: the symbol of the slot.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One use of an array, as its gradient sees it: the terms that the use contributes."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The arrays that the terms read."""
        raise NotImplementedError

    @property
    def meshable(self) -> bool:
        """Whether ``term`` may be called with an open mesh of elements; else it needs a kernel of its own."""
        return True

    @property
    def region(self) -> tuple[tuple[int, int], ...] | None:
        """Where the use reads a part of the array only: (first, stop) of each axis after the sample's, else None."""
        return None

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The elements of the array, without the sample, that the use reads, of a use that has no region; None for all.

        The kernel of such a part puts −0 elsewhere.
        """
        return None

    def term(self, index: Index) -> Expr:
        """The contribution to one element: of a batched array at (sample, element), else of one sample.

        The element is in the region of the use.
        """
        raise NotImplementedError

    def covers(self, element: Index) -> bool:
        """Whether the use reads an element, given without the sample."""
        if self.mask is not None and not self.mask[element]:
            return False
        if self.region is None:
            return True
        return all(first <= part < stop for part, (first, stop) in zip(element, self.region, strict=True))

    def reads(self, ref: Ref) -> NDArray[np.bool_] | None:
        """Which elements of the array, without the sample, have a term that reads a slot; see ``Op.reads``."""
        del ref
        return None

    @property
    def choosy(self) -> bool:
        """Whether values decide which slots are read, so that ``reads`` names some that are not."""
        return False

    def why(self, target: str) -> str | None:
        """The question that the gradient answers where this is the only use of the array; None for the usual one."""
        del target
        return None

    def local(self, index: Index) -> tuple[Ref, Expr] | None:
        """The gradient slot that a single-term use multiplies, and its local derivative; None for a sum."""
        return None

    def kernel(self, space: Workspace, out: Floats, summed: bool) -> Kernel | None:
        """A hand-written kernel for the whole array, or None.

        Args:
            space: the workspace.
            out: gets the part: the target's shape, in a region the shape of that; C-contiguous.
            summed: whether the array has no sample axis, so that the samples' contributions are to be added up.
        """
        return None

    def contributions(self, space: Workspace, out: Floats) -> Kernel | None:
        """A hand-written kernel for the contributions of each sample to an array without a sample axis, or None.

        Args:
            space: the workspace.
            out: (batch, *shape of the array), C-contiguous.
        """
        return None

    def total(self, space: Workspace, parts: Sequence[Part], out: Floats) -> Kernel | None:
        """A hand-written kernel for the whole gradient of an array without a sample axis, or None.

        Args:
            space: the workspace.
            parts: all uses of the array, which are of this part's class; the first of them is asked.
            out: gets the gradient; C-contiguous.
        """
        return None

    def several(self, space: Workspace, parts: Sequence[Part]) -> tuple[Sequence[Floats], Kernel] | None:
        """A hand-written kernel for consecutive uses of an array with a sample axis, or None.

        Args:
            space: the workspace.
            parts: two or more uses of this part's class and region; the first of them is asked.

        Returns:
            What is added up, in order, each of the shape of the array or of the region, and what computes it all.
        """
        return None
