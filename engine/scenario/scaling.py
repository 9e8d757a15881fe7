"""Samples as the network takes them: filled in, scaled, with one-hot targets, read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.dataset import Dataset, Samples
from retrograde.engine.scenario.rules.samples import first_places
from retrograde.engine.scenario.sequences import alphabet
from retrograde.engine.scenario.sequences import shown as shown_characters
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data

Floats = NDArray[np.float64]


def finish(samples: Samples, data: Data, positions: int | None = 1, held: Samples | None = None) -> Dataset:
    """Return the samples as the network sees them: filled in, scaled, with one-hot targets.

    Args:
        samples: the samples to train with, which everything is fitted on.
        data: the `[data]` table.
        positions: how many class indices a sample has: the last so many that there are.
        held: the samples that are held out.

    Raises:
        EngineError: a value is not finite after scaling.
    """
    found = None if held is None else _finished(held, samples, data, positions, None)
    return _finished(samples, samples, data, positions, found)


def _finished(part: Samples, fitted: Samples, data: Data, positions: int | None, held: Dataset | None) -> Dataset:
    names = data.shown_names or (() if data.text is None else shown_characters(alphabet(data.text)))
    ignored = None
    if part.ignore is not None and data.class_count is not None:
        ignored = (part.targets[:, -(positions or 1) :] == part.ignore).astype(np.float64)
    return Dataset(
        inputs=_sealed(scaled(part.inputs, data, fitted.inputs)),
        targets=_sealed(_goals(part, fitted, data, positions)),
        class_names=names,
        lengths=None if part.lengths is None else part.lengths.astype(np.int64),
        mask=None if part.mask is None else _sealed(part.mask),
        ignored=ignored,
        weights=None if part.weights is None else _sealed(part.weights),
        held_out=held,
        first_class=part.first,
    )


def _goals(part: Samples, fitted: Samples, data: Data, positions: int | None) -> Floats:
    """Return the targets as the losses compare with them."""
    targets = part.targets
    classes = data.class_count
    if classes is None:
        return scaled_targets(_indices(part, data), data, _indices(fitted, data))
    written = targets[:, -(positions or 1) :]
    kept = np.ones(written.shape, dtype=np.bool_) if part.ignore is None else written != part.ignore
    indices = np.where(kept, written - part.first, 0).astype(np.int64)
    targets = np.zeros((*indices.shape, classes))
    np.put_along_axis(targets, indices[..., None], kept[..., None].astype(np.float64), axis=2)
    return targets.reshape(len(indices), -1)


def _indices(part: Samples, data: Data) -> Floats:
    """Return targets that are numbers; class indices count from 0."""
    return part.targets if data.class_total is None else part.targets - part.first


def scaled(inputs: Floats, data: Data, fitted: Floats | None = None) -> Floats:
    """Return the inputs, (samples, inputs), as the network sees them.

    Args:
        inputs: the inputs as they are written.
        data: the `[data]` table.
        fitted: the inputs of the training data, which say what a column's mean and range are; absent: these.

    Raises:
        EngineError: an input is not finite after scaling.
    """
    fitted = inputs if fitted is None else fitted
    if data.missing == "mean":
        means = _means(fitted)
        inputs, fitted = _filled(inputs, means), _filled(fitted, means)
    with np.errstate(all="ignore"):
        if data.divide_inputs_by is not None:
            inputs = inputs / data.divide_inputs_by
        if data.standardise:
            inputs = standardised(fitted)(inputs)
        if data.scale_inputs is not None:
            inputs = _by_column(inputs, data.scale_inputs, fitted)
    _check(inputs, data, _("input {column} of sample {row} is not finite after scaling"))
    return inputs


def scaled_targets(targets: Floats, data: Data, fitted: Floats) -> Floats:
    """Return the targets, (samples, outputs), as the losses compare with them; see ``scaled``."""
    if data.scale_targets is None:
        return targets
    with np.errstate(all="ignore"):
        targets = _by_column(targets, data.scale_targets, fitted)
    _check(targets, data, _("target {column} of sample {row} is not finite after scaling"))
    return targets


def _check(values: Floats, data: Data, message: str) -> None:
    if data.missing == "keep":
        return
    wrong = next(first_places(~np.isfinite(values)), None)
    if wrong is not None:
        raise EngineError(message.format(column=wrong[1] + 1, row=wrong[0] + 1))


def _means(values: Floats) -> Floats:
    """Return the mean of what is there of each column; 0 of a column without any value."""
    there = ~np.isnan(values)
    counts = there.sum(axis=0)
    means: Floats = np.where(there, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    return means


def _filled(values: Floats, means: Floats) -> Floats:
    return np.where(np.isnan(values), means, values)


def standardised(fitted: Floats) -> Callable[[Floats], Floats]:
    """Return what takes a column's mean away and divides by its spread, as the fitted values have them."""
    spread, means = fitted.std(axis=0), fitted.mean(axis=0)
    # Rounding leaves a constant column a spread of an ulp or so, which would blow its noise up to 1.
    constant = fitted.max(axis=0) == fitted.min(axis=0)
    return lambda values: np.where(constant, 0.0, (values - means) / np.where(constant, 1.0, spread))


def ranged(fitted: Floats) -> Callable[[Floats], Floats]:
    """Return what takes the fitted values from their least and greatest to 0 and 1; a constant column becomes 0."""
    low, high = fitted.min(axis=0), fitted.max(axis=0)
    constant = low == high
    return lambda values: np.where(constant, 0.0, (values - low) / np.where(constant, 1.0, high - low))


def _by_column(values: Floats, scales: str | float | tuple[str | float, ...], fitted: Floats) -> Floats:
    """Return values of which each column is scaled in the way that is stated for it, or for all."""
    if isinstance(scales, tuple):
        found = np.empty_like(values)
        for column, scale in enumerate(scales):
            one = slice(column, column + 1)
            found[:, one] = _by_column(values[:, one], scale, fitted[:, one])
        return found
    match scales:
        case "none":
            return values
        case "standardise":
            return standardised(fitted)(values)
        case "minmax":
            return ranged(fitted)(values)
    divided: Floats = values / float(scales)
    return divided


def _sealed(values: Floats) -> Floats:
    sealed = np.array(values, dtype=np.float64, order="C")
    sealed.flags.writeable = False
    return sealed
