"""The samples of a scenario: read, and checked against its network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, Problem, ScenarioError, Violation
from retrograde.engine.scenario.data import read_samples
from retrograde.engine.scenario.inline import inline_samples, lengths_array, mask_array, targets_array, windows_size
from retrograde.engine.scenario.limits import MAX_DATA_BYTES
from retrograde.engine.scenario.models import Data
from retrograde.engine.scenario.reading import data_file
from retrograde.engine.scenario.report import Report
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.samples import (
    counted,
    goal_rules,
    index_rules,
    length_rules,
    mask_rules,
    range_rules,
    width_rules,
)
from retrograde.engine.scenario.rules.size import sample_rules
from retrograde.engine.scenario.scaling import scaled
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.dataset import Samples


def checked_samples(
    parts: Parts, data: Data, report: Report, path: Path | None, override: Path | None
) -> tuple[Path | None, Samples | None]:
    """Read the samples and check them; return their file and what could be read."""
    if data.file is None:
        if override is not None:
            message = _("the samples are inline: there is no file that {file} could replace")
            report.add(Violation(path=("data",), message=message.format(file=override)))
        return None, _inline_samples(parts, data, report)
    shown = str(Path(report.shown).parent / data.file if override is None else override)
    try:
        file = override if override is not None else data_file(data, path)
        return file, _file_samples(parts, data, report, file, shown)
    except ScenarioError as error:
        report.problems += error.problems
    except EngineError as error:
        report.add(Violation(path=("data", "file"), message=str(error)))
    return None, None


def _inline_samples(parts: Parts, data: Data, report: Report) -> Samples | None:
    """Return the samples of the scenario itself; inputs and targets are checked apart from each other."""
    steps = parts.steps or 0
    if data.text is not None:
        indices = parts.vocabulary is not None
        if report.concerns("data") or not steps or windows_size(data, steps, indices=indices) > MAX_DATA_BYTES:
            return None
        return inline_samples(data, steps, indices=indices)
    if data.lengths is not None and not report.concerns("data", "lengths"):
        report.extend(fault.below("data") for fault in length_rules(lengths_array(data), parts.steps))
    if data.mask is not None and not report.concerns("data", "mask"):
        report.extend(fault.below("data") for fault in mask_rules(mask_array(data), parts.steps))
    if data.targets is not None and not report.concerns("data", "targets"):
        goals = parts.goals or ()
        targets, mask = targets_array(data), None if report.concerns("data", "mask") else mask_array(data)
        counts, ignore = counted(lengths_array(data), mask, parts.steps), _ignored(parts)
        for fault in (
            *goal_rules(targets, goals, data.classes, parts.positions, counts, ignore),
            *(range_rules(targets, parts) if data.classes is None else ()),
        ):
            # A list of class indices has no columns.
            path = fault.path if data.classes is None or isinstance(data.targets[0], tuple) else fault.path[:2]
            report.add(replace(fault, path=("data", *path)))
    given = (data.inputs is not None or parts.inputs == 0) and (data.targets is not None or parts.outputs == 0)
    if not given or report.concerns("data"):
        return None
    samples = inline_samples(data)
    report.extend(fault.below("data") for fault in index_rules(samples.inputs, parts.vocabulary))
    _check_scaling(samples, data, report)
    return samples


def _file_samples(parts: Parts, data: Data, report: Report, file: Path, shown: str) -> Samples | None:
    """Return the samples of a file."""
    if report.concerns("data"):
        return None
    samples = read_samples(data, file, shown, targets=parts.outputs != 0)
    report.extend(sample_rules(parts, len(samples.inputs)))
    misfits = list(width_rules(samples, data, parts.inputs, parts.outputs, parts.positions))
    for fault in misfits:
        key = "file"
        if samples.lines is not None:
            key = "input_columns" if fault.path == ("inputs",) else "target_columns"
        report.add(Violation(path=("data", key), message=fault.message))
    if all(fault.path != ("targets",) for fault in misfits):
        counts = counted(samples.lengths, samples.mask, parts.steps)
        for fault in (
            *goal_rules(samples.targets, parts.goals or (), data.classes, parts.positions, counts, _ignored(parts)),
            *(range_rules(samples.targets, parts) if data.classes is None else ()),
            *length_rules(samples.lengths, parts.steps),
            *mask_rules(samples.mask, parts.steps),
            *index_rules(samples.inputs, parts.vocabulary),
        ):
            of, row = fault.path[0], int(fault.path[1])
            line = None if samples.lines is None else int(samples.lines[row])
            message = _("row {row}: {message}").format(row=int(samples.numbers[row]), message=fault.message)
            report.problems.append(
                Problem(path=shown, line=line, key=f"data.{of}", message=message, warning=fault.warning)
            )
    _check_scaling(samples, data, report)
    return samples


def _ignored(parts: Parts) -> int | None:
    """The class index that has no loss."""
    return None if parts.loss is None else parts.loss.ignore_index


def _check_scaling(samples: Samples, data: Data, report: Report) -> None:
    try:
        scaled(samples.inputs, data)
    except EngineError as error:
        key = "divide_inputs_by" if data.divide_inputs_by is not None else "standardise"
        report.add(Violation(path=("data", key), message=str(error)))
