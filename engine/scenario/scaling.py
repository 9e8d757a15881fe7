"""Samples as the network takes them: scaled, with one-hot targets, read-only."""

from __future__ import annotations

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
    from retrograde.engine.scenario.models import Data


def finish(samples: Samples, data: Data, positions: int | None = 1, ignore: int | None = None) -> Dataset:
    """Return the samples as the network sees them: scaled, with one-hot targets.

    Args:
        samples: the samples.
        data: the `[data]` table.
        positions: how many class indices a sample has: the last so many that there are.
        ignore: the class index that has no loss; its row is 0.

    Raises:
        EngineError: an input is not finite after scaling.
    """
    inputs = scaled(samples.inputs, data)
    targets, ignored = samples.targets, None
    if data.class_count is not None:
        indices = targets[:, -(positions or 1) :].astype(np.int64)
        targets = np.zeros((*indices.shape, data.class_count))
        kept = indices != ignore
        np.put_along_axis(targets, np.where(kept, indices, 0)[..., None], kept[..., None].astype(np.float64), axis=2)
        ignored = None if ignore is None else (~kept).astype(np.float64)
        targets = targets.reshape(len(indices), -1)
    names = data.class_names or (() if data.text is None else shown_characters(alphabet(data.text)))
    lengths = None if samples.lengths is None else samples.lengths.astype(np.int64)
    return Dataset(
        inputs=_sealed(inputs),
        targets=_sealed(targets),
        class_names=names,
        lengths=lengths,
        mask=None if samples.mask is None else _sealed(samples.mask),
        ignored=ignored,
        weights=None if samples.weights is None else _sealed(samples.weights),
    )


def scaled(inputs: NDArray[np.float64], data: Data) -> NDArray[np.float64]:
    """Return the inputs, (samples, inputs), as the network sees them.

    Raises:
        EngineError: an input is not finite after scaling.
    """
    with np.errstate(all="ignore"):
        if data.divide_inputs_by is not None:
            inputs = inputs / data.divide_inputs_by
        if data.standardise:
            spread = inputs.std(axis=0)
            # Rounding leaves a constant column a spread of an ulp or so, which would blow its noise up to 1.
            constant = inputs.max(axis=0) == inputs.min(axis=0)
            inputs = np.where(constant, 0.0, (inputs - inputs.mean(axis=0)) / np.where(constant, 1.0, spread))
    wrong = next(first_places(~np.isfinite(inputs)), None)
    if wrong is not None:
        message = _("input {column} of sample {row} is not finite after scaling")
        raise EngineError(message.format(column=wrong[1] + 1, row=wrong[0] + 1))
    return inputs


def _sealed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sealed = np.array(values, dtype=np.float64, order="C")
    sealed.flags.writeable = False
    return sealed
