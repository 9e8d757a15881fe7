"""The schedule: which rows each iteration takes, and the arithmetic between steps and iterations."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.travel.order import make_order


class Schedule:
    """The iterations of a training, epoch by epoch. Everything is counted from 0.

    Args:
        network: the network with its data.

    Attributes:
        samples: rows of data.
        batch: samples of a full iteration.
        per_epoch: iterations in an epoch.
        full: the program of a full iteration.
        last: the program of the last iteration of an epoch, which may be smaller.
        steps_per_epoch: steps in an epoch.
        alone: whether there is no other iteration, as in a recording: the number of a step then says where it is.
    """

    alone: bool = False

    def __init__(self, network: Network) -> None:
        training = network.scenario.training
        self.samples = len(network.dataset.inputs)
        self.batch = training.batch_size or self.samples
        full, rest = divmod(self.samples, self.batch)
        self.per_epoch = full + (rest > 0)
        self.full = network.program(self.batch)
        self.last = network.program(rest) if rest else self.full
        self.steps_per_epoch = (self.per_epoch - 1) * self.full.steps + self.last.steps
        self.shuffled = training.shuffle != "none"
        self._order = make_order(network.scenario, self.samples)
        self._epoch = -1
        self._rows: Any = None

    @property
    def uniform(self) -> bool:
        """Whether every iteration has the same size."""
        return self.full is self.last

    def program(self, iteration: int) -> Program:
        """The program of an iteration."""
        if self.uniform or (iteration + 1) % self.per_epoch:
            return self.full
        return self.last

    def rows(self, iteration: int) -> Any:
        """The rows of data of an iteration: a range where they are in file order, else an array."""
        epoch, position = divmod(iteration, self.per_epoch)
        start = position * self.batch
        stop = min(self.samples, start + self.batch)
        if not self.shuffled:
            return range(start, stop)
        if epoch != self._epoch:
            self._rows = np.asarray(self._order.order(epoch))
            self._epoch = epoch
        return self._rows[start:stop]

    def place_of(self, sample: int, epoch: int) -> tuple[int, int]:
        """The iteration in which an epoch takes a row of data, and the place of the row in its batch."""
        order = sample
        if self.shuffled:
            self.rows(epoch * self.per_epoch)
            order = int(np.flatnonzero(self._rows == sample)[0])
        position, place = divmod(order, self.batch)
        return epoch * self.per_epoch + position, place

    def dated(self, iteration: int) -> list[Floats]:
        """The values of the leaves of an iteration that change with time, in the order of its program."""
        return [leaf.source.values(iteration, self.per_epoch) for leaf in self.program(iteration).dated]

    def locate(self, number: int) -> tuple[int, int]:
        """The iteration that ``number`` revealed steps end in, and how many of its steps are revealed.

        The end of an iteration and the start of the next are one position; it counts as the end.
        """
        if number == 0:
            return 0, 0
        epoch, within = divmod(number - 1, self.steps_per_epoch)
        position, step = divmod(within, self.full.steps)
        return epoch * self.per_epoch + position, step + 1

    def start(self, iteration: int) -> int:
        """The number of steps that are revealed when an iteration begins."""
        epoch, position = divmod(iteration, self.per_epoch)
        return epoch * self.steps_per_epoch + position * self.full.steps
