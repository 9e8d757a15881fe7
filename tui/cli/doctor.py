"""`retrograde doctor`: what is wrong with a training, the cause first."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.cli.support.columns import padded, wrapped
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import EPOCHS, JSON, Subcommand, argument
from retrograde.tui.plain.doctor import diagnosis_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
    from retrograde.engine.explaining.detectors.trials import Trial
    from retrograde.engine.session.session import Session

_WIDTH = 96
TRIALS = ("fit_one_batch", "zero_inputs", "half_rate")
"""The experiments, by name."""


def doctor(
    source: str, *, epochs: int | None, limits: Mapping[str, float], trials: Sequence[str], as_json: bool
) -> int:
    """Say what is wrong with a training.

    Args:
        source: A scenario by name or file, or a saved session, whose branch is run anew.
        epochs: The most epochs.
        limits: Limits of rules, by `rule.limit`.
        trials: Experiments that are made besides.
        as_json: Print one JSON object.

    Returns:
        1 with a headline, 0 without.

    Raises:
        EngineError: There is no such rule or limit; nothing was printed.
        ScenarioError: The scenario can not be used.
    """
    session = load_session(source)
    with ProgressBar() as bar:
        found = session.doctor(epochs=epochs, limits=limits, on_run=bar.counted, on_look=bar.counted)
        made = tuple(session.explanations.trial(name, epochs=epochs) for name in trials)
    if as_json:
        print(json.dumps(diagnosis_record(session, found, made), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(session, found, made)))
    return 1 if found.headline is not None else 0


def _lines(session: Session, found: Diagnosis, trials: Sequence[Trial]) -> list[str]:
    rules = ngettext("{count} rule", "{count} rules", len(AILMENTS)).format(count=len(AILMENTS))
    run = ngettext("{count} iteration", "{count} iterations", found.iterations).format(count=found.iterations)
    lines = [f"{session.name}   {rules} · {run}", ""]
    if found.headline is None:
        lines.append(f"✔ {_('nothing is wrong')}")
    else:
        lines += _headline(found.headline)
        if found.consequences:
            folded = " · ".join(f"{_(AILMENTS[alert.rule].title)} {alert.address}" for alert in found.consequences)
            lines += _hanging(_("and so:"), folded)
        lines += _hanging(_("do:"), found.headline.advice)
        lines += _edit(found.headline)
    for alert in found.notes:
        lines += ["", f"○ {_where(alert)}  {_(AILMENTS[alert.rule].title)} ({alert.rule})"]
        lines += wrapped(alert.cause, _WIDTH, "    ")
    if found.not_judged:
        lines += ["", _("not judged:"), *_not_judged(found.not_judged)]
    for trial in trials:
        lines += ["", joined((trial.name, trial.text), ": ")]
    return lines


def _where(alert: Alert) -> str:
    return _("start") if alert.address == "start" else alert.address


def _headline(alert: Alert) -> list[str]:
    return [
        f"✖ {_where(alert)}  {_(AILMENTS[alert.rule].title)} ({alert.rule})",
        *wrapped(alert.cause, _WIDTH, "    "),
    ]


def _hanging(head: str, text: str) -> list[str]:
    first, *more = wrapped(text, _WIDTH, " " * 12)
    return [f"    {padded(head, 8)}{first.strip()}", *more]


def _edit(alert: Alert) -> list[str]:
    return [f"    {padded(_('try:'), 8)}:set {name} = {value:g}" for name, value in alert.edit]


def _not_judged(reasons: Mapping[str, str]) -> list[str]:
    """The rules that could not be judged, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for rule, reason in reasons.items():
        by_reason.setdefault(reason, []).append(rule)
    return [
        line
        for reason, rules in by_reason.items()
        for line in wrapped(joined((reason, joined(rules, ", ")), ": "), _WIDTH, "    ")
    ]


def _setting(text: str) -> tuple[str, float]:
    """A limit as `rule.limit=value`, for argparse.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    path, given, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not given or not path or not math.isfinite(number):
        raise argparse.ArgumentTypeError(_("{text!r} is no limit such as lr_large.once=5").format(text=text))
    return path.strip(), number


COMMAND = Subcommand(
    name="doctor",
    help=N_("say what is wrong with a training, and why"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        EPOCHS,
        argument(
            "--set",
            action="append",
            default=[],
            type=_setting,
            metavar="RULE.LIMIT=NUMBER",
            help=N_("another limit of a rule, as lr_large.once=5"),
        ),
        argument(
            "--try",
            dest="trials",
            action="append",
            default=[],
            choices=TRIALS,
            help=N_("make an experiment besides and report its numbers"),
        ),
        JSON,
    ),
    run=lambda given: doctor(
        given.scenario, epochs=given.epochs, limits=dict(given.set), trials=given.trials, as_json=given.json
    ),
    page="why.md",
)
