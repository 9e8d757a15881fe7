"""What is new in a step beside the one before it, and what it was given that is no number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.network.program import unravel
from retrograde.engine.recording.form import Call, Window
from retrograde.engine.recording.recording import Recording

FACTOR = 10.0
"""So many times larger than in the step before is far too large."""

_Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An element of an array that is new.

    Attributes:
        call: the number of the call that reads or makes it.
        name: the name of the array, or of the number of the program where ``element`` is None.
        element: which element.
        value: what it is.
        before: what the largest of the step before was, by size; None where nothing is compared.
        given: whether no step made it.
    """

    call: int
    name: str
    element: tuple[int, ...] | None
    value: float
    before: float | None = None
    given: bool = True

    @property
    def symbol(self) -> str:
        """Its name and place, counted from 1."""
        return f"{self.name}[{','.join(str(place + 1) for place in self.element)}]" if self.element else self.name


class _Largest(NamedTuple):
    size: float
    place: int
    value: float


def first_given(recording: Recording) -> Found | None:
    """The first NaN or infinity that the step was given: in its data, its parameters, the optimiser's memory.

    −∞ counts only where there is nothing else, since masks of attention are made of it.
    """
    found = None
    for number, array in _read(recording):
        if recording.program.maker(array) is not None or not recording.recorded.has_values(array):
            continue
        values = recording.frame.array(array).reshape(-1)
        broken = np.flatnonzero(~np.isfinite(values))
        if not len(broken):
            continue
        plain = [at for at in broken if not values[at] < 0]
        place = int(plain[0] if plain else broken[0])
        one = Found(call=number, name=array.name, element=unravel(place, array.shape), value=float(values[place]))
        if plain:
            return one
        found = found or one
    return found


def first_jump(recording: Recording, before: Recording, factor: float = FACTOR) -> Found | None:
    """The first array, or number of the program, that is so many times larger than in the step before.

    Calls are compared that are the same in both: the same op at the same module and node, counted in order.
    """
    earlier = dict(_keyed(before))
    for key, number in _keyed(recording):
        if key not in earlier:
            continue
        now, then = recording.records.calls[number], before.records.calls[earlier[key]]
        found = (
            _array_jump(recording, before, number, _pairs(now, then), factor)
            or _number_jump(number, now, then, factor)
            or _array_jump(recording, before, number, _results(now, then), factor)
        )
        if found is not None:
            return found
    return None


def largest_given(recording: Recording) -> Found | None:
    """The largest number, by size, that the step was given."""
    found, size = None, 0.0
    for number, array in _read(recording):
        if recording.program.maker(array) is not None:
            continue
        largest = _largest(recording, recording.recorded.numbers[array])
        if largest is not None and largest.size > size:
            size = largest.size
            place = unravel(largest.place, array.shape)
            found = Found(call=number, name=array.name, element=place, value=largest.value)
    return found


def _keyed(recording: Recording) -> Iterator[tuple[_Key, int]]:
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for number, call in enumerate(recording.records.calls):
        key = (call.op, call.phase, call.module, call.node)
        yield (*key, seen[key]), number
        seen[key] += 1


def _read(recording: Recording) -> Iterator[tuple[int, Array]]:
    """Every array that a call reads, once, with the number of the call."""
    seen: set[int] = set()
    for number, call in enumerate(recording.records.calls):
        for window in _windows(call):
            if window.value not in seen:
                seen.add(window.value)
                yield number, recording.recorded.arrays[window.value]


def _windows(call: Call) -> Iterator[Window]:
    for one in call.arguments.values():
        yield from (part for part in (one if isinstance(one, list) else [one]) if isinstance(part, Window))


def _pairs(now: Call, then: Call) -> list[tuple[int, int]]:
    return [(a.value, b.value) for a, b in zip(_windows(now), _windows(then), strict=False)]


def _results(now: Call, then: Call) -> list[tuple[int, int]]:
    return [(a.to.value, b.to.value) for a, b in zip(now.results, then.results, strict=False)]


def _array_jump(
    recording: Recording, before: Recording, number: int, pairs: list[tuple[int, int]], factor: float
) -> Found | None:
    for left, right in pairs:
        array = recording.recorded.arrays[left]
        now, then = _largest(recording, left), _largest(before, right)
        if now is not None and then is not None and now.size > factor * then.size > 0:
            return Found(
                call=number,
                name=array.name,
                element=unravel(now.place, array.shape),
                value=now.value,
                before=then.value,
                given=recording.program.maker(array) is None,
            )
    return None


def _largest(recording: Recording, number: int) -> _Largest | None:
    array = recording.recorded.arrays[number]
    if not array.size or not recording.recorded.has_values(array):
        return None
    values = recording.frame.array(array).reshape(-1)
    with np.errstate(invalid="ignore"):
        sizes = np.where(np.isfinite(values), np.abs(values), -1.0)
    place = int(sizes.argmax())
    return _Largest(float(sizes[place]), place, float(values[place]))


def _number_jump(number: int, now: Call, then: Call, factor: float) -> Found | None:
    for name, one in now.arguments.items():
        old = then.arguments.get(name)
        pairs = zip(one, old, strict=False) if isinstance(one, list) and isinstance(old, list) else [(one, old)]
        for left, right in pairs:
            if _is_number(left) and _is_number(right) and abs(left) > factor * abs(right) > 0:  # type: ignore[arg-type]
                return Found(call=number, name=name, element=None, value=float(left), before=float(right))  # type: ignore[arg-type]
    return None


def _is_number(one: object) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
