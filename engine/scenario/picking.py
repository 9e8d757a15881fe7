"""What reading a file of samples may ask for, and how it is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.text import _


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


def too_large(shown: str) -> Problem:
    """Return the problem of a file with too many samples."""
    message = _("more than {limit} MiB of samples; use fewer rows or columns")
    return Problem(path=shown, key="data.file", message=message.format(limit=limits.MAX_DATA_BYTES // 2**20))


def unreadable(shown: str, reason: object) -> ScenarioError:
    """Return the error of a file that cannot be read."""
    message = _("the file cannot be read: {reason}").format(reason=reason)
    return ScenarioError([Problem(path=shown, key="data.file", message=message)])
