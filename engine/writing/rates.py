"""What an iteration of a program computes from its number alone: the factor of a schedule, whether an epoch ends.

The same formulas as in ``rate_schedules``, in Python's own floats; a row a schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrograde.engine.ops.leaves import Source
from retrograde.engine.ops.update.learning_rate import LastOfEpoch, PerEpoch, RateFactor

Keys = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How a program says what time it is.

    Attributes:
        per_epoch: iterations in an epoch.
        iteration: the number of the iteration in its epoch, from 0, as an expression.
    """

    per_epoch: int
    iteration: str

    @property
    def whole(self) -> str:
        """The number of the iteration from the start of the training."""
        if self.per_epoch == 1:
            return "epoch - 1"
        return f"(epoch - 1) * {self.per_epoch} + {self.iteration}"


def dated(source: Source, clock: Clock) -> str | None:
    """The number that a leaf has in an iteration, as an expression; None where there is none so short."""
    if isinstance(source, PerEpoch):
        return repr(float(clock.per_epoch))
    if isinstance(source, LastOfEpoch):
        return "1.0" if clock.per_epoch == 1 else f"float({clock.iteration} == {clock.per_epoch - 1})"
    if not isinstance(source, RateFactor) or source.keys["kind"] not in FORMULAS:
        return None
    keys, fine = source.keys, source.keys["unit"] == "iteration"
    whole = source.epochs * clock.per_epoch if fine else source.epochs
    now, begins = clock.whole if fine else "epoch - 1", keys.get("warm_up") or 0
    after = f"({now})" if not begins else f"({now} - {begins})"
    found = FORMULAS[keys["kind"]](keys, after, whole - begins)
    if not begins:
        return found
    start = keys["start_factor"]
    rising = f"{start!r} + {1.0 - start!r} * (({now}) / {begins})"
    return f"{rising} if {now} < {begins} else {found}"


def _step(keys: Keys, t: str, whole: int) -> str:
    del whole
    if keys["milestones"]:
        return f"{keys['gamma']!r} ** sum({t} >= place for place in {list(keys['milestones'])})"
    return f"{keys['gamma']!r} ** ({t} // {keys['every']})"


def _cosine(keys: Keys, t: str, whole: int) -> str:
    end, period = keys["end_factor"], keys["period"] or max(1, whole)
    half = f"0.5 * (1.0 + math.cos(math.pi * {t} / {period}))"
    return half if end == 0 else f"{end!r} + {1.0 - end!r} * {half}"


FORMULAS: Mapping[str, Callable[[Keys, str, int], str]] = {
    "step": _step,
    "exponential": lambda keys, t, _whole: f"{keys['gamma']!r} ** {t}",
    "inverse_time": lambda keys, t, _whole: f"1.0 / (1.0 + {keys['decay']!r} * ({t} // {keys['every']}))",
    "cosine": _cosine,
    "warm_up": lambda _keys, _t, _whole: "1.0",
}
"""By schedule: f(t); t is an expression, and the whole is how many units there are behind the warm-up."""
