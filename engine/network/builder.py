"""The builder: appends ops in the order in which they are revealed, and their gradients after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.leaves import Dated, Leaves, Source
from retrograde.engine.ops.penalty import Penalties
from retrograde.engine.ops.update.appending import AHEAD, LayerRate, Updates
from retrograde.engine.ops.update.clip import limited, shortened
from retrograde.engine.ops.update.learning_rate import current_rate, note_epoch
from retrograde.engine.ops.update.starts import Starts
from retrograde.engine.ops.update.table import APPEND


class Builder:
    """Collects the ops of one iteration.

    A gradient rule calls ``close`` for the gradient of its op's target and ``contribute`` for each array that the op
    reads. A parameter's gradient is closed as soon as its last use has contributed; with ``in_place`` the parameter
    is updated right there, and later reads see the new value. With penalties, what is closed is the gradient ∂L/∂w of
    the samples' loss, and that of E follows from it.

    Attributes:
        ops: the ops so far.
        batch: samples in the iteration.
        leaves: the arrays that outlive the program.
        settings: the training settings of the scenario, by name; empty where there is none.
        rate: η.
        initial_rate: η when the training begins.
        rates: the layers whose learning rate is another one, by name.
        starts: what is remembered before the first update.
        total: E, once it is appended.
        penalties: what E has besides the loss of the samples.
        dated: the leaves of the updates that have other values in each iteration.
        updated: the array that replaces each array of the state: parameters, then memory.
    """

    total: Array

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
        rates: Mapping[str, LayerRate] | None = None,
        starts: Starts | None = None,
    ) -> None:
        self.batch = batch
        self.leaves = leaves or Leaves()
        self.settings = settings or {}
        self.rate = rate
        self.initial_rate = float(self.settings.get("learning_rate") or 0.0)
        self.rates = rates or {}
        self.starts = starts or Starts()
        self.penalties = Penalties(self.settings)
        self.ops: list[Op] = []
        self.dated: list[Dated] = []
        self.updated: dict[Array, Array] = {}
        self._in_place = in_place
        self._asked: list[Array] = []
        self._ahead: dict[Array, Array] = {}
        self._behind: dict[Array, Array] = {}
        self._optimiser = optimiser
        self._updates = Updates(self, optimiser, current_rate)
        self._append_update = APPEND[optimiser]
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

    def changing(self, name: str, source: Source, sign: str = "") -> Array:
        """A number with another value in each iteration, a leaf of its updates."""
        array = self.array(name, (), role=Role.VALUE, layer="", sign=sign)
        self.dated.append(Dated(array=array, source=source))
        return array

    def ask(self, leaf: Array) -> None:
        """Asks for the gradient by a leaf that is not trained, such as a state before the first step."""
        self._wanted.add(leaf)
        self._asked.append(leaf)

    def append(self, op: Op) -> Array:
        """Appends an op and returns its target, which needs a gradient when an input does."""
        self.ops.append(op)
        if op.phase in {Phase.FORWARD, Phase.LOSS}:
            for array in map(self._own, op.inputs):
                self._uses[array] = self._uses.get(array, 0) + 1
            if any(self._own(array) in self._wanted for array in op.inputs):
                self._wanted.add(op.target)
        return op.target

    def look_ahead(self) -> None:
        """Appends ŵ of each parameter that is trained, where the options of the optimiser ask for it.

        The network runs with these; the gradient by one is that of its parameter, and is called so.
        """
        updates = self._updates
        if not updates.options.get("look_ahead"):
            return
        updates.phase = Phase.FORWARD
        for array in self._trainable:
            updates.layer = array.layer
            ahead = AHEAD[self._optimiser](updates, array)
            self._ahead[array], self._behind[ahead] = ahead, array
        updates.phase = Phase.UPDATE
        self._wanted.difference_update(self._ahead.values())
        self._uses.clear()

    def seen(self, array: Array) -> Array:
        """What the network runs with: w, or ŵ where the optimiser looks ahead."""
        return self._ahead.get(array, array)

    def _own(self, array: Array) -> Array:
        """The parameter that an array stands for where the optimiser looks ahead; else the array."""
        return self._behind.get(array, array)

    def latest(self, array: Array) -> Array:
        """What a read of a parameter sees: w, or w⁺ once it is updated."""
        return self.updated.get(array, array)

    def contribute(self, to: Array, part: Part) -> None:
        """Adds one use of an array to its gradient; nothing happens where no gradient is wanted."""
        to = self._own(to)
        if to not in self._wanted:
            return
        self._parts.setdefault(to, []).append(part)
        if to in self._trainable and len(self._parts[to]) == self._uses[to]:
            gradient = self.close(to)
            if self._in_place and gradient is not None:
                self._update(to, limited(self._updates, to, self._penalised(to, gradient)))

    def close(self, array: Array) -> Array | None:
        """The gradient of an array: one op that adds up all contributions, or None when there are none."""
        if array in self._gradients:
            return self._gradients[array]
        parts = self._parts.get(array)
        if not parts:
            return None
        of_samples = array in self._trainable and self.penalties.concern(array)
        target = self.array(
            f"grad_loss({array.name})" if of_samples else f"grad({array.name})",
            array.shape,
            role=Role.VALUE if of_samples else Role.GRADIENT,
            layer=array.layer,
            batched=array.batched,
            of=array,
            stem="grad_loss" if of_samples else "",
            sign="∂L/∂" if of_samples else "",
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
        for array in (*self._trainable, *self._asked):
            self.close(array)

    def conclude(self, loss: Array) -> None:
        """Appends what penalties add to the loss of the samples and to the gradients, where there are any.

        Args:
            loss: the loss of the samples: E itself without penalties.
        """
        # A parameter that the loss does not depend on has no gradient and is not trained: it costs nothing.
        self.total = self.penalties.total(self, loss, self._read_by(loss)) if self.penalties else loss
        for array, gradient in tuple(self._gradients.items()):
            if array in self._trainable:
                self._penalised(array, gradient)

    def _read_by(self, loss: Array) -> tuple[Array, ...]:
        """The trainable parameters that an array depends on; the same ones in training and in evaluation."""
        wanted = {loss}
        for op in reversed(self.ops):
            if op.target in wanted:
                wanted.update(map(self._own, op.inputs))
        return tuple(array for array in self._trainable if array in wanted)

    def _penalised(self, array: Array, gradient: Array) -> Array:
        """The gradient of E by a parameter, from that of the samples' loss."""
        if gradient.role is not Role.GRADIENT:
            gradient = self._gradients[array] = self.penalties.gradient(self, array, gradient)
        return gradient

    def update(self) -> None:
        """Appends the updates of the parameters that have not been updated in place."""
        slopes = [(array, self._gradients[array]) for array in self._trainable if array in self._gradients]
        slopes = [(array, slope) for array, slope in slopes if array not in self.updated]
        shorter = shortened(self._updates, slopes)
        for array, _slope in slopes:
            self._update(array, limited(self._updates, array, shorter[array]))
        note_epoch(self._updates)

    def _update(self, array: Array, gradient: Array) -> None:
        self._updates.layer = array.layer
        self.updated[array] = self._append_update(self._updates, array, gradient)
