"""Samples that fit the network, and keys that belong to where they come from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError, KeyPath, Violation
from retrograde.engine.layers.base import RANGES
from retrograde.engine.scenario.limits import SUFFIXES
from retrograde.engine.scenario.ranges import ranges
from retrograde.engine.scenario.rules.nested_shapes import axes, flat_rows, nested_shape, shape
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.sequences import text_rules
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data


_NAMES = {"text": "CSV", "parquet": "Parquet", "npy": "NPY", "npz": "NPZ", "folder": "PNG"}
_TABLES = ("text", "parquet", "npy")
_OF_KINDS = {
    "skip_rows": ("text",),
    "separator": ("text",),
    "decimal": ("text",),
    "heading": ("text",),
    "input_columns": _TABLES,
    "target_columns": _TABLES,
    "length_column": _TABLES,
    "mask_columns": _TABLES,
    "weight_column": _TABLES,
    "input_key": ("npz",),
    "target_key": ("npz",),
    "length_key": ("npz",),
    "mask_key": ("npz",),
    "weight_key": ("npz",),
    "target_file": ("npy",),
    "layout": ("text", "parquet", "npy", "npz"),
}
"""The kinds of files that a key belongs to."""
_OF_FILES = (*(key for key in _OF_KINDS if key != "layout"), "rows")


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
    for key in ("input_columns", "target_columns", "rows"):
        text = getattr(data, key)
        # Whether there are columns of other names, only the file can say.
        if isinstance(text, str) and re.fullmatch(RANGES, text):
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
    yield from _scale_rules(parts, data)
    if data.layout == "NHWC" and parts.inputs and (parts.input_shape is None or len(parts.input_shape) != 3):
        message = _("NHWC belongs to images with channels: network.input_shape = [channels, rows, columns]")
        yield Violation(path=("data", "layout"), message=message)
    yield from _sequence_rules(parts, data)
    yield from class_rules(parts, data)


def _scale_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Scales that divide by nothing, that are not as many as there are columns, or that are stated twice."""
    if data.scale_inputs is not None:
        for key in ("standardise", "divide_inputs_by"):
            if getattr(data, key) not in {None, False}:
                message = _("{key} and scale_inputs exclude each other").format(key=key)
                yield Violation(path=("data", key), message=message)
    if data.scale_targets is not None and data.class_total is not None:
        message = _("classes are not scaled; drop scale_targets")
        yield Violation(path=("data", "scale_targets"), message=message, key=True)
    for key, width in (("scale_inputs", parts.inputs), ("scale_targets", parts.outputs)):
        scales = getattr(data, key)
        if isinstance(scales, tuple) and width is not None and len(scales) != width:
            message = _("{found} scales for {wanted} columns").format(found=len(scales), wanted=width)
            yield Violation(path=("data", key), message=message)
        for number, scale in enumerate(scales if isinstance(scales, tuple) else (scales,)):
            if isinstance(scale, float) and not (scale and math.isfinite(scale)):
                path = ("data", key, number) if isinstance(scales, tuple) else ("data", key)
                yield Violation(path=path, message=_("columns cannot be divided by {scale}").format(scale=scale))
    if data.divide_inputs_by is not None and not math.isfinite(data.divide_inputs_by):
        message = _("{found} is not finite; give a number of ordinary size").format(found=data.divide_inputs_by)
        yield Violation(path=("data", "divide_inputs_by"), message=message)


def class_rules(parts: Parts, data: Data) -> Iterator[Violation]:
    """Classes, and their names, are as many as there are outputs at each position."""
    outputs = parts.outputs
    if outputs is not None and parts.positions is not None:
        outputs //= parts.positions
    classes = data.class_total
    if isinstance(data.classes, tuple) and len(set(data.classes)) < len(data.classes):
        twice = next(name for name in data.classes if data.classes.count(name) > 1)
        yield Violation(path=("data", "classes"), message=_("two classes are called {name}").format(name=repr(twice)))
    if classes is not None and outputs is not None and data.labels == "one_hot" and classes != outputs:
        message = _("{classes} classes, but the last layer has {units} units; they must be the same number")
        if outputs == 1 and classes == 2:
            message += _('; one unit takes the index of the class with labels = "index"')
        text = message.format(classes=classes, units=outputs)
        yield Violation(path=("data", "classes"), message=text)
    wanted = None if ("data", "classes") in parts.unknown else classes or outputs
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
    for key in ("inputs", "targets", "lengths", "mask", "sample_weights"):
        if key in data.model_fields_set:
            message = _("samples are inline or in a file, not both; drop {key} or file")
            yield Violation(path=("data", key), message=message.format(key=key), key=True)
    kind = kind_of(data.file or "")
    if kind is None:
        message = _("{file} is not a kind of file that is read: {kinds}, or a folder of PNG images")
        text = message.format(file=data.file, kinds=", ".join(SUFFIXES))
        yield Violation(path=("data", "file"), message=text)
        return
    for key, kinds in _OF_KINDS.items():
        if key in data.model_fields_set and kind not in kinds:
            message = _("{key} belongs to {kinds} files; this is {kind}")
            named = " / ".join(_NAMES[one] for one in kinds)
            text = message.format(key=key, kinds=named, kind=_NAMES[kind])
            yield Violation(path=("data", key), message=text, key=True)
    if parts.inputs == 0:
        message = _("no layer reads inputs, so there are none to be read from a file")
        yield Violation(path=("data", "file"), message=message)
    yield from _needed_rules(parts, data, kind)


