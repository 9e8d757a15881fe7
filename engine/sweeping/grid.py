"""Which settings and which seeds a sweep runs over: `learning_rate=0.001..10:log:9`, `optimizer=sgd,adam`, `1000`."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from retrograde.engine.errors import EngineError
from retrograde.engine.layers.base import MAX_SEED
from retrograde.engine.scenario.settings import SEED, pieces, value_of, value_text, written
from retrograde.engine.text import _, brief

MOST_VALUES = 10_000
"""Values of one key."""

MOST_RUNS = 1_000_000
"""Runs of one sweep."""

DIGITS = 6
"""Significant digits to which the values between two ends are rounded, so that what is written is what is computed."""

LONGEST = 200
"""Characters of a range, which is far more than its numbers need."""

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?[0-9]+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::([A-Za-z]+):([0-9]+))?")
_WHOLE = re.compile(rf"[+-]?{_DIGITS}")
_COUNT = re.compile(_DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A key, and the values that it takes.

    Attributes:
        key: the key, as a setting has it.
        values: the values, in the order in which they were given.
    """

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All combinations of the values of some keys, each with all of some seeds.

    Attributes:
        axes: the keys; the last one varies fastest.
        seeds: the seeds; None where each setting is run once, with the luck of the file.
    """

    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None

    @property
    def settings(self) -> Iterator[dict[str, Any]]:
        """The combinations."""
        for values in product(*(axis.values for axis in self.axes)):
            yield {axis.key: value for axis, value in zip(self.axes, values, strict=True)}

    @property
    def lucks(self) -> tuple[int | None, ...]:
        """The seeds, or one None."""
        return (None,) if self.seeds is None else self.seeds

    @property
    def size(self) -> int:
        """How many settings there are."""
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return self.size * len(self.lucks)


def grid_of(vary: Sequence[str] | Mapping[str, Any], seeds: int | str | Sequence[int] | None) -> Grid:
    """Return the grid that is meant.

    Args:
        vary: what varies, as texts `key=values`, or values by key, a text or a list each.
        seeds: how many seeds, from 0 on; or a text, `1000`, `5..20` or `3,7`; or the seeds.

    Raises:
        EngineError: that makes no sense, with the key.
    """
    pairs = list(vary.items()) if isinstance(vary, Mapping) else [_parted(text) for text in vary]
    axes: list[Axis] = []
    for key, values in pairs:
        if any(axis.key == key for axis in axes):
            raise EngineError(_("{key} is varied twice").format(key=key))
        axes.append(Axis(key=key, values=values_of(key, values)))
    lucks = None if seeds is None else seeds_of(seeds)
    own = next((axis for axis in axes if axis.key == SEED), None)
    if own is not None:
        if lucks is not None:
            raise EngineError(_("{key} is varied twice").format(key=SEED))
        axes.remove(own)
        lucks = seeds_of(list(own.values))
    if not axes and lucks is None:
        raise EngineError(_("nothing varies; say over what: --seeds 1000, --vary learning_rate=0.01,0.1,1"))
    grid = Grid(axes=tuple(axes), seeds=lucks)
    if grid.runs > MOST_RUNS:
        message = _("{count} runs; at most {limit} are made in one sweep")
        raise EngineError(message.format(count=f"{grid.runs:,}", limit=f"{MOST_RUNS:,}"))
    return grid


def _parted(text: str) -> tuple[str, str]:
    key, given, values = (part.strip() for part in text.partition("="))
    if not given or not key:
        message = _("{text} says not what varies; write KEY=VALUES, as learning_rate=0.001..10:log:9")
        raise EngineError(message.format(text=repr(text)))
    return key, values


def values_of(key: str, given: Any) -> tuple[Any, ...]:
    """The values of a key: of a text as on the command line, or a list of them.

    Raises:
        EngineError: there are none, too many, or one of them twice.
    """
    if isinstance(given, str):
        found = [value for piece in pieces(given) for value in _piece(key, piece.strip())]
    else:
        found = list(given) if isinstance(given, Sequence) else [given]
    if not found:
        raise EngineError(_("{key} has no values").format(key=key))
    if len(found) > MOST_VALUES:
        message = _("{key} has {count} values; at most {limit}")
        raise EngineError(message.format(key=key, count=f"{len(found):,}", limit=f"{MOST_VALUES:,}"))
    # 1 and 1.0 are one number; true is none.
    texts = {value if type(value) in {int, float} else value_text(value) for value in found}
    if len(texts) < len(found):
        raise EngineError(_("{key} has a value twice").format(key=key))
    return tuple(found)


def _piece(key: str, text: str) -> Iterator[Any]:
    """The values that a part between two commas stands for."""
    match = _RANGE.fullmatch(text)
    if match is None:
        if not text or (".." in text and re.match(_NUMBER, text)):
            raise _strange(key, text)
        yield value_of(text)
        return
    if len(text) > LONGEST:
        raise _strange(key, text)
    low, high, kind, count = match.groups()
    if kind is None:
        if not (_WHOLE.fullmatch(low) and _WHOLE.fullmatch(high)):
            message = _("{key}={text}: say how many values: {text}:lin:5, or {text}:log:5")
            raise EngineError(message.format(key=key, text=text))
        first, last = int(low), int(high)
        if not 0 <= last - first < MOST_RUNS:
            raise _strange(key, text)
        yield from range(first, last + 1)
        return
    yield from spread(key, text, (float(low), float(high)), kind, int(count))


def spread(key: str, text: str, ends: tuple[float, float], kind: str, count: int) -> Iterator[float]:
    """Numbers from one end to the other with equal differences (`lin`) or quotients (`log`).

    Raises:
        EngineError: there are no such numbers.
    """
    low, high = ends
    if kind not in {"log", "lin"} or not all(map(math.isfinite, ends)) or not 2 <= count <= MOST_VALUES or low == high:
        raise _strange(key, text)
    if kind == "log" and (0 in ends or (low > 0) != (high > 0)):
        message = _("{key}={text}: a logarithmic range has both ends above 0, or both below")
        raise EngineError(message.format(key=key, text=text))
    for number in range(count):
        share = number / (count - 1)
        value = _between(low, high, share) if kind == "lin" else _in_proportion(low, high, share)
        value = float(f"{value:.{DIGITS}g}") if 0 < number < count - 1 else ends[number > 0]
        yield int(value) if value.is_integer() and abs(value) < 1e15 else value


def _between(low: float, high: float, share: float) -> float:
    """`low + (high - low) share`, also where the difference is too large for a number."""
    difference = high - low
    return low + difference * share if math.isfinite(difference) else low * (1 - share) + high * share


def _in_proportion(low: float, high: float, share: float) -> float:
    """`low (high / low)^share`, also where the quotient is too large or too small for a number."""
    quotient = high / low
    if sys.float_info.min <= quotient < math.inf:
        return float(low * quotient**share)
    sides = (1 - share) * math.log2(abs(low)) + share * math.log2(abs(high))
    return math.copysign(2.0**sides, low)


def _strange(key: str, text: str) -> EngineError:
    message = _("{key}={text} makes no sense; ranges are 1..5, 0.001..10:log:9 and 0..1:lin:5")
    return EngineError(message.format(key=key, text=brief(text)))


def seeds_of(given: int | str | Sequence[Any]) -> tuple[int, ...]:
    """The seeds that are meant; see ``grid_of``.

    Raises:
        EngineError: that makes no sense.
    """
    if isinstance(given, str) and len(given) < LONGEST and _COUNT.fullmatch(given.strip()):
        given = int(given)
    if isinstance(given, int):
        if not 1 <= given <= MOST_RUNS:
            raise EngineError(_("{count} seeds; 1 to {limit} can be had").format(count=given, limit=f"{MOST_RUNS:,}"))
        return tuple(range(given))
    found = (
        [value for piece in pieces(given) for value in _piece(SEED, piece.strip())] if isinstance(given, str) else given
    )
    for value in found:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
            message = _("{value} is not a seed; seeds are whole numbers from 0")
            raise EngineError(message.format(value=brief(str(value))))
    if not found or len(set(found)) < len(found):
        raise EngineError(
            _("{key} has a value twice").format(key=SEED) if found else _("{key} has no values").format(key=SEED)
        )
    return tuple(found)


def setting_text(values: Mapping[str, Any]) -> str:
    """A setting as it is written behind a name."""
    return written(values)
