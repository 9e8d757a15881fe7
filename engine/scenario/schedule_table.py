"""The table ``[training.schedule]`` of a scenario file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from retrograde.engine.equations.rate_schedules import KEYS, SCHEDULES
from retrograde.engine.layers.base import Model
from retrograde.engine.layers.options import with_options, words

if TYPE_CHECKING:
    ScheduleKind = str
else:
    ScheduleKind = words(SCHEDULES)


class _ScheduleKind(Model):
    kind: ScheduleKind = Field(description="; ".join(f"{row.name}: {row.text}" for row in SCHEDULES.values()))


if TYPE_CHECKING:

    class _ScheduleKeys(_ScheduleKind):
        """The kind, and a key for each row of ``KEYS``."""

        def __getattr__(self, key: str) -> Any: ...
else:
    _ScheduleKeys = with_options(_ScheduleKind, ((option, option.text) for option in KEYS.values()))


class RateSchedule(_ScheduleKeys):
    """How the learning rate changes: η_t = η·f(t)."""

    def completed(self) -> RateSchedule:
        """The table with everything stated that a file may leave out."""
        defaults = SCHEDULES[self.kind].keys
        return self.model_copy(update={key: value for key, value in defaults.items() if getattr(self, key) is None})
