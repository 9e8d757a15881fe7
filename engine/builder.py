"""The builder: appends ops in the order in which they are revealed, and their gradients after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrograde.engine.array import Array, Extent, Phase, Role
from retrograde.engine.leaves import Leaves
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.update import OPTIMISERS


class Builder:
    """Collects the ops of one iteration.

    A gradient rule calls ``close`` for the gradient of its op's target and ``contribute`` for each array that the op
    reads. A parameter's gradient is closed as soon as its last use has contributed; with ``in_place`` the parameter
    is updated right there, and later reads see the new value.

    Attributes:
        ops: the ops so far.
        batch: samples in the iteration.
        leaves: the arrays that outlive the program.
        settings: the training settings of the scenario, by name; empty where there is none.
        updated: the array that replaces each array of the state: parameters, then memory.
    """

    def __init__(
        self,
        *,
        batch: int,
        rate: Array,
        trainable: Iterable[Array],
        in_place: bool,
        optimiser: str = "sgd",
        leaves: Leaves | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.batch = batch
        self.leaves = leaves or Leaves()
        self.settings = settings or {}
        self.ops: list[Op] = []
        self.updated: dict[Array, Array] = {}
        self._rate = rate
        self._in_place = in_place
        self._optimiser = optimiser
        self._wanted: set[Array] = set(trainable)
        self._trainable = tuple(trainable)
        self._parts: dict[Array, list[Part]] = {}
        self._uses: dict[Array, int] = {}
        self._gradients: dict[Array, Array] = {}

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
        return Array(
            name=name,
            shape=shape,
            role=role,
            layer=layer,
            batched=batched,
            of=of,
            stem=stem,
            sign=sign,
            time=time,
        )

    def renewed(self, array: Array) -> Array:
        """A new array that replaces an array of the state after the iteration; an op is going to make it."""
        return self.array(
            f"new({array.name})", array.shape, role=Role.UPDATED, layer=array.layer, of=array, time=array.time
        )

    def remember(self, array: Array, new: Array) -> None:
        """Lets ``new`` replace an array of the state when the iteration ends."""
        self.updated[array] = new

    def append(self, op: Op) -> Array:
        """Appends an op and returns its target, which needs a gradient when an input does."""
        self.ops.append(op)
        if op.phase in {Phase.FORWARD, Phase.LOSS}:
            for array in op.inputs:
                self._uses[array] = self._uses.get(array, 0) + 1
            if any(array in self._wanted for array in op.inputs):
                self._wanted.add(op.target)
        return op.target

    def latest(self, array: Array) -> Array:
        """What a read of a parameter sees: w, or w⁺ once it is updated."""
        return self.updated.get(array, array)

    def contribute(self, to: Array, part: Part) -> None:
        """Adds one use of an array to its gradient; nothing happens where no gradient is wanted."""
        if to not in self._wanted:
            return
        self._parts.setdefault(to, []).append(part)
        if to in self._trainable and len(self._parts[to]) == self._uses[to]:
            gradient = self.close(to)
            if self._in_place and gradient is not None:
                self._update(to, gradient)

    def close(self, array: Array) -> Array | None:
        """The gradient of an array: one op that adds up all contributions, or None when there are none."""
        if array in self._gradients:
            return self._gradients[array]
        parts = self._parts.get(array)
        if not parts:
            return None
        target = self.array(
            f"grad({array.name})",
            array.shape,
            role=Role.GRADIENT,
            layer=array.layer,
            batched=array.batched,
            of=array,
            time=array.time,
        )
        self.append(
            Gradient(
                target=target,
                phase=Phase.BACKWARD,
                layer=array.layer,
                extent=Extent.SAMPLE if array.batched else Extent.SUM,
                parts=tuple(parts),
            )
        )
        self._gradients[array] = target
        return target

    def differentiate(self) -> None:
        """Appends the backward pass of all ops so far, the last first."""
        for op in reversed(tuple(self.ops)):
            op.gradient(self)
        for array in self._trainable:
            self.close(array)

    def update(self) -> None:
        """Appends the updates of the parameters that have not been updated in place."""
        for array in self._trainable:
            gradient = self._gradients.get(array)
            if gradient is not None and array not in self.updated:
                self._update(array, gradient)

    def _update(self, array: Array, gradient: Array) -> None:
        self.updated[array] = OPTIMISERS[self._optimiser].append(self, array, gradient, self._rate)
