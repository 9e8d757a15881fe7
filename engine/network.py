"""The network of a scenario: its layers, its parameters, and the program of one iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrograde.engine.arithmetic import Floats
from retrograde.engine.array import Array, Extent, Phase, Role
from retrograde.engine.builder import Builder
from retrograde.engine.data import Dataset, load_data
from retrograde.engine.functions import ACTIVATIONS
from retrograde.engine.initial import initial_parameters
from retrograde.engine.models import Layer, Scenario
from retrograde.engine.notation import LayerNames, Notation
from retrograde.engine.ops.activation import Activate, make_function
from retrograde.engine.ops.dense import Dense
from retrograde.engine.ops.loss import LOSSES, CrossEntropy, LossTerm, Total
from retrograde.engine.ops.softmax import Exponential, Quotient, RowMaximum, RowSum
from retrograde.engine.program import Program

INPUT_LAYER = "i"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerInfo:
    """A layer as the rest of the program sees it.

    Attributes:
        name: the layer's name.
        units: its width.
        activation: the name of its activation.
        weights: W, (units, sources).
        bias: b, (units,) or (1,) when shared; None when absent.
        source: the name of the layer that feeds it.
    """

    name: str
    units: int
    activation: str
    weights: Array
    bias: Array | None
    source: str


class Network:
    """The network of a scenario with its data.

    Args:
        scenario: a validated scenario.

    Attributes:
        scenario: the scenario.
        dataset: its data.
        layers: the layers, the first hidden one first.
        notation: how the slots are called.
        parameters: the initial value of every parameter array.
        trainable: the parameter arrays that training changes, in the order of the state.
        rate: the learning rate η.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.dataset: Dataset = load_data(scenario)
        self.rate = Array(name="lr", shape=(), role=Role.RATE)
        self.parameters: dict[Array, Floats] = {}
        layers: list[LayerInfo] = []
        trainable: list[Array] = []
        drawn = initial_parameters(scenario)
        source, width = INPUT_LAYER, scenario.network.inputs
        names = [
            LayerNames(
                name=INPUT_LAYER,
                units=width,
                sources=0,
                activation="identity",
                bias="none",
                numbering="target",
            )
        ]
        for layer in scenario.network.layers:
            name = layer.name
            values, bias_values = drawn[name]
            weights = Array(name=f"W_{name}", shape=(layer.units, width), role=Role.WEIGHT, layer=name)
            self.parameters[weights] = values
            bias = None
            if bias_values is not None:
                bias = Array(name=f"b_{name}", shape=bias_values.shape, role=Role.BIAS, layer=name)
                self.parameters[bias] = bias_values
            if "weights" not in layer.frozen:
                trainable.append(weights)
            if bias is not None and "bias" not in layer.frozen:
                trainable.append(bias)
            layers.append(
                LayerInfo(
                    name=name,
                    units=layer.units,
                    activation=layer.activation,
                    weights=weights,
                    bias=bias,
                    source=source,
                )
            )
            names.append(
                LayerNames(
                    name=name,
                    units=layer.units,
                    sources=width,
                    activation=layer.activation,
                    bias=layer.bias,
                    numbering=layer.numbering or scenario.network.numbering,
                )
            )
            source, width = name, layer.units
        self.layers = tuple(layers)
        self.trainable = tuple(trainable)
        self.notation = Notation(names[0], names[1:])
        self._programs: dict[int, Program] = {}

    @property
    def inputs(self) -> int:
        """Width of the input layer."""
        return self.scenario.network.inputs

    @cached_property
    def initial_state(self) -> Floats:
        """The trained parameters before the first iteration, flat."""
        pieces = [self.parameters[array].ravel() for array in self.trainable]
        state = np.concatenate(pieces) if pieces else np.empty(0)
        state.setflags(write=False)
        return state

    @cached_property
    def constants(self) -> Mapping[Array, Floats]:
        """The values of the leaves that are not data: frozen parameters and the learning rate."""
        found = {array: values for array, values in self.parameters.items() if array not in self.trainable}
        found[self.rate] = np.array(self.scenario.training.learning_rate)
        return found

    def program(self, batch: int) -> Program:
        """The program of an iteration over ``batch`` samples."""
        program = self._programs.get(batch)
        if program is None:
            program = self._programs[batch] = self._build(batch, train=True)
        return program

    def evaluation(self, batch: int) -> Program:
        """The forward pass and the loss alone, over ``batch`` samples."""
        return self._build(batch, train=False)

    def _build(self, batch: int, *, train: bool) -> Program:
        builder = Builder(
            batch=batch,
            rate=self.rate,
            trainable=self.trainable,
            in_place=self.scenario.training.update == "in_place",
            optimiser=self.scenario.training.optimizer,
        )
        inputs = Array(
            name=INPUT_LAYER,
            shape=(batch, self.inputs),
            role=Role.INPUT,
            layer=INPUT_LAYER,
            batched=True,
        )
        out, softmax = inputs, None
        for info, layer in zip(self.layers, self.scenario.network.layers, strict=True):
            net = builder.append(
                Dense(
                    target=builder.array(
                        f"net_{info.name}", (batch, info.units), role=Role.NET, layer=info.name, batched=True
                    ),
                    phase=Phase.FORWARD,
                    layer=info.name,
                    extent=Extent.SAMPLE,
                    x=out,
                    weights=info.weights,
                    bias=info.bias,
                )
            )
            if info.activation == "softmax":
                softmax = _append_softmax(builder, info, net)
                out = softmax[-1]
            else:
                out = _append_activation(builder, info, layer, net)
        last = self.layers[-1]
        goal = Array(
            name=f"t_{last.name}",
            shape=(batch, last.units),
            role=Role.TARGET,
            layer=last.name,
            batched=True,
        )
        self._append_loss(builder, last, out, goal, softmax)
        if train:
            builder.differentiate()
            builder.update()
        state = [array for array in self.trainable if not train or array in builder.updated]
        leaves = [inputs, goal, *self.constants]
        return Program(
            builder.ops,
            batch=batch,
            state=state,
            updates=[builder.updated[array] for array in state] if train else (),
            leaves=leaves,
        )

    def _append_loss(
        self,
        builder: Builder,
        last: LayerInfo,
        out: Array,
        goal: Array,
        softmax: tuple[Array, Array, Array, Array] | None,
    ) -> None:
        loss = self.scenario.loss
        batch = goal.shape[0]
        count = (last.units if loss.over_outputs == "mean" else 1) * (batch if loss.over_batch == "mean" else 1)
        terms = builder.array(f"E_{last.name}", goal.shape, role=Role.LOSS, layer=last.name, batched=True)
        if loss.kind == "cross_entropy":
            assert softmax is not None
            net, maximum, normaliser, shares = softmax
            builder.append(
                CrossEntropy(
                    target=terms,
                    phase=Phase.LOSS,
                    layer=last.name,
                    extent=Extent.SAMPLE,
                    net=net,
                    maximum=maximum,
                    normaliser=normaliser,
                    out=shares,
                    goal=goal,
                    count=count,
                )
            )
        else:
            row = LOSSES[loss.kind]
            builder.append(
                LossTerm(
                    target=terms,
                    phase=Phase.LOSS,
                    layer=last.name,
                    extent=Extent.SAMPLE,
                    out=out,
                    goal=goal,
                    loss=loss.kind,
                    parameter=loss.delta if row.parameter and loss.delta is not None else row.default,
                    count=count,
                )
            )
        builder.append(
            Total(
                target=builder.array("E", (), role=Role.TOTAL, layer=last.name),
                phase=Phase.LOSS,
                layer=last.name,
                extent=Extent.SUM,
                loss_terms=terms,
            )
        )


