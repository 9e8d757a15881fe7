"""The samples of a scenario: as they are written, and as the network takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dataset:
    """All samples of a scenario, as the network sees them.

    Attributes:
        inputs: (samples, inputs), read-only.
        targets: (samples, outputs), read-only; one-hot for classes.
        class_names: a name for each class or output, empty if they have none.
        lengths: (samples,), how many time steps of each sample count; None where all do.
        mask: (samples, time), 1 for steps that count and 0 for others; None where lengths say it, or all count.
        ignored: (samples, positions), 1 for class indices that have no loss; None where each has one.
        weights: (samples,), how much each sample counts; None where all count the same.
        held_out: the samples that training does not see; None where there are none.
        first_class: what the file calls the first class where classes are numbers.
    """

    inputs: NDArray[np.float64]
    targets: NDArray[np.float64]
    class_names: tuple[str, ...] = ()
    lengths: NDArray[np.int64] | None = None
    mask: NDArray[np.float64] | None = None
    ignored: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    held_out: Dataset | None = None
    first_class: int = 0

    def __len__(self) -> int:
        return len(self.inputs)

    def label(self, number: int) -> str:
        """Return what a class is called, from 0: by its name, else by the number that the file gives it."""
        return self.class_names[number] if number < len(self.class_names) else str(number + self.first_class)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Samples:
    """The samples as they are written, before scaling and one-hot rows.

    Attributes:
        inputs: (samples, inputs).
        targets: (samples, columns).
        numbers: the number of each sample in its file, from 1.
        lines: the line of each sample in its file; None where there are no lines.
        lengths: (samples,), how many time steps of each sample count; None where all do.
        mask: (samples, time), 1 for steps that count and 0 for others.
        weights: (samples,), how much each sample counts.
        ignore: the class index that has no loss.
        labels: the names of the classes, where the targets were words and are now indices of them.
        first: the index of the first class.
        shape: the axes of a sample of the inputs, where they are written with axes.
    """

    inputs: NDArray[np.float64]
    targets: NDArray[np.float64]
    numbers: NDArray[np.int64]
    lines: NDArray[np.int64] | None = None
    lengths: NDArray[np.float64] | None = None
    mask: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    ignore: int | None = None
    labels: tuple[str, ...] = ()
    first: int = 0
    shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def arranged(self, inputs: NDArray[np.float64], shape: tuple[int, ...]) -> Samples:
        """Return the samples with their inputs in another order of axes."""
        return replace(self, inputs=inputs, shape=shape)

    def taken(self, rows: NDArray[np.int64]) -> Samples:
        """Return some of the samples."""
        return replace(
            self,
            inputs=self.inputs[rows],
            targets=self.targets[rows],
            numbers=self.numbers[rows],
            lines=None if self.lines is None else self.lines[rows],
            lengths=None if self.lengths is None else self.lengths[rows],
            mask=None if self.mask is None else self.mask[rows],
            weights=None if self.weights is None else self.weights[rows],
        )
