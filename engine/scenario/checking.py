"""A text becomes a checked scenario: types, rules, samples, variants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from retrograde.engine.errors import EngineError, KeyPath, Problem, ScenarioError, Violation
from retrograde.engine.scenario.messages import hollow, violation
from retrograde.engine.scenario.models import Data, Scenario
from retrograde.engine.scenario.pieces import MAX_FINDINGS, pieces, whole
from retrograde.engine.scenario.reading import data_file, toml
from retrograde.engine.scenario.report import Report
from retrograde.engine.scenario.rules.all import broken_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.size import sample_rules
from retrograde.engine.scenario.rules.training import training_rules
from retrograde.engine.scenario.training import Training
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.dataset import Samples


def parse(text: str, shown: str, path: Path | None, override: Path | None, variant: str | None = None) -> Scenario:
    """Return the scenario that a text describes, or a variant of it, complete and with its samples.

    Args:
        text: the text of the file.
        shown: how problems name the file.
        path: the file, None for a text without one.
        override: a file of samples that replaces that of the scenario.
        variant: the name of the variant.

    Raises:
        ScenarioError: with every problem that was found.
    """
    # Positions count lines as editors do, and tomllib counts them so too.
    text = text.replace("\r\n", "\n")
    content = toml(text, shown)
    report = Report(text, shown)
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        report.extend(violation(detail) for detail in details[:MAX_FINDINGS] if not hollow(detail))
    parts = whole(scenario) if scenario is not None else pieces(content)
    report.extend(broken_rules(parts))
    if not report.too_large:
        _samples(scenario, parts, report, path, override)
    if scenario is not None and not report.broken:
        _check_variants(scenario, parts, report)
    report.fail()
    if scenario is None:
        raise AssertionError("an invalid scenario without a problem")
    if variant is not None:
        try:
            scenario = scenario.varied(variant)
        except EngineError as error:
            raise ScenarioError([Problem(path=shown, message=str(error))]) from error
    return scenario.completed()


def _check_variants(scenario: Scenario, parts: Parts, report: Report) -> None:
    """Check the training of every variant as if it stood in ``[training]``."""
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
            for detail in error.errors(include_url=False):
                detail["loc"] = ("training", *detail["loc"])
                found.append(violation(detail))
        else:
            varied = replace(parts, training=training)
            found += training_rules(varied)
            if scenario._dataset is not None:
                found += sample_rules(varied, len(scenario._dataset[1].inputs))
        report.extend(
            replace(finding, path=("variants", number, *finding.path))
            for finding in found
            if finding.path[0] == "training"
        )


def _samples(scenario: Scenario | None, parts: Parts, report: Report, path: Path | None, override: Path | None) -> None:
    """Read the samples, check them, and leave them with the scenario."""
    data = parts.data
    if data is None:
        return
    file: Path | None = None
    samples: Samples | None = None
    if data.file is None:
        if override is not None:
            message = _("the samples are inline: there is no file that {file} could replace")
            report.add(Violation(path=("data",), message=message.format(file=override)))
        samples = _inline_samples(parts, data, report)
    else:
        shown = str(Path(report.shown).parent / data.file if override is None else override)
        try:
            file = override if override is not None else data_file(data, path)
            samples = _file_samples(parts, data, report, file, shown)
        except ScenarioError as error:
            report.problems += error.problems
        except EngineError as error:
            report.add(Violation(path=("data", "file"), message=str(error)))
    # One-hot rows take memory, and only a scenario without a problem is known to fit.
    if scenario is not None and samples is not None and not report.broken:
        from retrograde.engine.scenario.scaling import finish

        scenario._dataset = (data, finish(samples, data, parts.positions))
        scenario._data_path = file


def _inline_samples(parts: Parts, data: Data, report: Report) -> Samples | None:
    """Return the samples of the scenario itself; inputs and targets are checked apart from each other."""
    from retrograde.engine.scenario.inline import inline_samples, lengths_array, targets_array
    from retrograde.engine.scenario.samples import goal_faults, index_faults, length_faults

    steps = parts.steps or 0
    if data.text is not None:
        if report.concerns("data") or not steps:
            return None
        return inline_samples(data, steps, indices=parts.vocabulary is not None)
    if data.lengths is not None and not report.concerns("data", "lengths"):
        for fault in length_faults(lengths_array(data), parts.steps):
            report.add(Violation(path=("data", "lengths", fault.row), message=fault.message))
    if data.targets is not None and not report.concerns("data", "targets"):
        goals = parts.goals or ()
        for fault in goal_faults(targets_array(data), goals, data.classes, parts.positions, lengths_array(data)):
            place: KeyPath = ("data", "targets", fault.row)
            if fault.column is not None and (data.classes is None or isinstance(data.targets[0], tuple)):
                place = (*place, fault.column)
            report.add(Violation(path=place, message=fault.message))
    given = (data.inputs is not None or parts.inputs == 0) and (data.targets is not None or parts.outputs == 0)
    if not given or report.concerns("data"):
        return None
    samples = inline_samples(data)
    for fault in index_faults(samples.inputs, parts.vocabulary):
        report.add(Violation(path=("data", "inputs", fault.row, fault.column or 0), message=fault.message))
    _check_scaling(samples, data, report)
    return samples


def _file_samples(parts: Parts, data: Data, report: Report, file: Path, shown: str) -> Samples | None:
    """Return the samples of a file."""
    from retrograde.engine.scenario.data import read_samples
    from retrograde.engine.scenario.samples import goal_faults, index_faults, length_faults, shape_faults

    if report.concerns("data"):
        return None
    samples = read_samples(data, file, shown, targets=parts.outputs != 0)
    report.extend(sample_rules(parts, len(samples.inputs)))
    misfits = list(shape_faults(samples, data, parts.inputs, parts.outputs, parts.positions))
    for fault in misfits:
        key = "file"
        if samples.lines is not None:
            key = "input_columns" if fault.of == "inputs" else "target_columns"
        report.add(Violation(path=("data", key), message=fault.message))
    if not any(fault.of == "targets" for fault in misfits):
        for fault in (
            *goal_faults(samples.targets, parts.goals or (), data.classes, parts.positions, samples.lengths),
            *length_faults(samples.lengths, parts.steps),
            *index_faults(samples.inputs, parts.vocabulary),
        ):
            line = None if samples.lines is None else int(samples.lines[fault.row])
            message = _("row {row}: {message}").format(row=int(samples.numbers[fault.row]), message=fault.message)
            report.problems.append(Problem(path=shown, line=line, key=f"data.{fault.of}", message=message))
    _check_scaling(samples, data, report)
    return samples


def _check_scaling(samples: Samples, data: Data, report: Report) -> None:
    from retrograde.engine.scenario.scaling import scaled

    try:
        scaled(samples.inputs, data)
    except EngineError as error:
        key = "divide_inputs_by" if data.divide_inputs_by is not None else "standardise"
        report.add(Violation(path=("data", key), message=str(error)))
