"""What layers are given for each sample, from the file of samples: an array or columns there, a row for each."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import ScenarioError, Violation
from retrograde.engine.layers.base import Layer, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrograde.engine.scenario.data_table import Data
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.scenario.report import Report
    from retrograde.engine.scenario.rules.parts import Parts


def with_starts(
    scenario: Scenario, parts: Parts, file: Path | None, numbers: NDArray[np.int64] | None, report: Report
) -> Scenario:
    """Return the scenario with the initial states and the masks that it names an array for.

    Args:
        scenario: the scenario.
        parts: the same, with the shapes of its layers.
        file: the file of samples.
        numbers: the number of each sample in it, from 1.
        report: where what is wrong goes.
    """
    layers = list(scenario.network.layers)
    for number, layer in enumerate(layers):
        names = {name: given for name, given in layer.starts.items() if isinstance(given, str)}
        sources = parts.sources[number]
        if not names or file is None or numbers is None or sources is None:
            continue
        for name, array in names.items():
            path = layer.start_path(name)
            width = sum(prod(shape) for _time, shape in layer.start_shapes(name, sources))
            try:
                rows = _rows(scenario.data, file, array, numbers, width)
                layer = _with(layer, path, rows)
                layer.form(sources)
            except ScenarioError as error:
                fault = Violation(path=path, message=error.problems[0].message)
                report.add(fault.below("network", "layers", number))
            except ShapeError as error:
                report.add(Violation(path=path, message=error.message).below("network", "layers", number))
        layers[number] = layer
    return scenario.model_copy(update={"network": scenario.network.model_copy(update={"layers": tuple(layers)})})


def _rows(data: Data, file: Path, array: str, numbers: NDArray[np.int64], units: int) -> tuple[tuple[float, ...], ...]:
    """The rows of an array, or of columns, that belong to the samples.

    Raises:
        ScenarioError: it is not there, or has another width.
    """
    from retrograde.engine.errors import Problem
    from retrograde.engine.scenario.data import read_samples

    named = {"input_key": array} if file.suffix.lower() == ".npz" else {"input_columns": array}
    others = (
        "target_columns",
        "length_column",
        "length_key",
        "mask_columns",
        "mask_key",
        "weight_column",
        "weight_key",
    )
    nothing = dict.fromkeys((*others, "classes", "rows"))
    asked = data.model_copy(update={**nothing, **named, "missing": "refuse"})
    found = read_samples(asked, file, str(file), targets=False).inputs
    if found.shape[1] != units or len(found) < numbers.max():
        message = _("{name} has {rows} rows of {width} numbers; {samples} rows of {units} are needed")
        text = message.format(
            name=array, rows=len(found), width=found.shape[1], samples=int(numbers.max()), units=units
        )
        raise ScenarioError([Problem(path=str(file), message=text)])
    return tuple(map(tuple, found[numbers - 1].tolist()))


def _with(layer: Layer, path: Any, rows: Any) -> Layer:
    """The layer with the rows at a place in its table."""
    if len(path) == 1:
        return layer.model_copy(update={path[0]: rows})
    inner = getattr(layer, path[0])
    return layer.model_copy(update={path[0]: inner.model_copy(update={path[1]: rows})})
