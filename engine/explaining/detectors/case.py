"""A training as the doctor knows it before it runs: its layers, its losses, and a program that shows every unit.

Units are judged over all data and not over a batch: by the forward pass of the evaluation, with a slope behind every
activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.activation_table import ACTIVATIONS, Elementwise
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.losses import LOSSES, VALUE, Loss
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.program import Program
from retrograde.engine.ops.activation import Activate, Slope
from retrograde.engine.scenario.rules.pairs import ending
from retrograde.engine.scenario.shapes import INPUT_LAYER

if TYPE_CHECKING:
    from retrograde.engine.equations.arithmetic import Floats
    from retrograde.engine.network.frame import Frame
    from retrograde.engine.network.network import LayerInfo, Network
    from retrograde.engine.scenario.models import LossTable
    from retrograde.engine.travel.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output:
    """A loss with the layer that it looks at and its targets.

    Attributes:
        layer: the layer.
        activation: the name of the activation whose values it hands on; empty where none is known.
        loss: the row of the loss.
        table: its table in the scenario.
        targets: (samples, width).
    """

    layer: LayerInfo
    activation: str
    loss: Loss
    table: LossTable
    targets: Floats

    @property
    def classes(self) -> Floats | None:
        """The class of each row of targets, from 0; None where they are no classes."""
        width = self.layer.form.shape[-1] if self.layer.form.shape else 1
        rows = self.targets.reshape(-1, width)
        if not bool(np.all((rows == 0) | (rows == 1))):
            return None
        if width == 1:
            return rows[:, 0] if self.loss.targets != "numbers" or len(np.unique(rows)) == 2 else None
        return rows.argmax(axis=1) if bool(np.all(rows.sum(axis=1) == 1)) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """The activations of one layer, at each time step: net inputs, outputs and slopes.

    Attributes:
        layer: the layer.
        row: the activation.
        nets: the net inputs.
        outs: the outputs.
        slopes: the slopes; none of the identity.
        last: whether a loss looks at the layer.
        own: whether it is the activation of the layer, and not that of a gate in it.
    """

    layer: str
    row: Elementwise
    nets: tuple[Array, ...]
    outs: tuple[Array, ...]
    slopes: tuple[Array, ...]
    last: bool
    own: bool

    @property
    def name(self) -> str:
        """What it is called: the layer, of a gate with its name."""
        stem = self.outs[0].stem
        return self.layer if self.own else f"{stem} of {self.layer}"

    def by_unit(self, frame: Frame, arrays: tuple[Array, ...]) -> Floats:
        """The values of some arrays, (samples and whatever else, units)."""
        return np.concatenate([by_unit(frame.array(array)) for array in arrays])


def by_unit(values: Floats) -> Floats:
    """Values of a batch with the units, of a convolution the channels, as the last axis and all else before it."""
    axis = 1 if values.ndim == 4 else values.ndim - 1
    moved = np.moveaxis(values, axis, -1)
    return moved.reshape(-1, moved.shape[-1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighed:
    """A layer with trained weights.

    Attributes:
        layer: its name.
        weights: its trained weights, without biases.
    """

    layer: str
    weights: tuple[Array, ...]


class Case:
    """A training before it runs.

    Args:
        timeline: the states of the run.
        iterations: how many iterations it has.

    Attributes:
        timeline: the states.
        network: the network.
        iterations: how many iterations there are.
        per_epoch: iterations in an epoch.
    """

    def __init__(self, timeline: Timeline, iterations: int) -> None:
        self.timeline = timeline
        self.network: Network = timeline.network
        self.iterations = iterations
        self.per_epoch = timeline.schedule.per_epoch

    @property
    def samples(self) -> int:
        """Samples of the training data."""
        return self.timeline.schedule.samples

    @property
    def epochs(self) -> int:
        """Complete epochs."""
        return self.iterations // self.per_epoch

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """What the losses look at; not those that are the output itself."""
        network = self.network
        goals = [loss for loss in network.losses if loss.kind != VALUE.name]
        first = 1 if network.inputs else 0
        found = []
        shapes = network.scenario.shapes
        for number, table in enumerate(goals):
            at = next(at for at, info in enumerate(network.layers) if info.name == table.layer)
            layer = network.layers[at]
            found.append(
                Output(
                    layer=layer,
                    activation=ending(shapes, at),
                    loss=LOSSES[table.kind],
                    table=table,
                    targets=network.columns[first + number],
                )
            )
        return tuple(found)

    @cached_property
    def weighed(self) -> tuple[Weighed, ...]:
        """The layers with trained weights, in the order of the network."""
        state = self.network.state
        found = []
        for info in self.network.layers:
            own = tuple(array for array in state if array.layer == info.name and array.role is Role.WEIGHT)
            if own:
                found.append(Weighed(layer=info.name, weights=own))
        return tuple(found)

    @cached_property
    def program(self) -> Program:
        """The evaluation over all samples, with the slope behind every activation."""
        base = self.network.evaluation(self.samples)
        ops = list(base.ops)
        for op in base.ops:
            if isinstance(op, Activate) and op.function is not None:
                name = f"slope({op.target.name})"
                target = Array(
                    name=name,
                    shape=op.target.shape,
                    role=Role.SLOPE,
                    layer=op.layer,
                    batched=True,
                    of=op.target,
                    time=op.target.time,
                )
                ops.append(
                    Slope(
                        target=target,
                        phase=Phase.BACKWARD,
                        layer=op.layer,
                        extent=Extent.SAMPLE,
                        net=op.net,
                        out=op.target,
                        activation=op.activation,
                        parameter=op.parameter,
                    )
                )
        dated = {leaf.array for leaf in base.dated}
        return Program(
            ops,
            batch=base.batch,
            state=base.state,
            updates=(),
            data=base.data,
            constants=[array for array in base.leaves if array not in {*base.data, *dated}],
            dated=base.dated,
        )

    @cached_property
    def _executor(self) -> KernelExecutor:
        blas = self.network.scenario.network.arithmetic == "blas"
        return KernelExecutor(self.program, self.timeline.constants, blas=blas)

    def evaluated(self, state: Floats) -> Frame:
        """Every unit for every sample under a state."""
        program, executor = self.program, self._executor
        dated = [leaf.source.values(0, self.per_epoch) for leaf in program.dated]
        return executor.frame(state, executor.leaves(self.network.columns, range(self.samples), dated))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The activations, in the order of the forward pass."""
        last = {output.layer.name for output in self.outputs} or {self.network.layers[-1].name}
        slopes = {array.of: array for array in self.program.arrays if array.role is Role.SLOPE}
        found: dict[tuple[str, str], list[Activate]] = {}
        for op in self.program.ops:
            if isinstance(op, Activate):
                found.setdefault((op.layer, op.target.stem), []).append(op)
        made = []
        for (layer, _stem), ops in found.items():
            row = ACTIVATIONS[ops[0].activation]
            assert isinstance(row, Elementwise)
            made.append(
                Group(
                    layer=layer,
                    row=row,
                    nets=tuple(op.net for op in ops),
                    outs=tuple(op.target for op in ops),
                    slopes=tuple(slopes[op.target] for op in ops if op.target in slopes),
                    last=layer in last,
                    own=ops[0].target.role is Role.OUT,
                )
            )
        return tuple(made)

    @cached_property
    def first_layers(self) -> tuple[LayerInfo, ...]:
        """The layers that read the inputs."""
        return tuple(info for info in self.network.layers if INPUT_LAYER in info.sources)

    def address(self, iteration: int) -> str:
        """A moment as people write it: epoch and iteration, from 1."""
        epoch, within = divmod(iteration, self.per_epoch)
        return f"{epoch + 1}:{within + 1}"
