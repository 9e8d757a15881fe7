"""Samples that training does not see: a share that a seed draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import HeldOut
    from retrograde.engine.scenario.dataset import Samples

STREAM = 4
"""Second word of the Philox key of splits; other uses of randomness have other streams."""


def held_count(count: int, share: float) -> int:
    """Return how many of so many samples are held out: the nearest number, and at least one of each part."""
    return min(max(1, int(share * count + 0.5)), max(count - 1, 0))


def split(samples: Samples, held_out: HeldOut) -> tuple[Samples, Samples]:
    """Return the samples to train with and those that are held out, each in the order of the file.

    The samples with the smallest random words are held out, so that the split depends on the seed alone.
    """
    # A file without samples needs no NumPy.
    import numpy as np

    assert held_out.share is not None
    count = len(samples)
    words = np.random.Philox(key=(STREAM << 64) | held_out.seed).random_raw(count)
    order = np.argsort(words, kind="stable")
    held = held_count(count, held_out.share)
    return samples.taken(np.sort(order[held:])), samples.taken(np.sort(order[:held]))
