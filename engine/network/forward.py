"""The forward pass while it is being built: what the layers of a network know of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.engine.equations.activation_table import ACTIVATIONS, LOG_SOFTMAX, SOFTMAX
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.late import late
from retrograde.engine.layers.base import ActivatedLayer, Layer, Value
from retrograde.engine.network.builder import Builder
from retrograde.engine.ops.activation import Activate, make_function
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.leaves import Dated, First, Leaves, Source

if TYPE_CHECKING:
    from retrograde.engine.ops import log_softmax, softmax
else:
    log_softmax = late("retrograde.engine.ops.log_softmax")
    softmax = late("retrograde.engine.ops.softmax")


class Softmax(NamedTuple):
    """The arrays of a softmax besides its shares."""

    net: Array
    maximum: Array
    normaliser: Array


class ForwardPass:
    """The forward pass so far.

    Attributes:
        builder: what the ops are appended to.
        batch: samples in the iteration.
        train: whether the iteration trains; else it evaluates (no dropout, running statistics).
        values: the output of each layer that is built, by name.
        starts: what the layer that is being built is given for each sample, such as an initial state, by name.
        cells: the cells of each recurrent layer that is built; None where it has none.
        softmax: the arrays behind the outputs of a softmax.
        dated: the leaves that have other values in each iteration.
        renewals: arrays of the state with the ops that make their new values, once the parameters are updated.
        layer: the layer that is being built.
        mask: (batch, time): 1 for steps of a sequence that count, 0 for those that fill it up; None without lengths.
        of_positions: whether the mask is stated as one, so that it is of arrays too; lengths are of time steps alone.
        length: (batch,): how many steps count; None without lengths.
        counts: (batch, positions): 1 for targets that count, 0 for those that are ignored; None where none is.
        counted: (batch,): how many count; None where none is ignored.
        weight: (batch,): the weight of each sample; None without weights.
        seed: the seed of the network, for what is drawn at random in each iteration.
    """

    layer: Layer

    def __init__(
        self,
        builder: Builder,
        *,
        train: bool,
        parameters: Mapping[str, Mapping[str, Array]],
        seed: int = 0,
        given: Mapping[str, Mapping[str, Floats]] | None = None,
    ) -> None:
        self.builder = builder
        self.batch = builder.batch
        self.train = train
        self.values: dict[str, Value] = {}
        self.starts: dict[str, Array] = {}
        self.cells: dict[str, list[tuple[Array, ...]] | None] = {}
        self.softmax: dict[Array, Softmax] = {}
        self.dated: list[Dated] = []
        self.renewals: list[tuple[Array, Op]] = []
        self.mask: Array | None = None
        self.of_positions = False
        self.length: Array | None = None
        self.counts: Array | None = None
        self.counted: Array | None = None
        self.weight: Array | None = None
        self.seed = seed
        self._parameters = parameters
        self._given = given or {}

    @property
    def leaves(self) -> Leaves:
        """The arrays that outlive the program: memory and hyperparameters."""
        return self.builder.leaves

    def parameter(self, name: str) -> Array:
        """A parameter of the layer that is being built, by its name before the layer's: ``W``."""
        return self.builder.seen(self._parameters[self.layer.name][name])

    def made(
        self,
        stem: str,
        shape: tuple[int, ...],
        *,
        role: Role = Role.VALUE,
        time: int | None = None,
        sign: str = "",
        batched: bool = True,
        of: Array | None = None,
    ) -> Array:
        """A new array of the layer that is being built, which an op is going to make.

        Args:
            stem: its name before the layer's, and that of its slots: ``net`` gives ``net_h``, with ``net_h1``.
            shape: the shape for one sample.
            role: what it is.
            time: the time step, from 1, where there is one array a time step.
            sign: the stem on the screen, where it is not ASCII.
            batched: whether there is one for each sample.
            of: the array that it belongs to.
        """
        name = f"{stem}_{self.layer.name}" + ("" if time is None else f"@{time}")
        return self.builder.array(
            name,
            (self.batch, *shape) if batched else shape,
            role=role,
            layer=self.layer.name,
            batched=batched,
            of=of,
            stem=stem,
            sign=sign,
            time=time,
        )

    def append(self, op: Op) -> Array:
        """Appends an op; returns its target."""
        return self.builder.append(op)

    def changing(self, array: Array, source: Source) -> Array:
        """A leaf with other values in each iteration, such as a dropout mask; the first may be given by a file."""
        name = array.stem if array.time is None else f"{array.stem}@{array.time}"
        first = self._given.get(self.layer.name, {}).get(name)
        if first is not None and first.shape == array.shape:
            source = First(given=first, later=source)
        self.dated.append(Dated(array=array, source=source))
        return array

    def renewed(self, array: Array) -> Array:
        """A new array that replaces an array of the state after the iteration; an op is going to make it."""
        return self.builder.renewed(array)

    def renew(self, array: Array, op: Op) -> None:
        """Lets an op that is appended after the updates of the parameters make the new value of an array of the state.

        Args:
            array: the array, from ``leaves.remembered``.
            op: an op of the phase update, whose target is ``builder.renewed(array)``.
        """
        self.renewals.append((array, op))

    def masked(self, steps: int) -> Array | None:
        """The mask of sequences of so many steps; None where all steps count."""
        return self.mask if self.mask is not None and self.mask.shape[1] == steps else None

    def each(self, value: Value, build: Callable[[Array, int | None], Array]) -> Value:
        """Builds once for an array, or once for each time step of a sequence; ``build`` gets the time, from 1."""
        if isinstance(value, Array):
            return build(value, None)
        return tuple(build(array, time) for time, array in enumerate(value, 1))

    def together(self, values: Sequence[Value], build: Callable[[Sequence[Array], int | None], Array]) -> Value:
        """Builds once for several arrays, or once for each time step of several sequences of one length."""
        arrays = [value for value in values if isinstance(value, Array)]
        if len(arrays) == len(values):
            return build(arrays, None)
        sequences = [value for value in values if not isinstance(value, Array)]
        return tuple(build(now, time) for time, now in enumerate(zip(*sequences, strict=True), 1))

    def activate(self, net: Array, layer: ActivatedLayer, *, stem: str = "out") -> Array:
        """Appends the activation of a layer to its net inputs; a softmax runs over the last axis."""
        row = ACTIVATIONS[layer.activation]
        if row is SOFTMAX:
            return self.shares(net, stem)
        if row is LOG_SOFTMAX:
            return self._log_shares(net, stem)
        parameter = row.given(layer)
        function = make_function(layer.activation, parameter)
        fields = {"function": function, "activation": layer.activation, "parameter": parameter}
        return self._op(Activate, stem, net.element_shape, Role.OUT, net, net=net, **fields)

    def _op(
        self, kind: Callable[..., Op], stem: str, shape: tuple[int, ...], role: Role, source: Array, **fields: Any
    ) -> Array:
        """Appends an op of the layer that is being built; returns its target.

        Args:
            kind: the op.
            stem: what its target is called before the layer's name.
            shape: the shape of that for one sample.
            role: what it is.
            source: what it is made from, at whose time step it is.
            fields: what the op has besides.
        """
        target = self.made(stem, shape, role=role, time=source.time)
        return self.append(
            kind(target=target, phase=Phase.FORWARD, layer=self.layer.name, extent=Extent.SAMPLE, **fields)
        )

    def shares(self, net: Array, stem: str, *, role: Role = Role.OUT, causal: bool = False) -> Array:
        """Appends the four ops of a softmax over the last axis; returns the shares.

        Args:
            net: the net inputs.
            stem: what the shares are called before the layer's name.
            role: what they are.
            causal: whether position t of the last axis but one sees only those up to t of the last.
        """
        maximum, exponentials, normaliser = self._exponentials(net, causal=causal)
        sums = {"exponentials": exponentials, "normaliser": normaliser}
        shares = self._op(softmax.Quotient, stem, net.element_shape, role, net, causal=causal, **sums)
        self.softmax[shares] = Softmax(net, maximum, normaliser)
        return shares

    def _log_shares(self, net: Array, stem: str) -> Array:
        """Appends the four ops of a logarithm of a softmax; returns the logarithms."""
        maximum, _exponentials, normaliser = self._exponentials(net)
        fields = {"net": net, "maximum": maximum, "normaliser": normaliser}
        return self._op(log_softmax.LogShare, stem, net.element_shape, Role.OUT, net, **fields)

    def _exponentials(self, net: Array, *, causal: bool = False) -> tuple[Array, Array, Array]:
        """Appends the maximum of each row, the exponentials, and their sum."""
        rows, shape = net.element_shape[:-1], net.element_shape
        maximum = self._op(softmax.RowMaximum, "max", rows, Role.MAXIMUM, net, net=net, causal=causal)
        exponentials = self._op(
            softmax.Exponential, "e", shape, Role.EXPONENTIAL, net, net=net, maximum=maximum, causal=causal
        )
        normaliser = self._op(softmax.RowSum, "S", rows, Role.NORMALISER, net, exponentials=exponentials, causal=causal)
        return maximum, exponentials, normaliser
