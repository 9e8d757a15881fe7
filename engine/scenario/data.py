"""The samples of a scenario: inline, from a CSV file, or from an NPZ file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.csv_reading import read_csv
from retrograde.engine.scenario.dataset import Dataset, Samples
from retrograde.engine.scenario.inline import inline_samples
from retrograde.engine.scenario.npz_reading import read_npz
from retrograde.engine.scenario.samples import (
    goal_faults,
    index_faults,
    length_faults,
    shape_faults,
)
from retrograde.engine.scenario.scaling import finish
from retrograde.engine.scenario.sequences import steps_of

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data, Scenario

SUFFIXES = (".csv", ".csv.gz", ".npz")


def load_data(scenario: Scenario) -> Dataset:
    """Return the samples of a scenario; read-only arrays that every call shares.

    Raises:
        ScenarioError: the file of samples is missing or malformed.
        EngineError: the scenario was made by hand and its samples do not fit together.
    """
    if scenario._dataset is None or scenario._dataset[0] is not scenario.data:
        network, data = scenario.network, scenario.data
        goals = scenario.goals
        steps = steps_of(network.inputs, network.input_shape)
        indices = scenario.vocabulary is not None
        samples = read_samples(data, scenario.data_path, steps=steps, targets=bool(goals), indices=indices)
        positions = goals[0].positions if len(goals) == 1 else 1
        faults = [
            *shape_faults(samples, data, network.inputs, sum(goal.width for goal in goals), positions),
            *goal_faults(samples.targets, goals, data.class_count, positions, samples.lengths),
            *length_faults(samples.lengths, steps),
            *index_faults(samples.inputs, scenario.vocabulary),
        ]
        if faults:
            raise EngineError(faults[0].message)
        scenario._dataset = (data, finish(samples, data, positions))
    return scenario._dataset[1]


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
