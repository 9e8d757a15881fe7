"""Records while a step runs: dictionaries as they will stand in the file, defaults left out.

A step has thousands of them; the checked records of ``form`` take several times as long to make.
"""

from __future__ import annotations

from typing import Any

from retrograde.engine.recording.form import Call, Result, Value, Window

Note = dict[str, Any]
"""A record by the names of its fields, in their order."""
_CALL: Note = {"module": "", "node": "", "source": None, "forward": None, "recomputed": False}
_VALUE: Note = {"of": None, "offset": None, "crc": 0, "again": None, "summary": None, "reason": None}


def window(value: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Note:
    """A window; see ``Window``."""
    return {"value": value, "offset": offset, "shape": shape, "strides": strides}


def result(position: int, item: int | None, to: Note, old: int | None) -> Note:
    """What an op made; see ``Result``."""
    found: Note = {"position": position}
    if item is not None:
        found["item"] = item
    found["to"] = to
    if old is not None:
        found["old"] = old
    return found


def numbers_noted(arguments: Any) -> list[int]:
    """The values that arguments show."""
    found: list[int] = []
    for one in arguments:
        if type(one) is dict:
            found.append(one["value"])
        elif type(one) is list:
            found += numbers_noted(one)
    return found


def as_value(note: Note) -> Value:
    """The record of a value."""
    whole = _VALUE | note
    return Value.trusted(**{name: whole[name] for name in Value.model_fields})


def as_call(note: Note) -> Call:
    """The record of an op."""
    whole = _CALL | note
    whole |= {
        "arguments": {name: _as_argument(one) for name, one in note["arguments"].items()},
        "results": [_as_result(one) for one in note["results"]],
    }
    return Call.trusted(**{name: whole[name] for name in Call.model_fields})


def _as_argument(one: Any) -> Any:
    if isinstance(one, dict):
        return Window.trusted(**one)
    return [_as_argument(part) for part in one] if isinstance(one, list) else one


def _as_result(note: Note) -> Result:
    return Result.trusted(
        position=note["position"], item=note.get("item"), to=Window.trusted(**note["to"]), old=note.get("old")
    )
