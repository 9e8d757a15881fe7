"""Which samples of a table are looked at, and in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.network.classifying import NO_CLASS
from retrograde.engine.text import _, suggest, whole_number

if TYPE_CHECKING:
    from retrograde.engine.explaining.samples import Integers, SampleTable

SORTS = ("worst", "loss", "confidence", "target", "output", "number")
"""What samples are sorted by: those that are wrong first and then by loss; the largest loss, the least confidence, the
class of the target or of the output, the number in the data first."""

WRONG, RIGHT, INTO = "wrong", "right", ">"
"""Words of a filter: what is not classified rightly, what is, and from a target's class to the output's."""


def chosen(table: SampleTable, text: str = "", sort: str = SORTS[0], *, reverse: bool = False) -> Integers:
    """The rows of a table that a filter keeps, in an order.

    Args:
        table: the table.
        text: the filter: words that all hold. ``wrong``, ``right``, ``#12`` a sample by its number, ``3`` a class of
            the target or of the output, ``3>8`` a target of 3 with an output of 8, ``3>`` and ``>8`` one of them.
        sort: one of ``SORTS``.
        reverse: whether the order is turned round.

    Raises:
        EngineError: a word means nothing here, or there is no such order.
    """
    kept = np.ones(len(table), dtype=np.bool_)
    for word in [text.strip()] if text.strip() in labels(table) else text.split():
        kept &= _kept(table, word)
    rows = np.flatnonzero(kept)
    # The last key counts most; what is equal stays in the order of the data.
    order = np.lexsort([key[rows] for key in reversed(_keys(table, sort))])
    found = rows[order]
    return found[::-1] if reverse else found


def labels(table: SampleTable) -> tuple[str, ...]:
    """What the classes are called."""
    return tuple(table.dataset.label(number) for number in range(table.classes))


def _keys(table: SampleTable, sort: str) -> list[NDArray[np.float64]]:
    """What the rows are sorted by, the smallest first; what counts most comes first."""
    loss = -np.where(np.isnan(table.losses), np.inf, table.losses)
    match sort:
        case "worst":
            return [loss] if table.right is None else [table.right.astype(np.float64), loss]
        case "loss":
            return [loss]
        case "number":
            return [np.arange(len(table), dtype=np.float64)]
        case "confidence":
            return [loss] if table.confidence is None else [table.confidence, loss]
        case "target":
            return [*_columns(table.targets if table.wanted is None else table.wanted), loss]
        case "output":
            return [*_columns(table.outputs if table.named is None else table.named), loss]
        case _:
            known = ", ".join(SORTS)
            message = _("samples are not sorted by {name}; there are: {known}").format(name=sort, known=known)
            raise EngineError(message + suggest(sort, SORTS))


def _columns(values: NDArray[np.floating] | NDArray[np.integer] | None) -> list[NDArray[np.float64]]:
    """The columns of a table of numbers, as keys."""
    if values is None:
        return []
    rows = values.reshape(len(values), -1).astype(np.float64)
    return [rows[:, column] for column in range(rows.shape[1])]


def _kept(table: SampleTable, word: str) -> NDArray[np.bool_]:
    """Which rows a word of a filter keeps."""
    if word.startswith("#") and (chosen := whole_number(word[1:])) is not None:
        return np.asarray(np.arange(1, len(table) + 1) == chosen)
    if table.right is None or table.wanted is None or table.named is None:
        raise EngineError(_("the targets are no classes: a filter is the number of a sample, as #12"))
    if word in (WRONG, RIGHT):
        return np.asarray(table.right == (word == RIGHT))
    if word in labels(table) or INTO not in word:
        number = _class(table, word)
        return np.asarray(np.any(((table.wanted == number) | (table.named == number)) & table.counted, axis=1))
    target, _into, output = word.partition(INTO)
    there = table.counted.copy()
    if target:
        there &= table.wanted == _class(table, target)
    if output:
        there &= table.named == _class(table, output)
    return np.asarray(np.any(there, axis=1))


def _class(table: SampleTable, name: str) -> int:
    """The number of a class by what it is called; ``NaN`` for none."""
    known = labels(table)
    if name in known:
        return known.index(name)
    if name == "NaN":
        return NO_CLASS
    listed = ", ".join(known[:20])
    message = _("no class is called {name}; there are: {known}").format(name=name, known=listed)
    raise EngineError(message + suggest(name, known))
