"""The samples of a scenario: read, and checked against its network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError, Problem, ScenarioError, Violation
from retrograde.engine.scenario.data import read_samples, stated
from retrograde.engine.scenario.data_table import Data
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.holding_out import split
from retrograde.engine.scenario.inline import inline_samples, lengths_array, mask_array, targets_array, windows_size
from retrograde.engine.scenario.limits import MAX_DATA_BYTES
from retrograde.engine.scenario.reading import data_file
from retrograde.engine.scenario.report import Report
from retrograde.engine.scenario.rules.data import class_rules
from retrograde.engine.scenario.rules.nested_shapes import flat_rows
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.samples import (
    index_rules,
    length_rules,
    mask_rules,
    range_rules,
    sample_goal_rules,
    width_rules,
)
from retrograde.engine.scenario.rules.size import most_samples, sample_rules, training_count
from retrograde.engine.scenario.scaling import scaled, scaled_targets
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The samples of a scenario that were read and checked.

    Attributes:
        data: the `[data]` table with the classes that were inferred.
        file: the file of the samples; None where they are inline or could not be read.
        samples: the samples to train with; None where they could not be read.
        held: those that are held out.
    """

    data: Data
    file: Path | None = None
    samples: Samples | None = None
    held: Samples | None = None


def checked_samples(parts: Parts, data: Data, report: Report, path: Path | None, override: Path | None) -> Checked:
    """Read the samples and check them."""
    file, samples = None, None
    if data.file is None:
        if override is not None:
            message = _("the samples are inline: there is no file that {file} could replace")
            report.add(Violation(path=("data",), message=message.format(file=override)))
        samples = _inline_samples(parts, data, report)
    else:
        file, samples = _samples_of_file(parts, data, report, path, override)
    if samples is not None:
        samples = replace(samples, ignore=_ignored(parts))
        data = _with_classes(parts, data, samples, report)
    held = None
    if parts.held_out is not None and samples is not None and not report.broken:
        if parts.held_out.share is not None:
            samples, held = split(samples, parts.held_out)
        else:
            held = _held_out(parts, parts.held_out.table(data), report, path, file)
    if samples is not None and not report.broken:
        _check_scaling(samples, data, report)
    return Checked(data=data, file=file, samples=samples, held=held)


def _samples_of_file(
    parts: Parts, data: Data, report: Report, path: Path | None, override: Path | None
) -> tuple[Path | None, Samples | None]:
    """Return the file of samples, and what could be read of it."""
    shown = str(Path(report.shown).parent / (data.file or "") if override is None else override)
    try:
        file = override if override is not None else data_file(data.file or "", path)
        return file, _file_samples(parts, data, report, file, shown, path)
    except ScenarioError as error:
        report.problems += error.problems
    except EngineError as error:
        report.add(Violation(path=("data", "file"), message=str(error)))
    return None, None


def _with_classes(parts: Parts, data: Data, samples: Samples, report: Report) -> Data:
    """Return the `[data]` table with the classes that words among the targets are, and check that they fit."""
    if not samples.labels:
        return data
    found = stated(data, samples)
    if data.class_total is None:
        report.extend(class_rules(parts, found))
    elif data.class_total != len(samples.labels):
        message = _("{classes} classes, but the samples have {count}")
        text = message.format(classes=data.class_total, count=len(samples.labels))
        report.add(Violation(path=("data", "classes"), message=text))
    return found


