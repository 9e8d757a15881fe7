"""What reading a file of samples may ask for, and how it is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.text import _, suggest

_RANGE = re.compile(r"\s*\d{1,9}\s*(-\s*\d{1,9}\s*)?")
_SHOWN = 20


def picked(text: str, available: int, key: str, what: str, shown: str) -> NDArray[np.int64]:
    """Return the indices, from 0, that `1-4,7` names among those that are available."""
    pieces = ranges(text)
    highest = max(last for _first, last in pieces)
    if highest > available:
        message = _("{what} {number} is asked for, but there are only {available}")
        raise ScenarioError(
            [
                Problem(
                    path=shown,
                    key=key,
                    message=message.format(what=what, number=highest, available=available),
                )
            ]
        )
    if sum(last - first + 1 for first, last in pieces) > limits.MAX_DATA_BYTES // 8:
        raise ScenarioError([too_large(shown)])
    return np.concatenate([np.arange(first - 1, last) for first, last in pieces])


def columns_of(
    asked: str | int | Sequence[str | int], names: Sequence[str] | None, width: int, key: str, shown: str
) -> list[int]:
    """Return the columns, from 0, that are asked for by number or by name.

    Args:
        asked: `1-4,7`, `x1,x2` or `x1-x4`; a number; or a list of names and numbers, in which a name may have commas.
        names: the names of all columns; None where they have none.
        width: the number of columns.
        key: the key that asks.
        shown: how problems name the file.

    Raises:
        ScenarioError: a column is not there, or two have the name.
    """
    pieces = asked.split(",") if isinstance(asked, str) else [asked] if isinstance(asked, int) else asked
    if isinstance(asked, str) and names is not None and asked.strip() in names:
        pieces = [asked]
    found: list[int] = []
    for piece in pieces:
        text = str(piece).strip()
        if isinstance(piece, str) and names is not None and text in names:
            found.append(_named(text, names, key, shown))
        elif _RANGE.fullmatch(text):
            found += picked(text, width, key, _("column"), shown).tolist()
        else:
            found += _between(text, names, key, shown)
        if len(found) > limits.MAX_DATA_BYTES // 8:
            raise ScenarioError([too_large(shown)])
    return found


def _between(text: str, names: Sequence[str] | None, key: str, shown: str) -> range:
    """Return the columns from one name to another, `x1-x4`."""
    for at, character in enumerate(text):
        first, last = text[:at].strip(), text[at + 1 :].strip()
        if character == "-" and names is not None and first in names and last in names:
            start, end = _named(first, names, key, shown), _named(last, names, key, shown)
            if start <= end:
                return range(start, end + 1)
    shortened = repr(text if len(text) <= 40 else text[:39] + "…")
    if names is None:
        message = _("there is no column {name}: the file has no heading; count columns from 1")
        raise ScenarioError([Problem(path=shown, key=key, message=message.format(name=shortened))])
    known = [repr(name) for name in names if name]
    message = _("there is no column {name}").format(name=shortened) + suggest(
        text, [name for name in names if name], likeness=0.5
    )
    listed = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    message += _("; the file has: {names}").format(names=listed)
    raise ScenarioError([Problem(path=shown, key=key, message=message)])


def _named(name: str, names: Sequence[str], key: str, shown: str) -> int:
    """Return the column with a name."""
    places = [place for place, known in enumerate(names) if known == name]
    if len(places) > 1:
        message = _("columns {first} and {second} are both called {name}; use their numbers")
        text = message.format(first=places[0] + 1, second=places[1] + 1, name=repr(name))
        raise ScenarioError([Problem(path=shown, key=key, message=text)])
    return places[0]


def too_large(shown: str) -> Problem:
    """Return the problem of a file with too many samples."""
    message = _("more than {limit} MiB of samples; use fewer rows or columns")
    return Problem(path=shown, key="data.file", message=message.format(limit=limits.MAX_DATA_BYTES // 2**20))


def unreadable(shown: str, reason: object) -> ScenarioError:
    """Return the error of a file that cannot be read."""
    text = str(reason) or type(reason).__name__
    text = "".join(character if character.isprintable() else "?" for character in text[:200])
    message = _("the file cannot be read: {reason}").format(reason=text)
    return ScenarioError([Problem(path=shown, key="data.file", message=message)])
