"""What the doctor says, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrograde.engine.rich import Rich


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule has found, before it is an alert.

    Attributes:
        value: the number that is beyond the limit.
        threshold: the limit.
        cause: what it means here, in a sentence.
        place: the layer or neuron; empty where it is the whole network.
        iteration: when, where the rule itself says so.
        advice: what to do, where that is more than the row says.
        edit: new values of slots that would mend it, by name.
        ahead_of: the rule before which it counts as a cause, where that is not the place of its row.
        confirms: whether one such moment is enough, however many the rule asks for.
        always: whether it is an alarm even where the network has learned all the same.
        level: E over all samples at its moment, where the rule itself says so.
    """

    value: float
    threshold: float
    cause: str
    place: str = ""
    iteration: int | None = None
    advice: str = ""
    edit: tuple[tuple[str, float], ...] = ()
    ahead_of: str = ""
    confirms: bool = False
    always: bool = False
    level: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule that has fired.

    Attributes:
        rule: its name.
        iteration: the iteration (from 0) of the first moment at which it is true.
        address: that moment, as ``2:1`` (epoch, iteration); ``start`` of what holds before the first iteration.
        value: the number that is beyond the limit.
        threshold: the limit.
        cause: what it means here, in a sentence.
        advice: what to do.
        note: whether it is a remark and no alarm.
        place: the layer or neuron; empty where it is the whole network.
        edit: new values of slots that would mend it, by name; none where there are none.
        step: the step that it is about, from 1; None where it is about a whole iteration.
    """

    rule: str
    iteration: int
    address: str
    value: float
    threshold: float
    cause: str
    advice: str
    note: bool
    place: str = ""
    edit: tuple[tuple[str, float], ...] = ()
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Rich):
    """What is wrong with a run.

    Attributes:
        headline: the alert that explains the others; None where nothing is wrong.
        alerts: all alerts in the order of causes, alarms first and then notes.
        not_judged: the rules that could not be judged, each with the reason.
        iterations: how many iterations were run.
        moments: how many of them were looked at.
    """

    headline: Alert | None
    alerts: tuple[Alert, ...]
    not_judged: Mapping[str, str] = field(default_factory=dict)
    iterations: int = 0
    moments: int = 0

    @property
    def consequences(self) -> tuple[Alert, ...]:
        """The alarms that the headline explains."""
        return tuple(alert for alert in self.alerts if not alert.note and alert is not self.headline)

    @property
    def notes(self) -> tuple[Alert, ...]:
        """The remarks."""
        return tuple(alert for alert in self.alerts if alert.note)
