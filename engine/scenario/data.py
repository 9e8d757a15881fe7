"""The samples of a scenario: inline, from a CSV file, or from an NPZ file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.csv_reading import read_csv
from retrograde.engine.scenario.dataset import Dataset, Samples
from retrograde.engine.scenario.inline import inline_samples
from retrograde.engine.scenario.npz_reading import read_npz
from retrograde.engine.scenario.rules.samples import (
    counted,
    goal_rules,
    index_rules,
    length_rules,
    mask_rules,
    width_rules,
)
from retrograde.engine.scenario.scaling import finish

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data, Scenario


def load_data(scenario: Scenario) -> Dataset:
    """Return the samples of a scenario; read-only arrays that every call shares.

    Raises:
        ScenarioError: the file of samples is missing or malformed.
        EngineError: the scenario was made by hand and its samples do not fit together.
    """
    return scenario.dataset(_read)


def _read(scenario: Scenario) -> Dataset:
    data, shapes = scenario.data, scenario.shapes
    goals, positions, vocabulary = shapes.goals or [], shapes.positions, shapes.vocabulary
    steps = shapes.steps or 0
    samples = read_samples(data, scenario.data_path, steps=steps, targets=bool(goals), indices=vocabulary is not None)
    counts, ignore = counted(samples.lengths, samples.mask, steps), scenario.loss.ignore_index
    for fault in (
        *width_rules(samples, data, shapes.inputs, shapes.outputs, positions),
        *goal_rules(samples.targets, goals, data.class_count, positions, counts, ignore),
        *length_rules(samples.lengths, steps),
        *mask_rules(samples.mask, steps),
        *index_rules(samples.inputs, vocabulary),
    ):
        if not fault.warning:
            raise EngineError(fault.message)
    return finish(samples, data, positions, ignore)


def read_samples(
    data: Data, path: Path | None, shown: str = "", *, steps: int = 0, targets: bool = True, indices: bool = False
) -> Samples:
    """Return the samples as they are written.

    Args:
        data: the `[data]` table.
        path: the file, None for inline samples.
        shown: how problems name the file.
        steps: the number of time steps of the inputs, for the windows of a text.
        targets: whether the samples have targets.
        indices: whether the characters of a text are indices, and not one-hot.

    Raises:
        ScenarioError: the file is missing or malformed, with each row that is.
    """
    if path is None:
        return inline_samples(data, steps, indices=indices)
    shown = shown or str(path)
    if path.name.lower().endswith(".npz"):
        return read_npz(data, path, shown, targets=targets)
    return read_csv(data, path, shown)
