"""Samples that fit the network, and keys that belong to where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError, KeyPath, Violation
from retrograde.engine.scenario.limits import SUFFIXES
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.scenario.rules.nested_shapes import shape
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.sequences import text_rules
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data


_OF_CSV = ("skip_rows", "input_columns", "target_columns", "length_column", "mask_columns", "weight_column")
_OF_NPZ = ("input_key", "target_key", "length_key", "mask_key", "weight_key")
_OF_FILES = (*_OF_CSV, *_OF_NPZ, "rows")


def data_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Yield keys that do not belong to these samples, and samples that do not fit the network."""
    if ("data", "file") in parts.unknown:
        return
    if data.file is None:
        for key in _OF_FILES:
            if key in data.model_fields_set:
                message = _("{key} belongs to a file; there is no data.file")
                yield Violation(path=("data", key), message=message.format(key=key), key=True)
        yield from _inline_rules(parts, data)
    else:
        yield from _file_rules(parts, data)
    for key in ("input_columns", "target_columns", "mask_columns", "rows"):
        text = getattr(data, key)
        if text is not None:
            try:
                ranges(text)
            except EngineError as error:
                yield Violation(path=("data", key), message=str(error))
    if data.divide_inputs_by is not None:
        if data.divide_inputs_by == 0:
            yield Violation(path=("data", "divide_inputs_by"), message=_("inputs cannot be divided by 0"))
        if data.standardise:
            message = _("divide_inputs_by and standardise exclude each other")
            yield Violation(path=("data", "standardise"), message=message)
    yield from _sequence_rules(parts, data)
    yield from _class_rules(parts, data)


def _class_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Classes, and their names, are as many as there are outputs at each position."""
    outputs = parts.outputs
    if outputs is not None and parts.positions is not None:
        outputs //= parts.positions
    if data.classes is not None and outputs is not None and data.classes != outputs:
        message = _("{classes} classes, but the last layer has {units} units; they must be the same number")
        text = message.format(classes=data.classes, units=outputs)
        yield Violation(path=("data", "classes"), message=text)
    wanted = None if ("data", "classes") in parts.unknown else data.classes or outputs
    if data.class_names is not None and wanted is not None and len(data.class_names) != wanted:
        message = _("{found} names for {wanted} classes or outputs")
        text = message.format(found=len(data.class_names), wanted=wanted)
        yield Violation(path=("data", "class_names"), message=text)


def _sequence_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Lengths of sequences, and a text that stands for samples."""
    outputs, positions = parts.outputs, parts.positions
    if data.text is not None:
        units = None if outputs is None or positions is None else outputs // positions
        given, vocabulary = sorted(data.model_fields_set), parts.vocabulary
        inputs = parts.inputs if parts.whole_inputs else None
        for violation in text_rules(data.text, given, inputs, parts.input_shape, units, vocabulary):
            yield violation.below("data")
        if positions is not None and positions not in {1, parts.steps}:
            message = _("the text is read for {steps} steps, but the last layer has {found}")
            text = message.format(steps=parts.steps, found=positions)
            yield Violation(path=("data", "text"), message=text)
    elif data.stride is not None:
        yield Violation(path=("data", "stride"), message=_("stride belongs to text; there is no data.text"), key=True)
    yield from _counting_rules(parts, data)


_LENGTHS = ("lengths", "length_column", "length_key")
_MASKS = ("mask", "mask_columns", "mask_key")


