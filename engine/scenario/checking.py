"""A text becomes a checked scenario: types, rules, samples, variants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from retrograde.engine.errors import EngineError, Problem, ScenarioError, Violation
from retrograde.engine.late import late
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.pieces import MAX_FINDINGS, pieces, whole
from retrograde.engine.scenario.reading import toml
from retrograde.engine.scenario.report import Report
from retrograde.engine.scenario.rules.all import broken_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.size import sample_rules
from retrograde.engine.scenario.rules.training import training_rules
from retrograde.engine.scenario.settings import NONE, Settings, applied
from retrograde.engine.scenario.starts import with_starts
from retrograde.engine.scenario.training import Training
from retrograde.engine.scenario.weights.given import with_weights
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario import messages
else:
    messages = late("retrograde.engine.scenario.messages")


def parse(
    text: str,
    *,
    name: str,
    shown: str,
    path: Path | None = None,
    override: Path | None = None,
    variant: str | None = None,
    settings: Settings = NONE,
) -> Scenario:
    """Return the scenario that a text describes, or a variant of it, complete and with its samples.

    Args:
        text: the text of the file.
        name: the name of the scenario.
        shown: how problems name the file.
        path: the file, None for a text without one.
        override: a file of samples that replaces that of the scenario.
        variant: the name of the variant.
        settings: values that are other than in the text; its chapters and variants are left out then, and figures that
            are no longer possible.

    Raises:
        ScenarioError: with every problem that was found.
    """
    # Positions count lines as editors do, and tomllib counts them so too.
    text = text.replace("\r\n", "\n")
    content = toml(text, shown)
    content, places = applied(content, settings, variant) if settings else (content, [])
    report = Report(text, shown, {place: settings.text_of([key]) for place, key in places})
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        report.extend(messages.violations(details[:MAX_FINDINGS]))
    parts = whole(scenario) if scenario is not None else pieces(content)
    report.extend(broken_rules(parts))
    # Here, since a file without samples needs no NumPy.
    from retrograde.engine.scenario.sample_checking import checked_samples
    from retrograde.engine.scenario.scaling import finish

    checked = None
    if parts.data is not None and not report.too_large:
        checked = checked_samples(parts, parts.data, report, path, override)
    if scenario is None or report.broken:
        raise report.error()
    # One-hot rows take memory, and only a scenario without a problem is known to fit.
    dataset = None
    if checked is not None:
        scenario = scenario.model_copy(update={"data": checked.data})
        if checked.samples is not None:
            dataset = finish(checked.samples, checked.data, parts.positions, checked.held)
    _check_variants(scenario, parts, report, None if dataset is None else len(dataset))
    if checked is not None:
        numbers = None if checked.samples is None else checked.samples.numbers
        scenario = with_starts(scenario, parts, checked.file, numbers, report)
    if not report.broken:
        scenario = with_weights(scenario, parts, path, None if dataset is None else len(dataset), report)
    if report.broken:
        raise report.error()
    chosen = next((n for n, one in enumerate(scenario.variants) if one.name == variant), None)
    if variant is not None:
        try:
            scenario = scenario.varied(variant)
        except EngineError as error:
            raise ScenarioError([Problem(path=shown, message=str(error))]) from error
    if settings:
        gone = report.impossible if variant is None else ()
        expect = tuple(one for number, one in enumerate(scenario.expect) if number not in gone)
        scenario = scenario.model_copy(update={"chapter": (), "variants": (), "expect": expect})
    return scenario.completed().sourced(
        name=name,
        path=path,
        data_path=None if checked is None else checked.file,
        dataset=dataset,
        warnings=report.warnings(chosen),
    )


def _check_variants(scenario: Scenario, parts: Parts, report: Report, count: int | None) -> None:
    """Check the training of every variant, with so many samples, as if it stood in ``[training]``."""
    names: set[str] = set()
    for number, variant in enumerate(scenario.variants):
        if variant.name in names:
            message = _("two variants are called {name}").format(name=variant.name)
            report.add(Violation(path=("variants", number, "name"), message=message))
        names.add(variant.name)
        found: list[Violation] = []
        try:
            training = Training.model_validate(variant.table(scenario.training))
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                detail["loc"] = ("training", *detail["loc"])
            found += messages.violations(details)
        else:
            varied = replace(parts, training=training)
            found += training_rules(varied)
            if count is not None:
                found += sample_rules(varied, count)
        report.extend(one.below("variants", number) for one in found if one.path[0] == "training")
