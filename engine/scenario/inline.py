"""Samples that the scenario itself holds: tables, and the windows of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.rules.nested_shapes import flat_rows, nested_shape
from retrograde.engine.scenario.sequences import alphabet, window_starts

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data


def inline_samples(data: Data, steps: int = 0, *, indices: bool = False) -> Samples:
    """Return the samples that the scenario itself holds; both tables must be rectangular."""
    if data.text is not None:
        return _windows(data.text, steps, data.stride, indices=indices)
    # Without inputs or without targets there are as many samples as there are rows of the other, and one of neither.
    count = len(data.inputs or data.targets or ((),))
    inputs = (
        np.zeros((count, 0)) if data.inputs is None else np.array(flat_rows(data.inputs), dtype=np.float64, ndmin=2)
    )
    targets = np.zeros((count, 0)) if data.targets is None else targets_array(data)
    samples = Samples(
        inputs=inputs,
        targets=targets,
        numbers=np.arange(1, len(inputs) + 1),
        lengths=lengths_array(data),
        mask=mask_array(data),
        weights=None if data.sample_weights is None else np.array(data.sample_weights, dtype=np.float64),
        first=data.first_class,
        shape=_axes(data.inputs),
    )
    if data.missing == "drop":
        gaps = np.isnan(inputs).any(axis=1) | np.isnan(targets).any(axis=1)
        samples = samples.taken(np.flatnonzero(~gaps))
    return samples


def _axes(rows: Sequence[Any] | None) -> tuple[int, ...] | None:
    """Return the axes of each sample, where it is written with axes."""
    if not rows or not rows[0] or not isinstance(rows[0][0], tuple):
        return None
    return nested_shape(rows[0])


def mask_array(data: Data) -> NDArray[np.float64] | None:
    """Return the inline mask, (samples, steps); None where there is none."""
    return None if data.mask is None else np.array(data.mask, dtype=np.float64, ndmin=2)


def lengths_array(data: Data) -> NDArray[np.float64] | None:
    """Return the inline lengths of sequences, (samples,); None where there are none."""
    return None if data.lengths is None else np.array(data.lengths, dtype=np.float64)


def windows_size(data: Data, steps: int, *, indices: bool) -> int:
    """Return the bytes that the inputs and targets of the windows of a text take."""
    count = len(window_starts(data.text or "", steps, data.stride))
    return 8 * count * steps * (2 if indices else 1 + len(alphabet(data.text or "")))


def _windows(text: str, steps: int, stride: int | None, *, indices: bool) -> Samples:
    """Return the windows of a text, and the characters that follow each of theirs.

    The characters are one-hot, (samples, steps · characters), or indices, (samples, steps).
    """
    characters = alphabet(text)
    codes = {character: number for number, character in enumerate(characters)}
    numbers = np.array([codes[character] for character in text])
    places = np.array(window_starts(text, steps, stride))[:, None] + np.arange(steps)
    inputs = numbers[places].astype(np.float64)
    if not indices:
        inputs = np.eye(len(characters))[numbers[places]].reshape(len(places), -1)
    targets = numbers[places + 1].astype(np.float64)
    return Samples(inputs=inputs, targets=targets, numbers=np.arange(1, len(inputs) + 1))


def targets_array(data: Data) -> NDArray[np.float64]:
    """Return the inline targets, (samples, columns); class indices are one column, or one a position."""
    targets = np.array(flat_rows(data.targets or ()), dtype=np.float64)
    return targets[:, None] if targets.ndim == 1 else targets
