"""The loss of a whole run in bounded memory: the smallest and the largest of each bucket of iterations."""

from __future__ import annotations

import numpy as np

from retrograde.engine.equations.arithmetic import Floats

BUCKETS = 4096


class LossHistory:
    """E of every iteration, bucketed; a bucket holds one iteration until there are more than ``BUCKETS``."""

    def __init__(self) -> None:
        self._low = np.full(BUCKETS, np.nan)
        self._high = np.full(BUCKETS, np.nan)
        self.width = 1
        self.count = 0

    def __len__(self) -> int:
        """Iterations recorded."""
        return self.count

    def extend(self, start: int, losses: list[float] | Floats) -> None:
        """Adds E of the iterations from ``start`` on; those already recorded are passed over."""
        values = np.asarray(losses, dtype=np.float64)[max(0, self.count - start) :]
        if start > self.count or not len(values):
            return
        while self.count + len(values) > BUCKETS * self.width:
            self._halve()
        if self.width == 1:
            span = slice(self.count, self.count + len(values))
            self._low[span] = self._high[span] = values
            self.count += len(values)
            return
        first = self.count // self.width
        buckets = (self.count + np.arange(len(values))) // self.width
        edges = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
        lows = np.fmin.reduceat(values, edges)
        highs = np.fmax.reduceat(values, edges)
        span = slice(first, first + len(edges))
        self._low[span] = np.fmin(self._low[span], lows)
        self._high[span] = np.fmax(self._high[span], highs)
        self.count += len(values)

    def _halve(self) -> None:
        half = BUCKETS // 2
        self._low[:half] = np.fmin(self._low[0::2], self._low[1::2])
        self._high[:half] = np.fmax(self._high[0::2], self._high[1::2])
        self._low[half:] = np.nan
        self._high[half:] = np.nan
        self.width *= 2

    def before(self, iteration: int) -> LossHistory:
        """A copy that ends at the last bucket that is complete before an iteration."""
        copy = LossHistory()
        copy.width = self.width
        buckets = min(iteration, self.count) // self.width
        copy.count = buckets * self.width
        copy._low[:buckets], copy._high[:buckets] = self._low[:buckets], self._high[:buckets]
        return copy

    def points(self) -> tuple[Floats, Floats, Floats]:
        """First iteration (from 0), smallest and largest E of each bucket so far."""
        used = -(-self.count // self.width)
        return np.arange(used, dtype=np.float64) * self.width, self._low[:used].copy(), self._high[:used].copy()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self._low.nbytes + self._high.nbytes)
