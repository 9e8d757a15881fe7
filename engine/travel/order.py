"""The order of the samples in each epoch, with random access."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.network.initial import legacy_stream

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario

Indices = NDArray[np.intp]

STREAM = 2
"""Second word of the Philox key of shuffling; other uses of randomness have other streams."""
CHECKPOINT_BYTES = 4 * 2**20
CACHE_BYTES = 4 * 2**20


class Order(Protocol):
    """Which sample comes when."""

    def order(self, epoch: int) -> Indices:
        """Return the indices of all samples in the order of an epoch, from 0; a read-only array."""
        ...


def make_order(scenario: Scenario, count: int) -> Order:
    """Return the order of `count` samples that a scenario asks for."""
    match scenario.training.shuffle:
        case "none":
            return Given(count)
        case "seeded":
            return Seeded(scenario.training.seed, count)
        case "numpy-legacy":
            return Legacy(legacy_stream(scenario), count)


def _sealed(indices: NDArray[Any]) -> Indices:
    sealed = np.ascontiguousarray(indices, dtype=np.intp)
    sealed.flags.writeable = False
    return sealed


class Given:
    """The order of the file, in every epoch."""

    def __init__(self, count: int) -> None:
        self._indices = _sealed(np.arange(count))

    def order(self, epoch: int) -> Indices:
        """Return 0, 1, 2, ..."""
        del epoch
        return self._indices


class Seeded:
    """A new order every epoch, a function of the seed and the epoch alone.

    The samples are sorted by one random word each: the words are Philox's own, so that an order never depends
    on how a version of NumPy shuffles. The epoch is in the high word of the counter, so that epochs share no
    words.
    """

    def __init__(self, seed: int, count: int) -> None:
        self._key = (STREAM << 64) | seed
        self._count = count
        self._last: tuple[int, Indices] | None = None

    def order(self, epoch: int) -> Indices:
        """Return the order of an epoch."""
        if self._last is None or self._last[0] != epoch:
            words = np.random.Philox(key=self._key, counter=[0, 0, 0, epoch]).random_raw(self._count)
            self._last = (epoch, _sealed(np.argsort(words, kind="stable")))
        return self._last[1]


class Legacy:
    """The order of programs that shuffle their samples in place, every epoch, with one `RandomState`.

    `np.random.shuffle(indices)` of fresh indices, then `X = X[indices]`: each epoch permutes the order that
    the one before left. The state before an epoch is kept at checkpoints; when they are full, every second
    one goes and their distance doubles, so that any epoch is near one and the memory is bounded.
    """

    def __init__(self, stream: np.random.RandomState, count: int) -> None:
        state_bytes = 2600 + 8 * count
        self._count = count
        self._stream = stream
        self._room = max(16, CHECKPOINT_BYTES // state_bytes)
        self._spacing = 1
        self._epochs = [0]
        self._states: list[tuple[Any, Indices]] = [(stream.get_state(legacy=True), _sealed(np.arange(count)))]
        self._next = 0
        self._current = self._states[0][1]
        self._cache_room = max(4, CACHE_BYTES // (8 * count + 200))
        self._cache: dict[int, Indices] = {}

    @property
    def checkpoints(self) -> int:
        """How many states are kept."""
        return len(self._states)

    def order(self, epoch: int) -> Indices:
        """Return the order of an epoch; the first visit walks there, later ones replay from a checkpoint."""
        found = self._cache.get(epoch)
        if found is not None:
            return found
        place = bisect_right(self._epochs, epoch) - 1
        if not self._epochs[place] <= self._next <= epoch:
            self._next = self._epochs[place]
            state, self._current = self._states[place]
            self._stream.set_state(state)
        while self._next <= epoch:
            self._advance()
        return self._current

    def _advance(self) -> None:
        """Walk over one epoch: its order becomes the current one."""
        if self._next > self._epochs[-1] and self._next - self._epochs[-1] >= self._spacing:
            self._keep()
        indices = np.arange(self._count)
        self._stream.shuffle(indices)
        self._current = _sealed(self._current[indices])
        while len(self._cache) >= self._cache_room:
            del self._cache[next(iter(self._cache))]
        self._cache[self._next] = self._current
        self._next += 1

    def _keep(self) -> None:
        self._epochs.append(self._next)
        self._states.append((self._stream.get_state(legacy=True), self._current))
        if len(self._states) > self._room:
            self._epochs = self._epochs[::2]
            self._states = self._states[::2]
            self._spacing *= 2
