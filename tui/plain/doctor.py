"""A diagnosis as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
    from retrograde.engine.explaining.detectors.trials import Trial
    from retrograde.engine.session.session import Session


def diagnosis_record(session: Session, found: Diagnosis, trials: Sequence[Trial]) -> dict[str, Any]:
    """What is wrong with a run, the cause first, and the experiments that were made besides."""
    record: dict[str, Any] = {
        "scenario": session.name,
        "branch": session.branch.name,
        "iterations": found.iterations,
        "moments": found.moments,
        "headline": None if found.headline is None else alert_record(found.headline),
        "alerts": [alert_record(alert) for alert in found.alerts],
        "not_judged": dict(found.not_judged),
    }
    if trials:
        record["trials"] = [
            {"name": trial.name, "text": trial.text, "numbers": {key: encoded(x) for key, x in trial.numbers.items()}}
            for trial in trials
        ]
    return record


def alert_record(alert: Alert) -> dict[str, Any]:
    """A rule that has fired."""
    return {
        "rule": alert.rule,
        "moment": alert.address,
        "iteration": alert.iteration,
        "value": encoded(alert.value),
        "threshold": encoded(alert.threshold),
        "cause": alert.cause,
        "advice": alert.advice,
        "note": alert.note,
        "place": alert.place,
        "edit": {name: encoded(value) for name, value in alert.edit},
    }