def _counting_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Which steps of sequences count, and how much samples do."""
    given = [key for key in (*_LENGTHS, *_MASKS) if getattr(data, key) is not None]
    if given and parts.complete and None not in parts.forms and not _counts_steps(parts):
        message = _("{key} belongs to sequences; there is no recurrent layer, key_mask or loss that could read them")
        yield Violation(path=("data", given[0]), message=message.format(key=given[0]), key=True)
    if given and given[0] in _LENGTHS and given[-1] in _MASKS:
        message = _("{mask} says what counts step by step; drop it or {lengths}")
        yield Violation(path=("data", given[-1]), message=message.format(mask=given[-1], lengths=given[0]), key=True)
    for key in ("lengths", "mask", "sample_weights"):
        rows = getattr(data, key)
        if rows is not None and data.inputs is not None and len(rows) != len(data.inputs):
            message = _("{found} {key} for {inputs} rows of inputs")
            text = message.format(found=len(rows), key=key, inputs=len(data.inputs))
            yield Violation(path=("data", key), message=text)
    if data.mask is not None:
        yield from _row_rules(data.mask, parts.steps, ("data", "mask"), _("mask"), _("steps of the inputs"))


def _counts_steps(parts: Parts) -> bool:
    """Whether a layer or a loss reads which steps count."""
    if any(layer is None or layer.sequential or getattr(layer, "key_mask", False) for layer in parts.layers):
        return True
    for loss in (parts.loss, *parts.losses):
        number = None if loss is None else parts.number(loss.layer)
        form = None if number is None else parts.forms[number]
        if form is not None and parts.steps in {form.steps or None, form.shape[0] if len(form.shape) > 1 else None}:
            return True
    return False


def _file_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    name = (data.file or "").lower()
    for key in ("inputs", "targets", "lengths", "mask", "sample_weights"):
        if key in data.model_fields_set:
            message = _("samples are inline or in a file, not both; drop {key} or file")
            yield Violation(path=("data", key), message=message.format(key=key), key=True)
    if not name.endswith(SUFFIXES):
        message = _("{file} is not a kind of file that is read: {kinds}")
        text = message.format(file=data.file, kinds=", ".join(SUFFIXES))
        yield Violation(path=("data", "file"), message=text)
        return
    table = not name.endswith(".npz")
    for key in _OF_NPZ if table else _OF_CSV:
        if key in data.model_fields_set:
            message = (
                _("{key} belongs to CSV files; this is an NPZ file")
                if not table
                else _("{key} belongs to NPZ files; this is a CSV file")
            )
            yield Violation(path=("data", key), message=message.format(key=key), key=True)
    if parts.inputs == 0:
        message = _("no layer reads inputs, so there are none to be read from a file")
        yield Violation(path=("data", "file"), message=message)
    elif parts.outputs == 0:
        for key in ("target_columns", "target_key"):
            if getattr(data, key) is not None:
                message = _("the loss is the value of an output itself: there are no targets")
                yield Violation(path=("data", key), message=message, key=True)
    if table:
        for key, width in (("input_columns", parts.inputs), ("target_columns", parts.outputs)):
            if getattr(data, key) is None and ("data", key) not in parts.unknown and width != 0:
                message = _('missing: which columns of the file, from 1, such as {key} = "1-4"')
                yield Violation(path=("data", key), message=message.format(key=key), key=True)


def _inline_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    if not data.model_fields_set and parts.inputs != 0 and parts.outputs != 0:
        yield Violation(path=("data",), message=_("missing: the table [{name}]").format(name="data"))
        return
    for key, width in (("inputs", parts.inputs), ("targets", parts.outputs)):
        missing = getattr(data, key) is None and ("data", key) not in parts.unknown and data.text is None
        if width != 0 and missing:
            message = _("missing: a row per sample, or a file of samples in data.file")
            yield Violation(path=("data", key), message=message, key=True)
    if parts.outputs == 0 and data.targets is not None:
        message = _("the loss is the value of an output itself: there are no targets")
        yield Violation(path=("data", "targets"), message=message, key=True)
        return
    if data.inputs is not None:
        if not data.inputs:
            yield Violation(path=("data", "inputs"), message=_("there are no samples; at least one is needed"))
        yield from _row_rules(data.inputs, parts.input_width, ("data", "inputs"), _("inputs"), _("network.inputs"))
    if data.targets is not None:
        yield from _target_rules(parts, data, data.targets)


def _target_rules(parts: Parts, data: Data, targets: Sequence[Any]) -> Iterator[Violation]:
    """Targets that are there: as many as inputs, and rows or class indices as the table says."""
    if data.inputs is not None and len(data.inputs) != len(targets):
        message = _("{targets} rows of targets for {inputs} rows of inputs")
        text = message.format(targets=len(targets), inputs=len(data.inputs))
        yield Violation(path=("data", "targets"), message=text)
    flat = bool(targets) and not isinstance(targets[0], tuple)
    unsure = ("data", "classes") in parts.unknown or (data.classes is not None and parts.positions is None)
    if not targets or unsure:
        if not flat:
            yield from _row_rules(targets, None, ("data", "targets"), _("targets"), "")
    elif data.classes is not None:
        if (parts.positions or 1) > 1:
            rows = [row if isinstance(row, tuple) else (row,) for row in targets]
            meaning = _("class indices, one a step")
            yield from _row_rules(rows, parts.positions, ("data", "targets"), _("targets"), meaning)
        elif not flat:
            message = _("with classes, targets are a list of class indices such as [0, 2, 1]")
            yield Violation(path=("data", "targets"), message=message)
    elif flat:
        message = _("a row per sample is needed, such as [[0.1], [0.9]]; for class indices give classes")
        yield Violation(path=("data", "targets"), message=message)
    else:
        meaning = _("units of the layers that have a loss") if parts.losses else _("units of the last layer")
        yield from _row_rules(targets, parts.outputs, ("data", "targets"), _("targets"), meaning)


def _row_rules(rows: Sequence[Any], wanted: int | None, path: KeyPath, what: str, meaning: str) -> Iterator[Violation]:
    widths = {len(row) for row in rows}
    if wanted is None:
        if len(widths) > 1:
            message = _("{what} of {found}: every row needs the same length")
            yield Violation(path=path, message=message.format(what=what, found=shape(rows)))
    elif len(widths) == 1 and wanted not in widths:
        message = _("{what} of {found} where the network needs {count}×{wanted} ({meaning})")
        text = message.format(what=what, found=shape(rows), count=len(rows), wanted=wanted, meaning=meaning)
        yield Violation(path=path, message=text)
    else:
        message = _("row {row} has the width {found} where {wanted} is needed ({meaning})")
        for number, row in enumerate(rows):
            if len(row) != wanted:
                text = message.format(row=number + 1, found=len(row), wanted=wanted, meaning=meaning)
                yield Violation(path=(*path, number), message=text)
