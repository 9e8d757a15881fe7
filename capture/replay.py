"""The batches since the last checkpoint, to run again: kept as they were, or drawn again from the loader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from retrograde.torch.checkpoints import Chance

_END = object()
KEEP, COPY, DRAW = "keep", "copy", "draw"
WAYS = (KEEP, COPY, DRAW)


class _Kept(NamedTuple):
    """A batch, and the state of PyTorch's generator after it was fetched: fetching may have drawn."""

    batch: Any
    chance: Any


class Tape:
    """One pass over a loader, of which the last batches can run again.

    Attributes:
        ways: the ways to run them again, the first to try first.
    """

    def __init__(self, loader: Any, way: str, generators: list[Any]) -> None:
        self._loader, self._way, self._generators = loader, way, generators
        self._start = Chance(generators)
        self._source = iter(loader)
        again = self._source is not loader
        self.ways = ([DRAW] if way == DRAW else [KEEP]) + ([DRAW] if again and way != DRAW else [])
        if way == DRAW and not again:
            raise ValueError(f"{type(loader).__name__} can be gone over once only: batches can not be drawn again")
        self._fetched = self._first = 0
        self._before = self._start
        self._after: Chance | None = None
        self._kept: list[_Kept] = []

    def mark(self) -> None:
        """From here on batches are kept: a checkpoint is being saved."""
        self._first = self._fetched
        self._before = Chance(self._generators)
        self._after = None
        self._kept.clear()

    def onward(self) -> Iterator[Any]:
        """The batches that follow, to the end of the loader."""
        while True:
            batch = next(self._source, _END)
            if batch is _END:
                return
            self._fetched += 1
            if self._way != DRAW:
                if self._after is None:
                    self._after = Chance(self._generators)
                kept = _copied(batch) if self._way == COPY else batch
                self._kept.append(_Kept(kept, torch.get_rng_state()))
            yield batch

    def again(self, way: str) -> Iterator[Any]:
        """The batches since the checkpoint once more, each with the random numbers that followed it."""
        if way != DRAW:
            for place, kept in enumerate(self._kept):
                if place == 0 and self._after is not None:
                    self._after.give()
                else:
                    torch.set_rng_state(kept.chance)
                yield _copied(kept.batch) if self._way == COPY else kept.batch
            return
        self._start.give()
        self._source = iter(self._loader)
        for _skipped in range(self._first):
            next(self._source, None)
        self._before.give()
        for _number in range(self._fetched - self._first):
            batch = next(self._source, _END)
            if batch is _END:
                return
            yield batch


def _copied(batch: Any) -> Any:
    """A batch with tensors of its own."""
    if isinstance(batch, torch.Tensor):
        return batch.clone()
    if isinstance(batch, dict):
        return type(batch)({key: _copied(one) for key, one in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_copied(one) for one in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_copied(one) for one in batch)
    return batch
