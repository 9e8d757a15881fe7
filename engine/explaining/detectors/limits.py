"""The limits of the rules: their defaults, those of the scenario, and those that are given on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, suggest

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one rule.

    Attributes:
        values: by key.
    """

    values: Mapping[str, float]

    def __getitem__(self, key: str) -> float:
        """The limit with a key."""
        return self.values[key]

    @property
    def moments(self) -> int:
        """How many observed moments in succession have to agree."""
        return max(1, round(self.values.get("moments", 1.0)))


def limits_of(scenario: Scenario | None, given: Mapping[str, float] | None = None) -> dict[str, Limits]:
    """The limits of every rule.

    Args:
        scenario: a scenario, whose table ``[doctor]`` may have limits of its own; None of a recording.
        given: further ones, as ``{"lr_large.once": 5.0}``, which go before those.

    Raises:
        EngineError: there is no such rule or limit, or the number makes no sense.
    """
    found = {name: {limit.key: limit.default for limit in row.limits} for name, row in AILMENTS.items()}
    for name in AILMENTS:
        own = None if scenario is None or scenario.doctor is None else getattr(scenario.doctor, name, None)
        for key in found[name]:
            value = None if own is None else getattr(own, key)
            if value is not None:
                found[name][key] = value
    for path, value in (given or {}).items():
        rule, key = _split(path)
        limit = AILMENTS[rule].limit(key)
        assert limit is not None
        if not limit.option.allows(value):
            message = _("{path} is {value:g}; it goes over {bounds}")
            raise EngineError(message.format(path=path, value=value, bounds=limit.option.bounds))
        found[rule][key] = value
    return {name: Limits(values) for name, values in found.items()}


def _split(path: str) -> tuple[str, str]:
    """The rule and the key of a limit."""
    rule, _dot, key = path.partition(".")
    if rule not in AILMENTS:
        raise EngineError(_("there is no rule {name}").format(name=rule) + suggest(rule, AILMENTS))
    keys = [limit.key for limit in AILMENTS[rule].limits]
    if key in keys:
        return rule, key
    if not keys:
        raise EngineError(_("{rule} is exact and has no limit").format(rule=rule))
    known = ", ".join(f"{rule}.{one}" for one in keys)
    raise EngineError(_("{path} is no limit; there are {known}").format(path=path, known=known))
