"""The network of a scenario: its layers, its parameters, and the program of one iteration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.losses import VALUE
from retrograde.engine.errors import EngineError
from retrograde.engine.layers.base import Form, Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.network.builder import Builder
from retrograde.engine.network.forward import ForwardPass
from retrograde.engine.network.initial import initial_parameters
from retrograde.engine.network.losses import _loss_terms, _value_terms
from retrograde.engine.network.notation import LayerNames, Notation
from retrograde.engine.network.program import Program
from retrograde.engine.network.starts import starts_of
from retrograde.engine.ops.leaves import Leaves
from retrograde.engine.ops.loss import Total
from retrograde.engine.ops.update.appending import LayerRate
from retrograde.engine.ops.update.starts import Starts
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.dataset import Dataset
from retrograde.engine.scenario.models import LossTable, Scenario
from retrograde.engine.scenario.sequences import steps_of
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _


class Edge(NamedTuple):
    """Where a weight leads from and to.

    Attributes:
        source: the name of the layer that it comes from; ``i`` for the inputs.
        column: the unit there, from 0.
        unit: the unit that it leads to, from 0.
    """

    source: str
    column: int
    unit: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerInfo:
    """A layer as the rest of the program sees it.

    Attributes:
        name: the layer's name.
        spec: its table in the scenario.
        form: what it hands on.
        sources: the names of the layers before it; ``i`` for the inputs.
        widths: how many values each of these hands on for a sample (at each time step).
        parameters: its parameters by their name before the layer's: ``W``, ``b``; those of another layer it shares.
    """

    name: str
    spec: Layer
    form: Form
    sources: tuple[str, ...]
    widths: tuple[int, ...]
    parameters: Mapping[str, Array]

    def edge(self, index: tuple[int, ...]) -> Edge:
        """Where the weight at an index of W of a dense layer leads from and to."""
        assert isinstance(self.spec, DenseLayer)
        pairs = self.spec.pairs
        unit, column = index if pairs is None else pairs[index[0]]
        for name, width in zip(self.sources, self.widths, strict=True):
            if column < width:
                return Edge(name, column, unit)
            column -= width
        raise IndexError(index)

    @property
    def units(self) -> int:
        """Number of values that it hands on for a sample (at each time step)."""
        return Form(self.form.shape).size

    @property
    def dense(self) -> bool:
        """Whether it is a dense layer on a row of values, which is drawn as nodes and edges."""
        return isinstance(self.spec, DenseLayer)

    @property
    def activation(self) -> str:
        """The name of its activation."""
        return getattr(self.spec, "activation", "identity")

    @property
    def weights(self) -> Array | None:
        """W, (units, sources), of a layer that has such weights."""
        return self.parameters.get("W")

    @property
    def bias(self) -> Array | None:
        """b, (units,) or (1,) when shared; None when absent."""
        return self.parameters.get("b")

    @property
    def source(self) -> str:
        """The name of the (first) layer that feeds it; empty where none does."""
        return self.sources[0] if self.sources else ""


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
        leaves: the other arrays that outlive a program: memory and hyperparameters.
        losses: the losses in the order of their targets.
        columns: the data set for each array of ``Program.data``, (samples, width); none of a network without inputs.
        held_columns: the same of the samples that are held out; None where there are none.
        original: of a variant whose equations are others than its scenario says, what that is called; else empty.
    """

    original: str = ""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.dataset: Dataset = load_data(scenario)
        self.rate = Array(name="lr", shape=(), role=Role.RATE)
        self.leaves = Leaves()
        self.losses: tuple[LossTable, ...] = (scenario.loss, *scenario.losses)
        self.parameters: dict[Array, Floats] = {}
        self.forms = scenario.forms
        self._owned: dict[str, dict[str, Array]] = {}
        self._append_parameters()
        self.layers = tuple(map(self._info, scenario.network.layers))
        self.notation = Notation(_input_names(self.inputs), [self._names(info) for info in self.layers])
        self._programs: dict[int, Program] = {}
        self._sensitivities: dict[int, Program] = {}
        self._state: tuple[Array, ...] | None = None
        self.columns: tuple[Floats, ...] = (*self._columns(self.dataset), *self._starting())
        held = self.dataset.held_out
        self.held_columns: tuple[Floats, ...] | None = None if held is None else self._columns(held)

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return self.scenario.name

    @property
    def differs(self) -> tuple[str, ...]:
        """Of a variant, what is done otherwise than its scenario says, in words."""
        return ()

    def remade(self, scenario: Scenario) -> Network:
        """The network of a changed copy of its scenario; of a variant with the same equations.

        Args:
            scenario: the copy.
        """
        return Network(scenario)

    def reseeded(self, scenario: Scenario) -> Network:
        """The network of the same scenario with another seed: the same arrays, and the same programs where they can be.

        Args:
            scenario: the scenario, which differs in its seeds alone.
        """
        found = copy(self)
        found.scenario = scenario
        found.__dict__.pop("initial_state", None)
        drawn = initial_parameters(scenario)
        found.parameters = {
            array: drawn[layer][name] for layer, owned in self._owned.items() for name, array in owned.items()
        }
        if any(hasattr(leaf.source, "seed") for program in self._programs.values() for leaf in program.dated):
            found._programs, found._sensitivities = {}, {}
        return found

    def _append_parameters(self) -> None:
        """Makes the parameters of every layer; a layer that shares those of another one has the same arrays."""
        drawn = initial_parameters(self.scenario)
        trainable: list[Array] = []
        for layer in self.scenario.network.layers:
            if layer.share is not None:
                self._owned[layer.name] = self._owned[layer.share]
                continue
            owned = self._owned[layer.name] = {}
            for parameter in layer.parameters(self._sources(layer)):
                array = Array(
                    name=parameter.name if parameter.alone else f"{parameter.name}_{layer.name}",
                    shape=parameter.shape,
                    role=parameter.role,
                    layer=layer.name,
                    stem="" if parameter.alone else parameter.name,
                    sign=parameter.sign,
                    blocks=parameter.blocks,
                )
                owned[parameter.name] = array
                self.parameters[array] = drawn[layer.name][parameter.name]
                if not layer.freezes(parameter):
                    trainable.append(array)
        self.trainable = tuple(trainable)

    def _sources(self, layer: Layer) -> list[Form]:
        """What the layers before a layer hand on."""
        return [self.forms[name] for name in layer.inputs or ()]

    def _info(self, layer: Layer) -> LayerInfo:
        return LayerInfo(
            name=layer.name,
            spec=layer,
            form=self.forms[layer.name],
            sources=tuple(layer.inputs or ()),
            widths=tuple(Form(source.shape).size for source in self._sources(layer)),
            parameters=self._owned[layer.name],
        )

    def _names(self, info: LayerInfo) -> LayerNames:
        """What notation needs to know of a layer."""
        spec = info.spec
        if isinstance(spec, DenseLayer) and spec.share is None:
            return LayerNames(
                name=info.name,
                units=info.units,
                sources=spec.width(self._sources(spec)),
                activation=info.activation,
                bias=spec.bias,
                numbering=spec.numbering or self.scenario.network.numbering,
                edges=spec.pairs,
            )
        return LayerNames(
            name=info.name, units=info.units, sources=0, activation=info.activation, bias="neuron", numbering="target"
        )

    def _columns(self, dataset: Dataset) -> tuple[Floats, ...]:
        """A data set for each array of ``Program.data``, (samples, width)."""
        inputs = (dataset.inputs,) if self.inputs else ()
        return (*inputs, *self._targets(dataset), *self._masks(dataset))

    def _targets(self, dataset: Dataset) -> list[Floats]:
        """The columns of a data set that each loss is compared with."""
        goals = self.scenario.goals
        if not goals:
            return []
        ends = np.cumsum([goal.width for goal in goals])[:-1].tolist()
        return [np.ascontiguousarray(piece) for piece in np.split(dataset.targets, ends, axis=1)]

    def _masks(self, dataset: Dataset) -> tuple[Floats, ...]:
        """What counts: steps of each sample, (samples, time), and how many; targets and how many; weights of samples.

        Each pair is there only where something does not count, and weights where the data have them.
        """
        found: list[Floats] = []
        mask, ignored, weights = self.mask_of(dataset), dataset.ignored, dataset.weights
        if mask is not None:
            found += [mask, mask.sum(axis=1, keepdims=True)]
        if ignored is not None:
            counts = 1.0 - ignored
            if mask is not None and mask.shape == counts.shape:
                counts = counts * mask
            # A sample of which nothing counts has a sum of 0, and a mean of 0 rather than of 0/0.
            found += [counts, np.maximum(counts.sum(axis=1, keepdims=True), 1.0)]
        if weights is not None:
            found.append(weights[:, None])
        return tuple(np.ascontiguousarray(values) for values in found)

    def mask_of(self, dataset: Dataset) -> Floats | None:
        """Which steps of each sample count, (samples, time)."""
        lengths = dataset.lengths
        if lengths is None:
            return dataset.mask
        return (np.arange(self.steps) < lengths[:, None]).astype(np.float64)

    def _starting(self) -> Iterator[Floats]:
        """What layers are given for each sample, such as the state before the first step, (samples, numbers)."""
        for layer in self.scenario.network.layers:
            for name, rows in layer.starts.items():
                if isinstance(rows, str):
                    message = _("{name} of layer {layer} is an array of a file, which load_scenario reads")
                    raise EngineError(message.format(name=name, layer=layer.name))
                values = np.array(rows, dtype=np.float64)
                if len(values) != len(self.dataset):
                    message = _("{rows} rows of {name} for {samples} samples")
                    raise EngineError(message.format(rows=len(values), name=name, samples=len(self.dataset)))
                sizes = [prod(shape) for _time, shape in layer.start_shapes(name, self._sources(layer))]
                for piece in np.split(values, np.cumsum(sizes)[:-1].tolist(), axis=1):
                    yield np.ascontiguousarray(piece)

    @property
    def steps(self) -> int:
        """Time steps of the inputs, where they are sequences."""
        return steps_of(self.inputs, self.scenario.network.input_shape)

    @property
    def inputs(self) -> int:
        """Width of the input layer."""
        return self.scenario.network.inputs

    @property
    def batch(self) -> int:
        """Samples of a full iteration."""
        return self.scenario.training.batch_size or len(self.dataset)

    @property
    def state(self) -> tuple[Array, ...]:
        """The arrays that an iteration hands to the next: trained parameters, then memory."""
        if self._state is None:
            self.program(self.batch)
        assert self._state is not None
        return self._state

    @cached_property
    def initial_state(self) -> Floats:
        """The state before the first iteration, flat."""
        values = {**self.parameters, **self.leaves.memory} if self.state else {}
        pieces = [values[array].ravel() for array in self.state]
        state = np.concatenate(pieces) if pieces else np.empty(0)
        state.setflags(write=False)
        return state

    @property
    def constants(self) -> Mapping[Array, Floats]:
        """The values of the leaves that are not data: frozen parameters and hyperparameters."""
        state = set(self.state)
        found = {array: values for array, values in self.parameters.items() if array not in state}
        found[self.rate] = np.array(self.scenario.training.learning_rate)
        found.update(self.leaves.hyper)
        return found

    @property
    def learning_rate(self) -> float | None:
        """The learning rate that the training begins with; None where it is not known."""
        return self.scenario.training.learning_rate

    @property
    def listed(self) -> tuple[Array, ...]:
        """The parameters in the order of the layers; what several layers share, once."""
        return tuple(self.parameters)

    @property
    def remembered(self) -> tuple[Array, ...]:
        """What the optimiser remembers of parameters from one iteration to the next."""
        return tuple(array for array in self.state if array.role is Role.MEMORY)

    def program(self, batch: int) -> Program:
        """The program of an iteration over ``batch`` samples."""
        program = self._programs.get(batch)
        if program is None:
            program = self._programs[batch] = self._build(batch, train=True)
        return program

    def evaluation(self, batch: int, *, singly: bool = False) -> Program:
        """The forward pass and the loss alone, over ``batch`` samples.

        Args:
            batch: how many.
            singly: whether the loss is the sum of what each sample's would be in a batch of its own.
        """
        return self._build(batch, train=False, singly=singly)

    def output(self, program: Program) -> Array:
        """The outputs of the last layer in a program; of a sequence, at the last time step."""
        found = self.answer(program)
        if found is None:
            raise EngineError(_("the last layer of this network has no outputs of its own"))
        return found

    def answer(self, program: Program) -> Array | None:
        """The same; None where the last layer is a graph, whose results have names of their own."""
        last = self.layers[-1]
        time = f"@{last.form.steps}" if last.form.steps else ""
        return program.named.get(f"out_{last.name}{time}")

    def sensitivity(self, batch: int) -> Program:
        """The program of an iteration over ``batch`` samples, with the gradients of the inputs besides.

        It has every array of ``program(batch)``, made by the same ops in the same order, and the same state.
        """
        program = self._sensitivities.get(batch)
        if program is None:
            self.program(batch)
            program = self._sensitivities[batch] = self._build(batch, train=True, inputs=True)
        return program

    def _build(self, batch: int, *, train: bool, inputs: bool = False, singly: bool = False) -> Program:
        training = self.scenario.training
        builder = Builder(
            batch=batch,
            rate=self.rate,
            trainable=self.trainable,
            in_place=training.update == "in_place",
            optimiser=training.optimizer,
            leaves=self.leaves,
            settings={**training.model_dump(), "epochs": self.scenario.stop.epochs},
            rates=self._rates,
            starts=self._starts,
        )
        if train:
            builder.look_ahead()
        forward = ForwardPass(
            builder, train=train, parameters=self._owned, seed=self.scenario.network.seed, given=self.scenario.weights
        )
        data, masks = self._append_data(forward)
        for array in data if inputs else ():
            builder.ask(array)
        starts: list[Array] = []
        for info in self.layers:
            forward.layer = info.spec
            forward.starts = self._append_starts(builder, info)
            starts += forward.starts.values()
            forward.values[info.name] = info.spec.build(forward, [forward.values[name] for name in info.sources])
        losses = (self.scenario.loss, *self.scenario.losses)
        goals, loss = self._append_losses(forward, [_alone(one) if singly else one for one in losses])
        if train:
            builder.differentiate()
        builder.conclude(loss)
        if train:
            self._append_updates(forward)
        state = self.state
        program = Program(
            builder.ops,
            batch=batch,
            state=state,
            updates=[builder.updated[array] for array in state] if train else (),
            data=[*data, *goals, *masks, *starts],
            constants=[self.rate, *(a for a in self.parameters if a not in set(state)), *self.leaves.hyper],
            dated=[*forward.dated, *builder.dated],
        )
        _check_names(program)
        return program

    @cached_property
    def _rates(self) -> dict[str, LayerRate]:
        """The learning rates of the layers that have one of their own."""
        found: dict[str, LayerRate] = {}
        for layer in self.scenario.network.layers:
            if layer.learning_rate is not None:
                found[layer.name] = LayerRate(layer.learning_rate, factor=False)
            elif layer.rate_factor is not None:
                found[layer.name] = LayerRate(layer.rate_factor, factor=True)
        return found

    @cached_property
    def _starts(self) -> Starts:
        """What the optimiser remembers before the first update."""
        trained = {array.name: array for array in self.trainable}
        return starts_of(self.scenario.training.memory, self.notation, trained)

    def _append_data(self, forward: ForwardPass) -> tuple[list[Array], list[Array]]:
        """Gives the forward pass the inputs, and what says which steps of a sequence count; returns both."""
        batch = forward.batch
        inputs = forward.values[INPUT_LAYER] = Array(
            name=INPUT_LAYER,
            shape=(batch, *self.forms[INPUT_LAYER].shape),
            role=Role.INPUT,
            layer=INPUT_LAYER,
            batched=True,
            stem=INPUT_LAYER,
            timed=any(info.spec.sequential and INPUT_LAYER in info.sources for info in self.layers),
        )
        masks: list[Array] = []

        def leaf(name: str, *shape: int) -> Array:
            made = Array(name=name, shape=(batch, *shape), role=Role.MASK, batched=True, stem=name, timed=bool(shape))
            masks.append(made)
            return made

        if self.dataset.lengths is not None or self.dataset.mask is not None:
            forward.mask, forward.length = leaf("mask", self.steps), leaf("length")
            forward.of_positions = self.dataset.mask is not None
        if self.dataset.ignored is not None:
            forward.counts = leaf("counts", self.dataset.ignored.shape[1])
            forward.counted = leaf("counted")
        if self.dataset.weights is not None:
            forward.weight = leaf("sample_weight")
        return [inputs] if inputs.size else [], masks

    def _append_starts(self, builder: Builder, info: LayerInfo) -> dict[str, Array]:
        """Makes what a layer is given for each sample; of a state before the first step there is a gradient."""
        found: dict[str, Array] = {}
        spec = info.spec
        for name in spec.starts:
            for time, shape in spec.start_shapes(name, self._sources(spec)):
                at = "" if time is None else f"@{time}"
                found[name + at] = made = Array(
                    name=f"{name}_{info.name}{at}",
                    shape=(builder.batch, *shape),
                    role=spec.start_role,
                    layer=info.name,
                    batched=True,
                    stem=name,
                    time=time,
                )
                if made.role is Role.INPUT:
                    builder.ask(made)
        return found

    def _append_updates(self, forward: ForwardPass) -> None:
        """Appends the updates of parameters and of what layers remember; the first program says what the state is."""
        builder = forward.builder
        builder.update()
        for array, op in forward.renewals:
            builder.remember(array, builder.append(op))
        if self._state is None:
            kept = (*self.trainable, *self.leaves.memory)
            self._state = tuple(array for array in kept if array in builder.updated)

    def _append_losses(self, forward: ForwardPass, losses: Sequence[LossTable]) -> tuple[list[Array], Array]:
        """Appends the terms of every loss and their total; returns the arrays of targets, and the total."""
        terms: list[Array] = []
        goals: list[Array] = []
        for loss in losses:
            name = loss.layer or ""
            info = next(layer for layer in self.layers if layer.name == name)
            form = info.form
            forward.layer = info.spec
            if loss.kind == VALUE.name and not self.scenario.coefficients:
                terms += _value_terms(forward, loss, form, forward.values[name])
                continue
            goal = Array(
                name=f"t_{name}",
                shape=(forward.batch, *((form.steps,) if form.steps else ()), *form.shape),
                role=Role.TARGET,
                layer=name,
                batched=True,
                stem="t",
                timed=form.steps > 0,
            )
            goals.append(goal)
            terms += _loss_terms(forward, loss, form, forward.values[name], goal)
        if forward.builder.penalties:
            total = forward.builder.array("loss", (), role=Role.VALUE, layer=terms[-1].layer, sign="L")
        else:
            total = forward.builder.array("E", (), role=Role.TOTAL, layer=terms[-1].layer)
        forward.append(
            Total(
                target=total,
                phase=Phase.LOSS,
                layer=terms[-1].layer,
                extent=Extent.SUM,
                loss_terms=tuple(terms),
                outputs=tuple(term for term in terms if term.role is not Role.LOSS),
            )
        )
        return goals, total


def _alone(loss: LossTable) -> LossTable:
    """A loss whose terms are divided by nothing that counts other samples."""
    time = "mean" if loss.over_time == "pooled" else loss.over_time
    return loss.model_copy(update={"over_batch": "sum", "over_time": time})


def _input_names(units: int) -> LayerNames:
    """What notation needs to know of the inputs."""
    return LayerNames(name=INPUT_LAYER, units=units, sources=0, activation="identity", bias="none", numbering="target")


def _check_names(program: Program) -> None:
    """Raises EngineError where two arrays of a program have one name."""
    if len(program.named) < len(program.arrays):
        names = [array.name for array in program.arrays]
        twice = next(name for name in names if names.count(name) > 1)
        raise EngineError(_("two values are called {name}; give one of them another name").format(name=twice))
