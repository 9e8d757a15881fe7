"""What an optimiser remembers before the first update, from the names that the file gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.network.notation import Notation
from retrograde.engine.ops.update.starts import Starts
from retrograde.engine.text import _

_NAMED = re.compile(r"(?P<stem>\w+)\((?P<name>\w+)(?P<index>\[.+\])?\)")


def starts_of(memory: Mapping[str, Any] | None, notation: Notation, parameters: Mapping[str, Array]) -> Starts:
    """The table ``[training.memory]``, which is checked, with its names understood.

    Args:
        memory: the table.
        notation: the names of single parameters.
        parameters: the arrays that are trained, by name.

    Raises:
        EngineError: a name is none of a parameter that is trained.
    """
    numbers: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    slots: dict[str, dict[tuple[int, ...], float]] = {}
    for key, value in (memory or {}).items():
        match = _NAMED.fullmatch(key)
        if match is None:
            numbers[key] = float(value)
        elif match["index"] is None and match["name"] in parameters:
            arrays[key] = value
        else:
            if match["name"] in parameters:
                name, index = match["name"], tuple(int(part) - 1 for part in match["index"][1:-1].split(","))
            else:
                name, index = notation.parameter(match["name"]) or ("", ())
            if name not in parameters or len(index) != len(parameters[name].shape):
                raise EngineError(_("{key}: there is no such parameter that is trained").format(key=key))
            slots.setdefault(f"{match['stem']}({name})", {})[index] = float(value)
    return Starts(numbers=numbers, arrays=arrays, slots=slots)
