"""States that are kept, so that any moment is recomputed from a near one."""

from __future__ import annotations

import numpy as np

from retrograde.engine.equations.arithmetic import Floats


class Checkpoints:
    """The states at the start of every K-th iteration, within a budget of memory.

    Args:
        size: scalars in a state.
        spacing: K to begin with, a power of two.
        budget: bytes.
        base: the first iteration.
    """

    def __init__(self, size: int, spacing: int, budget: int, base: int = 0) -> None:
        self._size = size
        self.spacing = spacing
        self.base = base
        row = max(8, size * 8)
        # Blocks instead of one array that grows: copying a large one holds up the run.
        self._height = 1
        while 2 * self._height * row <= min(BLOCK_BYTES, budget):
            self._height *= 2
        self._blocks: list[Floats] = []
        self.count = 0
        self._limit = 2
        self.limit(budget)

    def limit(self, budget: int) -> None:
        """Sets the budget; where more is held than it allows, every second state is dropped, and again."""
        row = max(8, self._size * 8)
        self._limit = max(2, budget // row // self._height * self._height)
        while self.count > self._limit:
            self._thin()
        del self._blocks[max(1, -(-self._limit // self._height)) :]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(block.nbytes for block in self._blocks)

    def put(self, iteration: int, state: Floats) -> None:
        """Stores a state that is the next one due; any other is passed over."""
        if iteration != self.due:
            return
        if self.count == self._limit:
            self._thin()
            if iteration != self.due:
                return
        block, row = divmod(self.count, self._height)
        if block == len(self._blocks):
            self._blocks.append(np.empty((self._height, self._size)))
        self._blocks[block][row] = state
        self.count += 1

    def before(self, iteration: int) -> tuple[int, Floats]:
        """The last checkpoint at or before an iteration: its iteration and its state."""
        number = min((iteration - self.base) // self.spacing, self.count - 1)
        block, row = divmod(number, self._height)
        return self.base + number * self.spacing, self._blocks[block][row]

    @property
    def due(self) -> int:
        """The iteration whose state is stored next."""
        return self.base + self.count * self.spacing

    def _thin(self) -> None:
        """Drops every second state; the blocks stay, for the states to come."""
        blocks, half = self._blocks, self._height // 2
        if half == 0:
            self._blocks = blocks[0::2] + blocks[1::2]
        else:
            for number, block in enumerate(blocks):
                target = blocks[number // 2]
                target[half * (number % 2) :][:half] = block[::2]
        self.count = (self.count + 1) // 2
        self.spacing *= 2


BLOCK_BYTES = 1 << 15
"""Bytes of checkpoints that are taken from the system at a time, unless one state is larger."""
