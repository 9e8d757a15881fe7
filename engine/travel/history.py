"""The loss of a whole run in bounded memory: the smallest, the largest and the sum of each bucket of iterations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.rich import Rich

BUCKETS = 4096


class LossHistory(Rich):
    """E of every iteration, bucketed; a bucket holds one iteration until there are more than ``BUCKETS``."""

    def __init__(self) -> None:
        self._low = np.full(BUCKETS, np.nan)
        self._high = np.full(BUCKETS, np.nan)
        self._sum = np.zeros(BUCKETS)
        self.width = 1
        self.count = 0

    def __len__(self) -> int:
        """Iterations recorded."""
        return self.count

    def extend(self, start: int, losses: Sequence[float] | Floats) -> None:
        """Adds E of the iterations from ``start`` on; those already recorded are passed over."""
        values = np.asarray(losses, dtype=np.float64)[max(0, self.count - start) :]
        if start > self.count or not len(values):
            return
        while self.count + len(values) > BUCKETS * self.width:
            self._halve()
        if self.width == 1:
            span = slice(self.count, self.count + len(values))
            self._low[span] = self._high[span] = self._sum[span] = values
            self.count += len(values)
            return
        first = self.count // self.width
        # Where a bucket begins; what goes on with one that is begun comes first.
        edges = np.arange(-self.count % self.width, len(values), self.width)
        if not len(edges) or edges[0]:
            edges = np.concatenate(((0,), edges))
        lows = np.fmin.reduceat(values, edges)
        highs = np.fmax.reduceat(values, edges)
        with np.errstate(all="ignore"):
            sums = np.add.reduceat(values, edges)
        span = slice(first, first + len(edges))
        self._low[span] = np.fmin(self._low[span], lows)
        self._high[span] = np.fmax(self._high[span], highs)
        with np.errstate(all="ignore"):
            self._sum[span] += sums
        self.count += len(values)

    def _halve(self) -> None:
        half = BUCKETS // 2
        self._low[:half] = np.fmin(self._low[0::2], self._low[1::2])
        self._high[:half] = np.fmax(self._high[0::2], self._high[1::2])
        with np.errstate(all="ignore"):
            self._sum[:half] = self._sum[0::2] + self._sum[1::2]
        self._sum[half:] = 0.0
        self._low[half:] = np.nan
        self._high[half:] = np.nan
        self.width *= 2

    def before(self, iteration: int) -> LossHistory:
        """A copy that ends at the last bucket that is complete before an iteration."""
        copy = LossHistory()
        copy.width = self.width
        buckets = min(iteration, self.count) // self.width
        copy.count = buckets * self.width
        for mine, its in ((copy._low, self._low), (copy._high, self._high), (copy._sum, self._sum)):
            mine[:buckets] = its[:buckets]
        return copy

    def points(self) -> tuple[Floats, Floats, Floats]:
        """First iteration (from 0), smallest and largest E of each bucket so far."""
        used = -(-self.count // self.width)
        return np.arange(used, dtype=np.float64) * self.width, self._low[:used].copy(), self._high[:used].copy()

    def means(self, iterations: int) -> tuple[Floats, Floats, int]:
        """The mean of the last so many iterations, at the end of each bucket.

        Args:
            iterations: how many; of buckets of several iterations, as many as are whole buckets.

        Returns:
            The last iteration of each bucket (from 0), the means, and of how many iterations each is at most; at the
            start there are fewer.
        """
        used = -(-self.count // self.width)
        ends = np.minimum((np.arange(used, dtype=np.float64) + 1) * self.width, self.count)
        most = max(round(iterations / self.width), 1)
        counts = np.diff(ends, prepend=0.0)
        with np.errstate(all="ignore"):
            # Sums over the window itself: a difference of running sums would lose what follows on a huge loss.
            total = np.convolve(self._sum[:used], np.ones(most))[:used] if used else np.empty(0)
            values = total / np.convolve(counts, np.ones(most))[:used] if used else np.empty(0)
        return ends - 1.0, values, most * self.width

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self._low.nbytes + self._high.nbytes + self._sum.nbytes)
