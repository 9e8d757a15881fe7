"""The samples one by one under a state: what the network makes of each, what it costs, and whether it is right.

The loss of a sample is E of a batch that has nothing else in it: with a mean over the batch what it adds to E is a part
of that. Outputs are those of the forward pass as it is without training: nothing is dropped out, and normalisation
takes what it has gathered, as in E_data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.classifying import NO_CLASS, classes_of
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.ops.loss import Total
from retrograde.engine.scenario.dataset import Dataset
from retrograde.engine.travel.timeline import Timeline

Integers = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleTable:
    """Every sample of the data, or of what is held out, under one state.

    Attributes:
        dataset: the samples.
        held_out: whether they are those that are held out.
        layer: the layer whose outputs are compared with the targets.
        outputs: (samples, positions, width), those outputs.
        targets: the same shape; None where there are none to compare with.
        losses: (samples,).
        counted: (samples, positions), which positions count.
        wanted: (samples, positions), the class of each target; None where the targets are no classes.
        named: (samples, positions), the class that the outputs name.
        image: rows and columns of an input that is an image of one channel; None for others.
    """

    dataset: Dataset
    held_out: bool
    layer: str
    outputs: Floats
    targets: Floats | None
    losses: Floats
    counted: NDArray[np.bool_]
    wanted: Integers | None = None
    named: Integers | None = None
    image: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def classified(self) -> bool:
        """Whether the targets are classes."""
        return self.wanted is not None

    @cached_property
    def right(self) -> NDArray[np.bool_] | None:
        """Whether each sample is classified rightly, at every position that counts; None without classes."""
        if self.wanted is None:
            return None
        found: NDArray[np.bool_] = np.all((self.wanted == self.named) | ~self.counted, axis=1)
        return found

    @property
    def hits(self) -> int:
        """How many positions are classified rightly, of all that count."""
        return 0 if self.wanted is None else int(np.sum((self.wanted == self.named) & self.counted))

    @cached_property
    def confidence(self) -> Floats | None:
        """The least of the outputs that name the classes of a sample; None without classes.

        One output o names the first of the classes 0 and 1 with 1 − o, of −1 and 1 with −o.
        """
        if self.named is None or self.targets is None:
            return None
        place = np.maximum(self.named, 0)
        if self.outputs.shape[2] == 1:
            whole = 1.0 + float(self.targets[self.counted].min())
            found = np.where(place == 1, self.outputs[:, :, 0], whole - self.outputs[:, :, 0])
        else:
            found = np.take_along_axis(self.outputs, place[:, :, None], axis=2)[:, :, 0]
        found = np.where(self.counted, np.where(self.named == NO_CLASS, np.nan, found), np.inf)
        return np.asarray(found.min(axis=1))

    @property
    def classes(self) -> int:
        """How many classes there are; 0 without classes."""
        return 0 if self.wanted is None else max(self.outputs.shape[2], 2)

    def confusion(self) -> Integers:
        """How often each class was wanted, by row, and each was named, by column; what names none is the last column.

        Returns:
            (classes, classes + 1); (0, 1) without classes.
        """
        found = np.zeros((self.classes, self.classes + 1), dtype=np.intp)
        if self.wanted is not None and self.named is not None:
            named = np.where(self.named == NO_CLASS, self.classes, self.named)
            np.add.at(found, (self.wanted[self.counted], named[self.counted]), 1)
        return found


def samples_of(timeline: Timeline, state: Floats, *, held_out: bool = False) -> SampleTable:
    """What a state makes of every sample.

    Args:
        timeline: the timeline.
        state: the state.
        held_out: whether the samples are those that are held out.

    Raises:
        EngineError: none are held out.
    """
    network = timeline.network
    name = network.losses[0].layer or network.layers[-1].name
    outputs: list[Floats] = []
    losses: list[Floats] = []
    for rows, frame in timeline.singly(state, held_out=held_out):
        outputs.append(_outputs(frame, name, len(rows)))
        losses.append(sample_losses(frame))
    found = np.concatenate(outputs)
    dataset = network.dataset
    if held_out and dataset.held_out is not None:
        dataset = dataset.held_out
    table = SampleTable(
        dataset=dataset,
        held_out=held_out,
        layer=name,
        outputs=found,
        targets=_targets(network, dataset, found.shape),
        losses=np.concatenate(losses),
        counted=_counted(network, dataset, found.shape[:2]),
        image=image_of(network),
    )
    if table.targets is None or len(network.losses) != 1 or name != network.layers[-1].name:
        return table
    counted = table.counted
    classes = classes_of(table.targets[counted], found[counted])
    if classes is None:
        return table
    wanted, named = (np.full(counted.shape, NO_CLASS, dtype=np.intp) for _side in range(2))
    wanted[counted], named[counted] = classes
    return replace(table, wanted=wanted, named=named)


def image_of(network: Network) -> tuple[int, int] | None:
    """Rows and columns of inputs that are an image of one channel; None for others, and for sequences."""
    shape = network.scenario.network.input_shape
    if shape is None or any(info.spec.sequential for info in network.layers):
        return None
    *channels, rows, columns = shape if len(shape) > 1 else (2, *shape, 1)
    return (rows, columns) if all(axis == 1 for axis in channels) and min(rows, columns) > 1 else None


def sample_losses(frame: Frame) -> Floats:
    """The loss of each sample of a frame: its terms, added one output after the other, as E adds them."""
    total = next(op for op in frame.program.ops if isinstance(op, Total))
    tables = [frame.array(array) for array in total.loss_terms]
    rows = np.ascontiguousarray(np.concatenate([table.reshape(len(table), -1).T for table in tables]))
    found = np.empty(rows.shape[1])
    sum_rows(rows, found)
    return found


def answers(program: Program, name: str) -> tuple[Array, ...]:
    """The arrays that a layer hands on: one, or one a time step; of a graph its last value."""
    if (one := program.named.get(f"out_{name}")) is not None:
        return (one,)
    found: list[Array] = []
    while (array := program.named.get(f"out_{name}@{len(found) + 1}")) is not None:
        found.append(array)
    own = [array for array in program.arrays if array.role is Role.OUT and array.layer == name and array.time is None]
    return tuple(found or own)


def _outputs(frame: Frame, name: str, count: int) -> Floats:
    """What a layer hands on for each sample of a frame, (samples, positions, width)."""
    arrays = answers(frame.program, name)
    if not arrays:
        return np.zeros((count, 1, 0))
    if len(arrays) > 1 or arrays[0].time is not None:
        return np.stack([frame.array(array).reshape(count, -1) for array in arrays], axis=1)
    width = arrays[0].element_shape[-1] if arrays[0].element_shape else 1
    return np.array(frame.array(arrays[0]).reshape(count, -1, width))


def _targets(network: Network, dataset: Dataset, shape: tuple[int, ...]) -> Floats | None:
    """The targets in the shape of the outputs; None where they are not compared with them."""
    size, width = shape[1] * shape[2], dataset.targets.shape[1]
    if not size or network.scenario.coefficients or width < size:
        return None
    return dataset.targets[:, :size].reshape(shape)


def _counted(network: Network, dataset: Dataset, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which positions of each sample count, (samples, positions)."""
    found = np.ones(shape, dtype=np.bool_)
    for mask in (network.mask_of(dataset), None if dataset.ignored is None else 1.0 - dataset.ignored):
        if mask is not None and mask.shape == shape:
            found &= mask > 0
    return found


def step_of_sample(timeline: Timeline, layer: str, sample: int, epoch: int) -> int:
    """The step of an epoch that completes the outputs of a sample.

    Args:
        timeline: the timeline.
        layer: the layer of the outputs.
        sample: the row of the data, from 0.
        epoch: the epoch, from 0.
    """
    schedule = timeline.schedule
    iteration, place = schedule.place_of(sample, epoch)
    program = schedule.program(iteration)
    made = None
    if arrays := answers(program, layer):
        made = program.produced(Ref(arrays[-1], (place, *(length - 1 for length in arrays[-1].element_shape))))
    return schedule.start(iteration) + (0 if made is None else made + 1)