def kind_of(name: str) -> str | None:
    """Return what kind of file a name is of; None where it is none that is read."""
    lower = name.lower()
    if lower.endswith((".npz", ".npy", ".parquet")):
        return lower.rpartition(".")[2]
    if lower.endswith(SUFFIXES):
        return "text"
    return "folder" if lower.endswith("/") or not PurePath(name).suffix else None


def _needed_rules(parts: Parts, data: Data, kind: str) -> Iterator[Violation]:
    """Yield the keys without which it is open what the samples of a file are."""
    if kind == "npy" and data.input_columns is None and ("data", "input_columns") not in parts.unknown:
        if data.target_file is None and parts.outputs != 0 and ("data", "target_file") not in parts.unknown:
            message = _('missing: the file of the targets, or which columns are what, such as input_columns = "1-4"')
            yield Violation(path=("data", "target_file"), message=message, key=True)
        return
    if kind == "npy" and data.target_file is not None:
        message = _("target_file and input_columns exclude each other")
        yield Violation(path=("data", "target_file"), message=message, key=True)
        return
    if kind in {"text", "parquet", "npy"}:
        for key, width in (("input_columns", parts.inputs), ("target_columns", parts.outputs)):
            if getattr(data, key) is None and ("data", key) not in parts.unknown and width != 0:
                message = _('missing: which columns of the file, from 1 or by name, such as {key} = "1-4"')
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
    samples = "targets" if data.inputs is None else "inputs"
    if getattr(data, samples) == ():
        yield Violation(path=("data", samples), message=_("there are no samples; at least one is needed"))
    if data.inputs is not None:
        yield from _depth_rules(data.inputs, ("data", "inputs"))
        rows = flat_rows(data.inputs)
        yield from _row_rules(rows, parts.input_width, ("data", "inputs"), _("inputs"), _("network.inputs"))
    if data.targets is not None:
        yield from _target_rules(parts, data, data.targets)
    for key in ("inputs", "targets"):
        yield from _finite_rules(data, getattr(data, key), ("data", key))


def _target_rules(parts: Parts, data: Data, targets: Sequence[Any]) -> Iterator[Violation]:
    """Targets that are there: as many as inputs, and rows or class indices as the table says."""
    if data.inputs is not None and len(data.inputs) != len(targets):
        message = _("{targets} rows of targets for {inputs} rows of inputs")
        text = message.format(targets=len(targets), inputs=len(data.inputs))
        yield Violation(path=("data", "targets"), message=text)
    flat = bool(targets) and not isinstance(targets[0], tuple)
    unsure = ("data", "classes") in parts.unknown or (data.class_total is not None and parts.positions is None)
    if not targets or unsure:
        if not flat:
            yield from _row_rules(flat_rows(targets), None, ("data", "targets"), _("targets"), "")
    elif data.class_total is not None:
        if (parts.positions or 1) > 1:
            rows = [row if isinstance(row, tuple) else (row,) for row in targets]
            rows = flat_rows(rows)
            meaning = _("class indices, one a step")
            yield from _row_rules(rows, parts.positions, ("data", "targets"), _("targets"), meaning)
        elif not flat:
            message = _("with classes, targets are a list of class indices such as [0, 2, 1]")
            if all(sorted(row)[-2:] == [0, 1] and sum(row) == 1 for row in flat_rows(targets)):
                message += _("; where they are one-hot already, leave out classes")
            yield Violation(path=("data", "targets"), message=message)
    elif flat:
        message = _("a row per sample is needed, such as [[0.1], [0.9]]; for class indices give classes")
        yield Violation(path=("data", "targets"), message=message)
    else:
        meaning = _("units of the layers that have a loss") if parts.losses else _("units of the last layer")
        yield from _depth_rules(targets, ("data", "targets"))
        yield from _row_rules(flat_rows(targets), parts.outputs, ("data", "targets"), _("targets"), meaning)


def _depth_rules(rows: Sequence[Any], path: KeyPath) -> Iterator[Violation]:
    """Nested lists have the same axes in every sample; of rows the rules about widths say it."""
    found = [nested_shape(row) for row in rows]
    if all(one is None or len(one) == 1 for one in found) and not any(one is None for one in found):
        return
    for number, one in enumerate(found):
        if one is None or one != found[0]:
            message = _("row {row} has {found} numbers, the first has {wanted}")
            text = message.format(row=number + 1, found=axes(one), wanted=axes(found[0]))
            yield Violation(path=(*path, number), message=text)


def _finite_rules(data: Data, values: Any, path: KeyPath) -> Iterator[Violation]:
    """Yield numbers that are not finite, where no rule says what becomes of them."""
    if isinstance(values, tuple):
        for number, part in enumerate(values):
            if isinstance(part, tuple) or (isinstance(part, float) and not math.isfinite(part)):
                yield from _finite_rules(data, part, (*path, number))
    elif isinstance(values, float) and not math.isfinite(values):
        filled = data.missing == "drop" or (data.missing == "mean" and path[1] == "inputs")
        if data.missing != "keep" and not (math.isnan(values) and filled):
            message = _("{found} is not finite; give a number of ordinary size")
            yield Violation(path=path, message=message.format(found=values))


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