def _held_out(parts: Parts, table: Data, report: Report, path: Path | None, file: Path | None) -> Samples | None:
    """Return the samples that are held out and not a share of the others."""
    shown = str(Path(report.shown).parent / (table.file or ""))
    try:
        where = None
        if table.file is not None:
            own = parts.held_out is not None and parts.held_out.file is not None
            where = data_file(table.file, path) if own or file is None else file
        target_path = None if table.target_file is None else data_file(table.target_file, path)
        held = read_samples(
            table,
            where,
            shown,
            targets=parts.outputs != 0,
            target_path=target_path,
            input_shape=parts.input_shape,
            most=most_samples(parts),
        )
    except ScenarioError as error:
        report.problems += error.problems
    except EngineError as error:
        report.add(Violation(path=("held_out", "file"), message=str(error)))
    else:
        _check(parts, table, report, held, shown, table="held_out")
        return replace(held, ignore=_ignored(parts))
    return None


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
    if data.targets is not None and not report.concerns("data", "targets") and _rectangular(data.targets):
        targets = targets_array(data)
        samples = Samples(
            inputs=np.zeros((len(targets), 0)),
            targets=_scaled_for_rules(targets, data),
            numbers=np.arange(1, len(targets) + 1),
            lengths=lengths_array(data),
            mask=None if report.concerns("data", "mask") else mask_array(data),
            ignore=_ignored(parts),
            first=data.first_class,
        )
        for fault in (
            *sample_goal_rules(samples, data, parts.goals or (), parts.positions),
            *(range_rules(samples.targets, parts) if data.class_count is None else ()),
        ):
            # A list of class indices has no columns, and nested lists have others.
            row = data.targets[0]
            plain = isinstance(row, tuple) and not (row and isinstance(row[0], tuple))
            path = fault.path if plain else fault.path[:2]
            report.add(replace(fault, path=("data", *path)))
    given = (data.inputs is not None or parts.inputs == 0) and (data.targets is not None or parts.outputs == 0)
    if not given or report.concerns("data"):
        return None
    samples = read_samples(data, None, input_shape=parts.input_shape)
    if not len(samples):
        report.add(Violation(path=("data", "missing"), message=_("every row has a value that is missing")))
        return None
    if data.inputs is not None:
        misfits = width_rules(samples, data, None, None, None, parts.input_shape)
        report.extend(fault.below("data") for fault in misfits if fault.path == ("inputs",))
    report.extend(fault.below("data") for fault in index_rules(samples.inputs, parts.vocabulary))
    return samples


def _rectangular(rows: Any) -> bool:
    return len({len(row) if isinstance(row, list) else -1 for row in flat_rows(rows)}) == 1


def _scaled_for_rules(targets: NDArray[np.float64], data: Data) -> NDArray[np.float64]:
    """Return targets as the losses will have them, for what the losses demand."""
    try:
        return scaled_targets(targets, data, targets)
    except EngineError:
        return targets  # which is reported where they are scaled


def _file_samples(
    parts: Parts, data: Data, report: Report, file: Path, shown: str, path: Path | None
) -> Samples | None:
    """Return the samples of a file."""
    if report.concerns("data"):
        return None
    samples = read_samples(
        data,
        file,
        shown,
        targets=parts.outputs != 0,
        target_path=None if data.target_file is None else data_file(data.target_file, path),
        input_shape=parts.input_shape,
        most=most_samples(parts),
    )
    report.extend(sample_rules(parts, training_count(parts, len(samples))))
    _check(parts, stated(data, samples), report, samples, shown)
    return samples


def _check(parts: Parts, data: Data, report: Report, samples: Samples, shown: str, table: str = "data") -> None:
    """Note what is wrong with samples that were read."""
    misfits = list(width_rules(samples, data, parts.inputs, parts.outputs, parts.positions, parts.input_shape))
    for fault in misfits:
        key = "file" if table == "data" else ""
        if samples.lines is not None and table == "data":
            key = "input_columns" if fault.path == ("inputs",) else "target_columns"
        report.add(Violation(path=(table, key) if key else (table,), message=fault.message))
    if any(fault.path == ("targets",) for fault in misfits):
        return
    compared = replace(samples, targets=_scaled_for_rules(samples.targets, data), ignore=_ignored(parts))
    for fault in (
        *sample_goal_rules(compared, data, parts.goals or (), parts.positions),
        *(range_rules(compared.targets, parts) if data.class_count is None else ()),
        *mask_rules(samples.mask, parts.steps),
        *length_rules(samples.lengths, parts.steps),
        *index_rules(samples.inputs, parts.vocabulary),
    ):
        of, row = fault.path[0], int(fault.path[1])
        line = None if samples.lines is None else int(samples.lines[row])
        message = _("row {row}: {message}").format(row=int(samples.numbers[row]), message=fault.message)
        report.problems.append(
            Problem(path=shown, line=line, key=f"{table}.{of}", message=message, warning=fault.warning)
        )


def _ignored(parts: Parts) -> int | None:
    """The class index that has no loss."""
    return None if parts.loss is None else parts.loss.ignore_index


def _check_scaling(samples: Samples, data: Data, report: Report) -> None:
    try:
        scaled(samples.inputs, data)
    except EngineError as error:
        keys = ("divide_inputs_by", "standardise", "scale_inputs")
        key = next((key for key in keys if getattr(data, key) not in {None, False}), "file")
        report.add(Violation(path=("data", key), message=str(error)))
    if data.class_total is None:
        try:
            scaled_targets(samples.targets, data, samples.targets)
        except EngineError as error:
            report.add(Violation(path=("data", "scale_targets"), message=str(error)))
