"""The neurons of a layer over all samples: how often each is silent or flat, what it gives, and for which class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.explaining.detectors.case import Case, by_unit
from retrograde.engine.explaining.samples import answers
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.network.classifying import classes_of
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import LayerInfo, Network
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.travel.timeline import Timeline

SATURATED = next(limit.default for limit in AILMENTS["saturated"].limits if limit.key == "slope")
"""The share of an activation's steepest slope below which a neuron is saturated, as the doctor has it."""

MOST_WEIGHTS = 5
"""Weights of a neuron that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weigh:
    """A weight of a neuron, with the other end of its edge.

    Attributes:
        weights: the array of the weight.
        index: its index.
        value: the weight.
    """

    weights: Array
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeuronTable:
    """The neurons of one layer under one state; of a convolution its channels.

    Attributes:
        layer: the layer.
        frame: every value of the forward pass over all samples.
        network: the network.
        count: what each number is taken over: samples, times positions and time steps.
        zeros: (units,), the share that is exactly 0.
        silent: (units,), whether the slope is 0 for all of them; None where there is no slope.
        saturated: (units,), the share whose slope is below ``SATURATED`` of the steepest; None where that says nothing.
        mean: (units,).
        low: (units,), the least.
        high: (units,), the largest.
        by_class: (classes, units), the mean for the samples of each class; None where the targets are no classes.
    """

    layer: LayerInfo
    frame: Frame
    network: Network
    count: int
    zeros: Floats
    silent: NDArray[np.bool_] | None
    saturated: Floats | None
    mean: Floats
    low: Floats
    high: Floats
    by_class: Floats | None

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def dead(self) -> tuple[int, ...]:
        """The neurons that are 0 for all samples, or through which nothing goes back; from 0."""
        gone = self.zeros == 1.0
        if self.silent is not None:
            gone |= self.silent
        return tuple(np.flatnonzero(gone).tolist())


def neurons_of(timeline: Timeline, state: Floats, layer: str) -> NeuronTable:
    """What the neurons of a layer do for all samples of the data under a state.

    Args:
        timeline: the timeline.
        state: the state.
        layer: the layer.
    """
    case = Case(timeline, 0)
    frame = case.evaluated(state)
    info = next(info for info in case.network.layers if info.name == layer)
    arrays = answers(case.program, layer)
    outs = np.concatenate([by_unit(frame.array(array)) for array in arrays]) if arrays else np.zeros((1, 0))
    group = next((group for group in case.groups if group.layer == layer and group.own), None)
    silent = saturated = None
    if group is not None and group.slopes:
        slopes = group.by_unit(frame, group.slopes)
        silent = np.all(slopes == 0, axis=0)
        if group.row.steepest is not None:
            saturated = np.mean(slopes < SATURATED * group.row.steepest, axis=0)
    return NeuronTable(
        layer=info,
        frame=frame,
        network=case.network,
        count=len(outs),
        zeros=np.mean(outs == 0, axis=0),
        silent=silent,
        saturated=saturated,
        mean=outs.mean(axis=0),
        low=outs.min(axis=0),
        high=outs.max(axis=0),
        by_class=_by_class(case.network, frame, arrays),
    )


def _by_class(network: Network, frame: Frame, arrays: tuple[Array, ...]) -> Floats | None:
    """The mean of each unit by class, (classes, units); None where a sample has no single class."""
    targets, form = network.dataset.targets, network.layers[-1].form
    width = form.shape[-1] if form.shape else 1
    if len(arrays) != 1 or not targets.size or targets.shape[1] != width or len(network.losses) != 1:
        return None
    found = classes_of(targets, targets)
    if found is None:
        return None
    outs = frame.array(arrays[0])
    unit = 1 if outs.ndim == 4 else outs.ndim - 1
    each = outs.mean(axis=tuple(axis for axis in range(1, outs.ndim) if axis != unit))
    count = max(width, 2)
    sums, numbers = np.zeros((count, each.shape[1])), np.zeros((count, 1))
    np.add.at(sums, found.wanted, each)
    np.add.at(numbers, found.wanted, 1.0)
    with np.errstate(all="ignore"):
        return np.asarray(sums / numbers)


def images_of(table: NeuronTable, unit: int, image: tuple[int, int] | None) -> Floats | None:
    """What a neuron weighs as images, (images, rows, columns); None where what it reads is no image.

    Args:
        table: the neurons of its layer.
        unit: the neuron, from 0.
        image: rows and columns of the inputs, where these are an image.
    """
    info = table.layer
    if info.weights is None:
        return None
    values = table.frame.array(info.weights)
    if values.ndim == 4:
        return np.asarray(values[unit])
    if image is None or values.ndim != 2 or info.sources != (INPUT_LAYER,) or values.shape[1] != image[0] * image[1]:
        return None
    return np.asarray(values[unit].reshape(1, *image))


def weights_into(table: NeuronTable, unit: int) -> list[Weigh]:
    """The weights that lead to a neuron of a dense layer or to a channel, the largest first."""
    weights = table.layer.weights
    if weights is None or len(weights.shape) < 2 or unit >= weights.shape[0] or not _plain(table.layer):
        return []
    values = table.frame.array(weights)[unit]
    return [_weigh(weights, (unit, *index), values[index]) for index in _ranked(values)]


def weights_out_of(table: NeuronTable, unit: int) -> list[Weigh]:
    """The weights that lead from a neuron to those of dense layers, the largest first."""
    info, found = table.layer, []
    for reader in table.network.layers:
        weights = reader.weights
        if weights is None or not _plain(reader) or len(weights.shape) != 2 or info.name not in reader.sources:
            continue
        place = reader.sources.index(info.name)
        column = sum(reader.widths[:place]) + unit
        if reader.widths[place] != info.units or info.units != len(table) or column >= weights.shape[1]:
            continue
        values = table.frame.array(weights)[:, column]
        found += [_weigh(weights, (row, column), values[row]) for (row,) in _ranked(values)]
    return sorted(found, key=lambda one: -abs(one.value))[:MOST_WEIGHTS]


def _plain(info: LayerInfo) -> bool:
    """Whether the first index of a layer's weights is its unit."""
    spec = info.spec
    return spec.kind == "conv" or (isinstance(spec, DenseLayer) and spec.pairs is None)


def _ranked(values: Floats) -> list[tuple[int, ...]]:
    """The indices of the largest values."""
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:MOST_WEIGHTS]
    return [tuple(int(axis) for axis in np.unravel_index(flat, values.shape)) for flat in order]


def _weigh(weights: Array, index: tuple[int, ...], value: float) -> Weigh:
    return Weigh(weights=weights, index=index, value=float(value))