def _append_activation(builder: Builder, info: LayerInfo, layer: Layer, net: Array) -> Array:
    row = ACTIVATIONS[info.activation]
    given = getattr(layer, row.parameter) if row.parameter else None
    parameter = row.default if given is None else given
    return builder.append(
        Activate(
            target=builder.array(f"out_{info.name}", net.shape, role=Role.OUT, layer=info.name, batched=True),
            phase=Phase.FORWARD,
            layer=info.name,
            extent=Extent.SAMPLE,
            net=net,
            function=make_function(info.activation, parameter),
            activation=info.activation,
            parameter=parameter,
        )
    )


def _append_softmax(builder: Builder, info: LayerInfo, net: Array) -> tuple[Array, Array, Array, Array]:
    """Appends the four ops of a softmax; returns net inputs, maximum, normaliser and shares."""
    name, samples = info.name, net.shape[:1]

    def made(stem: str, shape: tuple[int, ...], role: Role) -> Array:
        return builder.array(f"{stem}_{name}", shape, role=role, layer=name, batched=True)

    phase, extent = Phase.FORWARD, Extent.SAMPLE
    maximum = builder.append(
        RowMaximum(target=made("max", samples, Role.MAXIMUM), phase=phase, layer=name, extent=extent, net=net)
    )
    exponentials = builder.append(
        Exponential(
            target=made("e", net.shape, Role.EXPONENTIAL),
            phase=phase,
            layer=name,
            extent=extent,
            net=net,
            maximum=maximum,
        )
    )
    normaliser = builder.append(
        RowSum(
            target=made("S", samples, Role.NORMALISER),
            phase=phase,
            layer=name,
            extent=extent,
            exponentials=exponentials,
        )
    )
    shares = builder.append(
        Quotient(
            target=made("out", net.shape, Role.OUT),
            phase=phase,
            layer=name,
            extent=extent,
            exponentials=exponentials,
            normaliser=normaliser,
        )
    )
    return net, maximum, normaliser, shares
