"""The samples of a scenario: inline, from a table, from arrays, or from images; and those that are held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.late import late
from retrograde.engine.scenario.dataset import Dataset, Samples
from retrograde.engine.scenario.holding_out import split
from retrograde.engine.scenario.inline import inline_samples
from retrograde.engine.scenario.reading import data_file
from retrograde.engine.scenario.rules.samples import (
    index_rules,
    length_rules,
    mask_rules,
    sample_goal_rules,
    width_rules,
)
from retrograde.engine.scenario.scaling import finish

if TYPE_CHECKING:
    from retrograde.engine.scenario import arrays, images, tabular
    from retrograde.engine.scenario.data_table import Data
    from retrograde.engine.scenario.models import Scenario
else:
    tabular = late("retrograde.engine.scenario.tabular")
    images = late("retrograde.engine.scenario.images")
    arrays = late("retrograde.engine.scenario.arrays")


def load_data(scenario: Scenario) -> Dataset:
    """Return the samples of a scenario; read-only arrays that every call shares.

    Raises:
        ScenarioError: the file of samples is missing or malformed.
        EngineError: the scenario was made by hand and its samples do not fit together.
    """
    return scenario.dataset(_read)


def _read(scenario: Scenario) -> Dataset:
    data, shapes = scenario.data, scenario.shapes
    path = scenario.data_path
    target_path = None if data.target_file is None or path is None else data_file(data.target_file, scenario.path)
    samples = read_samples(
        data,
        path,
        steps=shapes.steps or 0,
        targets=bool(shapes.goals),
        indices=shapes.vocabulary is not None,
        target_path=target_path,
        input_shape=scenario.network.input_shape,
    )
    data = stated(data, samples)
    held = None
    if scenario.held_out is not None and scenario.held_out.share is not None:
        samples, held = split(samples, scenario.held_out)
    elif scenario.held_out is not None:
        table = scenario.held_out.table(data)
        where = path if table.file == data.file else data_file(table.file or "", scenario.path)
        held = read_samples(
            table,
            None if table.file is None else where,
            targets=bool(shapes.goals),
            target_path=None if table.target_file is None else data_file(table.target_file, scenario.path),
            input_shape=scenario.network.input_shape,
        )
    ignore = scenario.loss.ignore_index
    samples, held = replace(samples, ignore=ignore), None if held is None else replace(held, ignore=ignore)
    for part in (samples, held):
        if part is not None:
            _check(scenario, data, part)
    return finish(samples, data, shapes.positions, held)


def _check(scenario: Scenario, data: Data, samples: Samples) -> None:
    shapes = scenario.shapes
    goals, positions = shapes.goals or [], shapes.positions
    for fault in (
        *width_rules(samples, data, shapes.inputs, shapes.outputs, positions, scenario.network.input_shape),
        *sample_goal_rules(samples, data, goals, positions),
        *length_rules(samples.lengths, shapes.steps or 0),
        *mask_rules(samples.mask, shapes.steps),
        *index_rules(samples.inputs, shapes.vocabulary),
    ):
        if not fault.warning:
            raise EngineError(fault.message)


def stated(data: Data, samples: Samples) -> Data:
    """Return the `[data]` table with the classes that were inferred from words among the targets."""
    return data.model_copy(update={"classes": samples.labels}) if samples.labels else data


def read_samples(
    data: Data,
    path: Path | None,
    shown: str = "",
    *,
    steps: int = 0,
    targets: bool = True,
    indices: bool = False,
    target_path: Path | None = None,
    input_shape: tuple[int, ...] | None = None,
    most: int | None = None,
) -> Samples:
    """Return the samples as they are written, with their axes in the order of the network.

    Args:
        data: the `[data]` table.
        path: the file or the folder, None for inline samples.
        shown: how problems name the file.
        steps: the number of time steps of the inputs, for the windows of a text.
        targets: whether the samples have targets.
        indices: whether the characters of a text are indices, and not one-hot.
        target_path: the file of the targets, where they have one.
        input_shape: the axes of the inputs.
        most: the most samples that are of use; a table with more is not read to its end.

    Raises:
        ScenarioError: the file is missing or malformed, with each row that is.
    """
    if path is None:
        samples = inline_samples(data, steps, indices=indices)
    else:
        samples = _file_samples(data, path, shown or str(path), targets=targets, target_path=target_path, most=most)
    return _turned(samples, data, input_shape)


def _file_samples(
    data: Data, path: Path, shown: str, *, targets: bool, target_path: Path | None, most: int | None
) -> Samples:
    if path.is_dir():
        return images.read_images(path, shown, data.rows, data.classes if isinstance(data.classes, tuple) else None)
    match path.suffix.lower():
        case ".npz":
            return arrays.read_npz(data, path, shown, targets=targets)
        case ".npy":
            return arrays.read_npy(data, path, shown, target_path=target_path if targets else None)
    return tabular.read_table(data, path, shown, most)


def _turned(samples: Samples, data: Data, input_shape: tuple[int, ...] | None) -> Samples:
    """Return samples that were written as rows, columns, channels with the channels first."""
    if data.layout == "NCHW" or input_shape is None or len(input_shape) != 3:
        return samples
    channels, rows, columns = input_shape
    if samples.inputs.shape[1] != channels * rows * columns or (
        samples.shape is not None and samples.shape != (rows, columns, channels)
    ):
        return samples  # which the rules about widths say
    turned = samples.inputs.reshape(-1, rows, columns, channels).transpose(0, 3, 1, 2)
    return samples.arranged(np.ascontiguousarray(turned).reshape(len(turned), -1), input_shape)
