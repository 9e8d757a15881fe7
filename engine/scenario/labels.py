"""Labels as classes: words, numbers from any first class on, or names in a stated order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario.tables.cells import missing
from retrograde.engine.scenario.tables.table import Column, shortened
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data

_SHOWN = 12


def coded(
    data: Data, columns: dict[int, Column], targets: Sequence[int], rows: NDArray[np.int64], shown: str
) -> tuple[tuple[str, ...], int]:
    """Turn the labels of the columns of targets into class indices; return the names of classes, and the first index.

    Words are sorted unless `classes` states their order; numbers stay as they are, so that `first_class` applies.

    Args:
        data: the `[data]` table.
        columns: the columns by number; those of the targets are replaced.
        targets: which of them are the targets.
        rows: the rows that are taken.
        shown: how problems name the file.

    Raises:
        ScenarioError: there are other labels than classes.
    """
    taken = set(rows.tolist())
    words: dict[str, None] = {}
    numbers = 0
    for column in targets:
        odd = {row: text for row, text in columns[column].odd.items() if row in taken}
        words.update(dict.fromkeys(text for text in odd.values() if not missing(text)))
        numbers += len(taken) - len(odd)
    stated = _stated(data, words, shown)
    if not words and not (stated and _are_numbers(stated)):
        return stated or (), data.first_class
    names = stated or tuple(sorted(words))
    if stated is None and numbers:
        return (), data.first_class  # some cells are numbers: the words among them are reported as what is wrong
    if isinstance(data.classes, int) and len(names) != data.classes:
        listed = ", ".join(repr(shortened(name)) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        message = _("classes = {classes}, but there are {count} different labels: {labels}")
        text = message.format(classes=data.classes, count=len(names), labels=listed)
        raise ScenarioError([Problem(path=shown, key="data.classes", message=text)])
    for column in dict.fromkeys(targets):
        columns[column] = _indices(columns[column], names)
    return names, 0


def _stated(data: Data, words: dict[str, None], shown: str) -> tuple[str, ...] | None:
    """Return the labels in the order in which the scenario states them; None where it leaves that open.

    Raises:
        ScenarioError: it states some of them and not the others.
    """
    if isinstance(data.classes, tuple):
        return data.classes
    names = data.class_names
    if names is None or not words or not set(names) & words.keys():
        return None
    unknown = [word for word in words if word not in names]
    if unknown:
        message = _("the label {label} is none of class_names: {names}")
        listed = ", ".join(map(repr, names[:_SHOWN]))
        text = message.format(label=repr(shortened(unknown[0])), names=listed)
        raise ScenarioError([Problem(path=shown, key="data.class_names", message=text)])
    return names


def _are_numbers(names: Sequence[str]) -> bool:
    """Whether labels are numbers, and not words for them."""
    try:
        found = [float(name) for name in names]
    except ValueError:
        return False
    return all(np.isfinite(found)) and len(set(found)) == len(found)


def _indices(column: Column, names: Sequence[str]) -> Column:
    """Return a column of labels as indices of their names; what is no name stays odd."""
    places = {name: float(place) for place, name in enumerate(names)}
    numbers = column.numbers.copy()
    if _are_numbers(names):
        values = {float(name): float(place) for place, name in enumerate(names)}
        odd = dict(column.odd)
        for row, value in enumerate(column.numbers.tolist()):
            if row not in odd:
                numbers[row] = values.get(value, np.nan)
                if np.isnan(numbers[row]):
                    odd[row] = format(value, ".15g")
    else:
        odd = dict(column.odd)
    for row, text in column.odd.items():
        place = places.get(text)
        if place is not None:
            numbers[row] = place
            del odd[row]
    return Column(numbers=numbers, odd=odd)
